import pytest

from bookings.free_text import clean_phone


@pytest.mark.parametrize("phone", ["+4915112345675", "+49 151 1234 5675", "+1 (212) 555-0123"])
def test_an_international_phone_number_is_left_as_it_is(phone):
    assert clean_phone("phone", phone, longest=40) == phone


@pytest.mark.parametrize("text", ["4111111111111111", "+4111111111111111", "4111 1111 1111 1111"])
def test_a_card_number_in_the_phone_field_is_masked(text):
    assert "4111111" not in clean_phone("phone", text, longest=40).replace(" ", "")
