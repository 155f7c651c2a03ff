"""Build a world of rows once per session; whoever wants it later gets the same rows, laid by COPY in milliseconds."""

import copy
import functools
from collections.abc import Callable
from datetime import date
from typing import TypeVar

from django.db import connection, transaction
from django.utils import timezone

from tests.pristine import changed_tables, is_superuser

World = TypeVar("World")


def remembered(build: Callable[[], World]) -> Callable[[], World]:
    """Let a builder write its rows once a day; afterwards they are laid as they were then, ids included.

    They are laid only where nothing else is: beside other rows the builder works as ever, and so it does where it
    changes what migrations wrote, or where we may not set triggers aside.
    """
    kept: dict[date, tuple[World, dict[str, bytes]]] = {}

    @functools.wraps(build)
    def built() -> World:
        today = timezone.now().date()
        if not is_superuser() or changed_tables():
            return build()
        if today in kept:
            world, rows = kept[today]
            _lay(rows)
            return copy.deepcopy(world)
        world = build()
        changed = changed_tables()
        if not any(changed.values()):
            kept[today] = copy.deepcopy(world), {table: _rows_of(table) for table in changed}
        return world

    return built


def _rows_of(table: str) -> bytes:
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} TO STDOUT (FORMAT binary)") as copying:
        return b"".join(copying)


def _lay(rows: dict[str, bytes]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table, each in rows.items():
            with cursor.copy(f"COPY {table} FROM STDIN (FORMAT binary)") as copying:
                copying.write(each)
        cursor.execute("SET LOCAL session_replication_role = origin")
