"""The shapes of OCTO's answers as JSON Schema: words, errors and the catalogue; `sold_shapes` has what is sold.

They are closed, so that a test finds what we forgot.
"""

from api.openapi import (
    CURRENCY,
    DATE,
    TEXT,
    WHOLE,
    YES_NO,
    Schema,
    closed,
    list_of,
    or_null,
    shape,
    words,
)
from bookings.models import BookingStatus, SettlementMethod, UnitType


def minor_units(meaning: str) -> Schema:
    """Return an amount, with what it means."""
    return {**MINOR, "description": f"{meaning} {MINOR['description']}"}


MINOR: Schema = {"type": "integer", "description": "Minor units of the currency."}
UUID: Schema = {
    "type": "string",
    "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
}
UTC_TIME: Schema = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,3})?Z$"}
LOCAL_TIME: Schema = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}[+-]\d{2}:\d{2}$"}
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

CATALOGUE_SHAPES: dict[str, Schema] = {
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
