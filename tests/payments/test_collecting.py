"""Opening, paying and confirming over real HTTP to the sandbox; deliveries are handled here instead of by a worker."""

import pytest

from bookings.models import BookingStatus
from bookings.requests import BookingChanges
from gateways.protocol import ExternalCharge
from gateways.protocol import OutcomeKind as Kind
from money import Money
from payments.errors import (
    AmountMismatch,
    CurrencyMismatch,
    GatewayMismatch,
    InvalidCard,
    InvalidEvidence,
    InvalidSource,
    PaymentDue,
    PaymentPending,
    PaymentRefused,
)
from payments.models import ExternalNote, Opening, Payment, Transaction
from payments.selectors import order_money
from payments.services import aftercare, changing, collecting, holds, janitor
from payments.services.collecting import PaymentRequest
from tests.payments.confirming import adults, confirm
from tests.payments.guest import opening_of
from tests.payments.house import books, operations

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_hold_gets_a_session_and_is_confirmed_once_the_webhook_is_in(house, guest):
    booking = house.reserve()
    opening = opening_of(booking)
    assert opening.status == "OPEN"
    assert opening.expires_at <= booking.order.expires_at

    guest.pay(opening)
    guest.deliver()
    confirmation = confirm(house, booking, opening_reference=opening.gateway_reference)

    assert confirmation.is_confirmed
    assert confirmation.order.status == BookingStatus.CONFIRMED
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}


def test_confirming_before_the_webhook_is_pending_and_nothing_is_confirmed(house, guest):
    booking = house.reserve()
    opening = opening_of(booking)
    guest.sandbox.post("faults", gateway="adyen", operation="webhook", fault="dropped", times=-1)
    guest.pay(opening)

    with pytest.raises(PaymentPending):
        confirm(house, booking, opening_reference=opening.gateway_reference)

    booking.refresh_from_db()
    assert booking.status == BookingStatus.ON_HOLD
    assert opening_of(booking).reported_paid_at is not None


def test_a_session_result_finds_out_what_a_lost_webhook_would_have_told(house, guest):
    booking = house.reserve()
    opening = opening_of(booking)
    guest.sandbox.post("faults", gateway="adyen", operation="webhook", fault="dropped", times=-1)
    paid = guest.pay(opening)

    confirmation = confirm(house, booking, opening_reference=opening.gateway_reference, evidence=paid["sessionResult"])

    assert confirmation.is_confirmed
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}


def test_a_refusal_gives_the_reason_and_a_new_session(house, guest):
    booking = house.reserve()
    refused = opening_of(booking)
    guest.pay(refused, holder="NOT_ENOUGH_BALANCE")
    guest.deliver()

    with pytest.raises(PaymentRefused) as raised:
        confirm(house, booking, opening_reference=refused.gateway_reference)

    assert raised.value.error_code == "CREDIT_LIMIT_EXCEEDED"
    fresh = opening_of(booking)
    assert fresh.gateway_reference not in (None, refused.gateway_reference)
    assert fresh.payment_id == refused.payment_id
    guest.pay(fresh)
    guest.deliver()
    assert confirm(house, booking, opening_reference=fresh.gateway_reference).is_confirmed


def test_authorized_money_is_captured_when_the_booking_is_confirmed(house, guest):
    booking = house.reserve(currency="USD")
    opening = opening_of(booking)
    guest.pay(opening)
    guest.deliver()
    assert operations(booking.order) == [("AUTHORIZATION", "GATEWAY", "PROCESSED", 10000)]

    assert confirm(house, booking, opening_reference=opening.gateway_reference).is_confirmed
    guest.deliver()

    assert operations(booking.order)[1] == ("CAPTURE", "OURS", "PROCESSED", 10000)
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 10000}


