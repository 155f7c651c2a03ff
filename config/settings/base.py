"""Settings every environment shares. A secret has no default here: local and test provide one, production refuses."""

from email.utils import parseaddr
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured

from config.settings.backoffice import *
from config.settings.callbacks import *
from config.settings.celery import *
from config.settings.environment import BASE_DIR, VAR_DIR, env
from config.settings.gateways import *
from config.settings.logging import *
from config.settings.reconciliation import *

WEB_PORT = env.int("WEB_PORT", default=8000)
SANDBOX_PORT = env.int("SANDBOX_PORT", default=8100)
# What partners and guests see us as: OCTO's Supplier.endpoint, payment links, the return page.
PUBLIC_BASE_URL = env.str("PUBLIC_BASE_URL", default=f"http://127.0.0.1:{WEB_PORT}").rstrip("/")

DEBUG = False
SECRET_KEY = env.str("SECRET_KEY")
# Fernet keys for tokens and signing secrets at rest: the first encrypts, all of them decrypt.
FIELD_ENCRYPTION_KEYS: list[str] = env.list("FIELD_ENCRYPTION_KEYS")
# Keys the HMAC by which a token or a request body is found again without being readable.
FINGERPRINT_KEY = env.str("FINGERPRINT_KEY")
# Bearer token for /metrics; empty closes it.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
# Where the processes of one machine keep what /metrics adds up; prometheus_client reads the same variable.
METRICS_DIR = env.str("PROMETHEUS_MULTIPROC_DIR", default="")
if METRICS_DIR:
    # Here, because a count that cannot be written would otherwise fail in the middle of a payment.
    Path(METRICS_DIR).mkdir(parents=True, exist_ok=True)
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "config.apps.ProjectConfig",
    "bookings.apps.BookingsConfig",
    "gateways.apps.GatewaysConfig",
    "payments.apps.PaymentsConfig",
    "reconciliation.apps.ReconciliationConfig",
    "api.apps.ApiConfig",
    "backoffice.apps.BackofficeConfig",
    # Before the admin, whose templates it replaces.
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "backoffice.apps.BackofficeAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "config.middleware.RequestLogMiddleware",
    "config.metrics.MetricsMiddleware",
    "config.middleware.BodyLimitMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "backoffice.entering.sessions.StaffSessionMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False
# Bodies over 1 MiB are refused.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]


