"""Keep a few child processes alive, and leave none behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

Echo = Callable[[str, str], None]

_TETHER = Path(__file__).with_name("tether.py")
_POLL_SECONDS = 0.05
_LONGEST_BACK_OFF_SECONDS = 10.0
# A child that lived this long starts again without waiting, as if it had never died.
_PROVEN_SECONDS = 30.0
_LARGEST_LOG_BYTES = 20 * 1024 * 1024


class ChildFailed(RuntimeError):
    """Say that a child ended before it was ready, with the last lines it wrote."""


@dataclass(frozen=True, kw_only=True)
class Child:
    """One process to keep alive. `death_signal` reaches it when we die without stopping it."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] | None = None
    directory: Path | None = None
    user: str | None = None
    stop_signal: int = signal.SIGTERM
    death_signal: int = signal.SIGKILL
    stop_seconds: float = 8.0


@dataclass
class _Running:
    child: Child
    process: "subprocess.Popen[bytes] | None" = None
    pump: threading.Thread | None = None
    started_at: float = 0.0
    deaths: int = 0
    start_again_at: float = 0.0
    last_lines: list[str] = field(default_factory=list)


def tethered(command: Sequence[str], *, death_signal: int = signal.SIGKILL, user: str | None = None) -> list[str]:
    """Return the command line under which a command ends with this process."""
    prefix = [sys.executable, "-I", "-S", str(_TETHER), str(int(death_signal)), str(os.getpid()), user or "-"]
    return [*prefix, *command]


class Supervisor:
    """Start children, restart those that die with a growing pause, stop them all.

    `echo` gets every line the children write, `note` what happens to them.
    One thread starts every child and lives until the last has ended: the death signal follows the thread that forked.
    """

    def __init__(
        self, children: Sequence[Child], *, log_directory: Path, echo: Echo | None = None, note: Echo | None = None
    ) -> None:
        self._running = {child.name: _Running(child) for child in children}
        self._log_directory = log_directory
        self._echo = echo
        self._note = note or echo
        self._stopping = threading.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        """Start every child once; return when all are started, not when they are ready."""
        self._log_directory.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        self._started.wait()

    def stop(self) -> None:
        """Ask all children at once to end, kill those that take longer than they may, and return when none is left."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def pids(self) -> dict[str, int]:
        """Return the process ids of the children that are running, by name."""
        processes = {name: running.process for name, running in self._running.items()}
        return {name: process.pid for name, process in processes.items() if process and process.poll() is None}

    def deaths(self, name: str) -> int:
        """Return how often a child ended without being asked to."""
        return self._running[name].deaths

    def last_lines(self, name: str) -> str:
        """Return the end of what a child wrote."""
        return "\n".join(self._running[name].last_lines)

    def wait_until(self, name: str, is_ready: Callable[[], bool], *, seconds: float) -> None:
        """Wait until a check holds.

        :raises ChildFailed: the child kept dying, or the time is over.
        """
        deadline = time.monotonic() + seconds
        while not is_ready():
            if self.deaths(name) > 3:
                raise ChildFailed(f"{name} does not start:\n{self.last_lines(name)}")
            if time.monotonic() > deadline:
                raise ChildFailed(f"{name} was not ready in {seconds:.0f} s:\n{self.last_lines(name)}")
            time.sleep(_POLL_SECONDS)

    def _run(self) -> None:
        try:
            for running in self._running.values():
                self._start(running)
            self._started.set()
            while not self._stopping.wait(_POLL_SECONDS):
                for running in self._running.values():
                    self._look_after(running)
        finally:
            self._started.set()
            self._stop_all()

    def _start(self, running: _Running) -> None:
        child = running.child
        command = tethered(child.command, death_signal=child.death_signal, user=child.user)
        running.started_at = time.monotonic()
        process = subprocess.Popen(
            command,
            env=dict(child.environment) if child.environment is not None else None,
            cwd=child.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Ctrl-C in the terminal is for us; we end the children in order.
            start_new_session=True,
        )
        running.process = process
        running.pump = threading.Thread(target=self._pump, args=(running, process), daemon=True)
        running.pump.start()

    def _look_after(self, running: _Running) -> None:
        if running.process is not None:
            status = running.process.poll()
            if status is None:
                return
            self._kill_group(running.process)
            lived = time.monotonic() - running.started_at
            running.deaths = 1 if lived > _PROVEN_SECONDS else running.deaths + 1
            pause = 0.0 if running.deaths == 1 else min(0.25 * 2**running.deaths, _LONGEST_BACK_OFF_SECONDS)
            running.process = None
            running.start_again_at = time.monotonic() + pause
            self._tell(running, f"ended with {status}; starting again" + (f" in {pause:.1f} s" if pause else ""))
        elif time.monotonic() >= running.start_again_at:
            self._start(running)

    def _stop_all(self) -> None:
        processes = [(running, running.process) for running in self._running.values() if running.process is not None]
        for running, process in processes:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    process.send_signal(running.child.stop_signal)
        asked_at = time.monotonic()
        for running, process in processes:
            try:
                process.wait(max(0.0, asked_at + running.child.stop_seconds - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._tell(running, "did not end in time; killed")
            # Also what it started: a pool's children, a server's workers.
            self._kill_group(process)
            process.wait()
            if running.pump is not None:
                running.pump.join(timeout=1)

    @staticmethod
    def _kill_group(process: "subprocess.Popen[bytes]") -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)

    def _tell(self, running: _Running, line: str) -> None:
        running.last_lines = [*running.last_lines[-29:], line]
        if self._note is not None:
            self._note(running.child.name, line)

    def _pump(self, running: _Running, process: "subprocess.Popen[bytes]") -> None:
        path = self._log_directory / f"{running.child.name}.log"
        log = path.open("ab")
        assert process.stdout is not None
        with process.stdout as output:
            for raw in output:
                if log.tell() > _LARGEST_LOG_BYTES:
                    log.close()
                    path.replace(path.with_suffix(".log.1"))
                    log = path.open("ab")
                log.write(raw)
                log.flush()
                line = raw.decode(errors="replace").rstrip()
                running.last_lines = [*running.last_lines[-29:], line]
                if self._echo is not None:
                    self._echo(running.child.name, line)
        log.close()
