from argparse import ArgumentParser
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from reconciliation.errors import ReconciliationError
from reconciliation.exporting.registry import REPORTS
from reconciliation.models import ExportFormat, ExportState
from reconciliation.services.asking import ask_for_export
from reconciliation.services.export_files import copy_export, file_name_of, totals_of
from reconciliation.services.exporting import write_export


class Command(BaseCommand):
    """Write one report as a file, and its seal beside it."""

    help = "Export a report: CSV, XLSX or JSON Lines, sealed with count, totals, watermark and SHA-256."
    # As for `import_settlement`.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the report, what it is narrowed by, and where it goes."""
        parser.add_argument("report", choices=sorted(REPORTS))
        parser.add_argument("--from", dest="since", help="The first day, in the operator's time zone.")
        parser.add_argument("--to", dest="until", help="The day after the last.")
        parser.add_argument("--month", help="A month instead, such as 2026-03.")
        parser.add_argument("--account", help="The slug of a gateway account.")
        parser.add_argument("--currency")
        parser.add_argument("--partner", help="The slug of a partner.")
        parser.add_argument("--test", action="store_true", help="What was made with test keys, instead of live.")
        parser.add_argument("--as-of", type=_moment, help="Leave out what was recorded later.")
        parser.add_argument("--format", choices=ExportFormat.values, default=ExportFormat.CSV.value)
        parser.add_argument("--output", type=Path, help="A file, or a directory; without it, this one.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file; say what it came to."""
        output: Path = options["output"] or Path()
        if not output.is_dir() and not output.parent.is_dir():
            raise CommandError(f"there is no directory {output.parent}")
        if options["month"]:
            if options["since"] or options["until"]:
                raise CommandError("--month is a period of its own, without --from and --to")
            options["since"], options["until"] = _month(options["month"])
        asked = {name: options[name] for name in ("account", "currency", "partner")}
        asked |= {"from": options["since"], "to": options["until"]}
        try:
            run = ask_for_export(
                slug=options["report"],
                form=ExportFormat(options["format"]),
                filters={name: value for name, value in asked.items() if value},
                is_live=not options["test"],
                asked_by="command",
                now=timezone.now(),
                as_of=options["as_of"],
            )
            write_export(run=run, progress=self._show_progress, waits=True)
            if run.state == ExportState.FAILED:
                raise CommandError(f"it could not be written: {run.problem}")
            target = output / file_name_of(run) if output.is_dir() else output
            copy_export(run, target)
        except ReconciliationError as refusal:
            raise CommandError(str(refusal)) from None
        except OSError as problem:
            raise CommandError(f"the file could not be written: {problem}") from problem
        self.stdout.write(f"{target}: {run.rows_written} rows, {run.byte_count} bytes, as of {run.as_of.isoformat()}")
        for told in totals_of(run):
            self.stdout.write(told)
        self.stdout.write(f"sha256 {run.sha256}")

    def _show_progress(self, done: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{done:,} rows", ending="")


def _moment(written: str) -> datetime:
    """Read a time; without an offset it is of the operator's time zone, as days are."""
    moment = datetime.fromisoformat(written)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(settings.OPERATOR_TIME_ZONE))


def _month(written: str) -> tuple[str, str]:
    try:
        first = date.fromisoformat(f"{written}-01")
        following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    except ValueError:
        raise CommandError(f"a month is such as 2026-03, and not {written!r}") from None
    return first.isoformat(), following.isoformat()
