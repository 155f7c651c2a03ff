"""An address that somebody made by hand is answered, however odd it is, and never by a fault of ours."""

from uuid import uuid4

import pytest
from django.contrib import admin
from django.db import models
from django.urls import reverse

from backoffice.queues.registry import QUEUES
from backoffice.roles import Role

pytestmark = pytest.mark.django_db

NUL = "\x00"


def filter_of(listed) -> str:
    """Return by what an entry of `list_filter` filters."""
    first = listed[0] if isinstance(listed, tuple) else listed
    return str(getattr(first, "parameter_name", first))


def test_no_filter_of_a_list_or_of_its_file_takes_a_text_that_no_database_keeps(admin_client):
    asked = 0
    for model in admin.site._registry:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        file = reverse("admin:csv", args=[model._meta.app_label, model._meta.model_name])
        shown = admin_client.get(address).context["cl"]
        for name in {each for spec in shown.filter_specs for each in spec.expected_parameters()}:
            for place in (address, file):
                assert admin_client.get(place, {name: NUL}).status_code == 400, (place, name)
                asked += 1
    assert asked > 100


def test_what_is_searched_is_forgiven_such_a_text(admin_client):
    for place in ("admin:find", "admin:payments_payment_changelist", "admin:bookings_booking_changelist"):
        assert admin_client.get(reverse(place), {"q": f"a{NUL}b"}).status_code == 200


@pytest.mark.parametrize("queue", QUEUES, ids=[queue.slug for queue in QUEUES])
def test_no_queue_is_narrowed_by_such_a_text(queue, admin_client):
    address = reverse("admin:backoffice_queue", args=[queue.slug])

    for name in ("mode", "partner", "account", "age", "after", *(facet.name for facet in queue.facets)):
        assert admin_client.get(address, {name: NUL}).status_code == 400, name


@pytest.mark.parametrize(
    "place",
    [
        "0001-01-01T00:00:00+23:59~1",
        "9999-12-31T23:59:59-23:59~1",
        "2026-11-03T10:00:00~1",
        "2026-11-03T10:00:00+00:00~",
        "2026-11-03T10:00:00+00:00~x",
        "~",
    ],
)
def test_a_queue_has_no_place_at_a_moment_that_is_none_or_beyond_all_calendars(place, admin_client):
    for queue in QUEUES:
        address = reverse("admin:backoffice_queue", args=[queue.slug])
        assert admin_client.get(address, {"after": place}).status_code == 404, queue.slug


def test_no_list_and_no_file_is_filtered_by_a_text_that_the_list_does_not_offer(admin_client):
    asked = 0
    for model in admin.site._registry:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        file = reverse("admin:csv", args=[model._meta.app_label, model._meta.model_name])
        offered = {filter_of(each) for each in admin.site._registry[model].list_filter}
        texts = (models.CharField, models.TextField, models.BinaryField)
        for column in model._meta.concrete_fields:
            if isinstance(column, texts) and column.name not in offered and not column.primary_key:
                query = {f"{column.name}__startswith": "a"}
                assert admin_client.get(address, query).status_code == 400, (address, column.name)
                assert admin_client.get(file, query).status_code == 400, (file, column.name)
                asked += 1
    assert asked > 100


@pytest.mark.parametrize(
    ("place", "query"),
    [
        ("payments_reusablecard", {"last4": "1111"}),
        ("payments_transaction", {"card_last4": "1111"}),
        ("bookings_booking", {"contact_email__istartswith": "grace"}),
        ("bookings_customer", {"full_name": "Grace Hopper"}),
    ],
)
def test_nobody_looks_for_guests_and_cards_past_the_audit_log(place, query, browser_with_role):
    assert browser_with_role(Role.SUPPORT).get(reverse(f"admin:{place}_changelist"), query).status_code == 400


def test_what_hangs_on_a_row_is_still_listed_by_its_id(browser_with_role):
    address = reverse("admin:payments_transaction_changelist")

    assert browser_with_role(Role.SUPPORT).get(address, {"payment__exact": uuid4()}).status_code == 200


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/admin/kept-to-yourself/", 404, "There is no such page"),
        (f"/admin/payments/webhookdelivery/?status__exact={NUL}&q=kept-to-yourself", 400, "That cannot be read"),
        ("/admin/payments/payment/csv/?kept-to-yourself=1", 400, "That cannot be read"),
    ],
)
def test_staff_are_told_so_within_the_back_office_and_nothing_is_repeated(admin_client, address, status, said):
    answer = admin_client.get(address)

    page = answer.content.decode()
    assert answer.status_code == status
    assert said in page
    assert 'href="/admin/"' in page
    assert 'id="nav-sidebar"' in page
    assert "no-store" in answer["Cache-Control"]
    for repeated in ("kept-to-yourself", "no such filter", "Traceback"):
        assert repeated not in page


def test_whoever_does_not_work_here_gets_a_bare_page(client, admin_client):
    asked = [
        client.get("/nowhere/"),
        client.get("/pay/nowhere/at/all/"),
        admin_client.get("/nowhere/"),
        admin_client.get("/admin/", headers={"Host": "elsewhere.example.com"}),
    ]

    assert [answer.status_code for answer in asked] == [404, 404, 404, 400]
    for answer in asked:
        assert "/admin/" not in answer.content.decode()
        assert "nav-sidebar" not in answer.content.decode()
    signs_in = client.get("/admin/nowhere/")
    assert (signs_in.status_code, signs_in["Location"]) == (302, "/admin/login/?next=/admin/nowhere/")
