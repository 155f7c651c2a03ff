"""Who cancels departures, on what they have seen, and what happens to those who book or pay meanwhile."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models.query import QuerySet

from backoffice.errors import BackofficeError, NoLimit
from backoffice.models import AuditEntry, CancelledDeparture, DepartureCancellation, DepartureItem
from backoffice.roles import Role
from backoffice.services import departures, limits
from backoffice.services.departure_plans import dry_run
from backoffice.services.departures import (
    AlreadyCancelled,
    AlreadyProposed,
    NeedsSecondPerson,
    NotMovable,
    PlanChanged,
    cancel_departures,
    move_cancellation,
    start_cancellation,
)
from bookings.errors import SoldOut
from bookings.models import Availability, Booking
from bookings.services import ensure_availabilities
from money import Money
from payments.services import aftercare
from tests.backoffice.departures.desk import cancel, departures_of, drain, rehearse, states
from tests.backoffice.limits import let_give_back
from tests.bookings.racing import Racer, overtaken_by
from tests.payments.called_off import by_card, by_credit, by_gift_and_card, unpaid
from tests.payments.races import meet, run_together, take_row_locks_away

pytestmark = pytest.mark.django_db(transaction=True)


def nothing_was_written() -> bool:
    is_open = not Availability.objects.filter(is_closed=True).exists()
    return is_open and not DepartureCancellation.objects.exists() and not DepartureItem.objects.exists()


def test_starting_closes_the_departure_and_writes_what_is_to_be_done(house, ada):
    booking = by_card(house)

    cancellation = cancel(house, ada)

    assert (cancellation.state, cancellation.started_by) == ("RUNNING", "ada")
    item = DepartureItem.objects.get()
    assert (item.booking, item.state, item.planned_minor) == (booking, "WAITING", 9000)
    assert item.planned_calls == {str(house.accounts["adyen-eu"].pk): 1}
    assert Availability.objects.get().is_closed
    assert [entry.action for entry in AuditEntry.objects.filter(actor="ada")] == ["started departure cancellation"]
    with pytest.raises(SoldOut):
        house.reserve(payment_request=None)


def test_a_dry_run_that_is_no_longer_true_starts_nothing(house, ada):
    booking = by_card(house)
    found = rehearse(house)
    aftercare.cancel_booking(booking=booking, reason="ill", force=False, clock=house.clock)

    with pytest.raises(PlanChanged):
        cancel(house, ada, found=found)

    assert nothing_was_written()


def test_of_two_people_who_start_at_once_one_does(house, ada, ben):
    by_card(house)
    found = rehearse(house)

    results = run_together(lambda: cancel(house, ada, found=found), lambda: cancel(house, ben, found=found))

    assert [type(each) for each in results if isinstance(each, Exception)] == [AlreadyCancelled]
    assert DepartureItem.objects.count() == 1
    assert CancelledDeparture.objects.filter(is_current=True).count() == 1


def test_control_without_the_lock_the_database_lets_only_one_in(house, ada, ben, monkeypatch):
    by_card(house)
    found = rehearse(house)
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, *_, **__: self.all())

    with transaction.atomic():
        cancel(house, ada, found=found)
        racer = Racer(lambda: cancel(house, ben, found=found)).start()
        was_blocked = racer.wait_until_blocked_or_done()

    assert was_blocked
    with pytest.raises(Exception, match=r"one_cancellation_per_departure|being cancelled"):
        racer.finish()
    assert CancelledDeparture.objects.filter(is_current=True).count() == 1


def test_whoever_reserves_while_it_is_started_finds_it_closed(house, ada):
    by_card(house)

    with overtaken_by(lambda: house.reserve(payment_request=None)) as racer:
        cancel(house, ada)

    assert racer.was_blocked
    with pytest.raises(SoldOut):
        racer.finish()
    assert Booking.objects.count() == DepartureItem.objects.count() == 1


def test_a_booking_that_came_first_is_seen_before_it_is_started(house, ada):
    by_card(house)
    found = rehearse(house)

    with overtaken_by(lambda: cancel(house, ada, found=found)) as racer:
        house.reserve(payment_request=None)

    assert racer.was_blocked
    with pytest.raises(PlanChanged):
        racer.finish()
    assert nothing_was_written()
    assert len(rehearse(house).plans) == 2


def booked_on_the_day_after(house):
    """Return the id of a second departure, of which somebody has bought 90.00 EUR."""
    day_after = Availability.objects.get().local_date + timedelta(days=1)
    (later,) = ensure_availabilities(option=house.option, from_date=day_after, days=1, capacity=10, now=house.clock())
    by_card(house, "PSP2", availability_id=f"{day_after}T10:00:00+01:00")
    return later.pk


def cancel_one(house, person, departure_id):
    """Cancel one departure as its dry run says."""
    return cancel_departures(
        person=person,
        departure_ids=[departure_id],
        reason="storm warning",
        fingerprint=dry_run(departure_ids=[departure_id], now=house.clock()).fingerprint,
        now=house.clock(),
    )


def refund(booking, minor, house, **fields):
    """Write a refund of ben's, which no worker sends here."""
    return aftercare.request_refund(
        payment_id=booking.order.payments.get().pk,
        money=Money(minor, "EUR"),
        reason="rain",
        requested_by="ben",
        now=house.clock(),
        **fields,
    )


