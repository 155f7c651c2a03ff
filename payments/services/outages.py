"""Rest an account that cannot be reached: new payments go elsewhere for a while, those that began there stay there."""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db.models import Case, F, IntegerField, Q, When

from gateways.models import GatewayAccount

log = structlog.get_logger(__name__)


def note_not_sent(*, account: GatewayAccount, now: datetime) -> None:
    """Note that nothing reached an account's gateway; OUTAGE_CALLS times within OUTAGE_WINDOW_SECONDS rest it for
    OUTAGE_REST_SECONDS.
    """
    rules = settings.PAYMENTS
    is_recent = Q(unreachable_since_at__gt=now - timedelta(seconds=rules["OUTAGE_WINDOW_SECONDS"]))
    GatewayAccount.objects.filter(pk=account.pk).update(
        unreachable_calls=Case(
            When(is_recent, then=F("unreachable_calls") + 1), default=1, output_field=IntegerField()
        ),
        unreachable_since_at=Case(When(is_recent, then=F("unreachable_since_at")), default=now),
    )
    rested = GatewayAccount.objects.filter(
        is_recent, pk=account.pk, unreachable_calls__gte=rules["OUTAGE_CALLS"]
    ).update(
        rests_until=now + timedelta(seconds=rules["OUTAGE_REST_SECONDS"]),
        unreachable_calls=0,
        unreachable_since_at=None,
    )
    if rested:
        log.error("account_rests", account=account.slug, seconds=rules["OUTAGE_REST_SECONDS"])


def is_resting(account: GatewayAccount, now: datetime) -> bool:
    """Say whether new payments should be sent elsewhere, where there is an elsewhere."""
    return account.rests_until is not None and account.rests_until > now
