"""Run statements that PostgreSQL parses and plans once per connection.

Planning a SELECT with four joins takes PostgreSQL longer than answering it, and Django's own cursor has it planned
anew each time. A statement that comes by this one is kept by the connection and afterwards only given its values. So
its text must stay the same: values are parameters, never part of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.postgresql.base import ServerBindingCursor  # type: ignore[attr-defined]
from django.db.backends.utils import CursorWrapper


class _PreparingCursor(ServerBindingCursor):  # type: ignore[misc]
    """Have every statement prepared: psycopg would count them first, and among many others never to the end."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Run a statement."""
        return super().execute(query, params, prepare=True, **options)

    def _convert_query(self, query: Any, params: Any = None) -> Any:
        # Running a prepared statement leaves no text behind, and Django's log of queries wants one.
        self._query = super()._convert_query(query, params)
        return self._query


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
