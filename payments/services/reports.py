"""What gateways say of their settlement reports: noted where their news come in, fetched by reconciliation."""

from gateways.models import AnnouncedReport, GatewayAccount
from gateways.protocol import Outcome


def note_report(*, account: GatewayAccount, outcome: Outcome) -> None:
    """Note that a report can be fetched, once; one that was made anew since is to be fetched again."""
    name, told_at = outcome.reference.gateway, outcome.occurred_at
    if not name or len(name) > 120:
        return
    report, is_new = AnnouncedReport.objects.get_or_create(
        account=account, name=name, defaults={"announced_at": told_at, "next_attempt_at": told_at}
    )
    if not is_new:
        AnnouncedReport.objects.filter(pk=report.pk, announced_at__lt=told_at).update(
            announced_at=told_at, fetched_at=None, tries=0, next_attempt_at=told_at, problem=""
        )
