"""Show a booking as OCTO does."""

from datetime import datetime

from api.octo.capabilities import CART, PRICING, Applied
from api.octo.presenters.catalogue import slot_core_fields
from api.octo.presenters.values import contact_fields, pricing_fields, utc_time
from bookings import rules
from bookings.models import Booking, BookingStatus, UnitItem
from bookings.pricing import pricing_of_booking, pricing_of_unit_item

# Formats whose value is the code itself; a PDF or a wallet pass would need an address that we do not serve.
_CODE_FORMATS = ("QRCODE", "CODE128", "AZTECCODE")
CONTACT_WORDS = [
    "full_name",
    "first_name",
    "last_name",
    "email",
    "phone",
    "country",
    "postal_code",
    "notes",
    "locales",
]


def booking_fields(booking: Booking, capabilities: Applied, *, now: datetime) -> dict[str, object]:
    """Return OCTO's Booking; product, option, availability and unit items are expected to be loaded.

    Card payment and return URL are not part of it: single answers add them, lists never do.
    """
    shown: dict[str, object] = {
        "id": str(booking.pk),
        "uuid": str(booking.uuid),
        "testMode": not booking.is_live,
        "resellerReference": booking.reseller_reference or None,
        "supplierReference": booking.reference,
        "status": booking.status,
        "utcCreatedAt": utc_time(booking.created_at),
        "utcUpdatedAt": utc_time(booking.updated_at),
        "utcExpiresAt": utc_time(booking.expires_at) if booking.status == BookingStatus.ON_HOLD else None,
        "utcRedeemedAt": utc_time(booking.redeemed_at),
        "utcConfirmedAt": utc_time(booking.confirmed_at),
        "productId": str(booking.product_id),
        "optionId": str(booking.option_id),
        "cancellable": rules.is_cancellable(booking, now=now),
        "confirmable": rules.is_confirmable(booking, now=now),
        "updatable": rules.is_updatable(booking, now=now),
        "cancellation": _cancellation_fields(booking),
        "freesale": booking.availability is None,
        "availabilityId": booking.availability_reference or None,
        "availability": _availability_fields(booking, now=now),
        "contact": contact_fields({word: getattr(booking, f"contact_{word}") for word in CONTACT_WORDS}),
        "notes": booking.notes or None,
        "deliveryMethods": list(booking.product.delivery_methods),
        "voucher": _voucher_fields(booking),
        "unitItems": [_unit_item_fields(item, booking, capabilities) for item in booking.unit_items.all()],
        "settlementMethod": booking.order.settlement_method,
        "currency": booking.currency,
        "emailReceipt": booking.email_receipt,
        "metadata": booking.metadata,
    }
    if CART in capabilities:
        shown |= {
            "orderId": str(booking.order.uuid),
            "orderReference": booking.order.reference,
            "orderInvoicePdfUrl": None,
            "primary": booking.is_primary,
        }
    if PRICING in capabilities:
        shown["pricing"] = pricing_fields(pricing_of_booking(booking))
    return shown


def _cancellation_fields(booking: Booking) -> dict[str, object] | None:
    if booking.status != BookingStatus.CANCELLED:
        return None
    return {
        "refund": booking.cancellation_refund or "NONE",
        "reason": booking.cancellation_reason or None,
        "utcCancelledAt": utc_time(booking.cancelled_at),
    }


def _availability_fields(booking: Booking, *, now: datetime) -> dict[str, object] | None:
    if booking.availability is None:
        return None
    shown = slot_core_fields(rules.slot_of(booking.availability, booking.option, booking.product, now=now))
    # Echoed as it was sent: partners look it up by that text.
    shown["id"] = booking.availability_reference or shown["id"]
    return shown


def _unit_item_fields(item: UnitItem, booking: Booking, capabilities: Applied) -> dict[str, object]:
    shown: dict[str, object] = {
        "uuid": str(item.uuid),
        "resellerReference": item.reseller_reference or None,
        "supplierReference": item.reference or None,
        "unitId": str(item.unit_id),
        "status": booking.status,
        "utcRedeemedAt": utc_time(item.redeemed_at),
        "contact": contact_fields(item.contact),
        "ticket": _delivery_fields(booking, "TICKET", item.ticket_code, item.redeemed_at),
    }
    if PRICING in capabilities:
        shown["pricing"] = pricing_fields(pricing_of_unit_item(item, booking))
    return shown


def _voucher_fields(booking: Booking) -> dict[str, object] | None:
    return _delivery_fields(booking, "VOUCHER", booking.voucher_code, booking.redeemed_at)


def _delivery_fields(
    booking: Booking, method: str, code: str, redeemed_at: datetime | None
) -> dict[str, object] | None:
    """Return a voucher or ticket: there from the start where the product delivers that way, filled at confirm."""
    product = booking.product
    if method not in product.delivery_methods:
        return None
    is_filled = bool(code) and booking.status in (BookingStatus.CONFIRMED, BookingStatus.REDEEMED)
    return {
        "redemptionMethod": product.redemption_method,
        "utcRedeemedAt": utc_time(redeemed_at),
        "deliveryOptions": [
            {"deliveryFormat": delivery_format, "deliveryValue": code}
            for delivery_format in product.delivery_formats
            if delivery_format in _CODE_FORMATS
        ]
        if is_filled
        else [],
    }
