"""What a gateway did not tell is asked about; what nobody signed is asked about before it is believed."""

from dataclasses import replace

import pytest
from django.core.cache import cache
from django.test import Client

from gateways.errors import Rejected
from gateways.models import GatewayAccount
from payments import inbox
from payments.errors import PaymentPending
from payments.models import (
    AccountRoute,
    DeliveryStatus,
    GatewayEvent,
    Opening,
    OpeningStatus,
    Transaction,
    WebhookDelivery,
)
from payments.services import holds, janitor
from payments.services.asking import ask_about_opening
from payments.services.collecting import PaymentRequest, describe_payment
from payments.services.confirming import confirm_booking
from tests.payments.asked_gateway import PATH, SLUG, AskedGateway, fails, paid
from tests.payments.house import books

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account(house, settings):
    settings.GATEWAYS = {**settings.GATEWAYS, SLUG: PATH}
    AskedGateway.begin()
    cache.clear()
    account = GatewayAccount.objects.create(
        slug="asked-eu", name="Asked", gateway=SLUG, environment="test", currencies=["EUR"], sources=["ECOM"]
    )
    AccountRoute.objects.create(partner=house.partner, account=account, is_live=True, rank=1)
    return account


@pytest.fixture
def opening(house, account):
    booking = house.reserve()
    return Opening.objects.select_related("payment__order", "account").get(payment__order=booking.order)


def poll(house):
    janitor.resolve_unknown(clock=house.clock)


def test_what_was_paid_without_a_word_is_found_out_once_it_has_ended(house, opening):
    AskedGateway.says = staticmethod(lambda _: paid(opening))
    poll(house)
    assert AskedGateway.asked == []

    house.clock.now = opening.expires_at
    house.clock.move(seconds=31)
    poll(house)
    poll(house)

    [reference] = AskedGateway.asked
    assert (reference.ours, reference.opening) == (opening.reference, opening.gateway_reference)
    assert books(opening.payment.order) == {"RECEIVABLE>CLEARING": 9000}
    assert GatewayEvent.objects.get(kind="CAPTURED").source == "POLL"


def test_an_opening_that_closed_with_its_hold_is_asked_about_all_the_same(house, opening):
    house.clock.now = opening.expires_at
    house.clock.move(seconds=31)
    holds.expire_holds(now=house.clock())
    opening.refresh_from_db()
    assert opening.status == OpeningStatus.CLOSED

    AskedGateway.says = staticmethod(lambda _: paid(opening))
    poll(house)

    assert books(opening.payment.order) == {"RECEIVABLE>CLEARING": 9000}


def test_what_says_nothing_of_its_end_is_asked_about_once_more(house, opening):
    house.clock.now = opening.expires_at
    house.clock.move(seconds=31)
    poll(house)
    AskedGateway.says = staticmethod(lambda _: paid(opening))
    for _ in range(2):
        house.clock.move(seconds=31)
        poll(house)

    assert len(AskedGateway.asked) == 2
    assert books(opening.payment.order) == {"RECEIVABLE>CLEARING": 9000}


def test_another_payments_charge_that_is_listed_with_an_opening_is_booked_on_its_own_order(house, account, opening):
    other = house.reserve().order.payments.get()
    charge = Transaction.objects.create(
        payment=other, order=other.order, account=account, kind="SALE", origin="OURS", amount_minor=9000,
        currency="EUR", reference="tx_kept", idempotency_key="tx_kept", requested_at=house.clock(),
        first_sent_at=house.clock(), unknown_since_at=house.clock(),
    )  # fmt: skip
    [word] = paid(opening, "AT2")
    listed = replace(word, reference=replace(word.reference, ours="tx_kept"))
    AskedGateway.says = staticmethod(lambda _: (listed,))

    assert ask_about_opening(opening=opening, clock=house.clock)

    charge.refresh_from_db()
    assert (charge.status, charge.gateway_reference) == ("PROCESSED", "AT2")
    assert (books(opening.payment.order), books(other.order)) == ({}, {"RECEIVABLE>CLEARING": 9000})


def test_a_gateway_that_does_not_answer_is_asked_again_on_the_schedule_and_then_left(house, opening, settings):
    AskedGateway.says = staticmethod(fails)
    house.clock.now = opening.expires_at
    house.clock.move(seconds=31)
    poll(house)

    for seconds in settings.PAYMENTS["UNKNOWN_CHECK_SCHEDULE_SECONDS"]:
        house.clock.move(seconds=seconds + 1)
        poll(house)
    asked = len(AskedGateway.asked)
    house.clock.move(days=3)
    poll(house)

    assert asked == len(settings.PAYMENTS["UNKNOWN_CHECK_SCHEDULE_SECONDS"]) + 1
    assert len(AskedGateway.asked) == asked


def test_a_gateway_that_cannot_be_asked_is_not(house):
    payment = house.payment()
    opening = house.opening(payment)

    assert ask_about_opening(opening=opening, clock=house.clock) is False


def send(opening, attempt="AT1"):
    return Client().post(
        "/webhooks/asked-eu/", data=f"{opening.gateway_reference} {attempt}", content_type="text/plain"
    )


def handle_all(house):
    return [inbox.handle(delivery_id=pk, clock=house.clock) for pk in inbox.due_deliveries(now=house.clock())]


def test_a_claim_is_believed_only_as_far_as_the_gateway_says_it_too(house, opening):
    assert send(opening).status_code == 200
    house.clock.move(seconds=5)

    assert handle_all(house) == [DeliveryStatus.PROCESSED]

    assert len(AskedGateway.asked) == 1
    assert books(opening.payment.order) == {}


