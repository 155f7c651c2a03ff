"""A random storm of bookings, payments, faults and killed workers; when it is over, every cent is where it belongs.

The dice are the same at every run, others with `STORM_SEED=123`; threads and killed processes keep some chance of their
own.
"""

import json
import os
import random
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone
from kombu.exceptions import OperationalError

from bookings.models import Availability, Booking
from gateways.registry import gateway_class
from payments import tasks
from payments.checking import ledger_findings, payment_findings
from payments.models import Opening, Transaction
from tests.faults.agreement import drain, money_of_the_ledger, money_of_the_sandbox
from tests.faults.morning import (
    money_of_the_files,
    money_of_the_processors,
    settle_everywhere,
    take_in_everything,
    what_is_left,
)
from tests.faults.partner import OctoClient
from tests.faults.spoiling import FAULTS, plant_faults
from tests.faults.tills import taken_by_the_books
from tests.faults.travelers import Traveler
from tests.faults.ways import Way, all_ways, credentials_of, open_accounts
from tests.processes import PATIENCE_SECONDS, CeleryWorker, Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

TRAVELERS = 5
JOURNEYS = 40
# How much has to happen, and how long a storm waits for that on a busy machine.
STORIES = 100
STORM_SECONDS = 20
LONGEST_STORM_SECONDS = 150
# An answer lost after the work was done is the one that tempts to do it twice.
CALL_FAULTS = ("hang", "error", "reset", "garbage", "unavailable", "slow", "in_progress", *["answer_lost"] * 4)
OUR_REFERENCE = re.compile(r"\b(?:cpo|tx)_[2-9a-z]{20}\b")
# Wrong amounts and currencies are lies, not losses: test_lies.py.
WEBHOOK_FAULTS = ("dropped", "delayed", "doubled", "reordered", "wrongly_signed")


def make_faults(sandbox: Sandbox, ways: Sequence[Way], dice: random.Random, is_over: threading.Event) -> None:
    """Let something go wrong a few times a second, and do what beat does, until the storm is over."""
    calls = sandbox.get("health")["operations"]
    while not is_over.wait(0.1):
        gateway = dice.choice(ways).gateway
        if dice.random() < 0.6:
            # Of what is called seldom the next call, whenever it comes; and now and then whatever is called next.
            operation = "*" if dice.random() < 0.25 else dice.choice(calls[gateway])
            fault = {"operation": operation, "fault": dice.choice(CALL_FAULTS)}
        else:
            fault = {"operation": "webhook", "fault": dice.choice(WEBHOOK_FAULTS)}
        seconds = {"hang": 1.5, "slow": 0.4, "delayed": 2.0}.get(fault["fault"], 0.0)
        sandbox.post("faults", gateway=gateway, times=dice.randint(1, 2), seconds=seconds, **fault)
        for task in (tasks.drain_deliveries, tasks.drain_operations, tasks.resolve_unknown, tasks.expire_holds):
            if dice.random() < 0.1:
                # A broker that a busy machine keeps from answering at once is asked again at the next beat.
                with suppress(OperationalError):
                    task.apply_async(retry=False, ignore_result=True)


def kill_workers(
    workers: list[CeleryWorker],
    dice: random.Random,
    busy: Sequence["Future[Any]"],
    is_over: threading.Event,
    is_enough: Callable[[int], bool],
) -> int:
    """SIGKILL a worker every few seconds and start it again, while travelers are on their way; return how often.

    The storm is over after its time, if it has been enough of one by then, or after its longest time. Only the main
    thread may do this: a worker ends with the thread that started it.
    """
    kills, began = 0, time.monotonic()
    while not all(one.done() for one in busy):
        pause_until = time.monotonic() + dice.uniform(1.5, 3.0)
        while time.monotonic() < pause_until and not all(one.done() for one in busy):
            time.sleep(0.05)
        lasted = time.monotonic() - began
        if lasted > LONGEST_STORM_SECONDS or (lasted > STORM_SECONDS and is_enough(kills)):
            is_over.set()
        worker = dice.choice(workers)
        worker.kill()
        kills += 1
        worker.start()
    return kills


