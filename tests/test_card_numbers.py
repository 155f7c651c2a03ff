from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_numbers import count_card_numbers, mask_card_numbers

# The card schemes' and gateways' published test numbers.
VISA, AMEX, MASTERCARD = "4111111111111111", "371449635398431", "5555444433331111"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (VISA, "************1111"),
        (AMEX, "***********8431"),
        ("card 4111 1111 1111 1111 please", "card **** **** **** 1111 please"),
        ("4111-1111-1111-1111", "****-****-****-1111"),
        ("4111.1111.1111.1111", "****.****.****.1111"),
        ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "* * * * * * * * * * * * 1 1 1 1"),
        ("4111 \u2013 1111 \u2013 1111 \u2013 1111", "**** \u2013 **** \u2013 **** \u2013 1111"),
        ("4111\u200b1111\u200b1111\u200b1111", "****\u200b****\u200b****\u200b1111"),
        ("4111\n1111\r\n1111\t1111", "****\n****\r\n****\t1111"),
        ("\uff14\uff11\uff11\uff11" + "\uff11" * 12, "************\uff11\uff11\uff11\uff11"),
        ("4111 1111 1111 1111 12/29 737", "**** **** **** 1111 12/29 737"),
        ("12 4111 1111 1111 1111", "12 **** **** **** 1111"),
        # Satisfies Luhn with the security code in front of it as well.
        ("737 4111 1111 1111 1111", "*** **** **** **** 1111"),
        (f"{VISA} and {MASTERCARD}", "************1111 and ************1111"),
        (f"{VISA}\n{AMEX}", "************1111\n***********8431"),
        ("(4111)(1111)(1111)(1111)", "(****)(****)(****)(1111)"),
        ("4111+1111=1111~1111", "****+****=****~1111"),
        ("4111 +1111 +1111 +1111", "**** +**** +**** +1111"),
        ("4111 + 1111 + 1111 + 1111", "**** + **** + **** + 1111"),
        ("[4111]&#1111\\1111<1111>", "[****]&#****\\****<1111>"),
        ("4111 1111+1111 1111, 1234", "**** ****+**** 1111, 1234"),
        # Satisfies Luhn, and no issuer's number begins like that.
        ("1111+1111+1111+1117", "1111+1111+1111+1117"),
        ("call +49 170 1234567, +46 8 5550 142", "call +49 170 1234567, +46 8 5550 142"),
        ("4111111111111112", "4111111111111112"),
        ("table for 12 at 10:30 on 2026-11-23", "table for 12 at 10:30 on 2026-11-23"),
        ("+49 30 1234567", "+49 30 1234567"),
        ("", ""),
        # Beside letters: references rarely satisfy Luhn, and a number somebody pasted into a word would rest.
        ("card4111111111111111x", "card************1111x"),
        ("cp_4111111111111112", "cp_4111111111111112"),
        ("2026-11-21T12:04:38.705123Z", "2026-11-21T12:04:38.705123Z"),
        # A uuid whose first three groups satisfy Luhn.
        ("order 41111111-1111-1111-8234-56789abcdef0, paid", "order 41111111-1111-1111-8234-56789abcdef0, paid"),
        ("41111111-1111-1111-8234-56789ABCDEF0", "41111111-1111-1111-8234-56789ABCDEF0"),
        ("41111111-1111-1111-8234-56789abcdef01", "********-****-****-****-*6789abcdef01"),
        (f"41111111-1111-1111-8234-56789abcdef0 {VISA}", "41111111-1111-1111-8234-56789abcdef0 ************1111"),
    ],
)
def test_card_numbers_are_masked_however_they_are_spaced(text, masked):
    assert mask_card_numbers(text) == masked


def _with_check_digit(digits: list[int]) -> str:
    total = 0
    for index, digit in enumerate(reversed(digits)):
        doubled = digit * 2 if index % 2 == 0 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return "".join(map(str, digits)) + str(-total % 10)


@given(
    digits=st.lists(st.integers(0, 9), min_size=12, max_size=18),
    separators=st.lists(st.sampled_from(["", " ", "-", ".", "_", "\u00a0", " - ", "\u2014"]), min_size=18, max_size=18),
    before=st.sampled_from(["", "card: ", "Ada says ("]),
    after=st.sampled_from(["", " thanks", ")"]),
)
def test_any_number_that_satisfies_luhn_keeps_its_last_four_digits_only(digits, separators, before, after):
    number = _with_check_digit(digits)
    spaced = "".join(digit + gap for digit, gap in zip(number, [*separators[: len(number) - 1], ""], strict=False))

    masked = mask_card_numbers(before + spaced + after)

    assert [character for character in masked if character.isdigit()] == list(number[-4:])
    assert len(masked) == len(before + spaced + after)
    assert masked.startswith(before)
    assert masked.endswith(after)


