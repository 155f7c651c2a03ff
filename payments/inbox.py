"""Webhooks are stored before they are believed: verify -> insert once -> acknowledge; a worker handles them later."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db.models import F

from bookings.encryption import encrypt_text
from bookings.prepared import prepared_cursor
from gateways.models import GatewayAccount
from gateways.protocol import Delivery, Greeting, Outcome, OutcomeKind
from gateways.registry import gateway_for
from payments.errors import UnknownSubject
from payments.models import DeliveryStatus, EventSource, Payment, WebhookDelivery
from payments.models.claims import claim_row, unclaimed
from payments.services.cards import take_card_news
from payments.services.hints import AskedAMomentAgo, may_store, what_is_true
from payments.services.reports import note_announced_report
from payments.services.transitions import apply_outcome

log = structlog.get_logger(__name__)


class TooManyHints(Exception):
    """Say that an account was sent more unproved deliveries in a minute than are stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Say what was stored and how to acknowledge it; `delivery_id` is None when there is nothing new to handle."""

    delivery_id: UUID | None
    acknowledgement: str
    content_type: str
    status: int


def greet(*, account: GatewayAccount) -> Greeting:
    """Return what a gateway must be told before it sends anything to an account's address.

    :raises Unsupported: this gateway asks for nothing.
    :raises GatewayError: the answer has to be fetched from the gateway and could not be.
    """
    return gateway_for(account).greet_webhook()


def receive(*, account: GatewayAccount, headers: Mapping[str, str], body: bytes, now: datetime) -> Receipt:
    """Store a genuine delivery once; a repeat of one that waits as an orphan or failed wakes it.

    :raises InvalidSignature: it does not prove where it comes from; nothing was stored.
    :raises TooManyHints: the gateway proves nothing, and too much was sent in its name; nothing was stored.
    """
    delivery = Delivery(headers=headers, body=body, received_at=now)
    gateway = gateway_for(account)
    verified = gateway.verify_webhook(delivery)
    if gateway.webhooks_are_hints and not may_store(account):
        raise TooManyHints(f"account {account.slug} was sent more than it can have been")
    text = body.decode("utf-8", "replace")
    # The account's row is found here by its slug: the caller's copy may be some seconds old.
    with prepared_cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO payments_webhookdelivery AS stored
                (id, account_id, delivery_key, body_encrypted, status, times_received, attempts, claim_number,
                 next_attempt_at, last_error, received_at)
            VALUES (%s, (SELECT id FROM gateways_gatewayaccount WHERE slug = %s), %s, %s,
                    'RECEIVED', 1, 0, 0, %s, '', %s)
            ON CONFLICT (account_id, delivery_key) DO UPDATE SET
                times_received = stored.times_received + 1,
                next_attempt_at = CASE WHEN stored.status = 'PROCESSED' THEN NULL ELSE EXCLUDED.next_attempt_at END
            RETURNING id, status
            """,
            [uuid4(), account.slug, verified.delivery_key[:200], encrypt_text(text), now, now],
        )
        delivery_id, status = cursor.fetchone()
    return Receipt(
        delivery_id=None if status == DeliveryStatus.PROCESSED else delivery_id,
        acknowledgement=verified.acknowledgement,
        content_type=verified.content_type,
        status=verified.status,
    )


def due_deliveries(*, now: datetime, limit: int = 200) -> list[UUID]:
    """Return the deliveries that wait for a worker."""
    return list(
        WebhookDelivery.objects.filter(processed_at__isnull=True, next_attempt_at__lte=now)
        .filter(unclaimed(now))
        .order_by("next_attempt_at")
        .values_list("pk", flat=True)[:limit]
    )


