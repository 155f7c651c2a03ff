"""A file is read exactly as it says, or refused with the number of the line and the reason."""

import codecs
import subprocess
import sys
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from reconciliation.errors import BadLines, UnreadableFile
from reconciliation.importing.columns import AMOUNTS, TEXTS, TIMES
from reconciliation.importing.reading import LONGEST_LINE
from reconciliation.models import (
    BadLine,
    BatchPosting,
    Discrepancy,
    Match,
    SettlementBatch,
    SettlementLine,
    SettlementReport,
    SettlementSource,
)
from reconciliation.services.importing import source_for
from tests.processes import process_environment
from tests.reconciliation.till import ADYEN, NOON, account_row, payout, settled, till_of, written

SAMPLE = Path(__file__).resolve().parents[2].parent / "shared" / "specs" / "adyen"
SAMPLE_FILE = SAMPLE / "sample-settlement_detail_report_batch_42.csv"


def nothing_was_taken_in():
    return not any(model.objects.exists() for model in (SettlementLine, SettlementBatch, Match, Discrepancy))


@pytest.mark.skipif(not SAMPLE_FILE.exists(), reason="the vendor's published sample is not beside the checkout")
def test_the_published_sample_of_adyen_adds_up(till):
    till.imports(SAMPLE_FILE)

    batch = SettlementBatch.objects.get()
    assert (batch.reference, batch.state, batch.payout_minor, batch.line_count) == ("42", "BALANCED", 8_019, 14)
    first = SettlementLine.objects.get(line_number=2)
    assert (first.gross_minor, first.net_minor, first.fee_minor) == (12_000, 11_955, 45)
    assert first.occurred_at == datetime(2025, 11, 10, 8, 12, 44, tzinfo=UTC)
    yen = SettlementLine.objects.get(gross_currency="JPY")
    assert (yen.gross_minor, yen.net_minor, yen.fee_minor) == (5_000, 3_000, 50)
    costly = SettlementLine.objects.get(gross_currency="INR")
    assert (costly.gross_minor, costly.net_minor, costly.fee_minor) == (1_000, -3, 14)
    assert till.found() == {"MISSING_HERE": 9}


def test_the_same_file_twice_changes_nothing(till, tmp_path):
    rows = [settled(4_500, "P1", fee="0.45")]
    path = written(tmp_path / "batch.csv", [*rows, payout(rows)])
    till.imports(path)
    counted = [SettlementReport, SettlementBatch, SettlementLine, Match, Discrepancy, BatchPosting]
    before = [model.objects.count() for model in counted]

    again = till.imports(path)

    assert not again.is_new
    assert [model.objects.count() for model in counted] == before


def test_lines_that_an_earlier_file_brought_are_left_out(till, tmp_path):
    same = settled(4_500, "P1")
    till.imports(written(tmp_path / "first.csv", [same, same, settled(1_000, "P2")]))

    rows = [settled(700, "P3"), same, same, same, settled(1_000, "P2")]
    later = till.imports(written(tmp_path / "second.csv", rows, encoding="utf-16"))

    assert (later.report.known_count, later.report.line_count, later.report.superseded_count) == (3, 2, 0)
    assert SettlementLine.objects.filter(payment_reference="P1").count() == 3
    assert SettlementBatch.objects.get().line_count == 5


