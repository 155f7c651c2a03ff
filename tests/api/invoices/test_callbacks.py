"""What partners hear of their invoices, seen by a real HTTP receiver and proved by the adapter's own door."""

from datetime import UTC, datetime

import pytest

from api.callbacks.signing import mint_signing_secret, retire_signing_secret
from api.invoices.deliveries import signature_of
from api.models import CallbackStatus, Delivery, Subscription
from bookings.models import Change
from gateways.adapters.cardgate.webhooks import Door
from gateways.adapters.cardgate.webhooks import read as read_news
from gateways.errors import InvalidSignature
from gateways.protocol import Delivery as Received
from gateways.protocol import OutcomeKind
from money import Money
from payments.services.cards import keep_card
from payments.services.consents import consent_text_for
from payments.services.holds import expire_holds
from payments.services.transitions import apply_outcome
from tests.api.callbacks.conftest import Beat
from tests.api.callbacks.receiver import receiver
from tests.api.invoices.desk import GUEST_CARD, TillGateway, read

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def beat():
    return Beat()


@pytest.fixture
def partner():
    with receiver() as running:
        yield running


@pytest.fixture
def secret(desk):
    return mint_signing_secret(partner=desk.house.partner)[1]


def proved(got, secret, *, is_test=False):
    """Return what the adapter makes of a callback once it has proved it."""
    delivery = Received(headers=got.headers, body=got.body, received_at=datetime.now(UTC))
    Door(is_test=is_test, private_keys=(secret,)).verify(delivery)
    return read_news(delivery)


def attributes(got):
    return got.json["data"]["attributes"]


def deliveries():
    return list(Delivery.objects.order_by("created_at", "pk").values_list("status", "attempts", "failures"))


def test_an_invoice_is_told_as_it_is_shown_signed_and_without_what_sells_it(desk, partner, beat, secret):
    card = desk.kept_card()
    invoice = desk.made(
        token=card.pk.hex, gateway_options={"cardgate": {"instant": True}}, callback_url=f"{partner.url}?shop=7"
    )

    assert beat.tell() == 1

    (got,) = partner.got
    shown = desk.live.get(f"/{invoice.public_id}").json()
    assert shown["data"]["attributes"]["flow_data"]["metadata"].pop("token")
    assert got.json == shown
    assert (got.method, got.target) == ("POST", "/octo?shop=7")
    assert {name: got.headers[name] for name in ("content-type", "user-agent", "x-signature")} == {
        "content-type": "application/json",
        "user-agent": "payment-invoices/1",
        "x-signature": signature_of(got.body, secret=secret),
    }
    (note,) = proved(got, secret)
    assert (note.kind, note.reference.opening) == (OutcomeKind.NOTE, invoice.public_id)
    assert deliveries() == [(CallbackStatus.DELIVERED, 1, 0)]
    assert beat.tell() == 0


def test_the_signature_is_the_documented_one():
    body = b'{"data":{"type":"payment-invoices","id":"cpi_TEST","attributes":{"status":"processed"}}}'

    assert signature_of(body, secret="sk_test_demo") == "nV9mlaz7BQg6eYK4Y2806wXyTeE="


def test_amounts_in_a_callback_are_numbers_with_all_their_digits(desk, partner, beat):
    desk.made(callback_url=partner.url)
    beat.tell()

    assert b'"amount":100.55,"payment_amount":100.55,' in partner.got[0].body


def test_news_close_together_are_told_once_as_the_newest_state(desk, partner, beat, secret):
    invoice = desk.made(callback_url=partner.url)
    desk.paid(invoice)

    assert beat.tell() == 1

    (got,) = partner.got
    assert attributes(got)["status"] == "processed"
    (news,) = proved(got, secret)
    assert (news.kind, news.money) == (OutcomeKind.CAPTURED, Money(10055, "EUR"))
    assert not Change.objects.filter(told_at__isnull=True).exists()


