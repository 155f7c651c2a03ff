import pytest

from gateways.protocol import OutcomeKind as Kind
from money import Money
from payments.errors import CaptureTooLarge, NothingToVoid, PaymentChanged, RefundTooLarge
from payments.models import Transaction
from payments.services import aftercare
from tests.payments.guest import opening_of
from tests.payments.house import books, operations

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def held(house):
    return house.paid(house.payment(account="adyen-us"))


def asked_for(kind):
    return Transaction.objects.filter(kind=kind).count()


@pytest.mark.parametrize("money", [Money(0, "USD"), Money(-1, "USD"), Money(10001, "USD"), Money(100, "JPY")])
def test_what_is_no_part_of_a_hold_is_not_captured(house, held, money):
    with pytest.raises(CaptureTooLarge):
        aftercare.capture_payment(payment=held, money=money, requested_by="ada", clock=house.clock)

    assert asked_for("CAPTURE") == 0


@pytest.mark.parametrize("money", [Money(0, "EUR"), Money(-1, "EUR"), Money(9001, "EUR"), Money(100, "USD")])
def test_what_is_no_part_of_a_capture_is_not_refunded(house, money):
    payment = house.paid(house.payment())

    with pytest.raises(RefundTooLarge):
        aftercare.refund_payment(payment=payment, money=money, reason="", requested_by="ada", clock=house.clock)

    assert asked_for("REFUND") == 0


def test_a_decision_made_on_an_old_look_is_not_carried_out(house, held):
    seen = held.transactions.count()
    house.opening(held, reference="CS2")
    house.tell(held, Kind.DECLINED, "PSP2")

    with pytest.raises(PaymentChanged):
        aftercare.capture_payment(
            payment=held, money=Money(1, "USD"), requested_by="ada", clock=house.clock, operations_seen=seen
        )
    with pytest.raises(PaymentChanged):
        aftercare.void_payment(payment=held, reason="", requested_by="ada", clock=house.clock, operations_seen=seen)


def test_a_release_lets_go_of_every_hold_and_a_second_one_of_nothing(house, guest):
    booking = house.reserve(currency="USD")
    guest.pay(opening_of(booking))
    guest.deliver()
    payment = booking.order.payments.get()

    aftercare.void_payment(payment=payment, reason="no show", requested_by="ada", clock=house.clock)
    guest.deliver()

    assert operations(booking.order) == [
        ("AUTHORIZATION", "GATEWAY", "PROCESSED", 10000),
        ("VOID", "OURS", "PROCESSED", 10000),
    ]
    assert books(booking.order) == {}
    with pytest.raises(NothingToVoid):
        aftercare.void_payment(payment=payment, reason="", requested_by="ada", clock=house.clock)
