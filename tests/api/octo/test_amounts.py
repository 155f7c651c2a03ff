"""The amounts of a card payment, in currencies of 2, 0 and 3 decimals: the worked examples of docs/octo.md, made."""

import os
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.utils import timezone

from bookings.models import Price
from gateways.models import GatewayAccount
from money import Money
from payments.checking import ledger_findings, payment_findings
from payments.models import AccountRoute, Payment, SurchargeRule
from payments.services import aftercare
from tests.api.octo.shop import CARDS, GIFTS, RETURN_URL, build_shop
from tests.api.octo.test_budgets import cost_of
from tests.api.octo.test_card_payments import confirm, session_of
from tests.api.octo.test_golden import FOLDER, NOW, Conversation
from tests.api.octo.test_rules import refusal
from tests.faults.agreement import money_of_the_ledger, money_of_the_sandbox

DOCUMENT = Path(settings.BASE_DIR) / "docs" / "octo.md"
# 3 % in EUR; 1.5 % in JPY from MOTO, and in KWD.
RULES = (("EUR", "", 300), ("JPY", "MOTO", 150), ("KWD", "", 150))
FILS_OF_AN_ADULT = 5250
# The key, the payment, its Opening, and the rules of its route.
COST_OF_A_KEPT_LOOK_UP = 4


def documented():
    """Return the worked examples of the guide, by what its rows say happened."""
    lines = DOCUMENT.read_text().split("**Worked examples.**")[1].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    end = next(index for index, row in enumerate(rows) if row[0] == "when")
    names = [name.strip("`") for name in rows[0][1:]]
    return {row[0]: dict(zip(names, map(int, row[1:]), strict=True)) for row in rows[2:end]}


EXAMPLES = documented()


@pytest.fixture
def rules(shop):
    """What the guide's examples take for granted."""
    set_rules(shop)


def set_rules(shop):
    Price.objects.create(
        unit=shop.adult, currency="KWD", original_minor=6000, retail_minor=FILS_OF_AN_ADULT, net_minor=4500
    )
    GatewayAccount.objects.filter(slug__in=["adyen-eu", "external"]).update(currencies=["EUR", "JPY", "KWD"])
    route = AccountRoute.objects.get(partner=shop.partner, account__slug="adyen-eu", is_live=True)
    for currency, source, basis_points in RULES:
        SurchargeRule.objects.create(route=route, currency=currency, source=source, percent_basis_points=basis_points)


def shows(booking, example):
    """See that a booking shows what the guide says, and figures that belong together."""
    payment = booking["cardPayment"]
    said = {name: payment[name] for name in EXAMPLES[example]}
    assert said == EXAMPLES[example], example
    assert payment["outstandingBalance"] == payment["balance"] + payment["surcharge"]


def payment_of(shop, booking):
    return Payment.objects.get(order=shop.stored(booking).order, superseded_at__isnull=True)


def faults():
    return [*payment_findings(now=timezone.now()), *ledger_findings()]


@pytest.mark.parametrize(
    ("fields", "example", "precision"),
    [
        ({}, "EUR, on hold: 90.00 and 2.70 on it", 2),
        ({"currency": "JPY"}, "JPY, `source` ECOM", 0),
        ({"currency": "JPY", "cardPayment": {"source": "MOTO"}}, "JPY, `source` MOTO", 0),
        ({"currency": "KWD"}, "KWD: 10.500 and 0.158 on it (0.1575, half up)", 3),
    ],
)
def test_what_is_to_be_paid(shop, cards, rules, fields, example, precision):
    booking = shop.reserve(cards, **fields)

    shows(booking, example)
    assert booking["cardPayment"]["currencyPrecision"] == precision
    assert cards.get(f"/bookings/{booking['uuid']}").json()["cardPayment"] == booking["cardPayment"]


def test_part_paid_elsewhere(shop, cards, rules):
    booking = shop.reserve(cards)
    cash = {"gateway": "external", "amount": 4000, "notes": "cash"}

    shows(confirm(cards, booking, cash).json(), "EUR, 40.00 taken by you in cash, no surcharge on that")
    asked = cards.patch(f"/bookings/{booking['uuid']}", {"cardPayment": {"gateway": "adyen"}}).json()
    shows(asked, "the rest is asked of the card")


