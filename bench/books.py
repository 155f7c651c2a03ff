"""How fast a settlement file is reconciled, beside the least that it can cost, and how much memory that takes.

`python -m bench.books LINES PORT` works in the database that DATABASE_URL names and prints one JSON object.
`make bench ARGS="books 100000"` makes that database and prints what came of it beside the goals.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from bench.exports import measure_csv, measure_workbook

# In half a percent of the lines there is something wrong.
_FAULTY = 0.005
# What an import leaves behind, without the postings, which are few.
_LEFT_BEHIND = ("settlementreport", "settlementbatch", "settlementline", "match", "ledgerconsumed", "discrepancy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """Say how long a process took and how much memory it had at most."""

    seconds: float
    peak_mib: float


def run_command(arguments: list[str], environment: dict[str, str]) -> Ran:
    """Run a management command and watch it.

    Its high-water mark is read while it runs: what the system accounts to a child includes what its parent had.

    :raises RuntimeError: it failed.
    """
    started = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([sys.executable, "manage.py", *arguments], env=environment, stdout=said, stderr=said)
        peak = 0
        while True:
            try:
                process.wait(0.02)
            except subprocess.TimeoutExpired:
                peak = max(peak, _peak_kib(process.pid))
            else:
                break
        seconds = time.perf_counter() - started
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"manage.py {' '.join(arguments)} failed:\n{said.read().decode(errors='replace')}")
    return Ran(seconds=seconds, peak_mib=peak / 1024)


def _peak_kib(process_id: int) -> int:
    try:
        status = Path(f"/proc/{process_id}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)


def measure(lines: int, *, rounds: int, folder: Path) -> dict[str, Any]:
    """Write books of so many operations and their file, and reconcile it in rounds: ours and the floor in turn."""
    from django.db import connection

    from bench.floor import Floor
    from config.demo.accounts import FIRST_ACCOUNT, SANDBOX_ACCOUNTS
    from config.volume.books import FAULTS, Books
    from gateways.models import GatewayAccount
    from reconciliation.importing.columns import map_of
    from reconciliation.models import Discrepancy
    from reconciliation.services.importing import source_for
    from reconciliation.services.matching import look_for_missing

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
                other.execute(f"TRUNCATE {', '.join(f'reconciliation_{name}' for name in _LEFT_BEHIND)} CASCADE")
                ours.append(run_command(["import_settlement", str(path), "--account", account.slug], dict(os.environ)))
            _say(f"round {turn + 1}: floor {floors[-1]:.2f} s, ours {ours[-1].seconds:.2f} s")
        other.execute("DROP TABLE bench_staging, bench_result, bench_ledger")
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
    look_for_missing(source=source, now=books.settled_at)
    return {
        "lines": books.lines,
        "file_mib": path.stat().st_size / 2**20,
        "floor": floors,
        "ours": [ran.seconds for ran in ours],
        "peak_mib": max(ran.peak_mib for ran in ours),
        "planted": books.found,
        "found": dict(Counter(Discrepancy.objects.values_list("kind", flat=True))),
    }


def main() -> int:
    """Measure a tenth and the whole, and print what was found."""
    import django

    django.setup()
    from django.utils import timezone

    from config.volume import Wish, seed_volume

    lines = int(sys.argv[1])
    seed_volume(Wish(transactions=2_000, partners=3, until=timezone.now()), say=_say)
    with tempfile.TemporaryDirectory() as folder:
        sizes = [measure(size, rounds=rounds, folder=Path(folder)) for size, rounds in ((lines // 10, 1), (lines, 5))]
        idle = run_command(["check"], dict(os.environ))
    _say("exports")
    csv = measure_csv(f"books-{lines}", rounds=3, port=int(sys.argv[2]))
    workbook = measure_workbook(f"books-{lines // 10}", rounds=3)
    print(json.dumps({"sizes": sizes, "idle_mib": idle.peak_mib, "csv": csv, "workbook": workbook}))
    return 0


def _say(text: str) -> None:
    print(f"    {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
