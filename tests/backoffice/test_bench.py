"""What the bench prints of pages is what the docs show of them."""

import pytest

from bench.plans import Plan, explain, told
from bench.seeded import pages_told

SCAN = {
    "Node Type": "Index Scan",
    "Relation Name": "payments_transaction",
    "Index Name": "transaction_by_decision",
    "Actual Total Time": 20.0,
    "Actual Rows": 40.0,
    "Actual Loops": 2,
    "Rows Removed by Filter": 3,
    "Shared Read Blocks": 1200,
}
SORT = {
    "Node Type": "Sort",
    "Actual Total Time": 100.0,
    "Actual Rows": 80.0,
    "Actual Loops": 1,
    "Sort Space Type": "Disk",
    "Sort Space Used": 6144,
    "Plans": [SCAN],
}


def measured(**pages):
    return {
        "transactions": 1_000_001,
        "seeded_in": 230.4,
        "pages": [
            {
                "name": name,
                "queries": queries,
                "p50": p50,
                "p95": p95,
                "slowest_ms": p50 / 2,
                "plan": {"reads": "payments_case", "nodes": "Limit: 1 rows (2 ms)"},
            }
            for name, (queries, p50, p95) in pages.items()
        ],
    }


def test_a_plan_says_what_it_read_and_where_its_own_time_went():
    assert told(SORT) == Plan(
        reads="payments_transaction",
        nodes="Sort: 80 rows, 6 MB spilled (60 ms); Index Scan of transaction_by_decision: 80 rows in 2 loops, "
        "6 filtered out, 1,200 pages read from disk (40 ms)",
    )


@pytest.mark.django_db
def test_a_query_is_explained_by_postgresql_itself():
    assert explain("SELECT count(*) FROM payments_case").reads == "payments_case"
    assert explain("UPDATE payments_case SET detail = detail") == Plan(reads="", nodes="")


def test_pages_are_told_as_the_docs_have_them():
    queues = {"queue: disputes": (9, 80, 90), "queue: a": (5, 20, 25), "queue: b": (7, 30, 310)}
    smaller, larger = measured(home=(6, 10, 12), **queues), measured(home=(7, 100, 120), **queues)

    lines = pages_told(smaller, larger)

    assert lines == [
        "1,000,001 transactions, seeded in 230 s; goal 300 ms",
        "",
        "| page | queries | p50 ms | p95 ms |",
        "|---|---|---|---|",
        "| home | 6 / 7 | 100 | 120 |",
        "| queue: disputes | 9 | 80 | 90 |",
        "| the 2 other queues | 5 to 7 | at most 30 | at most 310 |",
        "",
        "| page | its slowest query reads | where the time goes | ms |",
        "|---|---|---|---|",
        "| home | payments_case | Limit: 1 rows (2 ms) | 50 |",
        "| queue: disputes | payments_case | Limit: 1 rows (2 ms) | 40 |",
        "| queue: b | payments_case | Limit: 1 rows (2 ms) | 15 |",
        "| queue: a | payments_case | Limit: 1 rows (2 ms) | 10 |",
        "",
        "✗ above 300 ms: queue: b 310",
    ]