def test_a_line_whose_type_is_known_by_now_is_known_all_the_same(payment, tmp_path):
    till = till_of(payment, gateway="external")
    source = source_for(till.account.slug, now=NOON)
    columns = {
        "type": {"header": "Kind"},
        "gross": {"header": "Amount"},
        "gross_currency": {"header": "Currency"},
        "occurred_at": {"header": "Day", "unit": "YYYY-MM-DD"},
    }
    rows = ["Kind,Amount,Currency,Day", "Sale,45.00,EUR,2026-11-10", "Voucher,9.00,EUR,2026-11-10"]
    for types, more in (
        ({"Sale": "CAPTURE"}, []),
        ({"Sale": "CAPTURE", "Voucher": "CAPTURE"}, ["Sale,1.00,EUR,2026-11-10"]),
    ):
        SettlementSource.objects.filter(pk=source.pk).update(column_map={"columns": columns, "types": types})
        path = tmp_path / f"{len(types)}.csv"
        path.write_text("\n".join([*rows, *more]))

        report = till.imports(path).report

    assert (report.known_count, report.line_count) == (2, 1)
    assert sorted(SettlementLine.objects.values_list("gross_minor", flat=True)) == [100, 900, 4_500]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Gross Credit (GC)": "45,00"}, "Gross Credit (GC): “45,00” is no amount"),
        ({"Gross Credit (GC)": "4.5e1"}, "Gross Credit (GC): “4.5e1” is no amount"),
        ({"Gross Credit (GC)": "NaN"}, "Gross Credit (GC): “NaN” is no amount"),
        ({"Gross Credit (GC)": "=45"}, "Gross Credit (GC): “=45” is no amount"),
        ({"Gross Credit (GC)": "45.001"}, "an amount has more decimals than its currency"),
        ({"Net Currency": "XXX"}, "Net Currency: “XXX” is no currency that we know the decimals of"),
        ({"Creation Date": "2026-02-30 10:00:00"}, "Creation Date: “2026-02-30 1” is no time as the column map says"),
        ({"Creation Date": "10/11/2026"}, "Creation Date: “10/11/2026” is no time as the column map says"),
        ({"TimeZone": "IST"}, "Creation Date: “2026-11-12 1” is no time as the column map says"),
        ({"Batch Number": ""}, "it names no batch"),
        ({"Psp Reference": "P" * 121}, "Psp Reference: “PPPPPPPPPPPP” is longer than 120 characters"),
        ({"Net Credit (NC)": "4111111111111111"}, "Net Credit (NC): “411111111111” is no amount"),
        ({"Net Credit (NC)": "all", "Net Currency": "USD"}, "Net Credit (NC): “all” is no amount"),
        ({"Creation Date": " 2026-02-30 10:00:00"}, "Creation Date: “2026-02-30 1” is no time as the column map says"),
    ],
)
def test_a_bad_line_is_named_with_its_reason(till, tmp_path, change, reason):
    rows = [settled(100, "P1"), settled(4_500, "P2") | change]

    with pytest.raises(BadLines) as refusal:
        till.imports(written(tmp_path / "batch.csv", rows))

    assert refusal.value.first == [(3, reason)]
    assert nothing_was_taken_in()
    assert SettlementReport.objects.get().state == "REJECTED"
    assert list(BadLine.objects.values_list("line_number", "reason")) == [(3, reason)]


def test_a_file_may_have_every_field_there_is(payment, tmp_path):
    till = till_of(payment, gateway="external")
    units = {field: {"unit": "YYYY-MM-DD"} for field in TIMES}
    fields = sorted(TEXTS | AMOUNTS | TIMES)
    columns = {field: {"header": field} | units.get(field, {}) for field in fields}
    source = source_for(till.account.slug, now=NOON)
    SettlementSource.objects.filter(pk=source.pk).update(column_map={"columns": columns, "types": {"Sale": "CAPTURE"}})
    said = {"type": "Sale", "gross": "12.50", "gross_currency": "EUR", "occurred_at": "2026-03-02", "batch_number": "7"}
    path = tmp_path / "till.csv"
    path.write_text("\n".join([",".join(fields), ",".join(said.get(field, "") for field in fields)]))

    till.imports(path)

    line = SettlementLine.objects.get()
    assert (line.kind, line.gross_minor, line.net_minor, line.batch.reference) == ("CAPTURE", 1_250, 1_250, "7")


