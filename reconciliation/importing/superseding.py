"""Take back what a report that was made anew has otherwise than the one before, so that it is not counted twice."""

from collections.abc import Mapping
from typing import Any

from django.db import connection

from reconciliation.errors import UnreadableFile
from reconciliation.models import PAYMENT_KINDS, SettlementReport, SettlementSource
from reconciliation.statements import run

# A bad line may be the very one that the file does not tell.
_HAS_BAD_LINES = (
    "batch {batch} is known with lines that this file does not tell, and the file has bad lines: mend them first"
)
_IS_DECIDED = (
    "batch {batch} is told otherwise than before, and two people decided about line {line} of {file}: "
    "have that undone, and give the file again"
)
_FIRST_BATCH = """
SELECT b.reference
  FROM superseded s
  JOIN reconciliation_settlementline l ON l.id = s.line_id
  JOIN reconciliation_settlementbatch b ON b.id = l.batch_id
 ORDER BY b.reference LIMIT 1
"""
_FIRST_DECIDED = """
WITH decided AS (
    SELECT s.line_id
      FROM superseded s
      JOIN reconciliation_match m ON m.line_id = s.line_id AND m.undone_at IS NULL AND m.rule = 'HAND'
     UNION ALL
    SELECT s.line_id
      FROM superseded s
      JOIN reconciliation_discrepancy d ON d.line_id = s.line_id AND d.resolution = 'WRITTEN_OFF'
)
SELECT b.reference, l.line_number, f.file_name
  FROM decided
  JOIN reconciliation_settlementline l ON l.id = decided.line_id
  JOIN reconciliation_settlementbatch b ON b.id = l.batch_id
  JOIN reconciliation_settlementreport f ON f.id = l.report_id
 ORDER BY l.id LIMIT 1
"""


def supersede_lines(*, report: SettlementReport, bad_count: int, params: Mapping[str, Any]) -> int:
    """Take back the lines of a report's batches that it tells no more, and return how many they are.

    Call it in the transaction that keeps the report's own lines, before them and after `told_before`. `params` are
    those of the passes of an import.

    :raises UnreadableFile: the report has bad lines, which may be what is missing, or two people decided about a line
        that is to go.
    """
    run("importing/superseded", params)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM superseded")
        (count,) = cursor.fetchone()
    if count:
        _supersede(report, bad_count, params)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE superseded")
    return int(count)


def _supersede(report: SettlementReport, bad_count: int, params: Mapping[str, Any]) -> None:
    # Nobody decides about a line meanwhile.
    source = SettlementSource.objects.select_for_update(no_key=True).get(pk=report.source_id)
    with connection.cursor() as cursor:
        if bad_count:
            cursor.execute(_FIRST_BATCH)
            (batch,) = cursor.fetchone()
            raise UnreadableFile(_HAS_BAD_LINES.format(batch=batch))
        cursor.execute(_FIRST_DECIDED)
        if decided := cursor.fetchone():
            batch, line, file = decided
            raise UnreadableFile(_IS_DECIDED.format(batch=batch, line=line, file=file))
    kinds = [kind.value for kind in PAYMENT_KINDS]
    run("importing/supersede", {**params, "zone": source.time_zone, "payment_kinds": kinds})
