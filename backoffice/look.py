"""What the theme asks us for: our stylesheet and icon, and what kind of installation this is."""

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static

from backoffice.audit import MAY_READ_AUDIT


def stylesheet(_request: HttpRequest) -> str:
    """Return the address of what we add to the theme's styles."""
    return static("backoffice/backoffice.css")


def search_script(_request: HttpRequest) -> str:
    """Return the address of what has the theme's search ask by POST."""
    return static("backoffice/find.js")


def icon(_request: HttpRequest) -> str:
    """Return the address of the picture in the browser's tab: the one guests see, too."""
    return static("checkout/icon.svg")


def environment_banner(_request: HttpRequest) -> list[str] | None:
    """Return the words and the color of the banner; None in production, which has none."""
    name: str = settings.ENVIRONMENT_NAME
    return [name, "info"] if name else None


def shows_history(request: HttpRequest) -> bool:
    """Say whether a row's page has a button that leads to its part of the audit log."""
    return request.user.has_perm(MAY_READ_AUDIT)
