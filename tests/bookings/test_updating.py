from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from bookings import errors
from bookings.models import Availability, Booking, Change, Installment, Option, Order, UnitItem
from bookings.requests import BookingChanges, ContactDetails, UnitItemRequest
from bookings.services import cancel_booking, confirm_order, expire_order, extend_booking, lock_order, update_booking
from bookings.services.catalogue import UnitSpecification, ensure_availabilities, ensure_option, ensure_product
from tests.bookings.shop import MONDAY_10, MONDAY_14, NOW, TUESDAY_10, tickets

pytestmark = pytest.mark.django_db

MONDAY = date(2026, 11, 23)


def reserved() -> dict[str, int]:
    return {
        f"{each.starts_at:%d %H}": each.reserved for each in Availability.objects.order_by("starts_at") if each.reserved
    }


def everything() -> list:
    return [
        list(Model.objects.order_by("pk").values())
        for Model in (Order, Booking, UnitItem, Availability, Installment, Change)
    ]


def change(booking, *, now=NOW, **fields):
    return update_booking(booking=booking, changes=BookingChanges(**fields), now=now)


def kept(item, **fields):
    return UnitItemRequest(unit_id=fields.pop("unit_id", str(item.unit_id)), uuid=str(item.uuid), **fields)


@pytest.fixture
def walk(supplier, departures):
    product = ensure_product(
        supplier=supplier,
        reference="walk",
        name="Old town walk",
        time_zone="Europe/Berlin",
        availability_type="START_TIME",
        default_currency="EUR",
        delivery_formats=["QRCODE"],
        delivery_methods=["VOUCHER"],
        settlement_methods=["DIRECT"],
        tax_name="USt",
        tax_basis_points=700,
    )
    option = ensure_option(
        product=product,
        reference="walk",
        name="Walk",
        is_default=True,
        local_start_times=["10:00"],
        units=[UnitSpecification(reference="adult", name="Adult", type="ADULT", prices=(("EUR", 2000, 1800, 1500),))],
    )
    ensure_availabilities(option=option, from_date=departures[0].local_date, days=2, capacity=3, now=NOW)
    return option


def test_a_new_list_of_tickets_replaces_the_old_one_with_seats_and_price(shop):
    booking = shop.reserve([shop.adult, shop.adult])

    changed = change(booking, unit_items=tickets(shop.adult, shop.child, shop.child))

    assert reserved() == {"23 09": 3}
    stored = Booking.objects.get()
    assert (stored.retail_minor, stored.original_minor, stored.net_minor, stored.seats_held) == (9000, 10000, 7651, 3)
    assert [item.retail_minor for item in changed.unit_items.all()] == [4500, 2250, 2250]
    assert UnitItem.objects.count() == 3
    assert not set(booking.unit_items.values_list("uuid", flat=True)) & {
        item.uuid for item in shop.reserve([shop.adult]).unit_items.all()
    }
    told = Change.objects.filter(reason="updated").order_by("topic")
    assert [(each.topic, each.version) for each in told] == [("booking", 2), ("order", 2)]
    assert [each.before for each in told] == [{"net_minor": 7650}] * 2


def test_tickets_whose_uuid_is_sent_stay_at_the_price_they_were_sold_for(shop):
    booking = shop.reserve([shop.adult, shop.child])
    adult, child = booking.unit_items.all()
    shop.adult.prices.filter(currency="EUR").update(retail_minor=9900)

    changed = change(booking, unit_items=(kept(adult, reseller_reference="T-1"), *tickets(shop.adult)))

    assert [(item.uuid == adult.uuid, item.retail_minor) for item in changed.unit_items.all()] == [
        (True, 4500),
        (False, 9900),
    ]
    assert not UnitItem.objects.filter(uuid=child.uuid).exists()
    assert UnitItem.objects.get(uuid=adult.uuid).reseller_reference == "T-1"
    changed.refresh_from_db()
    assert changed.retail_minor == 14400


def test_a_ticket_that_becomes_another_unit_costs_what_that_costs_today(shop):
    booking = shop.reserve([shop.adult])
    (item,) = booking.unit_items.all()

    changed = change(booking, unit_items=(kept(item, unit_id=str(shop.family.pk)),))

    assert changed.retail_minor == 11000
    assert UnitItem.objects.get().uuid == item.uuid
    assert reserved() == {"23 09": 4}


