"""The shapes of the payments resource as JSON Schema; in XML each key is an element of that name."""

from api.openapi import CURRENCY, DATE, TEXT, WHOLE, YES_NO, Schema, closed, list_of, or_null, words
from api.resource.errors import INVALID_DATA
from api.resource.paging import MOST_ROWS_A_PAGE
from api.resource.payment_requests import CREDIT_CARD, LONGEST_NAME, LONGEST_NOTE
from bookings.models import BookingStatus
from gateways.errors import ErrorCode

ID: Schema = {"type": "string", "pattern": "^[1-9][0-9]*$"}
HREF: Schema = {"type": "string", "description": "An absolute address, without a trailing slash."}
UTC_TIME: Schema = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$"}
AMOUNT: Schema = {
    "type": "string",
    "pattern": r"^-?\d+(\.\d{1,3})?$",
    "description": "A decimal number in the booking's currency, with that currency's own number of decimals.",
}
REFERENCE = closed({"id": ID, "href": HREF})
COLLECTION = closed({"href": HREF})
STATUS = words("PENDING", "FAILED", "PROCESSED")
TRANSACTION_TYPE = closed({"name": TEXT, "code": words(CREDIT_CARD)})


def _digits(pattern: str, meaning: str) -> Schema:
    return {"type": "string", "pattern": pattern, "description": meaning}


def _named(resource: str) -> Schema:
    """Return a reference in a request: `id`, or `href`, or both alike."""
    return {
        "type": "object",
        "properties": {"id": {**ID, "maxLength": 18}, "href": TEXT},
        "anyOf": [{"required": ["id"]}, {"required": ["href"]}],
        "description": f"One of {resource}, by its id or by its address.",
    }


def _page_of(row: Schema) -> Schema:
    return closed(
        {
            "count": WHOLE,
            "max_per_page": {"type": "integer", "maximum": MOST_ROWS_A_PAGE},
            "current_page": WHOLE,
            "results": list_of(row),
            "links": list_of(closed({"rel": words("next", "prev"), "href": HREF})),
        }
    )


_OPERATION: dict[str, Schema] = {
    "id": ID,
    "href": HREF,
    "status": STATUS,
    "error": or_null(closed({"code": words(*(code.value for code in ErrorCode)), "detail": TEXT})),
    "date_created": UTC_TIME,
    "date_last_modified": UTC_TIME,
    "transaction_type": TRANSACTION_TYPE,
    "booking": REFERENCE,
    "amount": AMOUNT,
}
_OPERATION_ROW = closed({"id": ID, "href": HREF, "status": STATUS, "amount": AMOUNT})
_BOOKING_ROW: dict[str, Schema] = {"id": ID, "href": HREF, "status": words(*BookingStatus.values)}

SHAPES: dict[str, Schema] = {
    "Payment": closed(
        {
            **_OPERATION,
            "customer": or_null(REFERENCE),
            "capture": YES_NO,
            "note": or_null(TEXT),
            "is_online_payment": YES_NO,
        }
    ),
    "PaymentRequest": {
        "type": "object",
        "properties": {
            "booking": _named("bookings"),
            "customer": _named("customers"),
            "amount": {
                "type": "string",
                "pattern": r"^[0-9]{1,12}(\.[0-9]{1,3})?$",
                "description": "At most amount_owing less amount_pending of the booking.",
            },
            "capture": or_null({**YES_NO, "default": True, "description": "false: only hold the money."}),
            "note": or_null({"type": "string", "maxLength": LONGEST_NOTE}),
            "details": {
                "type": "object",
                "properties": {
                    "transaction_type_code": words(CREDIT_CARD),
                    "number": _digits("^[0-9]{12,19}$", "The card number; kept nowhere."),
                    "expiry_month": _digits("^(0[1-9]|1[0-2])$", "Two digits."),
                    "expiry_year": _digits("^20[0-9]{2}$", "Four digits."),
                    "cvv": _digits("^[0-9]{3,4}$", "The security code; kept nowhere."),
                    "name_on_card": {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME},
                },
                "required": [
                    "transaction_type_code",
                    "number",
                    "expiry_month",
                    "expiry_year",
                    "cvv",
                    "name_on_card",
                ],
            },
        },
        "required": ["booking", "customer", "amount", "details"],
    },
    "PaymentList": _page_of(_OPERATION_ROW),
    "Refund": closed({**_OPERATION, "commission": YES_NO}),
    "RefundList": _page_of(_OPERATION_ROW),
    "Booking": closed(
        {
            **_BOOKING_ROW,
            "external_id": or_null(TEXT),
            "currency": CURRENCY,
            "date_created": UTC_TIME,
            "date_closed": or_null(DATE),
            "balance_due_date": or_null(DATE),
            "date_of_first_travel": or_null(DATE),
            "date_of_last_travel": or_null(DATE),
            "amount_paid": AMOUNT,
            "amount_owing": AMOUNT,
            "amount_pending": AMOUNT,
            "commission": AMOUNT,
            "tax_on_commission": {"type": "null"},
            "customer": or_null(REFERENCE),
            "customers": COLLECTION,
            "payments": COLLECTION,
            "refunds": COLLECTION,
        }
    ),
    "BookingList": _page_of(closed(_BOOKING_ROW)),
    "Customer": closed(
        {
            "id": ID,
            "href": HREF,
            "name": closed(
                {
                    "legal_first_name": or_null(TEXT),
                    "legal_middle_name": {"type": "null"},
                    "legal_last_name": or_null(TEXT),
                    "common_name": or_null(TEXT),
                    "title": {"type": "null"},
                }
            ),
            "date_of_birth": {"type": "null"},
            "nationality": {"type": "null"},
            "gender": words("UNKNOWN"),
            "account_email": or_null(TEXT),
            "phone_numbers": list_of(closed({"number": TEXT})),
            "bookings": COLLECTION,
        }
    ),
    "CustomerList": _page_of(REFERENCE),
    "Error": closed(
        {
            "http_status_code": WHOLE,
            "time": UTC_TIME,
            "message": TEXT,
            "errors": list_of(
                closed(
                    {
                        "code": words(INVALID_DATA),
                        "detail": TEXT,
                        "field": TEXT,
                        "value": {"description": "What was sent; never anything of a card."},
                    }
                )
            ),
            "error_id": TEXT,
            "href": HREF,
        },
        optional={
            "money": closed(
                {
                    "moved": {
                        **words("no", "yes", "unknown"),
                        "description": "Whether money of this booking is with us, held on a card, or nobody knows.",
                    },
                    "amount": or_null(AMOUNT),
                    "currency": or_null(CURRENCY),
                    "retry_safe_until": or_null(UTC_TIME),
                    "ask_again_at": or_null(UTC_TIME),
                }
            )
        },
    ),
}
