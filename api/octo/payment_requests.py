"""Read OCTO's `cardPayment` into our own words; card details are refused before anything is kept."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from api.fields import LARGEST_AMOUNT, Fields
from gateways.protocol import ExternalCharge
from payments.services.collecting import PaymentRequest

CHANNELS = ("Web", "iOS", "Android")
EXTERNAL = "external"
LONGEST_NOTE = 500
LONGEST_EVIDENCE = 20_000


def read_payment(fields: Fields, *, channel_header: str | None, locale: str) -> PaymentRequest:
    """Return what a body says of its card payment; without `cardPayment` only channel and language are known."""
    payment = fields.child("cardPayment") or Fields({}, "cardPayment")
    gateway = payment.text("gateway", longest=40)
    known: dict[str, Any] = {
        "gateway": gateway,
        "source": payment.text("source", longest=40),
        "amount_minor": payment.integer("amount", least=1, most=LARGEST_AMOUNT),
        "currency": payment.text("currency", longest=16),
        "notes": payment.text("notes", longest=LONGEST_NOTE),
        "is_cancellation": payment.boolean("cancel") or False,
        "card_id": payment.text("cardId", longest=80),
        "channel": None,
        "locale": locale,
    }
    for slug, read in _GATEWAY_READERS.items():
        part = payment.child(slug)
        if part is not None or gateway == slug:
            read(part or Fields({}, payment.name_of(slug)), known)
    known["channel"] = _channel(channel_header, known["channel"])
    return PaymentRequest(**known)


def _channel(header: str | None, from_body: str | None) -> str:
    """Return the channel: the header's word comes before the body's."""
    if header is None:
        return from_body or CHANNELS[0]
    return Fields({"adyen-channel": header.strip() or None}).choice("adyen-channel", CHANNELS) or CHANNELS[0]


def _read_adyen(part: Fields, known: dict[str, Any]) -> None:
    if part.child("paymentMethod") is not None:
        # Plain and encrypted card details alike: taking them here would put this server into the card's scope.
        raise part.refuse("paymentMethod", _("card details are not accepted here; let the guest pay in the session"))
    known["opening_reference"] = part.text("sessionId", longest=200) or None
    known["evidence"] = part.text("sessionResult", longest=LONGEST_EVIDENCE) or None
    known["gateway_reference"] = part.text("pspReference", longest=120) or None
    known["channel"] = part.choice("channel", CHANNELS)
    if known["evidence"] and not known["opening_reference"]:
        raise part.refuse("sessionId", _("is required with %(field)s") % {"field": "sessionResult"})


def _read_external(part: Fields, known: dict[str, Any]) -> None:
    approved = part.boolean("approved")
    reason = part.text("refusalReason", longest=200)
    notes = part.text("notes", longest=LONGEST_NOTE)
    known["notes"] = known["notes"] or notes
    if known["gateway"] is None:
        known["gateway"] = EXTERNAL
    says_something = any(known[name] for name in ("notes", "amount_minor", "currency"))
    if says_something and known["gateway"] == EXTERNAL and not known["is_cancellation"]:
        known["external"] = ExternalCharge(is_approved=approved is not False, refusal_reason=reason or "")


_GATEWAY_READERS: dict[str, Callable[[Fields, dict[str, Any]], None]] = {
    "adyen": _read_adyen,
    EXTERNAL: _read_external,
}
