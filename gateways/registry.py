"""From an account to the gateway that serves it: the class is in the settings, the credentials in the environment."""

import ipaddress
import threading
from collections.abc import Mapping
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.module_loading import import_string

from gateways.deployment import is_production
from gateways.errors import MisconfiguredAccount
from gateways.models import Environment, GatewayAccount
from gateways.protocol import Gateway

_lock = threading.Lock()
# Account slug -> (what it was built from, the gateway). Gateways are built once: they hold no
# state of a payment, and parsing keys for every webhook would cost more than verifying one.
_built: dict[str, tuple[tuple[str, str, Mapping[str, str]], Gateway]] = {}


def gateway_for(account: GatewayAccount) -> Gateway:
    """Return the gateway of an account, built at first need and again when its credentials change.

    :raises MisconfiguredAccount: no such gateway, credentials are missing (named as environment variables), or
        production would talk to a stand-in.
    """
    credentials = dict(settings.GATEWAY_CREDENTIALS.get(account.slug, {}))
    made_of = (account.gateway, account.environment, credentials)
    found = _built.get(account.slug)
    if found is not None and found[0] == made_of:
        return found[1]
    if problems := account_problems(account):
        raise MisconfiguredAccount(f"account {account.slug}: {'; '.join(problems)}")
    with _lock:
        found = _built.get(account.slug)
        if found is None or found[0] != made_of:
            found = (made_of, gateway_class(account.gateway)(credentials))
            _built[account.slug] = found
    return found[1]


def gateway_class(slug: str) -> type[Gateway]:
    """Return the class behind a gateway's slug.

    :raises MisconfiguredAccount: the settings name none, or one that cannot be imported.
    """
    path = settings.GATEWAYS.get(slug)
    if path is None:
        raise MisconfiguredAccount(
            f"there is no gateway {slug!r}; settings.GATEWAYS has {', '.join(sorted(settings.GATEWAYS))}"
        )
    try:
        found: type[Gateway] = import_string(path)
    except ImportError as problem:
        raise MisconfiguredAccount(f"gateway {slug!r}: {problem}") from problem
    return found


def account_problems(account: GatewayAccount) -> tuple[str, ...]:
    """Return why an account cannot be used, in sentences for the operator; empty when it can."""
    try:
        gateway = gateway_class(account.gateway)
    except MisconfiguredAccount as problem:
        return (str(problem),)
    credentials = settings.GATEWAY_CREDENTIALS.get(account.slug, {})
    problems = []
    if missing := gateway.missing_credentials(credentials):
        names = ", ".join(variable_name(account.slug, field) for field in missing)
        problems.append(f"missing or unreadable in the environment: {names}")
    if is_production():
        problems.extend(_production_problems(account, credentials))
    return tuple(problems)


def variable_name(account_slug: str, field: str) -> str:
    """Return the environment variable that holds one credential of an account."""
    return f"GATEWAY_{account_slug.upper().replace('-', '_')}__{field.upper()}"


def _production_problems(account: GatewayAccount, credentials: Mapping[str, str]) -> list[str]:
    problems = []
    for field, value in credentials.items():
        if field.endswith("base_url") and value and not _is_public_https(value):
            name = variable_name(account.slug, field)
            problems.append(
                f"{name} leads to a stand-in or travels in the clear; leave it empty or name the vendor's https"
            )
    environment = credentials.get("environment", "")
    if environment and (environment == "test") is (account.environment == Environment.LIVE):
        name = variable_name(account.slug, "environment")
        problems.append(f"{name} says {environment!r}, the account says {account.environment!r}")
    return problems


def _is_public_https(url: str) -> bool:
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".").lower()
    if (
        parts.scheme != "https"
        or not host
        or host == "localhost"
        or host.endswith((".localhost", ".local", ".internal"))
    ):
        return False
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host
