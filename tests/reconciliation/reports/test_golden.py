"""Every report as its file is kept here, and a closed month the same for ever. `GOLDEN=write` writes the files anew."""

import csv
import json
import os
import re
from datetime import datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from payments.models import ReusableCard
from reconciliation.exporting.registry import REPORTS
from reconciliation.models import ExportFormat, ExportRun
from reconciliation.services.asking import ask_for_export
from reconciliation.services.exporting import write_export
from tests.reconciliation.month import CLOSED, MARCH, ZONE
from tests.reconciliation.reports.asking import rows_of
from tests.reconciliation.reports.world import LATER, happen_later, reported_month

GOLDEN = Path(__file__).parent / "golden"
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


@pytest.fixture
def world(transactional_db, settings, tmp_path):
    settings.OPERATOR_TIME_ZONE = ZONE
    settings.RECONCILIATION = {**settings.RECONCILIATION, "EXPORT_DIRECTORY": tmp_path / "exports"}
    return reported_month()


def exported(slug: str, *, as_of: datetime = CLOSED, form: ExportFormat = ExportFormat.CSV, is_live: bool = True):
    """Export what March came to, or all there is where a report has no period."""
    filters = MARCH if REPORTS[slug].period else {}
    asked: dict[str, Any] = {"slug": slug, "form": form, "filters": filters, "is_live": is_live, "asked_by": "ada"}
    return write_export(run=ask_for_export(now=datetime.now(CLOSED.tzinfo), as_of=as_of, **asked))


def content(run: ExportRun) -> bytes:
    return Path(run.stored_path).read_bytes()


def as_golden(content: bytes) -> str:
    """Name uuids, which are others in every run, by their turn."""
    names: dict[str, str] = {}
    return _UUID.sub(lambda found: names.setdefault(found[0], f"uuid-{len(names) + 1}"), content.decode())


def test_every_report_is_its_golden_file_in_every_format_and_stays_so_when_the_month_is_closed(world):
    closed = {slug: exported(slug) for slug in REPORTS}

    for slug, run in closed.items():
        told = as_golden(content(run))
        path = GOLDEN / f"{slug}.csv"
        if os.environ.get("GOLDEN") == "write":
            path.parent.mkdir(exist_ok=True)
            path.write_text(told, encoding="utf-8", newline="")
        assert told == path.read_text(encoding="utf-8"), slug
    same_in_json(closed)
    same_in_workbooks(closed)

    happen_later(world)

    for slug, run in closed.items():
        again = exported(slug)
        assert (again.sha256, again.totals) == (run.sha256, run.totals), slug
        assert content(again) == content(run), slug
    # The contract that was recorded last counts from then on, for old days too.
    captures = [row for row in rows_of("fees", as_of=LATER) if row["kind"] == "CAPTURE"]
    assert {row["contract_percent"] for row in captures} == {Decimal("9.9")}
    later = as_golden(content(exported("changes-since", as_of=LATER)))
    path = GOLDEN / "changes-since-later.csv"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(later, encoding="utf-8", newline="")
    assert later == path.read_text(encoding="utf-8")


def same_in_json(closed: dict[str, ExportRun]) -> None:
    for slug, run in closed.items():
        rows = [json.loads(line) for line in content(exported(slug, form=ExportFormat.JSONL)).splitlines()]
        table = list(csv.DictReader(content(run).decode().splitlines()))
        assert len(rows) == len(table) == run.rows_written
        for row, cells in zip(rows, table, strict=True):
            minors = {name: value for name, value in row.items() if name.endswith("_minor")}
            assert {name: "" if value is None else str(value) for name, value in minors.items()} == {
                name: cells[name] for name in minors
            }


def same_in_workbooks(closed: dict[str, ExportRun]) -> None:
    for slug, run in closed.items():
        book = CalamineWorkbook.from_filelike(BytesIO(content(exported(slug, form=ExportFormat.XLSX))))
        heading, *rows = book.get_sheet_by_index(1).to_python()
        table = list(csv.DictReader(content(run).decode().splitlines()))
        assert len(rows) == len(table), slug
        for row, cells in zip(rows, table, strict=True):
            for name, value in zip(heading, row, strict=True):
                if str(name).endswith("_minor"):
                    assert cells[str(name)] == ("" if value == "" else f"{value:.0f}"), (slug, name)


@pytest.mark.parametrize(
    ("zone", "first", "last"),
    [
        # Its clocks go forward at the end of the month, and its last second is in summer time.
        ("Europe/Berlin", "2026-03-01 00:00:00+01", "2026-03-31 23:59:59+02"),
        # They do so on the 8th, between the two sales of that morning.
        ("America/New_York", "2026-03-08 01:59:59-05", "2026-03-31 18:00:00-04"),
        # They go back in April: the whole month is eleven hours ahead, and the evening of the 31st is another month.
        ("Australia/Sydney", "2026-03-01 09:59:59+11", "2026-03-29 12:00:00+11"),
    ],
)
def test_the_month_is_the_operators_on_both_sides_of_its_clocks_changes(world, settings, zone, first, last):
    settings.OPERATOR_TIME_ZONE = zone

    rows = list(csv.DictReader(content(exported("payments")).decode().splitlines()))

    times = [row[f"paid_at ({zone})"] for row in rows]
    assert (times[0], times[-1]) == (first, last)
    if zone == "America/New_York":
        assert times[:2] == ["2026-03-08 01:59:59-05", "2026-03-08 03:00:00-04"]
    assert all(time.startswith("2026-03-") for time in times)


def test_live_and_test_never_mix(world):
    for slug, report in REPORTS.items():
        live, test = (content(exported(slug, is_live=is_live)).decode() for is_live in (True, False))
        assert "march-test" not in live, slug
        assert not re.search("march-(cards|till)", test), slug
        if "account" in [column.name for column in report.columns] and slug in ("payments", "journal", "unmatched"):
            assert "march-test" in test, slug
    assert [row["amount_minor"] for row in rows_of("payments", as_of=CLOSED, is_live=False)] == [9_900]


def test_no_report_tells_a_cards_token_or_what_finds_it(world):
    card = ReusableCard.objects.get()

    told = content(exported("reusable-cards")).decode()

    assert card.last4 in told
    assert card.token_fingerprint not in told
    assert bytes(card.token_encrypted).decode() not in told
