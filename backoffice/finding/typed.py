"""Make safe what was typed before it stands in an address: no card number, no gift code."""

import re

from bookings.gift_codes import fingerprint_of_code
from bookings.models import Gift
from payments.finding.terms import CARD_NUMBER, cleaned, without_card_number

GIFT_CODE = "That was a gift voucher's code, which is money. What is looked for is the voucher it belongs to."
UNKNOWN_CODE = "No gift voucher has this code."
# As `bookings.services.gift_holds` makes them, however they were spaced.
_CODE = re.compile(r"(?:GIFT|TEST)-?(?:[2-9A-Z]{4}-?){4}")


def safe_term(typed: str) -> tuple[str, str]:
    """Return what may be kept of what was typed, and what to say about it, if anything."""
    if _CODE.fullmatch(cleaned(typed).replace(" ", "").upper()):
        gift = Gift.objects.filter(code_fingerprint=fingerprint_of_code(cleaned(typed))).first()
        return (gift.reference, GIFT_CODE) if gift else ("", UNKNOWN_CODE)
    safe = without_card_number(typed)
    return (safe, "") if safe == typed else (safe, CARD_NUMBER)
