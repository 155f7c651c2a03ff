"""Exports that come by themselves: asked for when their time has come, and mailed once they are written."""

from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from smtplib import SMTPRecipientsRefused, SMTPResponseException
from socket import gaierror
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.db.models import F
from django.urls import reverse

from reconciliation.errors import ExportError
from reconciliation.exporting.periods import RelativePeriod, days_of
from reconciliation.models import (
    Cadence,
    ExportFormat,
    ExportRun,
    ExportState,
    MailState,
    ScheduledExport,
    ScheduledRun,
)
from reconciliation.services.asking import ask_for_export
from reconciliation.services.export_files import file_name_of, file_of, totals_of

log = structlog.get_logger(__name__)

# What was missed for longer, while nothing ran, is not made up for.
_MOST_DAYS_BACK = 31
_LEASE = timedelta(minutes=5)
_TRY_AGAIN = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))
_LONGEST_PROBLEM = 300
# After these nothing has gone out, for no server was reached, or it said no; after anything else nobody knows.
_NOT_SENT = (gaierror, ConnectionRefusedError, SMTPResponseException, SMTPRecipientsRefused)


def ask_for_scheduled(*, now: datetime) -> int:
    """Ask for the exports whose time has come, one for each period, whoever else looks; return how many."""
    asked = 0
    for schedule in ScheduledExport.objects.filter(is_active=True).order_by("pk"):
        for due_at in _due(schedule, now):
            try:
                asked += _ask(schedule, due_at, now)
            except ExportError as refusal:
                # An account that is gone, say: whoever set it has to see to it.
                log.error("scheduled_export_refused", schedule=schedule.pk, reason=str(refusal))
    return asked


def mail_scheduled(*, clock: Callable[[], datetime]) -> int:
    """Mail the scheduled exports that are written, or could not be; return how many mails went out."""
    ScheduledRun.objects.filter(mail_state=MailState.SENDING, next_try_at__lte=clock()).update(
        mail_state=MailState.FAILED, problem="A worker died while it was sent: it may have arrived."
    )
    waiting = ScheduledRun.objects.filter(
        mail_state=MailState.WAITING,
        next_try_at__lte=clock(),
        run__state__in=[ExportState.DONE, ExportState.FAILED],
    ).select_related("schedule", "run")
    return sum(_mail(scheduled, clock) for scheduled in waiting.order_by("pk"))


def _due(schedule: ScheduledExport, now: datetime) -> Iterator[datetime]:
    """Yield the times of a schedule since the last that something was made for."""
    zone = ZoneInfo(settings.OPERATOR_TIME_ZONE)
    last = schedule.runs.order_by("-due_at").values_list("due_at", flat=True).first()
    since = max(filter(None, [schedule.counts_from, last, now - timedelta(days=_MOST_DAYS_BACK)]))
    day, today = since.astimezone(zone).date(), now.astimezone(zone).date()
    while day <= today:
        is_its_day = (
            schedule.cadence == Cadence.DAILY
            or (schedule.cadence == Cadence.WEEKLY and day.isoweekday() == schedule.day)
            or (schedule.cadence == Cadence.MONTHLY and day.day == schedule.day)
        )
        moment = datetime.combine(day, time(schedule.hour), zone)
        if is_its_day and since < moment <= now:
            yield moment
        day += timedelta(days=1)


def _ask(schedule: ScheduledExport, due_at: datetime, now: datetime) -> bool:
    due_on = due_at.date()
    days = days_of(RelativePeriod(schedule.period), due_on)
    first_day, end_day = days or (due_on, due_on)
    if schedule.runs.filter(first_day=first_day, end_day=end_day).exists():
        return False
    period = {"from": days[0].isoformat(), "to": days[1].isoformat()} if days else {}
    try:
        with transaction.atomic():
            run = ask_for_export(
                slug=schedule.report,
                form=ExportFormat(schedule.format),
                filters={**schedule.filters, **period},
                is_live=schedule.is_live,
                asked_by=f"schedule {schedule.pk}",
                now=now,
            )
            ScheduledRun.objects.create(
                schedule=schedule, run=run, first_day=first_day, end_day=end_day, due_at=due_at, next_try_at=now
            )
    except IntegrityError:
        # Another worker was faster.
        return False
    return True


