from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from django.db import IntegrityError, InternalError, transaction

from bookings.models import BookingStatus, Change
from gateways.errors import ErrorCode
from gateways.protocol import Decline, DisputeNews
from gateways.protocol import OutcomeKind as Kind
from payments.errors import UnknownSubject
from payments.models import Case, EventSource, GatewayEvent, LedgerEntry, Opening, Posting, Transaction
from payments.selectors import order_money
from payments.services import holds
from payments.services.transitions import apply_outcome
from tests.payments.house import books, operations

pytestmark = pytest.mark.django_db


def test_a_sale_is_captured_and_booked_with_its_authorization(house):
    payment = house.payment()
    house.opening(payment)

    applied = house.tell(payment, Kind.AUTHORIZED, "PSP1")

    payment.refresh_from_db()
    payment.order.refresh_from_db()
    assert applied.is_new
    assert (payment.state, payment.captured_minor, payment.authorized_minor) == ("CAPTURED", 9000, 0)
    assert operations(payment.order) == [("SALE", "GATEWAY", "PROCESSED", 9000)]
    assert books(payment.order) == {"RECEIVABLE>CLEARING": 9000}
    assert payment.order.money_in_minor == 9000
    assert payment.openings.get().status == "CLOSED"
    assert Change.objects.filter(order=payment.order, reason="money_recorded").count() == 2  # the order and its booking


def test_the_same_news_twice_is_a_no_op(house):
    payment = house.paid(house.payment())
    before = (GatewayEvent.objects.count(), LedgerEntry.objects.count(), Change.objects.count())

    again = house.tell(payment, Kind.AUTHORIZED, "PSP1")

    assert not again.is_new
    assert (GatewayEvent.objects.count(), LedgerEntry.objects.count(), Change.objects.count()) == before


def test_the_same_fact_told_with_another_figure_is_shown_to_staff_and_changes_no_money(house):
    payment = house.paid(house.payment())

    house.tell(payment, Kind.AUTHORIZED, "PSP1", minor=1)

    assert books(payment.order) == {"RECEIVABLE>CLEARING": 9000}
    assert list(Case.objects.values_list("kind", flat=True)) == ["FIGURES_CONFLICT"]


def test_a_refusal_moves_no_money_and_keeps_the_reason(house):
    payment = house.payment()
    house.opening(payment)

    house.tell(payment, Kind.DECLINED, "PSP1")

    refused = payment.transactions.get()
    assert (refused.status, refused.error_code, refused.raw_code) == ("FAILED", "CREDIT_LIMIT_EXCEEDED", "12")
    assert books(payment.order) == {}
    assert order_money(payment.order).due_minor == 9000
    assert payment.openings.get().status == "OPEN"


def test_late_authorization_after_capture_changes_nothing(house):
    payment = house.payment(account="adyen-us")
    house.opening(payment)
    house.tell(payment, Kind.CAPTURED, "CAP1", of="PSP1")
    house.tell(payment, Kind.AUTHORIZED, "PSP1")

    payment.refresh_from_db()

    assert (payment.state, payment.captured_minor, payment.authorized_minor) == ("CAPTURED", 10000, 0)
    assert books(payment.order) == {"RECEIVABLE>CLEARING": 10000}


@pytest.mark.parametrize("word", [Kind.REFUNDED, Kind.REFUND_FAILED])
def test_what_is_told_of_a_capture_is_the_payments(house, word):
    """Spreedly refunds the capture of what was held, and names it where others name the payment."""
    payment = house.payment(account="adyen-us")
    house.opening(payment)
    house.tell(payment, Kind.AUTHORIZED, "PSP1")
    house.tell(payment, Kind.CAPTURED, "CAP1", of="PSP1")

    house.tell(payment, word, "REF1", of="CAP1", minor=3000)

    held, captured, refund = payment.transactions.order_by("requested_at", "pk")
    assert [row.kind for row in (held, captured, refund)] == ["AUTHORIZATION", "CAPTURE", "REFUND"]
    assert refund.parent == held
    assert not payment.transactions.filter(status="PENDING").exists()


