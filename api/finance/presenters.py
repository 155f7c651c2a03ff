"""Show reports and exports."""

from datetime import UTC, datetime
from typing import Any

from reconciliation.exporting.report import Report
from reconciliation.models import ExportRun, ExportState
from reconciliation.services.export_files import file_name_of


def report_fields(report: Report) -> dict[str, Any]:
    """Return what a report tells, and what it can be narrowed by."""
    return {
        "report": report.slug,
        "title": report.title,
        "filters": [*(("from", "to") if report.period else ()), *sorted(str(name) for name in report.filters)],
        "period": report.period or None,
        "columns": [{"name": column.name, "kind": column.kind.name} for column in report.columns],
    }


def export_fields(run: ExportRun) -> dict[str, Any]:
    """Return how far an export is; once it is done, its seal."""
    is_done = run.state == ExportState.DONE
    return {
        "id": str(run.pk),
        "report": run.report,
        "filters": run.filters,
        "mode": "live" if run.is_live else "test",
        "format": run.format,
        "time_zone": run.zone,
        "as_of": _time(run.as_of),
        "state": run.state,
        "problem": run.problem or None,
        "rows": run.rows_written,
        "rows_expected": run.rows_expected,
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
