"""Guests who come back from a gateway, pay by a kept card, or by a token that the form in our page got."""

from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from django.test import Client

from bookings.models import OrderKind
from bookings.services import create_asked_order
from gateways.models import GatewayAccount
from money import Money
from payments.errors import NotPayableByLink
from payments.models import AccountRoute, Opening, PaymentLink, ReusableCard, Transaction
from payments.services.asking import poll_openings
from payments.services.link_paying import finish_links
from payments.services.links import create_link, expire_link
from tests.checkout.test_pay_page import link_for, path_of, states
from tests.payments.guest import Guest, opening_of
from tests.payments.house import House, build_house, operations

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def house(transactional_db) -> House:
    return build_house()


@pytest.fixture
def guest(house, sandbox, live_server) -> Guest:
    return Guest(house, sandbox)


def pays_by(house: House, slug: str, gateway: str) -> None:
    account = GatewayAccount.objects.create(
        slug=slug, name=slug, gateway=gateway, environment="test", currencies=["EUR"], sources=["ECOM"]
    )
    AccountRoute.objects.create(partner=house.partner, account=account, is_live=True, rank=1)


class TestOneAddress:
    """Viva returns all guests of an account to one address."""

    @pytest.fixture
    def link(self, house) -> PaymentLink:
        pays_by(house, "viva-eu", "viva")
        return link_for(house.reserve(payment_request=None).order)

    def test_only_the_browser_that_left_learns_the_link(self, guest, link):
        browser, path = Client(), path_of(link)
        sent = browser.get(f"{path}card/")
        assert (sent.status_code, urlsplit(sent["Location"]).path) == (303, "/viva/www/web/checkout")
        form = {"number": "5239 2907 0000 0101", "expiry": "03/30", "cvc": "123", "action": "pay"}
        paid = httpx.post(sent["Location"], data=form, trust_env=False)
        back = urlsplit(paid.headers["Location"])
        assert back.path == "/pay/return/viva-eu/"
        address = f"{back.path}?{back.query}"

        other = Client().get(address)
        own = browser.get(address)

        assert (other.status_code, states(other)) == (200, "returned")
        assert (own.status_code, own["Location"]) == (303, f"{path}return/?{back.query}")
        assert browser.get(own["Location"])["Location"] == path
        assert states(browser.get(path)) == "paid"

    @pytest.mark.parametrize("path", ["/pay/return/viva-eu/?s=1", "/pay/return/nobody/", "/pay/return/external/?s=1"])
    def test_an_address_of_nothing_of_ours_tells_nothing(self, link, path):
        answer = Client().get(path)

        assert (answer.status_code, states(answer)) == (200, "returned")


class TestKeptCard:
    @pytest.fixture
    def card(self, house, guest) -> ReusableCard:
        GatewayAccount.objects.filter(slug="adyen-eu").update(stores_cards=True)
        first = house.reserve(customer_reference="C-77")
        guest.pay(opening_of(first), storePaymentMethod=True)
        guest.deliver()
        return ReusableCard.objects.get()

    def test_the_guest_pays_with_one_press_and_sees_the_mask_alone(self, house, guest, card):
        second = house.reserve(1, payment_request=None, customer_reference="C-77")
        link = link_for(second.order, card=card)
        path = path_of(link)
        page = Client().get(path).content.decode()
        assert ("kept-card/" in page, "1111" in page) == (True, True)

        answers = [Client().post(f"{path}kept-card/") for _ in range(2)]

        assert {(each.status_code, each["Location"]) for each in answers} == {(303, path)}
        assert states(Client().get(path)) == "paid"
        assert operations(second.order) == [("SALE", "OURS", "PROCESSED", 4500)]
        second.refresh_from_db()
        link.refresh_from_db()
        assert (second.status, link.closed_as) == ("CONFIRMED", "PAID")

    def test_another_customers_card_is_neither_shown_nor_charged(self, house, guest, card):
        other = house.reserve(1, payment_request=None, customer_reference="C-78")
        path = path_of(link_for(other.order, card=card))

        assert "kept-card/" not in Client().get(path).content.decode()
        Client().post(f"{path}kept-card/")

        assert not Transaction.objects.filter(order=other.order).exists()


