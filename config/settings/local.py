"""Settings of `make run`, `make demo` and `manage.py` in a checkout: all has a value, nothing leaves the machine.

Importing this starts nothing. Where the servers are is read from what their supervisor recorded.
"""

import warnings

from django.core.exceptions import ImproperlyConfigured

from config.demo.accounts import SANDBOX_ACCOUNTS
from config.local_secrets import LocalSecrets
from config.servers import read_servers
from config.settings.environment import VAR_DIR, env, is_set, provide

if is_set("DATABASE_URL") != is_set("REDIS_URL"):
    raise ImproperlyConfigured(
        "Set both DATABASE_URL and REDIS_URL to use your own servers, or neither for the embedded ones"
    )
EMBEDDED_SERVERS = not (is_set("DATABASE_URL") or is_set("REDIS_URL"))
EMBEDDED_POSTGRES = env.str("EMBEDDED_POSTGRES", default="18")

LOCAL_SECRETS = LocalSecrets(VAR_DIR / "secret")
_servers = read_servers(VAR_DIR) if EMBEDDED_SERVERS else None
if EMBEDDED_SERVERS:
    # Without servers the address leads nowhere; manage.py then says what to do.
    _nowhere = VAR_DIR / "run" / "no-servers"
    provide(
        {
            "DATABASE_URL": _servers.database_url if _servers else f"postgres://app@/app?host={_nowhere}",
            "REDIS_URL": _servers.redis_url if _servers else f"unix://{_nowhere}/redis.sock?db=0",
        }
    )
provide(
    {
        "SECRET_KEY": LOCAL_SECRETS.text("SECRET_KEY"),
        "FIELD_ENCRYPTION_KEYS": LOCAL_SECRETS.fernet_key("FIELD_ENCRYPTION_KEYS"),
        "FINGERPRINT_KEY": LOCAL_SECRETS.text("FINGERPRINT_KEY"),
        "METRICS_TOKEN": LOCAL_SECRETS.text("METRICS_TOKEN"),
        "LOG_FORMAT": "console",
        "ENVIRONMENT_NAME": "local",
    }
)

from config.settings.base import *  # noqa: E402

# A container's only user is often root; here that harms nobody.
warnings.filterwarnings("ignore", message="You're running the worker with superuser privileges")

DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

# A mail is printed by the worker that would send it; nothing leaves the machine unless the environment says so.
EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="django.core.mail.backends.console.EmailBackend")
CALLBACKS = LOCAL_CALLBACKS
# Passwords are printed here, and a phone has better things to do.
STAFF_TWO_FACTOR = env.str("STAFF_TWO_FACTOR", default="off")

# The demo's accounts are at the sandbox; an account the environment knows is taken from there, whole.
GATEWAY_CREDENTIALS = LOCAL_SECRETS.credentials(
    accounts=SANDBOX_ACCOUNTS,
    gateways=GATEWAYS,
    origin=f"http://127.0.0.1:{SANDBOX_PORT}",
    known=GATEWAY_CREDENTIALS,
)
