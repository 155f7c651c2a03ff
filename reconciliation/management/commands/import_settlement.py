from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count
from django.utils import timezone

from reconciliation.errors import BadLines, ReconciliationError
from reconciliation.models import Discrepancy, DiscrepancyState, SettlementReport
from reconciliation.services.importing import import_file, receive_file, source_for

# So many bad lines are printed; the back office shows more.
_PRINTED = 20


class Command(BaseCommand):
    """Import one settlement file or bank statement, and match it."""

    help = "Import a settlement report or bank statement, match it with the books, and say how they differ."
    # They load and look at every page and model, which takes longer than most files, and find what is the same at every
    # run of one release: `migrate` and every worker that starts make them.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file, whose it is, and what a bad line does to the rest."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--account", required=True, help="The slug of a gateway account, or of a source.")
        bad_lines = parser.add_mutually_exclusive_group()
        bad_lines.add_argument(
            "--all-or-nothing", action="store_true", help="One bad line refuses the file (the default)."
        )
        bad_lines.add_argument("--skip-bad-lines", action="store_true", help="Bad lines are named and left out.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import the file; fail with every reason where it is refused."""
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"there is no file {path.name}")
        now = timezone.now()
        try:
            report = receive_file(
                source=source_for(options["account"], now=now),
                path=path,
                file_name=path.name,
                skips_bad_lines=options["skip_bad_lines"],
                received_by="command",
                now=now,
            )
            imported = import_file(report=report, path=path, progress=self._show_progress)
        except BadLines as refusal:
            raise CommandError(f"{refusal.count} bad lines, nothing was taken in:\n{_listed(refusal.first)}") from None
        except ReconciliationError as refusal:
            raise CommandError(str(refusal)) from None
        if not imported.is_new:
            self.stdout.write(f"{path.name} was imported before; nothing changed")
            return
        self._say_what_came_of(imported.report)

    def _show_progress(self, done: int, size: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{done * 100 // max(size, 1):3} %", ending="" if done < size else "\n")

    def _say_what_came_of(self, report: SettlementReport) -> None:
        self.stdout.write(
            f"{report.file_name}: {report.line_count} lines, {report.known_count} known before, {report.bad_count} bad"
        )
        if report.superseded_count:
            self.stdout.write(f"{report.superseded_count} lines of earlier files are taken back: it tells them no more")
        if report.bad_count:
            bad = report.bad_lines.order_by("line_number").values_list("line_number", "reason")[:_PRINTED]
            self.stdout.write(_listed(list(bad)))
        found = Discrepancy.objects.filter(source=report.source).exclude(state=DiscrepancyState.CLOSED)
        # Counted in the database: a file of millions leaves tens of thousands.
        for kind, count in found.values_list("kind").annotate(Count("pk")).order_by("kind"):
            self.stdout.write(f"open {kind}: {count}")


def _listed(bad: list[tuple[int, str]]) -> str:
    return "\n".join(f"line {number}: {reason}" for number, reason in bad[:_PRINTED])
