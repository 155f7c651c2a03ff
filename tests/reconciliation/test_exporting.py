"""An export is what its filter and watermark say, in every format, and comes out the same again."""

import csv
import errno
import hashlib
import json
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import Error, IntegrityError, connection, transaction
from django.utils import timezone

from payments.services.periods import close_month
from reconciliation.errors import ExportIsBusy, FileIsGone, UnusableFilter
from reconciliation.models import ExportFormat, ExportRun
from reconciliation.services import export_files
from reconciliation.services.asking import ask_for_export
from reconciliation.services.export_files import file_of
from reconciliation.services.exporting import write_export
from reconciliation.tasks import prune_exports, write_exports
from tests.processes import process_environment, wait_until
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
    assert (run.state, run.rows_written, run.asked_by) == ("DONE", 7, "command")


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
        ("--month", "9999-12"): "a month is such as 2026-03, and not '9999-12'",
        ("--month", "2026-03", "--from", "2026-03-05"): "--month is a period of its own, without --from and --to",
        ("--output", "/nowhere/march.csv"): "there is no directory /nowhere",
    }.items():
        with pytest.raises(CommandError, match=reason):
            call_command("export_report", "payments", *args)
    assert ExportRun.objects.count() == 2


def asked(**fields: Any) -> ExportRun:
    return ask_for_export(
        **{
            "slug": "payments",
            "form": ExportFormat.CSV,
            "filters": MARCH,
            "is_live": True,
            "asked_by": "ada",
            "now": timezone.now(),
            "as_of": CLOSED,
            **fields,
        }
    )


def test_a_closed_month_comes_out_the_same_after_what_came_later(month, tmp_path):
    for first_day in (date(2026, 2, 1), date(2026, 3, 1)):
        close_month(month=first_day, by="ada", now=CLOSED)
    first = asked(as_of=None)
    write_export(run=first)
    month.books(month.card, 9_900, CLOSED - timedelta(days=20))
    month.card.postings[0].posted_at = CLOSED + timedelta(days=1)
    month.card.save()

    second = asked(as_of=None, form=ExportFormat.XLSX)
    third = asked(as_of=None)
    april = asked(as_of=None, filters={"from": "2026-03-01", "to": "2026-05-01"})
    assert write_exports() == 3

    second.refresh_from_db()
    third.refresh_from_db()
    april.refresh_from_db()
    assert [run.as_of for run in (first, second, third)] == [CLOSED] * 3
    assert (third.sha256, third.rows_written, second.rows_written) == (first.sha256, 7, 7)
    assert (april.as_of > CLOSED, april.rows_written) == (True, 9)
    for run in (first, second):
        told = StringIO()
        call_command("verify_export", run.stored_path, stdout=told)
        assert told.getvalue().endswith("written again it is the same, byte for byte\n")
    Path(third.stored_path).write_bytes(b"other")
    with pytest.raises(CommandError, match="is no export of ours, or was changed since"):
        call_command("verify_export", third.stored_path)


def test_who_repeats_the_watermark_as_it_is_told_has_the_same_bytes(month, tmp_path):
    closed_at = CLOSED - timedelta(hours=1) + timedelta(microseconds=734_000)
    for first_day in (date(2026, 2, 1), date(2026, 3, 1)):
        close_month(month=first_day, by="ada", now=closed_at)
    month.books(month.card, 9_900, CLOSED - timedelta(days=40))
    month.card.postings[0].posted_at = closed_at - timedelta(microseconds=1)
    month.card.save()

    told = asked(as_of=None)
    again = asked(as_of=told.as_of)
    by_hand = march(tmp_path, "--as-of", "2026-04-02T07:00:01")
    write_exports()

    told.refresh_from_db()
    again.refresh_from_db()
    assert told.as_of == CLOSED - timedelta(hours=1) + timedelta(seconds=1)
    assert told.sha256 == again.sha256 == hashlib.sha256(by_hand.read_bytes()).hexdigest()


def test_a_month_that_was_closed_a_moment_ago_is_to_be_had_some_minutes_later(month):
    for first_day in (date(2026, 2, 1), date(2026, 3, 1)):
        close_month(month=first_day, by="ada", now=CLOSED)

    with pytest.raises(UnusableFilter, match="closed a moment ago: ask again in a few minutes"):
        asked(as_of=None, now=CLOSED + timedelta(minutes=1))

    assert asked(as_of=None, now=CLOSED + timedelta(minutes=3)).as_of == CLOSED


