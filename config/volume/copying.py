"""Put millions of rows into tables with PostgreSQL's COPY, which takes them as lines of text."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from django.db import connection, models
from psycopg import sql

NULL = r"\N"
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def copy_text(value: Any) -> str:
    """Return a value as COPY reads it in text format."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, bytes):
        return rf"\\x{value.hex()}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list):
        return "{" + ",".join(map(str, value)) + "}"
    if isinstance(value, dict):
        return json.dumps(value).translate(_ESCAPES)
    return str(value).translate(_ESCAPES)


class Rows:
    """Collect rows of one model as lines; a column that is not named has its constant or the model's default.

    Values come in the order of the `columns`, as COPY reads them (`copy_text`), and are not looked at: this is done
    some ten million times.
    """

    def __init__(self, model: type[models.Model], *columns: str, **constants: Any) -> None:
        self.table = model._meta.db_table
        self._lines: list[str] = []
        fields = {field.attname: field for field in model._meta.concrete_fields}
        rest = {
            name: constants[name] if name in constants else field.get_default()
            for name, field in fields.items()
            if name not in columns and (name in constants or not _is_filled_by_the_database(field))
        }
        unknown = {*columns, *constants} - fields.keys()
        if unknown:
            raise ValueError(f"{self.table} has no {', '.join(sorted(unknown))}")
        self.columns = [fields[name].column for name in (*columns, *rest)]
        texts = [copy_text(value).replace("%", "%%") for value in rest.values()]
        self._line = "\t".join([*["%s"] * len(columns), *texts]) + "\n"

    def add(self, *values: object) -> None:
        """Take one row."""
        self._lines.append(self._line % values)

    def take(self) -> bytes:
        """Return what was collected since the last time."""
        lines, self._lines = "".join(self._lines).encode(), []
        return lines


def _is_filled_by_the_database(field: Any) -> bool:
    return isinstance(field, models.AutoField) or field.has_db_default()


def copy_lines(table: str, columns: list[str], lines: bytes) -> None:
    """Write collected lines to their table."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(lines)


@contextmanager
def without_indexes(tables: list[str]) -> Iterator[None]:
    """Drop the tables' indexes, unique and foreign keys meanwhile, and the triggers that look at every new row.

    They are made again as they were, which checks all rows at once and is many times faster than row by row. Call it
    inside a transaction: when anything fails, nothing was dropped.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FOREIGN_KEYS, [tables, tables])
        foreign_keys = cursor.fetchall()
        cursor.execute(_KEYS, [tables])
        keys = cursor.fetchall()
        cursor.execute(_INDEXES, [tables])
        indexes = cursor.fetchall()
        for table, name, _ in (*foreign_keys, *keys):
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        for table in tables:
            cursor.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER USER')
    yield
    with connection.cursor() as cursor:
        # Sorting in memory; it is given back with the transaction.
        cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
        for _, definition in indexes:
            cursor.execute(definition)
        for table, name, definition in (*keys, *foreign_keys):
            cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
        for table in tables:
            cursor.execute(f'ALTER TABLE "{table}" ENABLE TRIGGER USER')


# Those of the tables, and those of others that name them.
_FOREIGN_KEYS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
      FROM pg_constraint
     WHERE contype = 'f' AND (conrelid::regclass::text = ANY(%s) OR confrelid::regclass::text = ANY(%s))
"""
_KEYS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
      FROM pg_constraint
     WHERE contype IN ('p', 'u') AND conrelid::regclass::text = ANY(%s)
"""
# What no constraint owns.
_INDEXES = """
    SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
      FROM pg_index i
     WHERE i.indrelid::regclass::text = ANY(%s)
       AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u'))
"""
