import sys
from argparse import ArgumentParser
from typing import Any

from cryptography.fernet import InvalidToken
from django.apps import apps
from django.core.management.base import BaseCommand
from django.db import models
from django.db import transaction as database

from bookings.encryption import is_under_newest_key, rotate


def encrypted_columns() -> list[tuple[type[models.Model], str]]:
    """Return every encrypted column there is, also of apps above this one: all binary columns are encrypted ones."""
    return [
        (model, field.name)
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.BinaryField)
    ]


class Command(BaseCommand):
    help = (
        "Encrypt everything that is encrypted again under the first of FIELD_ENCRYPTION_KEYS. May be stopped and run "
        "again: what is under that key already is left alone. Exit code 1 when a row is under none of the keys."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take how many rows are written in one transaction."""
        parser.add_argument("--batch-size", type=int, default=500)

    def handle(self, *_: Any, **options: Any) -> None:
        """Go through every encrypted column and say what was done."""
        unreadable = 0
        for model, column in encrypted_columns():
            rotated, kept, lost = self._rotate(model, column, options["batch_size"])
            unreadable += lost
            name = f"{model._meta.object_name}.{column}"
            self.stdout.write(f"{name:<32} {rotated} rotated, {kept} under the newest key already, {lost} unreadable")
        if unreadable:
            self.stderr.write(
                f"{unreadable} rows are under none of the keys; do not remove any key before they are found"
            )
            sys.exit(1)

    def _rotate(self, model: type[models.Model], column: str, batch_size: int) -> tuple[int, int, int]:
        rotated = kept = unreadable = 0
        last = None
        while True:
            rows = model._default_manager.filter(**{f"{column}__isnull": False}).order_by("pk")
            if last is not None:
                rows = rows.filter(pk__gt=last)
            batch = list(rows.values_list("pk", column)[:batch_size])
            if not batch:
                return rotated, kept, unreadable
            with database.atomic():
                for pk, encrypted in batch:
                    if is_under_newest_key(encrypted):
                        kept += 1
                        continue
                    try:
                        renewed = rotate(encrypted)
                    except InvalidToken:
                        unreadable += 1
                        self.stderr.write(f"{model._meta.object_name} {pk}: under none of the keys")
                        continue
                    # Only what was read is replaced: an Opening that was closed meanwhile stays erased.
                    rotated += model._default_manager.filter(pk=pk, **{column: encrypted}).update(**{column: renewed})
            last = batch[-1][0]
