"""An export is what its filter and watermark say, in every format, and comes out the same again."""

import csv
import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from reconciliation.models import ExportRun
from tests.reconciliation.month import CLOSED, MARCH, ZONE, booked_month


@pytest.fixture
def folder(settings, tmp_path):
    settings.OPERATOR_TIME_ZONE = ZONE
    directory = tmp_path / "exports"
    settings.RECONCILIATION = {**settings.RECONCILIATION, "EXPORT_DIRECTORY": directory}
    return directory


@pytest.fixture
def month(transactional_db, folder):
    return booked_month()


def exported(tmp_path: Path, *args: str) -> Path:
    before = set(tmp_path.iterdir())
    call_command("export_report", *args, "--output", str(tmp_path))
    (made,) = (path for path in set(tmp_path.iterdir()) - before if path.suffix != ".json" and path.is_file())
    return made


def march(tmp_path: Path, *args: str) -> Path:
    return exported(tmp_path, "payments", "--month", "2026-03", "--as-of", CLOSED.isoformat(), *args)


def test_the_month_is_the_operators_in_name_header_filter_and_rows_and_the_seal_says_what_it_came_to(month, tmp_path):
    made = march(tmp_path)

    rows = list(csv.DictReader(made.read_text().splitlines()))
    assert made.name == "payments_2026-03-01_2026-04-01_Europe-Berlin_live.csv"
    assert [(row["operation"], row["paid_at (Europe/Berlin)"], row["amount"], row["currency"]) for row in rows] == [
        ("tx_0002", "2026-03-01 00:00:00+01", "120.00", "EUR"),
        ("tx_0008", "2026-03-08 07:59:59+01", "1234.567", "KWD"),
        ("tx_0007", "2026-03-08 08:00:00+01", "5000", "JPY"),
        ("tx_0011", "2026-03-12 10:30:00+01", "25.00", "EUR"),
        ("tx_0003", "2026-03-29 01:59:59+01", "80.00", "EUR"),
        ("tx_0004", "2026-03-29 03:00:00+02", "80.01", "EUR"),
        ("tx_0005", "2026-03-31 23:59:59+02", "45.00", "EUR"),
    ]
    assert [row["gateway_reference"] for row in rows if row["account"] == "march-till"] == [
        '\'=HYPERLINK("https://example.com";"Click") '
    ]
    content = made.read_bytes()
    seal = json.loads(made.with_name(f"{made.name}.seal.json").read_text())
    assert seal == {
        "report": "payments",
        "filters": MARCH,
        "is_live": True,
        "time_zone": ZONE,
        "as_of": CLOSED.isoformat(),
        "format": "csv",
        "rows": 7,
        "totals": {
            "amount_minor": {"EUR": 12_000 + 2_500 + 8_000 + 8_001 + 4_500, "JPY": 5_000, "KWD": 1_234_567},
            "surcharge_minor": {"EUR": 250, "JPY": 0, "KWD": 0},
            "donation_minor": {"EUR": 0, "JPY": 0, "KWD": 0},
        },
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    run = ExportRun.objects.get()
    assert (run.state, run.rows_written, run.rows_expected, run.asked_by) == ("DONE", 7, 7, "command")


def test_what_is_recorded_after_the_watermark_changes_no_byte(month, tmp_path):
    first = march(tmp_path).read_bytes()
    month.books(month.card, 7_700, CLOSED - timedelta(days=9))
    month.card.postings[0].posted_at = CLOSED + timedelta(seconds=1)
    month.card.save()
    (tmp_path / "again").mkdir()

    second = march(tmp_path / "again").read_bytes()

    assert (second == first, second.count(b"\n")) == (True, 8)
    assert ExportRun.objects.values_list("sha256", flat=True).distinct().count() == 1


def test_filters_narrow_and_what_cannot_be_understood_is_refused(month, tmp_path):
    assert march(tmp_path, "--account", "march-till", "--currency", "EUR").read_text().count("\n") == 2
    (tmp_path / "test").mkdir()
    assert march(tmp_path / "test", "--test").read_text().count("\n") == 1

    for args, reason in {
        ("--account", "nobody"): "there is no gateway account 'nobody'",
        ("--currency", "XXX"): "'XXX' is no currency that we know",
        ("--partner", "nobody"): "there is no partner 'nobody'",
        ("--from", "2026-04-01", "--to", "2026-03-01"): "from is a day before to, which is not included",
        ("--from", "March"): "from is a day such as 2026-03-01, and not 'March'",
        ("--month", "March"): "a month is such as 2026-03, and not 'March'",
    }.items():
        with pytest.raises(CommandError, match=reason):
            call_command("export_report", "payments", *args)
    assert ExportRun.objects.count() == 2
