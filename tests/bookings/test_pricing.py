from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookings.pricing import IncludedTax, Pricing, contained_tax, pricing_with_tax, share_of, total_of

AMOUNTS = st.integers(0, 10**12)


@pytest.mark.parametrize(
    ("amount", "basis_points", "tax"),
    [(9000, 2000, 1500), (7650, 2000, 1275), (11900, 1900, 1900), (4500, 1900, 718), (1, 1900, 0), (0, 1900, 0)],
)
def test_the_tax_contained_in_a_price(amount, basis_points, tax):
    assert contained_tax(amount, basis_points) == tax


@given(amount=AMOUNTS, basis_points=st.integers(0, 10_000))
def test_contained_tax_is_exact_to_half_a_minor_unit(amount, basis_points):
    exact = Fraction(amount * basis_points, 10_000 + basis_points)

    tax = contained_tax(amount, basis_points)

    assert abs(tax - exact) <= Fraction(1, 2)
    assert 0 <= tax <= amount


@given(amount=AMOUNTS, percent=st.integers(1, 100))
def test_a_deposit_and_its_balance_are_the_price(amount, percent):
    deposit = share_of(amount, percent)

    assert 0 <= deposit <= amount
    assert abs(deposit - Fraction(amount * percent, 100)) <= Fraction(1, 2)


@given(retails=st.lists(AMOUNTS, min_size=1, max_size=20), basis_points=st.integers(1, 3_000))
def test_the_parts_add_up_to_the_whole_tax_included(retails, basis_points):
    parts = [
        pricing_with_tax(
            original_minor=retail,
            retail_minor=retail,
            net_minor=retail // 2,
            currency="EUR",
            tax_name="VAT",
            tax_basis_points=basis_points,
        )
        for retail in retails
    ]

    total = total_of(parts, currency="EUR")

    assert total.retail_minor == sum(retails)
    (tax,) = total.included_taxes
    assert tax.retail_minor == sum(part.included_taxes[0].retail_minor for part in parts)


def test_a_price_without_tax_says_so():
    pricing = pricing_with_tax(
        original_minor=8000, retail_minor=7500, net_minor=6375, currency="JPY", tax_name="", tax_basis_points=0
    )

    assert pricing == Pricing(currency="JPY", original_minor=8000, retail_minor=7500, net_minor=6375, included_taxes=())
    assert pricing.currency_precision == 0


def test_the_documented_example_of_an_included_tax():
    pricing = pricing_with_tax(
        original_minor=9000, retail_minor=9000, net_minor=7650, currency="EUR", tax_name="VAT", tax_basis_points=2000
    )

    assert pricing.included_taxes == (IncludedTax(name="VAT", original_minor=1500, retail_minor=1500, net_minor=1275),)
    assert pricing.currency_precision == 2
