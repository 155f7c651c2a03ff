"""The three formats tell the same, and what reads them reads back what was booked."""

import csv
import json
import re
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape
from python_calamine import CalamineWorkbook

from money import UnknownCurrency
from reconciliation.exporting import selecting
from reconciliation.exporting.blocks import blocks
from reconciliation.exporting.cells import CONTROL_CHARACTERS
from reconciliation.exporting.reading import Totals, rows_of, snapshot
from reconciliation.exporting.report import Column, Kind, Report
from reconciliation.exporting.workbook import write_workbook
from reconciliation.models import ExportFormat

ALL_KINDS = Report(
    slug="all-kinds",
    title="All kinds",
    columns=(
        Column("number", Kind.COUNT),
        Column("text", Kind.TEXT),
        Column("reference", Kind.REFERENCE),
        Column("own", Kind.OWN),
        Column("currency", Kind.WORD),
        Column("amount_minor", Kind.MINOR),
        Column("amount", Kind.MAJOR, currency="currency"),
        Column("rate", Kind.RATE),
        Column("day", Kind.DATE),
        Column("at", Kind.TIME),
        Column("is_paid", Kind.FLAG),
    ),
    order=("number",),
    totals=(("amount_minor", "currency"),),
)
SELECT = """
SELECT number::bigint, text, reference, 'tx_' || number AS own, currency::text, minor::bigint AS amount_minor,
       minor::bigint AS amount,
       rate::numeric, day::date, at::timestamptz, is_paid::boolean
  FROM json_to_recordset(%(rows)s) AS row(number bigint, text text, reference text, currency text, minor bigint,
                                          rate text, day text, at text, is_paid boolean)
"""

ROW = """
SELECT 'Tour ' || number AS text, md5(number::text) AS reference, 'EUR' AS currency, number * 100 AS minor,
       '0.25' AS rate, '2026-03-01' AS day, '2026-03-01T08:30:00Z' AS at, true AS is_paid
"""


@pytest.fixture
def written(transactional_db, monkeypatch):
    """Write rows in a format and a zone, and return the bytes."""
    monkeypatch.setattr(selecting, "statement", lambda name: SELECT)

    def write(rows: list[dict[str, Any]], form: ExportFormat, zone: str = "UTC", rows_per_sheet: int = 50) -> bytes:
        for row in rows:
            for name in ("text", "reference", "currency", "minor", "rate", "day", "at", "is_paid"):
                row.setdefault(name, None)
        output, totals = BytesIO(), Totals(ALL_KINDS)
        with snapshot(zone) as cursor:
            lines = rows_of(cursor, ALL_KINDS, form, zone, {"rows": json.dumps(rows)}, totals)
            if form is ExportFormat.XLSX:
                facts: list[tuple[str, str | int]] = [("Report", "All <kinds> & more"), ("Rows", len(rows))]
                counts = write_workbook(
                    output, report=ALL_KINDS, zone=zone, facts=lambda: facts, rows=lines, rows_per_sheet=rows_per_sheet
                )
                assert sum(counts) == len(rows)
            else:
                output.writelines(lines)
        assert (totals.rows, totals.sums) == (len(rows), sums_of(rows))
        return output.getvalue()

    return write


