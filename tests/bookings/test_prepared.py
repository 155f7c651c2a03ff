from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import DatabaseError, DataError, connection, transaction
from django.test.utils import CaptureQueriesContext

from bookings.models import Change, ChangeTopic, Customer, Partner
from bookings.prepared import insert_row, insert_rows, prepared_cursor, update_row

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)


@pytest.fixture
def partner(db) -> Partner:
    return Partner.objects.create(
        name="Harbour Travel", slug="harbour", settlement_methods=["DIRECT"], default_settlement_method="DIRECT"
    )


def _statements() -> set[str]:
    """Return what this connection has prepared."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return {statement for (statement,) in cursor.fetchall()}


def test_an_inserted_row_is_as_save_would_have_left_it(partner):
    first, second = (Customer(partner=partner, is_live=True, created_at=NOW) for _ in range(2))

    insert_row(first)
    second.save(force_insert=True)

    assert second.number == first.number + 1
    assert not first._state.adding
    stored = [Customer.objects.values().get(pk=customer.pk) for customer in (first, second)]
    assert stored[0] == {**stored[1], "id": first.pk, "number": first.number}


def test_rows_inserted_together_get_their_keys(shop):
    booking = shop.reserve()
    changes = [
        Change(
            topic=ChangeTopic.PAYMENT,
            subject_id=uuid4(),
            partner_id=booking.partner_id,
            order_id=booking.order_id,
            version=1,
            reason=reason,
            before=before,
            created_at=NOW,
            told_at=told_at,
        )
        for reason, before, told_at in (("refused", {}, None), ("paid", {"status": "ON_HOLD"}, NOW))
    ]

    insert_rows(changes)

    assert [Change.objects.get(pk=change.pk).reason for change in changes] == ["refused", "paid"]
    assert [Change.objects.get(pk=change.pk).before for change in changes] == [{}, {"status": "ON_HOLD"}]
    assert [Change.objects.get(pk=change.pk).told_at for change in changes] == [None, NOW]
    assert insert_rows([]) is None


def test_only_the_named_fields_are_written(partner):
    partner.name, partner.is_active, partner.settlement_methods = "Harbour and Lake", False, ["DIRECT", "VOUCHER"]

    update_row(partner, ["name", "settlement_methods"])

    stored = Partner.objects.get()
    assert (stored.name, stored.is_active) == ("Harbour and Lake", True)
    assert stored.settlement_methods == ["DIRECT", "VOUCHER"]


def test_a_row_that_is_gone_is_not_written_to(partner):
    Partner.objects.all().delete()

    with pytest.raises(DatabaseError, match="no Partner"):
        update_row(partner, ["name"])


def test_what_is_too_long_is_refused_and_not_cut(partner):
    partner.slug = "h" * 500

    with pytest.raises(DataError), transaction.atomic():
        update_row(partner, ["slug"])

    assert Partner.objects.get().slug == "harbour"


def test_a_statement_is_prepared_once_and_shown_with_its_values(partner):
    sql = "SELECT slug FROM bookings_partner WHERE name = %s AND is_active = %s"
    before = _statements()

    with CaptureQueriesContext(connection) as captured:
        for name in ("Harbour Travel", "nobody", " ' OR true --"):
            with prepared_cursor() as cursor:
                cursor.execute(sql, [name, True])
                assert cursor.fetchall() == ([("harbour",)] if name == partner.name else [])

    assert _statements() - before == {"SELECT slug FROM bookings_partner WHERE name = $1 AND is_active = $2"}
    assert [query["sql"].partition(" WHERE ")[2] for query in captured] == [
        "name = 'Harbour Travel' AND is_active = true",
        "name = 'nobody' AND is_active = true",
        "name = ' '' OR true --' AND is_active = true",
    ]
