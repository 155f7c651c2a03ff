from datetime import datetime

from django.conf import settings

from bookings.errors import GiftAmountNotAllowed, GiftHoldExpired, GiftNotUpdatable, InvalidValue
from bookings.free_text import LONGEST_NOTE, LONGEST_REFERENCE, clean_contact, clean_return_url, clean_text
from bookings.models import BookingStatus, Gift, Order
from bookings.requests import ContactDetails, GiftChanges
from bookings.rules import has_run_out, is_gift_updatable
from bookings.services.holds import hold_until
from bookings.services.orders import bookings_under_lock, holds_of, move_expiry
from money import Money, exponent_of

_LONGEST_NAME, _LONGEST_EMAIL = 200, 254
# Our word of a change -> the longest text its column takes.
_TEXTS = {
    "message": LONGEST_NOTE,
    "notes": LONGEST_NOTE,
    "reseller_reference": LONGEST_REFERENCE,
    "recipient_full_name": _LONGEST_NAME,
    "recipient_email": _LONGEST_EMAIL,
}


def apply_gift_changes(*, order: Order, gift: Gift, changes: GiftChanges, now: datetime) -> bool:
    """Change a gift of a locked order in memory, and say whether anything is different now; the caller saves both.

    The amount of a gift is fixed once it is confirmed.

    :raises GiftHoldExpired: the hold's time is over.
    :raises GiftNotUpdatable: it is neither held nor confirmed, or its amount is fixed.
    """
    if has_run_out(gift, now=now):
        raise GiftHoldExpired(str(gift.uuid))
    if not is_gift_updatable(gift, now=now):
        raise GiftNotUpdatable(str(gift.uuid), f"it is {gift.status}")
    if changes.currency not in (None, gift.currency):
        raise InvalidValue("currency", f"cannot be changed; the gift is in {gift.currency}")
    before = _facts_of(gift, order)
    if changes.amount_minor is not None and changes.amount_minor != gift.amount_minor:
        if gift.status != BookingStatus.ON_HOLD:
            raise GiftNotUpdatable(str(gift.uuid), "the amount of a confirmed gift is fixed")
        check_gift_amount(Money(changes.amount_minor, gift.currency))
        gift.amount_minor = changes.amount_minor
    for word in _TEXTS:
        set_gift_text(gift, word, getattr(changes, word))
    set_gift_contact(gift, changes.contact)
    if changes.return_url is not None:
        order.return_url = clean_return_url(changes.return_url)
    if changes.expiration_minutes is not None:
        until = hold_until(now=now, minutes=changes.expiration_minutes)
        if gift.status == BookingStatus.ON_HOLD and gift.expires_at is not None and until > gift.expires_at:
            # All that an order holds runs out together.
            move_expiry(order, holds_of(bookings_under_lock(order)), until=until, now=now)
            gift.expires_at = until
    if _facts_of(gift, order) == before:
        return False
    gift.updated_at = now
    return True


def set_gift_text(gift: Gift, word: str, text: str | None) -> None:
    """Set one of a gift's texts, cleaned; None leaves it as it is."""
    if text is not None:
        setattr(gift, word, clean_text(word, text, longest=_TEXTS[word]))


def set_gift_contact(gift: Gift, contact: ContactDetails | None) -> None:
    """Replace who bought the gift; a contact with nothing in it changes nothing."""
    cleaned = clean_contact("contact", contact) if contact is not None else None
    for word, value in (cleaned or {}).items():
        setattr(gift, f"contact_{word}", value)


def check_gift_amount(amount: Money) -> None:
    """Check that a gift may be worth this.

    :raises GiftAmountNotAllowed: it is too little or too much.
    """
    limits = settings.BOOKINGS["GIFT_AMOUNTS"].get(amount.currency)
    if limits is None:
        limits = [
            whole * 10 ** exponent_of(amount.currency) for whole in settings.BOOKINGS["GIFT_AMOUNTS_IN_WHOLE_UNITS"]
        ]
    least, most = limits
    if not least <= amount.minor <= most:
        raise GiftAmountNotAllowed(Money(least, amount.currency), Money(most, amount.currency))


def _facts_of(gift: Gift, order: Order) -> dict[str, object]:
    own = {field.attname: getattr(gift, field.attname) for field in gift._meta.concrete_fields}
    return own | {"return_url": order.return_url}
