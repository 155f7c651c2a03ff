"""Read what an export holds: one snapshot of the database, on a connection of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
from django.db import connection
from psycopg.sql import Composed

from reconciliation.exporting.report import Report
from reconciliation.exporting.selecting import copy_statement, without_tally
from reconciliation.models import ExportFormat

# An export's own transaction lasts long and writes nothing: no watermark waits for it.
_NAME = "export"


class Totals:
    """Add up, row by row, how many there are, and what each amount's column comes to in each currency."""

    def __init__(self, report: Report) -> None:
        self.rows = 0
        self._sums = {amount: dict[bytes, int]() for amount, _ in sorted(report.totals)}
        self._in_turn = [self._sums[amount] for amount, _ in report.totals]

    def add(self, tally: bytes) -> None:
        """Add a row's tally, as `selecting` has it."""
        self.rows += 1
        pieces = iter(tally.split(b":"))
        for sums, currency, minor in zip(self._in_turn, pieces, pieces, strict=False):
            if currency and minor:
                sums[currency] = sums.get(currency, 0) + int(minor)

    @property
    def sums(self) -> dict[str, dict[str, int]]:
        """Return the minor units of each amount's column by currency; a column without any amount is not there."""
        return {
            amount: {currency.decode(): minor for currency, minor in sorted(sums.items())}
            for amount, sums in self._sums.items()
            if sums
        }


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
) -> tuple[Totals, Iterator[bytes]]:
    """Return the rows as their file has them, CSV behind a heading, and what those come to that have been read."""
    totals = Totals(report)
    return totals, _rows(cursor, copy_statement(report, form, zone), params, form, totals)


def _rows(
    cursor: psycopg.Cursor[Any], copied: Composed, params: dict[str, Any], form: ExportFormat, totals: Totals
) -> Iterator[bytes]:
    with cursor.copy(copied, params) as copy:
        lines = iter(copy)
        if form is ExportFormat.CSV:
            yield without_tally(next(lines), form)[0]  # type: ignore[arg-type]
        for line in lines:
            row, tally = without_tally(line, form)  # type: ignore[arg-type]
            totals.add(tally)
            yield row


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
