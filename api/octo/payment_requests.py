"""Read OCTO's `cardPayment` into our own words; card details are refused before anything is kept.

Which fields a gateway's part has, and what they mean, each gateway says of itself.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from api.fields import LARGEST_AMOUNT, Fields
from gateways.protocol import Brought, BroughtField, ExternalCharge, PartnerTalk
from payments.services.collecting import PaymentRequest
from payments.services.talks import partner_talks, takes_reports

LONGEST_NOTE = 500
USUAL_CHANNEL = "Web"
# What a partner calls by a name that no gateway has is none that takes an order's money.
NO_GATEWAY = "-"
_LARGEST_REFERENCE = 10**18
_OUR_WORDS: dict[Brought, str] = {
    Brought.OPENING: "opening_reference",
    Brought.PAYMENT: "gateway_reference",
    Brought.EVIDENCE: "evidence",
    Brought.PAYMENT_TOKEN: "payment_token",
    Brought.BROWSER: "browser_info",
    Brought.KEEPS_CARD: "keeps_card",
    Brought.CHANNEL: "channel",
    Brought.APPROVED: "approved",
    Brought.REASON: "reason",
    Brought.NOTES: "notes",
}


def read_payment(fields: Fields, *, headers: Mapping[str, str], locale: str) -> PaymentRequest:
    """Return what a body says of its card payment; without `cardPayment` only channel and language are known."""
    payment = fields.child("cardPayment") or Fields({}, "cardPayment")
    talks = partner_talks()
    name = payment.text("gateway", longest=40)
    gateway = next((slug for slug, talk in talks.items() if talk.name == name), NO_GATEWAY) if name else None
    notes = payment.text("notes", longest=LONGEST_NOTE)
    known: dict[str, Any] = {
        "source": payment.text("source", longest=40),
        "amount_minor": payment.integer("amount", least=1, most=LARGEST_AMOUNT),
        "currency": payment.text("currency", longest=16),
        "is_cancellation": payment.boolean("cancel") or False,
        "card_id": payment.text("cardId", longest=80),
        "locale": locale,
    }
    brought: dict[str, Any] = {}
    for slug, talk in talks.items():
        part = payment.child(talk.name)
        if part is not None:
            read = _read_part(part, talk)
            brought.update({word: value for word, value in read.items() if value is not None})
            if takes_reports(slug):
                gateway = gateway or slug
    if known["card_id"] and brought.get("payment_token"):
        raise payment.refuse("cardId", _("is sent instead of a card that was just entered, not with one"))
    approved, reason, told = (brought.pop(word, None) for word in ("approved", "reason", "notes"))
    notes = notes or told
    is_report = gateway is not None and gateway in talks and takes_reports(gateway) and not known["is_cancellation"]
    external = None
    if is_report and (notes or known["amount_minor"] or known["currency"]):
        external = ExternalCharge(is_approved=approved is not False, refusal_reason=reason or "")
    brought["channel"] = _channel_of(headers, talks) or brought.get("channel") or USUAL_CHANNEL
    return PaymentRequest(gateway=gateway, notes=notes, external=external, **known, **brought)


def _read_part(part: Fields, talk: PartnerTalk) -> dict[str, Any]:
    """Return what a gateway's part of the body brings, by our words for it."""
    found: dict[str, Any] = {}
    for field in talk.brings:
        if field.means is Brought.REFUSED:
            if part.values.get(field.name) is not None:
                raise part.refuse(field.name, _("card details are not accepted here; let the guest pay in the session"))
            continue
        value = _value_of(part, field, talk)
        if value is not None and field.needs and not part.values.get(field.needs):
            raise part.refuse(field.needs, _("is required with %(field)s") % {"field": field.name})
        found[_OUR_WORDS[field.means]] = value
    return found


def _value_of(part: Fields, field: BroughtField, talk: PartnerTalk) -> str | bool | None:
    if field.means in (Brought.APPROVED, Brought.KEEPS_CARD):
        return part.boolean(field.name)
    if field.means is Brought.CHANNEL:
        return part.choice(field.name, talk.channels)
    if field.may_be_number and type(part.values.get(field.name)) is int:
        return str(part.integer(field.name, least=1, most=_LARGEST_REFERENCE))
    return part.text(field.name, longest=field.longest) or None


def _channel_of(headers: Mapping[str, str], talks: Mapping[str, PartnerTalk]) -> str | None:
    """Return the channel that a header names: its word comes before the body's."""
    for talk in talks.values():
        said = headers.get(talk.channel_header) if talk.channel_header else None
        if said is not None:
            return Fields({talk.channel_header: said.strip() or None}).choice(talk.channel_header, talk.channels)
    return None