def test_part_paid_by_a_gift(shop, cards, rules):
    booking = shop.reserve(cards)
    gifts = shop.octo(GIFTS)
    held = gifts.post("/gifts", {"amount": 6000, "currency": "EUR", "settlementMethod": "VOUCHER"}).json()
    (delivered,) = gifts.post(f"/gifts/{held['uuid']}/confirm", {}).json()["voucher"]["deliveryOptions"]

    gifts.patch(f"/bookings/{booking['uuid']}", {"giftPayment": {"code": delivered["deliveryValue"]}})

    read = cards.get(f"/bookings/{booking['uuid']}").json()
    shows(read, "EUR, a gift paid 60.00: surcharge on the rest alone")


def test_an_amount_that_leaves_out_the_surcharge_is_refused_with_the_right_one(shop, cards, rules):
    wish = {"amount": 9000}
    booking = shop.reserve(cards, cardPayment={"amount": 9270})

    refusal(cards.post("/bookings", shop.wish(cardPayment=wish)), "BAD_REQUEST", amount=9270, currencyPrecision=2)
    refusal(
        cards.patch(f"/bookings/{booking['uuid']}", {"cardPayment": wish}), "BAD_REQUEST", amount=9270, currency="EUR"
    )
    refusal(confirm(cards, booking), "UNPROCESSABLE_ENTITY", amount=9270, currency="EUR")


def test_a_change_of_the_rule_is_shown_with_a_new_payment(shop, cards, rules):
    booking = shop.reserve(cards)
    SurchargeRule.objects.filter(currency="EUR").update(percent_basis_points=0)

    changed = cards.get(f"/bookings/{booking['uuid']}").json()["cardPayment"]

    assert (changed["surcharge"], changed["amount"]) == (0, 9000)
    assert changed["cardPaymentId"] != booking["cardPayment"]["cardPaymentId"]


def test_the_look_up_by_its_id_shows_a_change_of_the_rule_at_once(shop, cards, rules, guest):
    payment = shop.reserve(cards, returnUrl=RETURN_URL)["cardPayment"]
    path = f"/card_payments/{payment['cardPaymentId']}"
    assert cards.get(path).json() == payment
    assert cost_of(lambda: cards.get(path)) == (payment, COST_OF_A_KEPT_LOOK_UP)

    SurchargeRule.objects.filter(currency="EUR").update(percent_basis_points=100)
    changed = cards.get(path).json()
    assert (changed["surcharge"], changed["amount"]) == (90, 9090)
    assert changed["cardPaymentId"] != payment["cardPaymentId"]
    assert cards.get(path).json() == cards.get(f"/card_payments/{changed['cardPaymentId']}").json() == changed
    # One more: which payment took its place.
    assert cost_of(lambda: cards.get(path)) == (changed, COST_OF_A_KEPT_LOOK_UP + 1)

    SurchargeRule.objects.filter(currency="EUR").update(is_active=False)
    assert (cards.get(path).json()["surcharge"], Payment.objects.count()) == (0, 3)


def test_surcharges_cost_no_query(shop, cards):
    def costs():
        booking, reserving = cost_of(lambda: cards.post("/bookings", shop.wish(2)))
        path = f"/bookings/{booking['uuid']}"
        reading = cost_of(lambda: cards.get(path))[1]
        changing = cost_of(lambda: cards.patch(path, {"cardPayment": {"source": "MOTO"}}))[1]
        return reserving, reading, changing

    without = costs()
    route = AccountRoute.objects.get(partner=shop.partner, account__slug="adyen-eu", is_live=True)
    for source in ("", "ECOM", "MOTO"):
        SurchargeRule.objects.create(route=route, source=source, percent_basis_points=150)

    assert costs() == without


