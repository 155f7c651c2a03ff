"""The shapes of OCTO's answers as JSON Schema: closed, so that a test finds what we forgot."""

from typing import Any

from bookings.models import BookingStatus, SettlementMethod, UnitType

Schema = dict[str, Any]


def shape(name: str) -> Schema:
    """Return a reference to one of the shapes below."""
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(item: Schema) -> Schema:
    """Return a list of one shape."""
    return {"type": "array", "items": item}


def or_null(schema: Schema) -> Schema:
    """Return a shape that may be null."""
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"oneOf": [schema, {"type": "null"}]}


def closed(properties: dict[str, Schema], *, optional: dict[str, Schema] | None = None) -> Schema:
    """Return an object with all of these fields and nothing but them and the optional ones."""
    return {
        "type": "object",
        "properties": {**properties, **(optional or {})},
        "required": list(properties),
        "additionalProperties": False,
    }


def words(*values: str) -> Schema:
    """Return a text out of a few."""
    return {"type": "string", "enum": list(values)}


def minor_units(meaning: str) -> Schema:
    """Return an amount, with what it means."""
    return {**MINOR, "description": f"{meaning} {MINOR['description']}"}


TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
YES_NO: Schema = {"type": "boolean"}
MINOR: Schema = {"type": "integer", "description": "Minor units of the currency."}
UUID: Schema = {
    "type": "string",
    "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
}
DATE: Schema = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
UTC_TIME: Schema = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,3})?Z$"}
LOCAL_TIME: Schema = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}[+-]\d{2}:\d{2}$"}
CURRENCY: Schema = {"type": "string", "pattern": "^[A-Z]{3}$"}
OPENING_HOURS: Schema = list_of(closed({"from": TEXT, "to": TEXT}))
CONTACT_FIELDS = words(
    *[
        "firstName",
        "lastName",
        "emailAddress",
        "phoneNumber",
        "country",
        "notes",
        "locales",
        "allowMarketing",
        "postalCode",
    ]
)
SLOT_STATUS = words("AVAILABLE", "FREESALE", "SOLD_OUT", "LIMITED", "CLOSED")
STATUS = words(*BookingStatus.values)
SOURCE = words("POS", "ECOM", "MOTO")

