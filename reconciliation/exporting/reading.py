"""Read what an export holds: one snapshot of the database, on a connection of its own."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
from django.db import connection

from money import exponent_of
from reconciliation.exporting.report import Report
from reconciliation.exporting.selecting import copy_statement
from reconciliation.models import ExportFormat

# An export's own transaction lasts long and writes nothing: no watermark waits for it.
_NAME = "export"


class Totals:
    """Add up, row by row, how many there are, and what each amount's column comes to in each currency."""

    def __init__(self, report: Report) -> None:
        self.rows = 0
        self._sums = {amount: defaultdict[bytes, int](int) for amount, _ in sorted(report.totals)}
        # Behind what is written stand the currencies, and then the amounts.
        self._places = [
            (1 + len(report.currencies) + number, 1 + report.currencies.index(currency), self._sums[amount])
            for number, (amount, currency) in enumerate(report.totals)
        ]

    def add(self, row: Sequence[Any]) -> None:
        """Add what stands in a row behind what is written; an amount without a currency comes to nothing."""
        self.rows += 1
        for amount, currency, sums in self._places:
            if row[amount] is not None and row[currency] is not None:
                sums[row[currency]] += int(row[amount])

    @property
    def sums(self) -> dict[str, dict[str, int]]:
        """Return the minor units of each amount's column by currency; a column without any amount is not there.

        :raises UnknownCurrency: something else stands in a column of currencies, and may have been cut as none is.
        """
        for currency in {currency for sums in self._sums.values() for currency in sums}:
            exponent_of(currency.decode())
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
                # What a migration holds for a while must not use up the tries of an export.
                "lock_timeout": "0",
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
    cursor: psycopg.Cursor[Any],
    report: Report,
    form: ExportFormat,
    zone: str,
    params: dict[str, Any],
    totals: Totals,
) -> Iterator[bytes]:
    """Yield the rows as their file has them, CSV behind a heading, and add each to the totals."""
    with cursor.copy(copy_statement(report, form, zone), params) as copy:
        rows: Iterator[tuple[Any, ...]]
        if form is ExportFormat.CSV:
            behind = len(report.currencies) + len(report.totals)
            rows = (_parted(line, behind) for line in copy)
            yield next(rows)[0]
        else:
            # Texts, but nobody has to decode them.
            copy.set_types(["bytea"] * (1 + len(report.currencies)) + ["int8"] * len(report.totals))
            rows = copy.rows()
        for row in rows:
            totals.add(row)
            yield row[0]


def _parted(line: bytes | bytearray | memoryview, behind: int) -> tuple[Any, ...]:
    """Return a line of CSV without its last cells, none of which is ever quoted, and these."""
    written, *cells = bytes(line)[:-1].rsplit(b",", behind)
    return written + b"\n", *[cell or None for cell in cells]


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
