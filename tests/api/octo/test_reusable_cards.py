"""Cards guests had kept, as a partner sees them: whose they are, what is refused, and how they are revoked."""

import pytest
from django.utils import timezone

from bookings.encryption import decrypt_text
from bookings.models import Booking, Customer
from gateways.models import GatewayAccount
from payments.models import CardRevocation, Payment, ReusableCard, Transaction
from payments.services import revoking
from tests.api.octo.guest import CARD
from tests.api.octo.shop import CARDS, PRICED, RETURN_URL, Octo
from tests.api.octo.test_rules import refusal
from tests.api.octo.test_schema import check, openapi_document

UNKNOWN_CARD = "00000000-0000-4000-8000-000000000000"


def counts() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Booking, Customer, Payment, Transaction, CardRevocation))


class TestCustomerReference:
    def test_a_known_reference_attaches_the_same_customer_and_changes_nothing_of_it(self, shop, cards):
        first = shop.reserve(cards, customerReference=" C-77 ", contact={"fullName": "Ada Byron"})
        second = shop.reserve(cards, customerReference="C-77", contact={"fullName": "A. King"})

        customer = Customer.objects.get(reference="C-77")
        assert {shop.stored(one).order.customer for one in (first, second)} == {customer}
        assert customer.full_name == "Ada Byron"
        assert "customerReference" not in second

    def test_a_change_gives_the_order_to_the_customer_and_blank_leaves_it(self, shop, cards):
        booking = shop.reserve(cards)
        for sent in ("C-77", "", None, "C-77"):
            answer = cards.patch(f"/bookings/{booking['uuid']}", {"customerReference": sent})
            assert answer.status_code == 200
            check(answer, "PATCH", f"/bookings/{booking['uuid']}", openapi_document())

        assert shop.stored(booking).order.customer == Customer.objects.get(reference="C-77")

    def test_it_is_each_partners_and_modes_own_and_read_with_card_payments_only(self, shop, cards):
        other, test = Octo(shop.other_key, capabilities=CARDS), Octo(shop.test_key, capabilities=CARDS)
        for octo in (cards, other, test):
            shop.reserve(octo, customerReference="C-77")
        without = shop.reserve(shop.octo(PRICED), customerReference="C-77")

        assert Customer.objects.filter(reference="C-77").count() == 3
        assert shop.stored(without).order.customer.reference == ""

    @pytest.mark.parametrize("wrong", ["x" * 121, "4111 1111 1111 1111", 7, ["C"]])
    def test_what_cannot_be_a_reference_is_refused_by_name(self, shop, cards, wrong):
        booking, before = shop.reserve(cards), counts()

        for answer in (
            cards.post("/bookings", shop.wish(customerReference=wrong)),
            cards.patch(f"/bookings/{booking['uuid']}", {"customerReference": wrong}),
        ):
            assert refusal(answer, "BAD_REQUEST")["errorMessage"].startswith("customerReference: ")
            assert b"4111 1111 1111 1111" not in answer.content
        assert counts()[:2] == (before[0], before[1])

    def test_a_repeat_of_a_reservation_is_the_same_and_another_reference_is_another_call(self, shop, cards):
        wish = shop.wish(uuid="5d0c5b8e-6b0b-4f5d-9a66-2f1c9f7d1a10", customerReference="C-77")

        assert cards.post("/bookings", wish).json()["id"] == cards.post("/bookings", wish).json()["id"]
        refusal(cards.post("/bookings", {**wish, "customerReference": "C-78"}), "INVALID_BOOKING_UUID")


