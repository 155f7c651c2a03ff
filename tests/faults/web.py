"""A web process of its own, as gunicorn runs it, on the test database and a broker of the test's choice."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from django.conf import settings

from config.demo.accounts import SANDBOX_ACCOUNTS
from config.local_secrets import standin_of
from config.settings.gateways import credential_variables
from config.settings.test import free_port
from config.supervisor import tethered
from tests.processes import PATIENCE_SECONDS, Sandbox, process_environment, wait_until


class WebProcess:
    """Gunicorn with the settings of the tests, on a port of its own: the live server keeps the usual one for the whole
    session. Use as a context manager.
    """

    def __init__(self, folder: Path, *, redis_url: str, **environment: str) -> None:
        port = free_port(4)
        self.url = f"http://127.0.0.1:{port}"
        self._folder = folder
        self._environment = process_environment(
            **credential_variables(settings.GATEWAY_CREDENTIALS),
            REDIS_URL=redis_url,
            WEB_PORT=str(port),
            WEB_PROCESS="1",
            WEB_CONCURRENCY="1",
            WEB_THREADS="4",
            **environment,
        )
        self._process: subprocess.Popen[bytes] | None = None
        # One for all questions: making a client reads every certificate of the machine's authorities.
        self._client = httpx.Client(base_url=self.url, timeout=PATIENCE_SECONDS, trust_env=False)

    @property
    def output(self) -> str:
        """Return everything the process wrote."""
        return (self._folder / "web.log").read_text(errors="replace")

    def __enter__(self) -> "WebProcess":
        with (self._folder / "web.log").open("ab") as log:
            self._process = subprocess.Popen(
                tethered([sys.executable, "-m", "gunicorn", "-c", "python:config.gunicorn", "config.wsgi"]),
                cwd=settings.BASE_DIR,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            wait_until(self._answers, seconds=2 * PATIENCE_SECONDS, what="the web process answering")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        assert self._process is not None
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE_SECONDS)
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise AssertionError(f"the web process ended:\n{self.output[-3000:]}")
        try:
            return self._client.get("/health/live").is_success
        except httpx.HTTPError:
            return False


@contextmanager
def webhooks_to(sandbox: Sandbox, web: WebProcess) -> Iterator[None]:
    """Let the sandbox send its webhooks to another web process for a while."""

    def point(base: str) -> None:
        for account, gateway in SANDBOX_ACCOUNTS.items():
            standin = standin_of(settings.GATEWAYS[gateway])
            webhook_url = f"{base}/webhooks/{account}/"
            described = standin.sandbox_account(settings.GATEWAY_CREDENTIALS[account], webhook_url)
            sandbox.put(f"{gateway}/accounts/{standin.account_name(described)}", webhook_url=webhook_url)

    point(web.url)
    try:
        yield
    finally:
        point(f"http://127.0.0.1:{settings.WEB_PORT}")
