"""What a partner took itself and reports with a confirmation: nobody is called, and all of it is one transaction."""

import pytest
from django.db import IntegrityError

from bookings import services
from bookings.models import Booking, BookingStatus, Change
from bookings.requests import BookingChanges
from gateways.protocol import ExternalCharge
from payments.errors import PaymentDue
from payments.models import ExternalNote, GatewayEvent, LedgerEntry, Payment, Posting, Transaction
from payments.states import Status
from tests.payments.confirming import adults, confirm
from tests.payments.house import books
from tests.payments.races import meet, run_together, take_row_locks_away, without

pytestmark = pytest.mark.django_db(transaction=True)

REPORT = {"gateway": "external", "notes": "till 4, receipt 1201", "external": ExternalCharge(is_approved=True)}
WRITTEN = (Transaction, GatewayEvent, Posting, LedgerEntry, ExternalNote)
CONFIRMATIONS_FAIL = "ALTER TABLE bookings_change ADD CONSTRAINT never CHECK (reason <> 'confirmed') NOT VALID"
CONFIRMATIONS_WORK = "ALTER TABLE bookings_change DROP CONSTRAINT never"


def test_a_report_is_one_version_with_its_confirmation(house):
    booking = house.reserve()

    confirmation = confirm(house, booking, **REPORT)

    assert confirmation.is_confirmed
    assert confirmation.money.money_in_minor == 9000
    assert confirmation.current.payment.state == "CAPTURED"
    booking.refresh_from_db()
    assert (booking.status, booking.order.version) == (BookingStatus.CONFIRMED, 2)
    told = Change.objects.filter(order=booking.order, version=2).values_list("topic", "reason", "before")
    before = {"status": "ON_HOLD", "money_in_minor": 0}
    assert sorted(told) == [("booking", "confirmed", before), ("order", "confirmed", before)]
    assert books(booking.order) == {"RECEIVABLE>EXTERNAL": 9000}


def test_a_report_whose_confirmation_breaks_leaves_nothing_and_may_be_repeated(house):
    booking = house.reserve()
    payments = set(Payment.objects.values_list("pk", "superseded_at"))
    # Where a sandbox is up, reserving has opened a payment there, and it has answered.
    rows = [table.objects.count() for table in WRITTEN]

    with without(CONFIRMATIONS_FAIL, CONFIRMATIONS_WORK), pytest.raises(IntegrityError):
        confirm(house, booking, **REPORT)

    booking.refresh_from_db()
    assert booking.status == BookingStatus.ON_HOLD
    assert set(Payment.objects.values_list("pk", "superseded_at")) == payments
    assert [table.objects.count() for table in WRITTEN] == rows
    assert confirm(house, booking, **REPORT).is_confirmed
    assert books(booking.order) == {"RECEIVABLE>EXTERNAL": 9000}


@pytest.mark.parametrize(("count", "minor", "due"), [(3, 10_000, 13_500), (1, 2000, 4500)])
def test_a_part_for_a_change_that_it_does_not_cover_is_refused_and_writes_nothing(house, count, minor, due):
    booking = house.reserve()
    rows = [table.objects.count() for table in WRITTEN]

    with pytest.raises(PaymentDue) as raised:
        confirm(house, booking, adults(house, count), **REPORT, amount_minor=minor)

    assert raised.value.due.minor == due
    assert [table.objects.count() for table in WRITTEN] == rows
    assert Booking.objects.get().unit_items.count() == 2


def test_a_part_with_a_change_of_names_alone_is_recorded(house):
    booking = house.reserve()

    confirmation = confirm(house, booking, BookingChanges(notes="late arrival"), **REPORT, amount_minor=2000)

    assert not confirmation.is_confirmed
    assert books(booking.order) == {"RECEIVABLE>EXTERNAL": 2000}


def test_the_whole_of_what_a_change_costs_confirms_with_it(house):
    booking = house.reserve()

    assert confirm(house, booking, adults(house, 3), **REPORT, amount_minor=13_500).is_confirmed

    assert Booking.objects.get().unit_items.count() == 3
    assert books(booking.order) == {"RECEIVABLE>EXTERNAL": 13_500}


def two_reports(house, monkeypatch):
    booking = house.reserve()
    meet(monkeypatch, services, "begin_confirmation")
    return booking, run_together(lambda: confirm(house, booking, **REPORT), lambda: confirm(house, booking, **REPORT))


def test_of_two_reports_at_once_one_is_booked_and_both_are_told_that_it_is_confirmed(house, monkeypatch):
    booking, told = two_reports(house, monkeypatch)

    assert [each.is_confirmed for each in told] == [True, True]
    assert list(Transaction.objects.values_list("status")) == [(Status.PROCESSED,)]
    assert books(booking.order) == {"RECEIVABLE>EXTERNAL": 9000}


def test_control_without_the_order_lock_the_second_report_is_refused_by_the_database(house, monkeypatch):
    take_row_locks_away(monkeypatch)
    booking, told = two_reports(house, monkeypatch)

    assert sum(isinstance(each, IntegrityError) for each in told) == 1
    assert books(booking.order) == {"RECEIVABLE>EXTERNAL": 9000}
