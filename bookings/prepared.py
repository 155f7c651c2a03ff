"""Run statements that PostgreSQL parses and plans once per connection, and write rows by SQL that is built once.

Planning a SELECT with four joins takes PostgreSQL longer than answering it, and Django's own cursor has it planned
anew each time. A statement that comes by this one is kept by the connection and afterwards only given its values. So
its text must stay the same: values are parameters, never part of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.backends.postgresql.base import ServerBindingCursor  # type: ignore[attr-defined]
from django.db.backends.utils import CursorWrapper
from django.db.models import Field, Model
from django.db.models.expressions import DatabaseDefault


class _PreparingCursor(ServerBindingCursor):
    """Have every statement prepared: psycopg would count them first, and among many others never to the end."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Run a statement."""
        try:
            return super().execute(query, params, prepare=True, **options)
        finally:
            # Where Django's log of queries looks for a text; a prepared statement leaves none.
            self._query = _Filled(self.connection, query, params)


class _Filled:
    """Be a statement with its values in it, as it would have been run by Django's own cursor; made when it is asked."""

    def __init__(self, connection: Any, statement: str, values: Any) -> None:
        self._connection, self._statement, self._values = connection, statement, values

    @property
    def query(self) -> bytes:
        with self._connection.cursor() as cursor:
            text: str = cursor.mogrify(self._statement, self._values)
        return text.encode()


@contextmanager
def prepared_cursor() -> Iterator[CursorWrapper]:
    """Give a cursor whose statements the connection prepares and keeps.

    Its values are sent apart from the text, so that a statement casts those whose type nothing else tells.
    """
    connection: Any = connections[DEFAULT_DB_ALIAS]
    # As Django makes its own.
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    with connection.wrap_database_errors:
        plain = _PreparingCursor(connection.connection)
    with connection._prepare_cursor(plain) as cursor:
        yield cursor


def insert_row(row: Model) -> None:
    """Insert a new row as `save(force_insert=True)` does."""
    insert_rows([row])


def insert_rows(rows: Sequence[Model]) -> None:
    """Insert new rows of one model in one statement, and give them what the database made: keys and defaults.

    All of them leave the same columns to the database.
    """
    if not rows:
        return
    meta = rows[0]._meta
    made = [field for field in meta.concrete_fields if _is_made_by_database(rows[0], field)]
    given = [field for field in meta.concrete_fields if field not in made]
    sql = _insert_of(type(rows[0]), tuple(field.column for field in made), len(rows))
    connection = connections[DEFAULT_DB_ALIAS]
    values = [field.get_db_prep_save(field.pre_save(row, True), connection) for row in rows for field in given]
    with prepared_cursor() as cursor:
        cursor.execute(sql, values)
        found = cursor.fetchall() if made else [()] * len(rows)
    for row, from_database in zip(rows, found, strict=True):
        for field, value in zip(made, from_database, strict=True):
            setattr(row, field.attname, value)
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


def update_row(row: Model, names: Iterable[str]) -> None:
    """Write the named fields of a row as `save(update_fields=names)` does.

    :raises DatabaseError: there is no such row.
    """
    fields, sql = _update_of(type(row), tuple(sorted(set(names))))
    connection = connections[DEFAULT_DB_ALIAS]
    values = [field.get_db_prep_save(field.pre_save(row, False), connection) for field in fields]
    with prepared_cursor() as cursor:
        cursor.execute(sql, [*values, row.pk])
        if cursor.rowcount != 1:
            raise DatabaseError(f"there is no {type(row).__name__} {row.pk} to write to")


def _is_made_by_database(row: Model, field: "Field[Any, Any]") -> bool:
    value = getattr(row, field.attname)
    return isinstance(value, DatabaseDefault) or (value is None and field is row._meta.auto_field)


@cache
def _insert_of(model: type[Model], made: tuple[str, ...], count: int) -> str:
    """Return the SQL that inserts so many rows and gives back the columns which the database made."""
    given = [field.column for field in model._meta.concrete_fields if field.column not in made]
    values = ", ".join([f"({', '.join(['%s'] * len(given))})"] * count)
    sql = f'INSERT INTO "{model._meta.db_table}" ({_quoted(given)}) VALUES {values}'  # noqa: S608 - our own names
    return f"{sql} RETURNING {_quoted(made)}" if made else sql


def _quoted(columns: Iterable[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


@cache
def _update_of(model: type[Model], names: tuple[str, ...]) -> tuple[list["Field[Any, Any]"], str]:
    """Return the fields of these names, and the SQL that writes them to one row."""
    of_name = {name: field for field in model._meta.concrete_fields for name in (field.name, field.attname)}
    fields = [of_name[name] for name in names]
    written = ", ".join(f'"{field.column}" = %s' for field in fields)
    table, key = model._meta.db_table, model._meta.pk.column
    return fields, f'UPDATE "{table}" SET {written} WHERE "{key}" = %s'  # noqa: S608 - our own names
