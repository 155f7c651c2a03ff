"""Where a guest may be sent after paying: an address at an origin that its partner registered, and nowhere else."""

import re
from urllib.parse import urlsplit

from bookings.models import Partner

# What a browser reads in another way than we do: a backslash is a slash to it, and it drops tabs and line ends.
_NEVER = re.compile(r"[\\\x00-\x20\x7f]")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> str:
    """Return the origin of an address, spelled as browsers spell it; "" where the address has none that is safe."""
    if _NEVER.search(url):
        return ""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        return ""
    # urlsplit takes the brackets off an IPv6 address.
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, _DEFAULT_PORTS[parts.scheme]) else "")


def is_return_allowed(*, partner: Partner, url: str) -> bool:
    """Say whether a guest may be sent there for a partner."""
    origin = origin_of(url)
    return origin != "" and origin in partner.return_origins