STORY = [
    (Kind.AUTHORIZED, "PSP1", {}),
    (Kind.REFUNDED, "REF1", {"of": "PSP1", "minor": 3000}),
    (Kind.REFUNDED, "REF2", {"of": "PSP1", "minor": 2000}),
    (Kind.REFUND_FAILED, "REF2", {"of": "PSP1", "minor": 2000}),
]


def test_every_order_of_arrival_ends_in_the_same_books(house):
    """Refunds made in the processor's own back office may be told before the payment itself."""
    results = set()
    for order_of_arrival in permutations(range(len(STORY))):
        payment = house.payment(adults=2)
        house.opening(payment)
        psp = str(payment.number)
        start = house.clock()
        for index in order_of_arrival:
            kind, name, fields = STORY[index]
            told = {key: f"{value}{psp}" if key == "of" else value for key, value in fields.items()}
            house.tell(payment, kind, f"{name}{psp}", occurred_at=start + timedelta(minutes=index), **told)
        payment.refresh_from_db()
        payment.order.refresh_from_db()
        net = books(payment.order)
        results.add(
            (
                payment.state,
                payment.captured_minor,
                payment.refunded_minor,
                payment.order.money_in_minor,
                net["RECEIVABLE>CLEARING"] - net["CLEARING>RECEIVABLE"],
            )
        )

    assert results == {("CAPTURED", 9000, 3000, 6000, 6000)}


def test_money_in_another_currency_is_stored_and_shown_and_never_summed(house):
    payment = house.payment()
    house.opening(payment)

    house.tell(payment, Kind.AUTHORIZED, "PSP1", currency="USD")

    payment.refresh_from_db()
    assert (payment.state, payment.captured_minor) == ("CREATED", 0)
    assert books(payment.order) == {}
    assert GatewayEvent.objects.get(payment=payment).problem == "currency differs"
    assert list(Case.objects.values_list("kind", flat=True)) == ["CURRENCY_DIFFERS"]


def test_money_that_cannot_be_booked_is_shown_to_staff(house):
    payment = house.payment()
    house.opening(payment)
    word = replace(house.word(payment, Kind.NOTE, "PSP1"), money=None, problem="the amount cannot be read")

    apply_outcome(account=payment.account, outcome=word, source=EventSource.WEBHOOK, now=house.clock())

    assert books(payment.order) == {}
    assert GatewayEvent.objects.get(payment=payment).problem == "the amount cannot be read"
    case = Case.objects.get()
    assert (case.kind, case.detail) == ("FIGURES_CONFLICT", "NOTE PSP1; the amount cannot be read")


def test_another_amount_than_asked_is_booked_as_told_and_shown(house):
    payment = house.payment()
    house.opening(payment)

    house.tell(payment, Kind.AUTHORIZED, "PSP1", minor=8000)

    assert books(payment.order) == {"RECEIVABLE>CLEARING": 8000}
    assert order_money(payment.order).due_minor == 1000
    assert not order_money(payment.order).is_covered
    assert list(Case.objects.values_list("kind", flat=True)) == ["AMOUNT_DIFFERS"]


def test_a_second_payment_of_the_same_order_is_given_back_once(house):
    payment = house.paid(house.payment())
    house.opening(payment, reference="CS2")

    house.tell(payment, Kind.AUTHORIZED, "PSP2")
    house.tell(payment, Kind.AUTHORIZED, "PSP2")

    assert sorted(operations(payment.order)) == [
        ("REFUND", "OURS", "PENDING", 9000),
        ("SALE", "GATEWAY", "PROCESSED", 9000),
        ("SALE", "GATEWAY", "PROCESSED", 9000),
    ]
    refund = Transaction.objects.get(kind="REFUND")
    assert refund.parent.gateway_reference == "PSP2"
    assert order_money(payment.order).is_covered
    assert order_money(payment.order).due_minor == 0
    assert list(Case.objects.values_list("kind", flat=True)) == ["OVERPAID"]


