"""Make what a callback posts: the document of the invoice as it stands now, signed."""

import base64
import hashlib
from datetime import datetime

from api.callbacks.addresses import read_url
from api.callbacks.delivering import Rendered
from api.callbacks.sending import Message
from api.callbacks.signing import active_secrets
from api.callbacks.subscriptions import url_of
from api.exact_json import exact_json
from api.invoices.presenters import document_of
from api.invoices.standing import invoice_of_order, standing_of
from api.models import Delivery

SIGNATURE_HEADER = "X-Signature"
USER_AGENT = "payment-invoices/1"


def render_callback(delivery: Delivery, now: datetime) -> Rendered:
    """Return what is posted for a delivery of an invoice, as things are now; what lets it be sold is not in it.

    :raises AddressRefused: the settings no longer let us connect there.
    """
    subscription = delivery.subscription
    destination = read_url(url_of(subscription))
    standing = standing_of(invoice_of_order(delivery.order_id))
    body = exact_json(document_of(standing, now=now, tells_sale_token=False)).encode()
    headers = {"Accept": "*/*", "Content-Type": "application/json", "User-Agent": USER_AGENT}
    if destination.authorization:
        headers["Authorization"] = destination.authorization
    secrets = active_secrets(partner_id=subscription.partner_id)
    if secrets:
        # There is room for one signature: the older secret signs until it is retired, when its partner knows the newer.
        headers[SIGNATURE_HEADER] = signature_of(body, secret=secrets[-1])
    return Rendered(
        message=Message(destination=destination, headers=headers, body=body), version=standing.invoice.order.version
    )


def signature_of(body: bytes, *, secret: str) -> str:
    """Return what a callback with this body is signed with: base64(sha1(secret + body + secret)).

    Source: the vendor's "Callbacks". Their choice of hash; the secret on both sides of the body is what makes it hold.
    """
    key = secret.encode()
    return base64.b64encode(hashlib.sha1(key + body + key).digest()).decode()  # noqa: S324
