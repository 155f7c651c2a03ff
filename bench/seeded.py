"""Run the measurement of pages on databases of two sizes, and print what it found."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import psycopg

from bench.pages import GOAL_MS
from bench.stand import Stand

# The queries of a page must be as many on the larger as on the smaller.
SIZES = (10_000, 1_000_000)
_PLANS_SHOWN = 5


def measure_pages(stand: Stand, size: int, *, say: Callable[[str], None]) -> dict[str, Any]:
    """Seed a database of its own with so many transactions and return what each page cost."""
    say(f"pages on {size:,} transactions")
    address = _new_database(stand.database_url, f"pages_{size}")
    environment = {**stand.environment(), "DATABASE_URL": address, "REDIS_URL": stand.redis_url, "LOG_LEVEL": "WARNING"}
    for arguments in (["manage.py", "migrate", "--noinput", "--verbosity=0"], ["-m", "bench.pages", str(size)]):
        done = subprocess.run(
            [sys.executable, *arguments], env=environment, stdout=subprocess.PIPE, text=True, check=True
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
    """Print each page's queries on both sizes, its times on the larger, and the plans of the slowest."""
    if not by_size:
        return
    smaller, larger = (by_size[size] for size in SIZES)
    few = {page["name"]: page["queries"] for page in smaller["pages"]}
    print(f"\nPages, {larger['transactions']:,} transactions seeded in {larger['seeded_in']:.0f} s; goal {GOAL_MS} ms")
    print(f"  {'':<44} {'queries':>15} {'p50 ms':>8} {'p95 ms':>8}")
    for page in larger["pages"]:
        queries = f"{few[page['name']]} / {page['queries']}"
        verdict = "✓" if page["p95"] <= GOAL_MS else "✗"
        print(f"  {page['name']:<44} {queries:>15} {page['p50']:>8.0f} {page['p95']:>8.0f} {verdict}")
    slowest = sorted(larger["pages"], key=lambda page: -float(page["slowest_ms"]))[:_PLANS_SHOWN]
    for page in slowest:
        print(f"\nThe slowest query of “{page['name']}”, {page['slowest_ms']:.0f} ms:\n{page['sql']}\n{page['plan']}")
