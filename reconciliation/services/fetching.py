"""Fetch what gateways have ready: claim the row, have the file piece by piece, hand it to who imports uploads.

Killed anywhere, it begins anew: a file that came twice is one file, for it is known by its bytes.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db.models import F

from gateways.errors import GatewayError, NotReady, Unsupported
from gateways.http import LONGEST_DOWNLOAD_SECONDS
from gateways.models import AnnouncedReport, GatewayAccount
from gateways.protocol import ReportRequest
from gateways.registry import gateway_for
from payments.models.claims import unclaimed
from reconciliation.errors import UnreadableFile
from reconciliation.services.importing import source_for
from reconciliation.services.uploading import take_upload

log = structlog.get_logger(__name__)

# Who a fetched file is from.
FETCHED_BY = "the gateway"
_LEASE = timedelta(seconds=LONGEST_DOWNLOAD_SECONDS + 60)


def look_for_reports(*, now: datetime) -> int:
    """Note the reports that gateways list and did not announce, or whose announcement was lost; return how many."""
    since = now - timedelta(days=settings.RECONCILIATION["REPORTS_OF_DAYS"])
    found = 0
    for account in GatewayAccount.objects.filter(is_active=True).order_by("pk"):
        try:
            names = gateway_for(account).reports_since(since)
        except GatewayError as problem:
            log.warning("reports_not_listed", account=account.slug, problem=str(problem))
            continue
        for name in names:
            _, is_new = AnnouncedReport.objects.get_or_create(
                account=account, name=name, defaults={"announced_at": now, "next_attempt_at": now}
            )
            found += is_new
    return found


def fetch_reports(*, clock: Callable[[], datetime]) -> int:
    """Fetch every report whose time has come; return how many files came."""
    due = AnnouncedReport.objects.filter(fetched_at__isnull=True, is_wanted=True, next_attempt_at__lte=clock())
    waiting = due.filter(unclaimed(clock())).order_by("next_attempt_at").values_list("pk", flat=True)
    return sum(fetch_report(report_id=report_id, clock=clock) for report_id in list(waiting))


def fetch_report(*, report_id: int, clock: Callable[[], datetime]) -> bool:
    """Fetch one report for its account's source, and say whether it came; what went wrong is kept with it."""
    report = _claim(report_id, clock())
    if report is None:
        return False
    changes: dict[str, Any] = {"problem": "", "next_attempt_at": None}
    try:
        file = gateway_for(report.account).fetch_report(
            ReportRequest(
                name=report.name,
                idempotency_key=f"report-{report.account.slug}-{report.name}-{report.announced_at:%Y%m%d%H%M%S}",
                most_bytes=settings.RECONCILIATION["MOST_BYTES"],
            )
        )
        with file as pieces:
            taken = take_upload(
                source=source_for(report.account.slug, now=clock()),
                file_name=report.name,
                chunks=pieces,
                skips_bad_lines=False,
                uploaded_by=FETCHED_BY,
                now=clock(),
            )
    except Unsupported as problem:
        changes |= {"problem": str(problem)[:300], "is_wanted": False}
    except (GatewayError, UnreadableFile, OSError) as problem:
        level = logging.INFO if isinstance(problem, NotReady) else logging.WARNING
        log.log(level, "report_not_fetched", account=report.account.slug, report=report.name)
        changes |= {"problem": str(problem)[:300], "next_attempt_at": clock() + _wait(report.tries)}
    else:
        changes |= {"fetched_at": clock(), "sha256": taken.sha256}
        log.info("report_fetched", account=report.account.slug, report=report.name, bytes=taken.byte_count)
    AnnouncedReport.objects.filter(pk=report.pk, claim_number=report.claim_number).update(claimed_until=None, **changes)
    return "fetched_at" in changes


def fetch_again(*, report_id: int, now: datetime) -> bool:
    """Have a report fetched within seconds, whether it was before or not; False where that is under way."""
    waiting = AnnouncedReport.objects.filter(unclaimed(now), pk=report_id)
    return bool(waiting.update(fetched_at=None, is_wanted=True, problem="", tries=0, next_attempt_at=now))


def _claim(report_id: int, now: datetime) -> AnnouncedReport | None:
    row = AnnouncedReport.objects.filter(unclaimed(now), pk=report_id, fetched_at__isnull=True, is_wanted=True)
    # A large file takes longer than any other thing that is claimed.
    if not row.update(claim_number=F("claim_number") + 1, claimed_until=now + _LEASE, tries=F("tries") + 1):
        return None
    return AnnouncedReport.objects.select_related("account").get(pk=report_id)


def _wait(tries: int) -> timedelta:
    schedule: list[int] = settings.RECONCILIATION["FETCH_RETRY_SECONDS"]
    return timedelta(seconds=schedule[min(tries, len(schedule)) - 1])