def database_settings(*, pooled: bool) -> dict[str, Any]:
    """Return the settings of the one database, with the time limits every connection carries."""
    database: dict[str, Any] = {**env.db_url("DATABASE_URL")}
    options: dict[str, Any] = database.setdefault("OPTIONS", {})
    # A socket directory comes as ?host=/path; Django's dbshell looks for it in HOST only.
    if "host" in options:
        database["HOST"] = options.pop("host")
    limits = {
        "statement_timeout": env.int("DATABASE_STATEMENT_TIMEOUT_MS", default=15_000),
        "lock_timeout": env.int("DATABASE_LOCK_TIMEOUT_MS", default=3_000),
        "idle_in_transaction_session_timeout": 30_000,
    }
    given = [options["options"]] if "options" in options else []
    options["options"] = " ".join([*given, *(f"-c {name}={value}" for name, value in limits.items())])
    options.setdefault("connect_timeout", 3)
    # Any number lets the cursors of `bookings.prepared` prepare what they run; Django's own never do.
    options["prepare_threshold"] = 5 if env.bool("DATABASE_PREPARES", default=True) else None
    # A pooled or kept connection survives a restart of the database only when it is checked before use.
    database["CONN_HEALTH_CHECKS"] = True
    if pooled:
        # Every thread of a web process may hold one connection; two spare ones for probes and metrics.
        options["pool"] = {"min_size": 2, "max_size": env.int("WEB_THREADS", default=8) + 2, "timeout": 5}
        database["CONN_MAX_AGE"] = 0
    else:
        database["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
    return database


# A pool hangs children when it is opened before a fork, so only threaded web processes have one.
DATABASES = {"default": database_settings(pooled=WEB_PROCESS)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "cache",
        "OPTIONS": {"socket_timeout": 0.2, "socket_connect_timeout": 0.2},
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
# In which the operator's books have their days and months.
OPERATOR_TIME_ZONE = env.str("OPERATOR_TIME_ZONE", default="") or "UTC"
try:
    ZoneInfo(OPERATOR_TIME_ZONE)
except (KeyError, ValueError, OSError):
    raise ImproperlyConfigured("OPERATOR_TIME_ZONE is no time zone of the IANA list, such as Europe/Berlin") from None

STATIC_URL = "/static/"
STATIC_ROOT: Path = VAR_DIR / "static"
# A gateway brings the script by which our payment page shows its form: gateways/<slug>/… is adapters/<slug>/static/….
STATICFILES_DIRS: list[Path | tuple[str, Path]] = [
    BASE_DIR / "checkout" / "static",
    *(
        (f"gateways/{folder.parent.name}", folder)
        for folder in sorted((BASE_DIR / "gateways" / "adapters").glob("*/static"))
    ),
]

# Where mails go. Production talks SMTP; a checkout prints them, tests keep them.
EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="django.core.mail.backends.smtp.EmailBackend")
EMAIL_HOST = env.str("EMAIL_HOST", default="localhost")
EMAIL_PORT = env.int("EMAIL_PORT", default=25)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", default="")
# STARTTLS, usually on port 587; or TLS from the first byte, usually on port 465. Never both.
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", default=False)
EMAIL_USE_SSL = env.bool("EMAIL_USE_SSL", default=False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Tours <tours@example.com>")
# What follows the @ of our Message-IDs.
MAIL_DOMAIN = parseaddr(DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]

REST_FRAMEWORK = {
    # The format of an answer is chosen by headers alone, never by `?format=`.
    "URL_FORMAT_OVERRIDE": None,
    # Closed unless a dialect's view opens it.
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "SERVE_INCLUDE_SCHEMA": False,
    # For the system check, too: a path with and one without its slash are one operation.
    "PREPROCESSING_HOOKS": ["api.openapi.without_twin_paths"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

PAYMENTS: dict[str, Any] = {
    # A claim older than this belonged to a process that died; another may take the row over.
    "CLAIM_LEASE_SECONDS": 60,
    # One call to a gateway, connecting included (2 s); the adapters' own limits are not above it.
    "GATEWAY_TIMEOUT_SECONDS": 14,
    # One drain begins no row after this; the next drain goes on.
    "DRAIN_SECONDS": 20,
    # So many calls to gateways at once in one web process: a gateway that hangs must leave threads for everybody else.
    "GATEWAY_CALLS_AT_ONCE": max(1, env.int("WEB_THREADS", default=8) // 2),
    # An attempt of a guest that the gateway has not decided for this long is shown to staff.
    "ATTEMPT_OVERDUE_MINUTES": 60,
    # All gateway calls of one request end within this; what is left over, workers do.
    "REQUEST_SECONDS": 20,
    # When an unknown outcome is asked again, counted from when it became unknown; after the last it is a person's.
    "UNKNOWN_CHECK_SCHEDULE_SECONDS": [30, 120, 600, 3_600, 21_600, 86_400],
    # When a webhook that could not be matched or handled is tried again, and again after the last as long. It usually
    # waits for an answer that is under way; later on for a person, or for nothing.
    "WEBHOOK_RETRY_SECONDS": [2, 5, 15, 60, 300, 900, 3_600],
    # So many calls within the window that did not reach an account's gateway, and new payments avoid it for a while.
    "OUTAGE_CALLS": 3,
    "OUTAGE_WINDOW_SECONDS": 60,
    "OUTAGE_REST_SECONDS": 120,
    # So many deliveries a minute are stored for an account whose gateway does not sign them.
    "HINTS_PER_MINUTE": 300,
    # One that names nothing of ours is matched again for so long, and then no more.
    "HINTS_WAIT_SECONDS": 3_600,
    # What such a delivery speaks of is asked about at its gateway once in this time.
    "SAME_HINT_SECONDS": 60,
    # How long a guest may take to prove to the bank who they are, where the gateway cannot be asked what became of it.
    "CHALLENGE_SECONDS": 1_800,
    # How long a guest may pay an Opening, unless the hold ends earlier.
    "SESSION_LIFETIME_SECONDS": 3_600,
    # An order with money on it keeps its hold this long at a time; one of which only a part was reported from elsewhere
    # keeps it this long after the last report, or to its own end when that is later, and then no more.
    "KEEP_PAID_HOLD_MINUTES": 60,
    # Money taken and nothing confirmed for this long is shown to staff.
    "PAID_UNCONFIRMED_CASE_MINUTES": 15,
    # The partner says a guest paid and the gateway has said nothing for this long: shown to staff.
    "WEBHOOK_OVERDUE_MINUTES": 10,
    # The surcharge goes back with the price of a confirmed booking that is cancelled in time; off: it is kept.
    "REFUND_SURCHARGE": env.bool("REFUND_SURCHARGE", default=True),
    # How many days after a capture its gateway, by slug, still takes a refund (`slug=365,other=180`): what is older a
    # cancelled departure leaves to a person. It depends on contract and card scheme, so that none is set by the house.
    "REFUNDABLE_DAYS": env.dict("REFUNDABLE_DAYS", cast={"value": int}, default={}),
    # A gateway accepted an operation and its result has not come for this long: shown to staff.
    "OPERATION_OVERDUE_HOURS": 72,
    # What a guest agrees to when a card is kept, by language, where an account has no text of its own. The first is for
    # languages that are not here. A text is kept with every consent, so it may be changed at any time.
    "CARD_CONSENT_TEXTS": {
        "en": env.str("CARD_CONSENT_TEXT_EN", default="")
        or "I agree that my card is kept for later payments of my bookings, and that it may be charged for them "
        "without my being asked each time. I can withdraw this at any time.",
        "de": env.str("CARD_CONSENT_TEXT_DE", default="")
        or "Ich bin einverstanden, dass meine Karte für spätere Zahlungen meiner Buchungen gespeichert und dafür auch "
        "ohne erneute Rückfrage belastet wird. Ich kann das jederzeit widerrufen.",
    },
    # Whether beat charges kept cards, and mails links, for balances that are due.
    "CHARGE_DUE_BALANCES": env.bool("CHARGE_DUE_BALANCES", default=False),
    # When a card that could not be deleted at its gateway is tried again; after the last it is a person's.
    "CARD_DELETION_SCHEDULE_SECONDS": [10, 60, 600, 3_600, 21_600, 86_400, 86_400],
    # News of a new card waits so long for the payment it was made with.
    "CARD_NEWS_WAITS_SECONDS": 3_600,
    # A web process believes for so long which gateway serves an account, when a webhook comes in.
    "KNOWN_ACCOUNT_SECONDS": 10,
    # Bodies of handled webhooks are deleted after this long; what they said stays in the events.
    "KEEP_WEBHOOKS_DAYS": 180,
}
BOOKINGS: dict[str, Any] = {
    "HOLD_MINUTES": 30,
    "MAX_HOLD_MINUTES": 1_440,
    # What a gift may be worth in minor units, by currency; where none is named, in whole units of the currency.
    "GIFT_AMOUNTS": {"JPY": (500, 500_000), "KRW": (5_000, 5_000_000)},
    "GIFT_AMOUNTS_IN_WHOLE_UNITS": (5, 5_000),
    # A mail whose worker died is taken over after this; talking to a mail server ends after EMAIL_TIMEOUT.
    "MAIL_LEASE_SECONDS": 60,
    # One drain begins no mail after this; the next drain goes on.
    "MAIL_DRAIN_SECONDS": 20,
    # When a mail that could not be sent is tried again; after the last it waits for staff.
    "MAIL_RETRY_SECONDS": [60, 300, 900, 3_600, 21_600, 86_400],
    # Sent mails are deleted after this long: they hold a reader's address.
    "KEEP_SENT_MAILS_DAYS": 180,
    # How long a guest can pay by a link that was mailed.
    "PAY_LINK_DAYS": env.int("PAY_LINK_DAYS", default=30),
}
CHECKOUT: dict[str, Any] = {
    # Per link: how often a minute its page is shown, how often the guest may go on to pay or come back from it, and how
    # often a page that waits asks how it stands.
    "VIEWS_PER_MINUTE": 60,
    "OPENINGS_PER_MINUTE": 20,
    "LOOKS_PER_MINUTE": 90,
}
API: dict[str, Any] = {
    # An idempotent request whose process died frees its key after this long; a request itself ends within 20 s.
    "IDEMPOTENCY_LEASE_SECONDS": 60,
    # How long a twin of a request in flight waits for its answer.
    "TWIN_WAIT_SECONDS": 8,
    "KEEP_IDEMPOTENCY_KEYS_DAYS": 30,
    # GET /card_payments/{id} may be an hour old.
    "CARD_PAYMENT_CACHE_SECONDS": 3_600,
    # Gift codes that open nothing, per partner key: then no code is looked at for a while; 0 means no limit.
    "WRONG_GIFT_CODES_PER_MINUTE": 10,
    # How long an invoice can be paid that does not say when it expires.
    "INVOICE_LIFETIME_HOURS": 24,
    # Per partner key; 0 lets everything through.
    "REQUESTS_PER_MINUTE": env.int("REQUESTS_PER_MINUTE", default=6_000),
}
