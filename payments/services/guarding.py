"""What keeps staff from asking a gateway for something on an old or uncertain view of a payment or an order."""

from django.db.models import QuerySet

from bookings.models import Order
from payments.errors import OutcomeUnknown, PaymentChanged
from payments.models import LedgerEntry, Transaction
from payments.states import Status


def refuse_while_unknown(operations: QuerySet[Transaction], *, payment_reference: str | None = None) -> None:
    """Let nothing new be asked while nobody knows what became of one of these operations.

    :raises OutcomeUnknown: with since when nobody does.
    """
    unknown = operations.filter(unknown_since_at__isnull=False, status=Status.PENDING).first()
    if unknown is not None and unknown.unknown_since_at is not None:
        raise OutcomeUnknown(
            f"The outcome of {unknown.kind} {unknown.reference} is unknown; nothing new may be asked till then.",
            since=unknown.unknown_since_at,
            payment_reference=payment_reference,
        )


def refuse_after_change(seen: int | None, found: int, *, payment_reference: str | None = None) -> None:
    """Let nothing be done that was decided on another state than there is; `seen` is None where nobody looked.

    :raises PaymentChanged: the numbers differ.
    """
    if seen is not None and seen != found:
        raise PaymentChanged(
            "Something happened since you looked at it; nothing was asked of the gateway. Look again.",
            payment_reference=payment_reference,
        )


def order_version(order: Order) -> int:
    """Return a number that grows with whatever is asked, told or booked of an order's money: rows never go away."""
    return Transaction.objects.filter(order=order).count() + LedgerEntry.objects.filter(order=order).count()
