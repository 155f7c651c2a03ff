"""How the back office looks and what it allows."""

from typing import Any

from config.settings.environment import env

# The operator's name, as staff and guests know it.
OPERATOR_NAME = env.str("OPERATOR_NAME", default="Card payments")

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": OPERATOR_NAME,
    "SITE_HEADER": OPERATOR_NAME,
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
}