def test_cancelling_gives_the_money_back(house, guest):
    booking = house.reserve()
    opening = opening_of(booking)
    guest.pay(opening)
    guest.deliver()
    confirm(house, booking, opening_reference=opening.gateway_reference)

    cancelled = aftercare.cancel_booking(booking=booking, reason="rain", force=False, clock=house.clock)
    guest.deliver()

    assert cancelled.status == BookingStatus.CANCELLED
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000, "CLEARING>RECEIVABLE": 9000}
    assert Payment.objects.get(order=booking.order).state == "REFUNDED"


def test_an_answer_lost_at_the_refund_is_unknown_and_then_resolved_without_a_second_refund(house, guest):
    booking = house.reserve()
    guest.pay(opening_of(booking))
    guest.deliver()
    guest.sandbox.post("faults", gateway="adyen", operation="refund", fault="answer_lost", times=1)
    payment = Payment.objects.get(order=booking.order)

    refund = aftercare.refund_payment(
        payment=payment, money=Money(2000, "EUR"), reason="goodwill", requested_by="ada", clock=house.clock
    )[0]

    refund.refresh_from_db()
    assert refund.unknown_since_at is not None
    house.clock.move(minutes=1)
    assert janitor.resolve_unknown(clock=house.clock) == 1
    guest.deliver()
    refund.refresh_from_db()
    assert (refund.status, refund.unknown_since_at) == ("PROCESSED", None)
    assert Transaction.objects.filter(kind="REFUND").count() == 1
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000, "CLEARING>RECEIVABLE": 2000}


def test_a_session_whose_answer_was_lost_is_opened_again_with_the_same_key(house, guest):
    guest.sandbox.post("faults", gateway="adyen", operation="sessions", fault="answer_lost", times=1)

    booking = house.reserve()

    opening = opening_of(booking)
    assert (opening.status, opening.unknown_since_at is not None) == ("REQUESTED", True)
    view = collecting.describe_payment(order=booking.order, clock=house.clock)
    opening.refresh_from_db()
    assert view is not None
    assert opening.status == "OPEN"
    assert view.client["session"]["id"] == opening.gateway_reference
    assert Opening.objects.count() == 1
    sent = [r for r in guest.sandbox.get("requests", gateway="adyen")["requests"] if r["path"].endswith("/sessions")]
    assert len({request["idempotency_key"] for request in sent}) == 1


def test_external_money_confirms_and_keeps_its_note_without_card_numbers(house, guest):
    booking = house.reserve(return_url=None)
    request = {"gateway": "external", "source": "POS", "notes": "Till 3, card 4111 1111 1111 1111"}

    confirmation = confirm(house, booking, **request, external=ExternalCharge(is_approved=True))

    assert confirmation.is_confirmed
    assert books(booking.order) == {"RECEIVABLE>EXTERNAL": 9000}
    note = ExternalNote.objects.get()
    assert note.text.startswith("Till 3")
    assert "4111 1111 1111" not in note.text


def test_external_part_payments_confirm_when_they_reach_the_balance(house, guest):
    booking = house.reserve(return_url=None)
    part = {"gateway": "external", "source": "POS", "external": ExternalCharge(is_approved=True)}

    first = confirm(house, booking, **part, amount_minor=4000, notes="slip 1")
    again = confirm(house, booking, **part, amount_minor=4000, notes="slip 1")
    rest = confirm(house, booking, **part, amount_minor=5000, notes="slip 2")

    assert [first.is_confirmed, again.is_confirmed, rest.is_confirmed] == [False, False, True]
    assert books(booking.order) == {"RECEIVABLE>EXTERNAL": 9000}


def test_an_external_refusal_records_nothing_as_paid(house, guest):
    booking = house.reserve(return_url=None)

    with pytest.raises(PaymentRefused) as raised:
        confirm(
            house,
            booking,
            gateway="external",
            notes="bank said no",
            external=ExternalCharge(is_approved=False, refusal_reason="Do not honour"),
        )

    assert raised.value.reason == "Do not honour"
    assert books(booking.order) == {}
    assert operations(booking.order) == [("SALE", "OURS", "FAILED", 9000)]


