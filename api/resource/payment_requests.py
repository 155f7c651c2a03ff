"""Read what a partner wants charged: the body of POST /payments/, as JSON or XML gave it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from django.utils.translation import gettext as _

from api.fields import FieldRefused, Fields
from api.resource.errors import DataRefused, problem_of
from gateways.protocol import RawCard
from money import Money, MoneyError, exponent_of

CREDIT_CARD = "CREDIT_CARD"
LONGEST_NOTE = 200
LONGEST_NAME = 120
_LONGEST_TEXT = 500
_Read = TypeVar("_Read")

_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,3})?", re.ASCII)
_CARD_FORMS = {
    "number": re.compile(r"[0-9]{12,19}", re.ASCII),
    "expiry_month": re.compile(r"0[1-9]|1[0-2]", re.ASCII),
    "expiry_year": re.compile(r"20[0-9]{2}", re.ASCII),
    "cvv": re.compile(r"[0-9]{3,4}", re.ASCII),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentWish:
    """Be what is to be charged; `amount` is a plain decimal text in the currency of the booking."""

    booking_number: str
    customer_number: str
    amount: str
    captures: bool
    note: str
    card: RawCard = field(repr=False)


def read_payment(body: Mapping[str, object]) -> PaymentWish:
    """Return the wish in a body.

    :raises DataRefused: it names every field that cannot be used.
    """
    fields = Fields(body)
    refused: list[FieldRefused] = []

    def tried(read: Callable[[], _Read]) -> _Read | None:
        try:
            return read()
        except FieldRefused as refusal:
            refused.append(refusal)
            return None

    booking_number = tried(lambda: _reference(fields, "booking", "bookings"))
    customer_number = tried(lambda: _reference(fields, "customer", "customers"))
    amount = tried(lambda: _amount(fields))
    captures = tried(lambda: fields.boolean("capture"))
    note = tried(lambda: fields.text("note", longest=LONGEST_NOTE))
    details = tried(lambda: _required_child(fields, "details"))
    card = None
    if details is not None:
        known = details
        tried(lambda: known.choice("transaction_type_code", (CREDIT_CARD,), is_required=True))
        given = {name: tried(lambda name=name: _card_text(known, name)) for name in _CARD_FORMS}  # type: ignore[misc]
        name_on_card = tried(lambda: known.text("name_on_card", longest=LONGEST_NAME, is_required=True))
        card = RawCard(
            number=given["number"] or "",
            expiry_month=given["expiry_month"] or "",
            expiry_year=given["expiry_year"] or "",
            cvc=given["cvv"] or "",
            holder_name=name_on_card or "",
        )
    if refused or booking_number is None or customer_number is None or amount is None or card is None:
        raise DataRefused(*(problem_of(each, body) for each in refused))
    return PaymentWish(
        booking_number=booking_number,
        customer_number=customer_number,
        amount=amount,
        captures=captures is not False,
        note=note or "",
        card=card,
    )


def money_of(wish: PaymentWish, currency: str) -> Money:
    """Return the amount of a wish, once the booking's currency is known.

    :raises FieldRefused: it is not above zero, or has more decimals than the currency.
    """
    try:
        money = Money.parse(wish.amount, currency)
    except MoneyError:
        places = exponent_of(currency)
        reason = _("must have at most %(count)s decimals in %(currency)s") % {"count": places, "currency": currency}
        raise FieldRefused("amount", reason) from None
    if money.minor == 0:
        raise FieldRefused("amount", _("must be more than zero"))
    return money


def _reference(fields: Fields, name: str, resource: str) -> str:
    """Return the id that a reference object names, by itself, by its address, or by both alike."""
    reference = _required_child(fields, name)
    by_id = reference.text("id", longest=_LONGEST_TEXT)
    href = reference.text("href", longest=_LONGEST_TEXT)
    by_href = re.fullmatch(rf"(?:.*/)?{resource}/([^/]+)/?", href or "")
    if href is not None and (by_href is None or (by_id is not None and by_id != by_href[1])):
        raise reference.refuse("href", _("is not the address of one of %(resource)s") % {"resource": resource})
    named = by_id if by_id is not None else by_href[1] if by_href else ""
    if not named:
        raise reference.refuse("id", _("is required"))
    return named


def _required_child(fields: Fields, name: str) -> Fields:
    child = fields.child(name)
    if child is None:
        raise fields.refuse(name, _("is required"))
    return child


def _amount(fields: Fields) -> str:
    amount = fields.text("amount", longest=_LONGEST_TEXT, is_required=True)
    if amount is None or not _AMOUNT.fullmatch(amount):
        raise fields.refuse("amount", _("must be a decimal number in a text, such as 12.50"))
    return amount


def _card_text(details: Fields, name: str) -> str:
    value = details.text(name, longest=_LONGEST_TEXT, is_required=True)
    if value is None or not _CARD_FORMS[name].fullmatch(value):
        raise details.refuse(name, _("is not of the right form"))
    return value
