"""Files that come by the back office: kept on disk until a worker has taken them in, and no longer."""

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import psycopg
import structlog
from django.conf import settings
from django.db import Error

from reconciliation.errors import BadLines, SourceIsBusy, UnreadableFile
from reconciliation.models import ReportState, SettlementReport, SettlementSource
from reconciliation.services.importing import import_file, receive_file

log = structlog.get_logger(__name__)

# Nothing takes that long to come.
_ABANDONED_AFTER_SECONDS = 24 * 3600


def take_upload(
    *,
    source: SettlementSource,
    file_name: str,
    chunks: Iterable[bytes],
    skips_bad_lines: bool,
    uploaded_by: str,
    now: datetime,
) -> SettlementReport:
    """Keep an uploaded file for a worker and return its report; one that was matched before is not kept again.

    :raises UnreadableFile: it is too large, or was given for another source.
    """
    directory: Path = settings.RECONCILIATION["UPLOAD_DIRECTORY"]
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"{uuid4().hex}.csv"
    is_wanted = False
    try:
        with path.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
        report = receive_file(
            source=source,
            path=path,
            file_name=file_name,
            skips_bad_lines=skips_bad_lines,
            received_by=uploaded_by,
            now=now,
            is_stored=True,
        )
        is_wanted = report.stored_path == str(path)
    finally:
        if not is_wanted:
            path.unlink(missing_ok=True)
    return report


def remove_abandoned(*, now: datetime) -> int:
    """Remove what a killed process left half written; return how many files that were."""
    directory: Path = settings.RECONCILIATION["UPLOAD_DIRECTORY"]
    wanted = set(SettlementReport.objects.exclude(stored_path="").values_list("stored_path", flat=True))
    removed = 0
    for path in directory.glob("*.csv"):
        age = now.timestamp() - path.stat().st_mtime
        if age > _ABANDONED_AFTER_SECONDS and str(path) not in wanted:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def import_uploads(*, clock: Callable[[], datetime]) -> int:
    """Import what was uploaded and waits; return how many files were taken in. A refused one's report says why."""
    taken = 0
    waiting = SettlementReport.objects.filter(state__in=[ReportState.RECEIVED, ReportState.LOADED])
    for report in waiting.exclude(stored_path="").select_related("source__account").order_by("received_at"):
        path = Path(report.stored_path)
        try:
            import_file(report=report, path=path, clock=clock, waits=False)
        except SourceIsBusy:
            continue
        except (UnreadableFile, BadLines) as refusal:
            log.warning("settlement_refused", report=str(report.pk), source=report.source.slug, reason=str(refusal))
        except (OSError, Error, psycopg.Error):
            # It stays where it is and is tried again; those behind it need not wait for that.
            log.error("settlement_not_imported", report=str(report.pk), source=report.source.slug, exc_info=True)
            continue
        else:
            taken += 1
        path.unlink(missing_ok=True)
        SettlementReport.objects.filter(pk=report.pk).update(stored_path="")
    return taken