def test_external_payments_are_cancelled_before_confirmation(house, guest):
    booking = house.reserve(return_url=None)
    approved = ExternalCharge(is_approved=True)
    confirm(house, booking, gateway="external", amount_minor=4000, notes="slip", external=approved)

    cancelled = confirm(house, booking, gateway="external", is_cancellation=True, notes="wrong till")

    assert not cancelled.is_confirmed
    assert books(booking.order) == {"RECEIVABLE>EXTERNAL": 4000, "EXTERNAL>RECEIVABLE": 4000}


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        ({"source": "CASH"}, InvalidSource),
        ({"source": "POS", "gateway": "adyen"}, InvalidSource),
        ({"currency": "USD"}, CurrencyMismatch),
        ({"gateway": "stripe"}, GatewayMismatch),
        ({"amount_minor": 1}, AmountMismatch),
    ],
)
def test_a_wish_that_cannot_be_met_reserves_nothing(house, guest, wish, error):
    with pytest.raises(error):
        house.reserve(payment_request=PaymentRequest(**wish))

    assert not house.partner.bookings.exists()
    assert not Payment.objects.exists()


def test_confirming_an_unpaid_booking_changes_nothing(house, guest):
    booking = house.reserve()

    with pytest.raises(PaymentDue) as raised:
        confirm(house, booking)

    assert raised.value.due.minor == 9000
    booking.refresh_from_db()
    assert booking.status == BookingStatus.ON_HOLD


def test_a_foreign_session_or_card_is_refused(house, guest):
    booking, other = house.reserve(), house.reserve()

    with pytest.raises(InvalidEvidence):
        confirm(house, booking, opening_reference=opening_of(other).gateway_reference)
    with pytest.raises(InvalidCard):
        confirm(house, booking, card_id="2b4c6b5b-49ff-4e46-adc5-f53740212361")

    assert not Transaction.objects.exists()


@pytest.mark.parametrize(("method", "due"), [("WHOLESALE", 7650), ("DEPOSIT", 1800), ("VOUCHER", 0), ("DEFERRED", 0)])
def test_the_settlement_method_decides_what_the_card_must_pay(house, guest, method, due):
    booking = house.reserve(settlement_method=method)

    view = collecting.describe_payment(order=booking.order, clock=house.clock)

    assert view is not None
    assert view.balance_minor == due
    assert Payment.objects.filter(amount_minor=due).count() == (1 if due else 0)
    if due == 0:
        assert view.client == {}
        assert confirm(house, booking).is_confirmed


def test_external_money_can_be_reported_with_a_change_and_taken_back(house, guest):
    booking = house.reserve(return_url=None)
    approved = PaymentRequest(gateway="external", notes="slip 7", external=ExternalCharge(is_approved=True))

    changed = changing.update_booking(
        booking=booking, changes=BookingChanges(notes="window seat"), payment_request=approved, clock=house.clock
    )
    assert changed.status == BookingStatus.ON_HOLD
    assert books(booking.order) == {"RECEIVABLE>EXTERNAL": 9000}

    changing.update_booking(
        booking=booking,
        changes=BookingChanges(),
        payment_request=PaymentRequest(gateway="external", is_cancellation=True),
        clock=house.clock,
    )
    assert books(booking.order)["EXTERNAL>RECEIVABLE"] == 9000
    with pytest.raises(PaymentDue):
        confirm(house, booking)


@pytest.fixture
def confirmed(house, guest):
    booking = house.reserve()
    guest.pay(opening_of(booking))
    guest.deliver()
    confirm(house, booking)
    return booking


def change(house, booking, changes):
    return changing.update_booking(booking=booking, changes=changes, payment_request=None, clock=house.clock)


