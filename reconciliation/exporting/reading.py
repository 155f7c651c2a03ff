"""Read what an export holds: one snapshot of the database, on a connection of its own."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from django.db import connection
from psycopg.sql import SQL, Composed, Literal

from reconciliation.exporting.report import Report
from reconciliation.exporting.selecting import totals_statement

# An export's own transaction lasts long and writes nothing: no watermark waits for it.
_NAME = "export"


@dataclass(slots=True)
class Totals:
    """Say how many rows there are, and what each amount's column comes to in each currency."""

    rows: int = 0
    sums: dict[str, dict[str, int]] = field(default_factory=dict)


@contextmanager
def snapshot(zone: str, *, same_as: str | None = None) -> Iterator[psycopg.Cursor[Any]]:
    """Yield a cursor that sees the books as they are now, or as another does, however long it is read from.

    It has a connection of its own, so that progress can be told meanwhile, and no setting of it stays behind.
    """
    own = connection.copy()
    try:
        own.ensure_connection()
        raw: psycopg.Connection[Any] = own.connection
        raw.isolation_level, raw.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
        with raw.transaction(), raw.cursor() as cursor:
            if same_as is not None:
                cursor.execute(SQL("SET TRANSACTION SNAPSHOT {}").format(Literal(same_as)))
            for name, value in {
                "application_name": _NAME,
                "TimeZone": zone,
                "DateStyle": "ISO",
                "statement_timeout": "0",
                "idle_in_transaction_session_timeout": "0",
                "work_mem": "64MB",
            }.items():
                cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
            yield cursor
    finally:
        own.close()


@contextmanager
def adding_up(
    cursor: psycopg.Cursor[Any], zone: str, report: Report, params: dict[str, Any]
) -> Iterator["Future[Totals]"]:
    """Have the totals added up beside, in the very snapshot that a cursor reads from, while it is read."""
    cursor.execute("SELECT pg_export_snapshot()")
    (name,) = cursor.fetchone() or ("",)

    def add_up() -> Totals:
        with snapshot(zone, same_as=name) as other:
            return totals_of(other, report, params)

    with ThreadPoolExecutor(1) as beside:
        yield beside.submit(add_up)


def totals_of(cursor: psycopg.Cursor[Any], report: Report, params: dict[str, Any]) -> Totals:
    """Count the rows, and add up the amounts, of an export."""
    cursor.execute(totals_statement(report), params)
    totals = Totals()
    currencies = list(dict.fromkeys(currency for _, currency in report.totals))
    for count, *values in cursor:
        totals.rows += count
        codes = dict(zip(currencies, values[len(report.totals) :], strict=True))
        for (amount, currency), minor in zip(report.totals, values, strict=False):
            if codes[currency] is not None and minor is not None:
                of_column = totals.sums.setdefault(amount, {})
                of_column[codes[currency]] = of_column.get(codes[currency], 0) + minor
    totals.sums = {amount: dict(sorted(sums.items())) for amount, sums in sorted(totals.sums.items())}
    return totals


def rows_of(cursor: psycopg.Cursor[Any], copied: Composed, params: dict[str, Any]) -> Iterator[memoryview]:
    """Yield what a COPY writes, row by row."""
    with cursor.copy(copied, params) as copy:
        yield from copy  # type: ignore[misc]


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
