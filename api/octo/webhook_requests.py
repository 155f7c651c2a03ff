"""Read what OCTO's webhook calls ask; a bad field is refused by name."""

import re

from django.utils.translation import gettext as _

from api.callbacks.addresses import LONGEST_URL
from api.callbacks.subscriptions import SubscriptionWish
from api.fields import Fields
from api.models import SUBSCRIBED_EVENTS, CallbackEvent
from api.octo.capabilities import CART, Applied
from api.octo.catalogue_requests import LONGEST_ID
from card_numbers import mask_card_numbers

EVENTS: tuple[str, ...] = tuple(event.value for event in SUBSCRIBED_EVENTS)
MOST_HEADERS = 20
LONGEST_HEADER_NAME = 80
LONGEST_HEADER_VALUE = 1_000
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# Ours to set, or words about the connection that would let a partner write a second request into the first.
_RESERVED = frozenset(
    {
        "host",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "expect",
        "http2-settings",
    }
)
_RESERVED_BEGINNINGS = ("content-", "octo-", "proxy-")


def read_subscription(fields: Fields, capabilities: Applied) -> SubscriptionWish:
    """Return what POST /webhooks asks."""
    return _wish(fields, capabilities, is_new=True)


def read_subscription_change(fields: Fields, capabilities: Applied) -> SubscriptionWish:
    """Return what PATCH /webhooks/{id} asks; its capabilities are those of the request, also when it names none."""
    return _wish(fields, capabilities, is_new=False)


def read_unsubscription(fields: Fields) -> tuple[str, str | None]:
    """Return address and event of DELETE /webhooks; without an event all at that address end."""
    url = fields.text("url", longest=LONGEST_URL, is_required=True) or ""
    return url, fields.choice("event", EVENTS)


def read_resend(fields: Fields) -> tuple[str | None, str | None]:
    """Return which booking (its uuid) or which order (its id) to tell again; neither: all that failed."""
    uuid = fields.text("uuid", longest=LONGEST_ID)
    order_id = fields.text("orderId", longest=LONGEST_ID)
    if uuid is not None and order_id is not None:
        raise fields.refuse("orderId", _("must not be sent together with uuid"))
    return uuid, order_id


def _wish(fields: Fields, capabilities: Applied, *, is_new: bool) -> SubscriptionWish:
    event = fields.choice("event", EVENTS, is_required=is_new)
    url = fields.text("url", longest=LONGEST_URL, is_required=is_new)
    if url is not None and mask_card_numbers(url) != url:
        raise fields.refuse("url", _("must not hold a card number"))
    return SubscriptionWish(
        event=event,
        url=url,
        headers=_headers(fields),
        # Whoever asks for an order can read one.
        capabilities=tuple(sorted({*capabilities.ids, *([CART.id] if event == CallbackEvent.ORDER_UPDATE else [])})),
        retries_on_error=fields.boolean("retryOnError"),
        uses_contact_language=fields.boolean("useContactLanguage"),
    )


def _headers(fields: Fields) -> dict[str, str] | None:
    headers = fields.text_map(
        "headers", most=MOST_HEADERS, longest_key=LONGEST_HEADER_NAME, longest=LONGEST_HEADER_VALUE
    )
    if headers is None:
        return None
    if len({name.lower() for name in headers}) != len(headers):
        raise fields.refuse("headers", _("has the same header twice"))
    for name, value in headers.items():
        where = f"headers.{name[:LONGEST_HEADER_NAME]}"
        if not _HEADER_NAME.fullmatch(name):
            raise fields.refuse("headers", _("has a name that is no header name"))
        if name.lower() in _RESERVED or name.lower().startswith(_RESERVED_BEGINNINGS):
            raise fields.refuse(where, _("is a header that we set"))
        if not value.isascii() or not value.isprintable() or value != value.strip():
            raise fields.refuse(where, _("must be printable ASCII on one line"))
        if mask_card_numbers(value) != value:
            raise fields.refuse(where, _("must not hold a card number"))
    return headers
