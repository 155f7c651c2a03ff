import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bookings import errors
from bookings.models import Availability, Booking, Change, Customer, Installment, Option, Order, UnitItem
from bookings.requests import BookingChanges, ContactDetails, UnitItemRequest
from bookings.services import cancel_booking, update_booking
from bookings.services.catalogue import ensure_partner
from tests.bookings.shop import MONDAY_10, MONDAY_14, NOW, tickets

# A uuid that names nothing, always the same one: the tests of two processes must have the same names.
UNKNOWN_UUID = "00000000-0000-4000-8000-000000000000"

pytestmark = pytest.mark.django_db

UUID_TEXT = "5d0c5b8e-6b0b-4f5d-9a66-2f1c9f7d1a10"
ADA = ContactDetails(
    full_name="Ada Byron",
    first_name="Ada",
    last_name="Byron",
    email="ada@example.com",
    phone="+49 30 1234567",
    country="gb",
    postal_code="W1J 7NT",
    notes="arrives by boat",
    locales=("en-GB",),
)


def assert_nothing_was_written():
    assert not Booking.objects.exists()
    assert not Order.objects.exists()
    assert not Customer.objects.exists()
    assert not UnitItem.objects.exists()
    assert not Change.objects.exists()
    assert not Installment.objects.exists()
    assert not Availability.objects.exclude(reserved=0).exists()


def test_reserving_holds_seats_and_fixes_the_price(shop, departure):
    booking = shop.reserve([shop.adult, shop.adult, shop.child])

    departure.refresh_from_db()
    assert departure.reserved == 3
    stored = Booking.objects.get()
    assert stored == booking
    assert (stored.status, stored.seats_held, stored.availability_reference) == ("ON_HOLD", 3, MONDAY_10)
    assert (stored.original_minor, stored.retail_minor, stored.net_minor) == (12500, 11250, 9563)
    assert (stored.currency, stored.tax_name, stored.tax_basis_points) == ("EUR", "VAT", 1900)
    assert stored.expires_at == NOW + timedelta(minutes=30)
    assert stored.order.expires_at == stored.expires_at
    assert stored.order.settlement_method == "DIRECT"
    assert stored.number >= 500001
    assert booking.number == stored.number
    assert stored.order.customer.number >= 100001
    assert list(UnitItem.objects.values_list("retail_minor", flat=True).order_by("pk")) == [4500, 4500, 2250]
    assert sorted(Change.objects.values_list("topic", "reason", "version")) == [
        ("booking", "reserved", 1),
        ("order", "reserved", 1),
    ]


@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize("uuid", [None, UUID_TEXT])
def test_reserving_costs_the_same_few_queries_for_one_unit_and_for_twenty(
    shop, departure, django_assert_num_queries, count, uuid
):
    Availability.objects.filter(pk=departure.pk).update(capacity=50)

    # Two of them are the savepoint's.
    with django_assert_num_queries(9):
        booking = shop.reserve([shop.adult] * count, uuid=uuid)
        assert [item.unit.name for item in booking.unit_items.all()] == ["Adult"] * count
        assert booking.product.name == "Kayak tour on the Spree"
        assert booking.availability.reserved == count
        assert booking.order.customer.full_name == ""


def test_a_deposit_costs_one_query_more_and_writes_its_installments(shop, django_assert_num_queries):
    with django_assert_num_queries(10):
        booking = shop.reserve([shop.adult], settlement_method="DEPOSIT")

    assert sorted(Installment.objects.filter(order=booking.order).values_list("kind", "amount_minor", "due_date")) == [
        ("BALANCE", 3600, booking.availability.local_date),
        ("DEPOSIT", 900, None),
    ]


