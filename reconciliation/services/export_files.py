"""The files of exports: how they are called, where they lie, and when they go."""

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

from money import Money
from reconciliation.errors import FileIsGone
from reconciliation.models import ExportRun, ExportState

_SEAL = ".seal.json"
# What a process that was killed leaves behind ends in this, and goes in its time.
UNFINISHED = ".part"


def directory() -> Path:
    """Return where exports lie, made if it is not there."""
    path: Path = settings.RECONCILIATION["EXPORT_DIRECTORY"]
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def path_for(run: ExportRun) -> Path:
    """Return where the file of an export is to lie."""
    return directory() / f"{run.pk.hex}.{run.format}"


def unfinished_path_for(run: ExportRun) -> Path:
    """Return where the file of an export is written until it is done.

    Each try has its own: who lost the database, and so the right to write, may not know yet that another has begun.
    """
    return _beside(path_for(run), f".{run.tries}{UNFINISHED}")


def file_of(run: ExportRun) -> Path:
    """Return the file of an export.

    :raises FileIsGone: it is not written yet, was deleted after its time, or lost its end in a crash of the machine.
    """
    if run.state != ExportState.DONE:
        raise FileIsGone(f"{run} is not written yet")
    path = Path(run.stored_path)
    if not run.stored_path or not path.is_file():
        raise FileIsGone(f"the file of {run} was deleted; ask for it again as of {run.as_of.isoformat()}")
    if path.stat().st_size != run.byte_count:
        raise FileIsGone(f"the file of {run} is not whole; ask for it again as of {run.as_of.isoformat()}")
    return path


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


def totals_of(run: ExportRun) -> list[str]:
    """Return what an export came to in words, a line for each column of amounts."""
    return [
        f"{column}: {', '.join(str(Money(minor, code)) for code, minor in sums.items())}"
        for column, sums in run.totals.items()
    ]


def write_seal(run: ExportRun, path: Path) -> None:
    """Put what an export came to beside its file."""
    _beside(path, _SEAL).write_text(seal_of(run), encoding="utf-8")


def put_in_place(unfinished: Path, path: Path) -> None:
    """Give a file that is written, with its seal beside it, its name; what lay there is replaced in one step."""
    _beside(unfinished, _SEAL).replace(_beside(path, _SEAL))
    unfinished.replace(path)


def copy_export(run: ExportRun, target: Path) -> None:
    """Copy the file of an export, with its seal; nothing of that name is there before all of it is.

    :raises FileIsGone: it is not written yet, or was deleted after its time.
    """
    unfinished = _beside(target, UNFINISHED)
    try:
        shutil.copyfile(file_of(run), unfinished)
        write_seal(run, unfinished)
        put_in_place(unfinished, target)
    finally:
        remove_files(unfinished)


def remove_files(path: Path) -> None:
    """Delete a file of an export, and its seal, where they are."""
    path.unlink(missing_ok=True)
    _beside(path, _SEAL).unlink(missing_ok=True)


def remove_unfinished(run: ExportRun) -> None:
    """Delete what tries left of an export whose processes were killed."""
    for left in directory().glob(f"{run.pk.hex}.*{UNFINISHED}*"):
        left.unlink(missing_ok=True)


def prune_exports(*, now: datetime) -> int:
    """Delete files that were kept for as long as they are; what they came to stays, and lets them be written again."""
    before = now - timedelta(days=settings.RECONCILIATION["KEEP_EXPORTS_DAYS"])
    pruned = 0
    for run in ExportRun.objects.filter(finished_at__lt=before).exclude(stored_path="").iterator():
        remove_files(Path(run.stored_path))
        ExportRun.objects.filter(pk=run.pk).update(stored_path="")
        pruned += 1
    for left in directory().glob(f"*{UNFINISHED}*"):
        if left.stat().st_mtime < before.timestamp():
            left.unlink(missing_ok=True)
    return pruned


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}{ending}")
