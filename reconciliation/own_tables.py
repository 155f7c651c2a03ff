"""Give the lines of a large file, and their matches, tables of their own: partitions of those that have all of them.

What is written into a table without indexes, which are built when it is full, takes a third of the time. A partition
has a range of line ids, of which each such file has its own; so no line can be in two, nor have two matches.
"""

from django.db import connection
from psycopg.sql import SQL, Identifier

from reconciliation.models import SettlementReport

# For fewer, tables of their own cost more than they save: what names neither a line nor a file asks every one of them.
LEAST_LINES = 200_000
# How many ids a range has: as many as a file of 4 GiB, the largest that is taken, has bytes.
_RANGE = 2**32


def reserve_range(lines: int) -> int | None:
    """Return where a range of ids begins that no other line will ever be in; None for so few lines that need none."""
    if lines < LEAST_LINES:
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('reconciliation_line_range')")
        (number,) = cursor.fetchone()
    return int(number) * _RANGE


def range_of(report: SettlementReport | None) -> dict[str, int | None]:
    """Return between which ids the lines of a file are, as parameters of the passes; None where it has no range."""
    first = report.first_line_id if report is not None else None
    return {"first_line_id": first, "end_line_id": None if first is None else first + _RANGE}


def count_rows(table: str, columns: tuple[str, ...], *, report: SettlementReport) -> None:
    """Let the planner know what a partitioned table has by now that a file is in it.

    PostgreSQL counts by itself what is in each partition, and never what is in all of them. Where there are large
    files, a small one adds nothing to what is known of all: it would count theirs again, and wait for who attaches one.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = %s::regclass", [table])
        (partitions,) = cursor.fetchone()
        counted = table if partitions == 1 or report.first_line_id is not None else f"{table}_common"
        cursor.execute(SQL("ANALYZE {} ({})").format(Identifier(counted), SQL(", ").join(map(Identifier, columns))))