def test_what_partners_write_is_kept_and_card_numbers_are_masked(shop):
    items = (
        UnitItemRequest(
            unit_id=str(shop.adult.pk),
            uuid=UUID_TEXT,
            reseller_reference="T-1 4111111111111111",
            contact=replace(ADA, notes="4111 1111 1111 1111"),
        ),
    )

    booking = shop.reserve(
        unit_items=items,
        contact=replace(ADA, notes="pays with 4111-1111-1111-1111"),
        notes="4111.1111.1111.1111",
        reseller_reference="R-1001",
        metadata={"card": "5555444433331111"},
        email_receipt=True,
        return_url="https://shop.example.com/return?booking=1",
    )

    booking.refresh_from_db()
    assert (booking.contact_full_name, booking.contact_email, booking.contact_country) == (
        "Ada Byron",
        "ada@example.com",
        "GB",
    )
    assert booking.contact_notes == "pays with ****-****-****-1111"
    assert booking.contact_locales == ["en-GB"]
    assert booking.notes == "****.****.****.1111"
    assert booking.metadata == {"card": "************1111"}
    assert booking.reseller_reference == "R-1001"
    assert booking.email_receipt is True
    assert booking.order.return_url == "https://shop.example.com/return?booking=1"
    assert booking.order.customer.full_name == "Ada Byron"
    item = UnitItem.objects.get()
    assert str(item.uuid) == UUID_TEXT
    assert item.reseller_reference == "T-1 ************1111"
    assert item.contact["notes"] == "**** **** **** 1111"
    assert item.contact["full_name"] == "Ada Byron"
    stored = json.dumps([list(Model.objects.values()) for Model in (Booking, UnitItem, Order, Change)], default=str)
    assert "4111111111111111" not in "".join(character for character in stored if character.isalnum())


def test_a_repeat_returns_the_same_booking_as_it_stands_now(shop, departure):
    booking = shop.reserve(uuid=UUID_TEXT, contact=ADA)
    update_booking(booking=booking, changes=BookingChanges(unit_items=tickets(shop.child)), now=NOW)

    repeated = shop.reserve(uuid=UUID_TEXT, contact=ADA, now=NOW + timedelta(minutes=5))

    assert repeated.pk == booking.pk
    assert repeated.retail_minor == 2250
    assert Booking.objects.count() == Order.objects.count() == Customer.objects.count() == 1
    departure.refresh_from_db()
    assert departure.reserved == 1


def test_a_repeat_is_answered_even_when_the_tour_has_sold_out_and_sales_have_ended(shop, product):
    booking = shop.reserve([shop.adult] * 10, uuid=UUID_TEXT)
    product.is_active = False
    product.save()

    assert shop.reserve([shop.adult] * 10, uuid=UUID_TEXT, now=NOW + timedelta(days=30)).pk == booking.pk


def test_the_same_uuid_in_capitals_is_the_same_uuid(shop):
    booking = shop.reserve(uuid=UUID_TEXT)

    assert shop.reserve(uuid=UUID_TEXT.upper()).pk == booking.pk


@pytest.mark.parametrize("other", [{"availability_id": MONDAY_14}, {"notes": "late"}, {"metadata": {"a": "b"}}])
def test_other_content_under_a_used_uuid_is_refused(shop, other):
    shop.reserve(uuid=UUID_TEXT)

    with pytest.raises(errors.BookingUuidTaken) as refused:
        shop.reserve(uuid=UUID_TEXT, **other)

    assert refused.value.uuid == UUID_TEXT
    assert Booking.objects.count() == 1
    assert sum(Availability.objects.values_list("reserved", flat=True)) == 2


def test_a_uuid_belongs_to_the_partner_and_the_mode_that_used_it(shop, other_partner):
    own = shop.reserve(uuid=UUID_TEXT)

    test_mode = shop.reserve(uuid=UUID_TEXT, is_live=False)
    foreign = shop.reserve(uuid=UUID_TEXT, partner=other_partner)

    assert len({own.pk, test_mode.pk, foreign.pk}) == 3


