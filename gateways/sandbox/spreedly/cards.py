"""Cards: the published test cards, what may be remembered of one, and what the bank behind it will say.

Source: Spreedly docs, "Test data". The test gateway's own decline has no code; so that every reason can be seen, the
name on the card may be one of Spreedly's normalized reasons, which is this sandbox's invention.
"""

import re
from datetime import UTC, datetime
from typing import Any

from gateways.sandbox.cards import passes_luhn
from gateways.sandbox.spreedly.accounts import Account
from gateways.sandbox.spreedly.books import Books, stamp
from gateways.sandbox.spreedly.errors import ApiError, invalid
from gateways.sandbox.store import Document

_GOOD = {
    "visa": "4111111111111111",
    "master": "5555555555554444 2223003122003222",
    "american_express": "378282246310005",
    "discover": "6011111111111117",
    "jcb": "3569990010030400",
    "maestro": "6759000000000000005",
}
_DECLINED = {
    "visa": "4012888888881881",
    "master": "5105105105105100 2720992720992729",
    "american_express": "371449635398431",
    "discover": "6011000990139424",
    "jcb": "3528327757705979",
    "maestro": "6799990100000000019",
}
# Card number -> whether its holder passes 3-D Secure.
ENROLLED = {"4556761029983886": True, "4024007101934890": False}
_TYPES = {number: kind for kinds in (_GOOD, _DECLINED) for kind, numbers in kinds.items() for number in numbers.split()}
_TYPES.update(dict.fromkeys(ENROLLED, "visa"))
_REFUSED = frozenset(number for numbers in _DECLINED.values() for number in numbers.split())

# Source: Spreedly docs, "Normalized response values".
_REASONS = """
do_not_honor insufficient_funds expired_card incorrect_cvv incorrect_zip incorrect_address invalid_card invalid_number
invalid_account invalid_amount invalid_cvc invalid_merchant invalid_merchant_configuration card_limit_exceeded
insufficient_amount amount_not_supported currency_not_supported closed_card restricted_card lost_stolen_card
fraud_suspected refused_due_to_sanctions call_issuer contact_bank bank_error issuer_unavailable issuer_not_available
processing_error processor_declined authentication_required cardholder_authentication_required security_code_error
transaction_not_allowed not_supported token_not_supported duplicate_transaction cc_rejected_duplicated_payment
cc_rejected_bad_filled_date non_reloadable_prepaid_card single_use_virtual_card_number multi_use_virtual_card_number
request_authorization_card
"""
REASONS = frozenset(_REASONS.split())
# A name that has the networks forbid every further charge, and one that leaves Spreedly in the dark.
STOPPED, UNKNOWN = "stop_recurring_payment", "result_unknown"
FIELDS = frozenset({"number", "month", "year", "verification_value", "first_name", "last_name", "full_name", "email"})


def new_card(books: Books, account: Account, fields: dict[str, Any], *, retained: bool = False) -> Document:
    """Keep a card without its number, and return it.

    :raises ApiError: the details cannot be a card's. A wrong security code still gives a token, as at Spreedly.
    """
    number = re.sub(r"[ -]", "", str(fields.get("number") or ""))
    if not number:
        raise invalid("number", "errors.blank")
    if not (number.isascii() and number.isdigit() and 12 <= len(number) <= 19 and passes_luhn(number)):
        raise invalid("number")
    first, last = str(fields.get("first_name") or ""), str(fields.get("last_name") or "")
    name = str(fields.get("full_name") or f"{first} {last}").strip()
    if not name:
        raise invalid("first_name", "errors.blank")
    month, year = _expiry(fields)
    card = {
        "token": books.new_token(),
        "account": account.environment_key,
        "created_at": stamp(),
        "storage_state": "retained" if retained else "cached",
        "test": number in _TYPES,
        "last_four_digits": number[-4:],
        "first_six_digits": number[:6],
        "card_type": _TYPES.get(number, "visa" if number.startswith("4") else "master"),
        "month": month,
        "year": year,
        "full_name": name,
        "email": fields.get("email") or None,
        "is_refused": number in _REFUSED,
        "enrolled": ENROLLED.get(number),
        "says": word_of(name),
    }
    books.keep_card(card)
    return card


def word_of(name: str) -> str:
    """Return what the name on a card has the bank say; nothing for a person's name."""
    word = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return word if word in REASONS | {STOPPED, UNKNOWN} else ""


def check_not_expired(card: Document) -> None:
    """See that a card's month is not over.

    :raises ApiError: it is.
    """
    today = datetime.now(UTC)
    if (card["year"], card["month"]) < (today.year, today.month):
        raise invalid("year", "errors.expired")


def shown(card: Document, *, storage_state: str = "") -> Document:
    """Return a card as Spreedly shows it."""
    first, _, last = card["full_name"].rpartition(" ")
    return {
        "token": card["token"],
        "created_at": card["created_at"],
        "updated_at": card["updated_at"],
        "email": card["email"],
        "data": None,
        "storage_state": storage_state or card["storage_state"],
        "test": card["test"],
        "metadata": None,
        "callback_url": None,
        "last_four_digits": card["last_four_digits"],
        "first_six_digits": card["first_six_digits"],
        "card_type": card["card_type"],
        "first_name": first or card["full_name"],
        "last_name": last if first else "",
        "month": card["month"],
        "year": card["year"],
        "full_name": card["full_name"],
        "eligible_for_card_updater": True,
        "payment_method_type": "credit_card",
        "errors": [],
        "verification_value": "",
        "number": f"XXXX-XXXX-XXXX-{card['last_four_digits']}",
    }


def _expiry(fields: dict[str, Any]) -> tuple[int, int]:
    found = {}
    for name in ("month", "year"):
        value = str(fields.get(name) or "").strip()
        if not value:
            raise invalid(name, "errors.blank")
        if not (value.isascii() and value.isdigit()):
            raise invalid(name)
        found[name] = int(value)
    if not 1 <= found["month"] <= 12:
        raise invalid("month")
    return found["month"], found["year"] + (2000 if found["year"] < 100 else 0)


def card_fields(wish: dict[str, Any]) -> dict[str, Any]:
    """Return the card details of a request to the API.

    :raises ApiError: there are none.
    """
    method = wish.get("payment_method")
    details = method.get("credit_card") if isinstance(method, dict) else None
    if not isinstance(details, dict):
        raise ApiError(422, "errors.blank", "Payment method can't be blank", "payment_method")
    return {name: details[name] for name in FIELDS if name in details}
