"""Read what a partner sends into the words of the core; what is encrypted stays opaque, and nothing of it is kept."""

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from api.fields import Fields
from bookings.free_text import clean_return_url, is_web_address
from gateways.protocol import BillingAddress, BrowserInfo, EncryptedCard, Shopper
from money import Money, MoneyError, exponent_of

CARD_METHOD_ID = 32
CREDIT_METHOD_ID = 40
METHOD_IDS = (CARD_METHOD_ID, CREDIT_METHOD_ID)
CARD_METHOD_CODE = "scheme"
LONGEST_ENCRYPTED = 5_000
LONGEST_PROOF = 20_000
MOST_PROOFS = 20
COLOR_DEPTHS = (1, 4, 8, 15, 16, 24, 32, 48)
# Where a billing address is not one without its state.
COUNTRIES_WITH_STATES = frozenset({"US", "CA"})
# What the first digit of an amount may be worth, as a power of ten; and how many digits it may have.
_FINEST_EXPONENT, _LARGEST_EXPONENT, _MOST_DIGITS = -6, 13, 28
# What we put beside the bank's own words in `redirectRequest.data`, and clients may send back with them.
OURS_IN_REDIRECT = frozenset({"url", "method", "paymentData"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentWish:
    """Be a payment that a partner asks for; without a `card` the customer's credit is to pay."""

    amount: Money
    donation: Money
    card: EncryptedCard | None = field(default=None, repr=False)
    shopper: Shopper | None = field(default=None, repr=False)
    return_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """Be what a guest brought back from the bank, for one payment process."""

    audit_id: int
    proof: Mapping[str, str] = field(repr=False)
    payment_data: str = field(repr=False)


def read_payment(fields: Fields) -> PaymentWish:
    """Return what is to be paid, and with what.

    :raises FieldRefused: a field cannot be used.
    :raises InvalidValue: the return URL is none.
    """
    currency = read_currency(fields, "currencyCode")
    amount = read_amount(fields, "amount", currency, is_required=True)
    donation = read_amount(fields, "donationAmount", currency)
    if amount.minor == 0:
        raise fields.refuse("amount", _("must be more than 0"))
    if _method_id(fields) == CREDIT_METHOD_ID:
        for name in ("paymentMethodDetails", "donationAmount"):
            if fields.has(name) and fields.values[name] is not None:
                raise fields.refuse(name, _("must not be sent when the customer's credit pays"))
        return PaymentWish(amount=amount, donation=donation)
    card = _card(fields)
    return_url = clean_return_url(fields.text("returnURL", longest=1_024) or "")
    shopper = _shopper(fields, is_authenticated=_wants_authentication(fields))
    return PaymentWish(amount=amount, donation=donation, card=card, shopper=shopper, return_url=return_url)


def read_completion(fields: Fields) -> Completion:
    """Return what a guest brought back; `paymentDetails` is an array, or the same encoded as a text.

    :raises FieldRefused: a field cannot be used.
    """
    audit_id = _number(fields, "paymentProcessAuditId")
    payment_data = fields.text("paymentData", longest=LONGEST_PROOF, is_required=True) or ""
    return Completion(audit_id=audit_id, proof=_proof(fields), payment_data=payment_data)


def read_currency(fields: Fields, name: str) -> str:
    """Return an ISO 4217 code, sent in any case."""
    text = (fields.text(name, longest=16, is_required=True) or "").upper()
    return Fields({name: text}).currency(name, is_required=True) or ""


def read_amount(fields: Fields, name: str, currency: str, *, is_required: bool = False) -> Money:
    """Return an amount in major units, sent as a JSON number; nothing where it was not sent."""
    value = fields.values.get(name)
    if value is None and not is_required:
        return Money(0, currency)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise fields.refuse(name, _("must be a number"))
    number = Decimal(value)
    # Looked at before it is written out: 1e999999 is a short text and a long number; and before it is reckoned with,
    # which rounds what has more digits than Decimal's own precision.
    is_usual = not number or _FINEST_EXPONENT <= number.adjusted() <= _LARGEST_EXPONENT
    if not is_usual or len(number.as_tuple().digits) > _MOST_DIGITS:
        raise fields.refuse(name, _("has too many digits"))
    if number < 0:
        raise fields.refuse(name, _("must not be less than 0"))
    try:
        return Money.parse(f"{number.normalize():f}", currency)
    except MoneyError:
        digits = exponent_of(currency)
        raise fields.refuse(name, _("must have at most %(count)s decimals") % {"count": digits}) from None


def _method_id(fields: Fields) -> int:
    if fields.values.get("paymentMethodId") is None:
        return CARD_METHOD_ID
    method_id = _number(fields, "paymentMethodId")
    if method_id not in METHOD_IDS:
        known = ", ".join(map(str, METHOD_IDS))
        raise fields.refuse("paymentMethodId", _("must be one of %(choices)s") % {"choices": known})
    return method_id


def _number(fields: Fields, name: str) -> int:
    """Return a whole number; our own answers show ids as texts, so that a text of digits is one, too."""
    value = fields.values.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        value = int(value)
    return Fields({name: value}).integer(name, least=1, most=10**18, is_required=True) or 0


def _card(fields: Fields) -> EncryptedCard:
    details = fields.child("paymentMethodDetails")
    if details is None:
        raise fields.refuse("paymentMethodDetails", _("is required"))
    details.choice("uniquePaymentMethodCode", [CARD_METHOD_CODE], is_required=True)

    def encrypted(name: str) -> str:
        return details.text(name, longest=LONGEST_ENCRYPTED, is_required=True) or ""

    return EncryptedCard(
        number=encrypted("encryptedCardNumber"),
        expiry_month=encrypted("encryptedExpiryMonth"),
        expiry_year=encrypted("encryptedExpiryYear"),
        security_code=encrypted("encryptedSecurityCode"),
        holder_name=details.text("cardHolderName", longest=100, is_required=True) or "",
    )


def _wants_authentication(fields: Fields) -> bool:
    """Say whether the bank may ask the guest: one field that is only for that asks for all of them."""
    return any(fields.values.get(name) is not None for name in ("returnURL", "originHost", "browserInfo"))


def _shopper(fields: Fields, *, is_authenticated: bool) -> Shopper:
    if is_authenticated:
        fields.text("returnURL", longest=1_024, is_required=True)
    browser = fields.child("browserInfo")
    if is_authenticated and browser is None:
        raise fields.refuse("browserInfo", _("is required"))
    return Shopper(
        origin=_origin(fields, is_required=is_authenticated),
        ip=_ip(fields, is_required=is_authenticated),
        billing_address=_billing_address(fields, is_required=is_authenticated),
        browser=_browser(browser) if browser is not None else None,
    )


def _origin(fields: Fields, *, is_required: bool) -> str:
    text = fields.text("originHost", longest=255, is_required=is_required) or ""
    if text and not (text.isascii() and is_web_address(text)):
        raise fields.refuse("originHost", _("must be an origin such as https://shop.example.com"))
    parts = urlsplit(text)
    return f"{parts.scheme}://{parts.netloc}" if text else ""


def _ip(fields: Fields, *, is_required: bool) -> str:
    text = fields.text("shopperIP", longest=45, is_required=is_required) or ""
    try:
        return str(ipaddress.ip_address(text)) if text else ""
    except ValueError:
        raise fields.refuse("shopperIP", _("must be an IP address")) from None


def _billing_address(fields: Fields, *, is_required: bool) -> BillingAddress | None:
    """Return the address where all of it is there; a part of one is of no use to a bank."""

    def part(name: str, *, longest: int = 200, is_needed: bool = is_required) -> str:
        return fields.text(name, longest=longest, is_required=is_needed) or ""

    street, house_number = part("billingStreet"), part("billingHouseNumberOrName")
    city, postal_code = part("billingCity"), part("billingPostcode", longest=20)
    country = part("billingCountryCode", longest=2).upper()
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise fields.refuse("billingCountryCode", _("must be an ISO 3166-1 code, such as AU"))
    has_states = is_required and country in COUNTRIES_WITH_STATES
    state = part("billingStateOrProvince", is_needed=has_states)
    if not (street and house_number and city and postal_code and country):
        return None
    return BillingAddress(
        street=street,
        house_number=house_number,
        city=city,
        postal_code=postal_code,
        country=country,
        # Elsewhere it is no part of an address, and banks refuse what they do not expect.
        state=state if country in COUNTRIES_WITH_STATES else "",
    )


def _browser(browser: Fields) -> BrowserInfo:
    def pixels(name: str) -> int:
        return browser.integer(name, least=0, most=99_999, is_required=True) or 0

    depth = browser.integer("colorDepth", least=1, most=48, is_required=True)
    if depth not in COLOR_DEPTHS:
        known = ", ".join(map(str, COLOR_DEPTHS))
        raise browser.refuse("colorDepth", _("must be one of %(choices)s") % {"choices": known})
    is_java_enabled = browser.boolean("javaEnabled")
    if is_java_enabled is None:
        raise browser.refuse("javaEnabled", _("is required"))
    return BrowserInfo(
        user_agent=browser.text("userAgent", longest=2_048, is_required=True) or "",
        accept_header=browser.text("acceptHeader", longest=2_048, is_required=True) or "",
        language=browser.text("language", longest=35, is_required=True) or "",
        color_depth=depth,
        screen_height=pixels("screenHeight"),
        screen_width=pixels("screenWidth"),
        time_zone_offset=browser.integer("timeZoneOffset", least=-900, most=900, is_required=True) or 0,
        is_java_enabled=is_java_enabled,
        is_javascript_enabled=browser.boolean("javaScriptEnabled") is not False,
    )


def _proof(fields: Fields) -> dict[str, str]:
    """Return the bank's own words out of the key/value pairs, without what we put beside them."""
    name = "paymentDetails"
    value = fields.values.get(name)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise fields.refuse(name, _("is not valid JSON")) from None
    pairs = Fields({name: value}).children(name, most=MOST_PROOFS)
    if pairs is None:
        raise fields.refuse(name, _("is required"))
    proof: dict[str, str] = {}
    for pair in pairs:
        key = pair.text("key", longest=100, is_required=True) or ""
        if key in proof:
            raise pair.refuse("key", _("is there twice"))
        proof[key] = pair.text("value", longest=LONGEST_PROOF, is_required=True) or ""
    words = {key: text for key, text in proof.items() if key not in OURS_IN_REDIRECT}
    if not words:
        raise fields.refuse(name, _("must not be empty"))
    return words
