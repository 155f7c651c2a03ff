"""How PostgreSQL writes one cell, by what its column holds and by format."""

from collections.abc import Mapping, Sequence

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from money import EXPONENTS
from reconciliation.exporting import workbook
from reconciliation.exporting.report import Column, Kind, Report

# What a spreadsheet would take for a formula; some read the wide signs of East Asia like ours.
# Source: OWASP, CSV Injection
FORMULA_SIGNS = "=+@＝＋－＠-"
# Control characters, line and paragraph separators, and what XML cannot say: in a cell each run of them is one space.
CONTROL_CHARACTERS = r"\x01-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff"

_CONTROL = Literal(f"[{CONTROL_CHARACTERS}]")
_CONTROLS = Literal(f"[{CONTROL_CHARACTERS}]+")
_FORMULA = Literal(rf"^(\s*[{FORMULA_SIGNS}])")
_APART = Literal(r"'\1")
_FORMULA_OR_CONTROL = Literal(rf"^\s*[{FORMULA_SIGNS}]|[{CONTROL_CHARACTERS}]")
# A text that begins or ends with a space says so, and `_x0041_` in a workbook is an A unless its first sign is escaped.
_MARKUP_OR_CONTROL = Literal(rf"^\s|\s$|[&<>]|_x[0-9A-Fa-f]{{4}}_|[{CONTROL_CHARACTERS}]")
# Most references are of these signs alone, which is seen at half the cost.
_UNUSUAL = Literal(r"[^0-9A-Za-z.:/-]")
_ESCAPE = Literal("_(?=x[0-9A-Fa-f]{4}_)")
# The major units of one minor unit, by decimals.
_UNITS = {0: SQL("1."), 2: SQL("0.01"), 3: SQL("0.001")}


def raw(name: str) -> Composed:
    """Return a column as the report's own SELECT gives it."""
    return SQL("reported.{}").format(Identifier(name))


def csv_cell(column: Column) -> Composable:
    """Return a cell for CSV; a text of others that a spreadsheet would calculate gets an apostrophe in front."""
    cell = raw(column.name)
    match column.kind:
        case Kind.TEXT | Kind.REFERENCE:
            return SQL(
                "nullif(CASE WHEN {cell}::text ~ {suspect} THEN"
                " regexp_replace(regexp_replace({cell}::text, {controls}, ' ', 'g'), {formula}, {apart})"
                " ELSE {cell}::text END, '')"
            ).format(cell=cell, suspect=_FORMULA_OR_CONTROL, controls=_CONTROLS, formula=_FORMULA, apart=_APART)
        case Kind.OWN | Kind.WORD:
            return SQL("nullif({}, '')").format(cell)
        case Kind.FLAG:
            return SQL("{}::text").format(cell)
        case _:
            return json_cell(column)


def json_cell(column: Column) -> Composable:
    """Return a cell for JSON, where a text is a string whatever it looks like."""
    cell = raw(column.name)
    match column.kind:
        case Kind.TEXT | Kind.REFERENCE:
            return SQL(
                "CASE WHEN {cell}::text ~ {control} THEN regexp_replace({cell}::text, {controls}, ' ', 'g')"
                " ELSE {cell}::text END"
            ).format(cell=cell, control=_CONTROL, controls=_CONTROLS)
        case Kind.TIME:
            # Of the session's time zone, with its offset: an hour that comes twice is told apart.
            # To the second, down; date_trunc would look the zone up to do it.
            return SQL("date_bin('1 second', {}, timestamptz '2000-01-01 00:00:00Z')").format(cell)
        case Kind.MAJOR:
            return _major(column)
        case Kind.OWN | Kind.WORD | Kind.MINOR | Kind.COUNT | Kind.RATE | Kind.DATE | Kind.FLAG:
            return cell