def test_what_the_gateway_says_when_asked_is_booked_with_its_own_figures(house, opening):
    AskedGateway.says = staticmethod(lambda _: paid(opening, minor=4000))
    send(opening)
    house.clock.move(seconds=5)
    handle_all(house)

    assert books(opening.payment.order) == {"RECEIVABLE>CLEARING": 4000}


def test_one_thing_is_asked_about_once_a_minute_and_the_delivery_waits(house, opening):
    send(opening)
    send(opening, "AT2")
    house.clock.move(seconds=5)

    assert sorted(handle_all(house)) == [DeliveryStatus.PROCESSED, DeliveryStatus.RECEIVED]
    assert len(AskedGateway.asked) == 1

    waiting = WebhookDelivery.objects.get(status=DeliveryStatus.RECEIVED)
    cache.clear()
    house.clock.now = waiting.next_attempt_at
    assert handle_all(house) == [DeliveryStatus.PROCESSED]
    assert len(AskedGateway.asked) == 2


def test_what_was_opened_anew_does_not_wait_for_the_minute_of_what_was_refused(house, opening):
    send(opening)
    house.clock.move(seconds=5)
    handle_all(house)
    Opening.objects.filter(pk=opening.pk).update(status=OpeningStatus.CLOSED)
    describe_payment(order=opening.payment.order, clock=house.clock)
    again = Opening.objects.get(status=OpeningStatus.OPEN)
    send(again, "AT2")
    house.clock.move(seconds=5)

    assert handle_all(house) == [DeliveryStatus.PROCESSED]
    assert [asked.opening for asked in AskedGateway.asked] == [opening.gateway_reference, again.gateway_reference]


def test_a_rumor_is_written_nowhere(house, opening):
    send(opening, "AT1 NOTE")
    house.clock.move(seconds=5)

    assert handle_all(house) == [DeliveryStatus.PROCESSED]

    assert AskedGateway.asked == []
    assert not GatewayEvent.objects.filter(kind="NOTE").exists()


def test_names_that_somebody_made_up_beside_a_true_one_do_not_make_us_ask_more(house, opening):
    AskedGateway.says = staticmethod(lambda _: paid(opening))
    send(opening)
    house.clock.move(seconds=5)
    handle_all(house)

    for number in range(3):
        Client().post("/webhooks/asked-eu/", data=f"at-made-up-{number} AT1", content_type="text/plain")
    house.clock.move(seconds=5)

    assert handle_all(house) == [DeliveryStatus.RECEIVED] * 3
    assert len(AskedGateway.asked) == 1


def test_a_claim_about_nothing_of_ours_asks_nobody(house, account):
    Client().post("/webhooks/asked-eu/", data="at-nowhere AT9", content_type="text/plain")
    house.clock.move(seconds=5)

    assert handle_all(house) == [DeliveryStatus.ORPHAN]
    assert AskedGateway.asked == []


def test_a_claim_about_nothing_of_ours_is_matched_no_more_after_a_while(house, account, settings):
    Client().post("/webhooks/asked-eu/", data="at-nowhere AT9", content_type="text/plain")
    house.clock.move(seconds=settings.PAYMENTS["HINTS_WAIT_SECONDS"] + 5)

    assert handle_all(house) == [DeliveryStatus.ORPHAN]

    house.clock.move(days=9)
    assert handle_all(house) == []


def test_more_claims_than_a_minute_may_hold_are_not_stored(opening, settings):
    settings.PAYMENTS = {**settings.PAYMENTS, "HINTS_PER_MINUTE": 2}

    answers = [send(opening, f"AT{number}") for number in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert answers[-1].headers["Retry-After"] == "60"
    assert WebhookDelivery.objects.count() == 2


def test_what_was_refused_to_be_opened_is_not_asked_for_at_every_read(house, account, monkeypatch):
    monkeypatch.setattr(AskedGateway, "refuses", True)
    order = house.reserve().order

    for _ in range(3):
        describe_payment(order=order, clock=house.clock)
    assert AskedGateway.opened == 1

    house.clock.move(seconds=61)
    monkeypatch.setattr(AskedGateway, "refuses", False)
    assert describe_payment(order=order, clock=house.clock).client == {"page": None}
    assert (AskedGateway.opened, Opening.objects.filter(status="OPEN").count()) == (2, 1)


def test_a_price_that_the_gateway_cannot_be_told_is_no_reason_not_to_read(house, opening, monkeypatch):
    def refuse(*_, **__):
        raise Rejected("asked: the last decimal must be 0")

    monkeypatch.setattr(AskedGateway, "client_settings", refuse)

    view = describe_payment(order=opening.payment.order, clock=house.clock)

    assert (view.balance_minor, view.client) == (9000, {})


def test_a_gateway_that_asks_for_nothing_is_not_greeted(account):
    answer = Client().get("/webhooks/asked-eu/")

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"


def test_an_account_that_cannot_be_talked_to_any_more_is_not_asked_and_has_its_schedule(house, opening):
    GatewayAccount.objects.filter(slug="asked-eu").update(gateway="gone")
    booking = opening.payment.order.bookings.get()
    paid_there = PaymentRequest(opening_reference=opening.gateway_reference)

    with pytest.raises(PaymentPending):
        confirm_booking(booking=booking, changes=None, request=paid_there, clock=house.clock)
    house.clock.move(seconds=31)
    poll(house)

    opening.refresh_from_db()
    assert (opening.checks_made, AskedGateway.asked) == (1, [])
    assert opening.next_check_at > house.clock()
