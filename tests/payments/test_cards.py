import pytest

from payments.encryption import decrypt_text
from payments.errors import InvalidCard
from payments.models import ReusableCard
from payments.services import collecting
from payments.services.cards import revoke_card, usable_cards
from payments.services.collecting import PaymentRequest
from payments.services.confirming import confirm_booking
from tests.payments.guest import opening_of
from tests.payments.house import books, operations

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def used(house, guest):
    """A confirmed booking whose guest agreed to have the card kept."""
    account = house.accounts["adyen-eu"]
    account.stores_cards = True
    account.save()
    booking = house.reserve()
    guest.pay(opening_of(booking), storePaymentMethod=True)
    guest.deliver()
    return booking


def confirm(house, booking, **request):
    return confirm_booking(booking=booking, changes=None, request=PaymentRequest(**request), clock=house.clock)


def test_a_card_the_guest_agreed_to_keep_is_kept_as_an_encrypted_token(used):
    card = ReusableCard.objects.get()

    assert (card.brand, card.last4, card.expiry_month, card.expiry_year) == ("visa", "1111", 3, 2030)
    token = decrypt_text(card.token_encrypted)
    assert token.encode() not in bytes(card.token_encrypted)
    assert card.order_id == used.order_id


def test_a_kept_card_pays_what_is_due_without_the_guest(house, guest, used):
    card = ReusableCard.objects.get()
    other = house.reserve(adults=1)
    card.order = other.order
    card.save()

    confirmation = confirm(house, other, card_id=str(card.id))
    guest.deliver()

    assert confirmation.is_confirmed

    assert operations(other.order) == [("SALE", "OURS", "PROCESSED", 4500)]
    assert books(other.order) == {"RECEIVABLE>CLEARING": 4500}


def test_a_card_is_not_offered_on_another_order(house, used):
    other = house.reserve(adults=1)

    assert usable_cards(order=other.order, account=house.accounts["adyen-eu"], now=house.clock()) == []
    with pytest.raises(InvalidCard):
        confirm(house, other, card_id=str(ReusableCard.objects.get().id))


@pytest.mark.parametrize("change", [{"expiry_year": 2020}, {"is_live": False}])
def test_an_expired_card_or_one_of_the_other_mode_is_refused(house, used, change):
    card = ReusableCard.objects.get()
    for name, value in change.items():
        setattr(card, name, value)
    card.save()

    assert usable_cards(order=used.order, account=house.accounts["adyen-eu"], now=house.clock()) == []


def test_a_revoked_card_disappears_here_and_at_the_gateway(house, guest, used):
    card = ReusableCard.objects.get()

    revoke_card(card=card, now=house.clock())

    assert usable_cards(order=used.order, account=card.account, now=house.clock()) == []
    deletions = [r for r in guest.sandbox.get("requests")["requests"] if r["method"] == "DELETE"]
    assert len(deletions) == 1
    assert deletions[0]["status"] in (200, 204)


def test_the_view_lists_cards_without_their_token(house, used):
    view = collecting.describe_payment(order=used.order, clock=house.clock)

    assert view is not None
    assert [card.last4 for card in view.reusable_cards] == ["1111"]
    assert decrypt_text(view.reusable_cards[0].token_encrypted) not in repr(view)
