"""The shapes of what is sold and paid, as JSON Schema: bookings, gifts, orders and their card payments."""

from api.octo.shapes import CONTACT_FIELDS, MINOR, SOURCE, STATUS, UTC_TIME, UUID, minor_units
from api.openapi import CURRENCY, TEXT, WHOLE, YES_NO, Schema, closed, list_of, or_null, shape, words
from bookings.models import SettlementMethod
from payments.services.talks import partner_talks

_BOOKING_FIELDS: dict[str, Schema] = {
    "id": TEXT,
    "uuid": UUID,
    "testMode": YES_NO,
    "resellerReference": or_null(TEXT),
    "supplierReference": or_null(TEXT),
    "status": STATUS,
    "utcCreatedAt": UTC_TIME,
    "utcUpdatedAt": UTC_TIME,
    "utcExpiresAt": or_null(UTC_TIME),
    "utcRedeemedAt": or_null(UTC_TIME),
    "utcConfirmedAt": or_null(UTC_TIME),
    "productId": TEXT,
    "optionId": TEXT,
    "cancellable": YES_NO,
    "confirmable": YES_NO,
    "updatable": YES_NO,
    "cancellation": or_null(
        closed(
            {"refund": words("FULL", "PARTIAL", "NONE"), "reason": or_null(TEXT), "utcCancelledAt": or_null(UTC_TIME)}
        )
    ),
    "freesale": YES_NO,
    "availabilityId": or_null(TEXT),
    "availability": or_null(shape("Availability")),
    "contact": shape("Contact"),
    "notes": or_null(TEXT),
    "deliveryMethods": list_of(words("VOUCHER", "TICKET")),
    "voucher": or_null(shape("Delivery")),
    "unitItems": list_of(shape("UnitItem")),
    "settlementMethod": words(*SettlementMethod.values),
    "currency": CURRENCY,
    "emailReceipt": YES_NO,
    "metadata": {"type": "object", "additionalProperties": TEXT},
}

_GIFT_FIELDS: dict[str, Schema] = {
    "id": TEXT,
    "uuid": UUID,
    "testMode": YES_NO,
    "resellerReference": or_null(TEXT),
    "supplierReference": or_null(TEXT),
    "status": STATUS,
    "amount": MINOR,
    "currency": CURRENCY,
    "utcCreatedAt": UTC_TIME,
    "utcUpdatedAt": UTC_TIME,
    "utcExpiresAt": or_null(UTC_TIME),
    "utcConfirmedAt": or_null(UTC_TIME),
    "utcRedeemedAt": or_null(UTC_TIME),
    "cancellable": YES_NO,
    "confirmable": YES_NO,
    "updatable": YES_NO,
    "cancellation": _BOOKING_FIELDS["cancellation"],
    "contact": shape("Contact"),
    "recipient": closed({"fullName": or_null(TEXT), "emailAddress": or_null(TEXT)}),
    "message": or_null(TEXT),
    "notes": or_null(TEXT),
    "deliveryMethods": list_of(words("VOUCHER")),
    "voucher": shape("Delivery"),
    "settlementMethod": words(*SettlementMethod.values),
    "giftPayment": or_null(shape("GiftPayment")),
}

_CARD_PAYMENT_FIELDS: dict[str, Schema] = {
    "status": words("PENDING", "CONFIRMED", "CANCELLED", "EXPIRED", "REJECTED"),
    "id": UUID,
    "cardPaymentId": or_null(TEXT),
    "gateway": TEXT,
    "source": SOURCE,
    "paid": minor_units("Taken by this payment, surcharge included."),
    "totalPaid": minor_units("Taken in all, by cards, gifts and what you took elsewhere, surcharge included."),
    "totalRefunded": minor_units("Given back by cards, or by you, surcharge included."),
    "paidSurcharge": minor_units("How much of totalPaid was surcharge."),
    "balance": minor_units("Still to pay of the price, without surcharge."),
    "surcharge": minor_units("What paying the balance now would add."),
    "outstandingBalance": minor_units("balance and surcharge."),
    "amount": minor_units("What this payment collects, surcharge included."),
    "currency": CURRENCY,
    "currencyPrecision": WHOLE,
    "reusableCards": list_of(shape("ReusableCard")),
    "provider": or_null(TEXT),
    "providerReference": or_null(TEXT),
    "createdAt": or_null(UTC_TIME),
}

