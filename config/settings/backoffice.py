"""How the back office looks and what it allows."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from config.settings.environment import env

# The operator's name, as staff know it.
OPERATOR_NAME = env.str("OPERATOR_NAME", default="") or "Card payments"
# Which of our installations this is: a banner on every page of the back office. Empty: production, and no banner.
ENVIRONMENT_NAME = env.str("ENVIRONMENT_NAME", default="")

# How many proxies of ours stand before the web process, each adding the address it was called from to X-Forwarded-For.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)

BACKOFFICE: dict[str, Any] = {
    # A refund that nobody approved or declined for so long must be asked for again.
    "APPROVAL_LIFETIME_HOURS": env.int("APPROVAL_LIFETIME_HOURS", default=72),
    # Balances that fall due within this time are compared with the expiry of the cards kept for them.
    "CARD_EXPIRY_LOOKAHEAD_DAYS": 90,
    # Two charges of one amount are probably one wish paid twice when they are no farther apart.
    "DUPLICATE_WITHIN_MINUTES": 15,
    # How far back they are looked for, by when the gateway decided.
    "DUPLICATES_LOOKED_FOR_HOURS": 24,
    # The bookings of a cancelled departure begin so many refunds a minute at one account, so that the guests who pay
    # there meanwhile are not held up by the gateway's own limits.
    "DEPARTURE_REFUNDS_PER_MINUTE": env.int("DEPARTURE_REFUNDS_PER_MINUTE", default=120),
}

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

# Where who opens the login page itself is led.
LOGIN_REDIRECT_URL = "admin:index"

UNFOLD: dict[str, Any] = {
    # Called, because the theme would try to import a name with a dot in it.
    "SITE_TITLE": lambda _request: OPERATOR_NAME,
    "SITE_HEADER": lambda _request: OPERATOR_NAME,
    "SITE_SUBHEADER": "Back office",
    "SITE_SYMBOL": "payments",
    "SITE_URL": None,
    "SHOW_HISTORY": "backoffice.look.shows_history",
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "4px",
    "ENVIRONMENT": "backoffice.look.environment_banner",
    "STYLES": ["backoffice.look.stylesheet"],
    "SCRIPTS": ["backoffice.look.search_script"],
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "backoffice.look.icon"}],
    "SIDEBAR": {"navigation": "backoffice.navigation.navigation_for"},
    # Blue, so that green, amber and red keep their meaning.
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 254.604)",
            "100": "oklch(93.2% .032 255.585)",
            "200": "oklch(88.2% .059 254.128)",
            "300": "oklch(80.9% .105 251.813)",
            "400": "oklch(70.7% .165 254.624)",
            "500": "oklch(62.3% .214 259.815)",
            "600": "oklch(48.8% .243 264.376)",
            "700": "oklch(42.4% .199 265.638)",
            "800": "oklch(37.9% .146 265.522)",
            "900": "oklch(33% .12 266)",
            "950": "oklch(28.2% .091 267.935)",
        },
    },
}
