"""Reports that a gateway has ready are fetched and imported, whatever happens on the way."""

import re
from base64 import b64encode
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from django.utils import timezone

from gateways.models import AnnouncedReport
from gateways.protocol import Outcome, OutcomeKind, Reference
from payments.services.reports import note_announced_report
from reconciliation import tasks
from reconciliation.models import SettlementReport
from reconciliation.services.fetching import fetch_again, fetch_report
from reconciliation.services.uploading import remove_abandoned
from tests.gateways.scripted_server import scripted_server
from tests.reconciliation.till import payout, settled, till_of, written

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "settlement_detail_report_batch_42.csv"
ADYEN = {
    "api_key": "key",
    "merchant_account": "SpreeKanalEU",
    "client_key": "test_key",
    "hmac_keys": "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056",
    "webhook_user": "adyen",
    "webhook_password": "secret",
    "report_user": "report@Company.Spree",
    "report_password": "of the report user",
    "timeout_seconds": "3",
}


@pytest.fixture
def server():
    with scripted_server() as running:
        yield running


@pytest.fixture
def folder(settings, tmp_path) -> Path:
    """Where fetched files wait for their import, for this test alone."""
    folder = tmp_path / "settlement"
    settings.RECONCILIATION = {**settings.RECONCILIATION, "UPLOAD_DIRECTORY": folder, "MOST_BYTES": 20_000}
    folder.mkdir()
    return folder


@pytest.fixture
def till(payment, server, settings):
    """An account at a gateway whose reports lie at a scripted server."""
    till = till_of(payment)
    fields = {**ADYEN, "report_base_url": server.url}
    settings.GATEWAY_CREDENTIALS = {**settings.GATEWAY_CREDENTIALS, till.account.slug: fields}
    return till


@pytest.fixture
def content(till, tmp_path) -> bytes:
    """A report that agrees with the books."""
    till.books(4_500, "P1")
    till.save()
    rows = [settled(4_500, "P1", fee="0.63")]
    return written(tmp_path / "batch.csv", [*rows, payout(rows)]).read_bytes()


def announce(till, name: str = NAME, *, at: datetime | None = None) -> AnnouncedReport:
    """Take in that a report is there; its address in the news is that of somebody else."""
    outcome = Outcome(
        kind=OutcomeKind.REPORT_AVAILABLE,
        reference=Reference(gateway=name),
        event_key=f"REPORT_AVAILABLE:{name}",
        occurred_at=at or timezone.now(),
        raw={"reason": "http://169.254.169.254/latest/meta-data"},
    )
    note_announced_report(account=till.account, outcome=outcome)
    return AnnouncedReport.objects.get(account=till.account, name=name)


def fetched(report: AnnouncedReport, *, later: timedelta = timedelta(0)) -> bool:
    done = fetch_report(report_id=report.pk, clock=lambda: timezone.now() + later)
    report.refresh_from_db()
    return done


def test_an_announced_report_is_fetched_from_our_own_address_and_imported_once(till, server, content, folder):
    server.answers(content)
    report = announce(till)

    taken = [tasks.fetch_reports(), tasks.fetch_reports()]

    report.refresh_from_db()
    imported = SettlementReport.objects.get()
    assert taken == [1, 0]
    assert (imported.state, imported.file_name, imported.received_by) == ("MATCHED", NAME, "the gateway")
    assert (imported.line_count, imported.sha256, report.problem) == (2, report.sha256, "")
    assert (till.found(), list(folder.iterdir())) == ({}, [])
    (asked,) = server.asked
    password = b64encode(b"report@Company.Spree:of the report user").decode()
    assert asked.target == f"/reports/download/MerchantAccount/SpreeKanalEU/{NAME}"
    assert asked.headers["authorization"] == f"Basic {password}"
    assert "x-api-key" not in asked.headers


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        ((404, b""), "HTTP 404"),
        ((401, b""), "HTTP 401"),
        ((302, b""), "HTTP 302"),
        ((503, b""), "HTTP 503"),
        ((200, b"x" * 20_001), "larger than 20000 bytes"),
        ("flood", "larger than 20000 bytes"),
        ("truncate", "ended early|broke off"),
        ("hang", "no answer"),
        ("reset", "no answer"),
    ],
    ids=str,
)
def test_what_goes_wrong_is_kept_leaves_no_file_and_is_tried_again(till, server, content, folder, turn, said):
    server.answers(content)
    server.turns = [turn]
    report = announce(till)

    first = fetched(report)
    problem, left = report.problem, list(folder.iterdir())
    at_once, later = tasks.fetch_reports(), fetched(report, later=timedelta(seconds=10))

    assert (first, at_once, later, left) == (False, 0, True, [])
    assert re.search(said, problem), problem
    assert (report.tries, report.problem, report.fetched_at is not None) == (2, "", True)