def test_a_dearer_change_of_a_confirmed_booking_that_is_not_paid_changes_nothing(house, confirmed):
    with pytest.raises(PaymentDue) as raised:
        change(house, confirmed, adults(house, 3))

    assert raised.value.due.minor == 4500
    assert confirmed.unit_items.count() == 2


def test_a_cheaper_change_gives_back_the_difference(house, guest, confirmed):
    change(house, confirmed, adults(house, 1))
    guest.deliver()

    assert books(confirmed.order) == {"RECEIVABLE>CLEARING": 9000, "CLEARING>RECEIVABLE": 4500}


def test_a_goodwill_refund_does_not_stand_in_the_way_of_a_change_of_names(house, guest, confirmed):
    payment = Payment.objects.get(order=confirmed.order)
    aftercare.refund_payment(
        payment=payment, money=Money(1000, "EUR"), reason="goodwill", requested_by="ada", clock=house.clock
    )
    guest.deliver()

    assert change(house, confirmed, BookingChanges(notes="late arrival")).notes == "late arrival"


def test_a_confirmation_that_makes_it_dearer_than_what_was_paid_changes_nothing(house, guest):
    booking = house.reserve()
    opening = opening_of(booking)
    guest.pay(opening)
    guest.deliver()

    with pytest.raises(PaymentDue):
        confirm(house, booking, adults(house, 3), opening_reference=opening.gateway_reference)

    booking.refresh_from_db()
    assert (booking.status, booking.retail_minor, booking.unit_items.count()) == ("ON_HOLD", 9000, 2)
    assert confirm(house, booking).is_confirmed


def test_a_paid_session_is_found_out_after_the_hold_ran_out(house, guest):
    booking = house.reserve()
    opening = opening_of(booking)
    guest.lose_webhooks()
    paid = guest.pay(opening)
    holds.expire_holds(now=house.clock.move(hours=1))
    booking.refresh_from_db()
    assert booking.status == BookingStatus.EXPIRED

    confirmation = confirm(house, booking, opening_reference=opening.gateway_reference, evidence=paid["sessionResult"])

    assert confirmation.is_confirmed
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}


def test_a_session_that_is_dead_as_a_whole_gives_a_new_one(house, guest):
    booking = house.reserve()
    opening = opening_of(booking)
    dead = guest.sandbox.post(f"adyen/sessions/{opening.gateway_reference}/expire")
    house.clock.move(seconds=1)

    with pytest.raises(PaymentRefused):
        confirm(house, booking, opening_reference=opening.gateway_reference, evidence=dead["sessionResult"])

    assert opening_of(booking).pk != opening.pk


def test_a_card_that_cannot_pay_is_refused_when_reserving_and_nothing_is_held(house, guest):
    with pytest.raises(InvalidCard):
        house.reserve(payment_request=PaymentRequest(card_id="2b4c6b5b-49ff-4e46-adc5-f53740212361"))

    assert not house.partner.bookings.exists()


class TestWhatNobodyHasDecided:
    """Unknown is never money: nothing real is given back because of it."""

    def test_a_pending_word_and_a_payment_in_another_session_leave_the_payment_alone(self, house):
        payment = house.payment()
        house.opening(payment)
        house.tell(payment, Kind.PENDING, "PSP1")
        house.opening(payment, reference="CS2")

        house.tell(payment, Kind.AUTHORIZED, "PSP2")
        assert not Transaction.objects.filter(kind="REFUND").exists()
        assert order_money(payment.order).is_covered

        house.tell(payment, Kind.AUTHORIZED, "PSP1")
        assert [(row.kind, row.amount_minor) for row in Transaction.objects.filter(kind="REFUND")] == [("REFUND", 9000)]


def test_an_uncovered_confirmation_captures_nothing(house, guest):
    booking = house.reserve(currency="USD")
    opening = opening_of(booking)
    guest.pay(opening)
    guest.deliver()

    with pytest.raises(PaymentDue):
        confirm(house, booking, adults(house, 3), opening_reference=opening.gateway_reference)

    assert not Transaction.objects.filter(kind="CAPTURE").exists()


