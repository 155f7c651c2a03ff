"""A worker takes in the gateway's word between two looks of a confirmation."""

import pytest

from bookings.models import BookingStatus
from payments.models import Transaction
from payments.services import confirming
from payments.services.collecting import PaymentRequest
from tests.payments.guest import opening_of
from tests.payments.house import books

pytestmark = pytest.mark.django_db(transaction=True)


def test_money_that_is_known_after_the_look_confirms_all_the_same(house, guest, monkeypatch):
    booking = house.reserve()
    opening = opening_of(booking)
    guest.pay(opening)
    look_away = confirming.note_report

    def deliver_meanwhile(*arguments):
        guest.deliver()
        look_away(*arguments)

    monkeypatch.setattr(confirming, "note_report", deliver_meanwhile)
    request = PaymentRequest(gateway="adyen", opening_reference=opening.gateway_reference)

    confirmation = confirming.confirm_booking(booking=booking, changes=None, request=request, clock=house.clock)

    assert confirmation.is_confirmed
    assert confirmation.order.status == BookingStatus.CONFIRMED
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}
    assert list(Transaction.objects.values_list("kind", "status")) == [("SALE", "PROCESSED")]