def test_cells_are_read_alike_with_blanks_around_them(till, tmp_path):
    plain = settled(4_500, "P1")
    rows = [
        plain,
        {name: f" {cell}\t\u00a0" for name, cell in plain.items()},
        {name: f"{cell} " for name, cell in plain.items()},
    ]

    till.imports(written(tmp_path / "batch.csv", rows))

    names = [field.attname for field in SettlementLine._meta.fields if field.attname not in ("id", "line_number")]
    assert SettlementLine.objects.count() == 3
    assert [list(line) for line in SettlementLine.objects.values_list(*names).distinct()] == [
        list(SettlementLine.objects.order_by("line_number").values_list(*names)[0])
    ]


def test_an_amount_is_read_alike_however_plain_the_others_of_its_row_are(till, tmp_path):
    read = {"7": 700, "-7": -700, "7.5": 750, "007.50": 750, "1,234.50": 123_450, "+7": 700, "7.50-": -750, "(7)": -700}
    read |= {" 7.5\u00a0": 750, "1 234": 123_400, "999999999999999": 99_999_999_999_999_900}
    refused = [
        "7.",
        ".5",
        "-.5",
        "--7",
        "7-5",
        "1.2.3",
        "7,5",
        "-",
        ".",
        "1e3",
        "NaN",
        "Infinity",
        "1_000",
        "0x10",
        "７",
    ]
    refused += ["9999999999999999", "7|5", "7 5", "= 7", "7\u200b"]
    rows = [
        settled(100, f"{neighbor}{number}", **{"Gross Credit (GC)": cell, "Commission (NC)": fee})
        for neighbor, fee in (("PLAIN", "0.10"), ("ODD", "(0.10)"))
        for number, cell in enumerate([*read, *refused])
    ]

    report = till.imports(written(tmp_path / "batch.csv", rows), skips=True).report

    lines = SettlementLine.objects.filter(report=report).order_by("line_number")
    assert list(lines.values_list("gross_minor", flat=True)) == [*read.values()] * 2
    first_refused, cells = len(read) + 2, len(read) + len(refused)
    assert list(report.bad_lines.order_by("line_number").values_list("line_number", flat=True)) == [
        first_refused + place + again * cells for again in range(2) for place in range(len(refused))
    ]


def test_bad_lines_are_left_out_where_that_is_asked(till, tmp_path):
    path = written(tmp_path / "batch.csv", [settled(100, "P1"), settled(200, "P2") | {"Net Currency": ""}])
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], "too,short", "", lines[2].replace("EUR", "???")]) + "\n")

    report = till.imports(path, skips=True).report

    assert (report.line_count, report.bad_count) == (1, 2)
    assert list(report.bad_lines.order_by("line_number").values_list("line_number", "reason")) == [
        (3, "it has 2 columns and not 25"),
        (5, "Gross Currency: “???” is no currency that we know the decimals of"),
    ]


@pytest.mark.parametrize("minus", ["-4.50", "4.50-", "(4.50)"])
@pytest.mark.parametrize(
    ("mark", "delimiter", "encoding", "thousand"), [(".", ",", "", "1,234.50"), (",", ";", "cp1252", "1.234,50")]
)
def test_a_list_of_an_operators_own_is_read_by_its_map(payment, tmp_path, minus, mark, delimiter, encoding, thousand):
    till = till_of(payment, gateway="external")
    source = source_for(till.account.slug, now=NOON)
    SettlementSource.objects.filter(pk=source.pk).update(
        decimal_mark=mark,
        delimiter=delimiter,
        encoding=encoding,
        time_zone="Europe/Berlin",
        column_map={
            "columns": {
                "gross": {"header": "Betrag"},
                "gross_currency": {"header": "Währung"},
                "occurred_at": {"header": "Tag", "unit": "DD.MM.YYYY"},
                "our_reference": {"header": "Beleg"},
            }
        },
    )
    cells = [["Tag", "Beleg", "Währung", "Betrag"], ["25.10.2026", "A1", "eur", thousand]]
    cells += [["26.10.2026", "A2 4111 1111 1111 1111", "EUR", minus.replace(".", mark)]]
    path = tmp_path / "till.csv"
    quoted = [delimiter.join(f'"{cell}"' for cell in row) for row in cells]
    path.write_bytes("\r\n".join(quoted).encode(encoding or "utf-8-sig"))

    till.imports(path)

    lines = SettlementLine.objects.order_by("line_number")
    assert [(line.kind, line.gross_minor, line.net_minor, line.our_reference) for line in lines] == [
        ("CAPTURE", 123_450, 123_450, "A1"),
        ("REFUND", -450, -450, "A2 **** **** **** 1111"),
    ]
    assert [line.occurred_at.isoformat() for line in lines] == [
        "2026-10-24T22:00:00+00:00",
        "2026-10-25T23:00:00+00:00",
    ]


