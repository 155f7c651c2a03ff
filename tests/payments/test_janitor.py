"""What nobody knows is asked again on a schedule and ends with a person, never with a silent "failed"."""

import pytest
from django.conf import settings

from gateways.protocol import OutcomeKind as Kind
from money import Money
from payments.errors import OutcomeUnknown, PaymentPending
from payments.models import Case, Opening, Payment, Transaction
from payments.services import aftercare, janitor
from payments.services.collecting import PaymentRequest, describe_payment
from payments.services.confirming import confirm_booking
from tests.payments.guest import opening_of
from tests.payments.house import books

pytestmark = pytest.mark.django_db(transaction=True)

SCHEDULE = settings.PAYMENTS["UNKNOWN_CHECK_SCHEDULE_SECONDS"]


def open_cases():
    return list(Case.objects.filter(closed_at__isnull=True).values_list("kind", flat=True))


@pytest.fixture
def paid(house, guest):
    booking = house.reserve()
    guest.pay(opening_of(booking))
    guest.deliver()
    return Payment.objects.get(order=booking.order)


def refund(house, payment, minor=2000):
    return aftercare.refund_payment(
        payment=payment, money=Money(minor, "EUR"), reason="goodwill", requested_by="ada", clock=house.clock
    )[0]


def test_an_unknown_outcome_is_never_failed_and_ends_with_a_person(house, guest, paid):
    guest.sandbox.post("faults", gateway="adyen", operation="refund", fault="reset", times=-1)
    lost = refund(house, paid)

    for seconds in SCHEDULE:
        house.clock.move(seconds=seconds + 1)
        janitor.resolve_unknown(clock=house.clock)

    lost.refresh_from_db()
    assert (lost.status, lost.next_check_at) == ("PENDING", None)
    assert lost.unknown_since_at is not None
    assert open_cases() == ["OUTCOME_UNKNOWN"]
    keys = {r["idempotency_key"] for r in guest.sandbox.get("requests")["requests"] if "refunds" in r["path"]}
    assert keys == {lost.idempotency_key}


def test_a_person_can_have_it_asked_again_and_the_case_closes(house, guest, paid):
    guest.sandbox.post("faults", gateway="adyen", operation="refund", fault="reset", times=-1)
    lost = refund(house, paid)
    for seconds in SCHEDULE:
        house.clock.move(seconds=seconds + 1)
        janitor.resolve_unknown(clock=house.clock)
    guest.sandbox.delete("faults")

    janitor.ask_again(transaction_id=lost.id, clock=house.clock)
    guest.deliver()
    janitor.resolve_unknown(clock=house.clock)

    lost.refresh_from_db()
    assert lost.status == "PROCESSED"
    assert open_cases() == []


def test_a_dispute_that_is_under_way_is_one_case_however_long_it_takes(house):
    payment = house.paid(house.payment())
    house.tell(payment, Kind.DISPUTE_OPENED, "DIS1", of="PSP1")

    house.clock.move(days=9)
    janitor.resolve_unknown(clock=house.clock)

    assert open_cases() == ["CHARGEBACK"]


def test_unknown_blocks_new_operations_on_the_payment(house, guest, paid):
    guest.sandbox.post("faults", gateway="adyen", operation="refund", fault="answer_lost", times=1)
    refund(house, paid)

    with pytest.raises(OutcomeUnknown):
        refund(house, paid, minor=100)

    assert Transaction.objects.filter(kind="REFUND").count() == 1


def test_what_was_never_sent_is_sent_later_with_the_same_key(house, guest, paid, settings):
    original = settings.GATEWAY_CREDENTIALS["adyen-eu"]
    settings.GATEWAY_CREDENTIALS = {
        **settings.GATEWAY_CREDENTIALS,
        "adyen-eu": {**original, "checkout_base_url": "http://127.0.0.1:9/adyen/v72"},
    }
    waiting = refund(house, paid)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.unknown_since_at, waiting.first_sent_at) == ("PENDING", None, None)

    settings.GATEWAY_CREDENTIALS = {**settings.GATEWAY_CREDENTIALS, "adyen-eu": original}
    house.clock.move(minutes=1)
    janitor.resolve_unknown(clock=house.clock)
    guest.deliver()

    waiting.refresh_from_db()
    assert waiting.status == "PROCESSED"


