"""The SQL of the passes: one file each, below `sql/`."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.db import connection

_FOLDER = Path(__file__).parent / "sql"


@lru_cache
def statement(name: str) -> str:
    """Return the text of one pass, such as matching/by_operation."""
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")


def run(name: str, params: Mapping[str, Any]) -> int:
    """Run one pass in the transaction that is open; return how many rows it wrote."""
    with connection.cursor() as cursor:
        cursor.execute(statement(name), params)
        return int(cursor.rowcount)
