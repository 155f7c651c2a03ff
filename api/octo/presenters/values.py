"""How OCTO writes times and money."""

from collections.abc import Mapping
from datetime import UTC, datetime

from bookings.pricing import Pricing


def utc_time(moment: datetime | None) -> str | None:
    """Return a UTC time that ends in Z, with milliseconds where there are any."""
    if moment is None:
        return None
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
    return f"{text.removesuffix('.000')}Z"


def utc_second(moment: datetime) -> str:
    """Return a UTC time that ends in Z, in whole seconds: utcCutoffAt may have no decimals."""
    return f"{moment.astimezone(UTC).isoformat(timespec='seconds').removesuffix('+00:00')}Z"


def local_time(moment: datetime) -> str:
    """Return a local time with its offset, such as 2026-11-21T12:00:00+01:00."""
    return moment.isoformat(timespec="seconds")


def pricing_fields(pricing: Pricing) -> dict[str, object]:
    """Return octo/pricing's Pricing; amounts are minor units."""
    return {
        "currency": pricing.currency,
        "currencyPrecision": pricing.currency_precision,
        "original": pricing.original_minor,
        "retail": pricing.retail_minor,
        "net": pricing.net_minor,
        "includedTaxes": [
            {
                "name": tax.name,
                "original": tax.original_minor,
                "retail": tax.retail_minor,
                "net": tax.net_minor,
            }
            for tax in pricing.included_taxes
        ],
    }


def contact_fields(contact: Mapping[str, object]) -> dict[str, object]:
    """Return OCTO's Contact from our words; every key is always there."""
    return {
        "fullName": contact.get("full_name") or None,
        "firstName": contact.get("first_name") or None,
        "lastName": contact.get("last_name") or None,
        "emailAddress": contact.get("email") or None,
        "phoneNumber": contact.get("phone") or None,
        "postalCode": contact.get("postal_code") or None,
        "country": contact.get("country") or None,
        "notes": contact.get("notes") or None,
        "locales": contact.get("locales") or [],
    }
