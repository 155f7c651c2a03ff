"""The one statement of an export: the report's own SELECT, each cell written as its format wants it, in order."""

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from money import EXPONENTS
from reconciliation.exporting.report import Column, Kind, Report
from reconciliation.models import ExportFormat
from reconciliation.statements import statement

# What a spreadsheet would take for a formula; some read the wide signs of East Asia like ours.
# Source: OWASP, CSV Injection
FORMULA_SIGNS = "=+@＝＋－＠-"
# Control characters, line and paragraph separators, and what XML cannot say: in a cell each run of them is one space.
CONTROL_CHARACTERS = r"\x01-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff"

_CONTROL = Literal(f"[{CONTROL_CHARACTERS}]")
_CONTROLS = Literal(f"[{CONTROL_CHARACTERS}]+")
_FORMULA = Literal(rf"^(\s*[{FORMULA_SIGNS}])")
_APART = Literal(r"'\1")
_SUSPECT = Literal(rf"^\s*[{FORMULA_SIGNS}]|[{CONTROL_CHARACTERS}]")
_TEXTS = (Kind.TEXT, Kind.REFERENCE, Kind.WORD)


def body_of(report: Report) -> Composable:
    """Return the report's own SELECT, as the table that everything is read from."""
    return SQL("({}) AS reported").format(SQL(statement(f"exporting/{report.statement or report.slug}")))


def totals_statement(report: Report) -> Composed:
    """Return a SELECT of the count of rows, and of each column's sum by currency, as a row of JSON for each column."""
    sums = SQL(", ").join(SQL("sum({})::bigint").format(_raw(amount)) for amount, _ in report.totals)
    currencies = dict.fromkeys(currency for _, currency in report.totals)
    columns = SQL(", ").join(
        [SQL("count(*)"), *([sums] if report.totals else []), *(_raw(name) for name in currencies)]
    )
    grouped = SQL(" GROUP BY {}").format(SQL(", ").join(_raw(name) for name in currencies)) if currencies else SQL("")
    return SQL("SELECT {} FROM {}{}").format(columns, body_of(report), grouped)


def copy_statement(report: Report, form: ExportFormat, zone: str) -> Composed:
    """Return the COPY by which PostgreSQL writes the rows of an export; its session is in the operator's time zone."""
    if form is ExportFormat.JSONL:
        # Neither byte stands in JSON as it is, so that nothing is quoted and each row comes as it was made.
        unquoted = SQL("(FORMAT csv, DELIMITER E'\\x02', QUOTE E'\\x01')")
        return SQL("COPY (SELECT row_to_json(told)::text FROM (SELECT {} FROM {} {}) AS told) TO STDOUT {}").format(
            SQL(", ").join(_named(_json_cell(column), column.name) for column in report.columns),
            body_of(report),
            _ordered(report),
            unquoted,
        )
    cells = SQL(", ").join(_named(_csv_cell(column), column.heading(zone)) for column in report.columns)
    return SQL("COPY (SELECT {} FROM {} {}) TO STDOUT (FORMAT csv, HEADER true)").format(
        cells, body_of(report), _ordered(report)
    )


def _csv_cell(column: Column) -> Composable:
    raw = _raw(column.name)
    match column.kind:
        case Kind.TEXT | Kind.REFERENCE:
            return SQL(
                "nullif(CASE WHEN {raw}::text ~ {suspect} THEN"
                " regexp_replace(regexp_replace({raw}::text, {controls}, ' ', 'g'), {formula}, {apart})"
                " ELSE {raw}::text END, '')"
            ).format(raw=raw, suspect=_SUSPECT, controls=_CONTROLS, formula=_FORMULA, apart=_APART)
        case Kind.WORD:
            return SQL("nullif({}, '')").format(raw)
        case Kind.TIME:
            return SQL("date_trunc('second', {})").format(raw)
        case Kind.FLAG:
            return SQL("{}::text").format(raw)
        case Kind.MAJOR:
            return major(column)
        case Kind.MINOR | Kind.COUNT | Kind.RATE | Kind.DATE:
            return raw


def _json_cell(column: Column) -> Composable:
    """Return a cell as JSON says it: a text is a string whatever it looks like, so that none is neutralized."""
    raw = _raw(column.name)
    match column.kind:
        case Kind.TEXT | Kind.REFERENCE:
            return cleaned(column)
        case Kind.TIME:
            return SQL("date_trunc('second', {})").format(raw)
        case Kind.MAJOR:
            return major(column)
        case Kind.WORD | Kind.MINOR | Kind.COUNT | Kind.RATE | Kind.DATE | Kind.FLAG:
            return raw


def cleaned(column: Column) -> Composable:
    """Return a text of others without its control characters."""
    return SQL(
        "CASE WHEN {raw}::text ~ {control} THEN regexp_replace({raw}::text, {controls}, ' ', 'g') ELSE {raw}::text END"
    ).format(raw=_raw(column.name), control=_CONTROL, controls=_CONTROLS)


def major(column: Column) -> Composable:
    """Return an amount in major units, exactly, and with as many decimals as its currency has."""
    return SQL("{} * {}").format(_raw(column.name), by_decimals(column, {0: "1.", 2: "0.01", 3: "0.001"}))


def by_decimals(column: Column, values: dict[int, str]) -> Composable:
    """Return the one of three pieces of SQL that the decimals of an amount's currency ask for."""
    currency = _raw(column.currency)
    return SQL("CASE WHEN {0} = ANY({1}) THEN {2} WHEN {0} = ANY({3}) THEN {4} ELSE {5} END").format(
        currency,
        Literal([code for code, decimals in EXPONENTS.items() if decimals == 0]),
        SQL(values[0]),
        Literal([code for code, decimals in EXPONENTS.items() if decimals == 3]),
        SQL(values[3]),
        SQL(values[2]),
    )


def _ordered(report: Report) -> Composable:
    """Order the rows the same way on every server: its own collation may change with the operating system."""
    keys = (
        SQL('{}::text COLLATE "C"').format(_raw(name)) if report.kind_of(name) in _TEXTS else _raw(name)
        for name in report.order
    )
    return SQL("ORDER BY {}").format(SQL(", ").join(keys))


def _raw(name: str) -> Composed:
    return SQL("reported.{}").format(Identifier(name))


def _named(cell: Composable, name: str) -> Composable:
    return SQL("{} AS {}").format(cell, Identifier(name))
