"""The sweep: finds card numbers wherever they rest, masks them where that is possible, and never says one."""

from io import StringIO

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.utils import timezone

from backoffice import tasks
from backoffice.models import AuditEntry
from backoffice.sweeping import append_only_tables, sweep, text_columns
from bookings.models import Booking, Customer, Partner, Supplier
from payments.models import GatewayEvent, Transaction

pytestmark = pytest.mark.django_db

VISA, AMEX = "4111111111111111", "3714 496353 98431"


@pytest.fixture
def partner():
    return Partner.objects.create(
        name="Nordwind", slug="nordwind", settlement_methods=["DIRECT"], default_settlement_method="DIRECT"
    )


@pytest.fixture
def resting(partner):
    """Card numbers that got in past every door."""
    Supplier.objects.create(name=f"Boats {VISA}", address=f"{AMEX}, {VISA}", country_code="DE")
    Supplier.objects.create(name="Bikes", country_code="DE")
    Partner.objects.filter(pk=partner.pk).update(return_origins=[f"https://shop.example.com/{VISA}"])
    AuditEntry.objects.create(at=timezone.now(), actor="ada", action="refunded", detail=f"told {VISA}")


def run(*arguments):
    output = StringIO()
    try:
        call_command("sweep_card_numbers", *arguments, stdout=output)
    except SystemExit as exit_:
        return exit_.code, output.getvalue().splitlines()
    return 0, output.getvalue().splitlines()


def test_a_dry_run_counts_and_changes_nothing(resting):
    code, lines = run()

    assert code == 1
    assert sorted(lines[:-1]) == [
        "backoffice_auditentry.detail: 1 rows hold card numbers, 0 masked, 1 left (append-only: not changed)",
        "bookings_partner.return_origins: 1 rows hold card numbers, 0 masked, 1 left",
        "bookings_supplier.address: 1 rows hold card numbers, 0 masked, 1 left",
        "bookings_supplier.name: 1 rows hold card numbers, 0 masked, 1 left",
    ]
    assert lines[-1].endswith("4 hold card numbers")
    assert Supplier.objects.filter(name__contains=VISA).count() == 1
    assert not any(number in line for line in lines for number in (VISA, AMEX))


def test_masking_leaves_only_what_is_append_only(resting):
    code, lines = run("--mask")

    assert code == 1
    assert lines[-1].endswith("1 hold card numbers")
    assert Supplier.objects.get(country_code="DE", name__startswith="Boats").name == "Boats ************1111"
    assert Partner.objects.get().return_origins == ["https://shop.example.com/************1111"]
    assert AuditEntry.objects.get().detail == f"told {VISA}"


def test_what_was_masked_is_clean(resting):
    run("--mask")
    found = [swept for swept in sweep(is_masking=False) if swept.holding]

    assert [(swept.table, swept.column) for swept in found] == [("backoffice_auditentry", "detail")]


def test_a_masked_text_that_is_another_rows_is_left_and_counted(partner):
    for reference in (VISA, "************1111"):
        Customer.objects.create(partner=partner, is_live=True, reference=reference, created_at=timezone.now())

    code, lines = run("--mask")

    assert code == 1
    assert "bookings_customer.reference: 1 rows hold card numbers, 0 masked, 1 left" in lines
    assert Customer.objects.filter(reference=VISA).exists()


def test_an_empty_house_is_clean():
    code, lines = run()

    assert (code, lines[-1].endswith("no card number is left")) == (0, True)


def test_a_guests_phone_number_is_no_card_number(partner):
    # Thirteen digits that begin as Visa's and satisfy the Luhn check.
    Customer.objects.create(partner=partner, is_live=True, phone="+4222222222222", created_at=timezone.now())

    assert run()[0] == 0


def test_chunks_are_read_one_after_the_other(monkeypatch):
    monkeypatch.setattr("backoffice.sweeping.CHUNK", 2)
    for number in range(5):
        Supplier.objects.create(name=f"Boats {number} {VISA}", country_code="DE")

    names = next(
        swept for swept in sweep(is_masking=True) if (swept.table, swept.column) == ("bookings_supplier", "name")
    )

    assert (names.rows, names.holding, names.masked) == (5, 5, 5)


def test_every_table_that_keeps_its_rows_is_known_as_such():
    assert append_only_tables() >= {
        "backoffice_auditentry",
        "payments_gatewayevent",
        "payments_ledgerentry",
        "payments_posting",
    }


def test_texts_and_json_are_read_and_machine_made_names_are_not():
    assert {"notes", "contact_notes", "metadata", "contact_locales", "cancellation_reason"} <= set(
        text_columns(Booking)
    )
    assert {"raw", "raw_text"} <= set(text_columns(GatewayEvent))
    assert not {"event_key", "gateway_reference", "kind"} & set(text_columns(GatewayEvent))
    assert "reason" in text_columns(Transaction)
    assert "change_message" in text_columns(LogEntry)


def test_every_model_of_the_admin_is_swept():
    swept = {found.table for found in sweep(is_masking=False)}

    assert {model._meta.db_table for model in admin.site._registry if text_columns(model)} <= swept


def test_the_monthly_report_goes_to_the_log(resting, caplog):
    tasks.sweep_card_numbers()

    found = [record.msg for record in caplog.records if record.msg["event"] == "card_numbers_found"]
    assert sorted((each["table"], each["column"], each["rows"]) for each in found) == [
        ("backoffice_auditentry", "detail", 1),
        ("bookings_partner", "return_origins", 1),
        ("bookings_supplier", "address", 1),
        ("bookings_supplier", "name", 1),
    ]
    assert caplog.records[-1].msg["rows_with_card_numbers"] == 4
    assert VISA not in caplog.text