_CARD_PAYMENT_OF_ANSWER: dict[str, Schema] = {
    "cardPayment": or_null(shape("CardPayment")),
    "returnUrl": or_null(TEXT),
}
_ORDER_OF_BOOKING: dict[str, Schema] = {
    "orderId": UUID,
    "orderReference": TEXT,
    "orderInvoicePdfUrl": or_null(TEXT),
    "primary": YES_NO,
}
_ORDER_FIELDS: dict[str, Schema] = {
    "id": UUID,
    "orderId": UUID,
    "optionId": or_null(TEXT),
    "status": STATUS,
    "supplierReference": TEXT,
    "settlementMethod": words(*SettlementMethod.values),
    "settlementMethods": list_of(words(*SettlementMethod.values)),
    "testMode": YES_NO,
    "quote": YES_NO,
    "utcCreatedAt": UTC_TIME,
    "utcUpdatedAt": UTC_TIME,
    "utcExpiresAt": or_null(UTC_TIME),
    "utcConfirmedAt": or_null(UTC_TIME),
    **dict.fromkeys(("cancellable", "confirmable", "updatable", "active", "emailReceipt"), YES_NO),
    "contact": shape("Contact"),
    "bookings": list_of(shape("ListedBooking")),
    "visibleContactFields": list_of(CONTACT_FIELDS),
    "requiredContactFields": list_of(CONTACT_FIELDS),
    "voucher": or_null(shape("Delivery")),
    "invoicePdfUrl": or_null(TEXT),
    "currency": CURRENCY,
}


def client_shape_name(gateway: str) -> str:
    """Return the name of the shape of what a guest's page is given for a gateway."""
    return f"{gateway.capitalize()}Client"


SOLD_SHAPES: dict[str, Schema] = {
    "ReusableCard": closed(
        {
            "id": UUID,
            "brand": or_null(TEXT),
            "bin": or_null(TEXT),
            "last4": or_null(TEXT),
            "expMonth": or_null(WHOLE),
            "expYear": or_null(WHOLE),
        }
    ),
    **{
        client_shape_name(talk.name): closed(
            {}, optional={**talk.gives, "cardConsent": closed({"text": TEXT, "language": TEXT})}
        )
        for talk in partner_talks().values()
    },
    "CardPayment": closed(
        _CARD_PAYMENT_FIELDS,
        optional={talk.name: shape(client_shape_name(talk.name)) for talk in partner_talks().values()},
    ),
    "Booking": closed(
        _BOOKING_FIELDS,
        optional={
            "pricing": shape("Pricing"),
            "giftPayment": or_null(shape("GiftPayment")),
            **_ORDER_OF_BOOKING,
            **_CARD_PAYMENT_OF_ANSWER,
        },
    ),
    "ListedBooking": closed(
        _BOOKING_FIELDS,
        optional={"pricing": shape("Pricing"), "giftPayment": or_null(shape("GiftPayment")), **_ORDER_OF_BOOKING},
    ),
    "Order": closed(
        _ORDER_FIELDS,
        optional={
            "pricing": shape("Pricing"),
            "gifts": list_of(shape("ListedGift")),
            "giftPayment": or_null(shape("GiftPayment")),
            **_CARD_PAYMENT_OF_ANSWER,
        },
    ),
    "ListedOrder": closed(
        _ORDER_FIELDS,
        optional={
            "pricing": shape("Pricing"),
            "gifts": list_of(shape("ListedGift")),
            "giftPayment": or_null(shape("GiftPayment")),
        },
    ),
    "GiftPayment": closed({"giftCode": TEXT, "code": TEXT, "amount": MINOR, "currency": CURRENCY}),
    "Gift": closed(
        _GIFT_FIELDS, optional={"pricing": shape("Pricing"), **_ORDER_OF_BOOKING, **_CARD_PAYMENT_OF_ANSWER}
    ),
    "ListedGift": closed(_GIFT_FIELDS, optional={"pricing": shape("Pricing"), **_ORDER_OF_BOOKING}),
    "Notified": closed({"status": words("accepted"), "requestId": TEXT, "message": TEXT}),
}
