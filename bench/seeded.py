"""Run the measurements of pages and of books, each in databases of its own, and print what they found."""

import json
import subprocess
import sys
from collections.abc import Callable
from statistics import median
from typing import Any

import psycopg

from bench.pages import GOAL_MS
from bench.stand import Stand

# The queries of a page must be as many on the larger as on the smaller.
SIZES = (10_000, 1_000_000)
_PLANS_SHOWN = 5
_FLOOR_GOAL = 0.38
_PEAK_GOAL_MIB = 64
# Peak memory must be the same for ten times as many lines.
_FLAT_GOAL = 1.2
_CSV_GOAL = 0.85
_XLSX_GOAL = 12


def measure_pages(stand: Stand, size: int, *, say: Callable[[str], None]) -> dict[str, Any]:
    """Seed a database of its own with so many transactions and return what each page cost."""
    say(f"pages on {size:,} transactions")
    return _measured(stand, f"pages_{size}", ["-m", "bench.pages", str(size)])


def measure_books(stand: Stand, lines: int, *, port: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Reconcile and export books of so many lines in a database of their own and return what that took."""
    say(f"books of {lines:,} lines")
    return _measured(stand, f"books_{lines}", ["-m", "bench.books", str(lines), str(port)])


def measure_memory(stand: Stand, lines: int, *, say: Callable[[str], None]) -> dict[str, Any]:
    """Import and export a tenth and all of so many lines in a database of their own and return what memory it took."""
    say(f"memory for {lines:,} lines")
    return _measured(stand, f"memory_{lines}", ["-m", "bench.books", str(lines)])


def _measured(stand: Stand, database: str, arguments: list[str]) -> dict[str, Any]:
    address = _new_database(stand.database_url, database)
    environment = {**stand.environment(), "DATABASE_URL": address, "REDIS_URL": stand.redis_url, "LOG_LEVEL": "WARNING"}
    for command in (["manage.py", "migrate", "--noinput", "--verbosity=0"], arguments):
        done = subprocess.run(
            [sys.executable, *command], env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _new_database(url: str, name: str) -> str:
    """Make an empty database beside the one of an address, and return its address."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    scheme, _, rest = url.partition("://")
    place, _, options = rest.partition("?")
    return f"{scheme}://{place.rpartition('/')[0]}/{name}" + (f"?{options}" if options else "")


def print_pages(by_size: dict[int, dict[str, Any]]) -> None:
    """Print, as docs/performance.md has them, each page's queries and times and what the slowest queries do."""
    if not by_size:
        return
    print("\n" + "\n".join(pages_told(*(by_size[size] for size in SIZES))))


def pages_told(smaller: dict[str, Any], larger: dict[str, Any]) -> list[str]:
    """Return the lines that tell of pages; queries are those of the larger, and of both where they differ."""
    few = {page["name"]: page["queries"] for page in smaller["pages"]}
    pages = larger["pages"]
    queues = sorted((page for page in pages if page["name"].startswith("queue: ")), key=lambda page: -page["p50"])
    others = queues[1:]
    lines = [
        f"{larger['transactions']:,} transactions, seeded in {larger['seeded_in']:.0f} s; goal {GOAL_MS} ms",
        "",
        "| page | queries | p50 ms | p95 ms |",
        "|---|---|---|---|",
    ]
    for page in pages:
        if page not in others:
            same = page["queries"] == few[page["name"]]
            queries = f"{page['queries']}" if same else f"{few[page['name']]} / {page['queries']}"
            lines.append(f"| {page['name']} | {queries} | {page['p50']:.0f} | {page['p95']:.0f} |")
    if others:
        counts = [page["queries"] for page in others]
        most = " | ".join(f"at most {max(page[name] for page in others):.0f}" for name in ("p50", "p95"))
        lines.append(f"| the {len(others)} other queues | {min(counts)} to {max(counts)} | {most} |")
    late = [page for page in pages if page["p95"] > GOAL_MS]
    lines += ["", "| page | its slowest query reads | where the time goes | ms |", "|---|---|---|---|"]
    for page in sorted(pages, key=lambda page: -float(page["slowest_ms"]))[:_PLANS_SHOWN]:
        plan = page["plan"]
        lines.append(f"| {page['name']} | {plan['reads']} | {plan['nodes']} | {page['slowest_ms']:.0f} |")
    missed = ", ".join(f"{page['name']} {page['p95']:.0f}" for page in late)
    return [*lines, "", f"✗ above {GOAL_MS} ms: {missed}" if missed else f"✓ every p95 is at most {GOAL_MS} ms"]


def print_memory(measured: dict[str, Any]) -> None:
    """Print how much memory imports and exports took, of a tenth and of all lines."""
    if not measured:
        return
    small, large = measured["sizes"]
    print(f"\nPeak memory in MiB, {small['lines']:,} and {large['lines']:,} lines; goal {_PEAK_GOAL_MIB}")
    for name, peak in large["peaks_mib"].items():
        before = small["peaks_mib"][name]
        is_met = max(peak, before) <= _PEAK_GOAL_MIB and peak <= before * _FLAT_GOAL
        print(f"  {name:<44} {before:>12.1f} {peak:>12.1f}   {'✓' if is_met else '✗'}")


def is_found(measured: dict[str, Any]) -> bool:
    """Say whether what was planted is what was found, kind by kind, in every file that was reconciled."""
    return all(size["found"] == size["planted"] for size in measured.get("sizes", []) if "planted" in size)


def print_books(measured: dict[str, Any]) -> None:
    """Print what reconciling and exporting took beside the goals."""
    if not measured:
        return
    _, large = measured["sizes"]
    floor, ours = median(large["floor"]), median(large["ours"])
    ratio = _median_ratio(large["floor"], large["ours"])
    print(
        f"\nReconciling {large['lines']:,} lines, {large['file_mib']:.0f} MiB; medians of {len(large['ours'])} rounds"
    )
    print(f"  {'COPY and one hash join':<44} {floor:>10.2f} s")
    print(f"  {'ours, from the command':<44} {ours:>10.2f} s")
    print(f"  {'ours of that report made anew':<44} {measured['made_anew']:>10.2f} s")
    goals = [
        ("floor / ours", f"{ratio:.2f}", ratio >= _FLOOR_GOAL, f"goal {_FLOOR_GOAL}"),
        (
            "discrepancies as planted",
            f"{sum(large['found'].values()):,}",
            is_found(measured),
            f"{sum(large['planted'].values()):,}",
        ),
    ]
    csv, workbook = measured["csv"], measured["workbook"]
    csv_ratio = _median_ratio(csv["bare"], csv["ours"])
    written_ratio = _median_ratio(csv["bare"], csv["written"])
    times = _median_ratio(workbook["theirs"], workbook["ours"])
    goals += [
        (
            f"CSV of {csv['rows']:,} rows over HTTP: COPY / ours",
            f"{csv_ratio:.2f}",
            csv_ratio >= _CSV_GOAL,
            f"goal {_CSV_GOAL}",
        ),
        ("  without the download", f"{written_ratio:.2f}", True, ""),
        (
            f"workbook of {workbook['rows']:,} rows: XlsxWriter / ours",
            f"{times:.1f}",
            times >= _XLSX_GOAL,
            f"goal {_XLSX_GOAL}",
        ),
    ]
    for name, figure, is_met, goal in goals:
        print(f"  {name:<44} {figure:>12}   {'✓' if is_met else '✗'} {goal}")
    print_memory(measured)
    print(f"  {'a command that does nothing':<44} {'':>12} {measured['idle_mib']:>12.1f}")


def _median_ratio(theirs: list[float], ours: list[float]) -> float:
    """Return how many times as long theirs took as ours of the same round, in the median round."""
    return median(their / our for their, our in zip(theirs, ours, strict=True))
