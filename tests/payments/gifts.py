"""A gift that was sold, as tests of the core spend it."""

from typing import Any

from bookings.gift_codes import code_of
from bookings.models import Gift, Partner
from bookings.requests import GiftRequest
from payments.services import confirming, reserving
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


def code(gift: Gift) -> str:
    """Return the gift's code as its holder has it."""
    text = code_of(gift)
    assert text is not None
    return text
