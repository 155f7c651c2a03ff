"""Exports are written here, by whoever has one to itself; sealed; and written again to be compared."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import structlog
from django.db import Error
from django.utils import timezone

from gateways.models import GatewayAccount
from reconciliation.errors import ExportIsBusy
from reconciliation.exporting.blocks import blocks
from reconciliation.exporting.reading import Totals, rows_of, snapshot
from reconciliation.exporting.registry import report_of
from reconciliation.exporting.report import Report
from reconciliation.exporting.workbook import Output, write_workbook
from reconciliation.models import ExportFormat, ExportRun, ExportState
from reconciliation.services.export_files import (
    UNFINISHED,
    directory,
    path_for,
    put_in_place,
    remove_files,
    remove_unfinished,
    unfinished_path_for,
    write_seal,
)
from reconciliation.services.locking import alone_with_export

log = structlog.get_logger(__name__)

# Told: how many rows are written. How many there will be is known when the last one is.
Progress = Callable[[int], None]
# So many workers may die over one export; then it is not their fault.
MOST_TRIES = 3
_TOLD_EVERY_ROWS = 50_000
# All that the bytes of a file depend on.
_MAKES_THE_BYTES = ("report", "filters", "is_live", "format", "zone", "as_of")


def write_export(
    *,
    run: ExportRun,
    clock: Callable[[], datetime] = timezone.now,
    progress: Progress | None = None,
    waits: bool = False,
) -> ExportRun:
    """Write the file of an export, from the beginning, and seal it; one that is done, or given up, is left as it is.

    A process that dies over it leaves it RUNNING, and the next to come begins it anew, a few times.

    :raises ExportIsBusy: another process writes it, and this one does not wait.
    """
    with alone_with_export(run, waits=waits):
        run.refresh_from_db()
        if run.state in (ExportState.DONE, ExportState.FAILED):
            return run
        if run.tries >= MOST_TRIES:
            run.state, run.finished_at = ExportState.FAILED, clock()
            run.problem = run.problem or f"{run.tries} workers died over it"
            run.save(update_fields=["state", "finished_at", "problem"])
            remove_files(path_for(run))
            remove_unfinished(run)
            log.error("export_failed", run=str(run.pk), report=run.report, problem=run.problem)
            return run
        run.state, run.started_at, run.tries = ExportState.RUNNING, clock(), run.tries + 1
        run.rows_written = 0
        run.save(update_fields=["state", "started_at", "tries", "rows_written"])
        path, unfinished = path_for(run), unfinished_path_for(run)
        try:
            _write(run, unfinished, progress)
            write_seal(run, unfinished)
            put_in_place(unfinished, path)
            remove_unfinished(run)
        except Exception as problem:
            ExportRun.objects.filter(pk=run.pk).update(problem=f"{type(problem).__name__}: {problem}"[:500])
            raise
        finally:
            remove_files(unfinished)
        run.state, run.finished_at, run.stored_path, run.problem = ExportState.DONE, clock(), str(path), ""
        run.save()
    log.info("report_exported", run=str(run.pk), report=run.report, rows=run.rows_written, bytes=run.byte_count)
    return run


def write_exports(*, clock: Callable[[], datetime]) -> int:
    """Write every export that waits, and those that a process died over; return how many are done.

    :raises ExceptionGroup: some have a fault of ours, after all the others had their turn.
    """
    # A worker has it in memory already; a command that writes one export does without.
    from celery.exceptions import SoftTimeLimitExceeded

    done, failures = 0, []
    for run in ExportRun.objects.filter(state__in=[ExportState.ASKED, ExportState.RUNNING]).order_by("asked_at", "pk"):
        try:
            write_export(run=run, clock=clock)
        except ExportIsBusy:
            continue
        except (OSError, Error, psycopg.Error):
            log.warning("export_not_written", run=str(run.pk), report=run.report, tries=run.tries, exc_info=True)
            continue
        except SoftTimeLimitExceeded:
            raise
        except Exception as failure:
            # Whatever it is, the others are written; it is raised below.
            log.error("export_not_written", run=str(run.pk), report=run.report, tries=run.tries, exc_info=True)
            failure.add_note(f"while writing {run.pk}")
            failures.append(failure)
            continue
        done += run.state == ExportState.DONE
    if failures:
        raise ExceptionGroup("some exports were not written", failures)
    return done


def is_reproduced(run: ExportRun) -> bool:
    """Write an export again, beside what is there, and say whether every byte is as it was sealed."""
    again = ExportRun(**{name: getattr(run, name) for name in _MAKES_THE_BYTES})
    with NamedTemporaryFile(dir=directory(), suffix=UNFINISHED) as file:
        _stream(again, file)
    return (again.sha256, again.rows_written, again.totals) == (run.sha256, run.rows_written, run.totals)


def run_of_file(path: Path) -> ExportRun | None:
    """Return the export whose file this is, byte for byte; None where there is none."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ExportRun.objects.filter(sha256=digest, state=ExportState.DONE).order_by("finished_at").first()


