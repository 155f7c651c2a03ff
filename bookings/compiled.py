"""Read rows by SQL that Django builds once per process.

Building a SELECT costs Django more than answering it costs PostgreSQL, nearly all of it for naming columns, and the
text is the same each time. What the busiest requests read is compiled once and then only given its values, and
planned once per connection.
"""

from collections.abc import Callable, Iterator
from secrets import randbits, token_hex
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model, QuerySet
from django.db.models.query import get_related_populators  # type: ignore[attr-defined]
from django.db.transaction import TransactionManagementError

from bookings.prepared import prepared_cursor

_Row = TypeVar("_Row", bound=Model)
Value = UUID | str | int | tuple[UUID, ...]


class CompiledQuery(Generic[_Row]):
    """Be a query of whole rows whose values alone differ from one time to the next.

    `build` is a function of keyword arguments that returns the queryset. Its SQL is built for the first values of each
    kind: texts, numbers and UUIDs are given to the database anew each time; a truth value is part of the SQL, and so is
    how many UUIDs there are of a tuple, so that there is one text for each. Whatever else the queryset depends on must
    be the same in every call.
    """

    def __init__(self, build: Callable[..., QuerySet[_Row]]) -> None:
        self.build = build
        self._texts: dict[tuple[tuple[str, bool | int], ...], _Text] = {}

    def rows(self, **values: Value) -> list[_Row]:
        """Return the rows for these values, as the queryset would.

        :raises TransactionManagementError: the rows are to be locked, and no transaction is under way.
        """
        fixed = tuple(
            (name, len(value) if isinstance(value, tuple) else value)
            for name, value in values.items()
            if isinstance(value, bool | tuple)
        )
        text = self._texts.get(fixed)
        if text is None:
            # Two threads may both build it; they build the same.
            text = self._texts[fixed] = _Text(self.build, values)
        return list(text.rows(values))

    def first(self, **values: Value) -> _Row | None:
        """Return the first of the rows, None where there is none; the queryset says how many are read."""
        return next(iter(self.rows(**values)), None)


class _Text:
    """The SQL of one queryset, and which of its parameters is which value."""

    def __init__(self, build: Callable[..., QuerySet[Any]], values: dict[str, Value]) -> None:
        # Values that occur nowhere else tell which parameter is which.
        marks = {name: _mark_like(value) for name, value in values.items()}
        query = build(**marks).query
        compiler = query.get_compiler(DEFAULT_DB_ALIAS)
        self._sql, self._parameters = compiler.as_sql()
        expressions = [expression for expression, *_ in compiler.select]
        # How columns become Python's values, and values rows: asked of every column again otherwise, and there are a
        # hundred.
        self._converters = [
            (place, converters, expression)
            for place, (converters, expression) in compiler.get_converters(expressions).items()
        ]
        self._model: type[Model] = compiler.klass_info["model"]
        own = compiler.klass_info["select_fields"]
        self._own = slice(own[0], own[-1] + 1)
        self._names = [expression.target.attname for expression in expressions[self._own]]
        self._related = get_related_populators(compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS)
        self._annotated = list(compiler.annotation_col_map.items())
        self._places = {
            name: [place for place, parameter in enumerate(self._parameters) if parameter in _parts_of(mark)]
            for name, mark in marks.items()
            if not isinstance(mark, bool)
        }
        missing = sorted(name for name, places in self._places.items() if not places)
        if missing:
            raise TypeError(f"{missing} are no parameters of {self._sql}")
        self._locks = bool(query.select_for_update)

    def rows(self, values: dict[str, Value]) -> Iterator[Any]:
        """Yield the rows for these values, made as Django's own iterator makes them."""
        connection = connections[DEFAULT_DB_ALIAS]
        if self._locks and not connection.in_atomic_block:
            raise TransactionManagementError("rows are locked inside a transaction only")
        parameters = list(self._parameters)
        for name, places in self._places.items():
            parts = _parts_of(values[name])
            for turn, place in enumerate(places):
                parameters[place] = parts[turn % len(parts)]
        with prepared_cursor() as cursor:
            cursor.execute(self._sql, parameters)
            found = cursor.fetchall()
        for columns in map(list, found):
            for place, converters, expression in self._converters:
                for convert in converters:
                    columns[place] = convert(columns[place], expression, connection)
            row = self._model.from_db(DEFAULT_DB_ALIAS, self._names, columns[self._own])
            for related in self._related:
                related.populate(columns, row)
            for name, place in self._annotated:
                setattr(row, name, columns[place])
            yield row


def _parts_of(value: Value) -> tuple[UUID | str | int, ...]:
    return value if isinstance(value, tuple) else (value,)


def _mark_like(value: Value) -> Value:
    match value:
        case bool():
            return value
        case int():
            return randbits(31)
        case tuple():
            return tuple(uuid4() for _ in value)
        case UUID():
            return uuid4()
        case str():
            return token_hex(16)
