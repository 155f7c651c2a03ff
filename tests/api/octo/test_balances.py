"""A deposit and its balance, as a partner sees them over OCTO."""

import pytest

from payments.models import Opening, Transaction
from tests.api.octo.shop import CARDS, RETURN_URL
from tests.api.octo.test_rules import refusal
from tests.api.octo.test_schema import check, openapi_document

DEPOSIT, BALANCE = 1800, 7200


def amounts(shown) -> tuple[int, int, int, int]:
    payment = shown["cardPayment"]
    return payment["amount"], payment["paid"], payment["totalPaid"], payment["balance"]


@pytest.mark.django_db(transaction=True)
class TestDeposits:
    @pytest.fixture
    def confirmed(self, shop, cards, guest):
        """What confirming a booking answers whose deposit a guest paid."""
        booking = shop.reserve(cards, returnUrl=RETURN_URL, settlementMethod="DEPOSIT")
        assert amounts(booking) == (DEPOSIT, 0, 0, DEPOSIT)
        paid = guest.pay(booking)
        session = booking["cardPayment"]["adyen"]["session"]["id"]
        evidence = {"sessionId": session, "sessionResult": paid["sessionResult"]}
        answer = cards.post(f"/bookings/{booking['uuid']}/confirm", {"cardPayment": {"adyen": evidence}})
        check(answer, "POST", f"/bookings/{booking['uuid']}/confirm", openapi_document())
        assert answer.json()["status"] == "CONFIRMED"
        return answer.json()

    def test_the_balance_is_paid_in_a_session_and_changes_no_status(self, shop, cards, guest, confirmed):
        assert amounts(confirmed) == (BALANCE, 0, DEPOSIT, BALANCE)
        assert confirmed["cardPayment"]["status"] == "PENDING"

        guest.pay(confirmed)
        guest.deliver()

        shown = cards.get(f"/bookings/{confirmed['uuid']}")
        check(shown, "GET", f"/bookings/{confirmed['uuid']}", openapi_document())
        assert amounts(shown.json()) == (BALANCE, BALANCE, DEPOSIT + BALANCE, 0)
        assert (shown.json()["status"], shown.json()["cardPayment"]["status"]) == ("CONFIRMED", "CONFIRMED")
        assert shown.json()["cardPayment"]["adyen"] == {}

    def test_reading_again_shows_the_same_session(self, cards, confirmed):
        first, second = (cards.get(f"/bookings/{confirmed['uuid']}").json() for _ in range(2))

        sessions = {each["cardPayment"]["adyen"]["session"]["id"] for each in (confirmed, first, second)}
        assert len(sessions) == 1
        assert Opening.objects.count() == 2

    def test_the_balance_paid_elsewhere_names_its_amount(self, shop, cards, confirmed):
        path = f"/bookings/{confirmed['uuid']}"
        report = {"gateway": "external", "external": {"notes": "cash at the desk"}}

        body = refusal(cards.patch(path, {"cardPayment": report}), "BAD_REQUEST")
        assert str(BALANCE) in str(body)
        assert Transaction.objects.count() == 1
        partly = cards.patch(path, {"cardPayment": {**report, "amount": 5000}})
        check(partly, "PATCH", path, openapi_document())

        assert amounts(partly.json())[2:] == (DEPOSIT + 5000, BALANCE - 5000)

    def test_confirming_again_takes_nothing(self, cards, confirmed):
        report = {"gateway": "external", "amount": BALANCE, "external": {"notes": "cash at the desk"}}

        answer = cards.post(f"/bookings/{confirmed['uuid']}/confirm", {"cardPayment": report})

        assert (answer.status_code, amounts(answer.json())[2:]) == (200, (DEPOSIT, BALANCE))
        assert Transaction.objects.count() == 1

    def test_without_a_return_url_the_deposit_stays_the_payment_that_is_shown(self, shop, cards):
        octo = shop.octo(CARDS)
        booking = shop.reserve(octo, settlementMethod="DEPOSIT")
        report = {"gateway": "external", "amount": DEPOSIT, "external": {"notes": "paid at our desk"}}
        answer = octo.post(f"/bookings/{booking['uuid']}/confirm", {"cardPayment": report})

        assert answer.json()["status"] == "CONFIRMED"
        assert amounts(answer.json()) == (DEPOSIT, DEPOSIT, DEPOSIT, BALANCE)
        assert answer.json()["cardPayment"]["status"] == "CONFIRMED"