def test_evidence_counts_between_the_end_of_the_hold_and_its_sweep(house, guest):
    booking = house.reserve()
    opening = opening_of(booking)
    guest.lose_webhooks()
    paid = guest.pay(opening)
    house.clock.move(minutes=31)

    assert confirm(
        house, booking, opening_reference=opening.gateway_reference, evidence=paid["sessionResult"]
    ).is_confirmed


def test_a_key_of_ours_that_is_refused_says_nothing_of_what_the_guest_brought(house, guest, settings):
    booking = house.reserve()
    opening = opening_of(booking)
    guest.lose_webhooks()
    paid = guest.pay(opening)
    brought = {"opening_reference": opening.gateway_reference, "evidence": paid["sessionResult"]}
    original = settings.GATEWAY_CREDENTIALS["adyen-eu"]
    settings.GATEWAY_CREDENTIALS = {
        **settings.GATEWAY_CREDENTIALS, "adyen-eu": {**original, "api_key": "not-the-key"},
    }  # fmt: skip

    with pytest.raises(PaymentPending):
        confirm(house, booking, **brought)

    settings.GATEWAY_CREDENTIALS = {**settings.GATEWAY_CREDENTIALS, "adyen-eu": original}
    assert confirm(house, booking, **brought).is_confirmed


def test_a_foreign_session_result_is_refused_as_bad_input(house, guest):
    booking = house.reserve()
    opening = opening_of(booking)
    guest.pay(opening, holder="DECLINED")
    guest.deliver()

    with pytest.raises(InvalidEvidence):
        confirm(house, booking, opening_reference=opening.gateway_reference, evidence="garbage")


@pytest.mark.parametrize(
    "request_",
    [
        PaymentRequest(gateway="external", amount_minor=99999, notes="x", external=ExternalCharge(is_approved=True)),
        PaymentRequest(gateway="external", notes="x", external=ExternalCharge(is_approved=False)),
    ],
)
def test_a_change_whose_payment_is_refused_changes_nothing(house, guest, request_):
    booking = house.reserve(return_url=None)

    with pytest.raises((AmountMismatch, PaymentRefused)):
        changing.update_booking(
            booking=booking, changes=BookingChanges(notes="new"), payment_request=request_, clock=house.clock
        )

    booking.refresh_from_db()
    assert booking.notes == ""
    assert not Transaction.objects.exists()


def test_external_money_can_be_reported_with_the_reservation(house, guest):
    request = PaymentRequest(gateway="external", notes="slip 9", external=ExternalCharge(is_approved=True))

    booking = house.reserve(return_url=None, payment_request=request)

    assert books(booking.order) == {"RECEIVABLE>EXTERNAL": 9000}
    assert confirm(house, booking).is_confirmed


def test_a_session_is_used_on_until_the_hold_ends(house, guest):
    booking = house.reserve(expiration_minutes=1)
    opening = opening_of(booking)
    for _ in range(3):
        house.clock.move(seconds=15)
        view = collecting.describe_payment(order=booking.order, clock=house.clock)
        assert view is not None
        assert view.client["session"]["id"] == opening.gateway_reference

    assert Opening.objects.count() == 1


def test_an_account_without_credentials_is_passed_over(house, guest, settings):
    before = house.reserve()
    settings.GATEWAY_CREDENTIALS = {
        slug: fields for slug, fields in settings.GATEWAY_CREDENTIALS.items() if slug != "adyen-eu"
    }

    booking = house.reserve()

    assert Payment.objects.get(order=booking.order).account.slug == "external"
    for each in (before, booking):
        view = collecting.describe_payment(order=each.order, clock=house.clock)
        assert view is not None
        assert view.balance_minor == 9000