def handle(*, delivery_id: UUID, clock: Callable[[], datetime]) -> DeliveryStatus | None:
    """Read one stored delivery and take in its news; None when another worker has it or it is done.

    News of something we have no record of makes it an orphan, which is matched again later. A fault is kept with the
    delivery and tried again; a delivery is never given up, unless it proves nothing and names nothing of ours.
    """
    now = clock()
    delivery = _claim(delivery_id, now)
    if delivery is None:
        return None
    status, error = DeliveryStatus.PROCESSED, ""
    payment: Payment | None = None
    try:
        for told in news_in(delivery):
            outcome = told
            try:
                for outcome in _believed(delivery, told):
                    if outcome.kind is OutcomeKind.REPORT_AVAILABLE:
                        note_announced_report(account=delivery.account, outcome=outcome)
                        continue
                    applied = apply_outcome(
                        account=delivery.account, outcome=outcome, source=EventSource.WEBHOOK, now=clock()
                    )
                    payment = payment or applied.payment
            except AskedAMomentAgo:
                status, error = DeliveryStatus.RECEIVED, "the gateway was asked about this a moment ago"
            except UnknownSubject as unknown:
                if outcome.is_about_money or not _is_taken_as_card_news(delivery, outcome, clock()):
                    status, error = DeliveryStatus.ORPHAN, str(unknown)
    except (
        Exception
    ) as fault:  # kept with the delivery, shown to staff, tried again: a poison event must not stop the rest
        log.exception("webhook_failed", delivery=str(delivery.pk), account=delivery.account.slug)
        status, error = DeliveryStatus.FAILED, f"{type(fault).__name__}: {fault}"
    _finish(delivery, payment, status, error, clock())
    return status


def _is_given_up(delivery: WebhookDelivery, status: DeliveryStatus, now: datetime) -> bool:
    """Say whether an orphan is matched no more: anybody could have sent it, and it has named nothing of ours so far."""
    if status != DeliveryStatus.ORPHAN or not gateway_for(delivery.account).webhooks_are_hints:
        return False
    return now >= delivery.received_at + timedelta(seconds=settings.PAYMENTS["HINTS_WAIT_SECONDS"])


def _believed(delivery: WebhookDelivery, told: Outcome) -> tuple[Outcome, ...]:
    """Return what a genuine delivery says, or what the gateway says itself where deliveries prove nothing."""
    if not gateway_for(delivery.account).webhooks_are_hints:
        return (told,)
    return what_is_true(account=delivery.account, hint=told)


def _is_taken_as_card_news(delivery: WebhookDelivery, outcome: Outcome, now: datetime) -> bool:
    """Take in news of a token that names no payment of ours; False when it must wait for one."""
    if outcome.card is None or outcome.kind not in (OutcomeKind.CARD_STORED, OutcomeKind.CARD_REVOKED):
        return True
    waits = timedelta(seconds=settings.PAYMENTS["CARD_NEWS_WAITS_SECONDS"])
    return take_card_news(
        account=delivery.account,
        kind_is_deletion=outcome.kind is OutcomeKind.CARD_REVOKED,
        card=outcome.card,
        is_waiting_over=now >= delivery.received_at + waits,
        now=outcome.occurred_at,
    )


def news_in(delivery: WebhookDelivery) -> tuple[Outcome, ...]:
    """Return what a stored delivery says, read again; of its body only what the adapter keeps, for people to look at.

    :raises GatewayError: the account cannot be used.
    """
    return gateway_for(delivery.account).read_webhook(
        Delivery(headers={}, body=delivery.body.encode(), received_at=delivery.received_at)
    )


def replay(*, delivery_id: UUID, clock: Callable[[], datetime]) -> DeliveryStatus | None:
    """Handle a delivery again, processed or not; what it told before changes nothing. None when a worker has it now."""
    now = clock()
    WebhookDelivery.objects.filter(pk=delivery_id).filter(unclaimed(now)).update(
        status=DeliveryStatus.RECEIVED, processed_at=None, next_attempt_at=now
    )
    return handle(delivery_id=delivery_id, clock=clock)


def _claim(delivery_id: UUID, now: datetime) -> WebhookDelivery | None:
    row = WebhookDelivery.objects.filter(pk=delivery_id, processed_at__isnull=True)
    if not claim_row(row, now, attempts=F("attempts") + 1):
        return None
    return WebhookDelivery.objects.select_related("account").get(pk=delivery_id)


def _finish(
    delivery: WebhookDelivery, payment: Payment | None, status: DeliveryStatus, error: str, now: datetime
) -> None:
    is_done = status == DeliveryStatus.PROCESSED
    schedule: list[int] = settings.PAYMENTS["WEBHOOK_RETRY_SECONDS"]
    wait = schedule[min(delivery.attempts, len(schedule)) - 1]
    is_over = is_done or _is_given_up(delivery, status, now)
    WebhookDelivery.objects.filter(pk=delivery.pk, claim_number=delivery.claim_number).update(
        payment_id=payment.id if payment else delivery.payment_id,
        status=status,
        last_error=error[:300],
        claimed_until=None,
        processed_at=now if is_done else None,
        next_attempt_at=None if is_over else now + timedelta(seconds=wait),
    )