def test_a_test_booking_takes_no_seats_but_sees_that_there_are_none(shop, departure):
    booking = shop.reserve([shop.adult] * 10, is_live=False)

    departure.refresh_from_db()
    assert (departure.reserved, booking.seats_held) == (0, 0)
    with pytest.raises(errors.SoldOut):
        shop.reserve([shop.adult] * 11, is_live=False)
    shop.reserve([shop.adult] * 10)
    with pytest.raises(errors.SoldOut):
        shop.reserve(is_live=False)


def test_a_unit_takes_the_seats_of_everybody_in_it(shop, departure):
    shop.reserve([shop.family, shop.family])

    departure.refresh_from_db()
    assert departure.reserved == 8
    with pytest.raises(errors.SoldOut) as refused:
        shop.reserve([shop.family])
    assert refused.value.availability_id == MONDAY_10


def test_japanese_yen_have_no_decimals(shop):
    booking = shop.reserve([shop.adult, shop.adult], currency="JPY")

    assert (booking.currency, booking.retail_minor, booking.order.currency) == ("JPY", 15000, "JPY")


def test_free_sale_needs_no_departure(shop, product):
    with pytest.raises(errors.AvailabilityNotFound) as refused:
        shop.reserve(availability_id=None)
    assert refused.value.availability_id is None
    product.allow_freesale = True
    product.save()

    booking = shop.reserve([shop.adult] * 40, availability_id=None)

    assert (booking.availability, booking.availability_reference, booking.seats_held) == (None, "", 0)


def test_a_departure_without_a_capacity_never_sells_out(shop, departure):
    Availability.objects.filter(pk=departure.pk).update(capacity=None)

    shop.reserve([shop.adult] * 300)

    departure.refresh_from_db()
    assert departure.reserved == 300


def test_without_an_option_the_default_one_is_booked(shop):
    assert shop.reserve(option_id=None).option == shop.option


def test_a_product_without_a_default_option_needs_one_named(shop):
    Option.objects.update(is_default=False)

    with pytest.raises(errors.OptionNotFound) as refused:
        shop.reserve(option_id=None)

    assert (refused.value.option_id, str(refused.value)) == (None, "No option is the default one.")


@pytest.mark.parametrize(
    ("minutes", "held"), [(None, 30), (1, 1), (45, 45), (1440, 1440), (1441, 1440), (10**30, 1440)]
)
def test_a_hold_lasts_as_long_as_asked_up_to_the_cap(shop, minutes, held):
    assert shop.reserve(expiration_minutes=minutes).expires_at == NOW + timedelta(minutes=held)


@pytest.mark.parametrize("minutes", [0, -1, True, 1.5, "30"])
def test_a_hold_lasts_a_positive_whole_number_of_minutes(shop, minutes):
    with pytest.raises(errors.InvalidValue) as refused:
        shop.reserve(expiration_minutes=minutes)

    assert refused.value.field == "expiration_minutes"
    assert_nothing_was_written()


@pytest.mark.parametrize("bad", ["", "nothing", UNKNOWN_UUID, "x" * 300, "\x00"])
@pytest.mark.parametrize(
    ("field", "error", "attribute"),
    [
        ("product_id", errors.ProductNotFound, "product_id"),
        ("option_id", errors.OptionNotFound, "option_id"),
        ("availability_id", errors.AvailabilityNotFound, "availability_id"),
    ],
)
def test_what_does_not_exist_is_named(shop, field, error, attribute, bad):
    with pytest.raises(error) as refused:
        shop.reserve(**{field: bad})

    assert getattr(refused.value, attribute) == (bad or (None if field == "availability_id" else ""))
    assert_nothing_was_written()


@pytest.mark.parametrize("bad", ["", "nothing", UNKNOWN_UUID, "\x00"])
def test_a_unit_that_does_not_exist_is_named(shop, bad):
    with pytest.raises(errors.UnitNotFound) as refused:
        shop.reserve(unit_items=(*tickets(shop.adult), UnitItemRequest(unit_id=bad)))

    assert refused.value.unit_id == bad
    assert_nothing_was_written()


