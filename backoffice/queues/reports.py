"""The queue of settlement reports that a gateway has and that we could not fetch."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import F, QuerySet

from backoffice.queues.actions import button
from backoffice.queues.queue import Fact, Paths, Queue, Row, Source
from gateways.models import AnnouncedReport, Environment
from payments.admin.columns import page_of, when_text

# A report that is still being made is nobody's work.
_TRIES_WITHOUT_ALARM = 3


def _waiting(_now: datetime) -> QuerySet[AnnouncedReport]:
    waiting = AnnouncedReport.objects.filter(fetched_at__isnull=True, is_wanted=True, tries__gte=_TRIES_WITHOUT_ALARM)
    return waiting.select_related("account")


def _show(reports: Sequence[AnnouncedReport], _now: datetime) -> list[Row]:
    return [
        Row(
            name=report.name,
            url=page_of(report),
            detail=report.problem,
            since=report.announced_at,
            is_live=report.account.environment == Environment.LIVE,
            account=report.account.slug,
            facts=(
                Fact(name="Tried", value=f"{report.tries} times"),
                Fact(name="Tried again", value=when_text(report.next_attempt_at)),
            ),
            buttons=(button("fetch-report", report),),
        )
        for report in reports
    ]


UNFETCHED_REPORTS = Queue(
    slug="unfetched-reports",
    name="Unfetched reports",
    sentence="A gateway says that a settlement report is ready, and we could not fetch it: see why, or download it and "
    "upload it as a settlement file.",
    permission="gateways.view_announcedreport",
    sources=(
        Source(
            rows=_waiting,
            urgency=F("announced_at"),
            since="announced_at",
            paths=Paths(account="account"),
            show=_show,
        ),
    ),
)
