"""The ten commonest jobs, each by who does it, at a real browser, and what each role cannot do.

The jobs are listed in docs/backoffice.md; the tenth, the cancellation of a departure, is in test_departures.py.
"""

import re
from base64 import b32decode
from pathlib import Path

import pytest
from django_otp.oath import totp
from playwright.sync_api import expect

from backoffice.models import ApprovalRequest, AuditEntry
from backoffice.roles import Role
from bookings.encryption import encrypt_text
from bookings.models import OutgoingMail
from bookings.requests import ContactDetails
from gateways.protocol import Card
from gateways.protocol import OutcomeKind as Kind
from payments.models import Case, CaseKind, ExternalNote, Payment, PaymentLink, ReusableCard, WebhookDelivery
from payments.services.cards import keep_card
from payments.services.cases import open_case
from reconciliation.models import Discrepancy
from tests.backoffice.limits import let_give_back
from tests.backoffice.queues.situations import Situations
from tests.browser.conftest import DESKTOP, PHONE
from tests.payments.guest import opening_of
from tests.payments.house import operations

pytestmark = pytest.mark.django_db(transaction=True)


def guest_of(payment: Payment, name: str, email: str) -> Payment:
    payment.order.bookings.update(contact_full_name=name, contact_email=email)
    return payment


def moved(payment: Payment) -> list[tuple[str, int]]:
    """Return the operations of a payment's order and their amounts, oldest first."""
    return [(kind, minor) for kind, _, _, minor in operations(payment.order)]


@pytest.fixture
def bought(house, guest) -> Payment:
    """A payment of 90.00 EUR that a guest made at the sandbox."""
    booking = house.reserve()
    guest.pay(opening_of(booking))
    guest.deliver()
    return Payment.objects.get(order=booking.order)


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_an_address_that_leads_nowhere_leads_home(desk_of, size):
    desk = desk_of(Role.SUPPORT, size=size)

    for path, status, said in (
        ("/admin/payments/payment/csv/?nothing=1", 400, "Go back and try again"),
        ("/admin/nowhere/", 404, "leads nowhere"),
    ):
        assert desk.go_to(path) == status
        desk.reads(said)
    # The browser says of both how they were answered, and nothing else is wrong with them.
    assert [re.findall(r"status of (\d+)", fault) for fault in desk.faults] == [["400"], ["404"]]
    desk.faults.clear()

    desk.press("To the home page")

    desk.reads("Taken, refused and given back")


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_support_finds_a_payment_and_reads_why_the_card_was_declined(desk_of, house, size):
    payment = guest_of(house.payment(), "Grace Hopper", "grace@example.com")
    house.opening(payment)
    house.tell(payment, Kind.DECLINED, "PSP1")

    desk = desk_of(Role.SUPPORT, size=size, is_signed_in=False)
    desk.page.get_by_role("searchbox").fill("grace@example.com")
    desk.follow(desk.page.get_by_role("button", name="Find"))
    desk.reads(payment.order.reference, "Grace Hopper", "the last attempt failed")
    desk.picture("staff-list")
    desk.follow(desk.page.get_by_role("link", name="guest's e-mail grace@example.com"))

    desk.reads("CREDIT_LIMIT_EXCEEDED", "TEST ACCOUNT: adyen-eu")
    desk.picture("staff-payment")


def test_support_asks_for_a_refund_and_a_manager_approves_it(desk_of, house, bought):
    for role, minor in ((Role.SUPPORT, 1000), (Role.MANAGER, 500_000)):
        let_give_back(role, minor)
    wish = {"Amount in EUR": "25.00", "Why": "complaint", "Reason": "The tour was cut short"}

    support = desk_of(Role.SUPPORT)
    support.go("admin:payments_payment_change", bought.pk)
    support.asks_to("Refund …", "Ask for approval of 25.00 EUR", **wish)

    support.reads("waits for a second person")
    request = ApprovalRequest.objects.get()
    assert moved(bought) == [("SALE", 9000)]
    support.go("admin:backoffice_approvalrequest_change", request.pk)
    expect(support.page.get_by_role("link", name="Approve …")).to_have_count(0)
    support.is_refused("admin:do", "approve", request.pk)

    manager = desk_of(Role.MANAGER)
    manager.go("admin:backoffice_approvalrequest_change", request.pk)
    manager.asks_to("Approve …", "Yes, approve and refund 25.00 EUR", Reason="Agreed")

    manager.reads("Refund of 25.00 EUR")
    assert moved(bought) == [("SALE", 9000), ("REFUND", 2500)]


