"""Give the lines of a large file, and their matches, tables of their own: partitions of those that have all of them.

What is written into a table without indexes, which are built when it is full, takes a third of the time. A partition
has a range of line ids, of which each such file has its own; so no line can be in two, nor have two matches.
"""

from django.db import connection

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
