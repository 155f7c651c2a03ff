"""`make run` as a person meets it: a whole stack in a process of its own, in a `var` of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from django.conf import settings as django_settings

from config.embedded import server_home
from config.processes import stop_on_signals
from config.settings.test import free_port
from tests.processes import PATIENCE_SECONDS, is_running, wait_until


class Run:
    """One `make run`, without make."""

    def __init__(self, var: Path, *, web_port: int, sandbox_port: int) -> None:
        self.var = var
        self.web_url = f"http://127.0.0.1:{web_port}"
        self._environment = {
            name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL", "VAR_DIR"}
        }
        self._environment |= {
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
            "VAR_DIR": str(var),
            "WEB_PORT": str(web_port),
            "SANDBOX_PORT": str(sandbox_port),
            "WEB_CONCURRENCY": "1",
            "WORKER_CONCURRENCY": "1",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.var / "output").open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "config.processes", "--without-demo-data"],
                cwd=django_settings.BASE_DIR,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(self._is_ready, seconds=240, what="make run being ready")

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, *command],
            cwd=django_settings.BASE_DIR,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )

    @property
    def output(self) -> str:
        return (self.var / "output").read_text(errors="replace")

    def family(self) -> list[psutil.Process]:
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def children(self, word: str) -> list[psutil.Process]:
        """Return the processes that the run itself keeps up and whose command has a part or a file called `word`.

        Not the whole family: the database's own workers come and go while they are looked at.
        """
        assert self.process is not None
        return [child for child in psutil.Process(self.process.pid).children() if word in _command(child)]

    def _is_ready(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError(f"make run ended:\n{self.output[-4000:]}")
        return "ready    |" in self.output


@pytest.fixture
def run() -> Iterator[Run]:
    """A stack that is not started yet, in a folder the servers' user can reach, with the programs of this checkout."""
    var = Path(tempfile.mkdtemp(prefix="cp-run-"))
    var.chmod(0o755)
    (var / "servers").mkdir()
    for programs in server_home(django_settings.VAR_DIR).glob("programs-*"):
        (var / "servers" / programs.name).symlink_to(programs)
    stack = Run(var, web_port=free_port(2), sandbox_port=free_port(3))
    yield stack
    if stack.process is not None and stack.process.poll() is None:
        stack.process.kill()
        stack.process.wait()
    shutil.rmtree(var, ignore_errors=True)


@pytest.mark.timeout(900)
def test_a_run_through_the_deaths_of_its_processes_and_its_own_to_sigterm(run: Run) -> None:
    run.start()
    assert run.process is not None

    ready = httpx.get(f"{run.web_url}/health/ready", trust_env=False, timeout=60)
    workers = httpx.get(f"{run.web_url}/health/workers", trust_env=False, timeout=60)
    login = httpx.get(f"{run.web_url}/admin/login/", trust_env=False, timeout=60)
    assert (ready.status_code, ready.json()["status"]) == (200, "ok")
    assert workers.status_code == 200
    assert login.status_code == 200

    second = run.run("-m", "config.processes")
    assert second.returncode == 1
    assert f"already running in this checkout (process {run.process.pid})" in second.stderr

    migrations = run.run("manage.py", "showmigrations", "auth")
    assert migrations.returncode == 0, migrations.stderr
    assert "[ ]" not in migrations.stdout

    # There are three; this one's name in the log is its queues' here.
    queues = f"{django_settings.QUEUE_OPERATIONS},{django_settings.QUEUE_DEFAULT}"
    (worker,) = run.children(queues)
    worker.kill()
    wait_until(lambda: "worker   | ended with -9; starting again" in run.output, what="the worker's new start")
    wait_until(lambda: [child.pid for child in run.children(queues)] not in ([], [worker.pid]), what="another worker")

    (postgres,) = run.children("postgres")
    postgres.kill()
    wait_until(lambda: "postgres | ended with -9; starting again" in run.output, what="the database's new start")
    wait_until(
        # Longer than a request waits for a connection out of the pool.
        lambda: httpx.get(f"{run.web_url}/health/ready", trust_env=False, timeout=60).status_code == 200,
        what="the pooled connections being good again",
    )

    family = run.family()
    sockets = Path(json.loads((run.var / "run" / "servers.json").read_text())["socket_directory"])
    run.process.kill()
    run.process.wait()
    wait_until(lambda: not any(is_running(process) for process in family), what="the end of every process")

    run.start()
    family = run.family()
    assert len(family) >= 8
    assert not sockets.exists()

    run.process.send_signal(signal.SIGTERM)
    assert run.process.wait(PATIENCE_SECONDS) == 0
    wait_until(lambda: not any(is_running(process) for process in family), what="the end of every process")
    assert not (run.var / "run" / "servers.json").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_first_signal_interrupts_and_later_ones_do_not_cut_the_stop_short(number: int) -> None:
    before = signal.getsignal(number)

    with stop_on_signals():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        signal.raise_signal(number)

    assert signal.getsignal(number) is before


@pytest.mark.parametrize("name", ["WEB_PORT", "SANDBOX_PORT"])
def test_a_busy_port_is_named(run: Run, name: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        run._environment[name] = str(taken.getsockname()[1])

        result = run.run("-m", "config.processes")

    assert result.returncode == 1
    assert f"port {run._environment[name]} is busy" in result.stderr
    assert f"make run {name}=" in result.stderr


def _command(process: psutil.Process) -> list[str]:
    try:
        return [Path(part).name for part in process.cmdline()]
    except psutil.NoSuchProcess:
        return []
