from datetime import date, timedelta
from uuid import uuid4

import pytest

from bookings import errors
from bookings.models import Availability, Supplier
from bookings.requests import BookingFilter, ContactDetails
from bookings.selectors import (
    amount_to_collect,
    availabilities,
    booking_for_partner,
    bookings_for_partner,
    calendar_days,
    option_of,
    partner_key_for_secret,
    product_for_partner,
    products_for_partner,
    seats_for,
    supplier_for_partner,
)
from bookings.services import cancel_booking, confirm_order, expire_order, mint_partner_key, revoke_partner_key
from money import Money
from tests.bookings.shop import MONDAY_10, MONDAY_14, NOW, TUESDAY_10

# A uuid that names nothing, always the same one: the tests of two processes must have the same names.
UNKNOWN_UUID = "00000000-0000-4000-8000-000000000000"

pytestmark = pytest.mark.django_db


def read(product):
    return [
        (option.name, unit.name, price.currency, price.retail_minor)
        for option in product.options.all()
        for unit in option.units.all()
        for price in unit.prices.all()
    ]


def test_the_catalogue_is_read_in_constant_queries(shop, partner, django_assert_num_queries):
    with django_assert_num_queries(4):
        (product,) = products_for_partner(partner)
        assert len(read(product)) == 6
    with django_assert_num_queries(4):
        assert read(product_for_partner(partner, str(shop.product.pk))) == read(product)
    assert [unit.name for unit in option_of(product, None).units.all()] == ["Adult", "Child", "Family"]
    assert option_of(product, str(shop.option.pk).upper()) == shop.option


def test_what_is_not_on_sale_is_not_found(shop, partner, product):
    with pytest.raises(errors.OptionNotFound):
        option_of(product_for_partner(partner, str(product.pk)), str(uuid4()))
    product.is_active = False
    product.save()

    assert products_for_partner(partner) == []
    for text in (str(product.pk), str(uuid4()), "nothing", "\x00"):
        with pytest.raises(errors.ProductNotFound) as refused:
            product_for_partner(partner, text)
        assert refused.value.product_id == text
    with pytest.raises(Supplier.DoesNotExist):
        supplier_for_partner(partner)


def test_the_supplier_is_the_brand_that_sells(shop, partner, supplier):
    assert supplier_for_partner(partner) == supplier


def test_seats_of_units(shop, partner):
    option = option_of(product_for_partner(partner, str(shop.product.pk)), None)

    assert seats_for(option, [(str(shop.family.pk), 2), (str(shop.adult.pk).upper(), 3)]) == 11
    with pytest.raises(errors.UnitNotFound):
        seats_for(option, [("nothing", 1)])


def test_departures_by_range_and_by_id(shop, product, option, django_assert_num_queries):
    shop.reserve([shop.adult] * 10)
    day = date(2026, 11, 23)

    with django_assert_num_queries(1):
        slots = availabilities(product=product, option=option, now=NOW, local_date_start=day, local_date_end=day)
    assert [(slot.reference, slot.status, slot.vacancies) for slot in slots] == [
        (MONDAY_10, "SOLD_OUT", 0),
        (MONDAY_14, "AVAILABLE", 10),
    ]
    asked = [TUESDAY_10, "nothing", MONDAY_10, "2026-11-23T13:00:00Z"]
    slots = availabilities(product=product, option=option, now=NOW, availability_ids=asked, seats=11)
    assert [(slot.reference, slot.is_available) for slot in slots] == [(MONDAY_10, False), (TUESDAY_10, False)]


def test_the_calendar_has_a_row_per_day_with_departures(shop, product, option):
    Availability.objects.filter(local_date=date(2026, 11, 24)).delete()

    days = calendar_days(
        product=product,
        option=option,
        local_date_start=date(2026, 11, 1),
        local_date_end=date(2026, 11, 30),
        now=NOW,
    )

    assert [(day.local_date.day, [slot.local_start.hour for slot in day.slots]) for day in days] == [
        (23, [10, 14]),
        (25, [10, 14]),
    ]


def test_a_partner_reads_its_own_bookings_of_one_mode_only(shop, partner, other_partner):
    booking = shop.reserve(reseller_reference="R-1")
    by_reference = BookingFilter(reseller_reference="R-1")

    assert booking_for_partner(partner=partner, is_live=True, uuid=str(booking.uuid)) == booking
    assert list(bookings_for_partner(partner=partner, is_live=True, filters=by_reference)) == [booking]
    for stranger, is_live in ((other_partner, True), (partner, False)):
        with pytest.raises(errors.BookingNotFound) as refused:
            booking_for_partner(partner=stranger, is_live=is_live, uuid=str(booking.uuid))
        assert refused.value.uuid == str(booking.uuid)
        assert not bookings_for_partner(partner=stranger, is_live=is_live, filters=by_reference).exists()
        assert not bookings_for_partner(partner=stranger, is_live=is_live, filters=BookingFilter()).exists()


