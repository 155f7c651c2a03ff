"""Charge the kept card of an instant invoice: the second of the two calls of a write-off by token."""

from collections.abc import Callable
from datetime import datetime

from api.invoices.models import Invoice
from api.invoices.standing import Standing, standing_of
from api.invoices.statuses import OVER
from payments.errors import PaymentPending
from payments.services.kept_card_charges import charge_kept_card

Clock = Callable[[], datetime]


class SaleTokenRefused(Exception):
    """Say that a sale's token is missing, is none of ours, or that its hour is over."""


class SaleOver(Exception):
    """Say that an invoice cannot be sold any more: it is paid, was refused, or its time is over."""


def sell_invoice(*, invoice: Invoice, clock: Clock) -> None:
    """Charge the card of an instant invoice for what it asks; asked again while that is under way it does nothing.

    A refusal by the bank is no exception: it is how the invoice then stands.

    :raises SaleOver: nobody can pay it any more; nothing was sent.
    :raises PaymentError: the card cannot be charged for it; nothing was sent.
    """
    standing: Standing = standing_of(invoice)
    if standing.status in OVER or invoice.card is None:
        raise SaleOver(invoice.public_id)
    if standing.money.asked_minor > 0:
        return
    try:
        charge_kept_card(order_id=invoice.order_id, card=invoice.card, clock=clock)
    except PaymentPending:
        # Another call was faster, and charges it.
        return