def sums_of(rows: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Return what a seal is to say: of what has an amount and a currency."""
    sums: dict[str, int] = {}
    for row in rows:
        if row["currency"] is not None and row["minor"] is not None:
            sums[row["currency"]] = sums.get(row["currency"], 0) + row["minor"]
    return {"amount_minor": sums} if sums else {}


def by_openpyxl(content: bytes) -> list[list[Any]]:
    book = openpyxl.load_workbook(BytesIO(content))
    return [[cell.value for cell in row] for sheet in book.worksheets[1:] for row in sheet.iter_rows(min_row=2)]


def by_calamine(content: bytes) -> list[list[Any]]:
    book = CalamineWorkbook.from_filelike(BytesIO(content))
    rows: Iterator[list[Any]] = (
        row for name in book.sheet_names[1:] for row in book.get_sheet_by_name(name).to_python()[1:]
    )
    return [[None if value == "" else value for value in row] for row in rows]


def test_each_kind_of_column_is_read_back_as_what_it_is(written):
    rows = [
        {
            "number": 1,
            "text": "Müller & Søn <GmbH>",
            "reference": "007",
            "currency": "EUR",
            "minor": 1_250,
            "rate": "0.304000001",
            "day": "2026-02-28",
            "at": "2026-03-01T08:30:00.999999Z",
            "is_paid": True,
        },
        {"number": 2, "reference": "12345678901234567890", "currency": "JPY", "minor": -5_000, "is_paid": False},
        {"number": 3, "text": "", "reference": "1E5", "currency": "KWD", "minor": 1_234_567},
    ]

    comma = written(rows, ExportFormat.CSV, "Europe/Berlin").decode()
    lines = [json.loads(line) for line in written(rows, ExportFormat.JSONL, "Europe/Berlin").splitlines()]
    book = written(rows, ExportFormat.XLSX, "Europe/Berlin")

    assert comma == (
        "number,text,reference,own,currency,amount_minor,amount,rate,day,at (Europe/Berlin),is_paid\n"
        "1,Müller & Søn <GmbH>,007,tx_1,EUR,1250,12.50,0.304000001,2026-02-28,2026-03-01 09:30:00+01,true\n"
        "2,,12345678901234567890,tx_2,JPY,-5000,-5000,,,,false\n"
        "3,,1E5,tx_3,KWD,1234567,1234.567,,,,\n"
    )
    assert [list(line.values()) for line in lines] == [
        [
            1,
            "Müller & Søn <GmbH>",
            "007",
            "tx_1",
            "EUR",
            1_250,
            12.5,
            0.304000001,
            "2026-02-28",
            "2026-03-01T09:30:00+01:00",
            True,
        ],
        [2, None, "12345678901234567890", "tx_2", "JPY", -5_000, -5_000, None, None, None, False],
        [3, "", "1E5", "tx_3", "KWD", 1_234_567, 1_234.567, None, None, None, None],
    ]
    for read in (by_openpyxl(book), by_calamine(book)):
        assert [
            [value.date() if place == 8 and isinstance(value, datetime) else value for place, value in enumerate(row)]
            for row in read
        ] == [
            [
                *(1, "Müller & Søn <GmbH>", "007", "tx_1", "EUR", 1_250, 12.5, 0.304000001),
                *(date(2026, 2, 28), datetime.fromisoformat("2026-03-01T09:30:00"), True),
            ],
            [2, None, "12345678901234567890", "tx_2", "JPY", -5_000, -5_000, None, None, None, False],
            [3, None, "1E5", "tx_3", "KWD", 1_234_567, 1_234.567, None, None, None, None],
        ]
    sheet = openpyxl.load_workbook(BytesIO(book))["all-kinds"]
    assert [cell.number_format for cell in sheet[2]][2:10] == [
        *("@", "@", "General", "0", "0.00", "General", "yyyy-mm-dd"),
        'yyyy-mm-dd hh:mm:ss"+01:00"',
    ]
    assert [sheet[f"G{row}"].number_format for row in (2, 3, 4)] == ["0.00", "0", "0.000"]
    about = openpyxl.load_workbook(BytesIO(book))["About"]
    assert [[cell.value for cell in row] for row in about] == [["Report", "All <kinds> & more"], ["Rows", 3]]


@pytest.mark.parametrize(
    ("zone", "moments"),
    [
        # In spring an hour is left out; in autumn one comes twice, and is told apart by its offset.
        (
            "Europe/Berlin",
            {
                "2026-03-29T00:59:59Z": ("2026-03-29 01:59:59", "+01:00"),
                "2026-03-29T01:00:00Z": ("2026-03-29 03:00:00", "+02:00"),
                "2026-10-25T00:30:00Z": ("2026-10-25 02:30:00", "+02:00"),
                "2026-10-25T01:30:00Z": ("2026-10-25 02:30:00", "+01:00"),
            },
        ),
        (
            "America/New_York",
            {
                "2026-03-08T06:59:59Z": ("2026-03-08 01:59:59", "-05:00"),
                "2026-03-08T07:00:00Z": ("2026-03-08 03:00:00", "-04:00"),
                "2026-11-01T05:30:00Z": ("2026-11-01 01:30:00", "-04:00"),
                "2026-11-01T06:30:00Z": ("2026-11-01 01:30:00", "-05:00"),
            },
        ),
        (
            "Australia/Lord_Howe",
            {
                "2026-04-04T14:45:00Z": ("2026-04-05 01:45:00", "+11:00"),
                "2026-04-04T15:15:00Z": ("2026-04-05 01:45:00", "+10:30"),
                "2026-10-03T15:29:59Z": ("2026-10-04 01:59:59", "+10:30"),
                "2026-10-03T15:30:00Z": ("2026-10-04 02:30:00", "+11:00"),
            },
        ),
    ],
)
def test_the_edges_of_summer_time_are_told_with_their_offset(written, zone, moments):
    rows = [{"number": number, "at": at} for number, at in enumerate(moments)]
    walls = [f"{wall}{offset}" for wall, offset in moments.values()]

    comma = list(csv.DictReader(written(rows, ExportFormat.CSV, zone).decode().splitlines()))
    lines = [json.loads(line) for line in written(rows, ExportFormat.JSONL, zone).splitlines()]
    book = written(rows, ExportFormat.XLSX, zone)

    assert [row[f"at ({zone})"] for row in comma] == [wall.removesuffix(":00") for wall in walls]
    assert [line["at"] for line in lines] == [wall.replace(" ", "T") for wall in walls]
    cells = [row[9] for row in openpyxl.load_workbook(BytesIO(book))["all-kinds"].iter_rows(min_row=2)]
    assert [f"{cell.value}{cell.number_format.split(chr(34))[1]}" for cell in cells] == walls
    assert [f"{row[9]}" for row in by_calamine(book)] == [wall for wall, _ in moments.values()]
    told = [datetime.fromisoformat(line["at"]).astimezone(UTC) for line in lines]
    assert told == [datetime.fromisoformat(at) for at in moments]


hostile = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"), st.sampled_from("=+-@\t\r\n<>&'\"_x0041\x07")
    ),
    max_size=12,
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.one_of(hostile, st.sampled_from(["_x0041_", "=1+1", "\t=1", " -2", "@A1", "＝1"])), max_size=20)
)
def test_no_text_becomes_a_formula_or_another_text(written, texts):
    rows = [{"number": number, "text": text} for number, text in enumerate(texts)]

    comma = list(csv.DictReader(written(rows, ExportFormat.CSV).decode().splitlines(keepends=True)))
    told = [json.loads(line)["text"] for line in written(rows, ExportFormat.JSONL).decode().split("\n")[:-1]]
    book = written(rows, ExportFormat.XLSX, rows_per_sheet=6)

    assert [row["number"] for row in comma] == [str(number) for number in range(len(texts))]
    for row, text in zip(comma, told, strict=True):
        assert row["text"] in (text, f"'{text}")
        assert not row["text"].lstrip().startswith(tuple("=+-@＝＋－＠"))
    assert told == [re.sub(f"[{CONTROL_CHARACTERS}]+", " ", text) for text in texts]
    # A reader of its own cells alone: what stands for a character must be escaped for Excel.
    assert [unescape(row[1] or "") for row in by_openpyxl(book)] == told
    assert [row[1] or "" for row in by_calamine(book)] == told


@pytest.mark.parametrize("form", list(ExportFormat))
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    amounts=st.lists(
        st.tuples(
            st.sampled_from(["EUR", "JPY", "KWD", None]), st.one_of(st.none(), st.integers(-(2**52), 2**52)), hostile
        ),
        min_size=1,
        max_size=20,
    )
)
def test_what_is_sealed_is_what_the_rows_come_to(written, form, amounts):
    rows = [
        {"number": number, "currency": currency, "minor": minor, "text": text}
        for number, (currency, minor, text) in enumerate(amounts)
    ]

    # What is written is added up, and the sums are compared there.
    assert written(rows, form)


@pytest.mark.parametrize("form", list(ExportFormat))
@pytest.mark.parametrize("odd", ["", "A,B", '"', "E\nR", "eur"])
def test_what_is_no_currency_is_never_sealed_as_one(written, form, odd):
    with pytest.raises(UnknownCurrency):
        written([{"number": 1, "currency": odd, "minor": 5}], form)


def test_a_full_sheet_is_followed_by_another_and_none_is_empty(written):
    rows = [{"number": number, "minor": 1} for number in range(8)]

    books = {count: written(rows[:count], ExportFormat.XLSX, rows_per_sheet=5) for count in (0, 4, 5, 8)}

    sheets = {count: openpyxl.load_workbook(BytesIO(book)).sheetnames for count, book in books.items()}
    assert sheets == {
        0: ["About", "all-kinds"],
        4: ["About", "all-kinds"],
        5: ["About", "all-kinds", "all-kinds 2"],
        8: ["About", "all-kinds", "all-kinds 2"],
    }
    assert [[row[0] for row in by_calamine(book)] for book in books.values()] == [
        list(range(count)) for count in (0, 4, 5, 8)
    ]
    assert written(rows, ExportFormat.XLSX) == written(rows, ExportFormat.XLSX)


def test_decimals_are_those_of_every_currency(written):
    rows = [
        {"number": number, "currency": code, "minor": 1} for number, code in enumerate(("EUR", "JPY", "KWD", "CLP"))
    ]

    lines = written(rows, ExportFormat.JSONL).decode().splitlines()

    assert [json.loads(line, parse_float=Decimal)["amount"] for line in lines] == [
        *(Decimal("0.01"), 1, Decimal("0.001"), 1)
    ]


def test_an_export_reads_and_waits_for_as_long_as_it_takes(transactional_db):
    with snapshot("UTC") as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name ~ '^(statement|lock|idle_in.*)_timeout'")

        assert {name: limit for name, limit in cursor if limit != "0"} == {}


@pytest.mark.parametrize("form", list(ExportFormat))
def test_memory_does_not_grow_with_the_rows(transactional_db, monkeypatch, tmp_path, form):
    select = f"{SELECT.split('FROM json')[0]} FROM generate_series(1, %(count)s) AS number, LATERAL ({ROW}) AS row"
    monkeypatch.setattr(selecting, "statement", lambda name: select)

    def peak_of(count: int) -> int:
        with snapshot("UTC") as cursor, (tmp_path / f"{count}").open("wb") as file:
            lines = rows_of(cursor, ALL_KINDS, form, "UTC", {"count": count}, Totals(ALL_KINDS))
            tracemalloc.start()
            if form is ExportFormat.XLSX:
                written = sum(write_workbook(file, report=ALL_KINDS, zone="UTC", facts=list, rows=lines))
            else:
                written = 0
                for rows, block in blocks(lines):
                    file.write(block)
                    written += rows
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert written == count + (form is ExportFormat.CSV)
        return peak

    few, many = peak_of(10_000), peak_of(60_000)

    assert many < few * 1.2 < 8_000_000