def test_a_ticket_can_be_added_under_the_partner_s_own_uuid(shop):
    booking = shop.reserve([shop.adult])
    own = str(uuid4())

    change(booking, unit_items=(UnitItemRequest(unit_id=str(shop.child.pk), uuid=own),))

    assert str(UnitItem.objects.get().uuid) == own


def test_another_departure_takes_the_seats_along(shop):
    booking = shop.reserve([shop.adult, shop.adult])

    changed = change(booking, availability_id=TUESDAY_10)

    assert reserved() == {"24 09": 2}
    assert changed.availability_reference == TUESDAY_10
    assert f"{changed.availability.starts_at:%d}" == "24"
    assert changed.retail_minor == 9000
    assert set(UnitItem.objects.values_list("uuid")) == set(booking.unit_items.values_list("uuid"))


def test_the_default_option_is_taken_when_asked_for_and_the_booking_keeps_its_own_otherwise(shop):
    booking = shop.reserve([shop.adult])
    Option.objects.update(is_default=False)
    sunset = ensure_option(
        product=shop.product,
        reference="sunset",
        name="Sunset tour",
        is_default=True,
        local_start_times=["10:00"],
        units=[UnitSpecification(reference="adult", name="Adult", type="ADULT", prices=(("EUR", 6000, 5900, 5000),))],
    )
    ensure_availabilities(option=sunset, from_date=MONDAY, days=1, capacity=10, now=NOW)

    kept_option = change(booking, unit_items=tickets(shop.adult)).option
    with pytest.raises(errors.UnitNotFound):
        change(booking, takes_default_option=True)
    changed = change(booking, takes_default_option=True, unit_items=tickets(sunset.units.get()))

    assert (kept_option, changed.option, changed.retail_minor) == (shop.option, sunset, 5900)


def test_another_product_moves_seats_price_and_tax(shop, walk):
    booking = shop.reserve([shop.adult, shop.adult])

    changed = change(
        booking,
        product_id=str(walk.product_id),
        option_id=str(walk.pk),
        availability_id=TUESDAY_10,
        unit_items=tickets(walk.units.get()),
    )

    stored = Booking.objects.get()
    assert (stored.product, stored.option) == (walk.product, walk)
    assert (stored.retail_minor, stored.tax_name, stored.tax_basis_points) == (1800, "USt", 700)
    assert Availability.objects.get(option=walk, reserved__gt=0).reserved == 1
    assert Availability.objects.filter(option=shop.option, reserved__gt=0).count() == 0
    assert changed.order.settlement_method == "DIRECT"


def test_a_deposit_follows_the_price(shop):
    booking = shop.reserve([shop.adult], settlement_method="DEPOSIT")

    change(booking, unit_items=tickets(shop.adult, shop.adult))

    assert dict(Installment.objects.values_list("kind", "amount_minor")) == {"DEPOSIT": 1800, "BALANCE": 7200}


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"unit_items": ()}, errors.UnitItemsMissing),
        ({"unit_items": (UnitItemRequest(unit_id="nothing"),)}, errors.UnitNotFound),
        ({"availability_id": "2026-11-23T10:30:00+01:00"}, errors.AvailabilityNotFound),
        ({"product_id": str(uuid4())}, errors.ProductNotFound),
        ({"option_id": "nothing"}, errors.OptionNotFound),
        ({"expiration_minutes": 0}, errors.InvalidValue),
        ({"return_url": "ftp://example.com"}, errors.InvalidValue),
        ({"contact": ContactDetails(full_name="x" * 201)}, errors.InvalidValue),
        ({"metadata": {"k": "x" * 1001}}, errors.InvalidValue),
    ],
)
def test_a_change_that_cannot_be_made_changes_nothing_of_the_rest(shop, fields, error):
    booking = shop.reserve(notes="as it was", settlement_method="DEPOSIT")
    before = everything()

    with pytest.raises(error):
        change(booking, **({"notes": "changed", "reseller_reference": "R-2"} | fields))

    assert everything() == before


def test_too_few_seats_change_nothing(shop, walk):
    shop.reserve([shop.adult] * 9, availability_id=TUESDAY_10)
    booking = shop.reserve([shop.adult] * 4)
    before = everything()

    for fields in (
        {"availability_id": TUESDAY_10},
        {"unit_items": tickets(*[shop.adult] * 11)},
        {"product_id": str(walk.product_id), "unit_items": tickets(*[walk.units.get()] * 4)},
    ):
        with pytest.raises(errors.SoldOut):
            change(booking, notes="changed", **fields)

    assert everything() == before


