"""The vendor's test cards: which pay, which ask for 3-D Secure, and how an expiry date chooses the refusal.

Source: the vendor's "Test cards". Any security code will do. Of the failing cards' dates some have passed; here they
still choose, so that every refusal can be asked for.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateways.sandbox.cardgate.errors import invalid
from gateways.sandbox.cards import passes_luhn
from gateways.sandbox.scrub import mask
from gateways.sandbox.store import Document

OK = "ok"
NEEDS_GUEST = "auth_3ds_required"
APPROVED, PENDING, REFUSED = "approved", "pending", "refused"
PAYING = {"5123817234060000": True, "5519283812030000": False}
FAILING = {"4412397212080000": True, "4302912837020000": False}
STAYS_PENDING = (7, 2077)
_BY_EXPIRY = """
0856 access_denied 0755 error 0654 provider_error 0553 unknown 0452 duplicated_transaction 0351 auth_fatal_error
0250 unable_to_determine_3ds_enrolment 0149 card_is_3ds_enrolled 1248 card_is_not_3ds_enrolled 1147 issuer_decline
1046 client_auth_failed 0945 provider_fatal_error 0844 invalid_details 0743 invalid_pin 0642 antifraud_error
0541 invalid_card 0440 fatal_error 0339 unable_to_reconcile 0238 invalid_amount 0137 limit_violation
1236 functionality_is_not_permitted 1135 invalid_request 1034 lost_or_stolen_card 0933 declined 0832 invalid_otp
0731 invalid_3ds_code 0630 invalid_card_status 0529 insufficient_funds 0428 card_expired 0327 invalid_cvv
0226 invalid_pan 0125 invalid_credentials
"""
_words = _BY_EXPIRY.split()
RESOLUTIONS: dict[str, str] = dict(zip(_words[::2], _words[1::2], strict=True))
ANY_OTHER_DATE = "general_fatal_error"
# The test mode knows no cards but its own.
ANY_OTHER_CARD = "invalid_card"
_TRIGGERS = ("refund pending", "refund failed", "paid in part")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """A card as the sandbox remembers it: no number, no security code.

    `token` is the kept card that it is. `trigger` is what the name on the card asks for later.
    """

    card: Document
    verdict: str
    resolution: str
    asks_3ds: bool = False
    token: str | None = None
    trigger: str = ""


def read_card(fields: dict[str, Any]) -> Instrument:
    """Check card details as the page does, and find what the bank will say.

    :raises ApiError: the details cannot be; nothing is tried.
    """
    number = re.sub(r"[ -]", "", str(fields.get("number") or ""))
    if not (number.isascii() and number.isdigit() and 12 <= len(number) <= 19 and passes_luhn(number)):
        raise invalid("card_number", "The card number is invalid.")
    month, year = _expiry(fields)
    if not re.fullmatch(r"[0-9]{3,4}", str(fields.get("cvc") or "").strip()):
        raise invalid("cvv", "The security code is invalid.")
    if number in FAILING:
        verdict, resolution = REFUSED, RESOLUTIONS.get(f"{month:02d}{year % 100:02d}", ANY_OTHER_DATE)
    elif (year, month) < (datetime.now(UTC).year, datetime.now(UTC).month):
        raise invalid("exp_year", "The card has expired.")
    elif number not in PAYING:
        verdict, resolution = REFUSED, ANY_OTHER_CARD
    elif (month, year) == STAYS_PENDING:
        verdict, resolution = PENDING, NEEDS_GUEST if PAYING[number] else OK
    else:
        verdict, resolution = APPROVED, OK
    holder = " ".join(mask(str(fields.get("holderName") or "")).split())[:80]
    trigger = holder.lower().replace("_", " ")
    return Instrument(
        card={
            "first": number[:6],
            "last": number[-4:],
            "mask": f"{number[:6]}{'*' * (len(number) - 10)}{number[-4:]}",
            "holder": holder or None,
            "brand": "visa" if number.startswith("4") else "mastercard",
            "expiry_month": f"{month:02d}",
            "expiry_year": f"{year % 100:02d}",
            "issuer_name": "SANDBOX BANK",
            "issuer_country": "DE",
        },
        verdict=verdict,
        resolution=resolution,
        asks_3ds={**PAYING, **FAILING}.get(number, False),
        trigger=trigger if trigger in _TRIGGERS else "",
    )


def from_token(kept: Document) -> Instrument:
    """Return a kept card; the resolution that was set for it is what its bank will say."""
    resolution = kept["resolution"]
    verdict = {OK: APPROVED, NEEDS_GUEST: PENDING, "pending": PENDING}.get(resolution, REFUSED)
    return Instrument(
        card=kept["card"],
        verdict=verdict,
        resolution=OK if resolution == "pending" else resolution,
        token=kept["token"],
        trigger=kept["trigger"],
    )


def _expiry(fields: dict[str, Any]) -> tuple[int, int]:
    month, year = (str(fields.get(name) or "").strip() for name in ("expiryMonth", "expiryYear"))
    if not re.fullmatch(r"0?[1-9]|1[0-2]", month) or not re.fullmatch(r"[0-9]{2}|20[0-9]{2}", year):
        raise invalid("exp_month", "The expiry date is invalid.")
    return int(month), 2000 + int(year) % 100
