import pytest

from bookings.errors import HoldExpired
from bookings.models import Booking, BookingStatus
from bookings.requests import BookingChanges
from gateways.protocol import ExternalCharge
from gateways.protocol import OutcomeKind as Kind
from payments.checking import ledger_findings, payment_findings
from payments.models import Case, Opening, Transaction
from payments.selectors import gift_balance, order_money
from payments.services import changing, holds
from payments.services.attention import close_what_resolved_itself
from payments.services.collecting import NO_REQUEST, PaymentRequest, ensure_payment
from payments.services.confirming import confirm_booking
from payments.services.surplus import new_operation
from payments.splitting import Parts
from payments.states import OperationKind
from tests.payments.gifts import sold_gift, spend
from tests.payments.house import books

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


def report(house, booking, amount_minor):
    """Let the partner say that it took so much of the price."""
    changing.update_booking(
        booking=booking,
        changes=BookingChanges(),
        payment_request=PaymentRequest(
            gateway="external", amount_minor=amount_minor, notes="cash", external=ExternalCharge(is_approved=True)
        ),
        clock=house.clock,
    )


def take_back(house, booking):
    cancellation = PaymentRequest(gateway="external", is_cancellation=True)
    changing.update_booking(booking=booking, changes=BookingChanges(), payment_request=cancellation, clock=house.clock)


def rest_by_card(house, booking):
    """Return the payment of what is left, with an Opening that a guest could pay."""
    wish = PaymentRequest(gateway="adyen")
    rest, _ = ensure_payment(order=booking.order, request=wish, money=order_money(booking.order), now=house.clock())
    rest.refresh_from_db()
    house.opening(rest)
    return rest


def test_a_part_that_was_reported_from_elsewhere_keeps_seats_for_an_hour_and_then_is_shown_to_staff(house):
    booking = house.reserve(return_url=None)
    house.clock.move(minutes=25)
    report(house, booking, 1)

    assert holds.expire_holds(now=house.clock.move(minutes=59)) == 0
    holds.confirm_paid_orders(now=house.clock())
    assert holds.expire_holds(now=house.clock.move(minutes=1)) == 1

    booking = Booking.objects.select_related("order", "availability").get(pk=booking.pk)
    assert (booking.status, booking.order.status, booking.availability.reserved) == ("EXPIRED", "EXPIRED", 0)
    assert (booking.order.money_in_minor, books(booking.order)) == (1, {"RECEIVABLE>EXTERNAL": 1})
    close_what_resolved_itself(now=house.clock())
    assert list(Case.objects.filter(closed_at=None).values_list("kind", "detail")) == [
        (
            "PAID_WITHOUT_SEATS",
            "0.01 EUR of 90.00 EUR was reported from elsewhere and the rest never came; the hold ran out",
        )
    ]
    assert [*payment_findings(now=house.clock()), *ledger_findings()] == []
    with pytest.raises(HoldExpired):
        confirm_booking(booking=booking, changes=None, request=NO_REQUEST, clock=house.clock)


def test_what_was_reported_in_full_keeps_seats(house):
    booking = house.reserve(return_url=None)
    report(house, booking, 9000)

    assert holds.expire_holds(now=house.clock.move(days=2)) == 0


def test_a_part_beside_what_a_card_paid_or_may_have_paid_keeps_seats(house):
    booking = house.reserve(return_url=None)
    report(house, booking, 4000)
    rest = rest_by_card(house, booking)
    house.tell(rest, Kind.PENDING, "PSP1")
    assert holds.expire_holds(now=house.clock.move(days=1)) == 0

    house.tell(rest, Kind.AUTHORIZED, "PSP1", minor=4999)
    assert holds.expire_holds(now=house.clock.move(days=1)) == 0


def test_a_card_that_pays_the_rest_too_late_takes_the_seats_again(house):
    booking = house.reserve(return_url=None)
    report(house, booking, 4000)
    rest = rest_by_card(house, booking)
    assert holds.expire_holds(now=house.clock.move(hours=2)) == 1

    house.tell(rest, Kind.AUTHORIZED, "PSP1", minor=5000)

    booking.refresh_from_db()
    assert (booking.status, booking.seats_held, money_in(booking)) == ("ON_HOLD", 2, 9000)


def test_a_gift_beside_a_forgotten_part_has_its_money_back(house):
    gift = sold_gift(house, 3000)
    booking = house.reserve(return_url=None)
    report(house, booking, 4000)
    spend(gift, booking.order, now=house.clock())
    assert money_in(booking) == 7000

    assert holds.expire_holds(now=house.clock.move(hours=2)) == 1

    assert (money_in(booking), gift_balance(gift).minor) == (4000, 3000)


def test_a_report_that_was_taken_back_keeps_no_seats(house):
    booking = house.reserve(return_url=None)
    report(house, booking, 4000)
    take_back(house, booking)
    assert money_in(booking) == 0

    assert holds.expire_holds(now=house.clock.move(hours=2)) == 1

    booking.refresh_from_db()
    assert (booking.status, Case.objects.count()) == ("EXPIRED", 0)


def money_in(booking):
    booking.order.refresh_from_db()
    return booking.order.money_in_minor


def test_paid_and_forgotten_is_confirmed_by_the_accounts_rule(house):
    payment = house.payment()
    payment.account.confirm_paid_after_minutes = 10
    payment.account.save()
    house.paid(payment)

    assert holds.confirm_paid_orders(now=house.clock.move(minutes=5)) == 0
    assert holds.confirm_paid_orders(now=house.clock.move(minutes=6)) == 1

    assert status_of(payment) == BookingStatus.CONFIRMED


def test_what_a_card_charged_by_its_details_paid_late_is_confirmed_without_a_rule(house):
    payment = house.payment()
    payment.is_one_charge = True
    payment.save()
    house.paid(payment)

    assert holds.confirm_paid_orders(now=house.clock.move(minutes=1)) == 1

    assert status_of(payment) == BookingStatus.CONFIRMED
    assert not Case.objects.exists()


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
        parent=taken, kind=OperationKind.REFUND, parts=Parts(1, 0), reason="", requested_by="ada", now=house.clock()
    )

    assert holds.confirm_paid_orders(now=house.clock.move(minutes=1)) == 0


def test_an_order_that_cannot_expire_does_not_keep_the_others(house, monkeypatch):
    stuck, other = house.payment(), house.payment()
    original = holds.booking_services.expire_order

    def fail_for_one(*, order, **fields):
        if order.pk == stuck.order_id:
            raise RuntimeError("its seats cannot be given back")
        return original(order=order, **fields)

    monkeypatch.setattr(holds.booking_services, "expire_order", fail_for_one)

    assert holds.expire_holds(now=house.clock.move(hours=1)) == 1
    assert (status_of(stuck), status_of(other)) == (BookingStatus.ON_HOLD, BookingStatus.EXPIRED)
