"""Read what an export holds: one snapshot of the database, on a connection of its own."""

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

import psycopg
from django.db import connection
from psycopg.sql import Composed

from reconciliation.exporting.report import Report
from reconciliation.exporting.selecting import copy_statement
from reconciliation.models import ExportFormat

# An export's own transaction lasts long and writes nothing: no watermark waits for it.
_NAME = "export"


@dataclass(slots=True)
class Totals:
    """Say how many rows there are, and what each amount's column comes to in each currency."""

    rows: int = 0
    sums: dict[str, dict[str, int]] = field(default_factory=dict)


@contextmanager
def snapshot(zone: str) -> Iterator[psycopg.Cursor[Any]]:
    """Yield a cursor that sees the books as they are now, however long it is read from.

    It has a connection of its own, so that progress can be told meanwhile, and no setting of it stays behind.
    """
    own = connection.copy()
    try:
        own.ensure_connection()
        raw: psycopg.Connection[Any] = own.connection
        raw.isolation_level, raw.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
        with raw.transaction(), raw.cursor() as cursor:
            for name, value in {
                "application_name": _NAME,
                "TimeZone": zone,
                "DateStyle": "ISO",
                "statement_timeout": "0",
                "idle_in_transaction_session_timeout": "0",
                # For what is sorted and kept; by the multiplier's default of 2, hashes would get twice as much.
                "work_mem": "128MB",
                "hash_mem_multiplier": "1",
            }.items():
                cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
            yield cursor
    finally:
        own.close()


def rows_of(
    cursor: psycopg.Cursor[Any], report: Report, form: ExportFormat, zone: str, params: dict[str, Any]
) -> tuple[Totals, Iterator[memoryview]]:
    """Return what all rows of an export come to, and the rows as a COPY writes them, behind a heading."""
    lines = _lines(cursor, copy_statement(report, form, zone), params)
    heading = [next(lines)] if form is ExportFormat.CSV else []
    told = bytes(next(lines)).decode()
    if form is ExportFormat.CSV:
        ((told, *_),) = csv.reader([told])
    return _totals(report, json.loads(told)), chain(heading, lines)


def _lines(cursor: psycopg.Cursor[Any], copied: Composed, params: dict[str, Any]) -> Iterator[memoryview]:
    with cursor.copy(copied, params) as copy:
        yield from copy  # type: ignore[misc]


def _totals(report: Report, told: list[list[Any]]) -> Totals:
    totals = Totals()
    currencies = list(dict.fromkeys(currency for _, currency in report.totals))
    for count, *values in told:
        totals.rows += count
        codes = dict(zip(currencies, values[len(report.totals) :], strict=True))
        for (amount, currency), minor in zip(report.totals, values, strict=False):
            if codes[currency] is not None and minor is not None:
                of_column = totals.sums.setdefault(amount, {})
                of_column[codes[currency]] = of_column.get(codes[currency], 0) + minor
    totals.sums = {amount: dict(sorted(sums.items())) for amount, sums in sorted(totals.sums.items())}
    return totals


def watermark(*, now: datetime, margin_seconds: int) -> datetime:
    """Return up to when the books are complete: nothing that is still under way will say that it was posted before.

    A posting tells the time that was read before its transaction began, by no more than the margin.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT date_trunc('second', least(%s, min(xact_start)) - make_interval(secs => %s)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            " AND application_name <> %s",
            [now, margin_seconds, _NAME],
        )
        (complete,) = cursor.fetchone()
    assert isinstance(complete, datetime)
    return complete
