"""A random storm of bookings, payments, faults and killed workers; when it is over, every cent is where it belongs.

`STORM_SEED=123` repeats the dice of a failed run; threads and killed processes keep some chance of their own.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from bookings.models import Availability, Booking
from payments import tasks
from payments.checking import ledger_findings, payment_findings
from payments.models import Transaction
from tests.faults.agreement import drain, money_of_the_ledger, money_of_the_sandbox
from tests.faults.partner import OctoClient
from tests.faults.travelers import Traveler
from tests.processes import CeleryWorker, Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

TRAVELERS = 4
JOURNEYS = 10
STORM_SECONDS = 28
DRAIN_SECONDS = 35
CALLS = ("sessions", "session_result", "capture", "cancel", "refund")
CALL_FAULTS = ("hang", "error", "reset", "answer_lost", "garbage", "unavailable", "slow", "in_progress")
# Wrong amounts and currencies are lies, not losses: test_lies.py.
WEBHOOK_FAULTS = ("dropped", "delayed", "doubled", "reordered", "wrongly_signed")


def make_faults(sandbox: Sandbox, dice: random.Random, is_over: threading.Event) -> None:
    """Let something go wrong a few times a second, and do what beat does, until the storm is over."""
    while not is_over.wait(0.2):
        if dice.random() < 0.6:
            fault = {"operation": dice.choice(CALLS), "fault": dice.choice(CALL_FAULTS)}
        else:
            fault = {"operation": "webhook", "fault": dice.choice(WEBHOOK_FAULTS)}
        seconds = {"hang": 1.5, "slow": 0.4, "delayed": 2.0}.get(fault["fault"], 0.0)
        sandbox.post("faults", gateway="adyen", times=dice.randint(1, 2), seconds=seconds, **fault)
        for task in (tasks.drain_deliveries, tasks.drain_operations, tasks.resolve_unknown, tasks.expire_holds):
            if dice.random() < 0.2:
                task.apply_async(retry=False, ignore_result=True)


def kill_workers(workers: list[CeleryWorker], dice: random.Random, busy: Sequence["Future[Any]"]) -> int:
    """SIGKILL a worker every few seconds and start it again, while travelers are on their way; return how often.

    Only the main thread may do this: a worker ends with the thread that started it.
    """
    kills = 0
    while not all(one.done() for one in busy):
        pause_until = time.monotonic() + dice.uniform(1.5, 3.0)
        while time.monotonic() < pause_until and not all(one.done() for one in busy):
            time.sleep(0.05)
        worker = dice.choice(workers)
        worker.kill()
        kills += 1
        worker.start()
    return kills


@contextmanager
def weather(sandbox: Sandbox, dice: random.Random) -> Iterator[None]:
    """Make faults while the block runs; afterwards the sky is clear."""
    is_over = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        maker = pool.submit(make_faults, sandbox, dice, is_over)
        try:
            yield
        finally:
            is_over.set()
            maker.result(15)
    sandbox.delete("faults")


def travel(octo: OctoClient, sandbox: Sandbox, dice: random.Random, until: float) -> tuple[Counter[str], list[str]]:
    with octo:
        traveler = Traveler(octo, sandbox, dice)
        try:
            traveler.run(JOURNEYS, until=until)
        finally:
            connections.close_all()
        return traveler.done, octo.broken


@pytest.fixture
def patience_of_a_storm(quick, hurried_gateways, settings) -> None:
    settings.PAYMENTS = {**settings.PAYMENTS, "GATEWAY_TIMEOUT_SECONDS": 3, "REQUEST_SECONDS": 6}


def test_after_a_storm_no_row_is_stuck_and_every_cent_is_where_it_belongs(
    house, key, sandbox, live_server, patience_of_a_storm, start_worker
):
    seed = os.environ.get("STORM_SEED") or str(random.SystemRandom().randrange(1_000_000))
    print(f"repeat with STORM_SEED={seed}")
    workers = [start_worker("first"), start_worker("second")]
    until = time.monotonic() + STORM_SECONDS

    with weather(sandbox, random.Random(f"{seed}/faults")), ThreadPoolExecutor(TRAVELERS) as pool:
        busy = [
            pool.submit(
                travel,
                OctoClient(live_server.url, key, house),
                sandbox,
                random.Random(f"{seed}/traveler {number}"),
                until,
            )
            for number in range(TRAVELERS)
        ]
        kills = kill_workers(workers, random.Random(f"{seed}/kills"), busy)
        traveled = [one.result() for one in busy]
    drain(sandbox, seconds=DRAIN_SECONDS)
    for worker in workers:
        worker.stop()
    drain(sandbox, seconds=10)

    stories = sum((done for done, _ in traveled), Counter[str]())
    assert [line for _, broken in traveled for line in broken] == []
    assert payment_findings(now=timezone.now(), stuck_after=timedelta(0)) == []
    assert ledger_findings() == []
    assert money_of_the_ledger() == money_of_the_sandbox(sandbox)
    assert seats_taken() == seats_counted()
    # What follows says that there was a storm at all.
    struck = {request["fault"] for request in sandbox.get("requests")["requests"] if request.get("fault")}
    assert kills >= 2
    assert stories.total() >= 12
    assert len(struck) >= 4
    assert {"SALE", "AUTHORIZATION", "CAPTURE", "REFUND"} <= set(Transaction.objects.values_list("kind", flat=True))


def seats_taken() -> int:
    """Return what the departure counts as taken."""
    return sum(Availability.objects.values_list("reserved", flat=True))


def seats_counted() -> int:
    """Return what its bookings hold."""
    return sum(Booking.objects.values_list("seats_held", flat=True))
