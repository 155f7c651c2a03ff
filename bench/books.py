"""How fast a settlement file is reconciled and exported, beside the least that it can cost, and in how much memory.

`python -m bench.books LINES PORT` works in the database that DATABASE_URL names and prints one JSON object.
`make bench ARGS="books 100000"` makes that database and prints what came of it beside the goals. Without a port nothing
but memory is measured, of a tenth and of all lines: `make bench ARGS="memory 4000000"`.
"""

import json
import os
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from bench.exports import measure_csv, measure_workbook
from bench.watching import run_command

# In half a percent of the lines there is something wrong.
_FAULTY = 0.005
_REPORT = "payments"
# So many rows of workbooks are written over all rounds, or those of one round.
_WORKBOOK_ROWS = 500_000
# What an import leaves behind, without the postings, which are few.
_LEFT_BEHIND = ("settlementreport", "settlementbatch", "settlementline", "match", "ledgerconsumed", "discrepancy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """Be books that were written, and the file that their gateway would write of them."""

    books: Any
    source: Any
    path: Path
    headers: dict[str, str]


def lay(lines: int, folder: Path) -> Laid:
    """Write books of so many operations, and their file."""
    from config.demo.accounts import FIRST_ACCOUNT, SANDBOX_ACCOUNTS
    from config.volume.books import FAULTS, Books
    from gateways.models import GatewayAccount
    from reconciliation.importing.columns import map_of
    from reconciliation.services.importing import source_for

    begun_at = datetime(2026, 11, 10, tzinfo=UTC)
    account = GatewayAccount.objects.create(
        slug=f"books-{lines}",
        name="Books",
        gateway=SANDBOX_ACCOUNTS[FIRST_ACCOUNT],
        environment="test",
        currencies=["EUR"],
        sources=["ECOM"],
    )
    GatewayAccount.objects.filter(pk=account.pk).update(created_at=begun_at.replace(month=9))
    account.refresh_from_db()
    books = Books(
        account=account,
        operations=lines,
        plants=dict.fromkeys(FAULTS, max(1, round(lines * _FAULTY / len(FAULTS)))),
        begun_at=begun_at,
        batches=1 + lines // 100_000,
    )
    _say(f"books of {lines:,} operations")
    books.enter()
    source = source_for(account.slug, now=begun_at)
    column_map, _ = map_of(source)
    path = folder / f"{account.slug}.csv"
    books.write(path, column_map)
    headers = {column.field: column.header for column in column_map.columns}
    return Laid(books=books, source=source, path=path, headers=headers)


def measure(lines: int, *, rounds: int, folder: Path) -> dict[str, Any]:
    """Write books of so many operations and their file, and reconcile it in rounds: ours and the floor in turn."""
    from django.db import connection

    from bench.floor import Floor
    from reconciliation.models import Discrepancy
    from reconciliation.services.matching import look_for_missing

    laid = lay(lines, folder)
    account, books, path, headers = laid.source.account, laid.books, laid.path, laid.headers
    address = os.environ["DATABASE_URL"].replace("postgres://", "postgresql://", 1)
    ours, floors = [], []
    with psycopg.connect(address, autocommit=True) as other:
        floor = Floor(other, path, operation=headers["gateway_reference"], payment=headers["payment_reference"])
        floor.prepare(account.pk)
        for turn in range(rounds):
            for runs_floor in (True, False) if turn % 2 else (False, True):
                # Neither is to write what the other has left in memory.
                other.execute("CHECKPOINT")
                if runs_floor:
                    floors.append(floor.run())
                    continue
                _forget(other)
                ours.append(run_command(["import_settlement", str(path), "--account", account.slug], dict(os.environ)))
            _say(f"round {turn + 1}: floor {floors[-1]:.2f} s, ours {ours[-1].seconds:.2f} s")
        other.execute("DROP TABLE bench_staging, bench_result, bench_ledger")
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
    look_for_missing(source=laid.source, now=books.settled_at)
    return {
        "lines": books.lines,
        "file_mib": path.stat().st_size / 2**20,
        "floor": floors,
        "ours": [ran.seconds for ran in ours],
        "peaks_mib": {"import": max(ran.peak_mib for ran in ours), **export_peaks(account.slug, folder)},
        "planted": books.found,
        "found": dict(Counter(Discrepancy.objects.values_list("kind", flat=True))),
    }


def measure_made_anew(account: str, folder: Path) -> float:
    """Return how many seconds the file takes that its gateway makes anew, without each thousandth line of the first."""
    first, anew = folder / f"{account}.csv", folder / f"{account}-anew.csv"
    with first.open("rb") as lines, anew.open("wb") as kept:
        kept.writelines(line for number, line in enumerate(lines) if number % 1_000 != 1)
    return run_command(["import_settlement", str(anew), "--account", account], dict(os.environ)).seconds


def _forget(connection: psycopg.Connection[Any]) -> None:
    """Take away all that an import left, and the tables that a large file has of its own."""
    connection.execute(f"TRUNCATE {', '.join(f'reconciliation_{name}' for name in _LEFT_BEHIND)} CASCADE")
    own = connection.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
        "WHERE starts_with(relname, 'reconciliation_') AND relkind = 'r' AND NOT relname LIKE '%\\_common'"
    ).fetchall()
    for (name,) in own:
        connection.execute(f"DROP TABLE {name}")


def export_peaks(account: str, folder: Path) -> dict[str, float]:
    """Return how much memory each kind of file of an account's operations took to write."""
    from reconciliation.models import ExportFormat

    peaks = {}
    for form in ExportFormat.values:
        asked = ["export_report", _REPORT, "--account", account, "--test", "--format", form]
        target = folder / f"exported.{form}"
        peaks[form] = run_command([*asked, "--output", str(target)], dict(os.environ)).peak_mib
        target.unlink()
    return peaks


def measure_memory(lines: int, folder: Path) -> dict[str, Any]:
    """Write books of so many operations and their file, import it once and export it, for their memory alone."""
    laid = lay(lines, folder)
    ran = run_command(["import_settlement", str(laid.path), "--account", laid.source.slug], dict(os.environ))
    laid.path.unlink()
    return {
        "lines": laid.books.lines,
        "peaks_mib": {"import": ran.peak_mib, **export_peaks(laid.source.slug, folder)},
    }


def main() -> int:
    """Measure a tenth and the whole, and print what was found."""
    import django

    django.setup()
    from django.utils import timezone

    from config.volume import Wish, seed_volume

    lines = int(sys.argv[1])
    seed_volume(Wish(transactions=2_000, partners=3, until=timezone.now()), say=_say)
    if len(sys.argv) == 2:
        with tempfile.TemporaryDirectory() as folder:
            sizes = [measure_memory(size, Path(folder)) for size in (lines // 10, lines)]
        print(json.dumps({"sizes": sizes}))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        sizes = [measure(size, rounds=rounds, folder=Path(folder)) for size, rounds in ((lines // 10, 1), (lines, 5))]
        idle = run_command(["import_settlement", "--help"], dict(os.environ))
        _say("exports")
        csv = measure_csv(f"books-{lines}", rounds=3, port=int(sys.argv[2]))
        # XlsxWriter takes minutes for a million rows.
        workbook = measure_workbook(f"books-{lines}", rounds=max(1, _WORKBOOK_ROWS // lines))
        # It takes lines back, so it comes last.
        _say("the same report, made anew")
        anew = measure_made_anew(f"books-{lines}", Path(folder))
    print(json.dumps({"sizes": sizes, "idle_mib": idle.peak_mib, "csv": csv, "workbook": workbook, "made_anew": anew}))
    return 0


def _say(text: str) -> None:
    print(f"    {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