def test_an_export_that_a_worker_died_over_is_begun_anew_and_given_up_after_three(month, folder):
    run = asked()
    script = (
        "import django, os, signal, sys; django.setup()\n"
        "from django.conf import settings\n"
        "settings.RECONCILIATION['EXPORT_DIRECTORY'] = __import__('pathlib').Path(sys.argv[2])\n"
        "from reconciliation.models import ExportRun\n"
        "from reconciliation.services.exporting import write_export\n"
        "die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_export(run=ExportRun.objects.get(pk=sys.argv[1]), progress=die)\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script, str(run.pk), str(folder)], env=process_environment(), check=False
    )
    run.refresh_from_db()
    assert (killed.returncode, run.state, run.tries) == (-signal.SIGKILL, "RUNNING", 1)
    assert [path.suffix for path in folder.iterdir()] == [".part"]
    with pytest.raises(FileIsGone, match="is not written yet"):
        file_of(run)

    # The lock goes when the server has seen that the process is gone.
    wait_until(lambda: write_exports() == 1)

    run.refresh_from_db()
    assert (run.state, run.tries, run.rows_written) == ("DONE", 2, 7)
    assert file_of(run).read_bytes().count(b"\n") == 8
    assert sorted(folder.iterdir()) == [file_of(run), file_of(run).with_suffix(".csv.seal.json")]
    hopeless = asked()
    ExportRun.objects.filter(pk=hopeless.pk).update(state="RUNNING", tries=3)
    export_files.path_for(hopeless).write_text("a process died before this was noted")
    assert write_exports() == 0
    assert not export_files.path_for(hopeless).exists()
    hopeless.refresh_from_db()
    assert (hopeless.state, hopeless.problem) == ("FAILED", "3 workers died over it")


def test_a_disk_that_is_full_when_the_seal_is_written_keeps_nothing_that_nobody_would_delete(
    month, folder, monkeypatch
):
    run = asked()

    def refuse(*_args, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(Path, "write_text", refuse)
        assert write_exports() == 0

    run.refresh_from_db()
    assert (run.state, run.stored_path, list(folder.iterdir())) == ("RUNNING", "", [])
    assert "No space left on device" in run.problem
    assert write_exports() == 1
    run.refresh_from_db()
    assert (run.state, run.problem, len(list(folder.iterdir()))) == ("DONE", "", 2)


def test_a_copy_that_breaks_off_leaves_nothing_of_its_name(month, tmp_path, monkeypatch):
    target = tmp_path / "march.csv"
    target.write_text("the one before")
    copied = shutil.copyfile

    def break_off(source: Path, unfinished: Path) -> None:
        copied(source, unfinished)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(shutil, "copyfile", break_off)
        with pytest.raises(CommandError, match=r"the file could not be written: .Errno 28. No space left on device"):
            call_command("export_report", "payments", "--month", "2026-03", "--output", str(target))

    assert target.read_text() == "the one before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["exports", "march.csv"]


def test_an_export_with_a_fault_of_ours_says_which_and_holds_up_no_other(month, folder):
    faulty = ExportRun.objects.create(
        report="withdrawn", format="csv", zone=ZONE, is_live=True, as_of=CLOSED, asked_by="ada", asked_at=CLOSED
    )
    sound = asked()

    with pytest.raises(ExceptionGroup, match="some exports were not written"):
        write_exports()

    faulty.refresh_from_db()
    sound.refresh_from_db()
    assert (faulty.state, faulty.tries, sound.state) == ("RUNNING", 1, "DONE")
    assert faulty.problem.startswith("UnknownReport: there is no report 'withdrawn'")
    assert sorted(path.name for path in folder.iterdir()) == [
        *(f"{sound.pk.hex}.csv", f"{sound.pk.hex}.csv.seal.json"),
    ]


def test_who_lost_the_database_takes_no_file_from_who_came_after(month, folder):
    run = asked()
    after = []

    def come_after() -> int:
        try:
            return write_exports()
        finally:
            connection.close()

    def lose_the_database(_written: int) -> None:
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid])
        other.close()
        with ThreadPoolExecutor(1) as pool:
            after.append(pool.submit(come_after).result())

    with pytest.raises((Error, psycopg.Error)):
        write_export(run=run, progress=lose_the_database)
    connection.close()

    run.refresh_from_db()
    assert (after, run.state, run.tries) == ([1], "DONE", 2)
    assert hashlib.sha256(file_of(run).read_bytes()).hexdigest() == run.sha256
    assert len(list(folder.iterdir())) == 2


def test_two_processes_never_write_one_export(month):
    run = asked()
    other = connection.copy()
    try:
        key = int.from_bytes(run.pk.bytes[:4], signed=True)
        other.cursor().execute("SELECT pg_advisory_lock(%s, %s)", [0xE4907, key])

        with pytest.raises(ExportIsBusy):
            write_export(run=run)
        assert write_exports() == 0
        other.cursor().execute("SELECT pg_advisory_unlock(%s, %s)", [0xE4907, key])
        assert write_exports() == 1
    finally:
        other.close()


def test_a_seal_is_never_changed_and_a_file_goes_after_its_time(month, folder):
    run = asked()
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        ExportRun.objects.filter(pk=run.pk).update(as_of=timezone.now())
    write_exports()

    for change in ({"sha256": "0" * 64}, {"rows_written": 8}, {"filters": {}}, {"state": "ASKED"}):
        with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
            ExportRun.objects.filter(pk=run.pk).update(**change)
    with pytest.raises(IntegrityError, match="never deleted"), transaction.atomic():
        run.delete()

    assert (prune_exports(), len(list(folder.iterdir()))) == (0, 2)
    later = timezone.now() + timedelta(days=91)
    assert (export_files.prune_exports(now=later), list(folder.iterdir())) == (1, [])
    run.refresh_from_db()
    with pytest.raises(FileIsGone, match="was deleted; ask for it again as of 2026-04-02T06:00:00"):
        file_of(run)
