"""From a file to lines: staged as it is written, typed there by one statement, and kept in one transaction.

Who dies on the way leaves nothing that counts; whoever gives the file again begins anew, or goes on where lines are in
already.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import Error, connection, transaction
from psycopg.sql import SQL, Identifier

from card_numbers import mask_card_numbers
from reconciliation.errors import BadLines, UnreadableFile
from reconciliation.importing.columns import Layout, layout_of
from reconciliation.importing.reading import Progress, encoding_of, header_of
from reconciliation.importing.staging import MOST_BAD_LINES, Bad, Staged, drop_left_behind, drop_staging, stage
from reconciliation.importing.superseding import supersede_lines
from reconciliation.importing.typed import typed_lines
from reconciliation.models import BadLine, ReportState, SettlementReport, SettlementSource
from reconciliation.own_tables import count_rows, range_of, reserve_range
from reconciliation.statements import plan_for_many, run

# People write these, so that a card number may stand in them.
_FREE_TEXTS = ("description", "our_reference")
_THIRTEEN_DIGITS = r"([0-9][^0-9]{0,3}){12}[0-9]"
# The first decimal digit that is not ASCII is U+0660. What PostgreSQL calls a digit depends on the locale, so that any
# character from there on may be one.
_THIRTEEN_DIGITS_OF_ANY_SCRIPT = r"([^\u0001-/:-\u065F][\u0001-/:-\u065F]{0,3}){12}[^\u0001-/:-\u065F]"
# The regular expressions are for the few that could fit. What AND joins, PostgreSQL asks in an order of its own.
_MANY_DIGITS = (
    "CASE WHEN octet_length({cell}) < 13 THEN false "
    "WHEN octet_length({cell}) > length({cell}) THEN {cell} ~ {any_shape} "
    "WHEN octet_length(translate({cell}, '0123456789', '')) > octet_length({cell}) - 13 THEN false "
    "ELSE {cell} ~ {shape} END"
)


def load(*, report: SettlementReport, path: Path, clock: Callable[[], datetime], progress: Progress | None) -> None:
    """Take the lines of a file in; call it under the lock of its source.

    :raises UnreadableFile: the file as a whole cannot be read; the report is rejected.
    :raises BadLines: it has a bad line and was to have none; the report is rejected.
    """
    source = report.source
    drop_left_behind(source)
    try:
        if not path.is_file():
            raise UnreadableFile("the file is gone from where it was kept; give it again")
        encoding = encoding_of(path, source.encoding)
        layout = layout_of(header_of(path, encoding, source.delimiter), source)
        staged = stage(report=report, layout=layout, path=path, encoding=encoding, progress=progress)
        with transaction.atomic():
            _keep(report, layout, staged, clock())
    except (UnreadableFile, BadLines) as refusal:
        with transaction.atomic():
            _name_bad_lines(report, refusal.first if isinstance(refusal, BadLines) else [])
            report.state, report.problem = ReportState.REJECTED, str(refusal)[:500]
            report.save(update_fields=["state", "problem"])
        raise
    finally:
        # Where the database itself is gone, so is everybody's interest in the tables.
        with suppress(Error):
            drop_staging(report)


def _keep(report: SettlementReport, layout: Layout, staged: Staged, now: datetime) -> None:
    source, bad = report.source, staged.bad
    plan_for_many()
    for table, _ in staged.tables:
        _mask_free_texts(layout, table)
    params = {"source": source.pk, "report": report.pk, "batch_is_payout": layout.batch_is_payout, "now": now}
    typed = Identifier(f"reconciliation_typed_{report.pk.hex}")
    with connection.cursor() as cursor:
        # Like the staging table it is none of the temporary ones, which a single process has to read. The halves that
        # were staged are read one after the other, which leaves the lines in the order of the file, more or less.
        cursor.execute("SET LOCAL enable_parallel_append = off")
        read = typed_lines(layout, source, staged.rows(layout.width))
        cursor.execute(SQL("CREATE UNLOGGED TABLE {} AS {}").format(typed, read))
        run("importing/told", params)
        cursor.execute(
            "SELECT coalesce(sum(lines) FILTER (WHERE is_bad), 0)::bigint,"
            " coalesce(sum(lines) FILTER (WHERE NOT is_bad), 0)::bigint FROM told"
        )
        unreadable, readable = cursor.fetchone()
    bad = _with_unreadable(bad, typed, unreadable)
    if bad.count and not report.skips_bad_lines:
        raise BadLines(bad.count, bad.first)
    _check_merchant_account(source)
    run("importing/batches", params)
    if layout.batch_is_whole:
        run("importing/other_currencies", params)
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM batch_of_file WHERE is_known)")
        (has_known_batches,) = cursor.fetchone()
    superseded_count = known_count = 0
    if has_known_batches:
        run("importing/told_before", params)
        if layout.batch_is_whole:
            superseded_count = supersede_lines(report=report, bad_count=bad.count, params=params)
        known_count = run("importing/known_lines", params)
    report.first_line_id = reserve_range(readable - known_count)
    line_count = _keep_lines({**params, **range_of(report)})
    run("importing/totals", params)
    with connection.cursor() as cursor:
        cursor.execute(SQL("DROP TABLE IF EXISTS {}, told, batch_of_file, told_before").format(typed))
    # Of lines that nobody has counted yet the planner expects one, and joins them in a loop within a loop.
    count_rows("reconciliation_settlementline", ("report_id", "batch_id", "kind"), report=report)
    _name_bad_lines(report, bad.first)
    report.state, report.problem, report.loaded_at = ReportState.LOADED, "", now
    report.line_count, report.known_count = line_count, known_count
    report.superseded_count, report.bad_count = superseded_count, bad.count
    report.batch_is_payout = layout.batch_is_payout
    counts = ["line_count", "known_count", "superseded_count", "bad_count"]
    report.save(update_fields=["state", "problem", "loaded_at", "first_line_id", "batch_is_payout", *counts])


def _with_unreadable(bad: Bad, typed: Identifier, count: int) -> Bad:
    """Return the bad lines with so many more that could not be typed."""
    if not count:
        return bad
    first = SQL("SELECT line_number, problem FROM {} WHERE problem IS NOT NULL ORDER BY line_number LIMIT {}")
    with connection.cursor() as cursor:
        cursor.execute(first.format(typed, MOST_BAD_LINES))
        return Bad(bad.count + count, sorted([*bad.first, *cursor.fetchall()])[:MOST_BAD_LINES])


def _keep_lines(params: Mapping[str, Any]) -> int:
    """Write the lines that were typed, and return how many they are."""
    if params["first_line_id"] is None:
        return run("importing/lines", params)
    line_count = run("importing/own_lines", params)
    run("importing/attach_lines", params)
    return line_count


def _name_bad_lines(report: SettlementReport, bad: list[tuple[int, str]]) -> None:
    BadLine.objects.filter(report=report).delete()
    BadLine.objects.bulk_create(BadLine(report=report, line_number=number, reason=reason) for number, reason in bad)


def _mask_free_texts(layout: Layout, staging: str) -> None:
    """Mask card numbers before anything is kept: what people write may have any.

    Few texts have as many digits, and which those are is found out by as many processes as there are.
    """
    cells = [Identifier(f"c{layout.positions[field]}") for field in _FREE_TEXTS if field in layout.positions]
    if not cells:
        return
    suspects = SQL("CREATE TEMP TABLE suspect ON COMMIT DROP AS SELECT ctid AS place, {} FROM {} WHERE {}").format(
        SQL(", ").join(cells),
        Identifier(staging),
        SQL(" OR ").join(
            SQL(_MANY_DIGITS).format(cell=cell, shape=_THIRTEEN_DIGITS, any_shape=_THIRTEEN_DIGITS_OF_ANY_SCRIPT)
            for cell in cells
        ),
    )
    changed = SQL("UPDATE {} SET {} WHERE ctid = %s").format(
        Identifier(staging), SQL(", ").join(SQL("{} = %s").format(cell) for cell in cells)
    )
    with connection.cursor() as cursor:
        cursor.execute(suspects)
        with connection.chunked_cursor() as found:
            found.execute("SELECT * FROM suspect")
            while rows := found.fetchmany(100):
                for place, *texts in rows:
                    masked = [mask_card_numbers(text) if text else text for text in texts]
                    if masked != texts:
                        cursor.execute(changed, [*masked, place])
        cursor.execute("DROP TABLE suspect")


def _check_merchant_account(source: SettlementSource) -> None:
    """See that a file is of the account it is imported for; the first file says which that is.

    :raises UnreadableFile: it is another's, or of several.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT merchant_account FROM told WHERE NOT is_bad AND merchant_account <> '' LIMIT 3")
        named = sorted(name for (name,) in cursor.fetchall())
    wanted = source.merchant_account or (named[0] if named else "")
    if any(name != wanted for name in named):
        raise UnreadableFile(f"the file is of {', '.join(named)}, and {source.slug} is {wanted}")
    if wanted != source.merchant_account:
        source.merchant_account = wanted
        source.save(update_fields=["merchant_account"])
