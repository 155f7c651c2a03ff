import json
import os
import subprocess
import sys

import pytest
import structlog
from celery import Celery, current_app
from django.conf import settings as django_settings
from django.db import transaction
from kombu.exceptions import OperationalError

from config.beat import BEAT_SCHEDULE
from config.celery import app
from config.settings.celery import nudge_options
from tests.processes import is_quick, wait_until


def app_with_broker(url: str) -> Celery:
    """Return an app with the web process's limits and another broker."""
    other = Celery("other", set_as_current=False)
    other.config_from_object("django.conf:settings", namespace="CELERY")
    other.conf.update(broker_url=url)
    return other


@pytest.mark.parametrize("tasks", ["api", "backoffice", "bookings", "payments", "reconciliation"])
def test_who_imports_a_task_sends_it_through_our_app(tasks: str) -> None:
    looks = f"""
import django
django.setup()
import {tasks}.tasks
from threading import Thread
from celery import current_app
found = [current_app.main]
other = Thread(target=lambda: found.append(current_app.main))
other.start(); other.join()
print(*found, len(current_app.conf.task_queues))
"""

    said = subprocess.run([sys.executable, "-c", looks], capture_output=True, text=True, check=True, env=os.environ)

    assert said.stdout.split() == ["card-payments", "card-payments", "4"]


def test_the_worker_s_app_is_the_one_that_tasks_are_sent_through() -> None:
    assert current_app.main == app.main == "card-payments"
    assert nudge_options() == django_settings.CELERY_BROKER_TRANSPORT_OPTIONS
    assert [queue.name for queue in app.conf.task_queues] == ["webhooks", "operations", "default", "callbacks"]


def test_beat_messages_expire_so_that_no_backlog_grows() -> None:
    periodic = {name: entry for name, entry in BEAT_SCHEDULE.items() if isinstance(entry["schedule"], int)}

    assert all(entry["options"]["expires"] <= 30 for entry in periodic.values())
    assert {entry["options"]["queue"] for entry in BEAT_SCHEDULE.values()} <= {
        "webhooks",
        "operations",
        "default",
        "callbacks",
    }


def test_a_stopped_broker_costs_a_nudge_nothing() -> None:
    stopped = app_with_broker("redis+socket:///nowhere/redis.sock")

    def nudge() -> None:
        with pytest.raises((OperationalError, OSError)):
            stopped.send_task("config.tests.nothing", queue="default")

    assert is_quick(nudge, seconds=0.5)


def test_a_hung_broker_costs_a_nudge_at_most_a_moment(silent_port: int) -> None:
    hung = app_with_broker(f"redis://127.0.0.1:{silent_port}/0")

    def nudge() -> None:
        with pytest.raises((OperationalError, OSError)):
            hung.send_task("config.tests.nothing", queue="default")

    assert is_quick(nudge, seconds=1.0)


@pytest.mark.django_db(transaction=True)
def test_a_robust_nudge_to_a_stopped_broker_does_not_reach_the_caller() -> None:
    stopped = app_with_broker("redis+socket:///nowhere/redis.sock")
    after = []

    with transaction.atomic():
        transaction.on_commit(lambda: stopped.send_task("config.tests.nothing", queue="default"), robust=True)
        transaction.on_commit(lambda: after.append("went on"))

    assert after == ["went on"]


@pytest.mark.parametrize(
    ("task", "queue"),
    [
        ("payments.tasks.handle_delivery", "webhooks"),
        ("payments.tasks.perform_operation", "operations"),
        ("payments.tasks.prune", "default"),
        ("api.tasks.tell_partners", "callbacks"),
        ("some.other.task", "default"),
    ],
)
def test_every_task_has_its_queue(task: str, queue: str) -> None:
    route = app.amqp.router.route({}, task)

    assert route["queue"].name == queue


def test_every_beat_entry_names_a_task_there_is() -> None:
    app.loader.import_default_modules()

    assert {entry["task"] for entry in BEAT_SCHEDULE.values()} <= set(app.tasks)


@pytest.mark.smoke
def test_the_request_id_travels_to_the_worker(celery_worker_process) -> None:
    with structlog.contextvars.bound_contextvars(request_id="from-the-edge-1"):
        app.send_task("celery.backend_cleanup", queue="operations", headers={"note": "kept"})

    wait_until(lambda: "task_finished" in celery_worker_process.output, what="the worker's line about the task")
    (line,) = [line for line in celery_worker_process.output.splitlines() if "task_finished" in line]
    event = json.loads(line)
    assert (event["request_id"], event["task"], event["state"]) == (
        "from-the-edge-1",
        "celery.backend_cleanup",
        "SUCCESS",
    )
