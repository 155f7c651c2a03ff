"""The mail outbox: services write rows with what they do, a worker claims and sends them, and a failed one waits for a
person.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from smtplib import SMTPResponseException
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db.models import F, Q

from bookings.errors import MailNotSendable
from bookings.mailing import render_mail
from bookings.models import Booking, Gift, MailKind, MailStatus, Order, OutgoingMail

log = structlog.get_logger(__name__)
Clock = Callable[[], datetime]


def write_mail(
    *,
    kind: MailKind,
    subject_key: str,
    to: str,
    language: str,
    now: datetime,
    order: Order | None = None,
    booking: Booking | None = None,
    gift: Gift | None = None,
    context: Mapping[str, str | int] | None = None,
) -> OutgoingMail:
    """Write a mail down, to be sent once the caller's transaction is committed.

    The same kind and `subject_key` again is the mail that was written first. `context` holds small facts for the
    template, never a code: what is worth money is read when the mail goes out.
    """
    mail, _ = OutgoingMail.objects.get_or_create(
        kind=kind,
        subject_key=subject_key,
        defaults={
            "to": to,
            "language": language,
            "context": dict(context or {}),
            "order": order,
            "booking": booking,
            "gift": gift,
            "next_attempt_at": now,
            "created_at": now,
        },
    )
    return mail


def write_another_mail(
    *, kind: MailKind, to: str, language: str, order: Order, now: datetime, gift: Gift | None = None
) -> OutgoingMail:
    """Write a mail that may have gone out before; while its like waits to go out, that is the one.

    It is called under the order's lock.
    """
    alike = OutgoingMail.objects.filter(
        kind=kind, to=to, language=language, order=order, gift=gift, status=MailStatus.WAITING
    )
    key = f"asked:{(gift or order).pk}:{uuid4()}"
    return alike.first() or write_mail(
        kind=kind, subject_key=key, to=to, language=language, order=order, gift=gift, now=now
    )


def due_mails(*, now: datetime, limit: int = 100) -> list[UUID]:
    """Return the mails whose time has come, oldest first."""
    due = OutgoingMail.objects.filter(status=MailStatus.WAITING, next_attempt_at__lte=now).filter(_unclaimed(now))
    return list(due.order_by("next_attempt_at", "pk").values_list("pk", flat=True)[:limit])


def deliver_mail(*, mail_id: UUID, clock: Clock) -> MailStatus | None:
    """Send one mail; None when it was not ours to send now.

    Claim, call, record: no lock and no transaction is held while the mail server is talked to. A worker that dies
    between its answer and our note sends the mail a second time, under the same Message-ID.
    """
    mail = _claim(mail_id, clock())
    if mail is None:
        return None
    try:
        render_mail(mail).send()
    except Exception as error:  # noqa: BLE001 - a template's fault and a server's alike: tried again, then shown
        return _note_failure(mail, error, clock())
    sent = {"status": MailStatus.SENT, "sent_at": clock(), "next_attempt_at": None, "last_error": ""}
    _note(mail, sent)
    log.info("mail_sent", mail=str(mail.pk), kind=mail.kind, attempts=mail.attempts)
    return MailStatus.SENT


def drain_mails(*, clock: Clock) -> int:
    """Send what waits and return how many were sent; none is begun after `MAIL_DRAIN_SECONDS`."""
    until = clock() + timedelta(seconds=settings.BOOKINGS["MAIL_DRAIN_SECONDS"])
    sent = 0
    for mail_id in due_mails(now=clock()):
        if clock() > until:
            log.warning("mail_drain_out_of_time")
            break
        sent += deliver_mail(mail_id=mail_id, clock=clock) == MailStatus.SENT
    return sent


def send_mail_again(*, mail: OutgoingMail, now: datetime) -> OutgoingMail:
    """Have a mail that failed, or was sent, go out once more.

    :raises MailNotSendable: it waits to be sent already; nothing was changed.
    """
    changed = (
        OutgoingMail.objects.filter(pk=mail.pk)
        .exclude(status=MailStatus.WAITING)
        .update(status=MailStatus.WAITING, attempts=0, next_attempt_at=now, claimed_until=None)
    )
    if not changed:
        raise MailNotSendable(str(mail.pk))
    mail.refresh_from_db()
    return mail


def prune_mails(*, now: datetime) -> int:
    """Delete mails that were sent long ago, and return how many; what failed stays until somebody has seen to it."""
    before = now - timedelta(days=settings.BOOKINGS["KEEP_SENT_MAILS_DAYS"])
    return OutgoingMail.objects.filter(status=MailStatus.SENT, sent_at__lt=before).delete()[0]


def _claim(mail_id: UUID, now: datetime) -> OutgoingMail | None:
    lease = timedelta(seconds=settings.BOOKINGS["MAIL_LEASE_SECONDS"])
    taken = (
        OutgoingMail.objects.filter(pk=mail_id, status=MailStatus.WAITING, next_attempt_at__lte=now)
        .filter(_unclaimed(now))
        .update(attempts=F("attempts") + 1, claimed_until=now + lease)
    )
    if not taken:
        return None
    return OutgoingMail.objects.select_related("order", "booking", "gift").get(pk=mail_id)


def _unclaimed(now: datetime) -> Q:
    return Q(claimed_until__isnull=True) | Q(claimed_until__lt=now)


def _note_failure(mail: OutgoingMail, error: Exception, now: datetime) -> MailStatus:
    schedule = settings.BOOKINGS["MAIL_RETRY_SECONDS"]
    is_last = mail.attempts > len(schedule)
    # What a server says may name the reader; what a template says may hold what it was given.
    reason = type(error).__name__ + (f" {error.smtp_code}" if isinstance(error, SMTPResponseException) else "")
    status = MailStatus.FAILED if is_last else MailStatus.WAITING
    next_attempt_at = None if is_last else now + timedelta(seconds=schedule[mail.attempts - 1])
    _note(mail, {"status": status, "next_attempt_at": next_attempt_at, "last_error": reason})
    log.warning("mail_not_sent", mail=str(mail.pk), kind=mail.kind, attempts=mail.attempts, error=reason)
    return status


def _note(mail: OutgoingMail, changes: dict[str, object]) -> None:
    """Record what became of a claim, unless its lease ran out and another worker took over."""
    OutgoingMail.objects.filter(pk=mail.pk, attempts=mail.attempts, status=MailStatus.WAITING).update(
        claimed_until=None, **changes
    )
