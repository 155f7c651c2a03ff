"""Show an order's card payment as OCTO does; of a gateway only the shape of its part on the wire is known here."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from api.octo.presenters.values import utc_time
from bookings.models import BookingStatus
from money import exponent_of
from payments.models import ReusableCard
from payments.services.openings import CONSENT, PAGE
from payments.services.talks import partner_name_of
from payments.services.viewing import CardPaymentView
from payments.states import State

# Total: a test goes through every State.
STATUS_WORDS: dict[State, str] = {
    State.CREATED: "PENDING",
    State.ACTION_REQUIRED: "PENDING",
    State.PENDING: "PENDING",
    State.AUTHORIZED: "CONFIRMED",
    State.CAPTURED: "CONFIRMED",
    State.REFUNDED: "CANCELLED",
    State.VOIDED: "CANCELLED",
    State.FAILED: "REJECTED",
    State.EXPIRED: "EXPIRED",
}
# A payment nobody made ends with the booking it was for.
_ENDED_ORDERS = {BookingStatus.EXPIRED: "EXPIRED", BookingStatus.CANCELLED: "CANCELLED"}


def card_payment_fields(view: CardPaymentView, *, order_id: UUID) -> dict[str, object]:
    """Return OCTO's cardPayment; amounts are minor units.

    Where nothing is due there is no payment of ours yet: `id` is then the order's and `cardPaymentId` is null.
    """
    gateway = partner_name_of(view.gateway)
    return {
        "status": _status(view),
        "id": str(view.payment_id or order_id),
        "cardPaymentId": view.reference,
        "gateway": gateway,
        "source": view.source,
        "paid": view.paid_minor,
        "totalPaid": view.total_paid_minor,
        "totalRefunded": view.total_refunded_minor,
        "paidSurcharge": view.paid_surcharge_minor,
        "balance": view.balance_minor,
        "surcharge": view.surcharge_minor,
        "outstandingBalance": view.balance_minor + view.surcharge_minor,
        "amount": view.amount_minor,
        "currency": view.currency,
        "currencyPrecision": exponent_of(view.currency),
        "reusableCards": [card_fields(card) for card in view.reusable_cards],
        "provider": gateway,
        "providerReference": view.gateway_reference,
        "createdAt": utc_time(view.created_at),
        gateway: _client_fields(view.client),
    }


def _status(view: CardPaymentView) -> str:
    word = STATUS_WORDS[view.state]
    return _ENDED_ORDERS.get(BookingStatus(view.order_status), word) if word == "PENDING" else word


def card_fields(card: ReusableCard) -> dict[str, object]:
    """Return OCTO's ReusableCard."""
    return {
        "id": str(card.id),
        "brand": card.brand or None,
        "bin": card.bin or None,
        "last4": card.last4 or None,
        "expMonth": card.expiry_month,
        "expYear": card.expiry_year,
    }


def _client_fields(client: Mapping[str, Any]) -> dict[str, object]:
    """Return what the guest's page needs, by the gateway's own names; empty when nothing is due.

    The gateway's own page is for whoever sends guests there, and the wish to keep a card has a name of ours.
    """
    shown = {name: value for name, value in client.items() if name not in (PAGE, CONSENT)}
    return {**shown, "cardConsent": client[CONSENT]} if CONSENT in client else shown