class TestTokens:
    """Spreedly's form gives our page a token, which is charged once."""

    @pytest.fixture
    def link(self, house, guest) -> PaymentLink:
        pays_by(house, "spreedly-eu", "spreedly")
        return link_for(house.reserve(payment_request=None).order)

    def token(self, guest: Guest, link: PaymentLink, number: str) -> str:
        step = Client().get(f"{path_of(link)}card/").context["data"]
        proof = {name: step["client"][name] for name in ("nonce", "timestamp", "certificateToken", "signature")}
        card = {"number": number, "month": 3, "year": 2030, "verification_value": "123", "full_name": "Ada Vos"}
        entered = guest.sandbox.post(f"spreedly/environments/{step['client']['env']}/pay", **card, **proof)
        found: str = entered["token"]
        return found

    def test_a_token_is_charged_once_however_often_it_is_sent(self, guest, link):
        path = path_of(link)
        token = self.token(guest, link, "4111111111111111")

        answers = [Client().post(f"{path}charge/", {"token": token, "keepCard": "false"}) for _ in range(2)]

        assert [(each.status_code, each.json()) for each in answers] == [(200, {"next": path})] * 2
        assert operations(link.order) == [("SALE", "OURS", "PROCESSED", 9000)]

    def test_a_refused_card_leads_to_a_new_form(self, guest, link):
        path = path_of(link)
        token = self.token(guest, link, "4012888888881881")

        assert Client().post(f"{path}charge/", {"token": token}).json() == {"next": path}

        assert states(Client().get(path)) == "refused"
        assert [row[2] for row in operations(link.order)] == ["FAILED"]
        self.token(guest, link, "4111111111111111")
        assert Opening.objects.filter(link=link).count() == 2

    def test_a_token_of_a_withdrawn_link_is_not_charged(self, house, guest, link):
        token = self.token(guest, link, "4111111111111111")
        expire_link(link=link, now=house.clock())

        Client().post(f"{path_of(link)}charge/", {"token": token})

        assert operations(link.order) == []


def test_links_that_are_over_are_closed_and_what_is_open_with_them(house, guest):
    link = link_for(house.reserve(payment_request=None).order)
    Client().get(f"{path_of(link)}card/")
    house.clock.move(days=2)

    assert finish_links(clock=house.clock) == 1

    link.refresh_from_db()
    assert (link.closed_as, Opening.objects.get(link=link).status) == ("EXPIRED", "CLOSED")


def test_a_link_that_is_over_says_that_nothing_was_charged_only_where_nothing_could_be(house, guest):
    opened, untouched = (link_for(house.reserve(payment_request=None).order) for _ in range(2))
    Client().get(f"{path_of(opened)}card/")
    for link in (opened, untouched):
        expire_link(link=link, now=house.clock())

    pages = [Client().get(path_of(link)).content.decode() for link in (opened, untouched)]

    assert ["Nothing was charged" in page for page in pages] == [False, True]
    assert "before you pay again" in pages[0]


def test_an_order_that_is_over_gets_no_link(house):
    booking = house.reserve(payment_request=None)
    booking.order.status = "CANCELLED"

    with pytest.raises(NotPayableByLink, match="cannot be paid"):
        create_link(
            order=booking.order,
            expires_at=house.clock() + timedelta(days=1),
            now=house.clock(),
            created_by="partner",
        )
    assert not PaymentLink.objects.exists()


def test_an_invoice_is_shown_by_its_description_and_confirmed_by_the_money(house, guest):
    now = house.clock()
    order = create_asked_order(
        partner=house.partner,
        is_live=True,
        kind=OrderKind.INVOICE,
        amount=Money(4990, "EUR"),
        reference="INV-2026-17",
        description="Transfer from the airport",
        customer=None,
        return_url="",
        expires_at=now + timedelta(days=1),
        now=now,
    )
    link = link_for(order, return_urls={"success": "https://shop.example.com/thanks"})
    path = path_of(link)
    page = Client().get(path).content.decode()
    assert "Transfer from the airport" in page
    assert "INV-2026-17" in page

    Client().get(f"{path}card/")
    guest.pay(Opening.objects.get(link=link))
    guest.deliver()

    order.refresh_from_db()
    assert (order.status, states(Client().get(path))) == ("CONFIRMED", "paid")


@pytest.mark.parametrize(
    ("slug", "gateway", "path", "ended"),
    [
        ("stripe-eu", "stripe", "stripe/payment_intents/{}", ("status", "canceled")),
        ("viva-eu", "viva", "viva/orders/{}", ("state", 2)),
    ],
)
def test_what_a_withdrawn_link_opened_is_closed_at_the_gateway_too(house, guest, slug, gateway, path, ended):
    pays_by(house, slug, gateway)
    link = link_for(house.reserve(payment_request=None).order)
    Client().get(f"{path_of(link)}card/")
    opening = Opening.objects.get(link=link)
    expire_link(link=link, now=house.clock())

    assert poll_openings(clock=house.clock) == 1

    name, state = ended
    assert guest.sandbox.get(path.format(opening.gateway_reference))[name] == state
    assert Transaction.objects.count() == 0


def test_what_another_tab_still_shows_of_a_paid_order_is_closed_at_the_gateway_too(house, guest):
    order = house.reserve(payment_request=None).order
    first, second = link_for(order), link_for(order)
    Client().get(f"{path_of(first)}card/")
    pays_by(house, "stripe-eu", "stripe")
    Client().get(f"{path_of(second)}card/")
    other = Opening.objects.get(link=second)
    guest.pay(Opening.objects.get(link=first))
    guest.deliver()

    assert finish_links(clock=house.clock) == 2

    poll_openings(clock=house.clock)
    other.refresh_from_db()
    assert (other.account.slug, other.status) == ("stripe-eu", "CLOSED")
    assert guest.sandbox.get(f"stripe/payment_intents/{other.gateway_reference}")["status"] == "canceled"
    assert operations(order) == [("SALE", "GATEWAY", "PROCESSED", 9000)]
