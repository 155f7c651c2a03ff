import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families

from bookings.encryption import encrypt_text
from bookings.models import Change
from config.heartbeat import beat_heart, impatient_redis
from config.metrics_files import remove_what_dead_processes_left
from gateways.protocol import OutcomeKind as Kind
from payments.models import CaseKind, Opening, Transaction, WebhookDelivery
from payments.services import cases
from tests.payments.house import House, build_house

pytestmark = pytest.mark.django_db


@pytest.fixture
def house(db) -> House:
    return build_house()


def scrape(client: Client) -> dict[tuple[str, ...], float]:
    """Return the samples by name and label values, in the order of the labels' names."""
    response = client.get("/metrics", headers={"Authorization": f"Bearer {django_settings.METRICS_TOKEN}"})
    assert response.status_code == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def test_without_the_token_nothing_is_told(client: Client, django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        missing = client.get("/metrics")
        wrong = client.get("/metrics", headers={"Authorization": "Bearer " + "0" * 64})
        bare = client.get("/metrics", headers={"Authorization": django_settings.METRICS_TOKEN})

    assert [response.status_code for response in (missing, wrong, bare)] == [401, 401, 401]
    assert missing["WWW-Authenticate"] == "Bearer"
    assert b"seconds" not in missing.content


@pytest.mark.parametrize("given", ["", "Bearer ", "Bearer"])
def test_an_empty_token_closes_the_door(client: Client, settings, given: str) -> None:
    settings.METRICS_TOKEN = ""

    assert client.get("/metrics", headers={"Authorization": given}).status_code == 404


def test_an_empty_house_has_no_ages(client: Client) -> None:
    beat_heart(django_settings.REDIS_URL, worker="celery@here", now=time.time())

    told = scrape(client)

    assert told["database_up",] == told["broker_up",] == 1
    assert told["oldest_unknown_seconds", "operation"] == 0
    assert told["oldest_waiting_delivery_seconds", "orphan"] == 0
    assert told["oldest_untold_change_seconds",] == 0
    assert told["open_cases", "outcome_unknown"] == 0
    assert told["payments_of_last_day", "captured"] == 0
    assert told["worker_heartbeat_age_seconds",] < 5


def test_what_waits_is_told_with_its_age(client: Client, house: House) -> None:
    payment = house.payment()
    house.opening(payment)
    house.tell(payment, Kind.PENDING, "PSP1")
    ago = {minutes: house.clock() - timedelta(minutes=minutes) for minutes in (1, 2, 3, 4, 5, 6)}
    Transaction.objects.update(unknown_since_at=ago[1])
    Opening.objects.update(status="REQUESTED", unknown_since_at=ago[2], next_check_at=ago[1])
    for status, minutes in (("RECEIVED", 3), ("ORPHAN", 4)):
        WebhookDelivery.objects.create(
            account=payment.account,
            delivery_key=status,
            body_encrypted=encrypt_text("{}"),
            status=status,
            received_at=ago[minutes],
        )
    Change.objects.update(created_at=ago[5])
    cases.open_case(payment=payment, kind=CaseKind.WEBHOOK_MISSING, detail="", now=ago[6])

    told = scrape(client)

    assert told["oldest_unknown_seconds", "operation"] == pytest.approx(60, abs=20)
    assert told["oldest_unknown_seconds", "opening"] == pytest.approx(120, abs=20)
    assert told["oldest_waiting_delivery_seconds", "received"] == pytest.approx(180, abs=20)
    assert told["oldest_waiting_delivery_seconds", "orphan"] == pytest.approx(240, abs=20)
    assert told["oldest_untold_change_seconds",] == pytest.approx(300, abs=20)
    assert told["oldest_open_case_seconds", "webhook_missing"] == pytest.approx(360, abs=20)
    assert told["open_cases", "webhook_missing"] == 1
    assert told["waiting_deliveries", "orphan"] == told["unknown_outcomes", "operation"] == 1
    assert told["payments_of_last_day", "pending"] == 1


def test_a_scrape_costs_eight_queries_whatever_there_is(client: Client, house: House) -> None:
    for number in range(3):
        house.paid(house.payment(), f"PSP{number}")

    with CaptureQueriesContext(connection) as queries:
        scrape(client)

    assert len(queries) == 8


def test_a_missing_database_is_told_and_hides_nothing_else(client: Client, monkeypatch) -> None:
    beat_heart(django_settings.REDIS_URL, worker="celery@here", now=time.time())
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 1")
        cursor.execute("SAVEPOINT before")
        monkeypatch.setattr("config.metrics.Change.objects", _Slow())
        told = scrape(client)
        cursor.execute("ROLLBACK TO SAVEPOINT before")

    assert told["database_up",] == 0
    assert told["broker_up",] == 1
    assert ("oldest_untold_change_seconds",) not in told


class _Slow:
    """Stand for a query that PostgreSQL cancels."""

    def filter(self, **_: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(5)")


def test_a_broker_that_is_away_is_told_and_hides_nothing_else(client: Client, settings) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"

    told = scrape(client)

    assert (told["broker_up",], told["database_up",]) == (0, 1)
    assert ("worker_heartbeat_age_seconds",) not in told


def test_queues_and_the_youngest_heartbeat_are_told(client: Client) -> None:
    beat_heart(django_settings.REDIS_URL, worker="celery@one", now=time.time() - 40)
    beat_heart(django_settings.REDIS_URL, worker="celery@two", now=time.time() - 20)
    impatient_redis(django_settings.REDIS_URL).rpush("webhooks", "a", "b")

    told = scrape(client)

    assert told["worker_heartbeat_age_seconds",] == pytest.approx(20, abs=3)
    assert {key[1]: value for key, value in told.items() if key[0] == "queue_length"} == {
        "webhooks": 2,
        "operations": 0,
        "default": 0,
        "callbacks": 0,
    }


def test_no_worker_at_all_counts_as_a_day_of_silence(client: Client) -> None:
    assert scrape(client)["worker_heartbeat_age_seconds",] == 86_400


def test_requests_are_counted_by_route_and_never_by_path(client: Client) -> None:
    before = scrape(client)
    client.post("/webhooks/nobody-by-this-name/", b"{}", content_type="application/json")
    client.generic("BREW", "/no/such/path/of-a-guest")

    told = scrape(client)

    route = "webhooks/<slug:account>/"
    key = ("http_requests_total", "POST", route, "404")
    assert told[key] - before.get(key, 0) == 1
    assert told["http_request_seconds_count", "POST", route] >= 1
    assert told["http_requests_total", "(other)", "(none)", "404"] >= 1
    assert not any("guest" in label or label == "BREW" for key in told for label in key)


OBSERVE = """
from payments.metrics import gateway_call
from gateways.errors import AnswerLost
with gateway_call(gateway="adyen", operation="REFUND"):
    pass
try:
    with gateway_call(gateway="adyen", operation="REFUND"):
        raise AnswerLost("silence")
except AnswerLost:
    pass
"""


def test_what_several_processes_counted_is_added_up(client: Client, settings, tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", OBSERVE], cwd=settings.BASE_DIR, env=environment, check=True)
    settings.METRICS_DIR = str(tmp_path)

    told = scrape(client)

    assert told["gateway_call_seconds_count", "adyen", "refund", "answered"] == 2
    assert told["gateway_call_seconds_count", "adyen", "refund", "answer_lost"] == 2
    assert told["database_up",] == 1


def test_only_what_dead_processes_left_is_removed(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for pid in (gone.pid, os.getpid()):
        (tmp_path / f"histogram_{pid}.db").write_bytes(b"")
    (tmp_path / "notes_about.db").write_bytes(b"")

    remove_what_dead_processes_left(tmp_path)

    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([f"histogram_{os.getpid()}.db", "notes_about.db"])
