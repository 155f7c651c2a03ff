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
