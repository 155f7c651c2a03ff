"""Exports: asked for as a row, written by whoever has it to itself, sealed, and written again to be compared."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, time
from pathlib import Path
from typing import IO, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.db import connection
from django.utils import timezone

from bookings.models import Partner
from gateways.models import GatewayAccount
from money import EXPONENTS
from reconciliation.errors import ExportIsBusy, UnusableFilter
from reconciliation.exporting.blocks import blocks
from reconciliation.exporting.reading import rows_of, snapshot, totals_of, watermark
from reconciliation.exporting.registry import report_of
from reconciliation.exporting.report import Filter, Report
from reconciliation.exporting.selecting import copy_statement
from reconciliation.exporting.workbook import Output, write_workbook
from reconciliation.models import ExportFormat, ExportRun, ExportState

log = structlog.get_logger(__name__)

Progress = Callable[[int, int], None]
# The first half of our advisory locks' keys; the second is the run.
_NAMESPACE = 0xE4907
# So many workers may die over one export; then it is not their fault.
MOST_TRIES = 3
_PARAMS = ("account", "currency", "partner")


def ask_for_export(
    *,
    slug: str,
    form: ExportFormat,
    filters: Mapping[str, str],
    is_live: bool,
    asked_by: str,
    now: datetime,
    as_of: datetime | None = None,
) -> ExportRun:
    """Note that somebody wants a report, and return the run; a worker, or `write_export`, writes it.

    `filters` are those of the report, and `from` and `to`: days of the operator's time zone, the second not included.

    :raises UnknownReport: there is none of that name.
    :raises UnusableFilter: the report has no such filter, or nothing goes by its value; nothing was noted.
    """
    report = report_of(slug)
    complete = watermark(now=now, margin_seconds=settings.RECONCILIATION["WATERMARK_MARGIN_SECONDS"])
    if as_of is not None and as_of > complete:
        raise UnusableFilter(f"the books are complete up to {complete.isoformat()}, and not up to {as_of.isoformat()}")
    return ExportRun.objects.create(
        report=report.slug,
        filters=_checked(report, filters),
        is_live=is_live,
        format=form,
        zone=settings.OPERATOR_TIME_ZONE,
        as_of=as_of or complete,
        asked_by=asked_by,
        asked_at=now,
    )


def write_export(
    *, run: ExportRun, clock: Callable[[], datetime] = timezone.now, progress: Progress | None = None
) -> ExportRun:
    """Write the file of an export, from the beginning, and seal it; one that is done is left as it is.

    :raises ExportIsBusy: another process writes it.
    """
    with _alone_with(run):
        run.refresh_from_db()
        if run.state in (ExportState.DONE, ExportState.FAILED):
            return run
        run.state, run.started_at, run.tries = ExportState.RUNNING, clock(), run.tries + 1
        run.save(update_fields=["state", "started_at", "tries"])
        directory: Path = settings.RECONCILIATION["EXPORT_DIRECTORY"]
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = directory / f"{run.pk.hex}.{run.format}"
        unfinished = path.with_suffix(f"{path.suffix}.part")
        try:
            _write(run, unfinished, progress)
            unfinished.rename(path)
        finally:
            unfinished.unlink(missing_ok=True)
        run.state, run.finished_at, run.stored_path = ExportState.DONE, clock(), str(path)
        path.with_name(f"{path.name}.seal.json").write_text(seal_of(run), encoding="utf-8")
        run.save()
    log.info("report_exported", run=str(run.pk), report=run.report, rows=run.rows_written, bytes=run.byte_count)
    return run


def file_name_of(run: ExportRun) -> str:
    """Return how a download is called: report, period, time zone and mode."""
    period = [run.filters[name] for name in ("from", "to") if name in run.filters]
    zone = run.zone.replace("/", "-")
    return "_".join([run.report, *period, zone, "live" if run.is_live else "test"]) + f".{run.format}"


def seal_of(run: ExportRun) -> str:
    """Return what an export is and what it came to, as JSON."""
    return json.dumps(
        {
            "report": run.report,
            "filters": run.filters,
            "is_live": run.is_live,
            "time_zone": run.zone,
            "as_of": run.as_of.isoformat(),
            "format": run.format,
            "rows": run.rows_written,
            "totals": run.totals,
            "bytes": run.byte_count,
            "sha256": run.sha256,
        },
        indent=2,
        sort_keys=True,
    )


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
    report, form, params = report_of(run.report), ExportFormat(run.format), _params(run)
    with snapshot(run.zone) as cursor, path.open("wb") as file:
        totals = totals_of(cursor, report, params)
        run.rows_expected, run.totals, run.rows_written = totals.rows, totals.sums, 0
        run.save(update_fields=["rows_expected"])
        sealing = _Sealing(file)
        rows = rows_of(cursor, copy_statement(report, form, run.zone), params)
        if form is ExportFormat.XLSX:
            counts = write_workbook(sealing, report=report, zone=run.zone, facts=_facts(run, report), rows=rows)
        else:
            counts = _plain(sealing, rows, is_headed=form is ExportFormat.CSV)
        for count in counts:
            run.rows_written += count
            if progress is not None:
                progress(run.rows_written, totals.rows)
        run.sha256, run.byte_count = sealing.digest.hexdigest(), sealing.size
    assert run.rows_written == run.rows_expected, "a snapshot has the same rows twice"


def _plain(output: Output, rows: Iterator[memoryview], *, is_headed: bool) -> Iterator[int]:
    """Write rows as they come; yield how many there are in each block, without the line of headings."""
    if is_headed:
        output.write(bytes(next(rows)))
    for count, block in blocks(rows):
        output.write(block)
        yield count


def _facts(run: ExportRun, report: Report) -> list[tuple[str, str | int]]:
    """Return what the first sheet of a workbook says: all that its rows depend on, and what they come to."""
    zone = ZoneInfo(run.zone)
    return [
        ("Report", report.title),
        ("Live or test", "live" if run.is_live else "test"),
        *((f"Filter: {name}", str(value)) for name, value in sorted(run.filters.items())),
        ("Time zone", run.zone),
        ("As of", run.as_of.astimezone(zone).isoformat()),
        ("Rows", run.rows_expected or 0),
        *(
            (f"Total: {column} {currency}", minor)
            for column, sums in run.totals.items()
            for currency, minor in sums.items()
        ),
    ]


def _params(run: ExportRun) -> dict[str, Any]:
    filters = run.filters
    account = filters.get("account")
    return {
        "since": _midnight(filters.get("from"), run.zone),
        "until": _midnight(filters.get("to"), run.zone),
        "as_of": run.as_of,
        "zone": run.zone,
        "is_live": run.is_live,
        "account": GatewayAccount.objects.values_list("pk", flat=True).get(slug=account) if account else None,
        "currency": filters.get("currency"),
        "partner": UUID(filters["partner"]) if "partner" in filters else None,
        "kinds": list(report_of(run.report).kinds),
    }


def _midnight(day: str | None, zone: str) -> datetime | None:
    return datetime.combine(date.fromisoformat(day), time(), ZoneInfo(zone)) if day else None


def _checked(report: Report, filters: Mapping[str, str]) -> dict[str, str]:
    checked = {name: value.strip() for name, value in sorted(filters.items()) if value.strip()}
    allowed = {*report.filters, *(("from", "to") if report.period else ())}
    if unknown := sorted(checked.keys() - allowed):
        raise UnusableFilter(f"{report.slug} cannot be narrowed by {', '.join(unknown)}")
    for name in ("from", "to"):
        if name in checked:
            try:
                checked[name] = date.fromisoformat(checked[name]).isoformat()
            except ValueError:
                raise UnusableFilter(f"{name} is a day such as 2026-03-01, and not {checked[name]!r}") from None
    if "from" in checked and "to" in checked and checked["from"] >= checked["to"]:
        raise UnusableFilter("from is a day before to, which is not included")
    if Filter.CURRENCY in checked and checked[Filter.CURRENCY] not in EXPONENTS:
        raise UnusableFilter(f"{checked[Filter.CURRENCY]!r} is no currency that we know")
    if Filter.ACCOUNT in checked and not GatewayAccount.objects.filter(slug=checked[Filter.ACCOUNT]).exists():
        raise UnusableFilter(f"there is no gateway account {checked[Filter.ACCOUNT]!r}")
    if Filter.PARTNER in checked:
        # Its name for addresses may be changed; its id stays.
        partner = Partner.objects.filter(slug=checked[Filter.PARTNER]).first()
        if partner is None:
            raise UnusableFilter(f"there is no partner {checked[Filter.PARTNER]!r}")
        checked[Filter.PARTNER] = str(partner.pk)
    return {str(name): value for name, value in checked.items()}


@contextmanager
def _alone_with(run: ExportRun) -> Iterator[None]:
    """Have an export to oneself; the lock is the connection's, so that it goes with a process that dies.

    :raises ExportIsBusy: somebody else has it.
    """
    key = int.from_bytes(run.pk.bytes[:4], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_NAMESPACE, key])
        if cursor.fetchone() != (True,):
            raise ExportIsBusy(f"{run} is being written")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_NAMESPACE, key])
