"""Run the whole product on one machine: web, Celery worker, Celery beat, the sandbox processors, and their servers.

`python -m config.processes` is `make run`; the demo and tests use `Stack`.
"""

import argparse
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Any

from config.demo.accounts import SANDBOX_ACCOUNTS
from config.embedded import EmbeddedServers, new_socket_directory, server_home
from config.local_secrets import sandbox_config
from config.servers import EmbeddedServersFailed, forget_servers, record_servers
from config.settings import local as settings
from config.supervisor import Child, ChildFailed, Echo, Supervisor, tethered


class StackFailed(RuntimeError):
    """Say, in words for a person, why the processes cannot run."""


class Stack:
    """Every process of the product, started in order and stopped together. Use as a context manager.

    On entry the servers run, the database is migrated, the demo's data is there and the processes are started;
    `wait_ready` returns when they answer.
    """

    def __init__(self, *, echo: Echo | None = None, say: Echo | None = None, is_seeded: bool = True) -> None:
        self.web_url = f"http://127.0.0.1:{settings.WEB_PORT}"
        self.sandbox_url = f"http://127.0.0.1:{settings.SANDBOX_PORT}"
        self._var: Path = settings.VAR_DIR
        self._echo = echo
        self._say: Echo = say or (lambda _name, _line: None)
        self._is_seeded = is_seeded
        self._supervisor: Supervisor | None = None
        self._exits = ExitStack()
        # What `seed_demo --json` printed: keys and who may log in.
        self.access: dict[str, Any] = {}

    def __enter__(self) -> "Stack":
        with ExitStack() as exits:
            exits.enter_context(_only_one(self._var / "run" / "lock"))
            for name, port in (("WEB_PORT", settings.WEB_PORT), ("SANDBOX_PORT", settings.SANDBOX_PORT)):
                _require_free(name, port)
            self._start_servers(exits)
            self._write_sandbox_config()
            settings.STATIC_ROOT.mkdir(exist_ok=True)
            self._say("set-up", "migrations")
            self.manage("migrate", "--noinput", "--verbosity=0")
            if self._is_seeded:
                self._say("set-up", "demo data")
                self.access = json.loads(self.manage("seed_demo", "--json"))
            self._supervisor = Supervisor(
                self._children(), log_directory=self._var / "log", echo=self._echo, note=self._say
            )
            self._say("set-up", "web, worker, beat, sandbox")
            exits.callback(self._supervisor.stop)
            self._supervisor.start()
            self._exits = exits.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    def wait_ready(self, *, seconds: float = 60) -> None:
        """Return when the web answers, a worker was heard of and the sandbox listens.

        :raises ChildFailed: one of them does not start; says what it wrote.
        """
        supervisor = self._started()
        deadline = time.monotonic() + seconds
        for name, is_ready in (
            ("sandbox", lambda: _listens(settings.SANDBOX_PORT)),
            ("web", lambda: _answers(f"{self.web_url}/health/ready")),
            ("worker", lambda: _answers(f"{self.web_url}/health/workers")),
        ):
            supervisor.wait_until(name, is_ready, seconds=max(1.0, deadline - time.monotonic()))

    def pids(self) -> dict[str, int]:
        """Return the process ids of web, worker, beat and sandbox, by name."""
        return self._started().pids()

    def _started(self) -> Supervisor:
        if self._supervisor is None:
            raise StackFailed("the processes are not started")
        return self._supervisor

    def _start_servers(self, exits: ExitStack) -> None:
        if not settings.EMBEDDED_SERVERS:
            return
        self._say("set-up", f"PostgreSQL {settings.EMBEDDED_POSTGRES} and Valkey")
        forget_servers(self._var)
        home = server_home(self._var)
        embedded = EmbeddedServers(
            home=home,
            data=home,
            socket_directory=new_socket_directory(),
            log_directory=self._var / "log",
            postgres=settings.EMBEDDED_POSTGRES,
            note=self._say,
        )
        exits.callback(forget_servers, self._var)
        exits.enter_context(embedded)
        record_servers(self._var, embedded.servers)

    def _write_sandbox_config(self) -> None:
        path = self._var / "run" / "sandbox.json"
        config = sandbox_config(
            settings.GATEWAY_CREDENTIALS,
            accounts=SANDBOX_ACCOUNTS,
            gateways=settings.GATEWAYS,
            web_base_url=self.web_url,
        )
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(config, file, indent=2)

    def _environment(self) -> dict[str, str]:
        environment = {name: value for name, value in os.environ.items() if name != "WEB_PROCESS"}
        environment |= {
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
            "PYTHONUNBUFFERED": "1",
            "VAR_DIR": str(self._var),
            "PROMETHEUS_MULTIPROC_DIR": str(self._var / "run" / "metrics"),
        }
        return environment

    def manage(self, *arguments: str) -> str:
        """Run a management command and return what it printed.

        :raises StackFailed: it failed; says what it wrote.
        """
        command = tethered([sys.executable, "manage.py", *arguments])
        result = subprocess.run(
            command,
            cwd=settings.BASE_DIR,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            raise StackFailed(f"manage.py {' '.join(arguments)} failed:\n{result.stdout}{result.stderr}")
        return result.stdout

    def _children(self) -> list[Child]:
        sandbox = ["gateways.sandbox", "--port", str(settings.SANDBOX_PORT)]
        sandbox += ["--config", str(self._var / "run" / "sandbox.json")]
        sandbox += ["--state", str(self._var / "run" / "sandbox.sqlite3")]
        worker = ["celery", "--quiet", "-A", "config.celery", "worker"]
        worker += ["--without-gossip", "--without-mingle", "--loglevel", "INFO"]
        # Webhooks have a worker of their own: a gateway that hangs keeps the others busy, and guests wait for these.
        for_webhooks = [*worker, "--hostname", "webhooks@%h", "--queues", settings.QUEUE_WEBHOOKS]
        # So have callbacks: partners' receivers hang, and one process speaks to many of them at once.
        for_callbacks = [*worker, "--hostname", "callbacks@%h", "--queues", settings.QUEUE_CALLBACKS]
        for_callbacks += ["--concurrency", "1"]
        worker += ["--queues", f"{settings.QUEUE_OPERATIONS},{settings.QUEUE_DEFAULT}"]
        return [
            self._child("sandbox", sandbox, stop_seconds=5),
            self._child("worker", worker, stop_seconds=8),
            self._child("webhooks", for_webhooks, stop_seconds=8),
            self._child("callbacks", for_callbacks, stop_seconds=8),
            self._child("beat", ["celery", "--quiet", "-A", "config.celery", "beat", "--pidfile="], stop_seconds=5),
            self._child("web", ["gunicorn", "-c", "python:config.gunicorn", "config.wsgi"], stop_seconds=9),
        ]

    def _child(self, name: str, module: Sequence[str], *, stop_seconds: float) -> Child:
        return Child(
            name=name,
            command=[sys.executable, "-m", *module],
            environment=self._environment(),
            directory=settings.BASE_DIR,
            stop_seconds=stop_seconds,
        )


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Turn the first SIGTERM, SIGHUP or Ctrl-C into KeyboardInterrupt; later ones would cut the stop short."""
    asked = threading.Event()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if not asked.is_set():
            asked.set()
            raise KeyboardInterrupt

    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def print_line(name: str, line: str) -> None:
    """Print one line of one process, with its name in front."""
    print(f"{name:<8} | {line}", flush=True)


def main() -> int:
    """Run every process until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m config.processes", description="Run every process of the product.")
    parser.add_argument("--without-demo-data", action="store_true", help="leave the database as it is")
    arguments = parser.parse_args()
    with stop_on_signals():
        try:
            with Stack(echo=print_line, say=print_line, is_seeded=not arguments.without_demo_data) as stack:
                stack.wait_ready()
                print_line("ready", f"{stack.web_url}/admin/ · stop with Ctrl-C · logs in {settings.VAR_DIR / 'log'}")
                signal.pause()
        except KeyboardInterrupt:
            print_line("stopped", "nothing is left running")
        except (StackFailed, ChildFailed, EmbeddedServersFailed) as error:
            print(f"make run: {error}", file=sys.stderr)
            return 1
    return 0


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Hold the checkout's lock; the kernel gives it back however we end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file: IO[str]
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise StackFailed(
                f"already running in this checkout (process {file.read().strip()}); stop that first"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _require_free(name: str, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise StackFailed(f"port {port} is busy; choose another one: make run {name}={port + 1000}") from None


def _listens(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(main())
