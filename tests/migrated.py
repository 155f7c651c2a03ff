"""Migrate once for every test process: each starts its server on a copy of one whose database `app` is migrated.

Rendering the models of eighty migrations takes a quarter of a minute of one core, copying a cluster a fraction of a
second. The cluster is kept in `var` until a file changes that migrating may read.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.apps import apps
from django.conf import settings

from config.embedded import EmbeddedServers, new_socket_directory, server_home


def lay_migrated_cluster(data: Path, *, postgres: str) -> None:
    """Copy a migrated PostgreSQL cluster to where `EmbeddedServers` with this `data` will find it."""
    clusters = server_home(settings.VAR_DIR) / "migrated"
    clusters.mkdir(exist_ok=True)
    with _alone(clusters / "lock"):
        kept = clusters / f"{postgres}-{_fingerprint()}"
        if not kept.exists():
            for outdated in clusters.glob(f"{postgres}-*"):
                shutil.rmtree(outdated)
            _migrate(kept, postgres)
        # `cp`, because the files belong to the servers' user and shall stay so.
        subprocess.run(["cp", "-Rp", str(kept), str(data)], check=True)


def _fingerprint() -> str:
    """Return a hash of all that decides what migrating writes: our code, for permissions come of models, and Django."""
    ours = [Path(app.path) for app in apps.get_app_configs() if Path(app.path).parent == settings.BASE_DIR]
    paths = [settings.BASE_DIR / "requirements" / "base.txt", *(path for app in ours for path in app.rglob("*.py"))]
    hashed = hashlib.sha256()
    for path in sorted(paths):
        hashed.update(f"{path.relative_to(settings.BASE_DIR)}\0".encode())
        hashed.update(path.read_bytes())
    return hashed.hexdigest()[:16]


def _migrate(kept: Path, postgres: str) -> None:
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=kept.parent))
    draft.chmod(0o755)
    try:
        embedded = EmbeddedServers(
            home=server_home(settings.VAR_DIR),
            data=draft / "data",
            socket_directory=new_socket_directory(),
            log_directory=settings.VAR_DIR / "log" / "migrated",
            postgres=postgres,
            durable=False,
        )
        with embedded:
            servers = embedded.servers
            subprocess.run(
                [sys.executable, "manage.py", "migrate", "--noinput", "--verbosity=0"],
                cwd=settings.BASE_DIR,
                env={
                    **os.environ,
                    "DJANGO_SETTINGS_MODULE": "config.settings.test",
                    "DATABASE_URL": servers.database_url,
                    "REDIS_URL": servers.redis_url,
                },
                check=True,
            )
        (draft / "data").rename(kept)
    finally:
        shutil.rmtree(draft)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Keep the other test processes out; the lock of one that died is free."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
