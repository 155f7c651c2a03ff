import pytest

from bookings.errors import InvalidValue
from bookings.free_text import clean_phone, clean_return_url


@pytest.mark.parametrize("phone", ["+4915112345675", "+49 151 1234 5675", "+1 (212) 555-0123"])
def test_an_international_phone_number_is_left_as_it_is(phone):
    assert clean_phone("phone", phone, longest=40) == phone


@pytest.mark.parametrize("text", ["4111111111111111", "+4111111111111111", "4111 1111 1111 1111"])
def test_a_card_number_in_the_phone_field_is_masked(text):
    assert "4111111" not in clean_phone("phone", text, longest=40).replace(" ", "")


@pytest.mark.parametrize(
    "query",
    [
        "card=4111111111111111",
        "card=4111+1111+1111+1111",
        "card=4111%201111%201111%201111",
        "card=4111%2B1111%2B1111%2B1111",
        "next=%2Fback%3Fcard%3D4111%252D1111%252D1111%252D1111",
        "card=4111=1111~1111|1111",
    ],
)
def test_a_return_address_with_a_card_number_in_it_is_refused_however_it_is_escaped(query):
    with pytest.raises(InvalidValue, match="holds a card number"):
        clean_return_url(f"https://shop.example.com/back?{query}")


@pytest.mark.parametrize(
    "path",
    [
        "back?at=1764374400009&session=9f2c",
        "back?order=41111111-1111-1111-8234-56789abcdef0",
        "back/2026/11/23/0930/512345?guest=ada%20king",
        "back?from=2026-11-23T22:21:00+01:00&to=2026-11-23T23:51:00%2B01:00",
    ],
)
def test_an_ordinary_return_address_stays_as_it_is(path):
    assert clean_return_url(f"https://shop.example.com/{path}") == f"https://shop.example.com/{path}"
