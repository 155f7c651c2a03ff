"""Where the embedded servers are: what their supervisor recorded, for settings and for `manage.py` to read.

Every process of a checkout imports this, so that it imports no driver.
"""

import json
import re
import shutil
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from config.process_ids import is_alive

ADVICE = """\
The embedded PostgreSQL and Valkey are not running. Start them in another terminal with

    make run

or set DATABASE_URL and REDIS_URL to use servers of your own."""

# A socket's path is at most 107 bytes, and PostgreSQL appends its own name to the folder.
_LONGEST_SOCKET_DIRECTORY = 107 - len("/.s.PGSQL.5432.lock")
SOCKET_DIRECTORY = re.compile(r"cp-(?:run|test)-(\d+)-[0-9a-f]{8}")
_SERVERS_FILE = Path("run") / "servers.json"


class EmbeddedServersFailed(RuntimeError):
    """Say why the embedded servers cannot run here."""


@dataclass(frozen=True, kw_only=True)
class Servers:
    """Where the servers are, and the process that keeps them."""

    database_url: str
    redis_url: str
    supervisor_pid: int
    socket_directory: str


def read_servers(var: Path) -> Servers | None:
    """Return what a living supervisor recorded, or None."""
    try:
        servers = Servers(**json.loads((var / _SERVERS_FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return servers if is_alive(servers.supervisor_pid) else None


def record_servers(var: Path, servers: Servers) -> None:
    """Tell `manage.py` in other terminals where the servers are."""
    path = var / _SERVERS_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(asdict(servers), indent=2) + "\n")
    draft.replace(path)


def forget_servers(var: Path) -> None:
    """Take the record back, with the socket directory a killed supervisor may have left."""
    path = var / _SERVERS_FILE
    with suppress(OSError, ValueError, KeyError):
        left = Path(json.loads(path.read_text())["socket_directory"])
        if SOCKET_DIRECTORY.fullmatch(left.name):
            shutil.rmtree(left, ignore_errors=True)
    path.unlink(missing_ok=True)


def socket_directory(name: str) -> Path:
    """Return a path in the temporary folder that is short enough for a socket. Whoever makes it, makes it private."""
    for parent in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108
        if len(str(parent / name)) <= _LONGEST_SOCKET_DIRECTORY:
            return parent / name
    raise EmbeddedServersFailed("the temporary folder's path is too long for a socket; set TMPDIR to a shorter one")