def used(house, person, booking):
    """Return what counts of what a person gave back of a booking's order."""
    return limits.allowance_for(person=person, order=booking.order, now=house.clock()).used.minor


class TestASecondPerson:
    """Above the limit of who wants it, somebody else starts it."""

    def test_within_the_limit_one_person_is_enough(self, house, ben):
        by_card(house)

        assert cancel(house, ben).state == "RUNNING"

    def test_above_it_nothing_is_closed_until_another_person_starts_it(self, house, ben, eve):
        by_card(house, "PSP1")
        by_card(house, "PSP2")

        cancellation = cancel(house, ben)

        assert (cancellation.state, cancellation.needs_second_person) == ("PROPOSED", True)
        assert not Availability.objects.get().is_closed
        assert not DepartureItem.objects.exists()
        with pytest.raises(NeedsSecondPerson):
            start_cancellation(
                cancellation_id=cancellation.pk, person=ben, fingerprint=cancellation.fingerprint, now=house.clock()
            )
        started = start_cancellation(
            cancellation_id=cancellation.pk, person=eve, fingerprint=cancellation.fingerprint, now=house.clock()
        )
        assert (started.proposed_by, started.started_by) == ("ben", "eve")
        assert states(started) == {"WAITING": 2}
        with pytest.raises(NotMovable):
            start_cancellation(
                cancellation_id=cancellation.pk, person=eve, fingerprint=cancellation.fingerprint, now=house.clock()
            )
        assert states(started) == {"WAITING": 2}

    def test_the_second_person_starts_what_is_true_now(self, house, ben, eve):
        by_card(house, "PSP1")
        by_card(house, "PSP2")
        cancellation = cancel(house, ben)
        unpaid(house)

        with pytest.raises(PlanChanged):
            start_cancellation(
                cancellation_id=cancellation.pk, person=eve, fingerprint=cancellation.fingerprint, now=house.clock()
            )

        assert not Availability.objects.get().is_closed

    def test_who_may_give_nothing_back_in_the_currency_does_not_start_it(self, house, ben, user_with_role):
        by_card(house, "PSP1")
        by_card(house, "PSP2")
        cancellation = cancel(house, ben)
        mia = user_with_role(Role.MANAGER, "mia")

        with pytest.raises(NoLimit):
            start_cancellation(
                cancellation_id=cancellation.pk, person=mia, fingerprint=cancellation.fingerprint, now=house.clock()
            )

        assert not Availability.objects.get().is_closed
        assert not DepartureItem.objects.exists()

    def test_one_departure_after_the_other_counts_as_one_batch(self, house, ben):
        by_card(house, "PSP1")
        first = cancel(house, ben)

        second = cancel_one(house, ben, booked_on_the_day_after(house))

        assert (first.state, second.state) == ("RUNNING", "PROPOSED")

    @pytest.mark.parametrize(("refunded_minor", "state"), [(1000, "RUNNING"), (1001, "PROPOSED")])
    def test_what_the_person_refunded_before_counts_with_a_departure(self, house, ben, refunded_minor, state):
        refund(by_card(house, "PSP1"), refunded_minor, house)

        assert cancel_one(house, ben, booked_on_the_day_after(house)).state == state

    def test_what_a_departure_gives_back_counts_once_in_what_may_be_refunded_of_an_order(self, house, ben):
        by_gift, by_both = by_credit(house), by_gift_and_card(house)
        let_give_back(Role.FINANCE, 50_000)

        cancel(house, ben)
        at_the_start = [used(house, ben, booking) for booking in (by_gift, by_both)]
        drain(house)

        assert at_the_start == [9000, 9000]
        assert [used(house, ben, booking) for booking in (by_gift, by_both)] == [9000, 9000]

    @pytest.mark.parametrize("is_locked", [True, False], ids=["locked", "control"])
    def test_a_refund_and_a_departure_at_once_are_counted_one_after_the_other(self, house, ben, monkeypatch, is_locked):
        booking = by_card(house)
        found = rehearse(house)
        if not is_locked:
            take_row_locks_away(monkeypatch)
        meet(monkeypatch, limits, "given_back_minor")
        monkeypatch.setattr(departures, "given_back_minor", limits.given_back_minor)

        def refund_alone():
            refund(
                booking,
                4500,
                house,
                noted=lambda _: limits.refuse_above_limit(person=ben, order=booking.order, now=house.clock()),
            )
            return "refunded"

        results = run_together(refund_alone, lambda: cancel(house, ben, found=found).state)

        are_both_done = results == ["refunded", "RUNNING"]
        assert are_both_done != is_locked

    def test_two_departures_at_once_count_as_one_batch(self, house, ben, monkeypatch):
        by_card(house, "PSP1")
        one, other = departures_of(house)[0], booked_on_the_day_after(house)
        meet(monkeypatch, departures, "limit_of")

        started = run_together(lambda: cancel_one(house, ben, one), lambda: cancel_one(house, ben, other))

        assert sorted(each.state for each in started) == ["PROPOSED", "RUNNING"]

    def test_what_a_stopped_one_has_not_begun_does_not_count(self, house, ben):
        by_card(house)
        first = cancel(house, ben)
        move_cancellation(cancellation_id=first.pk, person=ben, to="STOPPED", now=house.clock())

        assert cancel(house, ben).state == "RUNNING"

    def test_the_same_is_proposed_once(self, house, ben):
        by_card(house)
        found = rehearse(house)
        cancel(house, ben, found=found, may_start=False)

        with pytest.raises(AlreadyProposed):
            cancel(house, ben, found=found, may_start=False)

        assert DepartureCancellation.objects.count() == 1

    def test_who_may_only_plan_proposes(self, house, ada):
        by_card(house)

        assert cancel(house, ada, may_start=False).state == "PROPOSED"

    def test_a_withdrawn_proposal_is_over(self, house, ben, eve):
        by_card(house)
        cancellation = cancel(house, ben, may_start=False)
        move_cancellation(cancellation_id=cancellation.pk, person=eve, to="WITHDRAWN", now=house.clock())

        with pytest.raises(BackofficeError):
            start_cancellation(
                cancellation_id=cancellation.pk, person=eve, fingerprint=cancellation.fingerprint, now=house.clock()
            )
        assert cancel(house, ben).state == "RUNNING"


def test_a_cancellation_is_only_moved_from_where_it_can_be(house, ada):
    by_card(house)
    cancellation = cancel(house, ada)

    def move(to):
        return move_cancellation(cancellation_id=cancellation.pk, person=ada, to=to, now=house.clock()).state

    with pytest.raises(NotMovable):
        move("RUNNING")
    assert move("PAUSED") == "PAUSED"
    with pytest.raises(NotMovable):
        move("PAUSED")
    assert move("RUNNING") == "RUNNING"
    assert move("STOPPED") == "STOPPED"
    with pytest.raises(NotMovable):
        move("RUNNING")
    # What was stopped can be cancelled anew; the departure stayed closed.
    assert Availability.objects.get().is_closed
    assert cancel(house, ada).state == "RUNNING"
    assert departures_of(house) == [CancelledDeparture.objects.get(is_current=True).availability_id]
