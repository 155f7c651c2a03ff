"""A workbook as spreadsheets read it, written from beginning to end: its rows are XML when PostgreSQL sends them.

Source: ECMA-376, part 1 (SpreadsheetML) and part 2 (packaging). No time of writing is in it, so that the same rows are
the same bytes.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain, islice
from typing import Any, Protocol
from xml.sax.saxutils import escape, quoteattr
from zipfile import ZIP_DEFLATED, ZipFile
from zoneinfo import ZoneInfo

from reconciliation.exporting.blocks import blocks
from reconciliation.exporting.report import Kind, Report

# What a sheet can hold, its heading among them.
ROWS_PER_SHEET = 1_048_576
# A part beyond two gigabytes needs ZIP64, of which Excel warns.
_BYTES_PER_SHEET = 2_000_000_000
# Rows are much alike: more would cost several times as long for a few percent.
_COMPRESSION = 1

# The styles of cells, by their place in cellXfs; those of moments follow, one for each offset from UTC.
PLAIN, HEADING, REFERENCE, DAY, WHOLE, HUNDREDTHS, THOUSANDTHS, MOMENT = range(8)
_DAY_FORMAT, _THOUSANDTHS_FORMAT, _MOMENT_FORMAT = 164, 165, 166
_FORMATS = (0, 0, 49, _DAY_FORMAT, 1, 2, _THOUSANDTHS_FORMAT, _MOMENT_FORMAT)

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_WIDTHS = {
    Kind.TEXT: 32,
    Kind.REFERENCE: 24,
    Kind.OWN: 24,
    Kind.WORD: 14,
    Kind.TIME: 27,
    Kind.DATE: 12,
}


class Output(Protocol):
    """Take bytes, one after the other."""

    def write(self, data: bytes, /) -> int:
        """Keep the bytes."""
        ...


@lru_cache
def offsets_of(zone: str) -> tuple[int, ...]:
    """Return the offsets from UTC, in seconds, that a time zone has had or will have since the year 2000."""
    weeks = (datetime(2000, 1, 1, tzinfo=UTC) + timedelta(weeks=week) for week in range(5_200))
    offsets = {moment.astimezone(ZoneInfo(zone)).utcoffset() for moment in weeks}
    return tuple(sorted(int(offset.total_seconds()) for offset in offsets if offset is not None))


def write_workbook(
    output: Output,
    *,
    report: Report,
    zone: str,
    facts: Callable[[], Sequence[tuple[str, str | int]]],
    rows: Iterable[bytes],
    rows_per_sheet: int = ROWS_PER_SHEET,
) -> Iterator[int]:
    """Write a sheet of facts, and as many sheets as the rows need; yield how many rows each block had.

    The facts are asked for when all rows are written: what these come to is among them.

    `rows` are `<row>` elements, one by one, as `cells.workbook_row` makes them.
    """
    # Without a way back in it, the archive is written in one go, and can be hashed as it comes.
    with ZipFile(_OneWay(output), "w", ZIP_DEFLATED, compresslevel=_COMPRESSION) as archive:
        waiting, names = iter(rows), ["About"]
        first = list(islice(waiting, 1))
        while first or len(names) == 1:
            names.append(report.slug if len(names) == 1 else f"{report.slug} {len(names)}")
            with archive.open(f"xl/worksheets/sheet{len(names)}.xml", "w") as part:
                part.write(_sheet_head(report, zone))
                size = 0
                for count, block in blocks(islice(chain(first, waiting), rows_per_sheet - 1)):
                    part.write(block)
                    size += len(block)
                    yield count
                    if size > _BYTES_PER_SHEET:
                        break
                part.write(b"</sheetData></worksheet>")
            first = list(islice(waiting, 1))
        with archive.open("xl/worksheets/sheet1.xml", "w") as part:
            part.write(_facts_sheet(facts()))
        for name, content in _fixed_parts(names, zone).items():
            with archive.open(name, "w") as part:
                part.write(content.encode())


class _OneWay(io.RawIOBase):
    """Be a file that is only written, and never gone back in."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def write(self, written: Any, /) -> int:
        return self._output.write(written)


