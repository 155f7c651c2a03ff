"""Whether an index answers a query: of tables that are all but empty, the cheapest depends on what other tests left."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def only_index(name: str) -> Iterator[None]:
    """Let the planner know of one index of its table and of no other; to read the whole table is the last way."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid <> %(index)s::regclass "
            "AND indrelid = (SELECT indrelid FROM pg_index WHERE indexrelid = %(index)s::regclass)",
            {"index": name},
        )
        assert cursor.rowcount > 0
        yield
        transaction.set_rollback(True)


def plan_of(sql: str) -> str:
    """Return what PostgreSQL would do for a query."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}")
        return "\n".join(line for (line,) in cursor.fetchall())
