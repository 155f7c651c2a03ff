"""Turn typed, raw or `test_`-encrypted card details into what the sandbox may remember, and forget the rest."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from gateways.sandbox.adyen import refusals
from gateways.sandbox.adyen.cards import TEST_CARDS, brand_of, cvc_length
from gateways.sandbox.adyen.errors import invalid
from gateways.sandbox.adyen.refusals import Verdict
from gateways.sandbox.cards import passes_luhn
from gateways.sandbox.scrub import mask
from gateways.sandbox.store import Document

ENCRYPTED = {
    "encryptedCardNumber": "number",
    "encryptedExpiryMonth": "expiryMonth",
    "encryptedExpiryYear": "expiryYear",
    "encryptedSecurityCode": "cvc",
}
TEST_PREFIX = "test_"
# Ours, for what Adyen publishes no test value: a card that was encrypted too long ago.
EXPIRED_PREFIX = "expired_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """A card as the sandbox remembers it: no number, no security code."""

    brand: str
    last4: str
    expiry_month: int
    expiry_year: int
    holder_name: str
    verdict: Verdict
    asks_3ds: bool
    stored_id: str | None = None

    def shown(self) -> Document:
        """Return the part that is kept with a payment."""
        return {
            "brand": self.brand,
            "last4": self.last4,
            "expiryMonth": f"{self.expiry_month:02d}",
            "expiryYear": str(self.expiry_year),
        }

    @property
    def trigger(self) -> str:
        """Return which later modification the holder name makes fail: `capture failed`, `refund failed` or nothing."""
        name = " ".join(self.holder_name.lower().replace("_", " ").split())
        return name if name in ("capture failed", "refund failed") else ""


def decrypt(fields: dict[str, Any]) -> dict[str, Any]:
    """Return card fields in the clear; `test_` in front of a value stands for encryption.

    :raises ApiError: 172, a value is marked as encrypted too long ago; 174, one is not of that form, for a real
        encrypted value cannot be read here.
    """
    clear = dict(fields)
    if "encryptedCard" in clear:
        raise invalid("174", "Unable to decrypt data")
    for encrypted, name in ENCRYPTED.items():
        if encrypted in clear:
            value = str(clear.pop(encrypted))
            if value.startswith(EXPIRED_PREFIX):
                raise invalid("172", "Encrypted data used outside of valid time period")
            if not value.startswith(TEST_PREFIX):
                raise invalid("174", "Unable to decrypt data")
            clear[name] = value.removeprefix(TEST_PREFIX)
    return clear


def read_card(fields: dict[str, Any], *, needs_cvc: bool = True) -> Instrument:
    """Check card details as Adyen does before it asks the issuer, and find the issuer's answer.

    :raises ApiError: 101, 102, 103, 129, 140, 141 or 153.
    """
    number = re.sub(r"[ -]", "", str(fields.get("number") or ""))
    if not (number.isascii() and number.isdigit() and 12 <= len(number) <= 19 and passes_luhn(number)):
        raise invalid("101", "Invalid card number")
    brand = brand_of(number)
    if brand is None:
        raise invalid("102", "Unable to determine variant")
    month, year = _expiry(fields)
    published = TEST_CARDS.get(number)
    cvc = str(fields.get("cvc") or "").strip()
    has_cvc = published is None or published.cvc is not None
    _check_cvc(cvc, brand=brand, is_needed=needs_cvc and has_cvc)
    holder = mask(str(fields.get("holderName") or "").strip())
    verdict = refusals.verdict_for_holder(holder)
    if verdict is None or verdict.is_authorized:
        if published is None:
            # The test platform knows no cards but its own.
            verdict = refusals.INVALID_CARD_NUMBER
        elif (month, year) != (published.expiry_month, published.expiry_year) or (
            cvc and published.cvc and cvc != published.cvc
        ):
            verdict = refusals.GENERIC_REFUSAL
    return Instrument(
        brand=brand,
        last4=number[-4:],
        expiry_month=month,
        expiry_year=year,
        holder_name=holder,
        verdict=verdict or refusals.APPROVED,
        asks_3ds=published is not None and published.asks_3ds,
    )


def from_stored(token: Document, fields: dict[str, Any]) -> Instrument:
    """Return a stored card as an instrument; a holder name in the request asks for a refusal as with a typed card.

    :raises ApiError: 103 or 153, a security code was given and has a wrong form.
    """
    cvc = str(fields.get("cvc") or "").strip()
    _check_cvc(cvc, brand=token["brand"], is_needed=False)
    holder = mask(str(fields.get("holderName") or token["holderName"]).strip())
    verdict = refusals.verdict_for_holder(holder) or refusals.APPROVED
    if verdict.is_authorized and cvc and cvc != ("7373" if cvc_length(token["brand"]) == 4 else "737"):
        verdict = refusals.GENERIC_REFUSAL
    return Instrument(
        brand=token["brand"],
        last4=token["last4"],
        expiry_month=int(token["expiryMonth"]),
        expiry_year=int(token["expiryYear"]),
        holder_name=holder,
        verdict=verdict,
        asks_3ds=False,
        stored_id=token["id"],
    )


def with_requested_answer(instrument: Instrument, additional_data: Any) -> Instrument:
    """Apply `additionalData.RequestedTestAcquirerResponseCode`, which outranks the holder name."""
    code = additional_data.get("RequestedTestAcquirerResponseCode") if isinstance(additional_data, dict) else None
    verdict = refusals.verdict_for_code(str(code)) if code is not None else None
    return instrument if verdict is None else replace(instrument, verdict=verdict)


def _expiry(fields: dict[str, Any]) -> tuple[int, int]:
    month_text, year_text = str(fields.get("expiryMonth") or "").strip(), str(fields.get("expiryYear") or "").strip()
    if not re.fullmatch(r"[0-9]{1,2}", month_text) or not 1 <= int(month_text) <= 12:
        raise invalid("140", "Expiry month should be between 1 and 12 inclusive")
    if not re.fullmatch(r"[0-9]{2}|20[0-9]{2}", year_text):
        raise invalid("141", "Expiry year should be a 4 digit number greater than 2000")
    month, year = int(month_text), int(year_text) % 100 + 2000
    now = datetime.now(UTC)
    if (year, month) < (now.year, now.month) or year > now.year + 25:
        raise invalid("129", "Expiry Date Invalid")
    return month, year


def _check_cvc(cvc: str, *, brand: str, is_needed: bool) -> None:
    if not cvc:
        if is_needed:
            raise invalid("103", "CVC is not the right length")
        return
    if not (cvc.isascii() and cvc.isdigit()):
        raise invalid("153", "Invalid CVC")
    if len(cvc) != cvc_length(brand):
        raise invalid("103", "CVC is not the right length")
