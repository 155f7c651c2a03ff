"""How gunicorn serves us, here and in production: `gunicorn -c python:config.gunicorn config.wsgi`."""

import os
from pathlib import Path
from typing import Any

from config.metrics_files import remove_what_dead_processes_left
from config.settings.environment import VAR_DIR, env, provide
from config.tether import die_with_parent

# The settings read this: only these processes pool connections and give up on the broker at once. There is no preload,
# because a pool opened before the fork hangs the children.
provide({"WEB_PROCESS": "1"})
preload_app = False
# prometheus_client looks for this variable when it is imported, which each process does after the fork.
metrics_directory = Path(env.str("PROMETHEUS_MULTIPROC_DIR", default="") or VAR_DIR / "run" / "metrics")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics_directory)
provide({"PROMETHEUS_MULTIPROC_DIR": str(metrics_directory)})

bind = [env.str("WEB_BIND", default=f"127.0.0.1:{env.int('WEB_PORT', default=8000)}")]
worker_class = "gthread"
workers = env.int("WEB_CONCURRENCY", default=2)
threads = env.int("WEB_THREADS", default=8)
# A request that calls a gateway ends within 20 s.
timeout = 30
graceful_timeout = 8
keepalive = 5
max_requests = env.int("WEB_MAX_REQUESTS", default=0)
accesslog = None
loglevel = "warning"
control_socket_disable = True


def on_starting(_server: Any) -> None:
    """Make the folder of metrics, without what processes that are gone left in it."""
    remove_what_dead_processes_left(metrics_directory)


def post_fork(_server: Any, _worker: Any) -> None:
    """Tie each worker to its master: a killed master leaves nobody behind."""
    die_with_parent()


def post_worker_init(_worker: Any) -> None:
    """Spare each worker, which has the application by now, full rounds of the garbage collector over its code."""
    # Here, because it imports Django, which reads its settings: the master has none.
    from config.garbage import spare_what_stays

    spare_what_stays()
