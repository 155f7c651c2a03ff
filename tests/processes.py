"""Real processes that tests start beside themselves: the sandbox processors and Celery workers."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import redis
from django.conf import settings
from django.db import connection

from config.demo.accounts import SANDBOX_ACCOUNTS
from config.heartbeat import fresh_workers, stop_heart
from config.local_secrets import sandbox_config, standin_of
from config.supervisor import tethered

# How long a test waits for what has to come. It costs nothing where it comes, and where three test processes and a type
# checker share two cores, anything may have to wait for some seconds.
PATIENCE_SECONDS = 60.0


def wait_until(
    is_so: Callable[[], Any],
    *,
    seconds: float = PATIENCE_SECONDS,
    every: float = 0.02,
    what: str = "what the test waits for",
) -> Any:
    """Return the first true value. What makes work for others when it is asked is asked less often.

    :raises AssertionError: the time is over; names `what`.
    """
    deadline = time.monotonic() + seconds
    while not (value := is_so()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds} s")
        time.sleep(every)
    return value


def is_quick(act: Callable[[], Any], *, seconds: float, tries: int = 5) -> bool:
    """Say whether an act can be done in so many seconds: a busy machine may keep one try waiting, and not every one."""
    for _ in range(tries):
        started = time.monotonic()
        act()
        if time.monotonic() - started < seconds:
            return True
    return False


def is_running(process: psutil.Process) -> bool:
    """Say whether a process still runs; one that nobody has waited for yet does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_inside(thread: threading.Thread, function: str) -> bool:
    """Say whether a thread is in a function of this name, or in what that has called."""
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None:
        if frame.f_code.co_name == function:
            return True
        frame = frame.f_back
    return False


def database_url() -> str:
    """Return the address of the test database for another process."""
    database = connection.settings_dict
    user, password, name = (quote(str(database[key]), safe="") for key in ("USER", "PASSWORD", "NAME"))
    if str(database["HOST"]).startswith("/"):
        return f"postgres://{user}:{password}@/{name}?host={database['HOST']}"
    return f"postgres://{user}:{password}@{database['HOST']}:{database['PORT'] or 5432}/{name}"


def process_environment(**more: str) -> dict[str, str]:
    """Return the environment in which another process uses our settings, our test database and our broker."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "DATABASE_URL": database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "WEB_PORT": str(settings.WEB_PORT),
        "SANDBOX_PORT": str(settings.SANDBOX_PORT),
        "WEB_PROCESS": "0",
        "PYTHONUNBUFFERED": "1",
        **more,
    }


@cache
def patient_redis() -> redis.Redis:
    """Return a client of the broker for what tests do there themselves; ours give up after a fifth of a second."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=PATIENCE_SECONDS)


class Sandbox:
    """The sandbox processors in a process of their own, and their control API."""

    def __init__(self, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{settings.SANDBOX_PORT}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(base_url=self.url, timeout=PATIENCE_SECONDS, trust_env=False)
        self._changed_accounts: set[str] = set()

    def start(self) -> None:
        """Start the process and return when it answers."""
        config = self._folder / "sandbox.json"
        web_base_url = f"http://127.0.0.1:{settings.WEB_PORT}"
        described = sandbox_config(
            settings.GATEWAY_CREDENTIALS,
            accounts=SANDBOX_ACCOUNTS,
            gateways=settings.GATEWAYS,
            web_base_url=web_base_url,
        )
        config.write_text(json.dumps(described))
        arguments = ["--port", str(settings.SANDBOX_PORT), "--config", str(config), "--webhook-retry-scale", "0.01"]
        folders = (path.rsplit(".", 2)[0] for path in settings.GATEWAYS.values())
        for folder in folders:
            # A gateway that lives elsewhere has its processor in its own folder.
            if not folder.startswith("gateways.adapters."):
                arguments += ["--processor", f"{folder}.processor"]
        log = (self._folder / "sandbox.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                tethered([sys.executable, "-m", "gateways.sandbox", *arguments]),
                cwd=settings.BASE_DIR,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(self._answers, what="the sandbox answering")

    def stop(self) -> None:
        """End the process."""
        self._client.close()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the JSON of a GET below /control."""
        return self._client.get(f"/control/{path}", params=parameters).raise_for_status().json()

    def post(self, path: str, **body: Any) -> Any:
        """Return the JSON of a POST below /control."""
        self._note(path)
        return self._client.post(f"/control/{path}", json=body).raise_for_status().json()

    def put(self, path: str, **body: Any) -> Any:
        """Return the JSON of a PUT below /control."""
        self._note(path)
        return self._client.put(f"/control/{path}", json=body).raise_for_status().json()

    def delete(self, path: str) -> Any:
        """Return the JSON of a DELETE below /control."""
        return self._client.delete(f"/control/{path}").raise_for_status().json()

    def reset(self) -> None:
        """Make the sandbox forget everything, and know its accounts again as they were configured."""
        self.post("reset")
        for gateway, section in json.loads((self._folder / "sandbox.json").read_text()).items():
            named = standin_of(settings.GATEWAYS[gateway]).account_name
            for account in section["accounts"]:
                path = f"{gateway}/accounts/{named(account)}"
                if path in self._changed_accounts:
                    self.put(path, **account)
        self._changed_accounts.clear()

    def _note(self, path: str) -> None:
        """Remember what accounts may no longer be what was configured: it would take ten requests to tell all anew."""
        if "/accounts/" in path:
            self._changed_accounts.add("/".join(path.split("/")[:3]))

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise AssertionError(f"the sandbox ended:\n{(self._folder / 'sandbox.log').read_text()[-3000:]}")
        try:
            return self._client.get("/control/health").is_success
        except httpx.HTTPError:
            return False


class CeleryWorker:
    """A Celery worker in a process of its own, on the test database and the test broker."""

    def __init__(
        self, folder: Path, *, name: str = "test", concurrency: int = 2, environment: dict[str, str] | None = None
    ) -> None:
        self._folder = folder
        self._environment = environment or {}
        self._hostname = f"{name}@test"
        self._concurrency = concurrency
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the process id of the worker's main process."""
        assert self._process is not None
        return self._process.pid

    @property
    def output(self) -> str:
        """Return everything the worker wrote."""
        return (self._folder / "worker.log").read_text(errors="replace")

    def start(self) -> None:
        """Start the worker and return when it was heard of."""
        stop_heart(settings.REDIS_URL, worker=self._hostname)
        command = ["celery", "--quiet", "-A", "config.celery", "worker", "--hostname", self._hostname]
        command += [
            "--concurrency",
            str(self._concurrency),
            "--without-gossip",
            "--without-mingle",
            "--loglevel",
            "INFO",
        ]
        with (self._folder / "worker.log").open("ab") as log:
            self._process = subprocess.Popen(
                tethered([sys.executable, "-m", *command]),
                cwd=settings.BASE_DIR,
                env=process_environment(**self._environment),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(self._is_heard_of, seconds=2 * PATIENCE_SECONDS, what="the worker's first heartbeat")

    def stop(self) -> None:
        """Let the worker finish what it does, for at most 10 s."""
        if self._process is None:
            return
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self.kill()

    def kill(self) -> None:
        """End the worker and its pool by SIGKILL."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def _is_heard_of(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise AssertionError(f"the worker ended:\n{self.output[-3000:]}")
        try:
            return self._hostname in fresh_workers(settings.REDIS_URL, now=time.time())
        except redis.TimeoutError:
            return False