def test_a_product_that_is_settled_otherwise_is_refused(shop, walk):
    booking = shop.reserve([shop.adult], settlement_method="VOUCHER")
    before = everything()

    with pytest.raises(errors.SettlementMethodNotAllowed):
        change(booking, product_id=str(walk.product_id), unit_items=tickets(walk.units.get()))

    assert everything() == before


def test_a_booking_can_shrink_or_swap_on_a_departure_that_is_sold_out_or_no_longer_sold(shop, departure):
    booking = shop.reserve([shop.adult] * 10)
    after_sales = departure.starts_at - timedelta(minutes=30)
    extend_booking(booking=booking, minutes=1440, now=NOW)
    Booking.objects.update(expires_at=departure.ends_at + timedelta(days=1))

    change(booking, unit_items=tickets(*[shop.child] * 9), now=after_sales)

    assert reserved() == {"23 09": 9}
    with pytest.raises(errors.CutoffPassed):
        change(booking, unit_items=tickets(*[shop.child] * 10), now=after_sales)
    with pytest.raises(errors.CutoffPassed):
        change(booking, availability_id=MONDAY_14, now=departure.starts_at + timedelta(hours=3, minutes=30))


def test_a_settlement_the_partner_lost_still_holds_for_what_it_has(shop, partner):
    booking = shop.reserve([shop.adult], settlement_method="WHOLESALE")
    partner.settlement_methods = ["DIRECT"]
    partner.save()

    changed = change(booking, unit_items=tickets(shop.adult, shop.adult))

    assert (changed.order.settlement_method, changed.net_minor) == ("WHOLESALE", 7650)


def test_a_contact_replaces_the_whole_one_and_an_empty_one_nothing(shop):
    booking = shop.reserve(contact=ContactDetails(full_name="Ada Byron", phone="+49 30 1234567", locales=("en",)))

    unchanged = change(booking, contact=ContactDetails())
    assert (unchanged.contact_full_name, unchanged.contact_phone) == ("Ada Byron", "+49 30 1234567")
    assert not Change.objects.filter(reason="updated").exists()

    changed = change(booking, contact=ContactDetails(full_name="Grace Hopper", email="grace@example.com"))
    changed.refresh_from_db()
    assert (changed.contact_full_name, changed.contact_email) == ("Grace Hopper", "grace@example.com")
    assert (changed.contact_phone, changed.contact_locales) == ("", [])


def test_texts_are_replaced_cleared_and_masked(shop):
    booking = shop.reserve(notes="window seat", reseller_reference="R-1", metadata={"a": "1"})

    changed = change(
        booking,
        notes="",
        reseller_reference="4111 1111 1111 1111",
        metadata={"b": "2"},
        email_receipt=True,
        return_url="https://shop.example.com/back",
    )

    changed.refresh_from_db()
    assert (changed.notes, changed.reseller_reference) == ("", "**** **** **** 1111")
    assert (changed.metadata, changed.email_receipt) == ({"b": "2"}, True)
    assert Order.objects.get().return_url == "https://shop.example.com/back"


def test_what_is_not_sent_stays_and_no_change_is_no_news(shop):
    booking = shop.reserve(notes="window seat")
    before = everything()

    change(booking)
    change(booking, notes="window seat")

    assert everything() == before


@pytest.mark.parametrize(("minutes", "held"), [(45, 45), (1440, 1440), (9999, 1440), (1, 30)])
def test_a_hold_is_extended_from_now_up_to_the_cap_and_never_made_shorter(shop, minutes, held):
    booking = shop.reserve()

    extended = extend_booking(booking=booking, minutes=minutes, now=NOW)

    assert extended.expires_at == extended.order.expires_at == NOW + timedelta(minutes=held)
    extended.refresh_from_db()
    assert extended.expires_at == Order.objects.get().expires_at == NOW + timedelta(minutes=held)
    assert Change.objects.filter(reason="extended").count() == (2 if held > 30 else 0)


@pytest.mark.parametrize("minutes", [0, -5, True, 2.5, "10"])
def test_a_hold_is_extended_by_a_positive_whole_number(shop, minutes):
    booking = shop.reserve()

    with pytest.raises(errors.InvalidValue) as refused:
        extend_booking(booking=booking, minutes=minutes, now=NOW)

    assert refused.value.field == "expiration_minutes"
    assert Booking.objects.get().expires_at == NOW + timedelta(minutes=30)


