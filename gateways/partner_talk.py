"""What a gateway has partners and our own payment page give to a guest's browser, and what that brings back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Brought(StrEnum):
    """Say what a value means that a partner's client brings back from its guest.

    OPENING names what was opened, PAYMENT the attempt, EVIDENCE proves or names how it ended, PAYMENT_TOKEN stands for
    a card entered in the guest's browser, BROWSER describes that browser to the bank, KEEPS_CARD says that the guest
    agreed to have the card kept, CHANNEL where it is shown. CARD is a card in the clear, which only a confirmation may
    bring and only some accounts take; GUEST_BROWSER and ORIGIN describe the guest's browser and page to the bank then,
    and PROOF is what the bank gave the guest to bring back. APPROVED, REASON and NOTES report a payment taken
    elsewhere. REFUSED is what must not be sent to us, such as card details.
    """

    OPENING = "OPENING"
    PAYMENT = "PAYMENT"
    EVIDENCE = "EVIDENCE"
    PAYMENT_TOKEN = "PAYMENT_TOKEN"  # noqa: S105, a name
    BROWSER = "BROWSER"
    KEEPS_CARD = "KEEPS_CARD"
    CARD = "CARD"
    GUEST_BROWSER = "GUEST_BROWSER"
    ORIGIN = "ORIGIN"
    PROOF = "PROOF"
    CHANNEL = "CHANNEL"
    APPROVED = "APPROVED"
    REASON = "REASON"
    NOTES = "NOTES"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class BroughtField:
    """Describe one field that a partner's client may bring; `needs` names another that must come with it.

    `may_be_number` takes a whole number as well as a text, for vendors whose references are both. A CARD and a
    GUEST_BROWSER are objects: `words` maps the vendor's names of their fields to those of `RawCard` and `BrowserInfo`.
    """

    name: str
    means: Brought
    longest: int = 200
    needs: str = ""
    may_be_number: bool = False
    words: Mapping[str, str] = field(default_factory=dict)


# What a partner's page is given, as JSON schema, of what its guest must do at the bank before a charge is decided.
ACTION_SHAPE: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "url": {"type": "string"},
        "method": {"type": "string"},
        "fields": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "required": ["type", "url", "method", "fields"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerTalk:
    """Say how partners speak of a gateway: by which name, what their page is given and what it brings back.

    `gives` is a JSON schema of the properties of `client` (`client_settings` and `Opened.client`). `channels` are the
    places a page can be shown in, the first one being the usual one; partners may name it in `channel_header`.
    """

    name: str
    gives: Mapping[str, Any] = field(default_factory=dict)
    brings: tuple[BroughtField, ...] = ()
    channels: tuple[str, ...] = ()
    channel_header: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutPage:
    """Say what our own payment page needs for a guest to pay by a gateway.

    `script` is a static file of the adapter's, a module with `mount`, that shows the gateway's form in our page;
    without one the guest is sent to the gateway's own page. `vendor_scripts` and `vendor_styles` are loaded before it,
    `settings` are given to it, and `allows` are the sources that they need besides our own, by directive of the page's
    Content-Security-Policy.

    `brings` says what the values mean with which the guest comes back, or that the script has us charge; the script
    must take in one of `resumes_on` before anybody knows how it ended. A gateway that `returns_to_one_address` cannot
    be told where. `asks_consent` is for one whose form does not ask whether the card may be kept: our page does.
    """

    script: str = ""
    vendor_scripts: tuple[str, ...] = ()
    vendor_styles: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    allows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    brings: tuple[BroughtField, ...] = ()
    resumes_on: frozenset[str] = frozenset()
    returns_to_one_address: bool = False
    asks_consent: bool = False
