"""The statements of an export, made around the report's own SELECT."""


from psycopg.sql import SQL, Composable, Composed, Identifier

from reconciliation.exporting.cells import csv_cell, json_cell, raw, workbook_row
from reconciliation.exporting.report import Kind, Report
from reconciliation.exporting.workbook import offsets_of
from reconciliation.models import ExportFormat
from reconciliation.statements import statement

_TEXTS = (Kind.TEXT, Kind.REFERENCE, Kind.OWN, Kind.WORD)
# Rows of XML and of JSON hold neither byte, so that nothing is quoted and each row comes as it was made.
_BETWEEN = {ExportFormat.CSV: b",", ExportFormat.JSONL: b"\x02", ExportFormat.XLSX: b"\x02"}
_AS_IT_IS = SQL("(FORMAT csv, DELIMITER E'\\x02', QUOTE E'\\x01')")
_CSV = SQL("(FORMAT csv, HEADER true)")


def copy_statement(report: Report, form: ExportFormat, zone: str) -> Composed:
    """Return the COPY by which PostgreSQL writes the rows of an export; its session is in the operator's time zone.

    A row ends with one more cell, `tally`, which is no part of the file: what the row adds to the totals. So all is
    added up by whoever reads the rows, and nothing has to be found, or kept, twice.
    """
    match form:
        case ExportFormat.CSV:
            cells = (_named(csv_cell(column), column.heading(zone)) for column in report.columns)
            return _copied(SQL(", ").join(cells), report, _CSV)
        case ExportFormat.JSONL:
            cells = (_named(json_cell(column), column.name) for column in report.columns)
            told = SQL("(SELECT {}) AS told").format(SQL(", ").join(cells))
            return _copied(SQL("row_to_json(told)"), report, _AS_IT_IS, beside=told)
        case ExportFormat.XLSX:
            return _copied(workbook_row(report, offsets_of(zone)), report, _AS_IT_IS)


def without_tally(row: memoryview, form: ExportFormat) -> tuple[bytes, bytes]:
    """Return a row as its file has it, and its tally."""
    told, _, tally = bytes(row[:-1]).rpartition(_BETWEEN[form])
    return told + b"\n", tally


def _copied(cells: Composable, report: Report, options: SQL, beside: Composable | None = None) -> Composed:
    rows = in_order(report)
    if beside is not None:
        rows = SQL("{} CROSS JOIN LATERAL {}").format(rows, beside)
    return SQL("COPY (SELECT {}, {} AS tally FROM {}) TO STDOUT {}").format(cells, _tally(report), rows, options)


def _tally(report: Report) -> Composable:
    """Return what a row adds to each total: its currency and its minor units, in turn, with colons between them."""
    pieces = (raw(name) for amount, currency in report.totals for name in (currency, amount))
    return SQL("concat({})").format(SQL(", ':', ").join(pieces)) if report.totals else SQL("NULL")


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
