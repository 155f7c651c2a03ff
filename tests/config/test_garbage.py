"""A web process does not look through all of its code again and again, in the middle of requests."""

import json
import os
import subprocess
import sys

from django.conf import settings

# As gunicorn does in a worker: the application, then the hook, which must be one that gunicorn has.
WORKER = """
import gc, json
from gunicorn.config import Config
from config import gunicorn
import config.wsgi
config_of_gunicorn = Config()
config_of_gunicorn.set("post_worker_init", gunicorn.post_worker_init)
before = len(gc.get_objects())
config_of_gunicorn.post_worker_init(None)
print(json.dumps([before, gc.get_freeze_count(), len(gc.get_objects())]))
"""


def test_a_worker_takes_what_it_has_loaded_out_of_the_rounds_of_the_collector(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", WORKER],
        cwd=settings.BASE_DIR,
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    before, frozen, left = json.loads(done.stdout.splitlines()[-1])
    assert before > 50_000
    # Nearly all of it: the last round before takes some of it away.
    assert frozen > before * 0.95
    assert left < before // 100
