import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from backoffice.sweeping import sweep


class Command(BaseCommand):
    help = (
        "Look for card numbers in every column of text or JSON, and say how many rows hold one; never the number. "
        "Exit code 1 when any is left."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take whether to mend what is found."""
        parser.add_argument("--mask", action="store_true", help="Mask what is found; else it is only counted.")

    def handle(self, *_: Any, mask: bool, **__: Any) -> None:
        """Sweep, and print a line per column that holds or held something."""
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
        rows = left = 0
        for swept in sweep(is_masking=mask):
            rows += swept.rows
            left += swept.left
            if swept.holding:
                kept = " (append-only: not changed)" if swept.is_append_only else ""
                self.stdout.write(
                    f"{swept.table}.{swept.column}: {swept.holding} rows hold card numbers, "
                    f"{swept.masked} masked, {swept.left} left{kept}"
                )
        self.stdout.write(f"{rows} values read; " + (f"{left} hold card numbers" if left else "no card number is left"))
        if left:
            sys.exit(1)
