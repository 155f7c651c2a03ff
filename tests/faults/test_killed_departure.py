"""A worker killed by SIGKILL in the middle of a cancelled departure: the next goes on, and nobody is refunded twice."""

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from backoffice import tasks as backoffice_tasks
from backoffice.models import DepartureItem, DepartureReturn
from backoffice.services.departure_plans import dry_run
from backoffice.services.departures import cancel_departures
from bookings.models import Booking
from payments import tasks
from payments.models import Transaction
from payments.services import confirming
from payments.services.collecting import NO_REQUEST
from tests.faults.agreement import BEAT_SECONDS, drain, money_of_the_ledger, money_of_the_sandbox
from tests.payments.guest import opening_of
from tests.processes import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quick")]

GUESTS = 3


@pytest.mark.parametrize("fault", ["hang", "slow"])
def test_a_departure_whose_worker_was_killed_is_given_back_once(house, guest, sandbox, start_worker, fault):
    """`hang` is killed before the processor did anything; `slow` has done the work, and its answer finds nobody."""
    bookings = [house.reserve() for _ in range(GUESTS)]
    for booking in bookings:
        guest.pay(opening_of(booking))
    guest.deliver()
    for booking in bookings:
        confirming.confirm_booking(booking=booking, changes=None, request=NO_REQUEST, clock=house.clock)
    ada = get_user_model().objects.create_superuser("ada", "ada@example.com", "correct horse battery")
    departure_ids = list(house.option.availabilities.values_list("pk", flat=True))
    found = dry_run(departure_ids=departure_ids, now=timezone.now())
    cancellation = cancel_departures(
        person=ada, departure_ids=departure_ids, reason="storm", fingerprint=found.fingerprint, now=timezone.now()
    )
    sandbox.post("faults", gateway="adyen", operation="refund", fault=fault, seconds=6)
    worker = start_worker("first", concurrency=1)
    backoffice_tasks.drain_departures.apply_async()
    wait_until(lambda: _calls(sandbox), what="the worker's first refund")
    worker.kill()
    assert DepartureItem.objects.filter(state="WAITING").exists()

    start_worker("second")

    def is_finished() -> bool:
        for task in (
            backoffice_tasks.drain_departures,
            tasks.drain_operations,
            tasks.resolve_unknown,
            tasks.drain_deliveries,
        ):
            task.apply_async()
        cancellation.refresh_from_db()
        return cancellation.state == "FINISHED"

    wait_until(is_finished, every=BEAT_SECONDS, what="the other worker finishing the departure")
    drain(sandbox)
    assert set(cancellation.items.values_list("state", flat=True)) == {"DONE"}
    assert set(Booking.objects.values_list("status", flat=True)) == {"CANCELLED"}
    refunds = Transaction.objects.filter(kind="REFUND")
    assert [(row.status, row.amount_minor) for row in refunds] == [("PROCESSED", 9000)] * GUESTS
    assert DepartureReturn.objects.count() == GUESTS
    assert {call["idempotency_key"] for call in _calls(sandbox)} == {row.idempotency_key for row in refunds}
    assert sum(row["refunded"] for row in sandbox.get("money")["money"]) == 9000 * GUESTS
    assert money_of_the_ledger() == money_of_the_sandbox(sandbox)


def _calls(sandbox):
    return sandbox.get("requests", gateway="adyen", operation="refund")["requests"]
