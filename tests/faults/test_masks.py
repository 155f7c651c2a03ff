"""What keeps card data from being saved: masked where it is text, refused where a changed text would be useless."""

import pytest

from bookings.errors import InvalidValue
from bookings.models import Booking
from card_numbers import mask_card_numbers
from gateways.scrubbing import mask_numbers
from tests.faults.bait import MASTERCARD, VISA

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("mask", [mask_card_numbers, mask_numbers], ids=["of-partners-texts", "of-vendors-texts"])
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cvv 737", "cvv ***"),
        ("CVC: 7373, exp 03/30", "CVC: ***, exp 03/30"),
        ("security code is 737", "security code is ***"),
        ("cvc2=737&id=4", "cvc2=***&id=4"),
        ("room 737, table cvc", "room 737, table cvc"),
        ("cvv 73744", "cvv 73744"),
    ],
)
def test_a_security_code_is_masked_where_it_is_called_one(mask, text, shown):
    assert mask(text) == shown
    assert mask(shown) == shown


@pytest.mark.parametrize(
    ("url", "is_refused"),
    [
        (f"https://shop.example.com/?card={VISA}", True),
        (f"https://shop.example.com/{MASTERCARD}/return", True),
        ("https://shop.example.com/?t=1763728000000&order=4111111111111112", False),
        ("https://shop.example.com/return/7a1b5c9e-32d3-4a55-9e0c-6b0f5d1a2c3d", False),
    ],
)
def test_a_return_url_with_a_card_number_is_refused(house, url, is_refused):
    if is_refused:
        with pytest.raises(InvalidValue):
            house.reserve(return_url=url, payment_request=None)
    else:
        assert house.reserve(return_url=url, payment_request=None).order.return_url == url
    assert Booking.objects.exists() is not is_refused


def test_a_request_id_that_could_be_a_card_number_is_replaced(client):
    kept = client.get("/health/live", headers={"X-Request-Id": "from-the-edge-1"})
    replaced = client.get("/health/live", headers={"X-Request-Id": f"card-{VISA}"})

    assert kept["X-Request-Id"] == "from-the-edge-1"
    assert VISA not in replaced["X-Request-Id"]
