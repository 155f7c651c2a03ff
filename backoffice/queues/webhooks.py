"""Queues of webhooks that say something of nothing we know, or that we could not read."""

from collections.abc import Callable, Sequence
from datetime import datetime

from django.db.models import F, QuerySet

from backoffice.queues.actions import button
from backoffice.queues.queue import Fact, Paths, Queue, Row, Source
from gateways.models import Environment
from payments.admin.columns import page_of, when_text
from payments.inbox import news_in
from payments.models import DeliveryStatus, WebhookDelivery


def _waiting(status: DeliveryStatus) -> Callable[[datetime], QuerySet[WebhookDelivery]]:
    def rows(_now: datetime) -> QuerySet[WebhookDelivery]:
        waiting = WebhookDelivery.objects.filter(processed_at__isnull=True, status=status)
        return waiting.select_related("account")

    return rows


def _show(deliveries: Sequence[WebhookDelivery], _now: datetime) -> list[Row]:
    return [_row(delivery) for delivery in deliveries]


def _row(delivery: WebhookDelivery) -> Row:
    try:
        outcomes = news_in(delivery)
        said = ", ".join(f"{outcome.kind} {outcome.reference.gateway or ''}".strip() for outcome in outcomes)
        amount = next((str(outcome.money) for outcome in outcomes if outcome.money is not None), "–")
    except Exception as fault:  # noqa: BLE001 - staff look here because it cannot be read
        said, amount = f"cannot be read: {type(fault).__name__}", "–"
    return Row(
        name=delivery.delivery_key,
        url=page_of(delivery),
        detail=delivery.last_error,
        since=delivery.received_at,
        amount=amount,
        is_live=delivery.account.environment == Environment.LIVE,
        account=delivery.account.slug,
        facts=(
            Fact(name="It says", value=said),
            Fact(name="Tried again", value=when_text(delivery.next_attempt_at)),
        ),
        buttons=(button("replay", delivery),),
    )


def _queue(slug: str, name: str, sentence: str, status: DeliveryStatus) -> Queue:
    source = Source(
        rows=_waiting(status),
        urgency=F("received_at"),
        since="received_at",
        paths=Paths(account="account"),
        show=_show,
    )
    return Queue(slug=slug, name=name, sentence=sentence, permission="payments.view_webhookdelivery", sources=(source,))


ORPHANED_WEBHOOKS = _queue(
    "orphaned-webhooks",
    "Orphaned webhooks",
    "A gateway told of money of which we have no record. It is matched by itself as soon as there is one; what stays "
    "for hours was sold elsewhere on the same account, or is a payment we lost.",
    DeliveryStatus.ORPHAN,
)
UNREADABLE_WEBHOOKS = _queue(
    "unreadable-webhooks",
    "Webhooks that failed",
    "We could not take in what a gateway sent: our bug, or a new kind of event. Tell a developer, and replay them "
    "after the fix.",
    DeliveryStatus.FAILED,
)