@contextmanager
def weather(sandbox: Sandbox, ways: Sequence[Way], dice: random.Random) -> Iterator[None]:
    """Make faults while the block runs; afterwards the sky is clear."""
    is_over = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        maker = pool.submit(make_faults, sandbox, ways, dice, is_over)
        try:
            yield
        finally:
            is_over.set()
            maker.result(PATIENCE_SECONDS)
    sandbox.delete("faults")


def travel(traveler: Traveler, is_over: threading.Event) -> None:
    try:
        traveler.run(JOURNEYS, is_over=is_over)
    finally:
        traveler.octo.close()
        connections.close_all()


@pytest.fixture
def ways(house, sandbox, settings) -> list[Way]:
    """Every way to pay, with accounts in a hurry."""
    found = all_ways()
    settings.GATEWAY_CREDENTIALS = {**settings.GATEWAY_CREDENTIALS, **credentials_of(found, sandbox.url)}
    open_accounts(found, house, sandbox)
    return found


@pytest.fixture
def patience_of_a_storm(quick, settings) -> None:
    settings.PAYMENTS = {
        **settings.PAYMENTS,
        "GATEWAY_TIMEOUT_SECONDS": 3,
        "REQUEST_SECONDS": 6,
        "UNKNOWN_CHECK_SCHEDULE_SECONDS": [1] * 15,
    }


# The morning after has its share of it.
@pytest.mark.timeout(600)
def test_after_a_storm_no_row_is_stuck_and_every_cent_is_where_it_belongs(
    house, key, ways, sandbox, live_server, patience_of_a_storm, start_worker, tmp_path
):
    seed = os.environ.get("STORM_SEED", "29")
    workers = [start_worker("first"), start_worker("second")]
    travelers = [
        Traveler(
            OctoClient(live_server.url, key, house),
            sandbox,
            ways[number % len(ways) :] + ways[: number % len(ways)],
            random.Random(f"{seed}/traveler {number}"),
        )
        for number in range(TRAVELERS)
    ]
    is_over = threading.Event()

    def is_enough(kills: int) -> bool:
        return kills >= 2 and stories_of(travelers).total() >= STORIES and is_mixed(sandbox, ways)

    with weather(sandbox, ways, random.Random(f"{seed}/faults")), ThreadPoolExecutor(TRAVELERS) as pool:
        busy = [pool.submit(travel, traveler, is_over) for traveler in travelers]
        kills = kill_workers(workers, random.Random(f"{seed}/kills"), busy, is_over, is_enough)
        for one in busy:
            one.result()
    ruled_out = drain(sandbox)
    for worker in workers:
        worker.stop()
    ruled_out += drain(sandbox)

    stories = stories_of(travelers)
    assert [line for traveler in travelers for line in traveler.octo.broken] == []
    assert payment_findings(now=timezone.now(), stuck_after=timedelta(0)) == []
    assert ledger_findings() == []
    assert money_of_the_ledger() == money_of_the_sandbox(sandbox)
    at_tills = {key: minor for traveler in travelers for key, minor in traveler.till.taken.items() if minor}
    assert taken_by_the_books() == at_tills
    # Only where no key makes a repetition safe may it come to a person to say what was not done; or where a repetition
    # was refused, because others had moved the payment's money meanwhile.
    assert [row for row in ruled_out if row.account.gateway not in without_keys() and not moved_by_others(row)] == []
    # A second refund would be told by webhook and booked as the processor's own, and the sums would still agree.
    assert refunds_nobody_asked_for() == sum(traveler.refunds_by_the_processor for traveler in travelers)
    assert asked_under_several_keys(sandbox) == {}
    assert taken_more_than_asked(sandbox) == []
    assert seats_taken() == seats_counted()
    # The next morning. It is cheap here, where there is so much to settle, and dear anywhere else.
    receipts = [receipt for traveler in travelers for receipt in traveler.till.receipts]
    files = settle_everywhere(sandbox, now=timezone.now())
    texts = {source: content for source, (_, content) in files.items()}
    planted, found = plant_faults(texts, tmp_path, now=timezone.now())
    assert found == planted
    assert {name.partition(" ")[0] for name in planted} == {fault.kind for fault in FAULTS}
    take_in_everything(sandbox, files, tmp_path, receipts, now=timezone.now())
    assert what_is_left() == {"discrepancies": [], "lines": [], "in_between": {}, "batches": []}
    assert money_of_the_files() == money_of_the_processors(sandbox)
    assert ledger_findings() == []
    # What follows says that there was a storm at all.
    print(f"{kills} kills, {dict(stories)}, {len(ruled_out)} left to staff, struck by {struck_by(sandbox, ways)}")
    assert kills >= 2
    assert stories.total() >= STORIES
    assert is_mixed(sandbox, ways), struck_by(sandbox, ways)


