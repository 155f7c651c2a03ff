"""Take files in: receive one, load its lines, match them. Every step is kept, and a file that is given again goes on
from the last; one that is done changes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from django.conf import settings
from django.db import DataError, transaction
from django.utils import timezone
from psycopg.errors import NumericValueOutOfRange

from gateways.models import GatewayAccount
from reconciliation.errors import UnknownSource, UnreadableFile
from reconciliation.importing.loading import load
from reconciliation.importing.reading import Progress, digest_of
from reconciliation.models import ReportState, SettlementReport, SettlementSource
from reconciliation.services.locking import alone_with
from reconciliation.services.matching import match_report, match_what_is_loaded

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """Say what became of a file; `is_new` is False where it had been taken in before."""

    report: SettlementReport
    is_new: bool


def source_for(slug: str, *, now: datetime) -> SettlementSource:
    """Return the source of a name; a gateway account that has none yet gets one, in UTC.

    :raises UnknownSource: neither a source nor an account goes by it.
    """
    source = SettlementSource.objects.select_related("account").filter(slug=slug).first()
    if source is not None:
        return source
    account = GatewayAccount.objects.filter(slug=slug).first()
    if account is None:
        raise UnknownSource(f"there is neither a source nor a gateway account {slug!r}")
    source, _ = SettlementSource.objects.get_or_create(
        account=account, defaults={"slug": slug, "reconciled_from": min(account.created_at, now).date()}
    )
    return source


def receive_file(
    *,
    source: SettlementSource,
    path: Path,
    file_name: str,
    skips_bad_lines: bool,
    received_by: str,
    now: datetime,
    is_stored: bool = False,
) -> SettlementReport:
    """Note a file by its bytes and return its report: a new one, or the one it has already.

    `is_stored` says that `path` is a copy of ours, which a worker is to import and which then goes.

    :raises UnreadableFile: it is too large, or was imported for another source.
    """
    size = path.stat().st_size
    if size > settings.RECONCILIATION["MOST_BYTES"]:
        raise UnreadableFile(f"the file has {size:,} bytes, and {settings.RECONCILIATION['MOST_BYTES']:,} are the most")
    digest = digest_of(path)
    with transaction.atomic():
        report, _ = SettlementReport.objects.select_for_update(of=("self",)).get_or_create(
            sha256=digest,
            defaults={
                "source": source,
                "file_name": file_name[:255],
                "byte_count": size,
                "skips_bad_lines": skips_bad_lines,
                "received_by": received_by,
                "received_at": now,
            },
        )
        if report.source_id != source.pk:
            if report.state != ReportState.REJECTED:
                raise UnreadableFile(f"the very same file was given for {report.source.slug}")
            # It left nothing there, perhaps because it is not that source's.
            report.source, report.file_name = source, file_name[:255]
        if report.state == ReportState.REJECTED:
            report.state, report.problem = ReportState.RECEIVED, ""
        if report.state == ReportState.RECEIVED:
            report.skips_bad_lines = skips_bad_lines
        if is_stored and report.state != ReportState.MATCHED:
            report.stored_path = str(path)
        report.save(update_fields=["source", "file_name", "state", "problem", "skips_bad_lines", "stored_path"])
    return report


def import_file(
    *,
    report: SettlementReport,
    path: Path,
    clock: Callable[[], datetime] = timezone.now,
    progress: Progress | None = None,
    waits: bool = True,
) -> Imported:
    """Load and match a file that was received, from wherever an earlier try ended.

    :raises UnreadableFile: see `load`.
    :raises BadLines: see `load`.
    :raises SourceIsBusy: another process has the source's files, and this one does not wait.
    """
    with alone_with(report.source, waits=waits):
        report.refresh_from_db()
        if report.state == ReportState.MATCHED:
            return Imported(report=report, is_new=False)
        if report.state != ReportState.LOADED:
            match_what_is_loaded(source=report.source, clock=clock)
            _load(report, path, clock, progress)
        match_report(report=report, now=clock())
    log.info(
        "settlement_imported",
        report=str(report.pk),
        source=report.source.slug,
        lines=report.line_count,
        known=report.known_count,
        superseded=report.superseded_count,
        bad=report.bad_count,
    )
    return Imported(report=report, is_new=True)


def _load(report: SettlementReport, path: Path, clock: Callable[[], datetime], progress: Progress | None) -> None:
    try:
        load(report=report, path=path, clock=clock, progress=progress)
    except DataError as error:
        if not isinstance(error.__cause__, NumericValueOutOfRange):
            raise
        # Each of them can be read, and a sum of them cannot be kept.
        report.state, report.problem = ReportState.REJECTED, "its amounts come to more than these books can hold"
        report.save(update_fields=["state", "problem"])
        raise UnreadableFile(report.problem) from None