def workbook_cell(column: Column, offsets: tuple[int, ...]) -> Composable:
    """Return a cell as the XML of a workbook: numbers are numbers, and texts never formulas.

    A text is written in the short way, `t="str"` without a formula, unless something in it must be kept from being read
    as anything else: rows are a quarter shorter so, and are sent and compressed in less time.

    `offsets` are those of the time zone from UTC, in seconds: each has a style, by which the moment says which it is.
    """
    cell = raw(column.name)
    match column.kind:
        case Kind.TEXT | Kind.REFERENCE:
            style = workbook.REFERENCE if column.kind is Kind.REFERENCE else workbook.PLAIN
            return SQL(
                "CASE WHEN {cell}::text ~ {unusual} AND {cell}::text ~ {suspect}"
                ' THEN {head} || \' t="inlineStr"><is><t xml:space="preserve">\' ||'
                " replace(replace(replace(regexp_replace(regexp_replace({cell}::text, {controls}, ' ', 'g'),"
                " {escape}, '_x005F_', 'g'), '&', '&amp;'), '<', '&lt;'), '>', '&gt;') || '</t></is></c>'"
                " ELSE coalesce({head} || ' t=\"str\"><v>' || nullif({cell}::text, '') || '</v></c>', '<c/>') END"
            ).format(
                cell=cell,
                unusual=_UNUSUAL,
                suspect=_MARKUP_OR_CONTROL,
                controls=_CONTROLS,
                escape=_ESCAPE,
                head=Literal(f'<c s="{style}"'),
            )
        case Kind.OWN:
            head = f'<c s="{workbook.REFERENCE}" t="str"><v>'
            return _xml(head, SQL("nullif({}, '')").format(cell), "</v></c>")
        case Kind.WORD:
            return _xml('<c t="str"><v>', SQL("nullif({}, '')").format(cell), "</v></c>")
        case Kind.MINOR | Kind.COUNT:
            return _xml(f'<c s="{workbook.WHOLE}"><v>', cell, "</v></c>")
        case Kind.RATE:
            return _xml("<c><v>", cell, "</v></c>")
        case Kind.MAJOR:
            styles = {0: workbook.WHOLE, 2: workbook.HUNDREDTHS, 3: workbook.THOUSANDTHS}
            amounts = {
                decimals: SQL("{} || {} * {}").format(Literal(f'<c s="{style}"><v>'), cell, _UNITS[decimals])
                for decimals, style in styles.items()
            }
            return SQL("coalesce({} || '</v></c>', '<c/>')").format(_by_decimals(column, amounts))
        case Kind.DATE:
            return _xml(f'<c s="{workbook.DAY}"><v>', SQL("({} - date '1899-12-30')").format(cell), "</v></c>")
        case Kind.TIME:
            # Its offset is looked up once, and is a constant wherever it is added.
            offset = SQL("date_part('timezone', {})").format(cell)
            moments = SQL(" ").join(
                SQL("WHEN {} THEN {}").format(
                    Literal(seconds), _moment(cell, Literal(seconds), workbook.MOMENT + number)
                )
                for number, seconds in enumerate(offsets, start=1)
            )
            return SQL("coalesce(CASE {} {} ELSE {} END || '</v></c>', '<c/>')").format(
                offset, moments, _moment(cell, offset, workbook.MOMENT)
            )
        case Kind.FLAG:
            return _xml('<c t="b"><v>', SQL("{}::int").format(cell), "</v></c>")


def workbook_row(report: Report, offsets: tuple[int, ...]) -> Composable:
    """Return a row as the XML of a workbook."""
    return _joined(
        [SQL("'<row>'"), *(workbook_cell(column, offsets) for column in report.columns), SQL("E'</row>\\n'")]
    )


def _joined(pieces: Sequence[Composable]) -> Composable:
    """Join texts two by two: one after the other, what is there already would be copied for each of them."""
    if len(pieces) == 1:
        return pieces[0]
    half = len(pieces) // 2
    return SQL("({} || {})").format(_joined(pieces[:half]), _joined(pieces[half:]))


def _xml(head: str, told: Composable, tail: str) -> Composed:
    """Return an element around a cell, or an empty one in its place where there is nothing to tell."""
    return SQL("coalesce({} || {} || {}, '<c/>')").format(Literal(head), told, Literal(tail))


def _moment(cell: Composable, offset: Composable, style: int) -> Composed:
    """Return the beginning of a cell with a moment: the days since 1899-12-30, by clocks `offset` seconds from UTC."""
    return SQL("{} || ((floor(date_part('epoch', {})) + {}) / 86400 + 25569)").format(
        Literal(f'<c s="{style}"><v>'), cell, offset
    )


def _major(column: Column) -> Composed:
    """Return an amount in major units, exactly, and with as many decimals as its currency has."""
    return SQL("({} * {})").format(raw(column.name), _by_decimals(column, _UNITS))


def _by_decimals(column: Column, values: Mapping[int, Composable]) -> Composed:
    """Return the one of three pieces of SQL that the decimals of an amount's currency ask for.

    Nearly all have two, which one look into a hash tells: of a list of nine or more PostgreSQL makes one.
    """
    return SQL("CASE WHEN {0} = ANY({1}) THEN CASE WHEN {0} = ANY({2}) THEN {3} ELSE {4} END ELSE {5} END").format(
        raw(column.currency),
        Literal([code for code, decimals in EXPONENTS.items() if decimals != 2]),
        Literal([code for code, decimals in EXPONENTS.items() if decimals == 0]),
        values[0],
        values[3],
        values[2],
    )
