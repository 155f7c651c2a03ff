from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.utils import timezone

from bookings.services import mint_partner_key
from config.settings.gateways import credential_variables
from tests.faults import quick_settings
from tests.faults.partner import OctoClient
from tests.payments.guest import Guest
from tests.payments.house import House, build_house
from tests.processes import CeleryWorker, Sandbox

WorkerFactory = Callable[..., CeleryWorker]


@pytest.fixture
def house(transactional_db) -> House:
    return build_house()


@pytest.fixture
def guest(house: House, sandbox: Sandbox, live_server) -> Guest:
    return Guest(house, sandbox)


@pytest.fixture
def key(house: House) -> str:
    """A partner's key, as it was shown once."""
    return mint_partner_key(partner=house.partner, dialects=["octo"], is_live=True, label="", now=timezone.now())[1]


@pytest.fixture
def octo(house: House, key: str, live_server) -> Iterator[OctoClient]:
    with OctoClient(live_server.url, key, house) as client:
        yield client


@pytest.fixture
def quick(settings) -> None:
    """Short leases and schedules in this process; the workers of `start_worker` have them always."""
    settings.PAYMENTS = quick_settings.PAYMENTS
    settings.RECONCILIATION = {**settings.RECONCILIATION, "FETCH_RETRY_SECONDS": [0]}


@pytest.fixture
def hurried_gateways(settings) -> None:
    """Accounts whose gateway is given two seconds to answer, here and in the workers started afterwards."""
    settings.GATEWAY_CREDENTIALS = {
        slug: {**fields, "timeout_seconds": "2"} for slug, fields in settings.GATEWAY_CREDENTIALS.items()
    }


@pytest.fixture
def start_worker(transactional_db, servers, settings, tmp_path: Path) -> Iterator[WorkerFactory]:
    """Start Celery workers with short leases; all of them are stopped at the end."""
    with ExitStack() as workers:

        def start(name: str = "first", *, concurrency: int = 2) -> CeleryWorker:
            folder = tmp_path / name
            folder.mkdir(exist_ok=True)
            environment = {
                "DJANGO_SETTINGS_MODULE": "tests.faults.quick_settings",
                **credential_variables(settings.GATEWAY_CREDENTIALS),
            }
            worker = CeleryWorker(folder, name=name, concurrency=concurrency, environment=environment)
            workers.callback(worker.kill)
            worker.start()
            return worker

        yield start
