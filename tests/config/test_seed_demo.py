"""The demo's data: complete, the same again at a rerun, and never in a deployment."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Max, Sum
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backoffice.roles import ROLES
from bookings.models import Availability, Booking, Customer, PartnerKey, Product
from bookings.rules import zone_of
from bookings.selectors import amount_to_collect, partner_key_for_secret
from bookings.services import expire_order, revoke_partner_key
from config.demo.accounts import SANDBOX_ACCOUNTS, TEST_ACCOUNT
from config.seeding import seed_demo
from gateways.models import GatewayAccount
from money import Money
from payments.models import AccountRoute
from tests.api.invoices.desk import Caller

pytestmark = pytest.mark.django_db

NAMES = [
    "octo_key", "octo_test_key", "resource_key", "context_key", "invoices_user", "invoices_password", "finance_key",
    "staff_user", "staff_password", "staff_by_role", "booking_id", "customer_id", "other",
]  # fmt: skip


def seed() -> dict[str, Any]:
    output = StringIO()
    call_command("seed_demo", "--json", stdout=output)
    found: dict[str, Any] = json.loads(output.getvalue())
    return found


def test_a_rerun_prints_the_same_and_makes_nothing_twice():
    first = seed()
    counts = [model.objects.count() for model in (Product, Availability, PartnerKey, AccountRoute, Booking, Customer)]

    again = seed()

    assert list(first) == NAMES
    assert again == first
    assert counts == [
        model.objects.count() for model in (Product, Availability, PartnerKey, AccountRoute, Booking, Customer)
    ]


def test_every_key_opens_one_dialect_in_one_mode_of_its_partner():
    printed = seed()

    for access, slug in ((printed, "nordwind-reisen"), (printed["other"], "blue-harbor")):
        assert access["invoices_user"] == slug
        for name, dialect, is_live in (
            ("octo_key", "octo", True),
            ("octo_test_key", "octo", False),
            ("resource_key", "resource", True),
            ("context_key", "context", True),
            ("invoices_password", "invoices", True),
        ):
            key = partner_key_for_secret(access[name])
            assert key is not None
            assert (key.partner.slug, key.dialects, key.is_live) == (slug, [dialect], is_live)
    keys = {value for access in (printed, printed["other"]) for name, value in access.items() if name.endswith("key")}
    assert len(keys) == 9


def test_the_printed_account_makes_invoices_and_sends_guests_back_to_the_shop():
    printed = seed()
    caller = Caller(printed["invoices_user"], printed["invoices_password"])
    wish = {
        "amount": 100.55,
        "currency": "EUR",
        "service": "payment_card_eur_hpp",
        "return_url": "https://shop.example.com/back",
    }

    assert caller.create(wish).status_code == 201
    assert caller.create({**wish, "test_mode": True}).status_code == 201


def test_a_revoked_key_stays_revoked_and_is_replaced():
    revoked = seed()["octo_key"]
    key = partner_key_for_secret(revoked)
    assert key is not None
    revoke_partner_key(key=key, now=timezone.now())

    replaced = seed()["octo_key"]

    assert replaced != revoked
    assert partner_key_for_secret(revoked) is None
    assert partner_key_for_secret(replaced) is not None
    assert seed()["octo_key"] == replaced


def test_the_printed_booking_is_unpaid_unexpired_and_its_customers():
    printed = seed()

    booking = Booking.objects.select_related("order__customer").get(number=printed["booking_id"])
    assert booking.order.customer is not None
    assert booking.order.customer.number == printed["customer_id"]
    assert (booking.partner.slug, booking.is_live, booking.status) == ("nordwind-reisen", True, "ON_HOLD")
    assert booking.expires_at is not None
    assert booking.expires_at > timezone.now() + timedelta(hours=23)
    assert amount_to_collect(booking.order) == Money(16700, "EUR")


def test_the_printed_numbers_open_in_the_context_api_with_the_printed_key(client):
    printed = seed()
    booking, customer = printed["booking_id"], printed["customer_id"]

    def get(path: str, key: str) -> Any:
        return client.get(path, headers={"X-Api-Key": key})

    (method,) = get(f"/bookings/{booking}/PaymentMethods", printed["context_key"]).json()["methods"]
    assert (method["id"], method["currencyCode"]) == ("32", "EUR")
    for path in (f"/bookings/{booking}/Payment", f"/customers/{customer}/Payment"):
        assert get(path, printed["context_key"]).json() == {"payments": []}
        assert get(path, printed["other"]["context_key"]).status_code == 404


def test_a_booking_that_runs_out_or_is_gone_is_replaced():
    secrets, now = settings.LOCAL_SECRETS, timezone.now()
    first = seed_demo(secrets=secrets, now=now)
    assert seed_demo(secrets=secrets, now=now + timedelta(hours=17)).booking_id == first.booking_id

    second = seed_demo(secrets=secrets, now=now + timedelta(hours=19))

    assert second.booking_id != first.booking_id
    assert second.customer_id != first.customer_id
    gone = Booking.objects.get(number=second.booking_id)
    expire_order(order=gone.order, now=now + timedelta(days=3))
    assert seed_demo(secrets=secrets, now=now + timedelta(hours=20)).booking_id != second.booking_id


def test_there_are_sixty_days_of_slots_with_one_sold_out_and_one_nearly_full():
    now = timezone.now()
    seed()

    assert sorted(Product.objects.values_list("availability_type", "default_currency")) == [
        ("OPENING_HOURS", "EUR"), ("START_TIME", "EUR"), ("START_TIME", "JPY"), ("START_TIME", "USD"),
    ]  # fmt: skip
    for product in Product.objects.all():
        for option in product.options.all():
            slots = Availability.objects.filter(option=option)
            last = slots.aggregate(last=Max("local_date"))["last"]
            assert last >= now.astimezone(zone_of(product)).date() + timedelta(days=60)
            assert slots.values("local_date").distinct().count() >= 60
    assert Availability.objects.filter(capacity__lt=200).count() == 2
    assert Availability.objects.filter(capacity=12, reserved=12, starts_at__gt=now).count() == 1
    assert Availability.objects.filter(capacity=12, reserved=10, starts_at__gt=now).count() == 1
    held = Booking.objects.aggregate(seats=Sum("seats_held"))["seats"]
    assert held == Availability.objects.aggregate(seats=Sum("reserved"))["seats"] == 12 + 10 + 4


def test_a_rerun_weeks_later_extends_the_slots_and_finds_a_sold_out_one():
    secrets, now = settings.LOCAL_SECRETS, datetime.now(UTC)
    seed_demo(secrets=secrets, now=now)

    later = now + timedelta(days=20)
    seed_demo(secrets=secrets, now=later)

    for product in Product.objects.all():
        last = Availability.objects.filter(option__product=product).aggregate(last=Max("local_date"))["last"]
        assert last == later.astimezone(zone_of(product)).date() + timedelta(days=60)
    assert Availability.objects.filter(capacity=12, reserved=12, starts_at__gt=later).count() == 1


def test_accounts_are_at_the_sandbox_and_what_staff_changed_stays():
    seed()
    assert dict(GatewayAccount.objects.values_list("slug", "gateway")) == {**SANDBOX_ACCOUNTS, "external": "external"}
    assert set(SANDBOX_ACCOUNTS.values()) == set(settings.GATEWAYS) - {"external"}
    assert set(GatewayAccount.objects.values_list("environment", flat=True)) == {"test"}
    routes = AccountRoute.objects.filter(partner__slug="blue-harbor").values_list("account__slug", "is_live")
    assert set(routes) == {(slug, slug != TEST_ACCOUNT) for slug in SANDBOX_ACCOUNTS}
    GatewayAccount.objects.filter(slug="adyen-eu").update(confirm_paid_after_minutes=5)

    seed()

    assert GatewayAccount.objects.get(slug="adyen-eu").confirm_paid_after_minutes == 5


def test_the_printed_staff_user_can_log_in():
    printed = seed()

    user = authenticate(username=printed["staff_user"], password=printed["staff_password"])

    assert user is not None
    assert user.is_staff


def test_the_printed_person_of_each_role_may_do_what_the_role_may():
    printed = seed()

    assert list(printed["staff_by_role"]) == ["Support", "Finance", "Manager", "Auditor", "Administrator"]
    for role, access in printed["staff_by_role"].items():
        username, _, password = access.partition(" / ")
        user = authenticate(username=username, password=password)
        assert (user.is_staff, user.is_superuser) == (True, False)
        assert user.get_all_permissions() == ROLES[role]


def test_slots_cost_a_few_statements_however_many_there_are():
    seed()
    with CaptureQueriesContext(connection) as all_there:
        seed()
    Availability.objects.filter(reserved=0).delete()

    with CaptureQueriesContext(connection) as all_new:
        seed()

    assert Availability.objects.count() > 500
    assert len(all_new) <= len(all_there) + 15


def test_it_is_refused_where_there_are_no_local_secrets(settings):
    del settings.LOCAL_SECRETS

    with pytest.raises(CommandError):
        call_command("seed_demo")

    assert not PartnerKey.objects.exists()


def test_it_is_refused_with_production_settings(settings):
    settings.SETTINGS_MODULE = "config.settings.production"

    with pytest.raises(CommandError):
        call_command("seed_demo")

    assert not PartnerKey.objects.exists()
