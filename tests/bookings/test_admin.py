import re
from html import unescape
from urllib.parse import urljoin

import pytest
from django.contrib import admin
from django.urls import reverse

from bookings.models import Availability, Booking, Order, PartnerKey
from bookings.selectors import partner_key_for_secret
from bookings.services import confirm_order, mint_partner_key
from money import Money
from tests.bookings.shop import NOW

pytestmark = pytest.mark.django_db

MODELS = [model for model in admin.site._registry if model._meta.app_label == "bookings"]
READ_ONLY = {"order", "booking", "customer", "gift", "installment", "change", "outgoingmail"}


@pytest.fixture
def staff(admin_client, shop):
    booking = shop.reserve(settlement_method="DEPOSIT")
    confirm_order(order=booking.order, now=NOW)
    return admin_client


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.model_name)
def test_every_list_is_shown_and_searched_in_constant_queries(staff, shop, model, django_assert_max_num_queries):
    url = reverse(f"admin:bookings_{model._meta.model_name}_changelist")
    for _ in range(3):
        shop.reserve([shop.adult])

    with django_assert_max_num_queries(20):
        assert staff.get(url).status_code == 200
    for text in ("BK-7Q2KMX4H", "5d0c5b8e-6b0b-4f5d-9a66-2f1c9f7d1a10", "500001", "ada@example.com"):
        assert staff.get(url, {"q": text}).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.model_name)
def test_every_row_is_shown_and_what_services_write_is_not_edited(staff, model):
    name = model._meta.model_name
    row = model.objects.first()
    if row is not None:
        page = staff.get(reverse(f"admin:bookings_{name}_change", args=[row.pk]))
        assert page.status_code == 200
        assert (b'name="_save"' in page.content) is (name not in READ_ONLY)
        assert staff.post(reverse(f"admin:bookings_{name}_delete", args=[row.pk])).status_code == 403
    assert staff.get(reverse(f"admin:bookings_{name}_add")).status_code == (403 if name in READ_ONLY else 200)


def test_an_order_and_a_booking_show_money_as_people_say_it(staff):
    booking = Booking.objects.select_related("order").get()
    Order.objects.filter(pk=booking.order_id).update(money_in_minor=4711)

    order_page = staff.get(reverse("admin:bookings_order_change", args=[booking.order_id])).content.decode()
    booking_page = staff.get(reverse("admin:bookings_booking_change", args=[booking.pk])).content.decode()

    link = re.search(r'href="([^"]*\?q=OR-[^"]*)"', order_page)
    assert link is not None
    path = urljoin(reverse("admin:bookings_order_change", args=[booking.order_id]), link[1])
    assert path == f"{reverse('admin:payments_payment_changelist')}?q={booking.order.reference}"
    assert "47.11 EUR" in order_page
    assert str(Money(booking.retail_minor, booking.currency)) in booking_page
    assert not re.search(r"field-\w+_minor", order_page + booking_page)


def test_no_column_of_the_admin_hides_behind_a_field_of_its_name():
    hidden = []
    for model, model_admin in admin.site._registry.items():
        fields = {field.name for field in model._meta.get_fields()}
        named = {each for each in [*model_admin.list_display, *(model_admin.fields or [])] if isinstance(each, str)}
        hidden += [(model.__name__, each) for each in named & fields if hasattr(type(model_admin), each)]

    # Django would show the field, and read what it points to row by row.
    assert hidden == []


def test_every_model_is_in_the_admin():
    from django.apps import apps

    shown = {model._meta.model_name for model in MODELS}

    assert {model._meta.model_name for model in apps.get_app_config("bookings").get_models()} - shown == {
        "formerbooking",  # read by reports alone
        "price",  # inside its unit
        "unititem",  # inside its booking
    }


def test_a_booking_is_found_by_what_a_support_person_pastes(staff):
    booking = Booking.objects.get()
    url = reverse("admin:bookings_booking_changelist")

    for text in (
        booking.reference,
        str(booking.uuid),
        str(booking.number),
        booking.order.reference,
        booking.voucher_code,
    ):
        assert booking.reference.encode() in staff.get(url, {"q": text}).content, text


