"""Scheduled exports come once for each period, whoever looks and whatever dies, and their mails at most once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from smtplib import SMTPAuthenticationError, SMTPRecipientsRefused, SMTPServerDisconnected
from socket import gaierror

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import IntegrityError, connection, transaction

from reconciliation.exporting.periods import RelativePeriod, days_of
from reconciliation.models import ExportRun, ScheduledExport, ScheduledRun
from reconciliation.services.export_files import prune_exports
from reconciliation.services.exporting import write_exports
from reconciliation.services.scheduling import ask_for_scheduled, mail_scheduled
from tests.reconciliation.month import ZONE, booked_month

# The first of April, six in the morning in Berlin.
SIX = datetime(2026, 4, 1, 4, tzinfo=UTC)


@pytest.fixture
def folder(settings, tmp_path):
    settings.OPERATOR_TIME_ZONE = ZONE
    directory = tmp_path / "exports"
    settings.RECONCILIATION = {**settings.RECONCILIATION, "EXPORT_DIRECTORY": directory}
    return directory


@pytest.fixture
def month(transactional_db, folder):
    return booked_month()


def schedule(**fields):
    return ScheduledExport.objects.create(
        **{
            "report": "payments",
            "format": "csv",
            "period": "LAST_MONTH",
            "recipients": ["books@example.com", "ada@example.com"],
            "set_by": "ada",
            "counts_from": SIX - timedelta(days=10),
            **fields,
        }
    )


@pytest.mark.parametrize(
    ("period", "day", "days"),
    [
        ("YESTERDAY", date(2026, 3, 1), (date(2026, 2, 28), date(2026, 3, 1))),
        ("LAST_WEEK", date(2026, 3, 1), (date(2026, 2, 16), date(2026, 2, 23))),
        ("LAST_MONTH", date(2026, 1, 31), (date(2025, 12, 1), date(2026, 1, 1))),
        ("THIS_MONTH", date(2026, 3, 15), (date(2026, 3, 1), date(2026, 3, 15))),
        ("THIS_MONTH", date(2026, 3, 1), (date(2026, 2, 1), date(2026, 3, 1))),
        ("NONE", date(2026, 3, 1), None),
    ],
)
def test_a_relative_period_is_half_open(period, day, days):
    assert days_of(RelativePeriod(period), day) == days


def test_a_schedule_asks_once_for_each_period_and_mails_what_was_written(month):
    monthly, attached = schedule(), schedule(format="xlsx", attaches_file=True)
    early = ask_for_scheduled(now=SIX - timedelta(seconds=1))

    with ThreadPoolExecutor(2) as pool:
        looks = [pool.submit(_asked, SIX) for _ in range(2)]
        asked = sum(look.result() for look in looks)
    unwritten = mail_scheduled(clock=lambda: SIX)
    write_exports(clock=lambda: SIX)
    sent = [mail_scheduled(clock=lambda: SIX) for _ in range(2)]
    again = ask_for_scheduled(now=SIX + timedelta(days=1))

    assert (early, asked, unwritten, sent, again) == (0, 2, 0, [2, 0], 0)
    run = ExportRun.objects.get(scheduled__schedule=monthly)
    assert (run.filters, run.rows_written, run.asked_by) == (
        *({"from": "2026-03-01", "to": "2026-04-01"}, 7, f"schedule {monthly.pk}"),
    )
    told, with_file = mail.outbox
    name = "payments_2026-03-01_2026-04-01_Europe-Berlin_live"
    assert (told.to, told.subject, told.attachments) == (
        *(["books@example.com", "ada@example.com"], f"Card payments: {name}.csv", []),
    )
    for fact in (
        f"{name}.csv can be downloaded.",
        "Rows: 7",
        "amount_minor: 350.01 EUR",
        run.sha256,
        f"/exportrun/{run.pk}/change/",
    ):
        assert fact in str(told.body)
    assert [attachment[0] for attachment in with_file.attachments] == [f"{name}.xlsx"]
    assert with_file.attachments[0][1][:2] == b"PK"
    assert attached.runs.get().mail_state == "SENT"
    other = ExportRun.objects.create(
        report="payments", is_live=True, format="csv", zone=ZONE, as_of=SIX, asked_by="ada", asked_at=SIX
    )
    twin = ScheduledRun.objects.get(schedule=monthly)
    twin.pk, twin.run = None, other
    with pytest.raises(IntegrityError, match="one_scheduled_export_per_period"), transaction.atomic():
        twin.save()


def _asked(now):
    try:
        return ask_for_scheduled(now=now)
    finally:
        connection.close()


def test_days_that_were_missed_are_made_up_for_each_with_its_own_period_and_summer_time_keeps_the_hour(month):
    daily = schedule(cadence="DAILY", period="YESTERDAY", counts_from=datetime(2026, 3, 27, 12, tzinfo=UTC))

    asked = ask_for_scheduled(now=datetime(2026, 3, 30, 4, 30, tzinfo=UTC))

    assert asked == 3
    assert list(daily.runs.order_by("due_at").values_list("due_at", "first_day")) == [
        (datetime(2026, 3, 28, 5, tzinfo=UTC), date(2026, 3, 27)),
        (datetime(2026, 3, 29, 4, tzinfo=UTC), date(2026, 3, 28)),
        (datetime(2026, 3, 30, 4, tzinfo=UTC), date(2026, 3, 29)),
    ]
    assert (ask_for_scheduled(now=datetime(2026, 3, 30, 5, tzinfo=UTC)), daily.runs.count()) == (0, 3)


@pytest.mark.parametrize(
    ("fault", "states"),
    [
        (SMTPRecipientsRefused({}), ["WAITING", "SENT"]),
        (SMTPAuthenticationError(535, b"Authentication failed"), ["WAITING", "SENT"]),
        (gaierror(-2, "Name or service not known"), ["WAITING", "SENT"]),
        (SMTPServerDisconnected("gone"), ["FAILED", "FAILED"]),
    ],
)
def test_a_mail_is_sent_again_only_where_nothing_went_out(month, monkeypatch, fault, states):
    planned = schedule()
    ask_for_scheduled(now=SIX)
    write_exports(clock=lambda: SIX)
    working = EmailBackend.send_messages

    def fail(self, messages):
        raise fault

    monkeypatch.setattr(EmailBackend, "send_messages", fail)
    mail_scheduled(clock=lambda: SIX)
    first = planned.runs.get().mail_state
    monkeypatch.setattr(EmailBackend, "send_messages", working)
    mail_scheduled(clock=lambda: SIX + timedelta(minutes=2))

    assert [first, planned.runs.get().mail_state] == states
    assert len(mail.outbox) == states.count("SENT")


def test_a_mail_whose_file_is_gone_says_that_nothing_was_sent(month, folder):
    planned = schedule(attaches_file=True)
    ask_for_scheduled(now=SIX)
    write_exports(clock=lambda: SIX)
    prune_exports(now=SIX + timedelta(days=91))

    assert mail_scheduled(clock=lambda: SIX + timedelta(days=91)) == 0

    told = planned.runs.get()
    assert (told.mail_state, mail.outbox) == ("FAILED", [])
    assert told.problem.startswith("Nothing was sent: the file of payments 2026-04-01 04:00 was deleted")


def test_a_mail_that_a_worker_died_over_is_not_sent_again_and_says_so(month):
    planned = schedule()
    ask_for_scheduled(now=SIX)
    write_exports(clock=lambda: SIX)
    ScheduledRun.objects.update(mail_state="SENDING", next_try_at=SIX + timedelta(minutes=5))

    assert mail_scheduled(clock=lambda: SIX + timedelta(minutes=1)) == 0
    assert planned.runs.get().mail_state == "SENDING"
    assert mail_scheduled(clock=lambda: SIX + timedelta(minutes=6)) == 0

    assert (planned.runs.get().mail_state, planned.runs.get().problem, mail.outbox) == (
        *("FAILED", "A worker died while it was sent: it may have arrived.", []),
    )
