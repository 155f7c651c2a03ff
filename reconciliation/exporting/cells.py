"""How PostgreSQL writes one cell, by what its column holds and by format."""

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from money import EXPONENTS
from reconciliation.exporting import workbook
from reconciliation.exporting.report import Column, Kind

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
_ESCAPE = Literal("_(?=x[0-9A-Fa-f]{4}_)")


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

    `offsets` are those of the time zone from UTC, in seconds: each has a style, by which the moment says which it is.
    """
    cell = raw(column.name)
    match column.kind:
        case Kind.TEXT | Kind.REFERENCE:
            style = workbook.REFERENCE if column.kind is Kind.REFERENCE else workbook.PLAIN
            return SQL(
                "CASE WHEN {cell}::text ~ {suspect} THEN {head} || ' xml:space=\"preserve\">' ||"
                " replace(replace(replace(regexp_replace(regexp_replace({cell}::text, {controls}, ' ', 'g'),"
                " {escape}, '_x005F_', 'g'), '&', '&amp;'), '<', '&lt;'), '>', '&gt;') || '</t></is></c>'"
                " ELSE coalesce({head} || '>' || nullif({cell}::text, '') || '</t></is></c>', '<c/>') END"
            ).format(
                cell=cell,
                suspect=_MARKUP_OR_CONTROL,
                controls=_CONTROLS,
                escape=_ESCAPE,
                head=Literal(f'<c s="{style}" t="inlineStr"><is><t'),
            )
        case Kind.OWN:
            head = f'<c s="{workbook.REFERENCE}" t="inlineStr"><is><t>'
            return _xml(head, SQL("nullif({}, '')").format(cell), "</t></is></c>")
        case Kind.WORD:
            return _xml('<c t="inlineStr"><is><t>', SQL("nullif({}, '')").format(cell), "</t></is></c>")
        case Kind.MINOR | Kind.COUNT:
            return _xml(f'<c s="{workbook.WHOLE}"><v>', cell, "</v></c>")
        case Kind.RATE:
            return _xml("<c><v>", cell, "</v></c>")
        case Kind.MAJOR:
            style_of = _by_decimals(
                column, {0: f"{workbook.WHOLE}", 2: f"{workbook.HUNDREDTHS}", 3: f"{workbook.THOUSANDTHS}"}
            )
            amount = SQL("{} || '\"><v>' || {}").format(style_of, _major(column))
            return _xml('<c s="', amount, "</v></c>")
        case Kind.DATE:
            return _xml(f'<c s="{workbook.DAY}"><v>', SQL("({} - date '1899-12-30')").format(cell), "</v></c>")
        case Kind.TIME:
            offset = SQL("date_part('timezone', {})").format(cell)
            styles = SQL(" ").join(
                SQL("WHEN {} THEN {}").format(Literal(seconds), Literal(str(workbook.MOMENT + number)))
                for number, seconds in enumerate(offsets, start=1)
            )
            moment = SQL(
                "CASE {offset} {styles} ELSE {other} END || '\"><v>' ||"
                " ((floor(date_part('epoch', {cell})) + {offset}) / 86400 + 25569)"
            ).format(offset=offset, styles=styles, other=Literal(str(workbook.MOMENT)), cell=cell)
            return _xml('<c s="', moment, "</v></c>")
        case Kind.FLAG:
            return _xml('<c t="b"><v>', SQL("{}::int").format(cell), "</v></c>")


def _xml(head: str, told: Composable, tail: str) -> Composed:
    """Return an element around a cell, or an empty one in its place where there is nothing to tell."""
    return SQL("coalesce({} || {} || {}, '<c/>')").format(Literal(head), told, Literal(tail))


def _major(column: Column) -> Composed:
    """Return an amount in major units, exactly, and with as many decimals as its currency has."""
    return SQL("({} * {})").format(raw(column.name), _by_decimals(column, {0: "1.", 2: "0.01", 3: "0.001"}))


def _by_decimals(column: Column, values: dict[int, str]) -> Composed:
    """Return the one of three pieces of SQL that the decimals of an amount's currency ask for."""
    currency = raw(column.currency)
    return SQL("CASE WHEN {0} = ANY({1}) THEN {2} WHEN {0} = ANY({3}) THEN {4} ELSE {5} END").format(
        currency,
        Literal([code for code, decimals in EXPONENTS.items() if decimals == 0]),
        SQL(values[0]),
        Literal([code for code, decimals in EXPONENTS.items() if decimals == 3]),
        SQL(values[3]),
        SQL(values[2]),
    )
