"""What a browser may load, send and show on our pages: nothing, but what is named here or declared by a gateway."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from django.http import HttpResponseBase

_OURS = {
    "default-src": ("'none'",),
    "base-uri": ("'none'",),
    "connect-src": ("'self'",),
    "form-action": ("'self'",),
    "frame-ancestors": ("'none'",),
    "img-src": ("'self'",),
    "script-src": ("'self'",),
    "style-src": ("'self'",),
}
_HEADERS = {
    "Cache-Control": "no-store",
    # The address is a key: it must not be told to the page a guest goes to next.
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


def guard(response: HttpResponseBase, *, allows: Mapping[str, tuple[str, ...]]) -> None:
    """Set the headers of a page of ours; `allows` are further sources, by directive."""
    directives = {name: (*_OURS.get(name, ()), *allows.get(name, ())) for name in (*_OURS, *sorted(allows))}
    response["Content-Security-Policy"] = "; ".join(
        f"{name} {' '.join(sources)}" for name, sources in directives.items()
    )
    for name, value in _HEADERS.items():
        response[name] = value


def origin_only(url: str) -> str:
    """Return scheme and host of an address, as a source of a policy."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
