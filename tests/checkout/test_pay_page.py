"""The page behind a payment link: what it shows, whom it refuses, and the way to the gateway's page and back."""

from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from bookings.models import Booking, Order
from bookings.pay_links import LinkExpired, LinkInvalid, order_id_of, pay_link, pay_token
from payments.encryption import decrypt_json
from payments.models import GatewayEvent, Opening, Payment, Transaction
from payments.selectors import order_money
from payments.services import aftercare
from payments.services.openings import PAGE
from tests.payments.guest import CARD, Guest
from tests.payments.house import House, build_house
from tests.payments.test_balances import BALANCE, deposited

NOW = timezone.now()


@pytest.fixture
def house(db) -> House:
    return build_house()


@pytest.fixture
def booking(house) -> Booking:
    return deposited(house)


def path_of(order: Order) -> str:
    return urlsplit(pay_link(order=order, now=timezone.now())).path


def states(answer) -> str:
    return answer.content.decode().partition('data-state="')[2].partition('"')[0]


class TestLinks:
    def test_a_link_names_the_order_alone_and_ends(self):
        order = Order()
        token = pay_token(order=order, now=NOW)

        assert order_id_of(token, now=NOW + timedelta(days=29)) == order.pk
        assert token.startswith(order.pk.hex + ".")
        with pytest.raises(LinkExpired):
            order_id_of(token, now=NOW + timedelta(days=30))

    @pytest.mark.parametrize(
        "change",
        [
            lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
            lambda token: f"{token}x",
            lambda token: token.replace(".", ".9"),
            lambda token: token.partition("~")[0],
            lambda token: "",
            lambda token: "x~y~z",
        ],
    )
    def test_what_we_did_not_sign_is_no_link(self, change):
        with pytest.raises(LinkInvalid):
            order_id_of(change(pay_token(order=Order(), now=NOW)), now=NOW)


@pytest.mark.django_db
class TestPage:
    def test_it_says_what_is_due_for_what_in_the_guests_language_and_nothing_else(self, booking):
        answer = Client().get(path_of(booking.order), headers={"Accept-Language": "en"})

        page = answer.content.decode()
        assert (answer.status_code, states(answer)) == (200, "due")
        for shown in ('lang="de"', "Guten Tag Ada,", "Kayak tour on the Spree", "72,00 EUR", "Jetzt bezahlen"):
            assert shown in page
        assert "ada@example.com" not in page
        assert "<input" not in page
        assert answer["Cache-Control"] == "no-store"
        assert answer["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in answer["Content-Security-Policy"]

    def test_a_wrong_or_expired_link_shows_nothing_of_anybody(self, booking):
        old = pay_token(order=booking.order, now=timezone.now() - timedelta(days=31))
        unknown = pay_token(order=Order(), now=timezone.now())
        answers = [Client().get(f"/pay/{token}/") for token in (old, unknown, "nonsense")]

        assert [(each.status_code, states(each)) for each in answers] == [
            (410, "expired"),
            (404, "unknown"),
            (404, "unknown"),
        ]
        assert all(b"Kayak" not in each.content for each in answers)
        assert Client().post(f"/pay/{old}/").status_code == 410
        assert not Opening.objects.filter(is_hosted=True).exists()

    def test_a_cancelled_booking_says_so_and_cannot_be_paid(self, house, booking):
        aftercare.cancel_booking(booking=booking, reason="", force=False, clock=house.clock)

        assert states(Client().get(path_of(booking.order))) == "inactive"
        assert states(Client().post(path_of(booking.order))) == "inactive"
        assert not Opening.objects.filter(is_hosted=True).exists()

    def test_one_link_is_not_followed_too_often(self, booking, settings):
        settings.CHECKOUT = {**settings.CHECKOUT, "VIEWS_PER_MINUTE": 2}
        path = path_of(booking.order)

        assert [Client().get(path).status_code for _ in range(3)] == [200, 200, 429]


@pytest.mark.django_db(transaction=True)
class TestPaying:
    @pytest.fixture
    def guest(self, house, sandbox, live_server) -> Guest:
        return Guest(house, sandbox)

    def test_the_guest_pays_on_the_gateways_page_and_is_told_what_the_books_say(self, house, guest, booking):
        path = path_of(booking.order)

        first, again = (Client().post(path, headers={"Accept-Language": "de"}) for _ in range(2))

        opening = Opening.objects.get(is_hosted=True)
        assert (first.status_code, first["Location"]) == (303, again["Location"])
        assert f"/adyen/pay/{opening.gateway_reference}" in first["Location"]
        assert (opening.amount_minor, opening.return_url, opening.locale) == (
            BALANCE, settings.PUBLIC_BASE_URL + path, "de"
        )  # fmt: skip
        assert decrypt_json(opening.client_encrypted)[PAGE] == first["Location"]
        page = httpx.get(first["Location"])
        assert "72.00" in page.text

        form = {**CARD, "expiry": "03/30", "holderName": "Ada Byron"}
        paid = httpx.post(first["Location"], data=form, follow_redirects=False)
        back = urlsplit(paid.headers["Location"])
        assert back.path == path
        answer = Client().get(f"{back.path}?{back.query}")

        assert (answer.status_code, answer["Location"]) == (303, settings.PUBLIC_BASE_URL + path)
        assert states(Client().get(path)) == "paid"
        guest.deliver()
        assert order_money(booking.order).money_in_minor == 9000
        assert states(Client().post(path)) == "paid"
        assert Transaction.objects.filter(kind="SALE").count() == 2
        raws = [str(event.raw) for event in GatewayEvent.objects.all()]
        assert not any(path in raw or "/adyen/pay/" in raw for raw in raws)

    def test_a_gateway_that_is_away_is_told_and_asked_again_with_the_same_key(self, guest, booking):
        path = path_of(booking.order)
        guest.sandbox.post("faults", gateway="adyen", operation="sessions", fault="unavailable", times=1)

        answer = Client().post(path)

        assert (answer.status_code, states(answer)) == (503, "due")
        opening = Opening.objects.get(is_hosted=True)
        assert Client().post(path).status_code == 303
        assert Opening.objects.get(is_hosted=True).idempotency_key == opening.idempotency_key

    def test_a_session_of_another_order_changes_nothing(self, guest, booking):
        before = Payment.objects.count()

        answer = Client().get(path_of(booking.order), {"sessionId": "CS0000000000000001", "sessionResult": "x"})

        assert answer.status_code == 303
        assert Payment.objects.count() == before
