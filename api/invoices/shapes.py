"""The shapes of this API's documents as JSON Schema. Answers are closed, so that a test finds what we forgot."""

from typing import Any

from api.invoices.requests import CARD_OPTIONS, INVOICES, REFUND, SALE
from api.invoices.statuses import OK, RESOLUTION_OF_CODE, InvoiceStatus
from api.openapi import CURRENCY, TEXT, YES_NO, Schema, closed, list_of, or_null, shape, words
from bookings.free_text import LONGEST_CUSTOMER_REFERENCE, LONGEST_DESCRIPTION, LONGEST_PARTNER_REFERENCE

AMOUNT: Schema = {"type": "number", "description": "In major units, with no more decimals than the currency has."}
EPOCH: Schema = {"type": "integer", "description": "Seconds since 1970-01-01T00:00:00Z."}
_ADDRESS: Schema = {"type": "string", "format": "uri"}
_NOTHING: Schema = {"type": "array", "maxItems": 0}
_STATUS = words(*(status.value for status in InvoiceStatus))
_RESOLUTION = words(OK, *RESOLUTION_OF_CODE.values())
_MONEY_SENT: Schema = {"type": "number", "exclusiveMinimum": 0, "maximum": 10**12}


def _open(properties: dict[str, Schema], *, required: tuple[str, ...] = ()) -> Schema:
    """Return an object that may hold more than we read."""
    return {"type": "object", "properties": properties, "required": list(required)}


def _text(longest: int) -> Schema:
    return {"type": "string", "maxLength": longest}


def _or_nothing(schema: Schema) -> Schema:
    """Return an object that is written as `[]` where it is empty."""
    return {"oneOf": [schema, _NOTHING]}


def _document(attributes: Schema, kind: str, *, is_attributed: bool = True) -> Schema:
    required = ("type", "attributes") if is_attributed else ("type",)
    return _open(
        {"data": _open({"type": words(kind), "attributes": attributes}, required=required)}, required=("data",)
    )


def _related(kind: str) -> Schema:
    return closed({"data": closed({"type": words(kind), "id": TEXT})})


_CARD = closed(
    dict.fromkeys(
        (
            "last",
            "mask",
            "brand",
            "first",
            "holder",
            "expiry_year",
            "issuer_name",
            "expiry_month",
            "issuer_country",
        ),
        or_null(TEXT),
    )
)
_ATTRIBUTES = closed(
    {
        "serial_number": TEXT,
        "status": _STATUS,
        "resolution": _RESOLUTION,
        "moderation_required": YES_NO,
        "amount": AMOUNT,
        "payment_amount": AMOUNT,
        "currency": CURRENCY,
        "service_currency": CURRENCY,
        "reference_id": TEXT,
        "test_mode": YES_NO,
        "fee": AMOUNT,
        "deposit": AMOUNT,
        "processed": or_null(EPOCH),
        "processed_amount": or_null(AMOUNT),
        "refunded": or_null(EPOCH),
        "refunded_amount": or_null(AMOUNT),
        "charged_back": or_null(EPOCH),
        "charged_back_amount": or_null(AMOUNT),
        "processed_fee": or_null(AMOUNT),
        "processed_deposit": or_null(AMOUNT),
        "metadata": _or_nothing({"type": "object", "additionalProperties": TEXT}),
        "flow_data": _or_nothing(
            closed(
                {
                    "action": TEXT,
                    "method": words("GET"),
                    "params": _NOTHING,
                    "metadata": closed({"sid": TEXT}, optional={"token": TEXT}),
                }
            )
        ),
        "flow": words("hpp"),
        "payment_flow": words("charge"),
        "created": EPOCH,
        "updated": EPOCH,
        "expires": or_null(EPOCH),
        "payload": or_null(closed({"client_ip": TEXT, "payment_card": _CARD, "token": or_null(TEXT)})),
        "description": or_null(TEXT),
        "descriptor": TEXT,
        "callback_url": or_null(TEXT),
        "return_url": or_null(TEXT),
        "original_data": {"type": "null"},
        "rrn": {"type": "null"},
        "approval_code": {"type": "null"},
        "refunds": list_of(
            closed(
                {
                    "id": TEXT,
                    "reference_id": or_null(TEXT),
                    "amount": AMOUNT,
                    "currency": CURRENCY,
                    "status": _STATUS,
                    "resolution": _RESOLUTION,
                    "created": EPOCH,
                    "updated": EPOCH,
                }
            )
        ),
    }
)
_HOW = {"status": _STATUS, "resolution": _RESOLUTION}