def test_a_surplus_to_return_is_sent_by_the_drain(house, guest):
    booking = house.reserve()
    first = opening_of(booking)
    Opening.objects.filter(pk=first.pk).update(status="CLOSED")
    house.clock.move(seconds=1)
    describe_payment(order=booking.order, clock=house.clock)
    second = opening_of(booking)
    assert second.pk != first.pk
    guest.pay(first)
    guest.pay(second)
    guest.deliver()

    assert janitor.send_pending(clock=house.clock) == 1
    guest.deliver()

    assert books(booking.order) == {"RECEIVABLE>CLEARING": 18000, "CLEARING>RECEIVABLE": 9000}
    assert janitor.send_pending(clock=house.clock) == 0


def test_a_payment_the_partner_reports_and_the_gateway_never_tells_of_comes_before_staff(house, guest):
    booking = house.reserve()
    opening = opening_of(booking)
    guest.lose_webhooks()
    guest.pay(opening)
    with pytest.raises(PaymentPending):
        confirm_booking(
            booking=booking,
            changes=None,
            request=PaymentRequest(opening_reference=opening.gateway_reference),
            clock=house.clock,
        )

    house.clock.move(minutes=settings.PAYMENTS["WEBHOOK_OVERDUE_MINUTES"] + 1)
    janitor.resolve_unknown(clock=house.clock)
    assert open_cases() == ["WEBHOOK_MISSING"]

    guest.sandbox.delete("faults")
    for webhook in guest.sandbox.get("webhooks")["webhooks"]:
        guest.sandbox.post(f"webhooks/{webhook['id']}/resend")
    guest.deliver()
    janitor.resolve_unknown(clock=house.clock)

    assert open_cases() == []
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}


def without_credentials(settings, slug):
    settings.GATEWAY_CREDENTIALS = {key: value for key, value in settings.GATEWAY_CREDENTIALS.items() if key != slug}


def test_an_account_without_credentials_stops_nobody_else(house, guest, paid, settings):
    broken = aftercare.request_refund(
        payment_id=paid.id, money=Money(100, "EUR"), reason="", requested_by="ada", now=house.clock()
    )[0]
    dollars = house.reserve(currency="USD")
    guest.pay(opening_of(dollars))
    guest.deliver()
    confirm_booking(booking=dollars, changes=None, request=PaymentRequest(), clock=house.clock)
    guest.deliver()
    whole = aftercare.request_refund(
        payment_id=Payment.objects.get(order=dollars.order).id,
        money=Money(200, "USD"),
        reason="",
        requested_by="ada",
        now=house.clock.move(seconds=1),
    )[0]
    original = settings.GATEWAY_CREDENTIALS
    without_credentials(settings, "adyen-eu")

    janitor.send_pending(clock=house.clock)

    broken.refresh_from_db()
    whole.refresh_from_db()
    assert (broken.status, broken.first_sent_at, broken.unknown_since_at) == ("PENDING", None, None)
    assert whole.gateway_reference is not None
    settings.GATEWAY_CREDENTIALS = original
    house.clock.move(minutes=1)
    janitor.resolve_unknown(clock=house.clock)
    broken.refresh_from_db()
    assert broken.gateway_reference is not None


def test_what_cannot_be_sent_is_tried_as_often_as_the_schedule_says_and_ends_with_a_person(
    house, guest, paid, settings
):
    without_credentials(settings, "adyen-eu")
    waiting = refund(house, paid)
    for seconds in (*SCHEDULE, 5, 5, 5):
        house.clock.move(seconds=seconds + 1)
        janitor.send_pending(clock=house.clock)
        janitor.resolve_unknown(clock=house.clock)

    waiting.refresh_from_db()
    assert (waiting.status, waiting.checks_made, waiting.next_check_at) == ("PENDING", len(SCHEDULE) + 1, None)
    assert open_cases() == ["OUTCOME_UNKNOWN"]


def test_every_unknown_outcome_becomes_a_case_however_many_there_are(house, guest):
    now = house.clock()
    for _ in range(3):
        payment = house.payment(adults=1)
        house.opening(payment)
        payment.openings.update(reported_paid_at=now)
    house.clock.move(hours=1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("payments.services.attention._AT_ONCE", 1)
        for _ in range(3):
            janitor.resolve_unknown(clock=house.clock)

    assert open_cases() == ["WEBHOOK_MISSING"] * 3
