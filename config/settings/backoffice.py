"""How the back office looks and what it allows."""

from typing import Any

from config.settings.environment import env

# The operator's name, as staff and guests know it.
OPERATOR_NAME = env.str("OPERATOR_NAME", default="Card payments")

# How many proxies of ours stand before the web process, each adding the address it was called from to X-Forwarded-For.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": OPERATOR_NAME,
    "SITE_HEADER": OPERATOR_NAME,
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
}

BACKOFFICE: dict[str, Any] = {
    # The bookings of a cancelled departure begin so many refunds a minute at one account, so that the guests who pay
    # there meanwhile are not held up by the gateway's own limits.
    "DEPARTURE_REFUNDS_PER_MINUTE": env.int("DEPARTURE_REFUNDS_PER_MINUTE", default=120),
}