SHAPES: dict[str, Any] = {
    "InvoiceRequest": _document(
        _open(
            {
                "reference_id": _text(LONGEST_PARTNER_REFERENCE),
                "amount": _MONEY_SENT,
                "currency": CURRENCY,
                "service": {"type": "string", "pattern": "^payment_card_[a-z]{3}_hpp$"},
                "flow": words("charge"),
                "test_mode": YES_NO,
                "description": _text(LONGEST_DESCRIPTION),
                "customer": _open(
                    {
                        "reference_id": _text(LONGEST_CUSTOMER_REFERENCE),
                        "name": _text(200),
                        "email": _text(254),
                        "phone": _text(40),
                    }
                ),
                "token": _text(255),
                "gateway_options": _open({CARD_OPTIONS: _open({"tokenize": YES_NO, "instant": YES_NO})}),
                "expires": EPOCH,
                "return_url": _ADDRESS,
                "return_urls": _open({"success": _ADDRESS, "pending": _ADDRESS, "fail": _ADDRESS}),
                "callback_url": _ADDRESS,
                "metadata": {"type": "object", "additionalProperties": TEXT},
            },
            required=("amount", "currency", "service"),
        ),
        INVOICES,
    ),
    "RefundRequest": _document(
        _open(
            {
                "amount": _MONEY_SENT,
                "reference_id": _text(LONGEST_PARTNER_REFERENCE),
                "description": _text(200),
            }
        ),
        REFUND,
        is_attributed=False,
    ),
    "SaleRequest": _document({"type": "object", "maxProperties": 0}, SALE, is_attributed=False),
    "Resource": closed(
        {
            "type": words(INVOICES),
            "id": TEXT,
            "attributes": _ATTRIBUTES,
            "relationships": closed(
                {"payment-service": _related("payment-services"), "payment-method": _related("payment-methods")},
                optional={"customer": _related("customers"), "active-payment": _related("payments")},
            ),
            "links": closed({"self": TEXT}),
        }
    ),
    "Invoice": closed({"data": shape("Resource")}),
    "InvoicePage": closed(
        {
            "data": list_of(shape("Resource")),
            "links": closed({"self": TEXT, "prev": or_null(TEXT), "next": or_null(TEXT)}),
        }
    ),
    "Sale": closed(
        {
            "data": closed(
                {
                    "type": words(SALE),
                    "id": TEXT,
                    "attributes": closed(
                        {
                            "amount": AMOUNT,
                            "currency": CURRENCY,
                            "service": TEXT,
                            "options": _NOTHING,
                            "customer": _or_nothing(closed({"reference_id": TEXT})),
                            "repeatable": YES_NO,
                            "flow": words("charge"),
                            **_HOW,
                            "active_request": closed(_HOW),
                            "active_payment": _or_nothing(closed(_HOW)),
                            "auto_repay": YES_NO,
                        }
                    ),
                }
            )
        }
    ),
    "Errors": closed(
        {
            "errors": list_of(
                closed(
                    {"status": TEXT, "code": TEXT, "title": TEXT, "detail": TEXT},
                    optional={
                        "source": {
                            "type": "object",
                            "properties": {"pointer": TEXT, "parameter": TEXT},
                            "additionalProperties": False,
                        }
                    },
                )
            )
        },
        optional={
            "meta": closed(
                {
                    "money": closed(
                        {
                            "moved": words("no", "yes", "unknown"),
                            "amount": or_null(AMOUNT),
                            "currency": or_null(CURRENCY),
                            "retry_safe_until": or_null(EPOCH),
                            "ask_again_at": or_null(EPOCH),
                        }
                    )
                }
            )
        },
    ),
}
