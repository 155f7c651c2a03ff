"""What is measured: real gunicorn, real PostgreSQL and Valkey, the sandbox; a worker when it is asked for."""

import json
import os
import pickle
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.load import request_bytes
from config.supervisor import Child, Supervisor

MOST_SECONDS = 120


class Stand:
    """Servers and processes of one run, in a folder of its own; use as a context manager."""

    def __init__(self, *, say: Callable[[str], None]) -> None:
        from config.settings import local

        self.web_url = f"http://127.0.0.1:{local.WEB_PORT}"
        self.sandbox_url = f"http://127.0.0.1:{local.SANDBOX_PORT}"
        self.access: dict[str, Any] = {}
        # Where PostgreSQL and Valkey are; those of the environment, unless the stand starts its own.
        self.database_url, self.redis_url = os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", "")
        self._settings = local
        self._say = say
        self._exits = ExitStack()
        self._log = local.VAR_DIR / "log"

    def __enter__(self) -> "Stand":
        from config.demo.accounts import SANDBOX_ACCOUNTS
        from config.embedded import EmbeddedServers, new_socket_directory, server_home
        from config.local_secrets import sandbox_config
        from config.servers import forget_servers, record_servers

        settings = self._settings
        with ExitStack() as exits:
            if settings.EMBEDDED_SERVERS:
                self._say(f"PostgreSQL {settings.EMBEDDED_POSTGRES} and Valkey")
                home = server_home(settings.VAR_DIR)
                servers = EmbeddedServers(
                    home=home,
                    data=home,
                    socket_directory=new_socket_directory(),
                    log_directory=self._log,
                    postgres=settings.EMBEDDED_POSTGRES,
                )
                exits.callback(forget_servers, settings.VAR_DIR)
                exits.enter_context(servers)
                record_servers(settings.VAR_DIR, servers.servers)
                self.database_url, self.redis_url = servers.servers.database_url, servers.servers.redis_url
            settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
            self._say("migrations and demo data")
            self.manage("migrate", "--noinput", "--verbosity=0")
            self.access = json.loads(self.manage("seed_demo", "--json"))
            config = settings.VAR_DIR / "run" / "sandbox.json"
            described = sandbox_config(
                settings.GATEWAY_CREDENTIALS,
                accounts=SANDBOX_ACCOUNTS,
                gateways=settings.GATEWAYS,
                web_base_url=self.web_url,
            )
            config.write_text(json.dumps(described))
            sandbox = ["gateways.sandbox", "--port", str(settings.SANDBOX_PORT), "--config", str(config)]
            self._say("web and sandbox")
            children = exits.enter_context(
                self._running(
                    self._child("web", ["gunicorn", "-c", "python:config.gunicorn", "config.wsgi"]),
                    self._child("sandbox", sandbox),
                )
            )
            children.wait_until("web", lambda: _answers(f"{self.web_url}/health/ready"), seconds=60)
            children.wait_until("sandbox", lambda: _answers(f"{self.sandbox_url}/control/health"), seconds=30)
            self._exits = exits.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    @contextmanager
    def worker(self) -> Iterator[None]:
        """Run a Celery worker meanwhile."""
        command = ["celery", "--quiet", "-A", "config.celery", "worker", "--without-gossip", "--without-mingle"]
        with self._running(self._child("worker", [*command, "--loglevel", "WARNING"])) as children:
            children.wait_until("worker", lambda: _answers(f"{self.web_url}/health/workers"), seconds=60)
            yield

    def manage(self, *arguments: str) -> str:
        """Run a management command and return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self._settings.BASE_DIR,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def request(self, path: str, *, headers: dict[str, str], body: Any) -> bytes:
        """Return a complete request to our web server; a body that is not bytes becomes JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return request_bytes(self.web_url, path, headers=headers, body=content)

    def load(self, requests: list[bytes], *, connections: int) -> dict[str, Any]:
        """Send the requests from a process of its own and return its times."""
        with tempfile.NamedTemporaryFile(suffix=".pickle") as file:
            content = {"host": "127.0.0.1", "port": self._settings.WEB_PORT, "requests": requests}
            Path(file.name).write_bytes(pickle.dumps(content))
            done = subprocess.run(
                [sys.executable, "-m", "bench.load", file.name, str(connections)],
                cwd=self._settings.BASE_DIR,
                capture_output=True,
                text=True,
                check=True,
                timeout=MOST_SECONDS,
            )
        times: dict[str, Any] = json.loads(done.stdout)
        return times

    def gateway_milliseconds(self) -> dict[str, float]:
        """Return how long each request waited for a gateway, by request id, as the web server logged it."""
        waited: dict[str, float] = {}
        for line in (self._log / "web.log").read_text(errors="replace").splitlines():
            if '"gateway_answered"' in line:
                entry = json.loads(line)
                waited[entry["request_id"]] = waited.get(entry["request_id"], 0.0) + entry["milliseconds"]
        return waited

    @contextmanager
    def _running(self, *children: Child) -> Iterator[Supervisor]:
        supervisor = Supervisor(children, log_directory=self._log)
        supervisor.start()
        try:
            yield supervisor
        finally:
            supervisor.stop()

    def _child(self, name: str, module: list[str]) -> Child:
        return Child(
            name=name,
            command=[sys.executable, "-m", *module],
            environment=self.environment(),
            directory=self._settings.BASE_DIR,
        )

    def environment(self) -> dict[str, str]:
        """Return the environment of everything that is measured."""
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "bench.settings",
            "LOG_FORMAT": "json",
            "PYTHONUNBUFFERED": "1",
            "PROMETHEUS_MULTIPROC_DIR": str(self._settings.VAR_DIR / "run" / "metrics"),
        }


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own address
            return bool(response.status == 200)
    except OSError:
        return False
