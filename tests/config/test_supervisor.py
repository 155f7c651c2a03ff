import os
import signal
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from config.supervisor import Child, ChildFailed, Supervisor
from tests.processes import is_running, wait_until

FOREVER = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


def child(code: str, *, name: str = "child", **options: float) -> Child:
    return Child(name=name, command=[sys.executable, "-c", code], **options)  # type: ignore[arg-type]


@pytest.fixture
def supervise(tmp_path: Path):
    """Start a supervisor that is stopped after the test."""
    started: list[Supervisor] = []

    def start(*children: Child, **options: Callable[[str, str], None]) -> Supervisor:
        supervisor = Supervisor(children, log_directory=tmp_path, **options)
        started.append(supervisor)
        supervisor.start()
        return supervisor

    yield start
    for supervisor in started:
        supervisor.stop()


def test_a_dead_child_is_started_again_at_once_and_told_of(supervise) -> None:
    notes: list[tuple[str, str]] = []
    supervisor = supervise(child(FOREVER), note=lambda name, line: notes.append((name, line)))
    before = supervisor.pids()["child"]

    os.kill(before, signal.SIGKILL)

    wait_until(lambda: supervisor.pids().get("child", before) != before, what="another process")
    assert supervisor.deaths("child") == 1
    assert notes == [("child", "ended with -9; starting again")]


def test_a_child_that_keeps_dying_is_started_ever_more_slowly(supervise, tmp_path: Path) -> None:
    supervisor = supervise(child("import time; print(time.monotonic(), flush=True)"))

    wait_until(lambda: supervisor.deaths("child") >= 4)

    starts = [float(line) for line in (tmp_path / "child.log").read_text().splitlines()]
    pauses = [later - earlier for earlier, later in pairwise(starts)]
    assert pauses[1] >= 1.0
    assert pauses[2] >= 2.0


def test_a_child_that_never_gets_ready_is_reported_with_its_last_words(supervise) -> None:
    supervisor = supervise(child("import sys; sys.exit('no such broker')"))

    with pytest.raises(ChildFailed, match="no such broker"):
        supervisor.wait_until("child", lambda: False, seconds=60)


def test_stopping_kills_a_stubborn_child_after_its_time(supervise) -> None:
    supervisor = supervise(child(STUBBORN, stop_seconds=0.5), child(FOREVER, name="willing", stop_seconds=60))
    processes = [psutil.Process(pid) for pid in supervisor.pids().values()]
    wait_until(lambda: "up" in supervisor.last_lines("child") and "up" in supervisor.last_lines("willing"))

    started = time.monotonic()
    supervisor.stop()

    assert time.monotonic() - started < 30
    assert not any(process.is_running() for process in processes)


def test_stopping_takes_what_the_children_started_along(supervise) -> None:
    supervisor = supervise(child(PARENT))
    grandchild = psutil.Process(int(wait_until(lambda: supervisor.last_lines("child"))))

    supervisor.stop()

    wait_until(lambda: not is_running(grandchild))
