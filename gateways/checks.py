"""System checks: a gateway that cannot work is found at start, not by a guest."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import DatabaseError

from gateways.deployment import is_production
from gateways.errors import MisconfiguredAccount
from gateways.models import GatewayAccount
from gateways.protocol import Capability, Gateway
from gateways.registry import account_problems, gateway_class

VERBS: dict[Capability, str] = {
    Capability.OPEN: "open",
    Capability.CHARGE_STORED_CARD: "charge",
    Capability.CHARGE_PAYMENT_TOKEN: "charge",
    Capability.CHARGE_ENCRYPTED_CARD: "charge",
    Capability.CHARGE_RAW_CARD: "charge",
    Capability.CHARGE_EXTERNAL: "charge",
    Capability.COMPLETE: "complete",
    Capability.AUTHORIZE: "open",
    Capability.CAPTURE: "capture",
    Capability.PARTIAL_CAPTURE: "capture",
    Capability.VOID: "void",
    Capability.REFUND: "refund",
    Capability.PARTIAL_REFUND: "refund",
    Capability.FETCH: "fetch",
    Capability.CLOSE: "close",
    Capability.WEBHOOKS: "verify_webhook",
    Capability.STORE_CARD: "open",
}
_ATTRIBUTES = (
    "capabilities",
    "partner_talk",
    "exponents",
    "has_wire",
    "webhooks_are_hints",
    "idempotency_window_seconds",
    "longest_opening_seconds",
    "slowest_refund_days",
    "secret_fields",
    "decline_classes",
    "settlement_columns",
    "missing_credentials",
    "client_settings",
    "checkout_page",
    "greet_webhook",
    "read_webhook",
    "revoke_card",
    "reports_since",
    "fetch_report",
    *dict.fromkeys(VERBS.values()),
)


@checks.register(checks.Tags.security)
def check_gateways(**_: Any) -> list[checks.CheckMessage]:
    """Check that every gateway of the settings can be imported, keeps the protocol and has a name of its own."""
    found: list[checks.CheckMessage] = []
    slugs_by_name: dict[str, list[str]] = defaultdict(list)
    for slug in settings.GATEWAYS:
        try:
            gateway = gateway_class(slug)
        except MisconfiguredAccount as problem:
            found.append(checks.Error(str(problem), id="gateways.E001"))
            continue
        problems = _protocol_problems(slug, gateway)
        if not problems:
            slugs_by_name[gateway.partner_talk.name].append(slug)
        found.extend(problems)
    found.extend(
        checks.Error(f"partners know {' and '.join(slugs)} by one name, {name!r}", id="gateways.E004")
        for name, slugs in slugs_by_name.items()
        if len(slugs) > 1
    )
    return found


@checks.register(checks.Tags.database)
def check_accounts(*, databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Check that every active account has a gateway and credentials, none of production's at a stand-in."""
    if not databases or "default" not in databases:
        return []
    try:
        accounts = list(GatewayAccount.objects.filter(is_active=True).order_by("slug"))
    except DatabaseError:
        # Before the first migration there are no accounts to check.
        return []
    kind = checks.Error if is_production() else checks.Warning
    found: list[checks.CheckMessage] = [
        kind(f"account {account.slug}: {problem}", id="gateways.E005" if kind is checks.Error else "gateways.W005")
        for account in accounts
        for problem in account_problems(account)
    ]
    return found + [
        checks.Error(
            f"account {account.slug} takes_raw_cards, and {account.gateway} charges no card by its number",
            id="gateways.E006",
        )
        for account in accounts
        if account.takes_raw_cards and not _charges_raw_cards(account)
    ]


def _charges_raw_cards(account: GatewayAccount) -> bool:
    """Say whether an account's gateway can do what it is set to; of one that is not there no more is said."""
    if account.gateway not in settings.GATEWAYS:
        return True
    return Capability.CHARGE_RAW_CARD in gateway_class(account.gateway).capabilities


def _protocol_problems(slug: str, gateway: type[Gateway]) -> list[checks.CheckMessage]:
    found: list[checks.CheckMessage] = []
    if getattr(gateway, "slug", None) != slug:
        found.append(
            checks.Error(f"gateway {slug!r} calls itself {getattr(gateway, 'slug', None)!r}", id="gateways.E002")
        )
    if missing := [name for name in _ATTRIBUTES if not hasattr(gateway, name)]:
        found.append(checks.Error(f"gateway {slug!r} lacks {', '.join(missing)}", id="gateways.E003"))
    return found
