import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings.models import Partner
from bookings.prepared import prepared_cursor

pytestmark = pytest.mark.django_db


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


def test_a_statement_is_prepared_once_and_shown_in_the_log_of_queries(partner):
    sql = "SELECT slug FROM bookings_partner WHERE name = %s AND is_active = %s"
    before = _statements()

    with CaptureQueriesContext(connection) as captured:
        for name in ("Harbour Travel", "nobody", "' OR true --"):
            with prepared_cursor() as cursor:
                cursor.execute(sql, [name, True])
                assert cursor.fetchall() == ([("harbour",)] if name == partner.name else [])

    prepared = "SELECT slug FROM bookings_partner WHERE name = $1 AND is_active = $2"
    assert _statements() - before == {prepared}
    assert [query["sql"] for query in captured] == [prepared] * 3