def mapped_currencies(till, currencies):
    """Give a till's files a map that names their currencies."""
    source = source_for(till.account.slug, now=NOON)
    columns = {
        "gross": {"header": "Amount"},
        "gross_currency": {"header": "Currency"},
        "occurred_at": {"header": "Day", "unit": "YYYY-MM-DD"},
    }
    SettlementSource.objects.filter(pk=source.pk).update(column_map={"columns": columns, "currencies": currencies})


@pytest.mark.parametrize("named", ["Euro", " EURO", "euro"])
def test_a_currency_is_known_by_the_name_that_a_map_has_for_it(payment, tmp_path, named):
    till = till_of(payment, gateway="external")
    mapped_currencies(till, {named: "EUR", "Złoty": "PLN"})
    path = tmp_path / "till.csv"
    path.write_text("Amount,Currency,Day\n45.00,Euro,2026-11-10\n9.00,euro,2026-11-10\n1.00,Złoty,2026-11-10\n")

    till.imports(path)

    lines = SettlementLine.objects.order_by("line_number").values_list("gross_minor", "gross_currency")
    assert list(lines) == [(4_500, "EUR"), (900, "EUR"), (100, "PLN")]


@pytest.mark.parametrize("code", ["EURO", "eur", None])
def test_a_map_that_makes_a_currency_of_what_is_none_is_refused(payment, tmp_path, code):
    till = till_of(payment, gateway="external")
    mapped_currencies(till, {"Euro": code})
    path = tmp_path / "till.csv"
    path.write_text("Amount,Currency,Day\n45.00,Euro,2026-11-10\n")

    with pytest.raises(UnreadableFile, match=f"there is no currency {code} in ISO 4217"):
        till.imports(path)

    assert SettlementReport.objects.get().state == "REJECTED"
    assert SettlementLine.objects.count() == 0


@pytest.mark.parametrize(
    ("zone", "written_at", "instant"),
    [
        ("CEST", "2026-10-25 02:30:00", "2026-10-25T00:30:00+00:00"),
        ("CET", "2026-10-25 02:30:00", "2026-10-25T01:30:00+00:00"),
        ("BST", "2026-03-29 02:00:00", "2026-03-29T01:00:00+00:00"),
        ("PDT", "2026-11-01 01:59:59", "2026-11-01T08:59:59+00:00"),
        ("PST", "2026-11-01 01:59:59", "2026-11-01T09:59:59+00:00"),
    ],
)
def test_an_hour_that_happens_twice_is_told_apart_by_its_zone(till, tmp_path, zone, written_at, instant):
    row = settled(100, "P1") | {"TimeZone": zone, "Creation Date": written_at}

    till.imports(written(tmp_path / "batch.csv", [row]))

    assert SettlementLine.objects.get().occurred_at.isoformat() == instant


