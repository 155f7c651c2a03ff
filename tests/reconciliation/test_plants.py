"""Books of a thousand operations and the file that a gateway writes of them: whatever is wrong with it is found, named
and counted, and nothing else is.
"""

from collections import Counter
from unittest.mock import patch

from django.db.models import Q
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.volume.books import FAULTS, Books
from reconciliation import own_tables
from reconciliation.importing.columns import map_of
from reconciliation.models import LedgerConsumed, Match, SettlementBatch, SettlementLine
from reconciliation.services.drift import read_drift
from reconciliation.services.importing import source_for
from reconciliation.services.matching import look_for_missing
from tests.reconciliation.till import NOON, Till, till_of

BATCHES = 4


def came_to(till: Till) -> Counter[tuple]:
    """Count what became of the lines of an account, by the reference that each operation has in any file."""
    lines = SettlementLine.objects.filter(report__source__account=till.account)
    return Counter(
        lines.filter(Q(matches__undone_at=None)).values_list(
            "our_reference", "vendor_type", "batch__reference", "matches__rule", "matches__difference_minor"
        )
    ) + Counter(lines.exclude(discrepancies=None).values_list("our_reference", "discrepancies__kind"))


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    plants=st.fixed_dictionaries({kind: st.integers(0, 6) for kind in FAULTS}),
    unbalanced=st.integers(0, BATCHES - 1),
    seed=st.integers(1, 2**31),
)
def test_every_planted_fault_is_found_in_whatever_order_the_lines_come(payment, tmp_path, plants, unbalanced, seed):
    outcomes = []
    # The second time the file has tables of its own, which changes nothing either.
    for order, least_lines in ((0, own_tables.LEAST_LINES), (seed, 1)):
        till = till_of(payment)
        source = source_for(till.account.slug, now=NOON)
        books = Books(
            account=till.account,
            operations=1_000,
            plants=plants,
            begun_at=NOON,
            seed=seed,
            batches=BATCHES,
            unbalanced=unbalanced,
        )
        books.enter()
        path = tmp_path / f"{till.account.slug}.csv"
        column_map, _ = map_of(source)
        books.write(path, column_map, order=order)

        with patch.object(own_tables, "LEAST_LINES", least_lines):
            report = till.imports(path).report
        look_for_missing(source=source, now=books.settled_at)

        assert till.found() == books.found
        assert report.line_count == books.lines + 2 * BATCHES
        assert (report.first_line_id is None) == (least_lines > 1)
        assert LedgerConsumed.objects.filter(match__line__report=report).count() == books.settled_operations
        matched = Match.objects.filter(line__report=report).count()
        assert matched == report.line_count - plants["MISSING_HERE"] - plants["DUPLICATE"]
        states = Counter(SettlementBatch.objects.filter(source=source).values_list("state", flat=True))
        assert states == Counter(BALANCED=BATCHES - unbalanced, UNBALANCED=unbalanced)
        # Whatever is wrong with a file, every part of what is left at the gateway has a name.
        assert {reading.unexplained_minor for reading in read_drift(source=source, now=books.settled_at)} <= {0}
        outcomes.append(came_to(till))

    assert outcomes[0] == outcomes[1]
