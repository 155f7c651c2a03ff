"""The shapes of what octo/webhooks takes, answers and posts, as JSON Schema."""

from typing import Any

from api.callbacks.addresses import LONGEST_URL
from api.octo.capabilities import WEBHOOKS
from api.octo.request_shapes import opened
from api.octo.shapes import UUID
from api.octo.webhook_requests import EVENTS, LONGEST_HEADER_VALUE, MOST_HEADERS
from api.openapi import TEXT, YES_NO, Schema, closed, list_of, or_null, shape, words

_WEBHOOK_FIELDS: dict[str, Schema] = {
    "event": words(*EVENTS),
    "url": {**TEXT, "format": "uri", "maxLength": LONGEST_URL},
    "headers": or_null(
        {
            "type": "object",
            "maxProperties": MOST_HEADERS,
            "additionalProperties": {**TEXT, "maxLength": LONGEST_HEADER_VALUE},
        }
    ),
    "retryOnError": or_null(YES_NO),
    "useContactLanguage": or_null(YES_NO),
}

WEBHOOK_SHAPES: dict[str, Schema] = {
    "Webhook": closed(
        {
            "id": UUID,
            "event": words(*EVENTS),
            "url": TEXT,
            "capabilities": list_of(TEXT),
            "headers": {"type": "object", "additionalProperties": TEXT},
            "retryOnError": YES_NO,
            "useContactLanguage": YES_NO,
        }
    ),
    "Done": closed({"success": YES_NO, "message": TEXT}),
    "DiffEntry": closed(
        {
            "op": words("add", "remove", "replace"),
            "path": TEXT,
            "was": {"type": ["string", "integer", "null"]},
            "value": {"type": ["string", "integer", "null"]},
        }
    ),
    "BookingUpdate": closed(
        {
            "event": words("booking_update"),
            "webhook": shape("Webhook"),
            "supplier": shape("Supplier"),
            "booking": shape("Booking"),
            "diff": list_of(shape("DiffEntry")),
        },
        optional={"cardPaymentId": or_null(TEXT)},
    ),
    "OrderUpdate": closed(
        {
            "event": words("order_update"),
            "webhook": shape("Webhook"),
            "supplier": shape("Supplier"),
            "order": shape("Order"),
            "diff": list_of(shape("DiffEntry")),
        },
        optional={"cardPaymentId": or_null(TEXT)},
    ),
    "WebhookRequest": opened(_WEBHOOK_FIELDS, required=("event", "url")),
    "WebhookChangeRequest": opened(_WEBHOOK_FIELDS),
    "WebhookResendRequest": opened({"uuid": or_null(UUID), "orderId": or_null(UUID)}),
}

# What we post to partners, in OpenAPI's own place for it.
DELIVERIES: dict[str, Any] = {
    event: {
        "post": {
            "operationId": f"tell{body}",
            "summary": summary,
            "tags": [WEBHOOKS.id],
            "parameters": [
                {
                    "name": "Octo-Signature",
                    "in": "header",
                    "schema": {"type": "string"},
                    "description": "t=<unix seconds>,v1=<hex>[,v1=<hex>]; absent while you have no signing secret.",
                },
                {
                    "name": "Octo-Delivery",
                    "in": "header",
                    "schema": {"type": "string"},
                    "description": "The same at every attempt of one delivery.",
                },
            ],
            "requestBody": {"required": True, "content": {"application/json": {"schema": shape(body)}}},
            "responses": {"2XX": {"description": "Taken; anything else is tried again."}},
        }
    }
    for event, body, summary in (
        ("booking_update", "BookingUpdate", "A booking changed"),
        ("order_update", "OrderUpdate", "An order changed"),
    )
}
