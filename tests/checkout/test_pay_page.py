"""The page behind a payment link: what it shows, whom it refuses, and the way to a gateway and back."""

from datetime import timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from bookings.models import Booking, Order, Partner
from bookings.pay_links import LinkInvalid, link_id_of, link_token
from payments.models import GatewayEvent, LinkEnd, Opening, Payment, PaymentLink, Transaction
from payments.selectors import order_money
from payments.services import aftercare
from payments.services.link_paying import finish_links
from payments.services.links import create_link, expire_link, link_url
from tests.payments.guest import Guest
from tests.payments.house import House, build_house
from tests.payments.test_balances import BALANCE, deposited


@pytest.fixture
def house(db) -> House:
    return build_house()


@pytest.fixture
def booking(house) -> Booking:
    return deposited(house)


def link_for(order: Order, **fields) -> PaymentLink:
    now = timezone.now()
    return create_link(order=order, expires_at=now + timedelta(days=1), now=now, created_by="partner", **fields)


def path_of(link: PaymentLink) -> str:
    return urlsplit(link_url(link)).path


def states(answer) -> str:
    return answer.content.decode().partition('data-state="')[2].partition('"')[0]


class TestAddresses:
    def test_an_address_names_the_link_alone(self):
        link_id = uuid4()

        assert link_id_of(link_token(link_id)) == link_id
        assert link_token(link_id).startswith(f"{link_id.hex}~")

    @pytest.mark.parametrize(
        "change",
        [
            lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
            lambda token: f"{token}x",
            lambda token: token.partition("~")[0],
            lambda token: "",
            lambda token: "x~y~z",
        ],
    )
    def test_what_we_did_not_sign_is_no_link(self, change):
        with pytest.raises(LinkInvalid):
            link_id_of(change(link_token(uuid4())))


