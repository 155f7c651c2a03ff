"""How the back office looks and what it allows."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from config.settings.environment import env

# The operator's name, as staff and guests know it.
OPERATOR_NAME = env.str("OPERATOR_NAME", default="Card payments")

# How many proxies of ours stand before the web process, each adding the address it was called from to X-Forwarded-For.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)

# Whether everybody needs a second factor to log in, or only who has set one up: "required" or "off".
STAFF_TWO_FACTOR = env.str("STAFF_TWO_FACTOR", default="required")
if STAFF_TWO_FACTOR not in ("required", "off"):
    raise ImproperlyConfigured("STAFF_TWO_FACTOR is neither required nor off")
# How an authenticator app names us.
OTP_TOTP_ISSUER = OPERATOR_NAME
# How long a session lasts without a click, and at most.
STAFF_SESSION_IDLE_MINUTES = env.int("STAFF_SESSION_IDLE_MINUTES", default=60)
STAFF_SESSION_HOURS = env.int("STAFF_SESSION_HOURS", default=12)
SESSION_COOKIE_AGE = STAFF_SESSION_HOURS * 3_600
STAFF_LOCKOUT: dict[str, int] = {
    # So many wrong passwords or codes within the minutes, and no more are looked at until the first of them is as old.
    "COOL_OFF_MINUTES": 15,
    "PER_NAME_AND_ADDRESS": 5,
    # These two spare whoever logged in from the same address within the days.
    "PER_ADDRESS": 20,
    "PER_NAME": 50,
    "KNOWN_ADDRESS_DAYS": 30,
}

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": OPERATOR_NAME,
    "SITE_HEADER": OPERATOR_NAME,
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
}