def test_a_refusal_a_kept_card_a_refund_and_the_end_are_told(desk, partner, beat, secret):
    told = []

    def tell():
        beat.tell()
        told.append((attributes(partner.got[-1])["status"], len(partner.got)))

    invoice = desk.made(callback_url=partner.url, gateway_options={"cardgate": {"tokenize": True}})
    opening = desk.begun(invoice)
    desk.house.tell(opening.payment, OutcomeKind.DECLINED, "PSP1")
    tell()
    desk.house.tell(opening.payment, OutcomeKind.CAPTURED, "PSP2")
    tell()
    assert attributes(partner.got[-1])["payload"]["token"] is None
    now = desk.house.clock()
    opening.consent_text = consent_text_for(account=desk.account, locale="en", now=now)
    opening.save()
    stored = desk.house.word(opening.payment, OutcomeKind.CARD_STORED, "PSP2")
    apply_outcome(account=desk.account, outcome=stored, source="WEBHOOK", now=now)
    keep_card(payment=opening.payment, card=GUEST_CARD, now=now, opening=opening)
    tell()
    assert attributes(partner.got[-1])["payload"]["token"] is not None
    desk.live.refund(invoice.public_id, {"amount": 30})
    tell()
    TillGateway.refunding = OutcomeKind.REFUND_FAILED
    desk.live.refund(invoice.public_id, {"amount": 30})
    tell()
    desk.made(reference_id="ORDER2", callback_url=partner.url)
    tell()
    expire_holds(now=desk.house.clock.move(hours=25))
    tell()

    assert told == [
        ("process_error", 1),
        ("processed", 2),
        ("processed", 3),
        ("partially_refunded", 4),
        ("partially_refunded", 5),
        ("process_pending", 6),
        ("expired", 7),
    ]
    assert [outcome.kind for outcome in proved(partner.got[3], secret)] == [OutcomeKind.CAPTURED, OutcomeKind.REFUNDED]


@pytest.mark.parametrize("answered", [201, 204, 301, 404, 500])
def test_only_200_is_a_receipt_and_a_receiver_that_was_down_hears_the_newest_state(desk, partner, beat, answered):
    invoice = desk.made(callback_url=partner.url)
    partner.status = answered

    assert beat.tell() == 1
    assert deliveries() == [(CallbackStatus.WAITING, 1, 1)]
    assert Delivery.objects.get().last_error == f"answered {answered}"
    assert beat.tell() == 0
    desk.paid(invoice)
    partner.status = 200
    beat.later(seconds=61)
    assert beat.tell() == 1

    assert [attributes(got)["status"] for got in partner.got] == ["process_pending", "processed"]
    assert deliveries()[-1][0] == CallbackStatus.DELIVERED
    assert beat.tell() == 0


def test_a_silent_receiver_is_asked_again_after_one_minute_two_three_and_then_given_up(desk, partner, beat, settings):
    settings.CALLBACKS = {**settings.CALLBACKS, "INVOICE_RETRY_SECONDS": [60, 120, 180]}
    desk.made(callback_url=partner.url)
    partner.status = 503

    waits = []
    for seconds in (0, 60, 120, 180):
        beat.later(seconds=seconds - 1)
        waits.append(beat.tell() if seconds else 0)
        beat.later(seconds=1)
        waits.append(beat.tell())

    assert waits == [0, 1, 0, 1, 0, 1, 0, 1]
    assert deliveries() == [(CallbackStatus.FAILED, 4, 4)]


def test_the_older_of_two_secrets_signs_until_it_is_retired(desk, partner, beat, secret):
    newer = mint_signing_secret(partner=desk.house.partner)[1]
    desk.made(callback_url=partner.url)
    beat.tell()
    proved(partner.got[0], secret)
    with pytest.raises(InvalidSignature):
        proved(partner.got[0], newer)

    older = desk.house.partner.signing_secrets.earliest("created_at")
    retire_signing_secret(secret=older, now=desk.house.clock())
    desk.made(reference_id="ORDER2", callback_url=partner.url)
    beat.tell()
    proved(partner.got[1], newer)


def test_without_a_secret_nothing_is_signed_and_without_an_address_nothing_is_told(desk, partner, beat):
    desk.made(callback_url=partner.url)
    desk.made(reference_id="ORDER2")

    assert beat.tell() == 1
    assert "x-signature" not in partner.got[0].headers


def test_each_partner_and_mode_is_told_apart_and_octos_webhooks_hear_nothing(desk, partner, beat):
    desk.made(callback_url=partner.url)
    desk.made(reference_id="T", callback_url=partner.url, test_mode=True)
    with receiver() as other:
        answer = desk.other.create(desk.wish(callback_url=other.url))
        assert answer.status_code == 201
        Subscription.objects.create(
            partner=desk.house.partner,
            is_live=True,
            event="order_update",
            url_fingerprint="octo",
            created_at=desk.house.clock.move(hours=-1),
            updated_at=desk.house.clock(),
        )

        assert beat.tell() == 3

        assert [got.json["data"]["id"] for got in other.got] == [read(answer)["data"]["id"]]
    assert sorted(attributes(got)["test_mode"] for got in partner.got) == [False, True]
    assert Subscription.objects.filter(event="invoice_update").count() == 3
