"""The shapes of OCTO's requests as JSON Schema: open, for a field they do not name is ignored."""

from dataclasses import MISSING
from dataclasses import fields as dataclass_fields
from typing import cast

from api.octo.order_requests import MOST_BOOKINGS
from api.octo.shapes import MINOR, SOURCE, UUID
from api.openapi import CURRENCY, DATE, TEXT, WHOLE, YES_NO, Schema, list_of, or_null, shape, words
from bookings.free_text import (
    LONGEST_CUSTOMER_REFERENCE,
    LONGEST_NOTE,
    LONGEST_REASON,
    LONGEST_REFERENCE,
    LONGEST_RETURN_URL,
)
from bookings.gift_codes import LONGEST_CODE
from bookings.models import SettlementMethod
from gateways.partner_talk import Brought, BroughtField, PartnerTalk
from gateways.protocol import BrowserInfo, RawCard
from payments.services.talks import partner_talks


def opened(properties: dict[str, Schema], *, required: tuple[str, ...] = ()) -> Schema:
    """Return a request: fields it does not name are ignored."""
    result: Schema = {"type": "object", "properties": properties}
    if required:
        result["required"] = list(required)
    return result


_REQUEST_CONTACT = opened(
    {
        **dict.fromkeys(
            ("fullName", "firstName", "lastName", "emailAddress", "phoneNumber", "postalCode", "country", "notes"),
            or_null(TEXT),
        ),
        "locales": or_null(list_of(TEXT)),
    }
)
_CUSTOMER_REFERENCE: Schema = or_null(
    {
        **TEXT,
        "maxLength": LONGEST_CUSTOMER_REFERENCE,
        "description": "Your own reference of the guest, whose kept cards may pay; needs octo/cardPayments.",
    }
)
_REQUEST_FIELDS: dict[str, Schema] = {
    "unitItems": list_of(
        opened(
            {
                "unitId": TEXT,
                "uuid": or_null(TEXT),
                "resellerReference": or_null(TEXT),
                "contact": or_null(_REQUEST_CONTACT),
            },
            required=("unitId",),
        )
    ),
    "contact": or_null(_REQUEST_CONTACT),
    "pricing": or_null(
        opened({"retail": {**WHOLE, "minimum": 0}, "currency": CURRENCY}, required=("retail", "currency"))
    ),
    "resellerReference": or_null({**TEXT, "maxLength": LONGEST_REFERENCE}),
    "notes": or_null({**TEXT, "maxLength": LONGEST_NOTE}),
    "emailReceipt": or_null(YES_NO),
    "returnUrl": or_null({**TEXT, "format": "uri", "maxLength": LONGEST_RETURN_URL}),
    "cardPayment": or_null(shape("CardPaymentRequest")),
    "giftPayment": or_null(shape("GiftPaymentRequest")),
}
_CHANGE_FIELDS: dict[str, Schema] = {
    "productId": TEXT,
    "optionId": TEXT,
    "availabilityId": or_null(TEXT),
    **_REQUEST_FIELDS,
    "expirationMinutes": or_null({**WHOLE, "minimum": 1}),
    "customerReference": _CUSTOMER_REFERENCE,
    "metadata": or_null({"type": "object", "additionalProperties": TEXT}),
}
_GIFT_CONFIRM_FIELDS: dict[str, Schema] = {
    "message": or_null({**TEXT, "maxLength": LONGEST_NOTE}),
    "recipient": or_null(opened({"fullName": or_null(TEXT), "emailAddress": or_null(TEXT)})),
    **{
        name: _REQUEST_FIELDS[name]
        for name in ("contact", "resellerReference", "notes", "returnUrl", "cardPayment", "giftPayment")
    },
}
_GIFT_CHANGE_FIELDS: dict[str, Schema] = {
    **_GIFT_CONFIRM_FIELDS,
    "amount": {**MINOR, "minimum": 1},
    "currency": or_null(CURRENCY),
    "expirationMinutes": or_null({**WHOLE, "minimum": 1}),
}
_UNIT_COUNTS = or_null(list_of(opened({"id": TEXT, "quantity": {**WHOLE, "minimum": 0}}, required=("id", "quantity"))))

_ORDER_CHANGE_FIELDS: dict[str, Schema] = {
    "contact": or_null(_REQUEST_CONTACT),
    "currency": or_null(CURRENCY),
    "expirationMinutes": or_null({**WHOLE, "minimum": 1}),
    "emailReceipt": or_null(YES_NO),
    "returnUrl": or_null({**TEXT, "format": "uri", "maxLength": LONGEST_RETURN_URL}),
    "customerReference": _CUSTOMER_REFERENCE,
    "cardPayment": or_null(shape("CardPaymentRequest")),
    "giftPayment": or_null(shape("GiftPaymentRequest")),
}


def _brought_fields(talk: PartnerTalk) -> dict[str, Schema]:
    """Return what a partner's client may bring back from its guest, by the gateway's own names."""
    return {field.name: or_null(_brought(field, talk)) for field in talk.brings if field.means is not Brought.REFUSED}