def test_a_second_hold_is_released(house):
    payment = house.paid(house.payment(account="adyen-us"))
    house.opening(payment, reference="CS2")

    house.tell(payment, Kind.AUTHORIZED, "PSP2")

    void = Transaction.objects.get(kind="VOID")
    assert (void.parent.gateway_reference, void.amount_minor, void.origin) == ("PSP2", 10000, "OURS")


def test_a_late_payment_takes_the_same_seats_again(house):
    payment = house.payment()
    house.opening(payment)
    holds.expire_holds(now=house.clock.move(hours=2))
    payment.order.refresh_from_db()
    assert payment.order.status == BookingStatus.EXPIRED

    house.tell(payment, Kind.AUTHORIZED, "PSP1")

    payment.order.refresh_from_db()
    assert payment.order.status == BookingStatus.ON_HOLD
    assert payment.order.expires_at > house.clock()
    assert payment.order.bookings.get().seats_held == 2
    assert not Case.objects.exists()


def test_a_late_payment_whose_seats_are_gone_is_a_case(house):
    payment = house.payment()
    house.opening(payment)
    holds.expire_holds(now=house.clock.move(hours=2))
    availability = payment.order.bookings.get().availability
    availability.reserved = availability.capacity
    availability.save()

    house.tell(payment, Kind.AUTHORIZED, "PSP1")

    payment.order.refresh_from_db()
    assert payment.order.status == BookingStatus.EXPIRED
    assert payment.order.money_in_minor == 9000
    assert list(Case.objects.values_list("kind", flat=True)) == ["PAID_WITHOUT_SEATS"]


def test_a_chargeback_reopens_the_balance_and_winning_it_closes_it(house):
    payment = house.paid(house.payment())

    house.tell(payment, Kind.CHARGEBACK, "DIS1", of="PSP1")

    assert order_money(payment.order).due_minor == 9000
    assert books(payment.order) == {"RECEIVABLE>CLEARING": 9000, "CLEARING>DISPUTED": 9000}

    house.tell(payment, Kind.CHARGEBACK_REVERSED, "DIS1", of="PSP1")

    assert order_money(payment.order).due_minor == 0
    assert books(payment.order)["DISPUTED>CLEARING"] == 9000


def test_news_of_what_was_done_to_a_charge_whose_answer_is_missing_names_the_charge(house):
    payment = house.payment()
    charge = Transaction.objects.create(
        payment=payment, order=payment.order, account=payment.account, kind="SALE", origin="OURS", amount_minor=9000,
        currency="EUR", reference="tx_lost", idempotency_key="tx_lost", requested_at=house.clock(),
        first_sent_at=house.clock(), unknown_since_at=house.clock(),
    )  # fmt: skip

    house.tell(payment, Kind.REFUNDED, "RF1", of="PSP1", ours="tx_lost", minor=1000)
    house.tell(payment, Kind.CAPTURED, "PSP1", ours="tx_lost")

    charge.refresh_from_db()
    assert (charge.status, charge.gateway_reference, charge.unknown_since_at) == ("PROCESSED", "PSP1", None)
    assert sorted(operations(payment.order)) == [
        ("REFUND", "GATEWAY", "PROCESSED", 1000),
        ("SALE", "OURS", "PROCESSED", 9000),
    ]


def test_a_dispute_tells_staff_how_much_why_and_until_when(house):
    payment = house.paid(house.payment())
    due_at = datetime(2026, 12, 5, 18, 30, tzinfo=UTC)
    word = house.word(payment, Kind.DISPUTE_OPENED, "DIS1", of="PSP1", minor=4500)
    dispute = DisputeNews(stage="needs_response", reason="10.4 fraudulent", evidence_due_at=due_at)

    apply_outcome(
        account=payment.account, outcome=replace(word, dispute=dispute), source=EventSource.WEBHOOK, now=house.clock()
    )

    assert Case.objects.get().detail == (
        "DISPUTE_OPENED DIS1; 45.00 EUR; 10.4 fraudulent; evidence is due by 2026-12-05 18:30 UTC"
    )