def test_a_change_can_extend_the_hold_too(shop):
    booking = shop.reserve()

    changed = change(booking, notes="x", expiration_minutes=90)

    assert changed.expires_at == Order.objects.get().expires_at == NOW + timedelta(minutes=90)


def test_a_hold_that_ran_out_is_neither_changed_nor_extended(shop):
    booking = shop.reserve()
    over = NOW + timedelta(minutes=30)

    with pytest.raises(errors.HoldExpired):
        change(booking, notes="x", now=over)
    with pytest.raises(errors.HoldExpired):
        extend_booking(booking=booking, minutes=10, now=over)
    expire_order(order=booking.order, now=over)
    with pytest.raises(errors.HoldExpired):
        change(booking, notes="x", now=over)


def test_a_cancelled_booking_is_neither_changed_nor_extended(shop):
    booking = shop.reserve()
    cancel_booking(booking=booking, reason="rain", force=False, now=NOW)

    with pytest.raises(errors.NotUpdatable):
        change(booking, notes="x")
    with pytest.raises(errors.NotUpdatable):
        extend_booking(booking=booking, minutes=10, now=NOW)


def test_a_confirmed_booking_changes_before_its_cutoff_and_new_tickets_get_codes(shop, departure):
    booking = shop.reserve([shop.adult])
    confirm_order(order=booking.order, now=NOW)
    (item,) = UnitItem.objects.all()

    changed = change(booking, unit_items=(kept(item), *tickets(shop.child)), expiration_minutes=60)

    assert (changed.status, changed.expires_at) == ("CONFIRMED", None)
    codes = [each.ticket_code for each in changed.unit_items.all()]
    assert codes[0] == item.ticket_code
    assert codes[1].startswith("TK-")
    cutoff_at = departure.starts_at - timedelta(hours=24)
    with pytest.raises(errors.NotUpdatable):
        change(booking, notes="late", now=cutoff_at)
    change(booking, notes="in time", now=cutoff_at - timedelta(seconds=1))


def test_a_confirmed_booking_holds_nothing_that_could_be_extended(shop):
    booking = shop.reserve()
    confirm_order(order=booking.order, now=NOW)

    with pytest.raises(errors.NotUpdatable):
        extend_booking(booking=booking, minutes=10, now=NOW)


def test_a_test_booking_moves_without_seats_but_sees_that_there_are_none(shop):
    booking = shop.reserve([shop.adult], is_live=False)
    shop.reserve([shop.adult] * 10, availability_id=TUESDAY_10)

    with pytest.raises(errors.SoldOut):
        change(booking, availability_id=TUESDAY_10)
    change(booking, availability_id=MONDAY_14)

    assert reserved() == {"24 09": 10}


def test_moves_in_opposite_directions_touch_departures_in_the_same_order(shop, departures):
    there = shop.reserve([shop.adult])
    back = shop.reserve([shop.adult], availability_id=MONDAY_14)
    touched = []

    for booking, target in ((there, MONDAY_14), (back, MONDAY_10)):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            change(booking, availability_id=target)
        updates = [each["sql"] for each in queries if each["sql"].startswith('UPDATE "bookings_availability"')]
        touched.append([str(each.pk) for sql in updates for each in departures if each.pk.hex in sql.replace("-", "")])

    assert len(touched[0]) == 2
    assert touched[0] == touched[1] == sorted(touched[0])


@pytest.mark.parametrize("count", [2, 20])
def test_changing_the_tickets_costs_the_same_queries_for_one_and_for_twenty(shop, django_assert_num_queries, count):
    Availability.objects.update(capacity=100)
    booking = shop.reserve([shop.adult] * count)

    with django_assert_num_queries(13):
        change(booking, unit_items=(kept(booking.unit_items.all()[0]), *tickets(*[shop.child] * count)))


def test_the_caller_may_hold_the_order_s_lock(shop):
    booking = shop.reserve()

    with transaction.atomic():
        order = lock_order(order_id=booking.order_id)
        changed = change(booking, notes="once")
        confirm_order(order=order, now=NOW)

    changed.refresh_from_db()
    assert (changed.notes, changed.status) == ("once", "CONFIRMED")