@pytest.mark.parametrize("bad", ["2026-11-23T09:00:00Z", "2026-11-23T10:00+01:00", "2026-11-23T10:30:00+01:00"])
def test_only_the_very_id_we_gave_out_names_a_departure(shop, bad):
    with pytest.raises(errors.AvailabilityNotFound):
        shop.reserve(availability_id=bad)

    assert_nothing_was_written()


def test_a_currency_without_a_price_is_refused_with_those_that_have_one(shop):
    with pytest.raises(errors.CurrencyNotOffered) as refused:
        shop.reserve([shop.adult, shop.child], currency="JPY")

    assert (refused.value.currency, refused.value.available) == ("JPY", ("EUR", "USD"))
    assert_nothing_was_written()


def test_a_booking_needs_tickets(shop):
    with pytest.raises(errors.UnitItemsMissing):
        shop.reserve([])

    assert_nothing_was_written()


@pytest.mark.parametrize(
    ("model", "fields", "units"),
    [
        ("option", {"min_units": 2}, ["adult"]),
        ("option", {"max_units": 2}, ["adult", "adult", "child"]),
        ("adult", {"min_quantity": 2}, ["adult", "child"]),
        ("child", {"max_quantity": 1}, ["adult", "child", "child"]),
    ],
)
def test_restrictions_on_the_number_of_units(shop, model, fields, units):
    row = getattr(shop, model)
    for name, value in fields.items():
        setattr(row, name, value)
    row.save()

    with pytest.raises(errors.UnitRestriction):
        shop.reserve([getattr(shop, unit) for unit in units])

    assert_nothing_was_written()


def test_a_child_that_needs_company_does_not_come_alone(shop):
    shop.child.accompanied_by = [shop.adult.pk, shop.family.pk]
    shop.child.save()

    with pytest.raises(errors.UnitRestriction) as refused:
        shop.reserve([shop.child])

    assert refused.value.unit_id == str(shop.child.pk)
    assert_nothing_was_written()
    assert shop.reserve([shop.child, shop.adult]).retail_minor == 6750


def test_absurdly_many_tickets_are_refused(shop):
    with pytest.raises(errors.UnitRestriction):
        shop.reserve([shop.adult] * 501)

    assert_nothing_was_written()


def test_sales_end_before_the_start(shop, departure):
    cutoff_at = departure.starts_at - timedelta(minutes=60)

    with pytest.raises(errors.CutoffPassed) as refused:
        shop.reserve(now=cutoff_at)

    assert refused.value.availability_id == MONDAY_10
    assert_nothing_was_written()
    shop.reserve(now=cutoff_at - timedelta(seconds=1))


def test_a_closed_departure_sells_nothing(shop, departure):
    Availability.objects.filter(pk=departure.pk).update(is_closed=True)

    with pytest.raises(errors.SoldOut):
        shop.reserve()

    assert_nothing_was_written()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"uuid": "nothing"}, "uuid"),
        ({"uuid": "{5d0c5b8e-6b0b-4f5d-9a66-2f1c9f7d1a10}"}, "uuid"),
        ({"notes": "x" * 5001}, "notes"),
        ({"notes": "a\x00b"}, "notes"),
        ({"notes": "half \ud800"}, "notes"),
        ({"reseller_reference": "x" * 201}, "reseller_reference"),
        ({"metadata": {"k" * 101: "v"}}, "metadata"),
        ({"metadata": {"k": "v" * 1001}}, "metadata"),
        ({"metadata": {str(index): "v" for index in range(51)}}, "metadata"),
        ({"return_url": "javascript:alert(1)"}, "return_url"),
        ({"return_url": "//shop.example.com"}, "return_url"),
        ({"return_url": "https://"}, "return_url"),
        ({"return_url": "https://[shop"}, "return_url"),
        ({"return_url": "https://shop.example.com/\n"}, "return_url"),
        ({"return_url": "https://shop.example.com/" + "x" * 1024}, "return_url"),
        ({"contact": ContactDetails(country="United Kingdom")}, "contact.country"),
        ({"contact": ContactDetails(country="1A")}, "contact.country"),
        ({"contact": ContactDetails(full_name="x" * 201)}, "contact.full_name"),
        ({"contact": ContactDetails(locales=("en",) * 21)}, "contact.locales"),
        ({"contact": ContactDetails(locales=("x" * 36,))}, "contact.locales"),
    ],
)
def test_values_that_cannot_be_kept_are_refused_by_name(shop, fields, field):
    with pytest.raises(errors.InvalidValue) as refused:
        shop.reserve(**fields)

    assert refused.value.field == field
    assert_nothing_was_written()