@given(
    number=st.sampled_from([VISA, AMEX, MASTERCARD, "6011601160116611", "36006666333344", "2222400010000008"]),
    # A plus beside another sign may begin a phone number.
    separators=st.lists(
        st.text(st.characters(exclude_categories=["L", "N", "Cs"], exclude_characters="+"), max_size=3) | st.just("+"),
        min_size=18,
        max_size=18,
    ),
)
def test_an_issued_number_is_masked_whatever_stands_between_its_digits(number, separators):
    spaced = "".join(digit + gap for digit, gap in zip(number, [*separators[: len(number) - 1], ""], strict=True))

    masked = mask_card_numbers(spaced)

    assert [character for character in masked if character.isdigit()] == list(number[-4:])
    assert count_card_numbers(spaced) == 1
    assert count_card_numbers(masked) == 0


@given(
    begins=st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2099, 12, 31)),  # noqa: DTZ001 - local time
    offset=st.sampled_from(["+01:00", "-05:00", "+0530", "+00:00"]),
    hours=st.integers(1, 9),
)
def test_a_span_of_time_is_ordinary_text(begins, offset, hours):
    begins = begins.replace(microsecond=0)
    span = f"{begins.isoformat()}{offset}/{(begins + timedelta(hours=hours)).isoformat()}{offset}"

    assert mask_card_numbers(span) == span


@given(amounts=st.lists(st.integers(0, 999_99), min_size=2, max_size=4))
def test_a_sum_of_amounts_in_euro_is_ordinary_text(amounts):
    text = " + ".join(f"{minor // 100}.{minor % 100:02} EUR" for minor in amounts)

    assert mask_card_numbers(text) == text


@given(text=st.text(max_size=60))
def test_masking_twice_is_masking_once(text):
    masked = mask_card_numbers(text)

    assert mask_card_numbers(masked) == masked
    assert len(masked) == len(text)


@given(text=st.text(alphabet="0123456789 abc", max_size=14))
def test_text_with_fewer_digits_than_a_card_number_is_left_alone(text):
    short = text if sum(character.isdigit() for character in text) < 13 else text[:12]

    assert mask_card_numbers(short) == short


def test_a_long_text_with_almost_enough_digits_is_read_once():
    text = "1 " * 12 + "no card " * 20_000

    assert mask_card_numbers(text) == text


@given(id_of_something=st.uuids())
def test_a_uuid_is_ordinary_text(id_of_something):
    assert mask_card_numbers(f"booking {id_of_something}.") == f"booking {id_of_something}."


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (VISA, 1),
        (f"{VISA} and {MASTERCARD}, or {AMEX}", 3),
        ("4111 1111 1111 1111 12/29 737", 1),
        ("737 4111-1111-1111-1111", 1),
        ("6703444444444449", 1),
        ("36006666333344", 1),
        ("card4111111111111111x", 1),
        (mask_card_numbers(f"{VISA} {MASTERCARD}"), 0),
    ],
)
def test_card_numbers_are_counted(text, count):
    assert count_card_numbers(text) == count


# What stands in our tables and in what partners and gateways write, and satisfies the Luhn check where it can.
ORDINARY_TEXT = [
    "41111111-1111-1111-8234-56789abcdef0",
    "cp_8Jk2mQ4nT7xZ1aBc",
    "OR-7F3K-9Q2M",
    "QFQTPCQ8HXSKGK82",
    "8515131751004933",
    "8535296650153317",
    "1750958400000",
    "1764374400123",
    "https://shop.example.com/back?at=1764374400009&session=9f2c",
    "2026-11-21T12:04:38.705123Z",
    "2026-11-23T09:00:00+01:00/2026-11-23T11:00:00+01:00",
    "DE89 3704 0044 0532 0130 00",
    "GB29 NWBK 6016 1331 9268 19",
    "+49 170 1234567, +46 8 5550 142",
    "978-3-16-148410-0",
    "9783161484100",
    "4006381333931 pieces",
    "1Z 999 AA1 01 2345 6784",
    "booking 100001, order 100002, payment 100003",
    "tables for 12, 14, 16 and 18 at 10:30, 11:30, 12:30",
    "0049 30 901820, 0049 30 901821",
    "12/29 12/30 12/31 01/27 02/27 03/27",
    "4111111111111112",
    "**** **** **** 1111",
]


@pytest.mark.parametrize("text", ORDINARY_TEXT)
def test_ordinary_text_holds_no_card_number(text):
    assert count_card_numbers(text) == 0