@pytest.mark.parametrize("text", ["", "not-a-uuid", "\x00", "9" * 400, UNKNOWN_UUID])
def test_a_text_that_names_no_booking_finds_none(partner, text):
    with pytest.raises(errors.BookingNotFound) as refused:
        booking_for_partner(partner=partner, is_live=True, uuid=text)

    assert refused.value.uuid == text


def test_each_filter_narrows(shop, partner):
    ada = ContactDetails(full_name="Ada Byron", last_name="Byron", email="Ada@example.com", phone="+49 30 1234567")
    booking = shop.reserve(contact=ada, reseller_reference="4111 1111 1111 1111")
    shop.reserve(availability_id=TUESDAY_10, now=NOW + timedelta(minutes=5))
    later = NOW + timedelta(minutes=1)

    for filters in (
        BookingFilter(reseller_reference="4111 1111 1111 1111"),
        BookingFilter(supplier_reference=booking.reference),
        BookingFilter(local_date_start=date(2026, 11, 23), local_date_end=date(2026, 11, 23)),
        BookingFilter(created_from=NOW, created_to=later),
        BookingFilter(updated_from=NOW, updated_to=later),
        BookingFilter(contact_email="ada@EXAMPLE.com"),
        BookingFilter(contact_phone="+49 30 1234567"),
        BookingFilter(contact_last_name="byr"),
        BookingFilter(availability_id=MONDAY_10),
    ):
        assert list(bookings_for_partner(partner=partner, is_live=True, filters=filters)) == [booking], filters
    for filters, count in (
        (BookingFilter(), 2),
        (BookingFilter(statuses=("ON_HOLD", "CONFIRMED")), 2),
        (BookingFilter(statuses=("CONFIRMED",)), 0),
        (BookingFilter(product_id=str(shop.product.pk), option_id=str(shop.option.pk)), 2),
        (BookingFilter(product_id="nothing"), 0),
        (BookingFilter(option_id=str(uuid4())), 0),
        (BookingFilter(contact_last_name="%"), 0),
    ):
        assert bookings_for_partner(partner=partner, is_live=True, filters=filters).count() == count, filters


@pytest.mark.parametrize("count", [1, 12])
def test_reading_bookings_costs_the_same_queries_for_one_and_for_many(shop, partner, django_assert_num_queries, count):
    Availability.objects.update(capacity=500)
    for _ in range(count):
        booking = shop.reserve([shop.adult] * count)

    with django_assert_num_queries(2):
        bookings = bookings_for_partner(partner=partner, is_live=True, filters=BookingFilter())
        read = [
            (
                each.product.name,
                each.option.name,
                each.availability.capacity,
                each.order.customer.number,
                item.unit.name,
            )
            for each in bookings
            for item in each.unit_items.all()
        ]
    assert len(read) == count * count
    with django_assert_num_queries(2):
        one = booking_for_partner(partner=partner, is_live=True, uuid=str(booking.uuid))
        assert len(one.unit_items.all()) == count


@pytest.mark.parametrize(
    ("method", "minor"),
    [("DIRECT", 9000), ("WHOLESALE", 7650), ("VOUCHER", 0), ("DEFERRED", 0), ("DEPOSIT", 1800)],
)
def test_how_an_order_is_settled_decides_what_cards_must_pay(shop, method, minor):
    booking = shop.reserve(settlement_method=method)

    assert amount_to_collect(booking.order) == Money(minor, "EUR")
    confirm_order(order=booking.order, now=NOW)
    assert amount_to_collect(booking.order) == Money(minor, "EUR")
    cancel_booking(booking=booking, reason=None, force=False, now=NOW)
    assert amount_to_collect(booking.order) == Money(0, "EUR")


def test_an_expired_order_owes_nothing(shop):
    booking = shop.reserve(currency="JPY")
    assert amount_to_collect(booking.order) == Money(15000, "JPY")

    expire_order(order=booking.order, now=NOW + timedelta(hours=1))

    assert amount_to_collect(booking.order) == Money(0, "JPY")


def test_a_key_opens_while_neither_it_nor_its_partner_was_closed_down(partner, django_assert_num_queries):
    key, text = mint_partner_key(partner=partner, dialects=["octo"], is_live=True, label="shop", now=NOW)
    other, other_text = mint_partner_key(partner=partner, dialects=["octo"], is_live=False, label="test", now=NOW)

    with django_assert_num_queries(1):
        found = partner_key_for_secret(text)
        assert (found, found.partner.name) == (key, "Nordwind Reisen")
    for wrong in ("", text[:-1], text.upper(), key.key_hash, key.prefix, "\x00", "\ud800"):
        assert partner_key_for_secret(wrong) is None
    revoke_partner_key(key=key, now=NOW)
    assert partner_key_for_secret(text) is None
    assert partner_key_for_secret(other_text) == other
    partner.is_active = False
    partner.save()
    assert partner_key_for_secret(other_text) is None
