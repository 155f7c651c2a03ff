from collections.abc import Iterator

from api.models import CallbackStatus, Delivery
from payments.admin.columns import page_of, when_text
from payments.admin.history import MOST
from payments.admin.moments import Moment, MomentKind, evidence
from payments.models import Payment

_WORDS: dict[CallbackStatus, str] = {
    CallbackStatus.WAITING: "waits to be told",
    CallbackStatus.SENDING: "is being told",
    CallbackStatus.DELIVERED: "was told",
    CallbackStatus.FAILED: "could not be told",
    CallbackStatus.DROPPED: "was not told, for a newer callback tells it or nobody listens any more",
}


def callback_moments(payment: Payment) -> Iterator[Moment]:
    """Tell which callbacks about the payment's order went out, and what the partner's server answered."""
    rows = Delivery.objects.filter(order_id=payment.order_id).select_related("subscription", "booking")
    for row in rows.order_by("-created_at")[:MOST]:
        status = CallbackStatus(row.status)
        subject = f"Booking {row.booking}" if row.booking is not None else "Order"
        yield Moment(
            at=row.succeeded_at or row.last_attempt_at or row.created_at,
            kind=MomentKind.TOLD,
            anchor=f"callback-{row.pk}",
            who="callback",
            what=f"{row.subscription.url_host} {_WORDS[status]}: {subject} (version {row.version})",
            detail=row.last_error,
            tone="bad" if status == CallbackStatus.FAILED else "warn" if row.last_error else "quiet",
            url=page_of(row),
            evidence=evidence(
                written=when_text(row.created_at),
                attempts=row.attempts,
                last_attempt=when_text(row.last_attempt_at),
                answered=f"HTTP {row.last_status_code} in {row.last_duration_ms} ms" if row.last_status_code else "",
                arrived=when_text(row.succeeded_at),
                next_attempt=when_text(row.next_attempt_at) if row.next_attempt_at else "",
            ),
            rank=8,
        )
