"""See that all work under way has somebody who will go on with it: a claim, a time to ask again, or a case."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef

from bookings.models import BookingStatus, Order
from payments.checking.reading import CHUNK, Finding, Severity
from payments.models import (
    CardRevocation,
    Case,
    CaseKind,
    DeliveryStatus,
    Opening,
    OpeningStatus,
    Origin,
    Transaction,
    WebhookDelivery,
)
from payments.states import Status

STUCK_AFTER = timedelta(minutes=15)


def stuck_work(*, now: datetime, since: datetime) -> Iterator[Finding]:
    """Return what was to be gone on with before `since` and was not."""
    case = Case.objects.filter(payment=OuterRef("payment"), closed_at__isnull=True)
    operations = Transaction.objects.filter(status=Status.PENDING, requested_at__lte=since).annotate(
        has_case=Exists(case.filter(kind__in=[CaseKind.OUTCOME_UNKNOWN, CaseKind.WEBHOOK_MISSING]))
    )
    result_due = now - timedelta(hours=settings.PAYMENTS["OPERATION_OVERDUE_HOURS"])
    for row in operations.order_by("requested_at").iterator(CHUNK):
        if message := _why_stuck(row, since, result_due, has_case=row.has_case):
            yield Finding(code="stuck_operation", subject=row.reference, message=f"{row.kind} {message}")
    silent = since - timedelta(minutes=settings.PAYMENTS["WEBHOOK_OVERDUE_MINUTES"])
    for opening in Opening.objects.filter(status=OpeningStatus.REQUESTED, next_check_at__lte=since).iterator(CHUNK):
        yield Finding(
            code="stuck_opening", subject=opening.reference, message=f"was to be asked again at {opening.next_check_at}"
        )
    forgotten = Opening.objects.filter(reported_paid_at__lte=silent).annotate(
        has_case=Exists(case.filter(kind=CaseKind.WEBHOOK_MISSING))
    )
    for opening in forgotten.filter(has_case=False).iterator(CHUNK):
        yield Finding(
            code="stuck_opening", subject=opening.reference, message="was reported paid, is silent, and has no case"
        )
    waiting = WebhookDelivery.objects.filter(processed_at__isnull=True, received_at__lte=since)
    for delivery in waiting.select_related("account").defer("body_encrypted").iterator(CHUNK):
        is_orphan = delivery.status == DeliveryStatus.ORPHAN
        yield Finding(
            code="orphan_delivery" if is_orphan else "stuck_delivery",
            subject=delivery.delivery_key,
            message=f"{delivery.account.slug}: {delivery.status} since {delivery.received_at} {delivery.last_error}",
            severity=Severity.NOTICE if is_orphan else Severity.FAULT,
        )
    deletions = CardRevocation.objects.filter(done_at__isnull=True, next_attempt_at__lte=since)
    for revocation in deletions.select_related("card").iterator(CHUNK):
        yield Finding(
            code="stuck_card_deletion",
            subject=str(revocation.card_id),
            message=f"was to be deleted at the gateway at {revocation.next_attempt_at}",
        )
    for order in Order.objects.filter(status=BookingStatus.ON_HOLD, expires_at__lte=since).iterator(CHUNK):
        yield Finding(
            code="stuck_hold", subject=order.reference, message=f"ran out at {order.expires_at} and still holds"
        )


def _why_stuck(row: Transaction, since: datetime, result_due: datetime, *, has_case: bool) -> str:
    """Say why nobody goes on with an operation; empty when somebody does."""
    is_ours = row.origin == Origin.OURS
    if row.claimed_until is not None and row.claimed_until > since:
        return ""
    if row.next_check_at is not None:
        return f"was to be asked about at {row.next_check_at}" if row.next_check_at <= since else ""
    if has_case:
        return ""
    if row.unknown_since_at is not None:
        return f"is unknown since {row.unknown_since_at}; nobody asks again, and there is no case"
    if is_ours and row.gateway_reference is None:
        return "was written and is not sent" if row.claimed_until is None else f"was claimed until {row.claimed_until}"
    if is_ours and row.requested_at <= result_due - STUCK_AFTER:
        return "was accepted, its result never came, and there is no case"
    return ""
