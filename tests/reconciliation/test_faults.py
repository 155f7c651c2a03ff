"""Killed between any two steps, or two at once: no line, match, posting or discrepancy comes twice."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from django.db import connection, connections
from django.utils import timezone

from payments.models import ClosedPeriod
from payments.services.periods import close_month
from reconciliation.importing.loading import load
from reconciliation.models import LedgerConsumed, Match, SettlementLine, SettlementReport
from reconciliation.services.importing import import_file
from reconciliation.services.matching import match_report
from tests.payments.races import take_row_locks_away
from tests.processes import database_url, process_environment, wait_until
from tests.reconciliation.till import NOON, payout, settled, written

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def locked(table: str, mode: str) -> Iterator[None]:
    """Keep everybody from writing a table."""
    with psycopg.connect(database_url()) as other, other.transaction():
        other.execute(f"LOCK TABLE {table} IN {mode} MODE")
        yield


def waiting_for(table: str) -> int:
    """Count who waits to write a table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE relation = %s::regclass AND NOT granted", [table])
        return cursor.fetchone()[0]


def staging_tables() -> list[str]:
    """Return the tables that text of files lies in."""
    return [name for name in connection.introspection.table_names() if name.startswith("reconciliation_staging")]


@pytest.mark.parametrize(
    ("table", "state"),
    [
        pytest.param("reconciliation_settlementbatch", "RECEIVED", id="after-the-copy"),
        pytest.param("reconciliation_match", "LOADED", id="after-the-lines"),
        pytest.param("reconciliation_discrepancyevent", "LOADED", id="in-the-middle-of-matching"),
        pytest.param("payments_posting", "LOADED", id="before-the-postings"),
    ],
)
def test_an_import_that_was_killed_goes_on_where_it_was(till, tmp_path, table, state):
    till.books(4_500, "P1")
    till.save()
    rows = [settled(4_500, "P1", fee="0.45"), settled(900, "P9")]
    path = written(tmp_path / "batch.csv", [*rows, payout(rows)])
    command = [sys.executable, "manage.py", "import_settlement", str(path), "--account", till.account.slug]
    with locked(table, "SHARE"):
        with subprocess.Popen(command, env=process_environment(), stdout=subprocess.DEVNULL) as process:
            wait_until(lambda: waiting_for(table), what=f"the import reaching {table}")
            process.kill()
        reached = SettlementReport.objects.get().state

    till.imports(path)

    assert reached == state
    assert (SettlementLine.objects.count(), Match.objects.count(), LedgerConsumed.objects.count()) == (3, 2, 1)
    assert till.found() == {"MISSING_HERE": 1}
    assert till.balances() == {
        "RECEIVABLE EUR": -4_500,
        "CLEARING EUR": -900,
        "FEES EUR": 45,
        "BANK EUR": 5_355,
    }
    assert staging_tables() == []


def test_what_a_killed_import_staged_goes_with_the_next_file_of_its_source(till, tmp_path):
    killed = written(tmp_path / "killed.csv", [settled(4_500, "P1", batch="1", **{"Merchant Reference": "by card"})])
    command = [sys.executable, "manage.py", "import_settlement", str(killed), "--account", till.account.slug]
    with (
        locked("reconciliation_settlementbatch", "SHARE"),
        subprocess.Popen(command, env=process_environment(), stdout=subprocess.DEVNULL) as process,
    ):
        wait_until(lambda: waiting_for("reconciliation_settlementbatch"), seconds=30, what="the import staging")
        process.kill()
    left = staging_tables()

    till.imports(written(tmp_path / "next.csv", [settled(900, "P2", batch="2")]))

    assert len(left) == 1
    assert staging_tables() == []


def test_of_two_imports_of_one_file_one_waits_and_finds_it_done(till, tmp_path):
    till.books(4_500, "P1")
    till.save()
    rows = [settled(4_500, "P1", fee="0.45")]
    path = written(tmp_path / "batch.csv", [*rows, payout(rows)])
    report = till.receives(path)

    def bring(_: int) -> bool:
        try:
            return import_file(report=SettlementReport.objects.get(pk=report.pk), path=path).is_new
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        brought = list(pool.map(bring, range(2)))

    assert sorted(brought) == [False, True]
    assert (SettlementLine.objects.count(), Match.objects.count()) == (2, 2)


def test_an_entry_is_taken_once_by_the_primary_key_alone(till, tmp_path, monkeypatch):
    take_row_locks_away(monkeypatch)
    till.books(4_500, "P1")
    till.save()
    reports = []
    for batch in ("42", "43"):
        rows = [settled(4_500, "P1", batch=batch)]
        path = written(tmp_path / f"{batch}.csv", [*rows, payout(rows, batch=batch)])
        report = till.receives(path)
        load(report=report, path=path, clock=timezone.now, progress=None)
        reports.append(report)

    def match(report: SettlementReport) -> None:
        try:
            match_report(report=report, now=timezone.now())
        finally:
            connections.close_all()

    # Both have decided for the entry before either can write; no lock of ours is held.
    with ThreadPoolExecutor(2) as pool:
        with locked("reconciliation_match", "SHARE"):
            matched = [pool.submit(match, report) for report in reports]
            wait_until(lambda: waiting_for("reconciliation_match") == 2, what="both runs meeting")
        for each in matched:
            each.result()

    assert LedgerConsumed.objects.count() == 1
    assert till.found() == {"DUPLICATE": 1}
    assert Match.objects.exclude(rule="BATCH").count() == 1


def test_nobody_closes_a_month_between_the_postings_of_a_file_and_what_it_says_of_them(till, tmp_path):
    till.books(4_500, "P1")
    till.save()
    # Nothing of it is posted, so that no posting keeps the month open meanwhile.
    path = written(tmp_path / "batch.csv", [settled(4_500, "P1")])
    report = till.receives(path)
    load(report=report, path=path, clock=timezone.now, progress=None)
    month = NOON.date().replace(day=1)

    def alone(work: Callable[[], object]) -> None:
        try:
            work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        with locked("reconciliation_settlementreport", "SHARE"):
            matched = pool.submit(alone, lambda: match_report(report=report, now=timezone.now()))
            wait_until(lambda: waiting_for("reconciliation_settlementreport"), what="the file being matched")
            closed = pool.submit(alone, lambda: close_month(month=month, by="ada", now=NOON + timedelta(days=40)))
            wait_until(lambda: waiting_for("payments_posting"), what="the closing waiting for it")
        matched.result()
        closed.result()

    report.refresh_from_db()
    assert (report.state, report.counts_from) == ("MATCHED", None)
    assert ClosedPeriod.objects.get().month == month
