"""Read OCTO's `cardPayment` into our own words; card details are refused before anything is kept.

Which fields a gateway's part has, and what they mean, each gateway says of itself.
"""

from collections.abc import Mapping
from dataclasses import MISSING
from dataclasses import fields as dataclass_fields
from typing import Any

from django.utils.translation import gettext as _

from api.fields import LARGEST_AMOUNT, Fields
from gateways.partner_talk import Brought, BroughtField, PartnerTalk
from gateways.protocol import BrowserInfo, ExternalCharge, RawCard, Shopper
from payments.services.collecting import PaymentRequest
from payments.services.talks import partner_talks, takes_reports

LONGEST_NOTE = 500
USUAL_CHANNEL = "Web"
# What a partner calls by a name that no gateway has is none that takes an order's money.
NO_GATEWAY = "-"
_LARGEST_REFERENCE = 10**18
# Pixels of a screen, bits of a color, minutes from Greenwich.
_LARGEST_MEASURE = 100_000
_OUR_WORDS: dict[Brought, str] = {
    Brought.OPENING: "opening_reference",
    Brought.PAYMENT: "gateway_reference",
    Brought.EVIDENCE: "evidence",
    Brought.PAYMENT_TOKEN: "payment_token",
    Brought.BROWSER: "browser_info",
    Brought.KEEPS_CARD: "keeps_card",
    Brought.CARD: "card",
    Brought.GUEST_BROWSER: "browser",
    Brought.ORIGIN: "origin",
    Brought.PROOF: "proof",
    Brought.CHANNEL: "channel",
    Brought.APPROVED: "approved",
    Brought.REASON: "reason",
    Brought.NOTES: "notes",
}


def read_payment(
    fields: Fields, *, headers: Mapping[str, str], locale: str, may_bring_card: bool = False
) -> PaymentRequest:
    """Return what a body says of its card payment; without `cardPayment` only channel and language are known.

    Where it `may_bring_card` the card itself is read too; whether the account takes one is for the core to say.
    """
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
            read = _read_part(part, talk, may_bring_card=may_bring_card)
            brought.update({word: value for word, value in read.items() if value is not None})
            if takes_reports(slug):
                gateway = gateway or slug
    if known["card_id"] and brought.get("payment_token"):
        raise payment.refuse("cardId", _("is sent instead of a card that was just entered, not with one"))
    approved, reason, told = (brought.pop(word, None) for word in ("approved", "reason", "notes"))
    browser, origin = brought.pop("browser", None), brought.pop("origin", None)
    if browser is not None:
        brought["shopper"] = Shopper(browser=browser, origin=origin or "")
    notes = notes or told
    is_report = gateway is not None and gateway in talks and takes_reports(gateway) and not known["is_cancellation"]
    external = None
    says_enough = bool(notes or known["amount_minor"] or known["currency"])
    if is_report and not says_enough and (approved is not None or reason):
        talk = talks[str(gateway)]
        raise payment.refuse(talk.name, _("also needs one of notes, amount, currency and cancel beside it"))
    if is_report and says_enough:
        external = ExternalCharge(is_approved=approved is not False, refusal_reason=reason or "")
    brought["channel"] = _channel_of(headers, talks) or brought.get("channel") or USUAL_CHANNEL
    return PaymentRequest(gateway=gateway, notes=notes, external=external, **known, **brought)


def _read_part(part: Fields, talk: PartnerTalk, *, may_bring_card: bool) -> dict[str, Any]:
    """Return what a gateway's part of the body brings, by our words for it."""
    found: dict[str, Any] = {}
    for field in talk.brings:
        is_card = field.means is Brought.CARD
        if field.means is Brought.REFUSED or (is_card and not may_bring_card):
            if part.values.get(field.name) is not None:
                raise part.refuse(field.name, no_card_details())
            continue
        value = _value_of(part, field, talk)
        if value is not None and field.needs and not part.values.get(field.needs):
            raise part.refuse(field.needs, _("is required with %(field)s") % {"field": field.name})
        found[_OUR_WORDS[field.means]] = value
    return found


def no_card_details() -> str:
    """Return why card details are refused, in the language of the request."""
    return _("card details are not accepted here; let the guest pay in the session")


def _card_of(part: Fields, field: BroughtField) -> RawCard | None:
    """Return a card in the clear; one that is encrypted, or no card at all, is refused as card details are."""
    card = part.child(field.name)
    if card is None:
        return None
    if not all(card.values.get(name) for name in _needed(RawCard, field)):
        raise part.refuse(field.name, no_card_details())
    return RawCard(**_words_of(card, field, RawCard))


def _browser_of(part: Fields, field: BroughtField) -> BrowserInfo | None:
    browser = part.child(field.name)
    if browser is None:
        return None
    for name in _needed(BrowserInfo, field):
        if browser.values.get(name) is None:
            raise browser.refuse(name, _("is required"))
    return BrowserInfo(**_words_of(browser, field, BrowserInfo))


def _needed(made: type[RawCard | BrowserInfo], field: BroughtField) -> list[str]:
    """Return the vendor's names of what cannot be left out."""
    needed = {one.name for one in dataclass_fields(made) if one.default is MISSING}
    return [name for name, ours in field.words.items() if ours in needed]


def _words_of(sent: Fields, field: BroughtField, made: type[RawCard | BrowserInfo]) -> dict[str, Any]:
    """Return the fields of an object by our names for them, each of its own type; what was not sent is left out."""
    types = {one.name: one.type for one in dataclass_fields(made)}
    found: dict[str, Any] = {}
    for name, ours in field.words.items():
        if types[ours] is int:
            found[ours] = sent.integer(name, least=-_LARGEST_MEASURE, most=_LARGEST_MEASURE)
        elif types[ours] is bool:
            found[ours] = sent.boolean(name)
        else:
            found[ours] = sent.text(name, longest=field.longest)
    return {ours: value for ours, value in found.items() if value is not None}


def _value_of(part: Fields, field: BroughtField, talk: PartnerTalk) -> object | None:
    if field.means is Brought.CARD:
        return _card_of(part, field)
    if field.means is Brought.GUEST_BROWSER:
        return _browser_of(part, field)
    if field.means in (Brought.APPROVED, Brought.KEEPS_CARD):
        return part.boolean(field.name)
    if field.means is Brought.CHANNEL:
        return part.choice(field.name, talk.channels)
    if field.may_be_number and type(part.values.get(field.name)) is int:
        return str(part.integer(field.name, least=1, most=_LARGEST_REFERENCE))
    text = part.text(field.name, longest=field.longest) or None
    return {field.name: text} if field.means is Brought.PROOF and text is not None else text


def _channel_of(headers: Mapping[str, str], talks: Mapping[str, PartnerTalk]) -> str | None:
    """Return the channel that a header names: its word comes before the body's."""
    for talk in talks.values():
        said = headers.get(talk.channel_header) if talk.channel_header else None
        if said is not None:
            return Fields({talk.channel_header: said.strip() or None}).choice(talk.channel_header, talk.channels)
    return None