def test_news_of_something_unknown_writes_nothing(house):
    payment = house.payment()
    word = house.word(payment, Kind.AUTHORIZED, "PSP9", ours="cpo_nobody")

    with pytest.raises(UnknownSubject):
        house.tell(payment, Kind.AUTHORIZED, "PSP9", ours="cpo_nobody")

    assert word.is_about_money
    assert not GatewayEvent.objects.exists()
    assert not Transaction.objects.exists()


@pytest.mark.parametrize("model", [LedgerEntry, Posting, GatewayEvent])
def test_what_was_written_in_the_books_stays(house, model):
    house.paid(house.payment())

    for change in (model.objects.all().delete, lambda: model.objects.update(id=model.objects.first().id)):
        with pytest.raises((IntegrityError, InternalError)), transaction.atomic():
            change()


def test_a_payment_of_an_expired_opening_still_counts(house):
    payment = house.payment()
    opening = house.opening(payment)
    Opening.objects.filter(pk=opening.pk).update(status="CLOSED", expires_at=house.clock() - timedelta(hours=1))

    house.tell(payment, Kind.AUTHORIZED, "PSP1")

    assert books(payment.order) == {"RECEIVABLE>CLEARING": 9000}


def test_the_reason_of_a_refusal_does_not_depend_on_the_order_of_arrival(house):
    said = [("12", 1), ("6", 2)]
    codes = set()
    for order_of_arrival in (said, said[::-1]):
        payment = house.payment(account="adyen-us")
        house.opening(payment)
        psp = f"PSP{payment.number}"
        start = house.clock()
        for raw_code, minute in order_of_arrival:
            word = house.word(payment, Kind.DECLINED, psp, key=f"{psp}:{raw_code}")
            decline = Decline(
                code=ErrorCode.INVALID_CARD_EXPIRY if raw_code == "6" else ErrorCode.CREDIT_LIMIT_EXCEEDED,
                raw_code=raw_code,
            )
            apply_outcome(
                account=payment.account,
                outcome=replace(word, decline=decline, occurred_at=start + timedelta(minutes=minute)),
                source=EventSource.WEBHOOK,
                now=house.clock(),
            )
        codes.add(payment.transactions.get().error_code)

    assert codes == {"INVALID_CARD_EXPIRY"}


def test_the_truth_after_a_word_in_another_currency_is_booked(house):
    payment = house.payment()
    house.opening(payment)
    house.tell(payment, Kind.AUTHORIZED, "PSP1", currency="USD")

    house.tell(payment, Kind.AUTHORIZED, "PSP1")
    again = house.tell(payment, Kind.AUTHORIZED, "PSP1")

    assert not again.is_new
    assert books(payment.order) == {"RECEIVABLE>CLEARING": 9000}
    assert order_money(payment.order).is_covered


def test_what_was_told_beyond_what_was_asked_is_left_to_a_person(house):
    payment = house.payment()
    house.opening(payment)

    house.tell(payment, Kind.AUTHORIZED, "PSP1", minor=9100)

    assert not Transaction.objects.filter(kind="REFUND").exists()
    assert list(Case.objects.values_list("kind", flat=True)) == ["AMOUNT_DIFFERS"]


def test_something_under_way_that_was_never_asked_for_takes_no_money_and_counts_once_it_is_done(house):
    payment = house.paid(house.payment())

    house.tell(payment, Kind.PENDING, "RF1", of="PSP1", minor=2000)

    payment.refresh_from_db()
    assert (payment.state, order_money(payment.order).asked_minor) == ("CAPTURED", 0)
    assert operations(payment.order) == [("SALE", "GATEWAY", "PROCESSED", 9000)]

    house.tell(payment, Kind.REFUNDED, "RF1", of="PSP1", minor=2000)
    house.tell(payment, Kind.PENDING, "RF1", of="PSP1", minor=2000, key="RF1:again")

    payment.refresh_from_db()
    assert payment.refunded_minor == 2000
    assert sorted(operations(payment.order)) == [
        ("REFUND", "GATEWAY", "PROCESSED", 2000),
        ("SALE", "GATEWAY", "PROCESSED", 9000),
    ]