_CORE_SHAPES: dict[str, Schema] = {
    "Error": closed(
        {"error": TEXT, "errorMessage": TEXT},
        optional={
            **dict.fromkeys(
                ["productId", "optionId", "unitId", "availabilityId", "uuid", "cardPaymentId", "errorCode", "currency"],
                TEXT,
            ),
            **dict.fromkeys(["orderId", "webhookId"], TEXT),
            "availableCurrencies": list_of(CURRENCY),
            "currencyPrecision": WHOLE,
            "amount": MINOR,
            "money": closed(
                {
                    "moved": {
                        **words("no", "yes", "unknown"),
                        "description": "Whether money of this order is with us, held on a card, or nobody knows.",
                    },
                    "amount": {"type": "integer", "description": "What is with us or held, in minor units."},
                    "currency": or_null(CURRENCY),
                    "currencyPrecision": or_null(WHOLE),
                    "retrySafeUntil": or_null(UTC_TIME),
                    "askAgainAt": or_null(UTC_TIME),
                }
            ),
            "retryAfter": {"type": "integer", "description": "Seconds until the same request makes sense again."},
        },
    ),
    "Supplier": closed(
        {
            "id": TEXT,
            "name": TEXT,
            "endpoint": TEXT,
            "contact": closed(dict.fromkeys(("website", "email", "telephone", "address"), or_null(TEXT))),
        }
    ),
    "Whoami": closed(
        {
            "supplier": shape("Supplier"),
            "connectionId": TEXT,
            "partner": closed({"id": TEXT, "name": TEXT}),
            "capabilities": list_of(TEXT),
        }
    ),
    "Capability": closed(
        {"id": TEXT, "revision": WHOLE, "required": YES_NO, "dependencies": list_of(TEXT), "docs": or_null(TEXT)}
    ),
    "Pricing": closed(
        {
            "currency": CURRENCY,
            "currencyPrecision": WHOLE,
            "original": MINOR,
            "retail": MINOR,
            "net": or_null(MINOR),
            "includedTaxes": list_of(shape("Tax")),
        }
    ),
    "Tax": closed({"name": TEXT, "original": MINOR, "retail": MINOR, "net": or_null(MINOR)}),
    "PricingUnit": closed(
        {
            "unitId": TEXT,
            "unitType": words(*UnitType.values),
            "currency": CURRENCY,
            "currencyPrecision": WHOLE,
            "original": MINOR,
            "retail": MINOR,
            "net": or_null(MINOR),
            "includedTaxes": list_of(shape("Tax")),
        }
    ),
    "Product": closed(
        {
            "id": TEXT,
            "internalName": TEXT,
            "reference": or_null(TEXT),
            "locale": TEXT,
            "timeZone": TEXT,
            "allowFreesale": YES_NO,
            "instantConfirmation": YES_NO,
            "instantDelivery": YES_NO,
            "availabilityRequired": YES_NO,
            "availabilityType": words("START_TIME", "OPENING_HOURS"),
            "deliveryFormats": list_of(TEXT),
            "deliveryMethods": list_of(words("VOUCHER", "TICKET")),
            "redemptionMethod": words("DIGITAL", "PRINT", "MANIFEST"),
            "settlementMethods": list_of(words(*SettlementMethod.values)),
            "options": {"type": "array", "minItems": 1, "items": shape("Option")},
        },
        optional={
            "defaultCurrency": CURRENCY,
            "availableCurrencies": {"type": "array", "minItems": 1, "items": CURRENCY},
            "pricingPer": words("UNIT", "BOOKING"),
            "includeTax": YES_NO,
        },
    ),
    "Option": closed(
        {
            "id": TEXT,
            "default": YES_NO,
            "internalName": TEXT,
            "reference": or_null(TEXT),
            "availabilityLocalStartTimes": list_of({"type": "string", "pattern": r"^\d{2}:\d{2}$"}),
            "cancellationCutoff": TEXT,
            "cancellationCutoffAmount": WHOLE,
            "cancellationCutoffUnit": words("minute", "hour", "day"),
            "requiredContactFields": list_of(CONTACT_FIELDS),
            "restrictions": closed({"minUnits": WHOLE, "maxUnits": or_null(WHOLE)}),
            "units": list_of(shape("Unit")),
        }
    ),
    "Unit": closed(
        {
            "id": TEXT,
            "internalName": TEXT,
            "reference": or_null(TEXT),
            "type": words(*UnitType.values),
            "requiredContactFields": list_of(CONTACT_FIELDS),
            "restrictions": closed(
                {
                    "minAge": WHOLE,
                    "maxAge": WHOLE,
                    "idRequired": YES_NO,
                    "minQuantity": or_null(WHOLE),
                    "maxQuantity": or_null(WHOLE),
                    "paxCount": WHOLE,
                    "accompaniedBy": list_of(TEXT),
                }
            ),
        },
        optional={"pricingFrom": list_of(shape("Pricing"))},
    ),
    "CalendarDay": closed(
        {
            "localDate": DATE,
            "available": YES_NO,
            "status": SLOT_STATUS,
            "vacancies": or_null(WHOLE),
            "capacity": or_null(WHOLE),
            "openingHours": OPENING_HOURS,
            "availabilityLocalStartTimes": list_of(TEXT),
        },
        optional={"unitPricingFrom": list_of(shape("PricingUnit"))},
    ),
    "Availability": closed(
        {
            "id": TEXT,
            "localDateTimeStart": LOCAL_TIME,
            "localDateTimeEnd": LOCAL_TIME,
            "utcCutoffAt": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$"},
            "allDay": YES_NO,
            "available": YES_NO,
            "status": SLOT_STATUS,
            "vacancies": or_null(WHOLE),
            "capacity": or_null(WHOLE),
            "maxUnits": or_null(WHOLE),
            "openingHours": OPENING_HOURS,
        },
        optional={"unitPricing": list_of(shape("PricingUnit")), "pricing": shape("Pricing")},
    ),
    "Contact": closed(
        {
            **dict.fromkeys(
                ("fullName", "firstName", "lastName", "emailAddress", "phoneNumber", "postalCode", "country", "notes"),
                or_null(TEXT),
            ),
            "locales": list_of(TEXT),
        }
    ),
    "Delivery": closed(
        {
            "redemptionMethod": words("DIGITAL", "PRINT", "MANIFEST"),
            "utcRedeemedAt": or_null(UTC_TIME),
            "deliveryOptions": list_of(closed({"deliveryFormat": TEXT, "deliveryValue": TEXT})),
        }
    ),
    "UnitItem": closed(
        {
            "uuid": UUID,
            "resellerReference": or_null(TEXT),
            "supplierReference": or_null(TEXT),
            "unitId": TEXT,
            "status": STATUS,
            "utcRedeemedAt": or_null(UTC_TIME),
            "contact": shape("Contact"),
            "ticket": or_null(shape("Delivery")),
        },
        optional={"pricing": shape("Pricing")},
    ),
}

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

_PAYMENT_SHAPES: dict[str, Schema] = {
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
    "AdyenClient": closed(
        {},
        optional={
            "environment": words("test", "live"),
            "clientKey": TEXT,
            "countryCode": or_null(TEXT),
            "session": or_null(closed({"id": TEXT, "sessionData": TEXT})),
            "paymentMethodsConfiguration": or_null({"type": "object"}),
            "cardConsent": closed({"text": TEXT, "language": TEXT}),
        },
    ),
    "CardPayment": closed(
        _CARD_PAYMENT_FIELDS, optional={"adyen": shape("AdyenClient"), "external": {"type": "object"}}
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

ANSWER_SHAPES: dict[str, Schema] = {**_CORE_SHAPES, **_PAYMENT_SHAPES}
