"""`make bench`: how fast webhooks are accepted, bookings confirmed, pages shown and files reconciled, beside the goals.

`make bench ARGS=edges` measures webhooks and confirmations alone, `ARGS=pages` the pages, and `ARGS=books` a settlement
file of a million lines; `ARGS="books 100000"` has a smaller one, and `ARGS="memory 4000000"` looks at the memory that
one of so many takes, and at nothing else.
"""

import os
import platform
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# Lines of the settlement file, where nobody asks for another number.
BOOKS = 1_000_000


def main() -> int:
    """Measure and print; 0 also when a goal is missed, for a busy machine proves nothing.

    1 where a file of planted discrepancies was not reconciled to exactly these: that is no matter of time.
    """
    started = time.monotonic()
    base = Path(__file__).resolve().parent.parent
    own_var = Path(tempfile.mkdtemp(prefix="bench-", dir=_folder(base / "var")))
    # Before settings are imported: servers, data and ports of the bench's own.
    os.environ |= {"VAR_DIR": str(own_var), "WEB_PORT": str(_free_port()), "SANDBOX_PORT": str(_free_port())}
    from bench.confirms import CONNECTIONS as CONFIRM_CONNECTIONS
    from bench.confirms import measure_confirms
    from bench.seeded import (
        SIZES,
        is_found,
        measure_books,
        measure_memory,
        measure_pages,
        print_books,
        print_memory,
        print_pages,
    )
    from bench.stand import Stand
    from bench.webhooks import CONNECTIONS, measure_webhooks, percentile
    from config.demo.accounts import FIRST_ACCOUNT
    from config.settings import local

    def say(text: str) -> None:
        print(f"  {time.monotonic() - started:5.1f} s  {text}", flush=True)

    load = os.getloadavg()[0]
    wanted = [word for word in sys.argv[1:] if not word.isdecimal()] or ["edges", "pages", "books"]
    lines = next((int(word) for word in sys.argv[1:] if word.isdecimal()), BOOKS)
    pages: dict[int, dict[str, Any]] = {}
    books: dict[str, Any] = {}
    memory: dict[str, Any] = {}
    try:
        with Stand(say=say) as stand:
            if "pages" in wanted:
                pages = {size: measure_pages(stand, size, say=say) for size in SIZES}
            if "books" in wanted:
                books = measure_books(stand, lines, port=_free_port(), say=say)
            if "memory" in wanted:
                memory = measure_memory(stand, lines, say=say)
            if "edges" not in wanted:
                print_pages(pages)
                print_books(books)
                print_memory(memory)
                return _exit_code(is_found(books))
            stand_up = f"{os.cpu_count()} cores, Python {platform.python_version()}, {_workers()}"
            with stand.worker():
                say("confirmations")
                confirms = measure_confirms(stand)
            say("webhooks")
            stand.manage("shell", "--no-imports", "-c", _CREATE_TABLE)
            ours, bare = measure_webhooks(stand, local.GATEWAY_CREDENTIALS[FIRST_ACCOUNT])
    finally:
        shutil.rmtree(own_var, ignore_errors=True)
    print(f"\nOn {stand_up}; requests from a process on the same cores")
    busy = "" if load < 0.5 else ": this machine is busy with other things, the times are worse than they would be"
    print(f"Load average before the start: {load:.1f}{busy}\n")
    print(f"Webhooks, {CONNECTIONS} connections       per second     p50 ms     p99 ms")
    for name, figures in (("ours", ours), ("bare view", bare)):
        print(f"  {name:<28} {figures.per_second:>10.0f} {figures.p50:>10.1f} {figures.p99:>10.1f}")
    ratio = ours.per_second / bare.per_second
    print(f"  {'ours / bare':<28} {ratio:>10.2f}   {_verdict(ratio >= 0.8)} goal 0.80")
    print(f"  {'p99':<28} {ours.p99:>10.1f}   {_verdict(ours.p99 <= 30)} goal 30 ms\n")
    print(f"OCTO confirm without the gateway, {CONFIRM_CONNECTIONS} connection       p50 ms     p99 ms")
    for name, own in confirms.items():
        p50, p99 = percentile(own, 0.5), percentile(own, 0.99)
        goals = f"{_verdict(p50 <= 25)} goal 25   {_verdict(p99 <= 60)} goal 60"
        print(f"  {name:<38} {p50:>12.1f} {p99:>10.1f}   {goals}")
    print_pages(pages)
    print_books(books)
    print_memory(memory)
    return _exit_code(is_found(books))


def _exit_code(is_found: bool) -> int:
    if not is_found:
        print("\nWhat was found is not what was planted.")
    return 0 if is_found else 1


_CREATE_TABLE = """
from django.db import connection
from bench.bare import CREATE_TABLE
connection.cursor().execute(CREATE_TABLE)
"""


def _workers() -> str:
    return f"{os.environ.get('WEB_CONCURRENCY', '2')} web processes of {os.environ.get('WEB_THREADS', '8')} threads"


def _verdict(is_met: bool) -> str:
    return "✓" if is_met else "✗"


def _folder(path: Path) -> Path:
    path.mkdir(exist_ok=True)
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
