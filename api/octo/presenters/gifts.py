"""Show a gift, and what gifts paid, as OCTO does."""

from datetime import datetime

from api.octo.capabilities import CART, PRICING, Applied
from api.octo.presenters.bookings import CONTACT_WORDS
from api.octo.presenters.values import contact_fields, pricing_fields, utc_time
from bookings import rules
from bookings.gift_codes import code_of
from bookings.models import BookingStatus, Gift, OrderKind
from bookings.pricing import pricing_of_gift
from payments.services.tenders import GiftPayment


def gift_fields(
    gift: Gift, capabilities: Applied, *, gift_payment: GiftPayment | None, now: datetime
) -> dict[str, object]:
    """Return OCTO's Gift; its order is expected to be loaded.

    Card payment and return URL are not part of it: single answers add them, lists never do.
    """
    shown: dict[str, object] = {
        "id": str(gift.pk),
        "uuid": str(gift.uuid),
        "testMode": not gift.is_live,
        "resellerReference": gift.reseller_reference or None,
        "supplierReference": gift.reference,
        "status": gift.status,
        "amount": gift.amount_minor,
        "currency": gift.currency,
        "utcCreatedAt": utc_time(gift.created_at),
        "utcUpdatedAt": utc_time(gift.updated_at),
        "utcExpiresAt": utc_time(gift.expires_at) if gift.status == BookingStatus.ON_HOLD else None,
        "utcConfirmedAt": utc_time(gift.confirmed_at),
        "utcRedeemedAt": utc_time(gift.redeemed_at),
        "cancellable": rules.is_gift_cancellable(gift),
        "confirmable": rules.is_gift_confirmable(gift, now=now),
        "updatable": rules.is_gift_updatable(gift, now=now),
        "cancellation": _cancellation_fields(gift),
        "contact": contact_fields({word: getattr(gift, f"contact_{word}") for word in CONTACT_WORDS}),
        "recipient": {"fullName": gift.recipient_full_name or None, "emailAddress": gift.recipient_email or None},
        "message": gift.message or None,
        "notes": gift.notes or None,
        "deliveryMethods": ["VOUCHER"],
        "voucher": {
            "redemptionMethod": "DIGITAL",
            "utcRedeemedAt": utc_time(gift.redeemed_at),
            "deliveryOptions": _delivery_options(gift),
        },
        "settlementMethod": gift.order.settlement_method,
        "giftPayment": gift_payment_fields(gift_payment),
    }
    if CART in capabilities:
        shown |= {
            "orderId": str(gift.order.uuid),
            "orderReference": gift.order.reference,
            "orderInvoicePdfUrl": None,
            "primary": gift.order.kind == OrderKind.GIFT,
        }
    if PRICING in capabilities:
        shown["pricing"] = pricing_fields(pricing_of_gift(gift))
    return shown


def gift_payment_fields(payment: GiftPayment | None) -> dict[str, object] | None:
    """Return OCTO's giftPayment, the code masked: whoever may read a booking may not spend the rest of its gift."""
    if payment is None:
        return None
    return {
        "giftCode": payment.masked_code,
        "code": payment.masked_code,
        "amount": payment.amount.minor,
        "currency": payment.amount.currency,
    }


def _delivery_options(gift: Gift) -> list[dict[str, object]]:
    if not rules.is_gift_sold(gift):
        return []
    return [{"deliveryFormat": "QRCODE", "deliveryValue": code_of(gift)}]


def _cancellation_fields(gift: Gift) -> dict[str, object] | None:
    if gift.status != BookingStatus.CANCELLED:
        return None
    return {
        "refund": gift.cancellation_refund or "NONE",
        "reason": gift.cancellation_reason or None,
        "utcCancelledAt": utc_time(gift.cancelled_at),
    }
