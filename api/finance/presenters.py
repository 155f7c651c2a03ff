"""Show reports and exports."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from bookings.models import Partner
from reconciliation.exporting.report import Filter, Report
from reconciliation.models import ExportRun, ExportState
from reconciliation.services.export_files import file_name_of


def report_fields(report: Report) -> dict[str, Any]:
    """Return what a report tells, and what it can be narrowed by."""
    return {
        "report": report.slug,
        "title": report.title,
        "filters": report.filter_names,
        "period": report.period or None,
        "columns": [{"name": column.name, "kind": column.kind.name} for column in report.columns],
    }


def export_fields(run: ExportRun) -> dict[str, Any]:
    """Return how far an export is; once it is done, its seal."""
    (fields,) = all_export_fields([run])
    return fields


def all_export_fields(runs: Iterable[ExportRun]) -> list[dict[str, Any]]:
    """Return how far exports are.

    A partner is told by the slug that it has now, as it is asked for; kept is its id, for a slug may be changed.
    """
    runs = list(runs)
    ids = {run.filters[Filter.PARTNER] for run in runs if Filter.PARTNER in run.filters}
    found = Partner.objects.filter(pk__in=ids).values_list("pk", "slug") if ids else ()
    slugs = {str(pk): slug for pk, slug in found}
    return [_export_fields(run, slugs) for run in runs]


def _export_fields(run: ExportRun, slugs: Mapping[str, str]) -> dict[str, Any]:
    is_done = run.state == ExportState.DONE
    return {
        "id": str(run.pk),
        "report": run.report,
        "filters": {name: slugs.get(value, value) for name, value in run.filters.items()},
        "mode": "live" if run.is_live else "test",
        "format": run.format,
        "time_zone": run.zone,
        "as_of": _time(run.as_of),
        "state": run.state,
        "problem": run.problem or None,
        "rows": run.rows_written,
        "asked_by": run.asked_by,
        "asked_at": _time(run.asked_at),
        "finished_at": _time(run.finished_at),
        "seal": {"totals": run.totals, "bytes": run.byte_count, "sha256": run.sha256} if is_done else None,
        "file": {"name": file_name_of(run), "href": f"/finance/exports/{run.pk}/file"}
        if is_done and run.stored_path
        else None,
    }


def _time(moment: datetime | None) -> str | None:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if moment is not None else None