@pytest.mark.django_db
class TestPage:
    def test_it_says_what_is_due_for_what_in_the_guests_language_and_nothing_else(self, booking):
        answer = Client().get(path_of(link_for(booking.order)), headers={"Accept-Language": "en"})

        page = answer.content.decode()
        assert (answer.status_code, states(answer)) == (200, "due")
        for shown in ('lang="de"', "Spree Kanal Touren", "Ada", "Kayak tour on the Spree", "72,00 EUR"):
            assert shown in page
        assert "ada@example.com" not in page
        assert "<input" not in page
        assert answer["Cache-Control"] == "no-store"
        assert answer["Referrer-Policy"] == "no-referrer"
        assert answer["Content-Security-Policy"] == (
            "default-src 'none'; base-uri 'none'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
            "img-src 'self'; script-src 'self'; style-src 'self'"
        )

    def test_a_wrong_withdrawn_or_expired_link_shows_nothing_of_anybody(self, booking):
        over, withdrawn = link_for(booking.order), link_for(booking.order)
        PaymentLink.objects.filter(pk=over.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
        assert expire_link(link=withdrawn, now=timezone.now())
        assert not expire_link(link=withdrawn, now=timezone.now())
        unknown = [f"/pay/{token}/" for token in (link_token(uuid4()), "nonsense")]
        paths = [path_of(over), path_of(withdrawn), *unknown]

        answers = [Client().get(path) for path in paths]

        assert [(each.status_code, states(each)) for each in answers] == [
            (410, "expired"),
            (410, "expired"),
            (404, "unknown"),
            (404, "unknown"),
        ]
        assert all(b"Kayak" not in each.content for each in answers)
        assert [Client().get(f"{path}card/").status_code for path in paths] == [303, 303, 404, 404]
        assert Opening.objects.filter(payment__order=booking.order).count() == 1

    def test_a_cancelled_booking_says_so_and_cannot_be_paid(self, house, booking):
        link = link_for(booking.order)
        aftercare.cancel_booking(booking=booking, reason="", force=False, clock=house.clock)
        before = Opening.objects.count()

        assert states(Client().get(path_of(link))) == "inactive"
        assert Client().get(f"{path_of(link)}card/").status_code == 303
        assert Opening.objects.count() == before

    def test_one_link_is_not_followed_too_often(self, booking, settings):
        settings.CHECKOUT = {**settings.CHECKOUT, "VIEWS_PER_MINUTE": 2}
        path = path_of(link_for(booking.order))

        assert [Client().get(path).status_code for _ in range(3)] == [200, 200, 429]

    @pytest.mark.parametrize(
        ("url", "is_shown"),
        [
            ("https://shop.example.com/thanks?order=7", True),
            ("https://shop.example.com:443/thanks", True),
            ("http://shop.example.com/thanks", False),
            ("https://shop.example.com.evil.example/thanks", False),
            ("https://shop.example.com@evil.example/thanks", False),
            ("https://shop.example.com\\@evil.example/thanks", False),
            ("javascript:alert(1)", False),
        ],
    )
    def test_a_guest_is_sent_on_only_to_where_the_partner_registered(self, booking, url, is_shown):
        Partner.objects.update(return_origins=["https://shop.example.com"])
        link = link_for(booking.order, return_url=url)

        page = Client().get(path_of(link)).content.decode()

        assert ("Nordwind Reisen" in page) is is_shown


@pytest.mark.django_db(transaction=True)
class TestPaying:
    @pytest.fixture
    def guest(self, house, sandbox, live_server) -> Guest:
        return Guest(house, sandbox)

    def test_the_guest_is_shown_the_form_of_what_is_open_and_told_what_the_books_say(self, house, guest, booking):
        Partner.objects.update(return_origins=["https://shop.example.com"])
        link = link_for(booking.order, return_url="https://shop.example.com/thanks")
        path = path_of(link)

        first, again = (Client().get(f"{path}card/") for _ in range(2))

        opening = Opening.objects.get(link=link)
        assert (opening.amount_minor, opening.is_hosted, opening.locale) == (BALANCE, False, "de")
        for answer in (first, again):
            assert answer.status_code == 200
            assert opening.gateway_reference in answer.content.decode()
            assert guest.sandbox.url in answer["Content-Security-Policy"]

        paid = guest.pay(opening)
        brought = {"sessionId": opening.gateway_reference, "sessionResult": paid["sessionResult"]}
        answers = [Client().get(f"{path}return/", brought) for _ in range(2)]

        assert {(each.status_code, each["Location"]) for each in answers} == {(303, "https://shop.example.com/thanks")}
        assert states(Client().get(path)) == "paid"
        link.refresh_from_db()
        assert link.closed_as == LinkEnd.PAID
        guest.deliver()
        assert order_money(booking.order).money_in_minor == 9000
        assert Client().get(f"{path}card/").status_code == 303
        assert Transaction.objects.filter(kind="SALE").count() == 2
        raws = [str(event.raw) for event in GatewayEvent.objects.all()]
        assert not any(path in raw for raw in raws)

    def test_a_hold_that_is_paid_by_a_link_is_confirmed_though_nobody_comes_back(self, house, guest):
        booking = house.reserve(payment_request=None)
        link = link_for(booking.order)
        Client().get(f"{path_of(link)}card/")
        guest.pay(Opening.objects.get(link=link))
        guest.deliver()

        assert finish_links(clock=house.clock) == 1

        booking.refresh_from_db()
        link.refresh_from_db()
        assert (booking.status, link.closed_as) == ("CONFIRMED", "PAID")
        assert finish_links(clock=house.clock) == 0

    def test_a_refused_guest_is_told_why_and_offered_something_new(self, guest, booking):
        link = link_for(booking.order)
        path = path_of(link)
        Client().get(f"{path}card/")
        first = Opening.objects.get(link=link)
        paid = guest.pay(first, holder="NOT_ENOUGH_BALANCE")
        brought = {"sessionId": first.gateway_reference, "sessionResult": paid["sessionResult"], "refused": "1"}

        back = Client().get(f"{path}return/", brought)

        assert back["Location"] == f"{path}?refused=1"
        assert states(Client().get(back["Location"])) == "refused"
        assert Client().get(f"{path}status/").json() == {"state": "due", "refusal": "", "next": ""}
        guest.deliver()
        told = Client().get(f"{path}status/").json()
        assert told == {"state": "refused", "refusal": "CREDIT_LIMIT_EXCEEDED", "next": ""}
        assert "Guthaben" in Client().get(path).content.decode()
        assert Client().get(f"{path}card/").status_code == 200
        newest = Opening.objects.filter(link=link).latest("created_at")
        assert newest.pk != first.pk

    def test_a_gateway_that_is_away_is_told_and_asked_again_with_the_same_key(self, guest, booking):
        link = link_for(booking.order)
        path = path_of(link)
        guest.sandbox.post("faults", gateway="adyen", operation="sessions", fault="unavailable", times=1)

        answer = Client().get(f"{path}card/")

        assert (answer.status_code, states(answer)) == (503, "due")
        opening = Opening.objects.get(link=link)
        assert Client().get(f"{path}card/").status_code == 200
        again = Opening.objects.get(link=link)
        assert again.idempotency_key == opening.idempotency_key

    def test_a_result_that_is_not_of_the_session_is_no_payment_to_wait_for(self, guest, booking):
        link = link_for(booking.order)
        path = path_of(link)
        Client().get(f"{path}card/")
        opening = Opening.objects.get(link=link)

        Client().get(f"{path}return/", {"sessionId": opening.gateway_reference, "sessionResult": "forged"})

        assert states(Client().get(path)) == "due"
        opening.refresh_from_db()
        assert (opening.status, opening.reported_paid_at) == ("OPEN", None)

    def test_a_session_of_another_order_changes_nothing(self, guest, booking):
        path = path_of(link_for(booking.order))
        Client().get(f"{path}card/")
        before = (Payment.objects.count(), Transaction.objects.count())

        answer = Client().get(f"{path}return/", {"sessionId": "CS0000000000000001", "sessionResult": "x"})

        assert (answer.status_code, answer["Location"]) == (303, path)
        assert (Payment.objects.count(), Transaction.objects.count()) == before