def _mail(scheduled: ScheduledRun, clock: Callable[[], datetime]) -> bool:
    """Claim, send, record: a mail whose worker dies on the way is never sent again."""
    claimed = ScheduledRun.objects.filter(pk=scheduled.pk, mail_state=MailState.WAITING).update(
        mail_state=MailState.SENDING, mail_tries=F("mail_tries") + 1, next_try_at=clock() + _LEASE
    )
    if not claimed:
        return False
    tries = scheduled.mail_tries + 1
    try:
        message = _message(scheduled)
    except (ExportError, OSError) as problem:
        # The file is gone that was to be attached.
        _note(scheduled, mail_state=MailState.FAILED, problem=f"Nothing was sent: {problem}."[:_LONGEST_PROBLEM])
        log.warning("scheduled_export_not_mailed", schedule=scheduled.schedule_id, run=str(scheduled.run_id))
        return False
    try:
        message.send()
    except _NOT_SENT as problem:
        is_last = tries > len(_TRY_AGAIN)
        _note(
            scheduled,
            mail_state=MailState.FAILED if is_last else MailState.WAITING,
            next_try_at=clock() if is_last else clock() + _TRY_AGAIN[tries - 1],
            problem=type(problem).__name__,
        )
    except Exception as problem:  # noqa: BLE001 - whatever else happens on the way, nobody knows whether it went out
        _note(scheduled, mail_state=MailState.FAILED, problem=f"{type(problem).__name__}: it may have arrived.")
    else:
        _note(scheduled, mail_state=MailState.SENT, mailed_at=clock(), problem="")
        log.info("scheduled_export_mailed", schedule=scheduled.schedule_id, run=str(scheduled.run_id))
        return True
    log.warning("scheduled_export_not_mailed", schedule=scheduled.schedule_id, run=str(scheduled.run_id))
    return False


def _note(scheduled: ScheduledRun, **changes: object) -> None:
    ScheduledRun.objects.filter(pk=scheduled.pk, mail_state=MailState.SENDING).update(**changes)


def _message(scheduled: ScheduledRun) -> EmailMessage:
    run, schedule = scheduled.run, scheduled.schedule
    name = file_name_of(run)
    is_done = run.state == ExportState.DONE
    is_attached = (
        is_done and schedule.attaches_file and (run.byte_count or 0) <= settings.RECONCILIATION["MOST_MAILED_BYTES"]
    )
    message = EmailMessage(
        subject=f"{settings.OPERATOR_NAME}: {name}" if is_done else f"{settings.OPERATOR_NAME}: no {name}",
        body="\n".join(_lines(run, is_attached=is_attached)),
        to=schedule.recipients,
    )
    if is_attached:
        message.attach(name, file_of(run).read_bytes(), "application/octet-stream")
    return message


def _lines(run: ExportRun, *, is_attached: bool) -> Iterator[str]:
    page = reverse("admin:reconciliation_exportrun_change", args=[run.pk])
    if run.state != ExportState.DONE:
        yield f"The report {run.report} could not be written: {run.problem}."
    else:
        yield f"{file_name_of(run)} is attached." if is_attached else f"{file_name_of(run)} can be downloaded."
        yield ""
        yield f"Rows: {run.rows_written}"
        yield from totals_of(run)
        yield f"As of: {run.as_of.astimezone(ZoneInfo(run.zone)).isoformat()} ({run.zone})"
        yield f"SHA-256: {run.sha256}"
    yield ""
    yield f"{settings.PUBLIC_BASE_URL}{page}"
