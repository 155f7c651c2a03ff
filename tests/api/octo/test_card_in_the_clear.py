"""A confirmation that brings the card itself: only where the account takes one, and never a second time by us."""

import pytest
from django.core.management import call_command

from gateways.models import GatewayAccount
from gateways.protocol import Action
from payments.models import LedgerEntry, Transaction
from tests.api.octo.shop import RETURN_URL
from tests.api.octo.test_rules import refusal
from tests.payments.bank import answer_the_bank

CARD = {
    "type": "scheme", "number": "4111111111111111", "expiryMonth": "03", "expiryYear": "2030", "cvc": "737",
    "holderName": "Ada Byron",
}  # fmt: skip
CHALLENGED = {**CARD, "number": "4917610000000000"}
BROWSER = {
    "userAgent": "Mozilla/5.0", "acceptHeader": "*/*", "language": "en-US", "colorDepth": 24, "screenHeight": 720,
    "screenWidth": 1536, "timeZoneOffset": -60, "javaEnabled": False,
}  # fmt: skip


@pytest.fixture
def open_shop(shop, guest):
    GatewayAccount.objects.filter(gateway="adyen").update(takes_raw_cards=True)
    return shop


def confirm(cards, booking, card=CARD, **adyen):
    body = {"cardPayment": {"adyen": {"paymentMethod": card, **adyen}}} if card else {"cardPayment": {"adyen": adyen}}
    return cards.post(f"/bookings/{booking['uuid']}/confirm", body)


def test_the_card_pays_and_is_told_to_nobody(open_shop, cards, guest):
    booking = open_shop.reserve(cards, returnUrl=RETURN_URL)

    answer = confirm(cards, booking)

    assert answer.status_code == 200, answer.content
    assert answer.json()["status"] == "CONFIRMED"
    assert b"4111111111111111" not in answer.content
    charge = Transaction.objects.get()
    assert (charge.status, charge.amount_minor, charge.card_last4) == ("PROCESSED", 9000, "1111")
    assert charge.opening is None


def test_a_hold_is_captured_with_the_confirmation_where_the_account_wants_that(open_shop, cards):
    GatewayAccount.objects.update(captures_at_once=False)
    booking = open_shop.reserve(cards, returnUrl=RETURN_URL)

    assert confirm(cards, booking).json()["status"] == "CONFIRMED"
    assert sorted(Transaction.objects.values_list("kind", flat=True)) == ["AUTHORIZATION", "CAPTURE"]


@pytest.mark.parametrize("path", ["", "/{uuid}"])
def test_only_a_confirmation_may_bring_it(open_shop, cards, path):
    booking = open_shop.reserve(cards, returnUrl=RETURN_URL)
    body = {"cardPayment": {"adyen": {"paymentMethod": CARD}}}

    if path:
        answer = cards.patch(f"/bookings/{booking['uuid']}", body)
    else:
        answer = cards.post("/bookings", open_shop.wish(**body))

    assert "card details are not accepted here" in refusal(answer, "BAD_REQUEST")["errorMessage"]
    assert Transaction.objects.count() == 0


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ({**CARD, "holderName": "NOT_ENOUGH_BALANCE"}, "CREDIT_LIMIT_EXCEEDED"),
        ({**CARD, "number": "4111111111111112"}, "INVALID_CARD_NUMBER"),
        ({**CARD, "expiryMonth": "13"}, "INVALID_CARD_EXPIRY"),
    ],
)
def test_a_refused_card_is_said_so_and_another_may_be_tried(open_shop, cards, card, code):
    booking = open_shop.reserve(cards, returnUrl=RETURN_URL)

    refused = refusal(confirm(cards, booking, card), "BAD_REQUEST")

    assert refused["errorCode"] == code
    assert confirm(cards, booking).json()["status"] == "CONFIRMED"


def test_a_lost_answer_is_pending_and_the_same_confirmation_charges_nothing_more(open_shop, cards, guest):
    booking = open_shop.reserve(cards, returnUrl=RETURN_URL)
    guest.fail("payments", "answer_lost")

    refusal(confirm(cards, booking), "PAYMENT_PENDING")
    refusal(confirm(cards, booking), "PAYMENT_PENDING")

    assert len(guest.sandbox.get("requests", operation="payments")["requests"]) == 1
    guest.deliver()
    assert confirm(cards, booking).json()["status"] == "CONFIRMED"
    assert sum(LedgerEntry.objects.values_list("amount_minor", flat=True)) == 9000


@pytest.mark.parametrize(("password", "ending"), [("password", "CONFIRMED"), ("1234", None)])
def test_a_guest_proves_at_the_bank_who_they_are(open_shop, cards, guest, password, ending):
    booking = open_shop.reserve(cards, returnUrl=RETURN_URL)

    refusal(
        confirm(cards, booking, CHALLENGED, browserInfo=BROWSER, origin="https://shop.example.com"), "PAYMENT_PENDING"
    )
    shown = cards.get(f"/bookings/{booking['uuid']}").json()["cardPayment"]
    assert shown["status"] == "PENDING"
    brought = answer_the_bank(Action(**shown["adyen"]["action"]), password)
    answer = confirm(cards, booking, None, redirectResult=brought["redirectResult"])

    if ending:
        assert answer.json()["status"] == ending
    else:
        assert refusal(answer, "BAD_REQUEST")["errorCode"] == "TRANSACTION_DECLINED"
        assert cards.get(f"/bookings/{booking['uuid']}").json()["cardPayment"]["adyen"]["session"] is not None
    call_command("check_payments")
    call_command("check_ledger")


def test_a_proof_of_nothing_is_said_so(open_shop, cards):
    booking = open_shop.reserve(cards, returnUrl=RETURN_URL)
    confirm(cards, booking, CHALLENGED, browserInfo=BROWSER)

    refusal(confirm(cards, booking, None, redirectResult="X6Xtf-made-up"), "BAD_REQUEST")

    assert Transaction.objects.get().status == "PENDING"


@pytest.mark.parametrize("missing", ["userAgent", "colorDepth"])
def test_half_a_browser_is_refused_by_the_name_of_the_other_half(open_shop, cards, missing):
    booking = open_shop.reserve(cards, returnUrl=RETURN_URL)
    browser = {name: value for name, value in BROWSER.items() if name != missing}

    answer = confirm(cards, booking, browserInfo=browser)

    assert f"cardPayment.adyen.browserInfo.{missing}" in refusal(answer, "BAD_REQUEST")["errorMessage"]
    assert Transaction.objects.count() == 0
