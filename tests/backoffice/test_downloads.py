"""Every list can be taken as a file: of what it shows, and safe to open in a spreadsheet."""

import csv
import io

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from backoffice.downloads import neutralized
from backoffice.models import AuditEntry
from backoffice.roles import Role
from payments.models import ExternalNote, Payment, Transaction

pytestmark = pytest.mark.django_db


def file_of(client, model, **filters):
    return client.get(reverse("admin:csv", args=[model._meta.app_label, model._meta.model_name]), filters)


def lines_of(answer):
    assert answer.status_code == 200
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


@pytest.fixture
def desk(admin_client):
    """The browser of somebody who may do everything."""
    return admin_client


def pay(house, psp):
    payment = house.paid(house.payment(), psp)
    ExternalNote.objects.create(payment=payment, text="note", written_by="partner", written_at=house.clock())
    return payment


def test_every_list_offers_its_file_and_the_file_has_its_columns_and_all_of_its_rows(desk, house):
    pay(house, "FIRST")
    assert len(admin.site._registry) > 40

    for model in admin.site._registry:
        page = desk.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"))
        rows = model._default_manager.count()
        head, *lines = lines_of(file_of(desk, model))

        address = reverse("admin:csv", args=[model._meta.app_label, model._meta.model_name])
        assert f'href="{address}' in page.content.decode(), model
        shown = [name for name in page.context["cl"].list_display if name != "action_checkbox"]
        assert len(head) == len(shown), model
        # The audit log has one more line: that its list was taken.
        assert len(lines) == rows + (model is AuditEntry), model


def test_no_file_costs_more_queries_for_more_rows(desk, house):
    def costs():
        found = {}
        for model in admin.site._registry:
            with CaptureQueriesContext(connection) as queries:
                lines_of(file_of(desk, model))
            found[model] = len(queries)
        return found

    pay(house, "FIRST")
    costs()
    few = costs()
    for number in range(3):
        pay(house, f"MORE{number}")

    assert costs() == few


def test_a_file_says_what_the_list_says(desk, house):
    payment = pay(house, "FIRST")

    head, line = lines_of(file_of(desk, Payment))

    assert head == [
        "Reference", "Mode", "Order", "Partner", "Amount", "State", "Taken", "Given back", "Case", "Created",
        "Account", "Number",
    ]  # fmt: skip
    assert line == [
        payment.reference, "TEST", payment.order.reference, str(payment.partner), "90.00 EUR", "CAPTURED", "90.00 EUR",
        "–", "", f"{payment.created_at:%Y-%m-%d %H:%M:%S} UTC", "adyen-eu", str(payment.number),
    ]  # fmt: skip


def test_a_file_has_the_filters_the_search_and_the_order_of_its_list(desk, house):
    first, second = pay(house, "FIRST"), pay(house, "SECOND")
    house.payment()

    def references(**filters):
        return [line[0] for line in lines_of(file_of(desk, Payment, **filters))[1:]]

    assert references(state="CAPTURED") == [second.reference, first.reference]
    assert references(state="CAPTURED", o="11") == [first.reference, second.reference]
    assert references(q=first.order.reference) == [first.reference]
    assert references(state="CAPTURED", p="7") == [second.reference, first.reference]


def test_a_file_goes_on_where_a_page_ends(desk, house):
    payment = house.payment()
    now = timezone.now()
    ExternalNote.objects.bulk_create(
        ExternalNote(payment=payment, text=f"note {number}", written_by="partner", written_at=now)
        for number in range(1201)
    )

    lines = lines_of(file_of(desk, ExternalNote))

    assert [line[0] for line in lines[1:]] == [f"note {number}" for number in reversed(range(1201))]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ('=HYPERLINK("https://evil.example.com")', '\'=HYPERLINK("https://evil.example.com")'),
        ("+49 30 1234", "'+49 30 1234"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("＝1+1", "'＝1+1"),
        ("-25.00 EUR", "-25.00 EUR"),
        ("-25", "-25"),
        ("cp_1", "cp_1"),
        ("", ""),
    ],
)
def test_a_spreadsheet_takes_no_text_for_a_formula(text, cell):
    assert neutralized(text) == cell


def test_a_guests_formula_is_text_in_the_file(desk, house):
    payment = house.payment()
    ExternalNote.objects.create(
        payment=payment, text="=cmd|' /C calc'!A0", written_by="partner", written_at=house.clock()
    )

    assert lines_of(file_of(desk, ExternalNote))[1][0] == "'=cmd|' /C calc'!A0"


def test_taking_a_file_is_kept_in_the_audit_log_without_what_was_searched(desk, house):
    pay(house, "FIRST")

    answer = file_of(desk, Transaction, status="PROCESSED", q="grace@example.com")

    entry = AuditEntry.objects.get(action="exported list")
    assert (entry.actor, entry.detail) == ("admin", "payments.Transaction; status=PROCESSED; searched")
    assert "no-store" in answer["Cache-Control"]
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    name = f'attachment; filename="payments-transaction-{timezone.now():%Y-%m-%d}'
    assert answer["Content-Disposition"].startswith(name)
    assert answer["Content-Disposition"].endswith('-UTC.csv"')


def test_who_may_not_see_a_list_gets_no_file_of_it(client, browser_with_role, house):
    support = browser_with_role(Role.SUPPORT)

    assert file_of(support, get_user_model()).status_code == 403
    assert file_of(client, Payment).status_code == 302
    assert not AuditEntry.objects.filter(action="exported list").exists()


def test_a_list_that_is_not_there_and_a_filter_that_is_not_there_are_told(desk, house):
    assert desk.get(reverse("admin:csv", args=["payments", "nothing"])).status_code == 404
    assert file_of(desk, Payment, nothing="1").status_code == 400