def test_finance_refunds_a_part_and_releases_a_hold_which_support_may_not(desk_of, house, guest, bought):
    held = house.reserve(currency="USD")
    guest.pay(opening_of(held))
    guest.deliver()
    hold = Payment.objects.get(order=held.order)
    support, finance = desk_of(Role.SUPPORT), desk_of(Role.FINANCE)
    let_give_back(Role.FINANCE, 50_000)
    wish = {"Amount in EUR": "10.00", "Why": "goodwill", "Reason": "Rain"}

    support.go("admin:payments_payment_change", hold.pk)
    expect(support.page.get_by_role("link", name="Release the hold …")).to_have_count(0)
    support.is_refused("admin:do", "void", hold.pk)
    finance.go("admin:payments_payment_change", bought.pk)
    finance.asks_to("Refund …", "Yes, refund 10.00 EUR", **wish)
    finance.reads("Refund of 10.00 EUR")
    finance.go("admin:payments_payment_change", hold.pk)
    finance.asks_to("Release the hold …", "Yes, release 100.00 USD", Reason="Asked for by the guest")
    finance.reads("Release of 100.00 USD")

    assert [(kind, minor) for kind, _, _, minor in operations(bought.order)] == [("SALE", 9000), ("REFUND", 1000)]
    assert [(kind, minor) for kind, _, _, minor in operations(held.order)] == [
        ("AUTHORIZATION", 10000),
        ("VOID", 10000),
    ]


def test_support_sends_a_payment_link_and_notes_what_was_paid_at_the_till(desk_of, house):
    booking = house.reserve(payment_request=None, contact=ContactDetails(email="grace@example.com"))
    paid = {"Amount in EUR": "90.00", "Paid by": "cash", "Note": "At the till, by Ben", "Evidence": "receipt 17"}

    support = desk_of(Role.SUPPORT)
    support.go("admin:bookings_order_change", booking.order_id)
    support.asks_to("Send a payment link …", "Yes, mail it", **{"Good for so many days": "3"})
    support.reads("The link goes out within seconds.")
    assert (OutgoingMail.objects.get().to, PaymentLink.objects.get().closed_as) == ("grace@example.com", "")
    support.go("admin:bookings_order_change", booking.order_id)
    support.asks_to("Record a payment taken elsewhere …", "Yes, record 90.00 EUR", **paid)
    support.reads("90.00 EUR")

    assert operations(booking.order) == [("SALE", "OURS", "PROCESSED", 9000)]
    note = ExternalNote.objects.get()
    assert (note.written_by, "receipt 17" in note.text + note.evidence) == ("support", True)


def test_finance_charges_a_stored_card_which_support_may_not(desk_of, house, guest):
    account = house.accounts["adyen-eu"]
    account.stores_cards = True
    account.save()
    guest.pay(opening_of(house.reserve(customer_reference="grace")), storePaymentMethod=True)
    guest.deliver()
    owed = house.reserve(payment_request=None, return_url=None, customer_reference="grace").order

    support = desk_of(Role.SUPPORT)
    support.go("admin:bookings_order_change", owed.pk)
    expect(support.page.get_by_role("link", name="Charge a stored card …")).to_have_count(0)
    support.is_refused("admin:do", "charge-card", owed.pk)
    finance = desk_of(Role.FINANCE)
    finance.go("admin:bookings_order_change", owed.pk)
    finance.asks_to("Charge a stored card …", "Yes, charge 90.00 EUR", **{"Amount in EUR": "90.00"})
    finance.reads("Payment of 90.00 EUR: done.")

    assert operations(owed) == [("SALE", "OURS", "PROCESSED", 9000)]
    owed.refresh_from_db()
    assert owed.status == "CONFIRMED"


def test_support_replays_a_webhook_that_failed(desk_of, house):
    delivery = WebhookDelivery.objects.create(
        account=house.accounts["adyen-eu"],
        delivery_key="d1",
        body_encrypted=encrypt_text("{}"),
        status="FAILED",
        last_error="KeyError: psp",
        received_at=house.clock(),
    )

    support = desk_of(Role.SUPPORT)
    support.go("admin:backoffice_queue", "unreadable-webhooks")
    support.follow(support.page.get_by_role("link", name="Replay the delivery …"))
    support.press("Yes, replay it")
    support.reads("Replayed: processed.")

    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts) == ("PROCESSED", 1)


