"""A card kept with the guest's consent: charged without the guest, given back to, revoked everywhere."""

import pytest

from gateways.models import GatewayAccount
from payments.models import CardConsent, CardRevocation, ReusableCard
from tests.payments.guest import CARD

TWO_ADULTS, ONE_ADULT = 9000, 4500


@pytest.fixture
def kept(trip):
    """A confirmed booking of the partner's customer C-77, who agreed to have the card kept; and the card's id."""
    GatewayAccount.objects.filter(slug="adyen-eu").update(stores_cards=True)
    held = trip.hold(customerReference="C-77")
    session = held.session
    paid = trip.sandbox.post(f"adyen/sessions/{session}/pay", **CARD, holderName="Ada Byron", storePaymentMethod=True)
    held.confirm(session, paid["sessionResult"])
    trip.settle()
    (card,) = held.read()["cardPayment"]["reusableCards"]
    assert CardConsent.objects.get().order == held.order
    return held, card["id"]


def test_a_second_booking_of_the_customer_is_charged_without_the_guest_and_given_back(trip, kept):
    _, card_id = kept
    second = trip.hold(1, customerReference="C-77")

    answer = trip.octo.send("POST", f"/bookings/{second.uuid}/confirm", {"cardPayment": {"cardId": card_id}})
    assert (answer.status_code, answer.json()["status"]) == (200, "CONFIRMED")
    trip.settle()
    assert second.operations == [("SALE", "OURS", "PROCESSED", ONE_ADULT)]
    second.cancel()

    trip.until(
        lambda: second.books == {"RECEIVABLE>CLEARING": ONE_ADULT, "CLEARING>RECEIVABLE": ONE_ADULT},
        "the money going back to the card",
    )
    trip.settle()
    assert len(trip.requests("payments")) == 1
    assert second.read()["cardPayment"]["status"] == "CANCELLED"


def test_a_revoked_card_pays_nothing_and_a_worker_deletes_it_at_the_processor(trip, kept):
    first, card_id = kept
    trip.fault("stored_cards", "unavailable", times=1)

    assert trip.octo.send("DELETE", f"/card_payments/cards/{card_id}").status_code == 200

    assert first.read()["cardPayment"]["reusableCards"] == []
    second = trip.hold(1, customerReference="C-77")
    answer = trip.octo.send("POST", f"/bookings/{second.uuid}/confirm", {"cardPayment": {"cardId": card_id}})
    assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_CARD_ID")
    assert second.operations == []
    trip.until(lambda: trip.sandbox.get("adyen/tokens")["tokens"] == [], "the card being gone at the processor")
    trip.until(lambda: CardRevocation.objects.get().done_at, "the deletion being written down")
    trip.settle()
    deletions = [row for row in trip.requests("stored_cards") if row["method"] == "DELETE"]
    assert [row["status"] for row in deletions] == [503, 204]
    assert ReusableCard.objects.get().revoked_at is not None
