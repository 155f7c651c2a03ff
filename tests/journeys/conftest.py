from collections.abc import Iterator

import pytest
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from bookings.services import mint_partner_key
from tests.faults import quick_settings
from tests.faults.partner import OctoClient
from tests.journeys.trip import Trip
from tests.payments.house import build_house
from tests.processes import CeleryWorker, Sandbox, patient_redis


@pytest.fixture(autouse=True)
def _clean_broker() -> None:
    """Leave the broker as it is between journeys: their worker lives on, and its queues with it."""


@pytest.fixture(scope="package")
def journeys_worker(
    servers: None, django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CeleryWorker]:
    """One real Celery worker for all journeys, in a hurry: schedules of a second instead of minutes."""
    with django_db_blocker.unblock():
        patient_redis().flushdb()
        worker = CeleryWorker(
            tmp_path_factory.mktemp("journeys"),
            name="journeys",
            environment={"DJANGO_SETTINGS_MODULE": "tests.faults.quick_settings"},
        )
        worker.start()
    yield worker
    worker.stop()
    patient_redis().flushdb()


@pytest.fixture
def trip(
    transactional_db: None, live_server, sandbox: Sandbox, journeys_worker: CeleryWorker, settings
) -> Iterator[Trip]:
    """A partner, a guest and a member of staff on their way; in the end nothing may be wrong or under way."""
    settings.PAYMENTS = quick_settings.PAYMENTS
    house = build_house()
    key = mint_partner_key(partner=house.partner, dialects=["octo"], is_live=True, label="", now=timezone.now())[1]
    with OctoClient(live_server.url, key, house) as octo:
        trip = Trip(house=house, octo=octo, sandbox=sandbox)
        yield trip
        trip.come_to_rest()
    assert octo.broken == []
