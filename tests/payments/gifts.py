"""A gift that was sold, as tests of the core spend it."""

from datetime import datetime
from typing import Any

from django.db import transaction as database

from bookings.gift_codes import code_of
from bookings.models import Gift, Order, Partner
from bookings.requests import GiftRequest
from bookings.services import lock_order
from payments.services import confirming, reserving, tenders
from payments.services.collecting import NO_REQUEST
from tests.payments.house import House


def held_gift(
    house: House, minor: int = 6000, *, partner: Partner | None = None, is_live: bool = True, **fields: Any
) -> Gift:
    """Return a gift on hold, which its reseller collects unless `settlement_method` says otherwise."""
    wish = {"currency": "EUR", "settlement_method": "DEFERRED", "recipient_email": "grace@example.com", **fields}
    gift, _ = reserving.create_gift(
        partner=partner or house.partner,
        is_live=is_live,
        request=GiftRequest(amount_minor=minor, **wish),
        payment_request=NO_REQUEST,
        clock=house.clock,
    )
    return gift


def sold_gift(house: House, minor: int = 6000, **fields: Any) -> Gift:
    """Return a gift that is confirmed and can be spent."""
    held = held_gift(house, minor, **fields)
    confirmation = confirming.confirm_gift(gift=held, changes=None, request=NO_REQUEST, clock=house.clock)
    assert confirmation.gift is not None
    return confirmation.gift


def spend(gift: Gift, order: Order, *, now: datetime) -> None:
    """Pay an order with a gift as far as it goes."""
    pay_with(code(gift), order, now=now)


def pay_with(text: str, order: Order, *, now: datetime) -> None:
    """Pay an order with the gift of a code, or give gifts back with an empty one."""
    with database.atomic():
        tenders.apply_gift(order=lock_order(order_id=order.pk), code=text, now=now)


def code(gift: Gift) -> str:
    """Return the gift's code as its holder has it."""
    text = code_of(gift)
    assert text is not None
    return text
