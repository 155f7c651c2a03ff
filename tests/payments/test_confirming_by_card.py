"""Confirming with a kept card for the rest of the price, over real HTTP to the sandbox."""

import pytest

from bookings import services as booking_services
from bookings.errors import HoldExpired
from bookings.models import Booking, BookingStatus
from payments.errors import PaymentPending
from payments.models import ReusableCard, Transaction
from payments.services import changing, confirming, holds, janitor
from payments.services.collecting import PaymentRequest
from payments.services.surplus import refund_rows
from tests.payments.confirming import adults, confirm
from tests.payments.guest import opening_of
from tests.payments.house import books

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def carded(house, guest):
    """A booking whose guest paid and had the card kept, and the card."""
    account = house.accounts["adyen-eu"]
    account.stores_cards = True
    account.save()
    booking = house.reserve()
    guest.pay(opening_of(booking), storePaymentMethod=True)
    guest.deliver()
    return booking, str(ReusableCard.objects.get().id)


def confirming_breaks(monkeypatch, error, *, at):
    """Let these confirmations of a locked order break, counted from 1."""
    original = booking_services.begin_confirmation
    calls = []

    def breaking(**fields):
        calls.append(fields)
        if len(calls) in at:
            raise error
        return original(**fields)

    monkeypatch.setattr(booking_services, "begin_confirmation", breaking)


def test_a_dearer_confirmation_charges_the_card_once_and_confirms(house, guest, carded):
    booking, card_id = carded

    confirmation = confirm(house, booking, adults(house, 3), card_id=card_id)
    guest.deliver()

    assert confirmation.is_confirmed
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 13500}
    assert not Transaction.objects.filter(kind="REFUND").exists()


def test_a_dearer_confirmation_that_turns_out_impossible_gives_the_charge_back(house, guest, carded, monkeypatch):
    booking, card_id = carded
    confirming_breaks(monkeypatch, HoldExpired(str(booking.uuid)), at=(2, 3))

    with pytest.raises(HoldExpired):
        confirm(house, booking, adults(house, 3), card_id=card_id)

    assert books(booking.order) == {"RECEIVABLE>CLEARING": 13500}
    assert [row.amount_minor for row in Transaction.objects.filter(kind="REFUND")] == [4500]


def test_an_answer_is_recorded_where_the_confirmation_with_it_breaks(house, guest, carded, monkeypatch):
    booking, card_id = carded
    confirming_breaks(monkeypatch, RuntimeError("the disk is full"), at=(2, 3))

    with pytest.raises(RuntimeError):
        confirm(house, booking, adults(house, 3), card_id=card_id)

    charge = Transaction.objects.get(origin="OURS")
    assert (charge.status, charge.amount_minor, charge.claimed_until) == ("PROCESSED", 4500, None)
    assert charge.events.count() == 1
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 13500}
    booking.order.refresh_from_db()
    assert (booking.order.status, booking.order.money_in_minor) == ("ON_HOLD", 13500)


@pytest.fixture
def charged_for_three(house, carded, monkeypatch):
    """A hold of two adults, and the guest's card charged for a third whose confirmation broke."""
    booking, card_id = carded
    with monkeypatch.context() as broken:
        confirming_breaks(broken, RuntimeError("the disk is full"), at=(2, 3))
        with pytest.raises(RuntimeError):
            confirm(house, booking, adults(house, 3), card_id=card_id)
    return booking


def test_what_was_charged_for_a_dearer_confirmation_goes_back_when_it_is_confirmed_as_it_was(house, charged_for_three):
    for _ in range(2):
        assert confirm(house, charged_for_three).is_confirmed

    charge = Transaction.objects.get(origin="OURS", kind="SALE")
    refund = Transaction.objects.get(kind="REFUND")
    assert (refund.parent, refund.status, refund.amount_minor) == (charge, "PENDING", 4500)
    assert list(charge.payment.cases.values_list("kind", flat=True)) == ["OVERPAID"]


def test_it_goes_back_when_the_accounts_rule_confirms_too(house, charged_for_three):
    house.accounts["adyen-eu"].confirm_paid_after_minutes = 5
    house.accounts["adyen-eu"].save()

    holds.confirm_paid_orders(now=house.clock.move(minutes=10))

    charged_for_three.refresh_from_db()
    assert charged_for_three.status == BookingStatus.CONFIRMED
    assert Transaction.objects.get(kind="REFUND").amount_minor == 4500


def test_it_goes_back_when_a_charge_by_staff_confirms_too(house, charged_for_three):
    order = confirming.confirm_if_covered(order_id=charged_for_three.order_id, now=house.clock())

    assert order.status == BookingStatus.CONFIRMED
    assert Transaction.objects.get(kind="REFUND").amount_minor == 4500


def test_it_stays_for_the_dearer_confirmation_when_that_is_repeated(house, charged_for_three):
    assert confirm(house, charged_for_three, adults(house, 3)).is_confirmed

    assert Booking.objects.get().unit_items.count() == 3
    assert not Transaction.objects.filter(kind="REFUND").exists()


def test_a_refund_of_it_that_failed_is_left_to_staff(house, charged_for_three):
    charge = Transaction.objects.get(origin="OURS", kind="SALE")
    [refund] = refund_rows([charge], amount_minor=4500, reason="asked", requested_by="ada", now=house.clock())
    Transaction.objects.filter(pk=refund.pk).update(status="FAILED", error_code="UNDEFINED_CARD_ERROR")

    assert confirm(house, charged_for_three).is_confirmed

    assert Transaction.objects.filter(kind="REFUND").count() == 1


def test_a_confirmation_that_breaks_with_the_answer_is_made_after_it(house, guest, carded, monkeypatch):
    booking, card_id = carded
    confirming_breaks(monkeypatch, RuntimeError("the disk is full"), at=(2,))

    confirmation = confirm(house, booking, adults(house, 3), card_id=card_id)

    assert confirmation.is_confirmed
    assert Transaction.objects.get(origin="OURS").events.count() == 1
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 13500}


def test_evidence_that_pays_leaves_nothing_for_the_card_to_pay(house, guest, carded):
    booking, card_id = carded
    changing.update_booking(
        booking=booking, changes=adults(house, 3), payment_request=PaymentRequest(), clock=house.clock
    )
    opening = opening_of(booking)
    guest.lose_webhooks()
    paid = guest.pay(opening)

    confirmation = confirm(
        house,
        booking,
        card_id=card_id,
        opening_reference=opening.gateway_reference,
        evidence=paid["sessionResult"],
    )

    assert confirmation.is_confirmed
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 13500}


def test_an_unknown_charge_is_not_repeated_once_the_guest_paid_otherwise(house, guest, carded):
    booking, card_id = carded
    changing.update_booking(
        booking=booking, changes=adults(house, 3), payment_request=PaymentRequest(), clock=house.clock
    )
    opening = opening_of(booking)
    guest.sandbox.post("faults", gateway="adyen", operation="payments", fault="reset", times=1)
    with pytest.raises(PaymentPending):
        confirm(house, booking, card_id=card_id)
    guest.pay(opening)
    guest.deliver()

    house.clock.move(hours=1)
    janitor.resolve_unknown(clock=house.clock)
    guest.deliver()

    assert books(booking.order) == {"RECEIVABLE>CLEARING": 13500}
    assert not Transaction.objects.filter(kind="REFUND").exists()
    assert confirm(house, booking).is_confirmed
