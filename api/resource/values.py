"""How this API writes times, amounts, addresses and references."""

from datetime import UTC, datetime

from django.conf import settings

from money import Money


def utc_time(moment: datetime) -> str:
    """Return a UTC time in whole seconds that ends in Z: clients read exactly this form."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def amount_text(minor: int, currency: str) -> str:
    """Return an amount as a text in major units: as a JSON number it would lose its cents on the way."""
    return Money(minor, currency).format()


def href_of(*path: object) -> str:
    """Return the public address of something, without a trailing slash."""
    return "/".join((settings.PUBLIC_BASE_URL, *map(str, path)))


def reference_to(resource: str, number: int) -> dict[str, object]:
    """Return how one resource names another."""
    return {"id": str(number), "href": href_of(resource, number)}


def collection_of(resource: str, number: int, collection: str) -> dict[str, object]:
    """Return how a resource names a list of what belongs to it."""
    return {"href": href_of(resource, number, collection)}
