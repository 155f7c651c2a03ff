"""Settings of the tests: fixed secrets, servers of their own unless DATABASE_URL and REDIS_URL name some."""

import contextlib
import os
import secrets
import socket

from config.demo.accounts import SANDBOX_ACCOUNTS
from config.local_secrets import LocalSecrets
from config.servers import socket_directory
from config.settings.environment import env, is_set, provide

# Where the session's servers will listen is decided here, before anything runs; tests/conftest.py starts them when a
# test first needs them.
TEST_SERVERS_DIRECTORY = socket_directory(f"cp-test-{os.getpid()}-{secrets.token_hex(4)}")
EMBEDDED_SERVERS = not (is_set("DATABASE_URL") or is_set("REDIS_URL"))
EMBEDDED_POSTGRES = env.str("EMBEDDED_POSTGRES", default="18")


def free_port(purpose: int) -> int:
    """Return a port that nobody uses, outside the range from which the system takes ports for outgoing connections.

    Test processes side by side look in ranges of their own, and so does each of up to five purposes: what one found
    free, another could take before it listens there.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
    while True:
        port = 16_000 + 2_000 * number + 400 * purpose + secrets.randbelow(400)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _test_database(redis_url: str) -> str:
    """Return the address of database 15 there: the tests empty it."""
    address, _, query = redis_url.partition("?")
    if address.startswith("unix://"):
        return f"{address}?db=15"
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/15" + (f"?{query}" if query else "")


LOCAL_SECRETS = LocalSecrets(None)
if EMBEDDED_SERVERS:
    provide(
        {
            "DATABASE_URL": f"postgres://app@/app?host={TEST_SERVERS_DIRECTORY}",
            "REDIS_URL": f"unix://{TEST_SERVERS_DIRECTORY}/redis.sock",
        }
    )
provide(
    {
        "SECRET_KEY": LOCAL_SECRETS.text("SECRET_KEY"),
        "FIELD_ENCRYPTION_KEYS": LOCAL_SECRETS.fernet_key("FIELD_ENCRYPTION_KEYS"),
        "FINGERPRINT_KEY": LOCAL_SECRETS.text("FINGERPRINT_KEY"),
        "METRICS_TOKEN": LOCAL_SECRETS.text("METRICS_TOKEN"),
    }
)

# Chosen here, so that the live server, the sandbox and the worker that a test starts know of each other.
provide({"WEB_PORT": str(free_port(0)), "SANDBOX_PORT": str(free_port(1))})
env.ENVIRON["REDIS_URL"] = _test_database(env.str("REDIS_URL"))

from config.settings.base import *  # noqa: E402

ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True

# The test process keeps its mails in memory, by pytest-django; a worker it starts writes none to the world either.
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

# A pool is exhausted by test threads that do not close, and a kept connection blocks the drop of the test database.
DATABASES = {"default": {**database_settings(pooled=False), "CONN_MAX_AGE": 0}}
if EMBEDDED_SERVERS:
    # Migrated already: see tests/migrated.py. Migrations that it lacks are run on the copy as ever.
    DATABASES["default"]["TEST"] = {"TEMPLATE": "app"}

# The test process stands for the web process; the worker it starts says WEB_PROCESS=0.
IS_WEB = env.bool("WEB_PROCESS", default=True)
CELERY_BROKER_TRANSPORT_OPTIONS = nudge_options() if IS_WEB else {}
CELERY_TASK_PUBLISH_RETRY = not IS_WEB

# A gateway that only a test knows, as slug=path: the conformance suite runs over it, too.
_slug, _, _path = env.str("EXTRA_GATEWAY", default="").partition("=")
GATEWAYS = {**GATEWAYS, _slug: _path} if _path else GATEWAYS

GATEWAY_CREDENTIALS = LOCAL_SECRETS.credentials(
    accounts=SANDBOX_ACCOUNTS,
    gateways=GATEWAYS,
    origin=f"http://127.0.0.1:{SANDBOX_PORT}",
    known=GATEWAY_CREDENTIALS,
)

# Accounts come and go between tests; one test of its own remembers them.
PAYMENTS = {**PAYMENTS, "KNOWN_ACCOUNT_SECONDS": 0}

CALLBACKS = LOCAL_CALLBACKS
STAFF_TWO_FACTOR = "off"
