"""The commonest jobs of each role at a real browser, and what each role cannot do."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from backoffice.models import AuditEntry
from backoffice.roles import Role
from gateways.protocol import OutcomeKind as Kind
from payments.models import Case, CaseKind, Payment
from payments.services.cases import open_case
from tests.browser.conftest import DESKTOP, PHONE

pytestmark = pytest.mark.django_db(transaction=True)


def guest_of(payment: Payment, name: str, email: str) -> Payment:
    payment.order.bookings.update(contact_full_name=name, contact_email=email)
    return payment


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_support_finds_a_payment_and_reads_why_the_card_was_declined(desk_of, house, size):
    payment = guest_of(house.payment(), "Grace Hopper", "grace@example.com")
    house.opening(payment)
    house.tell(payment, Kind.DECLINED, "PSP1")

    desk = desk_of(Role.SUPPORT, size=size)
    desk.page.get_by_role("searchbox").fill("grace@example.com")
    desk.page.get_by_role("button", name="Find").click()
    desk.reads(payment.reference)
    desk.picture("staff-list")
    desk.page.get_by_role("link", name=payment.reference).click()

    desk.reads("CREDIT_LIMIT_EXCEEDED", "TEST ACCOUNT: adyen-eu")
    desk.picture("staff-payment")


def test_finance_takes_a_list_as_a_file_and_an_auditor_sees_who_did(desk_of, house):
    payment = house.paid(house.payment())

    finance = desk_of(Role.FINANCE)
    finance.go("admin:payments_payment_changelist", query="?state=CAPTURED")
    file = finance.downloads("Download as CSV")

    assert payment.reference in Path(file.path()).read_text("utf-8-sig")
    assert file.suggested_filename.startswith("payments-payment-")
    assert AuditEntry.objects.filter(action="exported list", actor="finance").count() == 1
    auditor = desk_of(Role.AUDITOR)
    auditor.go("admin:backoffice_auditentry_changelist")
    auditor.reads("exported list", "payments.Payment; state=CAPTURED")


def test_a_manager_closes_a_case(desk_of, house):
    payment = house.paid(house.payment())
    open_case(payment=payment, kind=CaseKind.OVERPAID, detail="9.00 EUR too much", now=house.clock())

    manager = desk_of(Role.MANAGER)
    manager.go("admin:payments_case_changelist")
    manager.reads("More was paid than was due", "9.00 EUR too much")
    manager.page.locator("input.action-select").first.check()
    manager.page.locator("select[name=action]").select_option("close_cases")
    manager.page.get_by_role("button", name="Run").click()

    manager.reads("1 cases closed.")
    case = Case.objects.get()
    assert (case.closed_by, case.closed_at is not None) == ("manager", True)


def test_an_auditor_reads_and_presses_nothing(desk_of, house):
    payment = house.paid(house.payment())
    open_case(payment=payment, kind=CaseKind.OVERPAID, detail="9.00 EUR too much", now=house.clock())

    auditor = desk_of(Role.AUDITOR)
    auditor.go("admin:payments_payment_change", payment.pk)
    auditor.reads("The guest paid 90.00 EUR")
    expect(auditor.page.get_by_role("link", name="Refund")).to_have_count(0)
    auditor.go("admin:payments_case_changelist")
    expect(auditor.page.locator("input.action-select")).to_have_count(0)


def test_support_is_shown_no_way_to_settings_and_staff_and_has_none(desk_of, house):
    support = desk_of(Role.SUPPORT)

    expect(support.page.locator("#nav-sidebar").get_by_text("Staff", exact=True)).to_have_count(0)
    support.is_refused("admin:auth_user_changelist")
    support.is_refused("admin:gateways_gatewayaccount_add")
