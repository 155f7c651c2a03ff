import time

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client

from config import health
from config.heartbeat import beat_heart
from tests.processes import is_quick


@pytest.mark.smoke
@pytest.mark.django_db
def test_ready_says_ok_when_database_and_worker_are_there(client: Client) -> None:
    beat_heart(django_settings.REDIS_URL, worker="celery@here", now=time.time())

    response = client.get("/health/ready")

    assert response.status_code == 200
    assert response.json() == {"status": "ok", "checks": {"database": "ok", "broker": "ok", "workers": "ok"}}


@pytest.mark.django_db
def test_a_missing_worker_degrades_readiness_and_fails_the_workers_probe(client: Client) -> None:
    beat_heart(django_settings.REDIS_URL, worker="celery@gone", now=time.time() - 60)

    ready, workers = client.get("/health/ready"), client.get("/health/workers")

    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert ready.json()["checks"] == {"database": "ok", "broker": "ok", "workers": "none heard of"}
    assert (workers.status_code, workers.json()["checks"]["workers"]) == (503, "none heard of")


@pytest.mark.django_db
def test_a_broker_that_is_down_degrades_readiness_at_once(client: Client, settings) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"

    ready = client.get("/health/ready")

    assert (ready.status_code, ready.json()["checks"]["broker"]) == (200, "unreachable")
    assert client.get("/health/workers").status_code == 503
    assert is_quick(lambda: client.get("/health/ready"), seconds=0.5)


@pytest.mark.django_db
def test_a_broker_that_hangs_degrades_readiness_within_half_a_second(
    client: Client, settings, silent_port: int
) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{silent_port}/0"
    connection.ensure_connection()

    ready = client.get("/health/ready")

    assert (ready.status_code, ready.json()["checks"]["broker"]) == (200, "unreachable")
    assert is_quick(lambda: client.get("/health/ready"), seconds=0.5)


@pytest.mark.django_db
def test_missing_migrations_make_it_unready(client: Client) -> None:
    health._remember_all_migrated.cache_clear()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'auth' AND name LIKE '0012%%'")

    response = client.get("/health/ready")

    assert response.status_code == 503
    assert response.json()["checks"]["database"] == "migrations missing"


def test_an_unreachable_database_makes_it_unready_and_leaves_it_live(client: Client, monkeypatch) -> None:
    class Unreachable:
        def cursor(self) -> None:
            from django.db import OperationalError

            raise OperationalError("connection refused")

    monkeypatch.setattr(health, "connection", Unreachable())

    assert client.get("/health/live").status_code == 200
    ready = client.get("/health/ready")

    assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "unreachable")


@pytest.mark.django_db
def test_a_running_worker_is_heard_of(celery_worker_process, client: Client) -> None:
    response = client.get("/health/workers")

    assert response.status_code == 200
    assert response.json()["checks"] == {"broker": "ok", "workers": "ok"}
