"""A departure that the operator calls off: what each guest has back is told beforehand by the words that do it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from bookings.models import Booking, Option
from payments.checking import ledger_findings
from payments.models import Case, Transaction
from payments.services.calling_off import Plan, Sent, call_off_booking, plan_calling_off
from payments.services.tenders import Tender
from payments.services.ways_back import Way, WaysBack, base_of
from payments.states import OperationKind, Status
from tests.payments.called_off import SCENARIOS, by_card, elsewhere, two_bookings
from tests.payments.house import books

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _refundable_for_a_year(settings):
    settings.PAYMENTS = {**settings.PAYMENTS, "REFUNDABLE_DAYS": {"adyen": 365}}


def in_words(way: Way) -> tuple[str, int, str]:
    if way.obstacle is not None:
        name = "BY_HAND"
    elif way.tender is not None:
        name = "GIFT" if way.tender.gift_id else "CREDIT"
    else:
        name = "RELEASE" if way.kind == OperationKind.VOID else "CARD"
    return name, way.parts.amount_minor, way.obstacle or ""


def planned(house) -> list[Plan]:
    departures = list(house.option.availabilities.values_list("pk", flat=True))
    return plan_calling_off(departure_ids=departures, now=house.clock())


def called_off(house, booking, departure_id: UUID | None = None) -> Sent:
    noted: list[Sent] = []
    call_off_booking(
        booking_id=booking.pk,
        departure_ids=[departure_id or booking.availability_id],
        reason="storm",
        requested_by="ada",
        now=house.clock(),
        noted=noted.append,
    )
    return noted[0]


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_planned_is_what_is_written(house, name):
    scenario, ways, remark = SCENARIOS[name]
    booking = scenario(house)

    (plan,) = [each for each in planned(house) if each.booking.pk == booking.pk]
    sent = called_off(house, booking)

    assert [in_words(way) for way in plan.ways] == ways
    assert [in_words(way) for way, _ in sent.ways] == ways
    assert (plan.remark or "", sent.plan.remark or "") == (remark, remark)
    assert (plan.share_minor, plan.undecided_minor) == (sent.plan.share_minor, sent.plan.undecided_minor)
    written = [(operation.kind, operation.amount_minor) for _, operation in sent.ways if operation is not None]
    kinds = {"CARD": "REFUND", "RELEASE": "VOID"}
    assert written == [(kinds[way], minor) for way, minor, _ in ways if way in kinds]
    booking.refresh_from_db()
    assert booking.status == ("CONFIRMED" if remark == "REDEEMED" else "CANCELLED")
    by_hand = [way for way in ways if way[0] == "BY_HAND" and way[2] != "UNDECIDED"]
    assert Case.objects.filter(kind="REFUND_BY_HAND").count() == len(by_hand)
    assert ledger_findings() == []


def test_a_plan_writes_nothing_and_costs_the_same_for_one_booking_and_for_many(house):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            planned(house)
        assert not [each for each in queries if not each["sql"].lstrip().startswith("SELECT")]
        return len(queries)

    by_card(house, "PSP0")
    first = cost()
    for number in range(1, 4):
        by_card(house, f"PSP{number}")

    assert cost() == first
    assert first <= 10


def test_after_the_cutoff_the_guest_still_has_all_of_it_back(house):
    booking = by_card(house)
    Option.objects.update(cancellation_cutoff_amount=1000, cancellation_cutoff_unit="day")

    called_off(house, booking)

    booking.refresh_from_db()
    assert (booking.status, booking.cancellation_refund, booking.kept_minor) == ("CANCELLED", "FULL", 0)
    assert Transaction.objects.get(kind="REFUND").amount_minor == 9000


def test_another_booking_of_the_order_keeps_its_money(house):
    order, (first, second) = two_bookings(house)
    elsewhere_departure = _another_departure(house)
    Booking.objects.filter(pk=second.pk).update(availability=elsewhere_departure)

    (plan,) = planned_for(house, first.availability_id)
    sent = called_off(house, first)

    assert [in_words(way) for way in plan.ways] == [in_words(way) for way, _ in sent.ways] == [("CARD", 4500, "")]
    second.refresh_from_db()
    order.refresh_from_db()
    assert (second.status, order.status) == ("CONFIRMED", "CONFIRMED")


def test_two_bookings_of_one_order_have_their_shares_one_after_the_other(house):
    _, bookings = two_bookings(house)

    plans = planned(house)
    sent = [called_off(house, booking) for booking in bookings]

    assert [[in_words(way) for way in plan.ways] for plan in plans] == [[("CARD", 4500, "")]] * 2
    assert [[in_words(way) for way, _ in each.ways] for each in sent] == [[("CARD", 4500, "")]] * 2


def test_a_surplus_of_before_is_not_given_back_with_the_departure(house):
    """Money that stays for a person, taken elsewhere, is named once, with the booking it was paid for."""
    booking = elsewhere(house)
    called_off(house, booking)

    assert books(booking.order) == {"RECEIVABLE>EXTERNAL": 9000}
    again = called_off(house, booking)
    assert (again.ways, again.plan.remark) == ((), "ENDED_OTHERWISE")


def test_a_booking_that_was_moved_to_another_departure_is_left_alone(house):
    booking = by_card(house)
    called_off_departure = booking.availability_id
    Booking.objects.filter(pk=booking.pk).update(availability=_another_departure(house))

    sent = called_off(house, booking, called_off_departure)

    assert (sent.ways, sent.plan.remark) == ((), "ENDED_OTHERWISE")
    booking.refresh_from_db()
    assert booking.status == "CONFIRMED"


def test_the_surcharge_of_a_confirmed_booking_stays_where_the_settings_keep_it(house, settings):
    settings.PAYMENTS = {**settings.PAYMENTS, "REFUND_SURCHARGE": False}
    booking = SCENARIOS["surcharge"][0](house)

    (plan,) = planned(house)
    sent = called_off(house, booking)

    assert [in_words(way) for way in plan.ways] == [in_words(way) for way, _ in sent.ways] == [("CARD", 9000, "")]


def planned_for(house, departure_id: UUID) -> list[Plan]:
    return plan_calling_off(departure_ids=[departure_id], now=house.clock())


def _another_departure(house):
    first = house.option.availabilities.get()
    first.pk, first.reserved, first.starts_at = None, 0, first.starts_at + timedelta(hours=2)
    first.id = UUID(int=7)
    first.save(force_insert=True)
    return first


class TestPlanning:
    """The planner alone, over rows that are nowhere kept."""

    @given(
        taken=st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 300)), min_size=1, max_size=4),
        tendered=st.lists(st.integers(1, 3000), max_size=2),
        wanted=st.lists(st.integers(0, 6000), min_size=1, max_size=3),
    )
    def test_no_more_goes_back_than_was_there_and_all_of_it_that_is_wanted(self, taken, tendered, wanted):
        began = datetime(2026, 1, 1, tzinfo=UTC)
        rows = [
            Transaction(
                id=UUID(int=number + 1),
                kind=OperationKind.SALE,
                status=Status.PROCESSED,
                amount_minor=base + surcharge,
                surcharge_minor=surcharge,
                requested_at=began + timedelta(minutes=2 * number),
            )
            for number, (base, surcharge) in enumerate(taken)
        ]
        tenders = [
            Tender(
                gift_id=UUID(int=100 + number),
                customer_id=None,
                amount_minor=minor,
                paid_at=began + timedelta(minutes=2 * number + 1),
            )
            for number, minor in reversed(list(enumerate(tendered)))
        ]
        ways_back = WaysBack(rows)

        plans = [ways_back.plan(minor, tenders) for minor in wanted]

        there = sum(base for base, _ in taken) + sum(tendered)
        assert sum(base_of(ways) for ways in plans) == min(sum(wanted), there)
        for number, (base, surcharge) in enumerate(taken):
            returned = [way.parts for ways in plans for way in ways if way.parent == rows[number]]
            assert sum(parts.base_minor for parts in returned) <= base
            assert sum(parts.surcharge_minor for parts in returned) <= surcharge
