"""The demo environment's cards, and why a bank says no. Source: Viva docs, "Test cards"; amounts from clients of it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from gateways.sandbox.cards import brand_of, passes_luhn
from gateways.sandbox.store import Document

PAYING = frozenset({"4147463011110133", "5239290700000101", "376206000000009", "6759649826438453"})
REFUSED = frozenset({"4147463011110141", "5239290700000119", "376206000000025", "5012889911541119"})
CHALLENGED = frozenset({"5188340000000060"})
TEST_CARDS = PAYING | REFUSED | CHALLENGED
# The docs give the failing cards no reason; this one is a bank's plainest.
DO_NOT_HONOUR, INVALID_NUMBER, EXPIRED, NOT_AUTHENTICATED, CLOSED_BROWSER = 10005, 10014, 10054, 2062, 2061
# An amount of 99NN minor units is refused with 100NN, where that is an event id.
_BY_AMOUNT = """
01 03 04 05 06 07 12 13 14 15 19 21 30 39 41 43 46 51 52 53 54 55 57 58 59 61 62 63 65 70 75 76 77 78 79 80 81 83 84 86
88 89 91 93 94 96
"""
REFUSED_AMOUNTS = {9900 + int(digits): 10000 + int(digits) for digits in _BY_AMOUNT.split()}
# cardTypeId by brand; 5 is unknown.
TYPE_IDS = {"visa": 0, "electron": 0, "vpay": 0, "mc": 1, "diners": 2, "amex": 3, "maestro": 6, "discover": 7, "jcb": 8}
TYPE_NAMES = {0: "Visa", 1: "Mastercard", 2: "Diners", 3: "Amex", 5: "Unknown", 6: "Maestro", 7: "Discover", 8: "JCB"}


class BadCard(Exception):
    """Card details that the page does not let through; the message says why."""


@dataclass(frozen=True, slots=True)
class Entered:
    """A card that was typed in: what of it may be kept, and what its bank will say (0 is yes)."""

    card: Document
    event_id: int
    asks_3ds: bool


def read_card(fields: dict[str, str], *, amount: int) -> Entered:
    """Check what was typed in and ask the bank.

    :raises BadCard: it cannot be a card, so nothing was tried.
    """
    number = re.sub(r"[ -]", "", fields.get("number", ""))
    is_listed = number in TEST_CARDS
    if not re.fullmatch(r"[0-9]{12,19}", number) or not (is_listed or (passes_luhn(number) and brand_of(number))):
        raise BadCard("The card number is not valid")
    month, year = fields.get("expiryMonth", ""), fields.get("expiryYear", "")
    if not re.fullmatch(r"0?[1-9]|1[0-2]", month) or not re.fullmatch(r"(20)?[0-9]{2}", year):
        raise BadCard("The expiry date is not valid")
    if not re.fullmatch(r"[0-9]{3,4}", fields.get("cvc", "")):
        raise BadCard("The security code is not valid")
    expires = (2000 + int(year) % 100, int(month))
    now = datetime.now(UTC)
    type_id = TYPE_IDS.get(_brand(number), 5)
    card: Document = {
        "type_id": type_id,
        "number": f"{number[:6]}XXXXXX{number[-4:]}",
        "expires": f"{expires[0]:04d}-{expires[1]:02d}-28T00:00:00",
    }
    if expires < (now.year, now.month):
        return Entered(card, EXPIRED, asks_3ds=False)
    if number in REFUSED:
        return Entered(card, DO_NOT_HONOUR, asks_3ds=False)
    if not is_listed:
        return Entered(card, INVALID_NUMBER, asks_3ds=False)
    return Entered(card, REFUSED_AMOUNTS.get(amount, 0), asks_3ds=number in CHALLENGED)


def _brand(number: str) -> str:
    """Return the brand; the listed Maestro cards lie outside the ranges that banks still give out."""
    return "maestro" if number in ("6759649826438453", "5012889911541119") else brand_of(number) or ""