def test_columns_are_found_by_name_in_any_order_with_others_between(till, tmp_path):
    header = [*reversed(ADYEN), "Reserved4", "Reserved4", "Metadata (JSON)"]
    row = settled(100, "P1") | {"Metadata (JSON)": 'a "quoted"\nline, with a comma'}

    till.imports(written(tmp_path / "batch.csv", [row], header=header, line_end="\r\n"))

    assert SettlementLine.objects.get().gross_minor == 100


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"PK\x03\x04rest", "the file is packed"),
        (b"\x1f\x8brest", "the file is packed"),
        (codecs.BOM_UTF32_LE + b"x", "the file is UTF-32"),
        (b"\n\n", "the first line has no names of columns"),
        (b"a,b\n1,2\n", "columns are missing: Merchant Account, Psp Reference"),
        (",".join([*ADYEN, "type"]).encode() + b"\n", "columns are there twice: Type"),
        (",".join(ADYEN).encode() + b"\n\0", "the file has a NUL character"),
        (",".join(ADYEN).encode() + b"\n\xff\xfe\xfd", "the file is not utf-8"),
        (",".join(ADYEN).encode() + b"\n" + b"x" * (LONGEST_LINE + 300_000), "a line or a quotation is longer than"),
        (",".join(ADYEN).encode() + b'\n"' + b"x\n" * LONGEST_LINE, "a line or a quotation is longer than"),
    ],
    ids=str,
)
def test_a_file_that_is_none_is_refused_whole(till, tmp_path, content, reason):
    path = tmp_path / "hostile.csv"
    path.write_bytes(content)

    with pytest.raises(UnreadableFile, match=reason.replace("(", r"\(")):
        till.imports(path)

    assert nothing_was_taken_in()
    assert "reconciliation_staging" not in " ".join(connection.introspection.table_names())


def test_a_file_of_another_account_is_refused(till, tmp_path):
    till.imports(written(tmp_path / "ours.csv", [settled(100, "P1")]))

    with pytest.raises(UnreadableFile, match="the file is of HarborUS"):
        till.imports(written(tmp_path / "theirs.csv", [settled(100, "P2", **{"Merchant Account": "HarborUS"})]))

    assert SettlementLine.objects.count() == 1


def test_a_refused_file_may_come_again_once_its_map_is_mended(till, tmp_path):
    path = written(
        tmp_path / "batch.csv", [settled(100, "P1") | {"Gross Credit (GC)": "1,00", "Net Credit (NC)": "1,00"}]
    )
    with pytest.raises(BadLines):
        till.imports(path)
    SettlementSource.objects.update(decimal_mark=",")

    till.imports(path)

    assert SettlementLine.objects.get().gross_minor == 100


def test_the_command_says_what_came_of_a_file(till, tmp_path):
    till.books(4_500, "P1")
    till.save()
    rows = [settled(4_500, "P1"), settled(900, "P9")]
    path = written(tmp_path / "batch.csv", [*rows, payout(rows)])
    told, again = StringIO(), StringIO()

    call_command("import_settlement", str(path), account=till.account.slug, stdout=told)
    call_command("import_settlement", str(path), account=till.account.slug, stdout=again)

    assert told.getvalue() == "batch.csv: 3 lines, 0 known before, 0 bad\nopen MISSING_HERE: 1\n"
    assert again.getvalue() == "batch.csv was imported before; nothing changed\n"
    with pytest.raises(CommandError, match="neither a source nor a gateway account 'nobody'"):
        call_command("import_settlement", str(path), account="nobody")


def test_a_gateway_that_settles_nothing_says_so(payment, tmp_path):
    till = till_of(payment, gateway="spreedly")

    with pytest.raises(UnreadableFile, match="settle nothing; import the report of the processor behind"):
        till.imports(written(tmp_path / "batch.csv", []))


@pytest.mark.django_db(transaction=True)
def test_memory_does_not_grow_with_the_file(till, tmp_path):
    code = """
import resource, sys
import django
django.setup()
from django.core.management import call_command
call_command("import_settlement", sys.argv[1], account=sys.argv[2])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    peaks = []
    for lines in (500, 20_000):
        path = written(tmp_path / f"{lines}.csv", (account_row("Fee", -lines, batch=str(lines)) for _ in range(lines)))
        arguments = [sys.executable, "-c", code, str(path), till.account.slug]
        done = subprocess.run(
            arguments, env=process_environment(), capture_output=True, check=True, text=True, timeout=240
        )
        peaks.append(int(done.stdout.splitlines()[-1]))

    assert peaks[1] < peaks[0] * 1.1
    assert SettlementLine.objects.count() == 20_500
