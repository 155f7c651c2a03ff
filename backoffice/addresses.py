"""From where somebody talks to us, behind as many proxies as the settings say."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def address_of(request: HttpRequest) -> str | None:
    """Return the caller's address; None where a socket has none.

    Each proxy adds the address it was called from at the right end of `X-Forwarded-For`; what stands left of what our
    own `TRUSTED_PROXIES` proxies wrote is the caller's invention.
    """
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    proxies = settings.TRUSTED_PROXIES
    address = hops[-proxies] if 0 < proxies <= len(hops) else request.META.get("REMOTE_ADDR", "")
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return None
