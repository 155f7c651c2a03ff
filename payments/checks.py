"""System checks of the core that read the database: `manage.py check --database default`."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, register

from gateways.deployment import is_production
from gateways.models import Environment


@register(Tags.database)
def live_routes_reach_live_processors(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001
    *,
    databases: Sequence[str] | None = None,
    **_: Any,
) -> list[CheckMessage]:
    """Refuse, in production, a route that would take a live guest's money on a test processor."""
    from payments.models import AccountRoute

    if not databases or not is_production():
        return []
    routes = AccountRoute.objects.filter(is_live=True, account__environment=Environment.TEST, account__is_active=True)
    return [
        Error(
            f"Live orders of {route.partner} are routed to {route.account.slug}, an account of the test environment.",
            id="payments.E001",
        )
        for route in routes.select_related("partner", "account")
    ]