@pytest.mark.parametrize("uuids", [["nothing"], [UUID_TEXT, UUID_TEXT]])
def test_ticket_uuids_are_uuids_and_differ(shop, uuids):
    items = tuple(UnitItemRequest(unit_id=str(shop.adult.pk), uuid=uuid) for uuid in uuids)

    with pytest.raises(errors.InvalidValue) as refused:
        shop.reserve(unit_items=items)

    assert refused.value.field == f"unit_items[{len(uuids) - 1}].uuid"
    assert_nothing_was_written()


@pytest.mark.parametrize(
    ("wanted", "partner_methods", "product_methods", "settled"),
    [
        (None, ["VOUCHER", "DIRECT"], ["DIRECT", "VOUCHER"], "VOUCHER"),
        (None, ["DEFERRED", "DIRECT"], ["DIRECT", "VOUCHER"], "DIRECT"),
        ("WHOLESALE", ["DIRECT", "WHOLESALE"], ["WHOLESALE"], "WHOLESALE"),
    ],
)
def test_how_a_booking_is_settled(shop, product, wanted, partner_methods, product_methods, settled):
    partner = ensure_partner(slug="agent", name="Agent", settlement_methods=partner_methods)
    product.settlement_methods = product_methods
    product.save()

    assert shop.reserve(partner=partner, settlement_method=wanted).order.settlement_method == settled


@pytest.mark.parametrize(
    ("wanted", "partner_methods", "product_methods", "allowed"),
    [
        ("WHOLESALE", ["DIRECT"], ["DIRECT", "WHOLESALE"], ("DIRECT",)),
        ("WHOLESALE", ["WHOLESALE"], ["DIRECT"], ()),
        (None, ["WHOLESALE"], ["DIRECT"], ()),
        ("CASH", ["DIRECT"], ["DIRECT"], ("DIRECT",)),
    ],
)
def test_a_settlement_that_one_side_does_not_allow_is_refused(
    shop, product, wanted, partner_methods, product_methods, allowed
):
    partner = ensure_partner(slug="agent", name="Agent", settlement_methods=partner_methods)
    product.settlement_methods = product_methods
    product.save()

    with pytest.raises(errors.SettlementMethodNotAllowed) as refused:
        shop.reserve(partner=partner, settlement_method=wanted)

    assert refused.value.allowed == allowed
    assert_nothing_was_written()


def test_a_deposit_needs_a_product_that_names_one(shop, product):
    product.deposit_percent = None
    product.save()

    with pytest.raises(errors.SettlementMethodNotAllowed):
        shop.reserve(settlement_method="DEPOSIT")

    assert_nothing_was_written()


def test_a_cancelled_booking_s_uuid_still_answers_with_that_booking(shop):
    booking = shop.reserve(uuid=UUID_TEXT)
    cancel_booking(booking=booking, reason=None, force=False, now=NOW)

    assert shop.reserve(uuid=UUID_TEXT).status == "CANCELLED"
