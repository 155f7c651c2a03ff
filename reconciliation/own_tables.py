"""Tables of their own for the lines of a large file and for their matches: partitions of those that all files share.

What is written into a table without indexes, which are built when it is full, takes a third of the time. A partition
has a range of line ids, of which each such file has its own; so no line can be in two, nor have two matches.
"""

from django.db import connection

from reconciliation.models import SettlementReport

# Below this the tables cost more than they save, and every one is asked whatever is not asked by a line or a file.
LEAST_LINES = 200_000
# So many ids has a range: ten times as many as the longest file that we take has lines.
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
    """Return between which ids the lines of a file are, as the passes ask for it; None where they are among all."""
    first = report.first_line_id if report is not None else None
    return {"first_line_id": first, "end_line_id": None if first is None else first + _RANGE}
