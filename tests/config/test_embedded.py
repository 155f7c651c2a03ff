import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from django.conf import settings as django_settings

from config.embedded import EmbeddedServers, new_socket_directory, remove_abandoned_directories, server_home
from config.servers import EmbeddedServersFailed
from tests.processes import is_running, wait_until

HOLDER = """
import sys, time
from pathlib import Path
from config.embedded import EmbeddedServers, new_socket_directory

home, data = Path(sys.argv[1]), Path(sys.argv[2])
servers = EmbeddedServers(home=home, data=data, socket_directory=new_socket_directory(), log_directory=data / "log")
servers.start()
print(*servers.pids().values(), flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def home() -> Path:
    """The folder with the programs, shared with the session's servers."""
    return server_home(django_settings.VAR_DIR)


@pytest.fixture
def data() -> Iterator[Path]:
    """A folder that the servers' user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="cp-data-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for sockets of its own, with a short path: whoever starts servers sweeps the one that all share."""
    folder = Path(tempfile.mkdtemp(prefix="cpt-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def make(home: Path, data: Path, **options: object) -> EmbeddedServers:
    return EmbeddedServers(
        home=home,
        data=data,
        socket_directory=new_socket_directory(),
        log_directory=data / "log",
        durable=False,
        **options,  # type: ignore[arg-type]
    )


def test_the_log_of_a_statement_that_fails_has_nothing_of_what_guests_wrote(home: Path, data: Path) -> None:
    with make(home, data) as embedded, psycopg.connect(embedded.servers.database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE guest (name text UNIQUE CHECK (name <> 'Grace Hopper'))")
        connection.execute("INSERT INTO guest VALUES ('Ada Byron')")
        for name in ("Ada Byron", "Grace Hopper"):
            with pytest.raises(psycopg.errors.IntegrityError):
                connection.execute(f"INSERT INTO guest VALUES ('{name}')")
    log = (data / "log" / "postgres.log").read_text()

    assert "duplicate key value violates" in log
    assert "violates check constraint" in log
    assert "Ada" not in log
    assert "Grace" not in log


@pytest.mark.parametrize("version", ["16", "18"])
def test_both_servers_start_keep_their_data_and_stop(home: Path, data: Path, version: str) -> None:
    with make(home, data, postgres=version) as embedded:
        with psycopg.connect(embedded.servers.database_url) as connection:
            connection.execute("CREATE TABLE guest (name text)")
            connection.execute("INSERT INTO guest VALUES ('Zoë')")
            shown = connection.execute("SHOW server_version").fetchone()
        with redis.Redis.from_url(embedded.servers.redis_url) as client:
            server = client.info("server")
        processes = {name: psutil.Process(pid) for name, pid in embedded.pids().items()}
    sockets = Path(embedded.servers.socket_directory)

    with make(home, data, postgres=version) as again, psycopg.connect(again.servers.database_url) as connection:
        names = connection.execute("SELECT upper(name) FROM guest").fetchall()

    assert shown is not None
    assert shown[0].startswith(f"{version}.")
    assert server["server_name"] == "valkey"
    assert set(processes) == {"postgres", "valkey"}
    assert not any(is_running(process) for process in processes.values())
    assert not sockets.exists()
    assert names == [("ZOË",)]


def test_a_killed_server_is_started_again(home: Path, data: Path) -> None:
    with make(home, data) as embedded:
        before = embedded.pids()
        os.kill(before["valkey"], signal.SIGKILL)
        os.kill(before["postgres"], signal.SIGKILL)

        wait_until(lambda: {name for name, pid in embedded.pids().items() if before[name] != pid} == set(before))
        wait_until(lambda: _answers(embedded), what="both servers answering again")


def test_killing_the_holder_leaves_nothing_running(home: Path, data: Path, temporary: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home), str(data)],
        cwd=django_settings.BASE_DIR,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    children = [psutil.Process(int(pid)) for pid in holder.stdout.readline().split()]
    family = [*children, *(child for process in children for child in process.children(recursive=True))]
    assert len(family) > 2

    holder.kill()
    holder.wait()

    wait_until(lambda: not any(is_running(process) for process in family), what="the end of both servers")
    assert [left.name.startswith(f"cp-run-{holder.pid}-") for left in temporary.iterdir()] == [True]
    remove_abandoned_directories(temporary)
    assert list(temporary.iterdir()) == []


def test_an_unknown_version_is_refused_in_words(home: Path, data: Path) -> None:
    with pytest.raises(EmbeddedServersFailed, match="EMBEDDED_POSTGRES must be one of 16, 18, not '15'"):
        make(home, data, postgres="15")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives the servers to another user")
def test_root_runs_the_servers_as_nobody_and_leaves_the_modes_of_folders_alone(home: Path) -> None:
    closed = Path(tempfile.mkdtemp(prefix="cp-closed-"))
    var = closed / "var"
    var.mkdir()
    try:
        elsewhere = server_home(var)
        with make(home, elsewhere) as embedded:
            users = {psutil.Process(pid).username() for pid in embedded.pids().values()}

        assert users == {"nobody"}
        assert closed.stat().st_mode & 0o777 == 0o700
        assert elsewhere != var / "servers"
        assert server_home(var) == elsewhere
    finally:
        shutil.rmtree(server_home(var))
        shutil.rmtree(closed)


def _answers(embedded: EmbeddedServers) -> bool:
    try:
        psycopg.connect(embedded.servers.database_url).close()
        return bool(redis.Redis.from_url(embedded.servers.redis_url).ping())
    except (psycopg.OperationalError, redis.RedisError):
        return False
