"""Show an order as OCTO does."""

from datetime import datetime

from api.octo.capabilities import GIFTS, PRICING, Applied
from api.octo.presenters.bookings import booking_fields
from api.octo.presenters.catalogue import requested_contact_fields
from api.octo.presenters.gifts import gift_fields
from api.octo.presenters.values import contact_fields, pricing_fields, utc_time
from bookings import rules
from bookings.models import Booking, BookingStatus, Gift, Order
from bookings.pricing import pricing_of_booking, pricing_of_gift, total_of

# In the order of OCTO's enumeration.
_VISIBLE_CONTACT_FIELDS = (
    "firstName",
    "lastName",
    "emailAddress",
    "phoneNumber",
    "country",
    "notes",
    "locales",
    "postalCode",
)


def order_fields(order: Order, capabilities: Applied, *, now: datetime) -> dict[str, object]:
    """Return OCTO's Order; its bookings, what they sell, and its gifts are expected to be loaded.

    Card payment and return URL are not part of it: single answers add them, lists never do.
    """
    bookings = list(order.bookings.all())
    for booking in bookings:
        booking.order = order
    live = [booking for booking in bookings if booking.status in rules.LIVE_STATUSES]
    gifts = list(order.gifts.all())
    for gift in gifts:
        gift.order = order
    is_live = order.status in rules.LIVE_STATUSES
    is_held = order.status == BookingStatus.ON_HOLD
    shown: dict[str, object] = {
        "id": str(order.uuid),
        "orderId": str(order.uuid),
        "optionId": None,
        "status": order.status,
        "supplierReference": order.reference,
        "settlementMethod": order.settlement_method,
        "settlementMethods": list(order.partner.settlement_methods),
        "testMode": not order.is_live,
        "quote": False,
        "utcCreatedAt": utc_time(order.created_at),
        "utcUpdatedAt": utc_time(order.updated_at),
        "utcExpiresAt": utc_time(order.expires_at) if is_held else None,
        "utcConfirmedAt": utc_time(order.confirmed_at),
        "cancellable": is_live
        and all(rules.is_cancellable(each, now=now) for each in live)
        and _are_cancellable(gifts),
        "confirmable": is_held and bool(live or gifts) and not _has_run_out(order, now),
        "updatable": is_live and not _has_run_out(order, now),
        "active": is_live,
        "contact": contact_fields(order.contact),
        "emailReceipt": order.email_receipt,
        "bookings": [booking_fields(booking, capabilities, now=now) for booking in bookings],
        "visibleContactFields": list(_VISIBLE_CONTACT_FIELDS),
        "requiredContactFields": _required_contact_fields(live),
        "voucher": None,
        "invoicePdfUrl": None,
        "currency": order.currency,
    }
    if GIFTS in capabilities:
        # What gifts paid is the order's to tell: it is paid as one.
        shown["gifts"] = [gift_fields(gift, capabilities, gift_payment=None, now=now) for gift in gifts]
    if PRICING in capabilities:
        bought = [gift for gift in gifts if rules.is_gift_bought(gift)]
        shown_bookings, shown_gifts = (live, bought) if live or bought else (bookings, gifts)
        parts = [pricing_of_booking(booking) for booking in shown_bookings]
        parts += [pricing_of_gift(gift) for gift in shown_gifts]
        shown["pricing"] = pricing_fields(total_of(parts, currency=order.currency))
    return shown


def _are_cancellable(gifts: list[Gift]) -> bool:
    return all(rules.is_gift_cancellable(gift) for gift in gifts if rules.is_gift_bought(gift))


def _has_run_out(order: Order, now: datetime) -> bool:
    return order.status == BookingStatus.ON_HOLD and order.expires_at is not None and order.expires_at <= now


def _required_contact_fields(bookings: list[Booking]) -> list[str]:
    """Return what any of the bookings asks for, each once."""
    needed = (field for booking in bookings for field in booking.option.required_contact_fields)
    return requested_contact_fields(dict.fromkeys(needed))