def midnight(day: str | None, zone: str) -> datetime | None:
    """Return when a day begins in a time zone."""
    return datetime.combine(date.fromisoformat(day), time(), ZoneInfo(zone)) if day else None


class _Sealing:
    """Be a file that is hashed and counted as it is written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes, /) -> int:
        self._file.write(data)
        self.digest.update(data)
        self.size += len(data)
        return len(data)


def _write(run: ExportRun, path: Path, progress: Progress | None) -> None:
    """Write an export to a file that nobody reads yet, and tell on the way how far it is."""
    told = 0

    def tell(written: int) -> None:
        nonlocal told
        if progress is not None:
            progress(written)
        if written - told >= _TOLD_EVERY_ROWS:
            told = written
            ExportRun.objects.filter(pk=run.pk).update(rows_written=written)

    with path.open("wb") as file:
        _stream(run, file, tell)


def _stream(run: ExportRun, file: IO[bytes], progress: Progress | None = None) -> None:
    report, form, params = report_of(run.report), ExportFormat(run.format), params_of(run)
    totals, sealing = Totals(report), _Sealing(file)
    with snapshot(run.zone) as cursor:
        rows = rows_of(cursor, report, form, run.zone, params, totals)
        if form is ExportFormat.XLSX:
            counts = write_workbook(
                sealing, report=report, zone=run.zone, facts=lambda: _facts(run, report, totals), rows=rows
            )
        else:
            counts = _plain(sealing, rows, is_headed=form is ExportFormat.CSV)
        for count in counts:
            run.rows_written += count
            if progress is not None:
                progress(run.rows_written)
    run.totals, run.sha256, run.byte_count = totals.sums, sealing.digest.hexdigest(), sealing.size
    assert run.rows_written == totals.rows, "what is added up is what is written"


def _plain(output: Output, rows: Iterator[bytes], *, is_headed: bool) -> Iterator[int]:
    """Write rows as they come; yield how many there are in each block, without the line of headings."""
    if is_headed:
        output.write(next(rows))
    for count, block in blocks(rows):
        output.write(block)
        yield count


def _facts(run: ExportRun, report: Report, totals: Totals) -> list[tuple[str, str | int]]:
    """Return what the first sheet of a workbook says: all that its rows depend on, and what they come to."""
    zone = ZoneInfo(run.zone)
    return [
        ("Report", report.title),
        ("Live or test", "live" if run.is_live else "test"),
        *((f"Filter: {name}", str(value)) for name, value in sorted(run.filters.items())),
        ("Time zone", run.zone),
        ("As of", run.as_of.astimezone(zone).isoformat()),
        ("Rows", totals.rows),
        *(
            (f"Total: {column} {currency}", minor)
            for column, sums in totals.sums.items()
            for currency, minor in sums.items()
        ),
    ]


def params_of(run: ExportRun) -> dict[str, Any]:
    """Return what the statement of an export's report asks for."""
    filters = run.filters
    account = filters.get("account")
    return {
        "since": midnight(filters.get("from"), run.zone),
        "until": midnight(filters.get("to"), run.zone),
        "as_of": run.as_of,
        "zone": run.zone,
        "is_live": run.is_live,
        "account": GatewayAccount.objects.values_list("pk", flat=True).get(slug=account) if account else None,
        "currency": filters.get("currency"),
        "partner": UUID(filters["partner"]) if "partner" in filters else None,
        "kinds": list(report_of(run.report).kinds),
    }
