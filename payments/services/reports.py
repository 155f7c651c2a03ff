"""What gateways say of their settlement reports: noted where their news come in, fetched by reconciliation."""

import structlog
from django.db.models import F

from gateways.models import AnnouncedReport, GatewayAccount
from gateways.protocol import Outcome

log = structlog.get_logger(__name__)

_LONGEST_NAME = 120


def note_announced_report(*, account: GatewayAccount, outcome: Outcome) -> None:
    """Note that a report can be fetched, once; one that was made anew since is to be fetched again.

    Who is fetching it at this moment has the old one, and loses the claim.
    """
    name, told_at = outcome.reference.gateway, outcome.occurred_at
    if not name or len(name) > _LONGEST_NAME:
        log.warning("report_not_noted", account=account.slug, event_key=outcome.event_key)
        return
    report, is_new = AnnouncedReport.objects.get_or_create(
        account=account, name=name, defaults={"announced_at": told_at, "next_attempt_at": told_at}
    )
    if not is_new:
        AnnouncedReport.objects.filter(pk=report.pk, announced_at__lt=told_at).update(
            announced_at=told_at,
            fetched_at=None,
            is_wanted=True,
            problem="",
            tries=0,
            next_attempt_at=told_at,
            claim_number=F("claim_number") + 1,
            claimed_until=None,
        )