def test_finance_works_a_discrepancy_which_support_does_not_see(desk_of, house):
    Situations(house).discrepancy()
    discrepancy = Discrepancy.objects.get()

    support = desk_of(Role.SUPPORT)
    support.is_refused("admin:backoffice_queue", "discrepancies")
    support.is_refused("admin:do", "explain-discrepancy", discrepancy.pk)
    finance = desk_of(Role.FINANCE)
    finance.go("admin:backoffice_queue", "discrepancies")
    finance.reads("90.00 EUR")
    finance.go("admin:reconciliation_discrepancy_change", discrepancy.pk)
    finance.asks_to("Explain …", "Yes, close it", Reason="Settled with the next batch")
    finance.reads("Settled with the next batch")

    discrepancy.refresh_from_db()
    assert discrepancy.state == "CLOSED"


def test_somebody_new_sets_up_a_second_factor_and_comes_in_by_nothing_less(desk_of, settings):
    settings.STAFF_TWO_FACTOR = "required"
    desk = desk_of(Role.FINANCE)
    desk.page.context.clear_cookies()

    desk.gives_password("finance")
    expect(desk.page).to_have_title(re.compile("Set up your second factor"))
    desk.can_be_used_by_everybody()
    assert desk.go("admin:payments_payment_changelist") == 200
    expect(desk.page).to_have_title(re.compile("Set up your second factor"))
    secret = desk.page.locator("code").inner_text().replace("-", "")
    desk.page.get_by_label("Code").fill(f"{totp(b32decode(secret + '=' * (-len(secret) % 8))):06d}")
    desk.press("Confirm")
    shown = desk.page.locator("li code")
    expect(shown).to_have_count(10)
    codes = shown.all_inner_texts()
    desk.press("I have kept them")
    expect(desk.page.locator("#nav-sidebar")).to_be_attached()

    desk.page.context.clear_cookies()
    desk.gives_password("finance")
    desk.page.get_by_label("Code").fill(codes[0])
    desk.press("Go on")
    expect(desk.page.locator("#nav-sidebar")).to_be_attached()
    assert len(set(codes)) == 10


def test_support_revokes_a_card_that_a_guest_no_longer_wants_kept(desk_of, house):
    payment = house.paid(house.payment())
    keep_card(
        payment=payment,
        card=Card(token="tok-1", brand="visa", last4="1111"),
        now=house.clock(),
        opening=payment.openings.get(),
    )

    support = desk_of(Role.SUPPORT)
    support.go("admin:payments_reusablecard_changelist")
    support.chooses("revoke_cards")
    support.reads("guests have to give theirs anew")
    support.press("Revoke")

    support.reads("is revoked")
    assert ReusableCard.objects.get().revoked_at is not None


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
    manager.go("admin:backoffice_queues")
    manager.reads("1 Overpaid")
    manager.go("admin:payments_case_changelist")
    manager.reads("More was paid than was due", "9.00 EUR too much")
    manager.chooses("close_cases")

    manager.reads("1 cases closed.")
    case = Case.objects.get()
    assert (case.closed_by, case.closed_at is not None) == ("manager", True)


def test_an_auditor_reads_and_presses_nothing(desk_of, house):
    payment = house.paid(house.payment())
    open_case(payment=payment, kind=CaseKind.OVERPAID, detail="9.00 EUR too much", now=house.clock())

    auditor = desk_of(Role.AUDITOR)
    auditor.go("admin:payments_payment_change", payment.pk)
    auditor.reads("The guest paid 90.00 EUR")
    expect(auditor.page.get_by_role("link", name="Refund …")).to_have_count(0)
    auditor.go("admin:payments_case_changelist")
    expect(auditor.page.locator("input.action-select")).to_have_count(0)


def test_support_is_shown_no_way_to_settings_and_staff_and_has_none(desk_of, house):
    support = desk_of(Role.SUPPORT)
    support.go("admin:index")

    expect(support.page.locator("#nav-sidebar").get_by_text("Staff", exact=True)).to_have_count(0)
    support.is_refused("admin:auth_user_changelist")
    support.is_refused("admin:gateways_gatewayaccount_add")
