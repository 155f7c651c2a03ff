"""The SQL of the passes: one file each, below `sql/`."""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.db import connection

_FOLDER = Path(__file__).parent / "sql"
_INCLUDED = re.compile(r"^-- include: (\S+)$", re.MULTILINE)


@lru_cache
def statement(name: str) -> str:
    """Return the text of one pass, such as matching/movements, with what it includes of others in its place."""
    text = (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    return _INCLUDED.sub(lambda included: statement(included[1]).rstrip(), text)


def plan_for_many() -> None:
    """Let what follows in the open transaction hash a million rows in memory, in as many processes as there are.

    A hash of a million lines takes some 100 MiB, and spills to disk beyond what is allowed here.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SET LOCAL work_mem = '64MB'; SET LOCAL hash_mem_multiplier = 4; SET LOCAL parallel_tuple_cost = 0.001; "
            # It counts on keys that come again and again, which references do not, and prefers loops for their sake.
            "SET LOCAL enable_memoize = off; SET LOCAL jit = off"
        )


def run(name: str, params: Mapping[str, Any]) -> int:
    """Run one pass in the transaction that is open; return how many rows it wrote.

    A table that is the run's own, and not temporary so that several processes can read it, is named after the report
    ($report): nobody else makes one of that name.
    """
    report = params.get("report")
    with connection.cursor() as cursor:
        cursor.execute(statement(name).replace("$report", report.hex if report else "none"), params)
        return int(cursor.rowcount)
