"""What is typed into the search box is read forgivingly, and never more than once in two ways."""

from uuid import UUID

import pytest

from payments.finding.terms import Amount, Kind, cleaned, read, without_card_number

ID = "0b0f6d3a-4c25-4d0a-9c3e-0a4a3f1d2e5b"


@pytest.mark.parametrize(
    ("typed", "is_cleaned_to"),
    [
        ("  BK-7Q2KMX4H ", "BK-7Q2KMX4H"),
        ("“BK-7Q2KMX4H”", "BK-7Q2KMX4H"),
        ("#100023", "100023"),
        ("'#100023',", "100023"),
        ("BK‑7Q2KMX4H", "BK-7Q2KMX4H"),
        ("BK\u20117Q2K\u200bMX4H\ufeff", "BK-7Q2KMX4H"),
        ("Grace\u00a0\u202f Hopper", "Grace Hopper"),
        ("４２４２", "4242"),
        ("a\x00b\ud800", "ab"),
        ("\u200b \x00", ""),
    ],
)
def test_what_programs_put_into_a_text_is_taken_out(typed, is_cleaned_to):
    assert cleaned(typed) == is_cleaned_to


@pytest.mark.parametrize(
    ("typed", "spelling"),
    [
        ("bk7q2kmx4h", "BK-7Q2KMX4H"),
        ("BK 7Q2K MX4H", "BK-7Q2KMX4H"),
        ("or-bcdfghjk", "OR-BCDFGHJK"),
        ("OR - BCDF GHJK", "OR-BCDFGHJK"),
        ("CP_20260514_42KD10BQ7M".replace("10", "22"), "cp_20260514_42kd22bq7m"),
        ("20260514_42kd22bq7m", "cp_20260514_42kd22bq7m"),
        ("cp 20260514 42kd22bq7m", "cp_20260514_42kd22bq7m"),
        ("tx_ 42kd22bq7m42kd22bq7m", "tx_42kd22bq7m42kd22bq7m"),
        ("qfqtpcq8hxskgk82", "QFQTPCQ8HXSKGK82"),
        ("pi_3MtwBwLkdIwHu7ix28a3tqPa", "pi_3MtwBwLkdIwHu7ix28a3tqPa"),
        ("NW 88123", "NW88123"),
        ("NW 88123", "NW 88123"),
    ],
)
def test_a_reference_is_looked_for_as_it_is_written(typed, spelling):
    sought = read(typed)

    assert spelling in (sought.whole or sought.lead).spellings


@pytest.mark.parametrize(
    ("typed", "amounts"),
    [
        ("EUR 49,90", [("EUR", 4_990)]),
        ("49.90 eur", [("EUR", 4_990)]),
        ("€49.90", [("EUR", 4_990)]),
        ("49,90€", [("EUR", 4_990)]),
        ("4900 JPY", [("JPY", 4_900)]),
        ("1.234,50 EUR", [("EUR", 123_450)]),
        ("EUR 1,234.50", [("EUR", 123_450)]),
        ("CHF 1’234.50", [("CHF", 123_450)]),
        ("4.900 KWD", [("KWD", 4_900)]),
        ("4.900 EUR", [("EUR", 490_000)]),
        ("¥4900", [("JPY", 4_900), ("CNY", 490_000)]),
        ("49.90", [("EUR", 4_990), ("KWD", 49_900), ("CHF", 4_990)]),
    ],
)
def test_an_amount_is_read_with_the_decimals_of_its_currency(typed, amounts):
    sought = read(typed)

    found = {(currency, each.minor) for term in sought.terms for each in term.amounts for currency in each.currencies}

    assert set(amounts) <= found
    if typed != "49.90":
        assert found == set(amounts)
    assert not any(currency == "JPY" and "." in typed for currency, _ in found)


@pytest.mark.parametrize(
    ("typed", "kinds"),
    [
        ("miller 4242", [Kind.NAME, Kind.LAST4]),
        ("anna-lena o'brien 49.90 eur", [Kind.NAME, Kind.AMOUNT]),
        ("49.90 eur 1111", [Kind.AMOUNT, Kind.LAST4]),
        ("grace@example.com 1111", [Kind.EMAIL, Kind.LAST4]),
        ("4242", [Kind.LAST4]),
        ("100023", [Kind.CODE]),
        (ID, [Kind.CODE]),
        ("EUR", [Kind.NAME]),
    ],
)
def test_terms_are_told_apart(typed, kinds):
    assert [term.kind for term in read(typed).terms] == kinds


def test_the_most_telling_term_leads_and_the_others_narrow():
    sought = read("1111 49.90 eur miller")

    assert sought.lead.words == ("miller",)
    assert [term.text for term in sought.others] == ["1111", "49.90 eur"]
    assert sought.others[1].amounts == (Amount(4_990, ("EUR",)),)


def test_a_number_and_an_id_are_read_too():
    assert read("#100023").lead.number == 100_023
    assert read(ID.upper()).lead.uuid == UUID(ID)
    assert read("0042").lead.number == 0
    assert read("9" * 40).lead.number == 0


@pytest.mark.parametrize("typed", ["", "   ", "\x00", "'\"#"])
def test_nothing_is_sought_where_nothing_was_typed(typed):
    assert read(typed) is None


@pytest.mark.parametrize(
    ("typed", "is_kept"),
    [
        ("4111 1111 1111 1111", "1111"),
        ("4111111111111111", "1111"),
        ("miller 4111-1111-1111-1111", "miller 1111"),
        ("4242", "4242"),
    ],
)
def test_of_a_card_number_the_last_four_digits_are_kept(typed, is_kept):
    assert without_card_number(typed) == is_kept
