"""The shapes of this API's bodies, in JSON Schema: names and types as documented, closed so that none is forgotten."""

from api.context.errors import STATUS_OF_TYPE
from api.context.requests import (
    CARD_METHOD_CODE,
    COLOR_DEPTHS,
    CREDIT_METHOD_ID,
    LONGEST_ENCRYPTED,
    LONGEST_PROOF,
    METHOD_IDS,
    MOST_PROOFS,
)
from api.context.results import ResultCode
from api.openapi import CURRENCY, DATE, TEXT, WHOLE, YES_NO, Schema, closed, list_of, or_null, shape, words

AMOUNT: Schema = {"type": "number", "minimum": 0, "description": "In major units, such as 2500.00."}
MOMENT: Schema = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$", "description": "UTC."}
DIGITS: Schema = {"type": "string", "pattern": "^[0-9]+$"}
_ENCRYPTED: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_ENCRYPTED,
    "description": "As the gateway's script encrypted it in the guest's browser; opaque to us, and kept nowhere.",
}
_TEXT_200: Schema = {"type": "string", "maxLength": 200}
_HEADER: Schema = {"type": "string", "minLength": 1, "maxLength": 2_048}
_PIXELS: Schema = {"type": "integer", "minimum": 0, "maximum": 99_999}
_ANY_CURRENCY: Schema = {"type": "string", "description": "ISO 4217, in any case; the booking's."}

_PAIR = closed({"key": TEXT, "value": TEXT})

SHAPES: dict[str, Schema] = {
    "Error": closed(
        {"errorType": words(*STATUS_OF_TYPE), "errors": list_of(TEXT), "correlationId": TEXT},
        optional={"money": shape("MoneyTold")},
    ),
    "MoneyTold": closed(
        {
            "moved": words("no", "yes", "unknown"),
            "amount": or_null(AMOUNT),
            "currencyCode": or_null(CURRENCY),
            "retrySafeUntil": or_null(MOMENT),
            "askAgainAt": or_null(MOMENT),
        }
    ),
    "PaymentMethods": closed({"methods": list_of(shape("PaymentMethod"))}),
    "PaymentMethod": closed(
        {
            "id": DIGITS,
            "name": TEXT,
            "currencyCode": CURRENCY,
            "sellingAgentId": or_null(WHOLE),
            "paymentCards": list_of(closed({"id": DIGITS, "name": TEXT, "uniquePaymentMethodCode": TEXT})),
            "onlineFlag": YES_NO,
            "availableAmount": {
                **or_null(AMOUNT),
                "description": "What the customer's credit can pay; null for cards.",
            },
        }
    ),
    "Payment": {
        "type": "object",
        "required": ["amount", "currencyCode"],
        "properties": {
            "billingHouseNumberOrName": or_null(_TEXT_200),
            "billingStreet": or_null(_TEXT_200),
            "billingCity": or_null(_TEXT_200),
            "billingStateOrProvince": or_null(_TEXT_200),
            "billingPostcode": or_null({"type": "string", "maxLength": 20}),
            "billingCountryCode": or_null({"type": "string", "pattern": "^([A-Za-z]{2})?$"}),
            "returnURL": or_null({"type": "string", "maxLength": 1_024}),
            "originHost": or_null({"type": "string", "maxLength": 255}),
            "shopperIP": or_null({"type": "string", "maxLength": 45}),
            "paymentMethodDetails": shape("PaymentMethodDetails"),
            "browserInfo": or_null(shape("BrowserInfo")),
            "paymentMethodId": {
                "enum": list(METHOD_IDS),
                "description": f"{CREDIT_METHOD_ID} spends the credit of the booking's customer, without a card.",
            },
            "amount": {"type": "number", "exclusiveMinimum": 0, "description": "Without the donation."},
            "donationAmount": or_null(AMOUNT),
            "currencyCode": _ANY_CURRENCY,
        },
    },
    "PaymentMethodDetails": {
        "type": "object",
        "required": [
            "uniquePaymentMethodCode",
            "encryptedCardNumber",
            "encryptedExpiryMonth",
            "encryptedExpiryYear",
            "encryptedSecurityCode",
            "cardHolderName",
        ],
        "properties": {
            "uniquePaymentMethodCode": words(CARD_METHOD_CODE),
            "encryptedCardNumber": _ENCRYPTED,
            "encryptedExpiryMonth": _ENCRYPTED,
            "encryptedExpiryYear": _ENCRYPTED,
            "encryptedSecurityCode": _ENCRYPTED,
            "cardHolderName": {"type": "string", "minLength": 1, "maxLength": 100},
        },
    },
    "BrowserInfo": {
        "type": "object",
        "required": [
            "acceptHeader",
            "language",
            "colorDepth",
            "javaEnabled",
            "screenHeight",
            "screenWidth",
            "timeZoneOffset",
            "userAgent",
        ],
        "properties": {
            "acceptHeader": _HEADER,
            "language": {"type": "string", "minLength": 1, "maxLength": 35},
            "colorDepth": {"enum": list(COLOR_DEPTHS)},
            "javaEnabled": YES_NO,
            "javaScriptEnabled": or_null(YES_NO),
            "screenHeight": _PIXELS,
            "screenWidth": _PIXELS,
            "timeZoneOffset": {"type": "integer", "minimum": -900, "maximum": 900},
            "userAgent": _HEADER,
        },
    },
    "PaymentResult": closed(
        {
            "paymentReference": TEXT,
            "isSuccessfulPayment": YES_NO,
            "amountPaid": AMOUNT,
            "currencyCode": CURRENCY,
            "transactionDate": MOMENT,
            "errorCode": words(*ResultCode),
            "message": TEXT,
            "paymentId": or_null(DIGITS),
            "paymentProcessAuditId": or_null(DIGITS),
            "actionRequired": words("None", "Redirect"),
            "redirectRequest": or_null(shape("RedirectRequest")),
            "bookingId": or_null(WHOLE),
        }
    ),
    "RedirectRequest": closed(
        {
            "data": {
                "oneOf": [TEXT, list_of(_PAIR)],
                "description": "Key/value pairs, encoded as a text; an array where a partner asked for that.",
            },
            "url": TEXT,
            "method": TEXT,
            "paymentData": TEXT,
        }
    ),
    "Completion": {
        "type": "object",
        "required": ["paymentDetails", "paymentData", "paymentProcessAuditId"],
        "properties": {
            "paymentDetails": {
                "oneOf": [TEXT, {**list_of(_PAIR), "minItems": 1, "maxItems": MOST_PROOFS}],
                "description": "What came back with the guest, as key/value pairs: an array, or encoded as a text.",
            },
            "paymentData": {"type": "string", "minLength": 1, "maxLength": LONGEST_PROOF},
            "paymentProcessAuditId": {"oneOf": [{"type": "integer", "minimum": 1}, DIGITS]},
        },
    },
    "Payments": closed({"payments": list_of(shape("ListedPayment"))}),
    "ListedPayment": closed(
        {
            "currencyCode": CURRENCY,
            "totalAmount": AMOUNT,
            "amount": AMOUNT,
            "donationAmount": AMOUNT,
            "paymentDate": DATE,
            "paymentMethod": TEXT,
            "creditCardFeeAmount": AMOUNT,
            "contextType": words("Booking", "Customer"),
            "contextId": WHOLE,
            "id": {**or_null(WHOLE), "description": "The `paymentId` of the answer; null for credit and gifts."},
            "href": or_null(TEXT),
            "sequence": DIGITS,
        }
    ),
}