def conversation(said, shop):
    """Ask for what is to be paid in every currency and from every source, and say it wrongly."""
    octo = shop.octo(CARDS)
    for fields in (
        {},
        {"currency": "JPY"},
        {"currency": "JPY", "cardPayment": {"source": "MOTO"}},
        {"currency": "KWD"},
        {"currency": "KWD", "cardPayment": {"amount": 10500}},
    ):
        said.ask(octo, "POST", "/bookings", shop.wish(2, **fields))
    booking = said.ask(octo, "POST", "/bookings", shop.wish(2, currency="KWD", cardPayment={"amount": 10658}))
    path = f"/bookings/{booking['uuid']}"
    said.ask(octo, "POST", f"{path}/confirm", {})
    said.ask(octo, "POST", f"{path}/confirm", {"cardPayment": {"gateway": "external", "notes": "KNET slip 4402"}})
    said.ask(octo, "GET", f"/card_payments/{booking['cardPayment']['cardPaymentId']}")
    said.ask(octo, "POST", f"{path}/cancel", {"reason": "Sandstorm"})


def test_the_conversation_is_as_it_was_when_somebody_last_looked(db):
    said = Conversation()
    with time_machine.travel(NOW, tick=False):
        shop = build_shop()
        set_rules(shop)
        conversation(said, shop)

    golden = FOLDER / "amounts.json"
    if os.environ.get("GOLDEN") == "write":
        golden.write_text(said.text())
    assert said.text() == golden.read_text()


@pytest.mark.django_db(transaction=True)
class TestAtTheProcessor:
    def test_paid_given_back_in_part_and_cancelled(self, shop, cards, rules, guest):
        booking = shop.reserve(cards, returnUrl=RETURN_URL)
        paid = self.pay(cards, guest, booking)
        shows(paid, "paid in the session, confirmed")

        aftercare.refund_payment(
            payment=payment_of(shop, booking), money=Money(2500, "EUR"), reason="late start", requested_by="ada",
            clock=timezone.now,
        )  # fmt: skip
        guest.deliver()
        read = cards.get(f"/bookings/{booking['uuid']}").json()
        shows(read, "our staff gave 25.00 back: price first")

        cards.post(f"/bookings/{booking['uuid']}/cancel", {})
        guest.deliver()
        read = cards.get(f"/bookings/{booking['uuid']}").json()
        shows(read, "cancelled in time: all of it went back")
        self.agree(guest)

    @pytest.mark.parametrize(
        ("currency", "price", "surcharge", "at_processor"),
        [("JPY", 15000, 0, 15000), ("KWD", 10500, 158, 10658)],
    )
    def test_decimals_are_the_processors_own(self, shop, cards, rules, guest, currency, price, surcharge, at_processor):
        booking = shop.reserve(cards, returnUrl=RETURN_URL, currency=currency)

        payment = self.pay(cards, guest, booking)["cardPayment"]

        assert (payment["totalPaid"], payment["paidSurcharge"]) == (price + surcharge, surcharge)
        (moved,) = money_of_the_sandbox(guest.sandbox).items()
        assert (moved[0][2], moved[1]["captured"]) == (currency, at_processor)
        self.agree(guest)

    def test_an_account_that_captures_by_request_takes_price_and_surcharge(self, shop, cards, guest):
        route = AccountRoute.objects.get(partner=shop.partner, account__slug="adyen-us")
        SurchargeRule.objects.create(route=route, currency="USD", percent_basis_points=200, fixed_minor=30)
        booking = shop.reserve(cards, returnUrl=RETURN_URL, currency="USD")

        confirmed = self.pay(cards, guest, booking)
        guest.deliver()

        assert confirmed["status"] == "CONFIRMED"
        payment = cards.get(f"/bookings/{booking['uuid']}").json()["cardPayment"]
        assert (payment["totalPaid"], payment["paidSurcharge"], payment["balance"]) == (10230, 230, 0)
        self.agree(guest)

    def pay(self, cards, guest, booking):
        session = session_of(booking)["id"]
        guest.pay(booking)
        guest.deliver()
        answer = confirm(cards, booking, {"adyen": {"sessionId": session}})
        assert answer.status_code == 200, answer.content
        return answer.json()

    def agree(self, guest):
        assert money_of_the_sandbox(guest.sandbox) == money_of_the_ledger()
        assert faults() == []


def test_every_example_of_the_guide_is_made_here():
    source = Path(__file__).read_text()

    assert len(EXAMPLES) == 10
    assert [example for example in EXAMPLES if f'"{example}"' not in source] == []
