"""Make what a delivery posts: the newest state, as the GET route shows it, and what is different since the last one."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import translation

from api.callbacks.addresses import Destination, read_url
from api.callbacks.delivering import Rendered
from api.callbacks.sending import Message
from api.callbacks.signing import SIGNATURE_HEADER, active_secrets, signature_of
from api.callbacks.subscriptions import headers_of, url_of
from api.languages import DEFAULT_LANGUAGE, choose_language
from api.models import CallbackEvent, Delivery, Subscription
from api.octo.capabilities import CARD_PAYMENTS, GIFTS, Applied
from api.octo.diffs import BOOKING_PATHS, ORDER_PATHS, diff_of
from api.octo.presenters.bookings import booking_fields
from api.octo.presenters.catalogue import supplier_fields
from api.octo.presenters.gifts import gift_payment_fields
from api.octo.presenters.orders import order_fields
from api.octo.presenters.webhooks import webhook_fields_without_secrets
from api.octo.views.supplier import endpoint
from bookings import selectors
from bookings.models import Booking, Change, Order
from payments.selectors import current_payment
from payments.services.tenders import gift_payments

USER_AGENT = "octo-webhooks/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Be the subject of a delivery as it is shown now."""

    event: CallbackEvent
    order: Order
    key: str
    shown: dict[str, Any]
    paths: dict[str, str]
    supplier: dict[str, object]


def render_delivery(delivery: Delivery, now: datetime) -> Rendered:
    """Return what is posted for a delivery, as things are now.

    :raises AddressRefused: the settings no longer let us connect there.
    """
    subscription = delivery.subscription
    destination = read_url(url_of(subscription))
    capabilities = Applied(frozenset(subscription.capabilities))
    if delivery.booking_id is None:
        order = selectors.with_what_was_ordered(Order.objects.filter(pk=delivery.order_id)).get()
        language = _language_of(_locales_of(order), subscription)
        with translation.override(language):
            body = _body(delivery, capabilities, told := _order_told(order, capabilities, now))
    else:
        booking = selectors.with_what_was_sold(Booking.objects.filter(pk=delivery.booking_id)).get()
        language = _language_of(booking.contact_locales, subscription)
        with translation.override(language):
            body = _body(delivery, capabilities, told := _booking_told(booking, capabilities, now))
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    headers = _headers(subscription, delivery, capabilities, destination)
    headers |= {"Content-Type": "application/json", "Content-Language": language}
    signature = signature_of(raw, secret_texts=active_secrets(partner_id=subscription.partner_id), now=now)
    if signature is not None:
        headers[SIGNATURE_HEADER] = signature
    return Rendered(message=Message(destination=destination, headers=headers, body=raw), version=told.order.version)


def _language_of(locales: list[str], subscription: Subscription) -> str:
    """Return the language of a body's texts: the guest's, where the partner wants that and we have it."""
    if not locales or not subscription.uses_contact_language:
        return DEFAULT_LANGUAGE
    return choose_language(",".join(locales).replace("_", "-"))


def _booking_told(booking: Booking, capabilities: Applied, now: datetime) -> Told:
    shown = booking_fields(booking, capabilities, now=now)
    if CARD_PAYMENTS in capabilities:
        # No session is made for whoever listens; its receiver reads GET /card_payments/{cardPaymentId}.
        shown |= {"cardPayment": None, "returnUrl": booking.order.return_url or None}
    shown |= _gift_payment(booking.order, capabilities)
    return Told(
        event=CallbackEvent.BOOKING_UPDATE,
        order=booking.order,
        key="booking",
        shown=shown,
        paths=BOOKING_PATHS,
        supplier=supplier_fields(booking.product.supplier, endpoint=endpoint()),
    )


def _gift_payment(order: Order, capabilities: Applied) -> dict[str, object]:
    if GIFTS not in capabilities:
        return {}
    return {"giftPayment": gift_payment_fields(gift_payments([order.pk]).get(order.pk))}


def _locales_of(order: Order) -> list[str]:
    """Return the languages of who ordered: of the order's contact, else of the first booking's."""
    own = order.contact.get("locales")
    first = next(iter(order.bookings.all()), None)
    return list(own or (first.contact_locales if first is not None else []))


def _order_told(order: Order, capabilities: Applied, now: datetime) -> Told:
    shown = order_fields(order, capabilities, now=now)
    if CARD_PAYMENTS in capabilities:
        shown |= {"cardPayment": None, "returnUrl": order.return_url or None}
    shown |= _gift_payment(order, capabilities)
    first = next(iter(order.bookings.all()), None)
    supplier = first.product.supplier if first is not None else selectors.supplier_for_partner(order.partner)
    return Told(
        event=CallbackEvent.ORDER_UPDATE,
        order=order,
        key="order",
        shown=shown,
        paths=ORDER_PATHS,
        supplier=supplier_fields(supplier, endpoint=endpoint()),
    )


def _body(delivery: Delivery, capabilities: Applied, told: Told) -> dict[str, object]:
    changes = (
        Change.objects.filter(
            subject_id=delivery.subject_id, version__gt=delivery.after_version, version__lte=told.order.version
        )
        .order_by("version")
        .values_list("reason", "before")
    )
    body: dict[str, object] = {
        "event": str(told.event.value),
        "webhook": webhook_fields_without_secrets(delivery.subscription),
        "supplier": told.supplier,
        told.key: told.shown,
        "diff": diff_of(changes, told.shown, told.paths),
    }
    if CARD_PAYMENTS in capabilities:
        payment = current_payment(told.order)
        body["cardPaymentId"] = payment.reference if payment is not None else None
    return body


def _headers(
    subscription: Subscription, delivery: Delivery, capabilities: Applied, destination: Destination
) -> dict[str, str]:
    """Return the headers that are the same at each attempt; a partner's own never replace ours."""
    headers = {"Accept": "*/*", "User-Agent": USER_AGENT}
    if destination.authorization:
        headers["Authorization"] = destination.authorization
    theirs = headers_of(subscription)
    taken = {name.lower() for name in theirs}
    headers = {name: value for name, value in headers.items() if name.lower() not in taken} | theirs
    return headers | {
        "Octo-Capabilities": str(capabilities),
        "Octo-Env": "live" if subscription.is_live else "test",
        "Octo-Delivery": str(delivery.pk),
    }