def _sheet_head(report: Report, zone: str) -> bytes:
    columns = "".join(
        f'<col min="{number}" max="{number}" width="{_WIDTHS.get(column.kind, 16)}" customWidth="1"/>'
        for number, column in enumerate(report.columns, start=1)
    )
    headings = "".join(_text(column.heading(zone), HEADING) for column in report.columns)
    frozen = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
    return (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">{frozen}</sheetView></sheetViews>'
        f"<cols>{columns}</cols><sheetData><row>{headings}</row>\n"
    ).encode()


def _facts_sheet(facts: Sequence[tuple[str, str | int]]) -> bytes:
    rows = "".join(
        f"<row>{_text(name, HEADING)}{_text(told) if isinstance(told, str) else f'<c><v>{told}</v></c>'}</row>"
        for name, told in facts
    )
    columns = '<col min="1" max="1" width="28" customWidth="1"/><col min="2" max="2" width="48" customWidth="1"/>'
    return (
        f'{_XML}<worksheet xmlns="{_MAIN}"><cols>{columns}</cols><sheetData>{rows}</sheetData></worksheet>'
    ).encode()


def _text(written: str, style: int = PLAIN) -> str:
    return f'<c s="{style}" t="inlineStr"><is><t xml:space="preserve">{escape(written)}</t></is></c>'


def _fixed_parts(sheets: Sequence[str], zone: str) -> dict[str, str]:
    numbers = range(1, len(sheets) + 1)
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{_TYPE}.worksheet+xml"/>'
        for number in numbers
    )
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{number}" r:id="rId{number}"/>'
        for number, name in zip(numbers, sheets, strict=True)
    )
    targets = "".join(
        f'<Relationship Id="rId{number}" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        for number in numbers
    )
    relationships = f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
    return {
        "[Content_Types].xml": (
            f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>{overrides}</Types>'
        ),
        "_rels/.rels": (
            f'{relationships}<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/>'
            "</Relationships>"
        ),
        "xl/workbook.xml": (
            f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>{listed}</sheets></workbook>'
        ),
        "xl/_rels/workbook.xml.rels": (
            f'{relationships}{targets}<Relationship Id="rId{len(sheets) + 1}" Type="{_RELATIONS}/styles"'
            ' Target="styles.xml"/></Relationships>'
        ),
        "xl/styles.xml": _styles(zone),
    }


def _styles(zone: str) -> str:
    formats = {_DAY_FORMAT: "yyyy-mm-dd", _THOUSANDTHS_FORMAT: "0.000", _MOMENT_FORMAT: "yyyy-mm-dd hh:mm:ss"}
    for number, offset in enumerate(offsets_of(zone), start=1):
        hours, minutes = divmod(abs(offset) // 60, 60)
        sign = "-" if offset < 0 else "+"
        formats[_MOMENT_FORMAT + number] = f'{formats[_MOMENT_FORMAT]}"{sign}{hours:02}:{minutes:02}"'
    told = "".join(f'<numFmt numFmtId="{number}" formatCode={quoteattr(code)}/>' for number, code in formats.items())
    used = (*_FORMATS, *list(formats)[3:])
    cells = "".join(
        f'<xf numFmtId="{number}" fontId="{int(place == HEADING)}" fillId="0" borderId="0" xfId="0"'
        f' applyNumberFormat="1" applyFont="1"/>'
        for place, number in enumerate(used)
    )
    font = '<sz val="11"/><name val="Calibri"/><family val="2"/>'
    return (
        f'{_XML}<styleSheet xmlns="{_MAIN}"><numFmts count="{len(formats)}">{told}</numFmts>'
        f'<fonts count="2"><font>{font}</font><font><b/>{font}</font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{len(used)}">{cells}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )
