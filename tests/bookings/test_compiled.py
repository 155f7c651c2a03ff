from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from bookings.compiled import CompiledQuery
from bookings.models import Booking, Partner, Product

pytestmark = pytest.mark.django_db


@pytest.fixture
def partners(db) -> list[Partner]:
    return [
        Partner.objects.create(
            name=name, slug=slug, settlement_methods=["DIRECT"], default_settlement_method="DIRECT", is_active=is_active
        )
        for name, slug, is_active in (
            ("Harbour Travel", "harbour", True),
            ("Lakeside Agents", "lakeside", True),
            ("Closed Desk", "closed", False),
        )
    ]


def test_each_call_gives_the_rows_of_its_own_values(partners):
    by_slug = CompiledQuery(lambda slug: Partner.objects.filter(slug=slug))

    assert [by_slug.rows(slug=partner.slug) for partner in partners] == [[partner] for partner in partners]
    assert by_slug.first(slug="nobody") is None
    assert by_slug.first(slug="' OR true --") is None


def test_a_truth_value_is_part_of_the_text(partners):
    by_activity = CompiledQuery(
        lambda is_active, name: Partner.objects.filter(is_active=is_active).exclude(name=name).order_by("slug")
    )

    for _ in range(2):
        assert by_activity.rows(is_active=True, name="nobody") == [partners[0], partners[1]]
        assert by_activity.rows(is_active=False, name="nobody") == [partners[2]]
        assert by_activity.rows(is_active=True, name="Harbour Travel") == [partners[1]]


def test_a_value_that_occurs_twice_is_given_twice(partners):
    either = CompiledQuery(lambda text: Partner.objects.filter(slug=text) | Partner.objects.filter(name=text))

    assert either.rows(text="harbour") == [partners[0]]
    assert either.rows(text="Lakeside Agents") == [partners[1]]


def test_as_many_keys_are_given_as_there_are(partners):
    named = CompiledQuery(lambda pks, name: Partner.objects.filter(pk__in=pks).exclude(name=name).order_by("slug"))
    closed, harbour, lakeside = sorted(partners, key=lambda partner: partner.slug)

    for _ in range(2):
        assert named.rows(pks=(lakeside.pk, closed.pk), name="nobody") == [closed, lakeside]
        assert named.rows(pks=(harbour.pk,), name="nobody") == [harbour]
        assert named.rows(pks=(uuid4(), harbour.pk), name="Harbour Travel") == []


def test_a_number_is_given_anew_each_time(shop):
    first, second = shop.reserve(), shop.reserve()
    by_number = CompiledQuery(lambda number, is_live: Booking.objects.filter(number=number, is_live=is_live))

    for _ in range(2):
        assert by_number.rows(number=first.number, is_live=True) == [first]
        assert by_number.rows(number=second.number, is_live=True) == [second]
        assert by_number.rows(number=second.number, is_live=False) == []


def test_what_is_read_along_needs_no_query_of_its_own(shop):
    wanted = shop.reserve()
    with_product = CompiledQuery(lambda pk: Booking.objects.select_related("product__supplier").filter(pk=pk))

    with CaptureQueriesContext(connection) as captured:
        found = [with_product.first(pk=wanted.pk) for _ in range(3)]
        names = {one.product.supplier.name for one in found if one is not None}

    assert found == [wanted] * 3
    assert names == {Product.objects.get(pk=wanted.product_id).supplier.name}
    assert len(captured) == 3


@pytest.mark.django_db(transaction=True)
def test_a_lock_needs_a_transaction(partners):
    locked = CompiledQuery(lambda pk: Partner.objects.select_for_update().filter(pk=pk))
    with transaction.atomic():
        assert locked.rows(pk=partners[0].pk) == [partners[0]]

    with pytest.raises(TransactionManagementError):
        locked.rows(pk=partners[0].pk)


def test_a_value_the_query_does_not_use_is_a_mistake():
    with pytest.raises(TypeError, match="slug"):
        CompiledQuery(lambda slug: Partner.objects.all()).rows(slug="harbour")


def test_a_key_of_another_kind_finds_nothing(partners):
    by_pk = CompiledQuery(lambda pk: Partner.objects.filter(pk=pk))

    assert by_pk.rows(pk=uuid4()) == []
