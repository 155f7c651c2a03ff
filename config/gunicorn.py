"""How gunicorn serves us, here and in production: `gunicorn -c python:config.gunicorn config.wsgi`."""

from typing import Any

from config.settings.environment import env, provide
from config.tether import die_with_parent

# The settings read this: only these processes pool connections and give up on the broker at once. There is no preload,
# because a pool opened before the fork hangs the children.
provide({"WEB_PROCESS": "1"})
preload_app = False

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


def post_fork(_server: Any, _worker: Any) -> None:
    """Tie each worker to its master: a killed master leaves nobody behind."""
    die_with_parent()
