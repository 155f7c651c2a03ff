"""Text that partners write: checked against what the database takes, card numbers masked, before it is saved."""

import re
from collections.abc import Mapping
from urllib.parse import unquote_plus, urlsplit

from bookings.errors import InvalidValue
from bookings.models import Booking
from bookings.requests import ContactDetails
from card_numbers import count_card_numbers, mask_card_numbers

# Edges read with these limits too, so that a partner is told of its own field.
LONGEST_NOTE = 5_000
LONGEST_REFERENCE = 200
LONGEST_CUSTOMER_REFERENCE = 120
LONGEST_PARTNER_REFERENCE = 120
LONGEST_REASON = 500
LONGEST_DESCRIPTION = 500
LONGEST_RETURN_URL = 1_024
_MOST_ESCAPES = 4  # of one address inside another's parameter
MOST_LOCALES, LONGEST_LOCALE = 20, 35
MOST_METADATA, LONGEST_METADATA_KEY, LONGEST_METADATA_VALUE = 50, 100, 1_000
# A contact's words -> the longest text the column takes.
CONTACT_LENGTHS = {
    "full_name": 200,
    "first_name": 100,
    "last_name": 100,
    "email": 254,
    "phone": 40,
    "country": 2,
    "postal_code": 20,
    "notes": LONGEST_NOTE,
}


# A guest's phone number in international form. Source: ITU-T E.164, at most 15 digits. One in ten of those with 13 or
# more would pass for a card number by chance, and support could not call the guest.
_INTERNATIONAL_PHONE = re.compile(r"\+[1-9](?:[ ().-]{0,2}[0-9]){6,14}")

# No issuer's numbers begin with 0 or 1, and the milliseconds that shops add to addresses do.
_CARD_NUMBER_IN_URL = re.compile(r"(?<!\d)[2-9]\d{12,18}(?!\d)")


def clean_text(field: str, text: str, *, longest: int) -> str:
    """Return the text with card numbers masked.

    :raises InvalidValue: it is too long, or holds characters that PostgreSQL or UTF-8 cannot.
    """
    return mask_card_numbers(_checked(field, text, longest=longest))


def clean_customer_reference(text: str) -> str:
    """Return a partner's reference of a guest as it was sent, without the spaces around it.

    It is refused where other texts are masked: two guests whose masked references are alike would be one, and one would
    be charged for the other.

    :raises InvalidValue: as `clean_text`; or it holds a card number.
    """
    return _as_it_is("customer_reference", text, longest=LONGEST_CUSTOMER_REFERENCE)


def clean_partner_reference(text: str) -> str:
    """Return a partner's reference of an invoice or a top-up as it was sent, as `clean_customer_reference` does.

    :raises InvalidValue: as `clean_customer_reference`.
    """
    return _as_it_is("reference", text, longest=LONGEST_PARTNER_REFERENCE)


def _as_it_is(field: str, text: str, *, longest: int) -> str:
    checked = _checked(field, text.strip(), longest=longest)
    if mask_card_numbers(checked) != checked:
        raise InvalidValue(field, "holds a card number")
    return checked


def clean_phone(field: str, text: str, *, longest: int) -> str:
    """Return a phone number as it is when it is in international form, else as any other text.

    :raises InvalidValue: as `clean_text`.
    """
    checked = _checked(field, text, longest=longest)
    return checked if is_international_phone(checked) else mask_card_numbers(checked)


def is_international_phone(text: str) -> bool:
    """Say whether a text is a phone number in international form, and nothing else."""
    return _INTERNATIONAL_PHONE.fullmatch(text) is not None


def _checked(field: str, text: str, *, longest: int) -> str:
    if len(text) > longest:
        raise InvalidValue(field, f"is longer than {longest} characters")
    if "\x00" in text:
        raise InvalidValue(field, "holds a NUL character")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidValue(field, "holds half a surrogate pair")
    return text


def clean_contact(field: str, contact: ContactDetails) -> dict[str, object] | None:
    """Return a whole contact in the words of ContactDetails, every word present; None when nothing was sent."""
    cleaned: dict[str, object] = {}
    for word, longest in CONTACT_LENGTHS.items():
        text = getattr(contact, word)
        clean = clean_phone if word == "phone" else clean_text
        cleaned[word] = clean(f"{field}.{word}", text, longest=longest) if text is not None else ""
    country = str(cleaned["country"])
    if country and not is_country(country):
        raise InvalidValue(f"{field}.country", "is not a two-letter country code of ISO 3166-1")
    cleaned["country"] = country.upper()
    locales = contact.locales or ()
    if len(locales) > MOST_LOCALES:
        raise InvalidValue(f"{field}.locales", f"holds more than {MOST_LOCALES} entries")
    cleaned["locales"] = [clean_text(f"{field}.locales", locale, longest=LONGEST_LOCALE) for locale in locales]
    is_empty = contact == ContactDetails()
    return None if is_empty else cleaned


# What `set_contact` writes.
CONTACT_FIELDS = tuple(f"contact_{word}" for word in (*CONTACT_LENGTHS, "locales"))


def set_contact(booking: Booking, contact: dict[str, object]) -> None:
    """Replace the booking's lead guest by a cleaned contact."""
    for word, value in contact.items():
        setattr(booking, f"contact_{word}", value)


def clean_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return metadata as it may be saved: a limited number of short texts."""
    if len(metadata) > MOST_METADATA:
        raise InvalidValue("metadata", f"holds more than {MOST_METADATA} entries")
    return {
        clean_text("metadata", key, longest=LONGEST_METADATA_KEY): clean_text(
            "metadata", value, longest=LONGEST_METADATA_VALUE
        )
        for key, value in metadata.items()
    }


def clean_return_url(url: str) -> str:
    """Return an absolute http(s) address; it is not masked, for a changed address would lead nowhere.

    :raises InvalidValue: it is something else, and could lead a guest astray; or it holds a card number.
    """
    if len(url) > LONGEST_RETURN_URL:
        raise InvalidValue("return_url", f"is longer than {LONGEST_RETURN_URL} characters")
    read = _read_out(url)
    if count_card_numbers(read) or any(mask_card_numbers(each) != each for each in _CARD_NUMBER_IN_URL.findall(read)):
        raise InvalidValue("return_url", "holds a card number")
    if url and not is_web_address(url):
        raise InvalidValue("return_url", "is not an absolute http or https address")
    return url


def _read_out(url: str) -> str:
    """Return an address as whoever receives it reads it, however often it was escaped."""
    for _ in range(_MOST_ESCAPES):
        read = unquote_plus(url)
        if read == url:
            break
        url = read
    return url


def is_country(text: str) -> bool:
    """Say whether a text has the form of a country code of ISO 3166-1 alpha-2."""
    return len(text) == 2 and text.isascii() and text.isalpha()


def is_web_address(text: str) -> bool:
    """Say whether a text is an absolute http(s) address without spaces or control characters."""
    try:
        parts = urlsplit(text)
        is_absolute = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
    return is_absolute and text.isprintable() and " " not in text
