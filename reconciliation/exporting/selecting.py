"""The statements of an export, made around the report's own SELECT."""

from psycopg.sql import SQL, Composable, Composed, Identifier

from reconciliation.exporting.cells import csv_cell, json_cell, raw, workbook_row
from reconciliation.exporting.report import Kind, Report
from reconciliation.exporting.workbook import offsets_of
from reconciliation.models import ExportFormat
from reconciliation.statements import statement

_TEXTS = (Kind.TEXT, Kind.REFERENCE, Kind.OWN, Kind.WORD)
# CSV is what PostgreSQL makes of it; rows of XML and of JSON come as they were made, without a look at any byte.
_CSV = SQL("(FORMAT csv, HEADER true)")
_AS_IT_IS = SQL("(FORMAT binary)")


def copy_statement(report: Report, form: ExportFormat, zone: str) -> Composed:
    """Return the COPY by which PostgreSQL writes the rows of an export; its session is in the operator's time zone.

    A row ends with cells that are no part of the file: its currencies, and the minor units that it adds to each total.
    So all is added up by whoever reads the rows, and nothing has to be found, or kept, twice.
    """
    rows, options = in_order(report), _AS_IT_IS
    written: Composable
    match form:
        case ExportFormat.CSV:
            options = _CSV
            written = SQL(", ").join(_named(csv_cell(column), column.heading(zone)) for column in report.columns)
        case ExportFormat.JSONL:
            cells = SQL(", ").join(_named(json_cell(column), column.name) for column in report.columns)
            rows = SQL("{} CROSS JOIN LATERAL (SELECT {}) AS told").format(rows, cells)
            written = SQL("row_to_json(told)::text || E'\\n'")
        case ExportFormat.XLSX:
            written = workbook_row(report, offsets_of(zone))
    currencies = (SQL("{}::text").format(raw(name)) for name in report.currencies)
    amounts = (SQL("{}::bigint").format(raw(amount)) for amount, _ in report.totals)
    row = SQL(", ").join([written, *currencies, *amounts])
    return SQL("COPY (SELECT {} FROM {}) TO STDOUT {}").format(row, rows, options)


def in_order(report: Report) -> Composed:
    """Return the rows, put in order before any cell is written: a sort would carry all that is written with it.

    Texts go by "C", for a server's own collation may change with its operating system.
    """
    keys = (
        SQL('{}::text COLLATE "C"').format(raw(name)) if report.kind_of(name) in _TEXTS else raw(name)
        for name in report.order
    )
    body = SQL(statement(f"exporting/{report.statement or report.slug}"))
    return SQL("(SELECT * FROM ({}) AS reported ORDER BY {}) AS reported").format(body, SQL(", ").join(keys))


def _named(cell: Composable, name: str) -> Composed:
    return SQL("{} AS {}").format(cell, Identifier(name))