@pytest.mark.django_db(transaction=True)
class TestReusableCards:
    @pytest.fixture
    def kept(self, shop, cards, guest):
        """A card of customer C-77, kept with consent on a paid booking."""
        GatewayAccount.objects.filter(slug="adyen-eu").update(stores_cards=True)
        booking = shop.reserve(cards, returnUrl=RETURN_URL, customerReference="C-77")
        session = booking["cardPayment"]["adyen"]["session"]["id"]
        guest.sandbox.post(f"adyen/sessions/{session}/pay", **CARD, holderName="Ada Byron", storePaymentMethod=True)
        guest.deliver()
        return cards.get(f"/bookings/{booking['uuid']}").json()

    def test_the_page_is_told_what_the_guest_agrees_to(self, shop, cards, kept):
        answer = cards.post("/bookings", shop.wish(returnUrl=RETURN_URL), Accept_Language="de")

        check(answer, "POST", "/bookings", openapi_document())
        consent = answer.json()["cardPayment"]["adyen"]["cardConsent"]
        assert (consent["language"], consent["text"][:24]) == ("de", "Ich bin einverstanden, d")

    def test_a_second_booking_is_charged_and_another_partners_or_customers_card_is_none(self, shop, cards, kept):
        (card,) = kept["cardPayment"]["reusableCards"]
        assert (card["brand"], card["last4"], card["expMonth"], card["expYear"]) == ("visa", "1111", 3, 2030)
        other = Octo(shop.other_key, capabilities=CARDS)

        strangers = [(cards, shop.reserve(cards)), (other, shop.reserve(other, customerReference="C-77"))]
        for octo, booking in strangers:
            assert booking["cardPayment"]["reusableCards"] == []
            before = counts()
            answer = octo.post(f"/bookings/{booking['uuid']}/confirm", {"cardPayment": {"cardId": card["id"]}})
            refusal(answer, "INVALID_CARD_ID", uuid=booking["uuid"])
            assert counts() == before

        second = shop.reserve(cards, customerReference="C-77")
        confirmed = cards.post(f"/bookings/{second['uuid']}/confirm", {"cardPayment": {"cardId": card["id"]}})
        check(confirmed, "POST", f"/bookings/{second['uuid']}/confirm", openapi_document())
        assert confirmed.json()["status"] == "CONFIRMED"
        assert confirmed.json()["cardPayment"]["totalPaid"] == 9000

    def test_a_reservation_with_a_card_is_paid_and_waits_for_its_confirmation(self, shop, cards, guest, kept):
        wish = shop.wish(
            uuid="5d0c5b8e-6b0b-4f5d-9a66-2f1c9f7d1a10",
            returnUrl=RETURN_URL,
            customerReference="C-77",
            cardPayment={"cardId": kept["cardPayment"]["reusableCards"][0]["id"]},
        )

        answers = [cards.post("/bookings", wish).json() for _ in range(2)]

        for shown in answers:
            assert (shown["status"], shown["cardPayment"]["status"]) == ("ON_HOLD", "CONFIRMED")
            assert (shown["cardPayment"]["totalPaid"], shown["cardPayment"]["balance"]) == (9000, 0)
        assert Transaction.objects.filter(origin="OURS").count() == 1
        assert cards.post(f"/bookings/{wish['uuid']}/confirm", {}).json()["status"] == "CONFIRMED"

    def test_a_refused_card_on_a_reservation_leaves_a_hold_the_guest_can_pay(self, shop, cards, guest, kept):
        token = decrypt_text(ReusableCard.objects.get().token_encrypted)
        guest.sandbox.post(f"adyen/tokens/{token}/holder", holderName="DECLINED")

        card_payment = {"cardId": kept["cardPayment"]["reusableCards"][0]["id"]}
        held = shop.reserve(cards, returnUrl=RETURN_URL, customerReference="C-77", cardPayment=card_payment)
        answer = cards.post(f"/bookings/{held['uuid']}/confirm", {"cardPayment": card_payment})

        assert held["status"] == "ON_HOLD"
        assert held["cardPayment"]["balance"] == 9000
        assert held["cardPayment"]["adyen"]["session"] is not None
        refusal(answer, "BAD_REQUEST", errorCode="TRANSACTION_DECLINED", uuid=held["uuid"])

    def test_a_refused_card_on_a_change_is_told_and_the_change_stays(self, shop, cards, guest, kept):
        token = decrypt_text(ReusableCard.objects.get().token_encrypted)
        guest.sandbox.post(f"adyen/tokens/{token}/holder", holderName="DECLINED")
        held = shop.reserve(cards, returnUrl=RETURN_URL, customerReference="C-77")
        change = {
            "notes": "by the window",
            "cardPayment": {"cardId": kept["cardPayment"]["reusableCards"][0]["id"]},
        }

        answers = [
            cards.patch(f"/bookings/{held['uuid']}", change, Idempotency_Key="a3f0c8de-change") for _ in range(2)
        ]

        for answer in answers:
            refusal(answer, "BAD_REQUEST", errorCode="TRANSACTION_DECLINED")
        assert Transaction.objects.filter(origin="OURS").count() == 1
        shown = cards.get(f"/bookings/{held['uuid']}").json()
        assert (shown["notes"], shown["cardPayment"]["balance"]) == ("by the window", 9000)
        assert shown["cardPayment"]["adyen"]["session"] is not None

    def test_a_partner_revokes_a_card_which_is_gone_at_once_and_then_at_the_gateway(self, shop, cards, guest, kept):
        (card,) = kept["cardPayment"]["reusableCards"]
        path, read = f"/card_payments/cards/{card['id']}", f"/card_payments/{kept['cardPayment']['cardPaymentId']}"
        assert cards.get(read).json()["reusableCards"] == [card]

        for _ in range(2):
            answer = cards.delete(path)
            check(answer, "DELETE", path, openapi_document())
            assert answer.json() == card

        assert cards.get(read).json()["reusableCards"] == []
        assert CardRevocation.objects.get().requested_by == "partner"
        second = shop.reserve(cards, customerReference="C-77")
        answer = cards.post(f"/bookings/{second['uuid']}/confirm", {"cardPayment": {"cardId": card["id"]}})
        refusal(answer, "INVALID_CARD_ID", uuid=second["uuid"])
        revoking.send_revocations(clock=timezone.now)
        assert guest.sandbox.get("adyen/tokens")["tokens"] == []

    def test_a_card_that_is_not_the_partners_is_not_revoked(self, shop, cards, kept):
        card_id = kept["cardPayment"]["reusableCards"][0]["id"]
        octos = [Octo(shop.other_key, capabilities=CARDS), Octo(shop.test_key, capabilities=CARDS)]

        for octo, sent in [(octo, card_id) for octo in octos] + [(cards, UNKNOWN_CARD), (cards, "not-a-uuid")]:
            refusal(octo.delete(f"/card_payments/cards/{sent}"), "INVALID_CARD_ID")
        refusal(shop.octo(PRICED).delete(f"/card_payments/cards/{card_id}"), "BAD_REQUEST")

        assert ReusableCard.objects.get().revoked_at is None
        assert not CardRevocation.objects.exists()
