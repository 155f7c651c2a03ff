"""The least that reconciling can be: the file COPYed as it is, and one FULL hash join with the ledger that writes four
columns. Nothing is typed, classified, kept for audit or taken once.
"""

import csv
import time
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Identifier

BLOCK = 256 * 1024
_SETTINGS = {"work_mem": "64MB", "hash_mem_multiplier": "4", "parallel_tuple_cost": "0.001", "statement_timeout": "0"}


class Floor:
    """Be the floor of one file; `operation` and `payment` are its columns with the gateway's references."""

    def __init__(self, connection: Connection[Any], path: Path, *, operation: str, payment: str) -> None:
        with path.open(newline="") as file:
            header = next(csv.reader(file))
        self._connection, self._path = connection, path
        self._columns = [Identifier(f"c{position}") for position in range(len(header))]
        self._operation, self._payment = (self._columns[header.index(name)] for name in (operation, payment))

    def prepare(self, account: int) -> None:
        """Lay out the ledger as the join likes it best: a narrow row for each operation, by a key the file has."""
        with self._connection.transaction():
            self._stage()
            self._connection.execute("ANALYZE bench_staging")
            self._connection.execute(
                SQL(
                    """
                    DROP TABLE IF EXISTS bench_ledger;
                    CREATE TABLE bench_ledger AS
                    SELECT DISTINCT ON (e.id) coalesce(s.{0}, sale.{0}, t.gateway_reference) AS key, e.id,
                           e.amount_minor, e.currency
                      FROM payments_transaction t
                      JOIN payments_ledgerentry e ON e.transaction_id = t.id
                      LEFT JOIN bench_staging s ON s.{0} = t.gateway_reference
                      LEFT JOIN bench_staging sale ON sale.{1} = t.gateway_reference
                     WHERE t.account_id = {2};
                    ANALYZE bench_ledger
                    """
                ).format(self._operation, self._payment, account)
            )

    def run(self) -> float:
        """Return how many seconds it took."""
        started = time.perf_counter()
        with self._connection.transaction():
            self._stage()
            self._connection.execute(SQL("ANALYZE bench_staging ({})").format(self._operation))
            self._connection.execute(
                SQL(
                    """
                    DROP TABLE IF EXISTS bench_result;
                    CREATE TABLE bench_result AS
                    SELECT l.id, s.{0} AS reference, l.amount_minor, l.currency
                      FROM bench_ledger l
                      FULL JOIN bench_staging s ON s.{0} = l.key
                    """
                ).format(self._operation)
            )
        return time.perf_counter() - started

    def _stage(self) -> None:
        for name, value in _SETTINGS.items():
            self._connection.execute(f"SET LOCAL {name} = '{value}'")
        self._connection.execute("DROP TABLE IF EXISTS bench_staging")
        texts = SQL(", ").join(SQL("{} text").format(column) for column in self._columns)
        self._connection.execute(SQL("CREATE UNLOGGED TABLE bench_staging ({})").format(texts))
        copied = "COPY bench_staging FROM STDIN (FORMAT csv, HEADER true)"
        with self._connection.cursor() as cursor, self._path.open("rb") as file, cursor.copy(copied) as copy:
            while block := file.read(BLOCK):
                copy.write(block)
