"""What every test can use: real PostgreSQL and Valkey, the sandbox, Celery workers; and no way off this machine."""

import gc
import ipaddress
import os
import shutil
import socket
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.contrib import admin
from django.core.management import CommandError
from django.db import OperationalError
from django.test import TransactionTestCase
from httpx._transports import default as httpx_transports
from pytest_django import DjangoDbBlocker

from config.embedded import EmbeddedServers, remove_abandoned_directories, server_home
from tests.migrated import lay_migrated_cluster
from tests.pristine import is_superuser, remember, restore
from tests.processes import CeleryWorker, Sandbox, patient_redis

# The same examples at every run: one that fails by the dice says nothing about the change it was made for. Others are
# looked for on purpose, by `make test ARGS="--hypothesis-profile=explore"`. Nor is it a failure that a busy machine is
# slow to make examples up.
_TOO_SLOW = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile("project", deadline=None, derandomize=True, suppress_health_check=_TOO_SLOW)
hypothesis.settings.register_profile("explore", deadline=None, derandomize=False, suppress_health_check=_TOO_SLOW)
hypothesis.settings.load_profile("project")

# The test process stands for the web process, which has found every app's admin before its first request.
admin.autodiscover()

# The live server listens where the sandbox's webhooks go.
os.environ["DJANGO_LIVE_TEST_SERVER_ADDRESS"] = f"127.0.0.1:{settings.WEB_PORT}"


# Each client of httpx reads all certificates of the machine's authorities, for 20 ms, though tests reach only this
# machine.
httpx_transports.create_ssl_context = cache(httpx_transports.create_ssl_context)


class LeftTheMachine(RuntimeError):
    """Say that a test tried to reach something beyond loopback."""


def _guard(address: Any) -> None:
    if not isinstance(address, tuple) or address[0] == "localhost":
        return
    try:
        is_loopback = ipaddress.ip_address(address[0]).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise LeftTheMachine(f"a test tried to reach {address[0]}:{address[1]}")


_connect, _connect_ex = socket.socket.connect, socket.socket.connect_ex


def _guarded_connect(self: socket.socket, address: Any) -> None:
    _guard(address)
    _connect(self, address)


def _guarded_connect_ex(self: socket.socket, address: Any) -> int:
    _guard(address)
    return _connect_ex(self, address)


socket.socket.connect = _guarded_connect  # type: ignore[method-assign,assignment]
socket.socket.connect_ex = _guarded_connect_ex  # type: ignore[method-assign,assignment]


_flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]


def _restore_in_spite_of_workers(self: TransactionTestCase) -> None:
    """Empty the tables after a test; a worker that still reads them may be the one that wins a deadlock."""
    for _ in range(5):
        try:
            restore() if is_superuser() else _flush(self)
        except (CommandError, OperationalError) as error:
            last = error
        else:
            return
    raise last


TransactionTestCase._fixture_teardown = _restore_in_spite_of_workers  # type: ignore[attr-defined]


# What takes long begins first; at the end it would run alone, with the other process idle.
_LONG = ("faults/", "config/test_processes.py", "gateways/test_adding_a_gateway.py", "browser/", "journeys/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest before all others; within a file nothing moves."""
    folder = Path(__file__).parent

    def rank(item: pytest.Item) -> int:
        path = item.path.relative_to(folder).as_posix()
        return next((rank for rank, start in enumerate(_LONG) if path.startswith(start)), len(_LONG))

    items.sort(key=rank)


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what lives to the end: it took a tenth of the time to look at 7000 tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


@pytest.fixture(scope="session")
def servers() -> Iterator[None]:
    """Run PostgreSQL and Valkey for the session, unless DATABASE_URL and REDIS_URL name some."""
    if not settings.EMBEDDED_SERVERS:
        yield
        return
    directory: Path = settings.TEST_SERVERS_DIRECTORY
    remove_abandoned_directories(directory.parent)
    directory.mkdir(mode=0o700)
    lay_migrated_cluster(directory / "data", postgres=settings.EMBEDDED_POSTGRES)
    embedded = EmbeddedServers(
        home=server_home(settings.VAR_DIR),
        data=directory / "data",
        socket_directory=directory,
        log_directory=settings.VAR_DIR / "log" / "test",
        postgres=settings.EMBEDDED_POSTGRES,
        durable=False,
    )
    try:
        with embedded:
            yield
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(servers: None) -> None:
    """Have the servers up before pytest-django makes the test database."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Remember what the migrations wrote, so that every test begins with it."""
    with django_db_blocker.unblock():
        if is_superuser():
            remember()


@pytest.fixture(autouse=True)
def _clean_broker(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave no message, cache entry or counter to the next test."""
    yield
    if "servers" in request.fixturenames or "django_db_setup" in request.fixturenames or _uses_database(request):
        patient_redis().flushdb()


def _uses_database(request: pytest.FixtureRequest) -> bool:
    return request.node.get_closest_marker("django_db") is not None or "_django_db_helper" in request.fixturenames


@pytest.fixture(scope="session")
def _sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    process = Sandbox(tmp_path_factory.mktemp("sandbox"))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def sandbox(_sandbox_process: Sandbox) -> Iterator[Sandbox]:
    """The sandbox processors, knowing nothing but the accounts; their webhooks go to `live_server`."""
    _sandbox_process.reset()
    yield _sandbox_process
    _sandbox_process.reset()


@pytest.fixture
def celery_worker_process(transactional_db: None, servers: None, tmp_path: Path) -> Iterator[CeleryWorker]:
    """A running Celery worker on the test database."""
    worker = CeleryWorker(tmp_path)
    worker.start()
    yield worker
    worker.stop()
