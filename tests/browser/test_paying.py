"""A guest opens a payment link in a real browser, is refused, pays with 3-D Secure, and comes back."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Route, expect

from bookings.models import Booking, Order, Partner
from bookings.requests import BookingChanges, ContactDetails
from gateways.models import GatewayAccount
from payments.models import AccountRoute, Opening, PaymentLink, ReusableCard
from payments.services.collecting import PaymentRequest
from payments.services.confirming import confirm_booking
from payments.services.links import create_link, link_url
from tests.payments.house import House, operations

pytestmark = pytest.mark.django_db(transaction=True)


def link_for(order: Order, **fields) -> PaymentLink:
    now = timezone.now()
    return create_link(order=order, expires_at=now + timedelta(days=1), now=now, created_by="partner", **fields)


def held(house: House, adults: int = 2, **fields) -> Booking:
    contact = ContactDetails(first_name="Ada", last_name="Byron", locales=("en",))
    return house.reserve(adults, payment_request=None, contact=contact, **fields)


def pays_by(house: House, slug: str, gateway: str) -> GatewayAccount:
    """Let the partner's guests pay by another account than Adyen's."""
    account, _ = GatewayAccount.objects.get_or_create(
        slug=slug,
        defaults={
            "name": slug,
            "gateway": gateway,
            "environment": "test",
            "currencies": ["EUR"],
            "sources": ["ECOM"],
        },
    )
    AccountRoute.objects.create(partner=house.partner, account=account, is_live=True, rank=1)
    return account


def test_a_guest_is_refused_pays_with_3d_secure_and_the_kept_card_pays_again_without_the_guest(
    house, guest, visitor_of_any_size
):
    visitor = visitor_of_any_size
    GatewayAccount.objects.update(stores_cards=True)
    booking = held(house, customer_reference="C-77")
    visitor.open(link_url(link_for(booking.order)))
    visitor.sees("due", "Spree Kanal Touren", "Hello Ada", "Kayak tour on the Spree", "90.00 EUR")

    visitor.press("Pay now")
    visitor.enter("4111 1111 1111 1111", "03/30", "737", "NOT_ENOUGH_BALANCE")
    visitor.can_be_used_by_everybody()
    visitor.picture("card")
    visitor.form.get_by_role("button", name="Pay").click()
    visitor.sees("refused", "The payment did not succeed.")
    guest.deliver()
    visitor.sees("refused", "The card does not have enough credit or funds for this payment.")

    visitor.press("Try again")
    visitor.enter("4917 6100 0000 0000", "03/30", "737")
    visitor.form.get_by_label("Save this card").check()
    visitor.form.get_by_role("button", name="Pay").click()
    visitor.answer_the_bank()
    visitor.sees("paid", "Paid. Thank you!")
    guest.deliver()

    booking.refresh_from_db()
    assert booking.status == "CONFIRMED"
    assert operations(booking.order) == [
        ("SALE", "GATEWAY", "FAILED", 9000),
        ("SALE", "GATEWAY", "PROCESSED", 9000),
    ]
    second = held(house, 1, customer_reference="C-77")
    card = PaymentRequest(card_id=str(ReusableCard.objects.get().pk))
    again = confirm_booking(booking=second, changes=BookingChanges(), request=card, clock=house.clock)
    assert again.is_confirmed
    assert operations(second.order) == [("SALE", "OURS", "PROCESSED", 4500)]


def test_a_guest_goes_back_reloads_and_has_two_tabs_and_pays_once(house, guest, visitor):
    # Any page on another origin stands for the partner's shop.
    Partner.objects.update(return_origins=[guest.sandbox.url])
    booking = held(house)
    link = link_for(booking.order, return_url=f"{guest.sandbox.url}/control/health")
    visitor.open(link_url(link))
    visitor.press("Pay now")
    expect(visitor.form.get_by_label("Card number")).to_be_visible()
    visitor.page.go_back()
    visitor.sees("due")
    visitor.press("Pay now")
    visitor.page.wait_for_url(f"{link_url(link)}card/")
    visitor.page.reload()
    expect(visitor.form.get_by_label("Card number")).to_be_visible()
    second = visitor.page.context.new_page()
    second.goto(f"{link_url(link)}card/")
    assert Opening.objects.filter(link=link).count() == 1

    visitor.enter("4111 1111 1111 1111", "03/30", "737")
    visitor.form.get_by_role("button", name="Pay").click()
    visitor.page.wait_for_url(f"{guest.sandbox.url}/control/health")
    second.reload()

    assert second.url == link_url(link)
    expect(second.locator('main[data-state="paid"]')).to_be_visible()
    visitor.open(f"{link_url(link)}return/")
    guest.deliver()
    assert operations(booking.order) == [("SALE", "GATEWAY", "PROCESSED", 9000)]


def test_a_guest_without_a_mouse_pays_by_keyboard(house, guest, visitor):
    booking = held(house)
    visitor.open(link_url(link_for(booking.order)))

    visitor.tabs_to("BUTTON", "A")
    visitor.page.keyboard.press("Enter")
    expect(visitor.form.get_by_label("Card number")).to_be_visible()
    visitor.tabs_to("IFRAME")
    typed = {
        "Card number": "4111 1111 1111 1111",
        "Expiry date (MM/YY)": "03/30",
        "Security code": "737",
        "Name on card": "Ada Byron",
    }
    for label, text in typed.items():
        expect(visitor.form.get_by_label(label)).to_be_focused()
        visitor.page.keyboard.type(text)
        visitor.page.keyboard.press("Tab")
    expect(visitor.form.get_by_label("Name on card")).not_to_be_focused()
    visitor.page.keyboard.press("Shift+Tab")
    expect(visitor.form.get_by_label("Name on card")).to_be_focused()
    visitor.page.keyboard.press("Enter")

    visitor.sees("paid")
    guest.deliver()
    assert operations(booking.order) == [("SALE", "GATEWAY", "PROCESSED", 9000)]


def test_after_the_bank_an_answer_that_is_lost_is_not_said_to_have_charged_nothing(house, guest, visitor):
    booking = held(house)
    link = link_for(booking.order)
    visitor.open(link_url(link))

    def lose(route: Route) -> None:
        route.fetch()
        route.fulfill(body="")

    visitor.page.route("**/paymentDetails?*", lose)
    visitor.press("Pay now")
    visitor.enter("4917 6100 0000 0000", "03/30", "737")
    visitor.form.get_by_role("button", name="Pay").click()
    with visitor.page.expect_console_message(lambda message: message.text == "card form: SyntaxError"):
        visitor.answer_the_bank()

    expect(visitor.page.get_by_role("alert")).to_have_text(
        "How your payment ended is not known yet. Please go back and look how it stands before you pay again."
    )
    visitor.can_be_used_by_everybody()
    visitor.faults.remove("card form: SyntaxError")
    guest.deliver()
    visitor.press("Back")
    visitor.sees("paid")


def test_a_guest_pays_in_the_payment_element_of_stripe(house, guest, visitor):
    pays_by(house, "stripe-eu", "stripe")
    booking = held(house)
    visitor.open(link_url(link_for(booking.order)))

    visitor.press("Pay now")
    visitor.enter("4000 0000 0000 9995", "03/30", "123")
    visitor.press("Pay 90.00 EUR")
    visitor.sees("refused", "The card does not have enough credit or funds for this payment.")
    visitor.press("Try again")
    visitor.enter("4000 0027 6000 3184", "03/30", "123")
    visitor.can_be_used_by_everybody()
    visitor.press("Pay 90.00 EUR")
    visitor.answer_the_bank()
    visitor.sees("paid")

    booking.refresh_from_db()
    assert booking.status == "CONFIRMED"


def test_an_answer_of_stripes_that_is_lost_on_its_way_to_the_form_is_no_refusal(house, guest, visitor):
    pays_by(house, "stripe-eu", "stripe")
    booking = held(house)
    visitor.open(link_url(link_for(booking.order)))
    lost = {"error": {"type": "api_connection_error", "message": "The network was away."}}

    def lose(route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        route.fetch()
        guest.sandbox.post("faults", gateway="stripe", operation="retrieve", fault="unavailable", times=-1)
        route.fulfill(json=lost)

    visitor.page.route("**/stripe/js/card/**", lose)
    visitor.press("Pay now")
    visitor.enter("4242 4242 4242 4242", "03/30", "123")
    visitor.press("Pay 90.00 EUR")

    visitor.sees("pending")


def test_a_guest_pays_in_the_express_form_of_spreedly(house, guest, visitor):
    pays_by(house, "spreedly-eu", "spreedly")
    booking = held(house)
    visitor.open(link_url(link_for(booking.order)))

    visitor.press("Pay now")
    visitor.press("Pay 90.00 EUR")
    visitor.enter("4012 8888 8888 1881", "03/30", "123")
    visitor.form.get_by_role("button", name="Pay").click()
    visitor.sees("refused", "The payment did not succeed.")
    visitor.press("Try again")
    visitor.press("Pay 90.00 EUR")
    visitor.enter("4556 7610 2998 3886", "03/30", "123")
    visitor.picture("express")
    visitor.form.get_by_role("button", name="Pay").click()
    visitor.answer_the_bank()
    visitor.sees("paid")

    booking.refresh_from_db()
    assert booking.status == "CONFIRMED"


@pytest.mark.parametrize(
    ("slug", "gateway", "number"),
    [("viva-eu", "viva", "5188 3400 0000 0060"), ("cardgate-eu", "cardgate", "5123 8172 3406 0000")],
)
def test_a_guest_is_sent_to_the_page_of_the_gateway_and_comes_back(house, guest, visitor, slug, gateway, number):
    pays_by(house, slug, gateway)
    booking = held(house)
    visitor.open(link_url(link_for(booking.order)))

    visitor.press("Pay now")
    visitor.page.get_by_label("Card number").fill(number)
    visitor.page.get_by_label("Expiry date (MM/YY)").fill("03/30")
    visitor.page.get_by_label("Security code").fill("123")
    visitor.press("Pay")
    visitor.answer_the_bank()
    visitor.sees("paid")

    booking.refresh_from_db()
    assert booking.status == "CONFIRMED"
