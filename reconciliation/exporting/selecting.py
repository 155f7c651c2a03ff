"""The statements of an export, made around the report's own SELECT."""

from collections.abc import Sequence

from psycopg.sql import SQL, Composable, Composed, Identifier

from reconciliation.exporting.cells import csv_cell, json_cell, raw, workbook_row
from reconciliation.exporting.report import Kind, Report
from reconciliation.exporting.workbook import offsets_of
from reconciliation.models import ExportFormat
from reconciliation.statements import statement

_TEXTS = (Kind.TEXT, Kind.REFERENCE, Kind.OWN, Kind.WORD)
# Rows of XML and of JSON hold neither byte, so that nothing is quoted and each row comes as it was made.
_AS_IT_IS = SQL("(FORMAT csv, DELIMITER E'\\x02', QUOTE E'\\x01')")
_CSV = SQL("(FORMAT csv, HEADER true)")


def copy_statement(report: Report, form: ExportFormat, zone: str) -> Composed:
    """Return the COPY by which PostgreSQL writes the rows of an export; its session is in the operator's time zone.

    What the report's SELECT finds is kept by the server and read twice, which costs a tenth of finding it again. The
    first row, behind the heading, is what all others come to, as JSON.
    """
    match form:
        case ExportFormat.CSV:
            # As text, which is what COPY makes of them; so they stand below the totals.
            cells = SQL(", ").join(SQL("({})::text").format(csv_cell(column)) for column in report.columns)
            headings = [column.heading(zone) for column in report.columns]
            return _copied(SQL("SELECT {} FROM reported").format(cells), report, headings, _CSV)
        case ExportFormat.JSONL:
            cells = SQL(", ").join(_named(json_cell(column), column.name) for column in report.columns)
            told = SQL("SELECT row_to_json(told)::text FROM (SELECT {} FROM reported) AS told").format(cells)
            return _copied(told, report, ["told"], _AS_IT_IS)
        case ExportFormat.XLSX:
            rows = SQL("SELECT {} FROM reported").format(workbook_row(report, offsets_of(zone)))
            return _copied(rows, report, ["row"], _AS_IT_IS)


def _copied(rows: Composable, report: Report, headings: Sequence[str], options: SQL) -> Composed:
    first, *others = headings
    totals = SQL(", ").join([_named(_totals(report), first), *(_named(SQL("NULL"), name) for name in others)])
    # No more columns than are shown: what is sorted and kept carries all of them.
    shown = SQL(", ").join(raw(column.name) for column in report.columns)
    return SQL("COPY (WITH reported AS MATERIALIZED (SELECT {} FROM {}) SELECT {} UNION ALL {}) TO STDOUT {}").format(
        shown, in_order(report), totals, rows, options
    )


def _totals(report: Report) -> Composed:
    """Return the count of rows, each total's sum, and the currencies that these are grouped by, in a list for each."""
    currencies = [raw(name) for name in dict.fromkeys(currency for _, currency in report.totals)]
    sums = [SQL("sum({})::bigint").format(raw(amount)) for amount, _ in report.totals]
    grouped = SQL(" GROUP BY {}").format(SQL(", ").join(currencies)) if currencies else SQL("")
    return SQL(
        "(SELECT coalesce(json_agg(sums), '[]')::text FROM (SELECT json_build_array({}) FROM reported{}) AS _ (sums))"
    ).format(SQL(", ").join([SQL("count(*)"), *sums, *currencies]), grouped)


def in_order(report: Report) -> Composed:
    """Return the rows, put in order before any cell is written: a sort would carry all that is written with it.

    Texts go by "C", for a server's own collation may change with its operating system.
    """
    keys = (
        SQL('{}::text COLLATE "C"').format(raw(name)) if report.kind_of(name) in _TEXTS else raw(name)
        for name in report.order
    )
    return SQL("(SELECT * FROM ({}) AS reported ORDER BY {}) AS reported").format(_body(report), SQL(", ").join(keys))


def _body(report: Report) -> SQL:
    return SQL(statement(f"exporting/{report.statement or report.slug}"))


def _named(cell: Composable, name: str) -> Composed:
    return SQL("{} AS {}").format(cell, Identifier(name))
