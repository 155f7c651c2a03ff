"""The volume that pages are measured on: believable, the same again for a seed, and of which every check holds."""

import re
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Sum, Value
from django.db.models.functions import Concat

from bookings.models import Availability, Booking, BookingStatus, Order, Partner
from config.volume import Wish, seed_volume
from payments.checking import Severity, ledger_findings, payment_findings
from payments.models import Case, ExternalNote, GatewayEvent, LedgerEntry, Payment, ReusableCard, Transaction
from tests.payments.house import House, build_house

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 15, 12, 30, tzinfo=UTC)


@pytest.fixture
def house(db) -> House:
    return build_house()


def seed(transactions=1_000, **fields):
    return seed_volume(Wish(transactions=transactions, partners=3, until=NOW, **fields), say=lambda text: None)


def objects_of_the_database():
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexdef")
        indexes = cursor.fetchall()
        cursor.execute(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2"
        )
        constraints = cursor.fetchall()
        cursor.execute("SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgname")
        return {"indexes": indexes, "constraints": constraints, "triggers": cursor.fetchall()}


def plain(definition):
    """Return a definition without the casts and parentheses that PostgreSQL writes anew each time it reads one."""
    return tuple(re.sub(r"::(?:text|character varying)(?:\[\])?|[()]", "", str(part)) for part in definition)


def test_every_check_holds_on_it():
    transactions = seed()

    faults = [finding for finding in payment_findings(now=NOW) if finding.severity is Severity.FAULT]

    assert faults == []
    assert ledger_findings() == []
    assert transactions == Transaction.objects.count() >= 1_000


def test_it_is_believable():
    seed(2_000)

    assert {"EUR", "USD", "JPY", "KWD"} <= set(Payment.objects.values_list("currency", flat=True))
    assert {"adyen", "stripe", "viva", "external"} <= set(Payment.objects.values_list("account__gateway", flat=True))
    assert set(Payment.objects.values_list("state", flat=True)) == {"CAPTURED", "REFUNDED", "FAILED", "EXPIRED"}
    assert set(Order.objects.values_list("status", flat=True)) == {"CONFIRMED", "CANCELLED", "EXPIRED"}
    assert Payment.objects.filter(is_live=False).count() > 30
    for model in (ReusableCard, ExternalNote, Case):
        assert model.objects.exists()
    first, last = Payment.objects.earliest("number"), Payment.objects.latest("number")
    assert (last.created_at - first.created_at).days > 540
    seats = Booking.objects.filter(status=BookingStatus.CONFIRMED).aggregate(held=Sum("seats_held"))["held"]
    assert Availability.objects.aggregate(reserved=Sum("reserved"))["reserved"] == seats


def test_the_same_seed_gives_the_same_rows_and_another_gives_others():
    def rows(number):
        with connection.cursor() as cursor:
            cursor.execute("SAVEPOINT before_seeding")
            try:
                seed(200, seed=number)
                return list(
                    # Numbers go on, whatever is taken back.
                    GatewayEvent.objects.order_by("id").values_list("payment_id", "kind", "amount_minor", "occurred_at")
                )
            finally:
                cursor.execute("ROLLBACK TO SAVEPOINT before_seeding")

    first, again, other = rows(1), rows(1), rows(2)

    assert first == again
    assert first != other


def test_indexes_keys_and_triggers_are_as_they_were():
    before = objects_of_the_database()

    seed(200)

    after = objects_of_the_database()
    for name in before:
        assert set(map(plain, before[name])) ^ set(map(plain, after[name])) == set(), name


def test_a_database_that_holds_something_else_is_left_alone(house):
    house.payment()
    Partner.objects.update(slug=Concat(Value("somebody-"), "slug"))

    with pytest.raises(CommandError, match="neither seeded nor the demo's"):
        call_command("seed_volume", "--transactions", "200", stdout=StringIO())

    assert not LedgerEntry.objects.exists()
    assert Order.objects.count() == 1
    call_command("seed_volume", "--transactions", "200", "--beside-other-data", stdout=StringIO())
    with pytest.raises(CommandError, match="seeded before"):
        call_command("seed_volume", "--transactions", "200", "--beside-other-data", stdout=StringIO())


def test_a_deployment_is_refused(settings):
    settings.SETTINGS_MODULE = "config.settings.production"

    with pytest.raises(CommandError, match="not here"):
        call_command("seed_volume", "--transactions", "200", stdout=StringIO())

    assert not Order.objects.exists()