def _brought(field: BroughtField, talk: PartnerTalk) -> Schema:
    if field.means in (Brought.APPROVED, Brought.KEEPS_CARD):
        return YES_NO
    if field.means is Brought.CHANNEL:
        return words(*talk.channels)
    if field.means is Brought.CARD:
        return _object_of(field, RawCard)
    if field.means is Brought.GUEST_BROWSER:
        return _object_of(field, BrowserInfo)
    if field.may_be_number:
        return {"type": ["string", "integer"], "maxLength": field.longest}
    return {**TEXT, "maxLength": field.longest}


def _object_of(field: BroughtField, made: type[RawCard | BrowserInfo]) -> Schema:
    """Describe an object that is read into one of ours, by the vendor's names."""
    described: dict[type, Schema] = {int: WHOLE, bool: YES_NO, str: {**TEXT, "maxLength": field.longest}}
    ours = {one.name: one for one in dataclass_fields(made)}
    needed = tuple(name for name, word in field.words.items() if ours[word].default is MISSING)
    shapes = {name: described[cast(type, ours[word].type)] for name, word in field.words.items()}
    return opened({name: one if name in needed else or_null(one) for name, one in shapes.items()}, required=needed)


REQUEST_SHAPES: dict[str, Schema] = {
    "CalendarRequest": opened(
        {
            "productId": TEXT,
            "optionId": TEXT,
            "localDateStart": DATE,
            "localDateEnd": DATE,
            "units": _UNIT_COUNTS,
            "currency": or_null(CURRENCY),
        },
        required=("productId", "optionId", "localDateStart", "localDateEnd"),
    ),
    "AvailabilityRequest": opened(
        {
            "productId": TEXT,
            "optionId": TEXT,
            "localDate": or_null(DATE),
            "localDateStart": or_null(DATE),
            "localDateEnd": or_null(DATE),
            "availabilityId": or_null(TEXT),
            "availabilityIds": or_null(list_of(TEXT)),
            "units": _UNIT_COUNTS,
            "currency": or_null(CURRENCY),
        },
        required=("productId", "optionId"),
    ),
    "ReserveRequest": opened(
        {
            **_CHANGE_FIELDS,
            "uuid": or_null(UUID),
            "currency": or_null(CURRENCY),
            "settlementMethod": or_null(words(*SettlementMethod.values)),
            "orderId": or_null({**TEXT, "description": "With octo/cart: the order to join."}),
        },
        required=("productId", "optionId", "unitItems"),
    ),
    "OrderRequest": opened(
        {
            **_ORDER_CHANGE_FIELDS,
            "orderId": or_null(UUID),
            "bookings": or_null({"type": "array", "maxItems": MOST_BOOKINGS, "items": shape("ReserveRequest")}),
            "gifts": or_null({"type": "array", "maxItems": MOST_BOOKINGS, "items": shape("GiftRequest")}),
            "settlementMethod": or_null(words(*SettlementMethod.values)),
            "quote": or_null({**YES_NO, "description": "Quotes are not offered."}),
        }
    ),
    "OrderChangeRequest": opened(_ORDER_CHANGE_FIELDS),
    "ChangeRequest": opened(_CHANGE_FIELDS),
    "ConfirmRequest": opened(_REQUEST_FIELDS),
    "ExtendRequest": opened({"expirationMinutes": {**WHOLE, "minimum": 1}}, required=("expirationMinutes",)),
    "CancelRequest": opened({"reason": or_null({**TEXT, "maxLength": LONGEST_REASON}), "force": or_null(YES_NO)}),
    "GiftRequest": opened(
        {
            **_GIFT_CHANGE_FIELDS,
            "uuid": or_null(UUID),
            "orderId": or_null({**TEXT, "description": "With octo/cart: the order to join."}),
            "settlementMethod": or_null(words(*SettlementMethod.values)),
        },
        required=("amount",),
    ),
    "GiftChangeRequest": opened({**_GIFT_CHANGE_FIELDS, "amount": or_null({**MINOR, "minimum": 1})}),
    "GiftConfirmRequest": opened(_GIFT_CONFIRM_FIELDS),
    "NotifyRequest": opened({"contact": or_null(_REQUEST_CONTACT), "useContactLanguage": or_null(YES_NO)}),
    "GiftPaymentRequest": opened({"code": or_null({**TEXT, "maxLength": LONGEST_CODE})}),
    "CardPaymentRequest": opened(
        {
            "gateway": or_null(TEXT),
            "source": or_null(SOURCE),
            "amount": or_null(MINOR),
            "currency": or_null(CURRENCY),
            "notes": or_null(TEXT),
            "cancel": or_null(YES_NO),
            "cardId": or_null(UUID),
            **{talk.name: or_null(opened(_brought_fields(talk))) for talk in partner_talks().values()},
        }
    ),
}
