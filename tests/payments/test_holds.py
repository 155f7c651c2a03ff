import pytest

from bookings.models import BookingStatus
from gateways.protocol import OutcomeKind as Kind
from payments.models import Case, Opening, Transaction
from payments.services import holds
from payments.services.attention import close_what_resolved_itself
from payments.services.surplus import new_operation
from payments.states import OperationKind

pytestmark = pytest.mark.django_db


def status_of(payment):
    payment.order.refresh_from_db()
    return payment.order.status


def test_a_hold_that_ran_out_frees_its_seats_and_closes_its_session(house):
    payment = house.payment()
    house.opening(payment)

    assert holds.expire_holds(now=house.clock.move(hours=1)) == 1

    booking = payment.order.bookings.get()
    assert status_of(payment) == BookingStatus.EXPIRED
    assert (booking.status, booking.seats_held, booking.availability.reserved) == ("EXPIRED", 0, 0)
    assert Opening.objects.get().status == "CLOSED"


def test_a_hold_that_still_runs_is_left_alone(house):
    payment = house.payment()

    assert holds.expire_holds(now=house.clock()) == 0
    assert status_of(payment) == BookingStatus.ON_HOLD


@pytest.mark.parametrize("word", [Kind.AUTHORIZED, Kind.PENDING])
@pytest.mark.parametrize("account", ["adyen-eu", "adyen-us"])
def test_a_hold_with_money_or_an_undecided_charge_does_not_run_out(house, word, account):
    payment = house.payment(account=account)
    house.opening(payment)
    house.tell(payment, word, "PSP1")

    assert holds.expire_holds(now=house.clock.move(days=2)) == 0

    assert status_of(payment) == BookingStatus.ON_HOLD
    assert payment.order.expires_at > house.clock()


def test_a_refused_attempt_does_not_keep_a_hold(house):
    payment = house.payment()
    house.opening(payment)
    house.tell(payment, Kind.DECLINED, "PSP1")

    assert holds.expire_holds(now=house.clock.move(hours=1)) == 1


def test_an_unknown_charge_keeps_the_hold(house):
    payment = house.payment()
    Transaction.objects.create(
        payment=payment, order=payment.order, account=payment.account, kind=OperationKind.SALE, origin="OURS",
        amount_minor=9000, currency="EUR", reference="tx_1", idempotency_key="tx_1", requested_at=house.clock(),
        unknown_since_at=house.clock(),
    )  # fmt: skip

    assert holds.expire_holds(now=house.clock.move(hours=1)) == 0


def test_paid_and_forgotten_is_confirmed_by_the_accounts_rule(house):
    payment = house.payment()
    payment.account.confirm_paid_after_minutes = 10
    payment.account.save()
    house.paid(payment)

    assert holds.confirm_paid_orders(now=house.clock.move(minutes=5)) == 0
    assert holds.confirm_paid_orders(now=house.clock.move(minutes=6)) == 1

    assert status_of(payment) == BookingStatus.CONFIRMED


def test_paid_and_forgotten_without_a_rule_comes_before_staff_until_it_is_confirmed(house):
    payment = house.paid(house.payment())

    assert holds.confirm_paid_orders(now=house.clock.move(minutes=16)) == 0
    assert Case.objects.get().kind == "PAID_UNCONFIRMED"
    assert status_of(payment) == BookingStatus.ON_HOLD

    payment.order.status = BookingStatus.CONFIRMED
    payment.order.save()
    close_what_resolved_itself(now=house.clock.move(minutes=1))
    assert Case.objects.get().closed_at is not None


def test_paid_in_part_is_never_confirmed_by_the_rule(house):
    payment = house.payment()
    payment.account.confirm_paid_after_minutes = 0
    payment.account.save()
    house.opening(payment)
    house.tell(payment, Kind.AUTHORIZED, "PSP1", minor=8999)

    assert holds.confirm_paid_orders(now=house.clock.move(minutes=60)) == 0
    assert status_of(payment) == BookingStatus.ON_HOLD


def test_money_being_given_back_does_not_count_as_paid(house):
    payment = house.paid(house.payment())
    payment.account.confirm_paid_after_minutes = 0
    payment.account.save()
    taken = payment.transactions.get()
    new_operation(
        parent=taken, kind=OperationKind.REFUND, amount_minor=1, reason="", requested_by="ada", now=house.clock()
    )

    assert holds.confirm_paid_orders(now=house.clock.move(minutes=1)) == 0


def test_an_order_that_cannot_expire_does_not_keep_the_others(house, monkeypatch):
    stuck, other = house.payment(), house.payment()
    original = holds.booking_services.expire_order

    def fail_for_one(*, order, now):
        if order.pk == stuck.order_id:
            raise RuntimeError("its seats cannot be given back")
        return original(order=order, now=now)

    monkeypatch.setattr(holds.booking_services, "expire_order", fail_for_one)

    assert holds.expire_holds(now=house.clock.move(hours=1)) == 1
    assert (status_of(stuck), status_of(other)) == (BookingStatus.ON_HOLD, BookingStatus.EXPIRED)