def stories_of(travelers: Sequence[Traveler]) -> Counter[str]:
    """Return what the travelers have done, by story."""
    return sum((traveler.done for traveler in travelers), Counter[str]())


def struck_by(sandbox: Sandbox, ways: Sequence[Way]) -> dict[str, set[str]]:
    """Return the faults that struck calls, by gateway."""
    struck: dict[str, set[str]] = {way.gateway: set() for way in ways}
    for request in sandbox.get("requests")["requests"]:
        if request.get("fault"):
            struck[request["gateway"]].add(request["fault"])
    return struck


def is_mixed(sandbox: Sandbox, ways: Sequence[Way]) -> bool:
    """Say whether every gateway had its share of the storm; which fault strikes which call is left to chance."""
    struck = struck_by(sandbox, ways)
    taken = {row["gateway"] for row in sandbox.get("money")["money"] if row["captured"]}
    returned = Transaction.objects.filter(origin="OURS", kind__in=["REFUND", "VOID"])
    kinds = set(Transaction.objects.values_list("kind", flat=True))
    return (
        all(struck.values())
        and len(set.union(*struck.values())) >= 6
        and taken == set(struck)
        and set(returned.values_list("account__gateway", flat=True)) >= set(struck)
        and kinds >= {"SALE", "AUTHORIZATION", "CAPTURE", "REFUND"}
    )


def refunds_nobody_asked_for() -> int:
    """Return how many refunds, captures and releases the processor told of that are none of ours."""
    told = Transaction.objects.filter(origin="GATEWAY", kind__in=["REFUND", "CAPTURE", "VOID"], status="PROCESSED")
    return told.count()


def without_keys() -> set[str]:
    """Return the gateways that no operation can be repeated at."""
    return {slug for slug in settings.GATEWAYS if gateway_class(slug).idempotency_window_seconds is None}


def moved_by_others(operation: Transaction) -> bool:
    """Say whether the processor's back office or a bank moved money of an operation's payment."""
    told = Transaction.objects.filter(payment=operation.payment, origin="GATEWAY", kind__in=["REFUND", "CHARGEBACK"])
    return told.exists()


def asked_under_several_keys(sandbox: Sandbox) -> dict[tuple[str, str], set[str]]:
    """Return the operations of ours, by what they were asked as, that were sent under more than one idempotency key."""
    keys: dict[tuple[str, str], set[str]] = defaultdict(set)
    for request in sandbox.get("requests")["requests"]:
        if request["idempotency_key"]:
            for reference in OUR_REFERENCE.findall(json.dumps(request["body"])):
                keys[f"{request['gateway']} {request['operation']}", reference].add(request["idempotency_key"])
    return {asked: used for asked, used in keys.items() if len(used) > 1}


def taken_more_than_asked(sandbox: Sandbox) -> list[Any]:
    """Return what a processor authorized or took beyond what one reference of ours was to bring: a second charge."""
    asked = dict(Transaction.objects.values_list("reference", "amount_minor"))
    asked.update(Opening.objects.values_list("reference", "amount_minor"))
    rows = sandbox.get("money")["money"]
    return [row for row in rows if max(row["authorized"], row["captured"]) > asked[row["merchantReference"]]]


def seats_taken() -> int:
    """Return what the departure counts as taken."""
    return sum(Availability.objects.values_list("reserved", flat=True))


def seats_counted() -> int:
    """Return what its bookings hold."""
    return sum(Booking.objects.values_list("seats_held", flat=True))