def test_a_minted_key_is_shown_in_that_answer_and_never_again(admin_client, partner):
    url = reverse("admin:bookings_partnerkey_add")

    answer = admin_client.post(
        url, {"partner": str(partner.pk), "label": "web shop", "dialects": ["octo", "resource"], "is_live": "on"}
    )

    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    shown = re.search(r'id="minted-key">(.+?)</code>', answer.content.decode())
    text = unescape(shown[1])
    key = partner_key_for_secret(text)
    assert (key.label, key.dialects, key.is_live, key.partner) == ("web shop", ["octo", "resource"], True, partner)
    assert PartnerKey.objects.count() == 1
    assert text not in "".join(cookie.value for cookie in admin_client.cookies.values())
    assert text not in str(dict(admin_client.session))
    for page in ("changelist", "change"):
        arguments = [key.pk] if page == "change" else []
        assert (
            text not in admin_client.get(reverse(f"admin:bookings_partnerkey_{page}", args=arguments)).content.decode()
        )


def test_a_key_needs_a_dialect(admin_client, partner):
    answer = admin_client.post(reverse("admin:bookings_partnerkey_add"), {"partner": str(partner.pk), "label": "x"})

    assert answer.status_code == 200
    assert b"This field is required" in answer.content
    assert PartnerKey.objects.count() == 0


def test_revoking_asks_once_more_and_says_who_did_it(admin_client, admin_user, partner):
    key, text = mint_partner_key(partner=partner, dialects=["octo"], is_live=True, label="shop", now=NOW)
    url = reverse("admin:bookings_partnerkey_changelist")
    asked = {"action": "revoke_keys", "_selected_action": [str(key.pk)]}

    assert b"for good" in admin_client.post(url, asked).content
    assert partner_key_for_secret(text) == key
    answer = admin_client.post(url, asked | {"confirmed": "Revoke"}, follow=True)

    assert b"Keys revoked: 1" in answer.content
    assert partner_key_for_secret(text) is None
    from django.contrib.admin.models import LogEntry

    assert LogEntry.objects.filter(user=admin_user, object_id=str(key.pk), change_message="Revoked.").count() == 1
    again = admin_client.post(url, asked | {"confirmed": "Revoke"}, follow=True)
    assert b"was revoked before" in again.content


def departure_form(departure, **fields):
    return {"opening_hours": "[]", "capacity": str(departure.capacity)} | fields


def test_capacity_cannot_be_set_below_what_is_sold(admin_client, shop, departure):
    shop.reserve([shop.adult] * 4)
    url = reverse("admin:bookings_availability_change", args=[departure.pk])

    refused = admin_client.post(url, departure_form(departure, capacity="3"))
    assert b"4 seats are held or sold already" in refused.content
    accepted = admin_client.post(url, departure_form(departure, capacity="4"))

    assert accepted.status_code == 302
    departure.refresh_from_db()
    assert (departure.capacity, departure.reserved) == (4, 4)


def test_saving_a_departure_leaves_the_seats_that_were_sold_meanwhile(shop, departure, rf, admin_user):
    from bookings.admin import AvailabilityAdmin

    model_admin = AvailabilityAdmin(Availability, admin.site)
    request = rf.post("/")
    request.user = admin_user
    read_earlier = Availability.objects.get(pk=departure.pk)
    form = model_admin.get_form(request, read_earlier)(departure_form(departure, is_closed="on"), instance=read_earlier)
    assert form.is_valid(), form.errors
    shop.reserve([shop.adult] * 4)

    model_admin.save_model(request, form.save(commit=False), form, change=True)

    departure.refresh_from_db()
    assert (departure.is_closed, departure.reserved) == (True, 4)


def test_a_partner_s_default_is_one_of_its_settlement_methods(admin_client, partner):
    url = reverse("admin:bookings_partner_change", args=[partner.pk])
    form = {
        "name": partner.name,
        "slug": partner.slug,
        "settlement_methods": ["DIRECT"],
        "default_settlement_method": "VOUCHER",
        "is_active": "on",
        "keys-TOTAL_FORMS": "0",
        "keys-INITIAL_FORMS": "0",
    }

    assert b"one of the allowed methods" in admin_client.post(url, form).content
    assert admin_client.post(url, form | {"default_settlement_method": "DIRECT"}).status_code == 302
    partner.refresh_from_db()
    assert (partner.settlement_methods, partner.default_settlement_method) == (["DIRECT"], "DIRECT")
