from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reconciliation.services.exporting import is_reproduced, run_of_file


class Command(BaseCommand):
    """Say whether a file is an export of ours, unchanged, and whether the books still say the same."""

    help = "Find the export that a file is, by its SHA-256, and write it again: every byte must be the same."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file."""
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare; fail where the file is no export, or where it comes out otherwise today."""
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"there is no file {path.name}")
        run = run_of_file(path)
        if run is None:
            raise CommandError(f"{path.name} is no export of ours, or was changed since")
        if not is_reproduced(run):
            raise CommandError(f"{path.name} is {run}, unchanged; but written again it is not the same")
        self.stdout.write(
            f"{path.name} is {run}, sealed with {run.rows_written} rows as of {run.as_of.isoformat()};"
            " written again it is the same, byte for byte"
        )
