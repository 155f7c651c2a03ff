"""The books of one account and the settlement file that its gateway would write of them, of any size, with faults of
seven kinds planted and counted.

A million operations are made by PostgreSQL itself, and the file streams out of it. Nothing here asks how lines are
read or matched: that the counts agree proves something about both.
"""

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from psycopg.sql import SQL, Composable, Identifier, Literal

from config.volume.copying import without_indexes
from gateways.models import GatewayAccount
from gateways.protocol import Column, ColumnMap
from payments.models import LedgerEntry, Posting, Transaction

FAULTS = ("MISSING_HERE", "MISSING_THERE", "AMOUNT", "CURRENCY", "DUPLICATE", "FEE", "LATE")
_SQL = Path(__file__).parent / "sql"
_TABLES = [model._meta.db_table for model in (Transaction, Posting, LedgerEntry)]
# Fewer rows are quicker written with the indexes in place.
_WORTH_DROPPING_INDEXES = 50_000
_SETTLED_AFTER = timedelta(days=5)


@dataclass(frozen=True, kw_only=True)
class Books:
    """Be what an account did in three days, and which of it its gateway gets wrong; the same again for a seed.

    Operations are sales, captures, refunds and chargebacks in four currencies, settled in EUR. `plants` says how many
    of them have each fault; of batches, `unbalanced` pay out a Euro more than their lines come to.
    """

    account: GatewayAccount
    operations: int
    plants: Mapping[str, int]
    begun_at: datetime
    seed: int = 1
    batches: int = 1
    unbalanced: int = 0

    @property
    def found(self) -> dict[str, int]:
        """Return what has to be found, by kind of discrepancy."""
        return {kind: count for kind, count in {**self.plants, "UNBALANCED_BATCH": self.unbalanced}.items() if count}

    @property
    def lines(self) -> int:
        """Return how many lines of payments the file has."""
        return self.operations + self.plants.get("DUPLICATE", 0) - self.plants.get("MISSING_THERE", 0)

    @property
    def settled_operations(self) -> int:
        """Return how many operations are settled by a line."""
        return self.operations - self.plants.get("MISSING_HERE", 0) - self.plants.get("MISSING_THERE", 0)

    @property
    def settled_at(self) -> datetime:
        """Return when everything is settled: late for what is twenty days older."""
        return self.begun_at + _SETTLED_AFTER

    def enter(self) -> None:
        """Book the operations on the payments that are there."""
        is_large = self.operations >= _WORTH_DROPPING_INDEXES
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            # A table cannot be altered while something that was just written waits to be checked.
            connection.check_constraints()
            with without_indexes(_TABLES) if is_large else nullcontext():
                cursor.execute(_text("operations", "booked"), self._params)
            cursor.execute(f"ANALYZE {', '.join(_TABLES)}")

    def write(self, path: Path, column_map: ColumnMap, *, order: int = 0) -> None:
        """Write the file as a map says, in constant memory; another `order` is another order of the same lines."""
        query = SQL("COPY ({} SELECT {} FROM told ORDER BY {}) TO STDOUT (FORMAT csv, HEADER true)").format(
            SQL(_text("operations", "lines")),
            SQL(", ").join(_cells(column_map)),
            SQL("hashint8extended(place, {}), turn").format(order) if order else SQL("batch, place, turn"),
        )
        with connection.cursor() as cursor, path.open("wb") as file:
            cursor.execute("SET statement_timeout = 0")
            with cursor.copy(query, {**self._params, "has_payouts": not column_map.batch_is_payout}) as rows:
                for block in rows:
                    file.write(block)
            cursor.execute("RESET statement_timeout")

    @property
    def _params(self) -> dict[str, Any]:
        ends = list(accumulate(self.plants.values()))
        return {
            "account": self.account.pk,
            "name": f"{self.account.slug} {self.seed}",
            "operations": self.operations,
            "batches": self.batches,
            "unbalanced": self.unbalanced,
            "seed": self.seed,
            "begun_at": self.begun_at,
            "settled_at": self.settled_at,
            "kinds": list(self.plants),
            "first_places": [0, *ends][: len(ends)],
            "end_places": ends,
        }


def _text(*names: str) -> str:
    return "\n".join((_SQL / f"{name}.sql").read_text(encoding="utf-8") for name in names)


def _cells(column_map: ColumnMap) -> Iterator[Composable]:
    """Return what stands in each column of the file."""
    fields = {column.field: column for column in column_map.columns}
    fees = [name for name in _FEES if name in fields]
    fee_parts = dict(zip(fees, ("commission", "markup") if len(fees) > 1 else ("commission + markup",), strict=False))
    for column in column_map.columns:
        yield SQL("{} AS {}").format(_cell(column, fields, column_map, fee_parts), Identifier(column.header))


def _cell(
    column: Column, fields: Mapping[str, Column], column_map: ColumnMap, fee_parts: Mapping[str, str]
) -> Composable:
    name = column.field
    if name in fee_parts:
        return SQL(f"trim_scale({fee_parts[name]})")
    if name in _TEXTS:
        return SQL(_TEXTS[name])
    if name == "type":
        words = {kind: word for word, kind in reversed(list(column_map.types.items()))}
        cases = (SQL("WHEN {} THEN {}").format(Literal(kind), Literal(word)) for kind, word in words.items())
        return SQL("CASE kind {} END").format(SQL(" ").join(cases))
    if name in ("occurred_at", "booked_at"):
        time = "occurred_at" if name == "occurred_at" else "settled_at"
        return SQL("to_char({} AT TIME ZONE 'UTC', {})").format(SQL(time), Literal(_TIMES[column.unit]))
    side, _, sign = name.partition("_")
    if name == "customer_amount":
        side, sign = "gross", ""
    elif side == "gross" and "customer_amount" in fields:
        side = "converted"
    if side not in ("gross", "net", "converted") or sign not in ("", "signed", "debit", "credit"):
        return SQL("''")
    decimals = "gross_decimals" if side == "gross" else "2"
    minor = f"{side}_minor"
    written = f"round(abs({minor}) / power(10::numeric, {decimals}), {decimals})" if column.unit == "major" else minor
    if sign in ("debit", "credit"):
        return SQL(f"CASE WHEN {minor} {'<' if sign == 'debit' else '>='} 0 THEN {written} END")
    return SQL(f"sign({minor}) * {written}" if column.unit == "major" else written)


_FEES = ("fee", "commission", "markup", "scheme_fees", "interchange")
_TEXTS = {
    "merchant_account": "'Books'",
    "payment_reference": "payment_reference",
    "gateway_reference": "operation_reference",
    "our_reference": "our_reference",
    "time_zone": "'UTC'",
    "booked_time_zone": "'UTC'",
    "gross_currency": "gross_currency",
    "net_currency": "'EUR'",
    "exchange_rate": "rate",
    "batch_number": "'BOOKS-' || batch",
}
_TIMES = {
    "YYYY-MM-DD HH:MM:SS": "YYYY-MM-DD HH24:MI:SS",
    "YYYY-MM-DD HH:MM:SS UTC": "YYYY-MM-DD HH24:MI:SS",
    "ISO 8601": 'YYYY-MM-DD"T"HH24:MI:SS"Z"',
    "ISO 8601 with offset": 'YYYY-MM-DD"T"HH24:MI:SS"Z"',
}