def test_what_settles_nothing_is_asked_for_never_again(till, server, folder):
    report = announce(till, "received_payments_report_2026_11_28.csv")

    assert fetched(report) is False

    assert (report.is_wanted, report.problem, server.asked) == (False, "adyen: this report settles nothing", [])
    assert fetched(report, later=timedelta(days=9)) is False


def test_a_worker_that_was_killed_keeps_others_away_for_a_while_and_no_file_comes_twice(till, server, content, folder):
    server.answers(content)
    report = announce(till)
    assert fetched(report)
    # As it is when a worker dies between the file's commit and its own word.
    dead = {"fetched_at": None, "claimed_until": timezone.now() + timedelta(seconds=100)}
    AnnouncedReport.objects.filter(pk=report.pk).update(**dead)

    meanwhile = fetched(report)
    afterwards = fetched(report, later=timedelta(seconds=101))
    taken = tasks.import_uploads()

    assert (meanwhile, afterwards, taken) == (False, True, 1)
    assert SettlementReport.objects.get().line_count == 2


def test_a_report_that_is_made_anew_brings_only_what_is_new(till, server, content, folder, tmp_path):
    server.answers(content)
    report = announce(till)
    tasks.fetch_reports()
    till.books(1_000, "P2")
    till.save()
    rows = [settled(4_500, "P1", fee="0.63"), settled(1_000, "P2")]
    server.answers(written(tmp_path / "anew.csv", [*rows, payout(rows[:1])]).read_bytes())

    announce(till, at=report.announced_at)
    repeated = tasks.fetch_reports()
    announce(till, at=report.announced_at + timedelta(seconds=1))
    AnnouncedReport.objects.update(next_attempt_at=timezone.now())
    anew = tasks.fetch_reports()

    assert (repeated, anew) == (0, 1)
    assert list(SettlementReport.objects.order_by("received_at").values_list("line_count", "known_count")) == [
        (2, 0),
        (1, 2),
    ]


def test_a_report_that_is_made_anew_while_it_is_fetched_is_wanted_and_fetched_again(till, server, content, folder):
    server.answers(content)
    report = announce(till)
    AnnouncedReport.objects.update(is_wanted=False, problem="no call gives it")
    made_anew = (report.announced_at + timedelta(seconds=number) for number in count(1))

    def clock():
        announce(till, at=next(made_anew))
        return timezone.now()

    fetch_report(report_id=report.pk, clock=clock)

    report.refresh_from_db()
    assert (report.fetched_at, report.is_wanted, report.problem, report.tries) == (None, True, "", 0)
    assert fetched(report)
    assert SettlementReport.objects.count() == 1


def test_staff_can_have_a_report_fetched_again(till, server, content, folder):
    server.answers(content)
    report = announce(till)
    fetched(report)

    assert fetch_again(report_id=report.pk, now=timezone.now())

    report.refresh_from_db()
    assert (report.fetched_at, report.tries) == (None, 0)
    assert fetched(report)
    assert SettlementReport.objects.count() == 1


def test_what_a_killed_process_left_is_removed_a_day_later(till, server, content, folder):
    server.answers(content)
    waits = announce(till)
    fetched(waits)
    half = folder / "half.csv"
    half.write_bytes(content[:50])

    today = remove_abandoned(now=timezone.now())
    tomorrow = remove_abandoned(now=timezone.now() + timedelta(days=1, minutes=1))

    assert (today, tomorrow, half.exists()) == (0, 1, False)
    assert len(list(folder.iterdir())) == 1
