"""Settings of a deployment: everything comes from the environment, and what is missing closes the door."""

import base64
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from config.settings.base import *
from config.settings.environment import env, is_set

_REQUIRED = (
    "SECRET_KEY",
    "FIELD_ENCRYPTION_KEYS",
    "FINGERPRINT_KEY",
    "METRICS_TOKEN",
    "DATABASE_URL",
    "REDIS_URL",
    "ALLOWED_HOSTS",
    "PUBLIC_BASE_URL",
    "EMAIL_HOST",
    "DEFAULT_FROM_EMAIL",
)
_SHORTEST_SECRET = 32


def _refuse_what_is_unsafe() -> None:
    """Stop before the first request when a secret is empty, short or no key.

    :raises ImproperlyConfigured: names every variable at fault, never a value.
    """
    faults = [f"{name} is not set" for name in _REQUIRED if not is_set(name)]
    faults += [
        f"{name} has fewer than {_SHORTEST_SECRET} characters"
        for name in ("SECRET_KEY", "FINGERPRINT_KEY", "METRICS_TOKEN")
        if is_set(name) and len(env.str(name)) < _SHORTEST_SECRET
    ]
    for position, key in enumerate(FIELD_ENCRYPTION_KEYS, start=1):
        if not _is_fernet_key(key):
            faults.append(f"FIELD_ENCRYPTION_KEYS: key {position} is no Fernet key")
    if is_set("PUBLIC_BASE_URL") and urlsplit(PUBLIC_BASE_URL).scheme != "https":
        faults.append("PUBLIC_BASE_URL does not begin with https://")
    if CALLBACKS["ALLOWED_NETWORKS"]:
        faults.append("CALLBACK_ALLOWED_NETWORKS must be empty: partners could make us call our own network")
    if "*" in ALLOWED_HOSTS:
        faults.append("ALLOWED_HOSTS allows every host")
    if EMAIL_USE_TLS and EMAIL_USE_SSL:
        faults.append("EMAIL_USE_TLS and EMAIL_USE_SSL are both set")
    # Only an address of the vendor's that we override may be empty: empty means the vendor's own.
    may_be_empty = {"checkout_base_url", "live_prefix"}
    for account, fields in GATEWAY_CREDENTIALS.items():
        empty = sorted(field for field, value in fields.items() if not value and field not in may_be_empty)
        faults.extend(f"{field} of gateway account {account} is empty" for field in empty)
    if faults:
        raise ImproperlyConfigured("; ".join(faults))


def _is_fernet_key(key: str) -> bool:
    """Say what the library would say, which processes that encrypt nothing do not import."""
    try:
        return len(base64.urlsafe_b64decode(key)) == 32
    except ValueError:
        return False


_refuse_what_is_unsafe()

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# TLS ends at the proxy, which must set this header itself and drop what a client sent.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
# Probes and scrapes come from inside, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=True)
# The preload list speaks for a whole domain, which is not ours to promise.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-session"
CSRF_COOKIE_NAME = "__Host-csrf"
