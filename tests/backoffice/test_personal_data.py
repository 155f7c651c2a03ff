"""What is held of a guest: told in one file, erased for good, and the books are as they were."""

import contextlib
import json
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from backoffice.audit import record
from backoffice.models import ApprovalRequest, AuditEntry, AuditReason, DepartureCancellation, DepartureItem
from backoffice.roles import Role
from backoffice.services.personal_data import StillNeeded, erase_guest, standing_of_guest
from bookings.encryption import encrypt_text
from bookings.models import Availability, Booking, Customer, Gift, Order, OutgoingMail, UnitItem
from bookings.requests import ContactDetails
from bookings.services import confirm_order
from bookings.services.personal_data import find_guest
from gateways.protocol import Card
from payments.models import (
    Case,
    CaseKind,
    CaseStep,
    Dispute,
    ExternalNote,
    GatewayEvent,
    LedgerEntry,
    Payment,
    ReusableCard,
    Transaction,
    WebhookDelivery,
)
from payments.services.cards import keep_card
from reconciliation.models import Discrepancy
from reconciliation.services.importing import source_for
from reconciliation.services.resolving import assign, comment, explain, propose_write_off, reject

pytestmark = pytest.mark.django_db

GUEST = ContactDetails(
    full_name="Grace Hopper",
    first_name="Grace",
    last_name="Hopper",
    email="grace@example.com",
    phone="+46 8 5550 142",
    postal_code="SE-111 20",
    country="SE",
    notes="Walks with a stick",
)
PAGE, EXPORT, ERASE = "/admin/personal-data/", "/admin/personal-data/export/", "/admin/personal-data/erase/"
# Without blanks, and long enough that no reference has them by chance.
SECRETS = ("Grace", "Hopper", "grace@", "5550142", "SE-11120", "stick", "Windowseat", "Anita", "Happybirthday")


@pytest.fixture
def paid(house) -> Payment:
    """A visit that is over, paid by card, with everything on it that can be about a guest."""
    payment = house.payment(contact=GUEST, notes="Window seat for Grace", reseller_reference="NW-1")
    house.paid(payment, "QFQTPCQ8HXSKGK82")
    order = payment.order
    confirm_order(order=order, now=house.clock())
    past = timezone.now() - timedelta(days=3)
    Availability.objects.filter(bookings__order=order).update(ends_at=past)
    booking = order.bookings.get()
    UnitItem.objects.filter(booking=booking).update(contact={"full_name": "Anita Borg", "email": "anita@example.com"})
    Booking.objects.filter(pk=booking.pk).update(metadata={"asked by": "Grace"})
    OutgoingMail.objects.create(
        kind="ORDER_SUMMARY", subject_key="summary", to="grace@example.com", language="en", order=order,
        context={"name": "Grace"}, status="SENT", sent_at=past, created_at=past,
    )  # fmt: skip
    ExternalNote.objects.create(payment=payment, text="Grace paid the rest", written_by="partner", written_at=past)
    Transaction.objects.filter(payment=payment).update(reason="Grace asked")
    WebhookDelivery.objects.create(
        account=payment.account, payment=payment, delivery_key="1", body_encrypted=encrypt_text("Grace Hopper"),
        status="PROCESSED", received_at=past, processed_at=past,
    )  # fmt: skip
    case = Case.objects.create(payment=payment, kind=CaseKind.OVERPAID, opened_at=past, closed_at=past, closed_by="ben")
    CaseStep.objects.create(case=case, kind="CLOSED", by="ben", text="Called Grace", at=past)
    ApprovalRequest.objects.create(
        what="PAYMENT_REFUND", order=order, payment=payment, amount_minor=100, total_minor=100, currency="EUR",
        reason_code="goodwill", reason="Grace was ill", requested_by=get_user_model().objects.create_user("ben"),
        requested_at=past, expires_at=past,
    )  # fmt: skip
    record(actor="ben", action="refunded", subject=payment, detail="1.00 EUR", reason="Grace Hopper called")
    keep_card(payment=payment, card=Card(token="TOKEN", brand="visa", last4="1111"), now=house.clock())
    return payment


@pytest.fixture
def gift(house, paid) -> Gift:
    """A gift that somebody else bought for the guest."""
    other = house.reserve(return_url=None, contact=ContactDetails(full_name="Ada King", email="ada@example.com"))
    return Gift.objects.create(
        reference="GI-1", order=other.order, partner=other.partner, is_live=True, amount_minor=1000, currency="EUR",
        recipient_full_name="Grace Hopper", recipient_email="grace@example.com", message="Happy birthday, Grace",
        contact_full_name="Ada King", status="CONFIRMED", created_at=house.clock(), updated_at=house.clock(),
    )  # fmt: skip


def books():
    """Return every figure and reference that the books are made of."""
    return [
        list(LedgerEntry.objects.order_by("id").values()),
        list(GatewayEvent.objects.order_by("id").values()),
        list(Payment.objects.order_by("number").values()),
        list(Transaction.objects.order_by("number").values("reference", "amount_minor", "status", "gateway_reference")),
        list(Order.objects.order_by("reference").values("reference", "status", "money_in_minor", "partner_reference")),
        list(Booking.objects.order_by("number").values("reference", "reseller_reference", "retail_minor", "status")),
    ]


def everything_held():
    """Return all that is stored in the tables of the house, as one text."""
    output = StringIO()
    call_command("dumpdata", "bookings", "payments", "api", "backoffice", "reconciliation", stdout=output)
    return output.getvalue()


def secrets_held():
    held = everything_held().replace(" ", "")
    return [secret for secret in SECRETS if secret in held]


def report_of(check):
    output = StringIO()
    with contextlib.suppress(SystemExit):
        call_command(check, "--json", stdout=output)
    return json.loads(output.getvalue())


def erase(term="grace@example.com"):
    return erase_guest(find_guest(term), requested_by="eve", now=timezone.now())


def test_a_guest_is_found_by_mail_address_order_and_customer(paid, gift):
    order = paid.order
    customer = Customer.objects.get(pk=order.customer_id)

    by_mail, by_order, by_number = (
        find_guest(each) for each in ("GRACE@example.com", order.reference.lower(), str(customer.number))
    )

    assert by_mail.order_ids == by_order.order_ids == by_number.order_ids == {order.pk}
    assert by_mail.customer_ids == by_order.customer_ids == by_number.customer_ids == {customer.pk}
    assert by_mail.received_gift_ids == {gift.pk}
    assert not find_guest("nobody@example.com")


def test_who_was_on_somebody_elses_ticket_is_found_by_that_alone(paid):
    found = find_guest("anita@example.com")

    assert (len(found.ticket_ids), found.order_ids, found.customer_ids) == (2, frozenset(), frozenset())


def test_an_agency_stays_when_one_of_its_orders_is_named(house, paid):
    other = house.reserve(return_url=None)
    Order.objects.filter(pk=other.order_id).update(customer=paid.order.customer_id)

    assert find_guest(paid.order.reference).customer_ids == frozenset()


def test_erasing_takes_the_guest_out_of_everything_and_leaves_the_books(paid, gift):
    before = books()
    assert secrets_held() == list(SECRETS)

    erased = erase()

    assert erased == {
        "customers": 1, "orders": 1, "bookings": 1, "tickets": 2, "gifts": 0, "gifts received": 1, "changes": 4,
        "mails": 1, "kept cards": 1, "notes": 1, "case notes": 1, "reasons": 1, "webhooks": 1, "addresses": 1,
        "payment links": 0, "invoices": 0, "requests of partners": 0, "reasons for refunds to approve": 1,
        "reasons of what staff did": 1, "why it was no duplicate": 0, "how it was paid back by hand": 0,
        "what staff wrote about discrepancies": 0, "reasons for cancelled departures": 0,
    }  # fmt: skip
    assert secrets_held() == []
    assert "Ada King" in everything_held()
    assert books() == before
    entry = AuditEntry.objects.get(action="refunded")
    assert (entry.actor, entry.detail, entry.given_reason.text) == ("ben", "1.00 EUR", "(erased)")
    card = ReusableCard.objects.get()
    assert (card.revoked_at is not None, card.revocation.requested_by) == (True, "eve")


@pytest.mark.parametrize("check", ["check_payments", "check_ledger"])
def test_the_checks_of_the_books_find_after_it_what_they_found_before(paid, check):
    before = report_of(check)

    erase()

    assert report_of(check) == before


def test_erasing_again_changes_nothing(paid):
    reference = paid.order.reference
    erase(reference)
    held = everything_held()

    erase(reference)

    assert everything_held() == held
    assert not find_guest("grace@example.com")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM backoffice_auditreason",
        "UPDATE backoffice_auditreason SET text = 'another'",
        "UPDATE backoffice_auditreason SET text = '(erased)', order_id = NULL",
        "UPDATE backoffice_auditentry SET detail = '(erased)'",
    ],
)
def test_of_what_is_logged_only_a_reason_can_go(paid, statement):
    with pytest.raises(IntegrityError, match="never changed or deleted"), transaction.atomic():
        connection.cursor().execute(statement)

    assert AuditEntry.objects.get(action="refunded").given_reason.text == "Grace Hopper called"


def discrepancy_of(payment, **fields):
    source = source_for(slug=payment.account.slug, now=timezone.now())
    return Discrepancy.objects.create(
        source=source, kind="MISSING_THERE", amount_minor=9000, currency="EUR", opened_on=timezone.now().date(),
        opened_at=timezone.now(), **{"entry": payment.ledger_entries.first(), **fields},
    )  # fmt: skip


def test_what_staff_wrote_about_a_guests_discrepancies_goes_as_a_whole(paid):
    discrepancy, now = discrepancy_of(paid), timezone.now()
    assign(discrepancy_id=discrepancy.pk, assignee=get_user_model().objects.get(username="ben"), by="ben", now=now)
    comment(discrepancy_id=discrepancy.pk, text="She paid at the till", by="ben", now=now)
    proposal = propose_write_off(discrepancy_id=discrepancy.pk, reason="Her bank says no", by="ben", now=now)
    reject(proposal_id=proposal.pk, reason="Ring her up", by="eve", now=now)
    explain(discrepancy_id=discrepancy.pk, reason="She called", by="ben", now=now)
    record(actor="ben", action="explained discrepancy", subject=discrepancy, reason="She called")
    standing = standing_of_guest("grace@example.com", now=now)

    erased = erase()

    assert standing.rows["what staff wrote about discrepancies"] == 4
    # Four events, reason and decision of the proposal, why it is closed.
    assert erased["what staff wrote about discrepancies"] == 7
    assert list(discrepancy.events.order_by("pk").values_list("action", "detail")) == [
        ("assigned", "to ben"),
        *((action, "(erased)") for action in ("commented", "proposed", "rejected", "explained")),
    ]
    proposal.refresh_from_db()
    discrepancy.refresh_from_db()
    assert (proposal.reason, proposal.decision_reason, discrepancy.reason) == ("(erased)",) * 3
    assert AuditReason.objects.get(entry__action="explained discrepancy").text == "(erased)"
    assert (proposal.proposed_by, proposal.decided_by, discrepancy.amount_minor) == ("ben", "eve", 9000)


def test_a_guests_names_go_from_what_was_written_about_others(house, paid):
    other = house.payment()
    house.paid(other, "QFQTPCQ8HXSKGK83")
    discrepancy, now = discrepancy_of(other), timezone.now()
    text = "Not GRACE  hopper's (grace@example.com, +46 8 5550 142), nor Gracey Hoppers'"
    comment(discrepancy_id=discrepancy.pk, text=text, by="ben", now=now)
    explain(discrepancy_id=discrepancy.pk, reason="Anita Borg's card", by="ben", now=now)
    record(actor="ben", action="explained discrepancy", subject=discrepancy, reason="Anita Borg's card")
    comment(discrepancy_id=discrepancy.pk, text="100 % sure_", by="ben", now=now)

    erased = erase()

    masked = "Not (erased)'s ((erased), (erased)), nor Gracey Hoppers'"
    assert list(discrepancy.events.order_by("pk").values_list("detail", flat=True)) == [
        masked,
        "(erased)'s card",
        "100 % sure_",
    ]
    discrepancy.refresh_from_db()
    assert discrepancy.reason == "(erased)'s card"
    assert AuditReason.objects.get(entry__action="explained discrepancy").text == "(erased)'s card"
    assert erased["what staff wrote about discrepancies"] == 3


def test_a_guests_names_go_from_why_a_departure_was_cancelled(house, paid):
    booking = house.reserve(return_url=None)
    why = "Grace Hopper fell ill on board"
    cancellation = DepartureCancellation.objects.create(
        state="RUNNING", reason=why, needs_second_person=False, proposed_by="ben", started_by="ben",
        proposed_at=timezone.now(), started_at=timezone.now(),
    )  # fmt: skip
    DepartureItem.objects.create(
        cancellation=cancellation, booking=booking, order=booking.order, currency="EUR", planned_minor=0
    )
    Booking.objects.filter(pk=booking.pk).update(cancellation_reason=why)

    erased = erase()

    cancellation.refresh_from_db()
    booking.refresh_from_db()
    assert cancellation.reason == booking.cancellation_reason == "(erased) fell ill on board"
    assert erased["reasons for cancelled departures"] == 2


@pytest.mark.parametrize("becomes", ["another", "(erased) another", "She paid (erased) at the till", ""])
def test_nothing_comes_into_what_was_done_about_a_discrepancy(paid, becomes):
    discrepancy = discrepancy_of(paid)
    comment(discrepancy_id=discrepancy.pk, text="She paid at the till", by="ben", now=timezone.now())

    with pytest.raises(IntegrityError, match="never changed or deleted"), transaction.atomic():
        discrepancy.events.update(detail=becomes)
    with pytest.raises(IntegrityError, match="never changed or deleted"), transaction.atomic():
        discrepancy.events.update(detail="(erased)", actor="eve")
    with pytest.raises(IntegrityError, match="never changed or deleted"), transaction.atomic():
        discrepancy.events.all().delete()

    assert discrepancy.events.get().detail == "She paid at the till"


def blocked_by_hold(house, payment):
    Order.objects.filter(pk=payment.order_id).update(status="ON_HOLD")
    return f"Order {payment.order.reference} is open."


def blocked_by_visit(house, payment):
    later = timezone.now() + timedelta(days=1)
    Availability.objects.filter(bookings__order=payment.order_id).update(ends_at=later)
    return f"The visit of booking {payment.order.bookings.get().reference} is still to come."


def blocked_by_mail(house, payment):
    OutgoingMail.objects.update(status="WAITING", next_attempt_at=timezone.now())
    return "Mails wait to go out: 1."


def blocked_by_unknown(house, payment):
    payment.transactions.update(unknown_since_at=timezone.now())
    return f"Payment {payment.reference} has money that is not decided."


def blocked_by_page(house, payment):
    house.opening(payment, reference="CS2")
    return f"Payment {payment.reference} can still be paid by the guest."


def blocked_by_case(house, payment):
    Case.objects.create(payment=payment, kind=CaseKind.OVERPAID, opened_at=timezone.now())
    return f"Payment {payment.reference} waits for staff."


def blocked_by_dispute(house, payment):
    Dispute.objects.create(
        payment=payment, gateway_reference="D1", stage="CHARGEBACK", opened_at=timezone.now(),
        changed_at=timezone.now(), evidence_due_at=timezone.now() + timedelta(days=9),
    )  # fmt: skip
    return f"Payment {payment.reference} is in dispute."


@pytest.mark.parametrize(
    "block",
    [
        blocked_by_hold,
        blocked_by_visit,
        blocked_by_mail,
        blocked_by_unknown,
        blocked_by_page,
        blocked_by_case,
        blocked_by_dispute,
    ],
)
def test_what_is_still_needed_is_not_erased(house, paid, block):
    reason = block(house, paid)
    held = everything_held()

    with pytest.raises(StillNeeded) as refusal:
        erase()

    assert refusal.value.reasons == [reason]
    assert everything_held() == held
    assert standing_of_guest("grace@example.com", now=timezone.now()).reasons == [reason]


def test_the_file_holds_everything_and_the_log_says_who_took_it_and_not_of_whom(paid, gift, browser_with_role):
    eve = browser_with_role(Role.MANAGER, "eve")

    answer = eve.post(EXPORT, {"guest": "grace@example.com"})

    told = json.loads(answer.content)
    assert answer["Content-Disposition"].startswith('attachment; filename="personal-data-')
    assert told["bookings"][0]["contact_email"] == "grace@example.com"
    assert [note["text"] for note in told["notes"]] == ["Grace paid the rest"]
    assert told["gifts"][0]["message"] == "Happy birthday, Grace"
    assert (told["kept cards"][0]["last4"], "token" in str(told["kept cards"])) == ("1111", False)
    entry = AuditEntry.objects.get(action="exported personal data")
    assert (entry.actor, entry.detail) == ("eve", f"orders {paid.order.reference}")


def test_erasing_is_confirmed_on_a_page_that_says_what_goes_and_what_stays(paid, browser_with_role):
    eve = browser_with_role(Role.MANAGER, "eve")

    page = eve.post(PAGE, {"guest": "grace@example.com"}).content.decode()
    unconfirmed = eve.post(ERASE, {"guest": "grace@example.com"}, follow=True)
    held_still = Customer.objects.get(pk=paid.order.customer_id).full_name
    answer = eve.post(ERASE, {"guest": "grace@example.com", "confirmed": "on"}, follow=True)

    assert "What goes:" in page
    assert "What stays:" in page
    assert held_still == "Grace Hopper"
    assert "Nothing was erased" in unconfirmed.content.decode()
    assert "The books are as they were." in answer.content.decode()
    entry = AuditEntry.objects.get(action="erased personal data")
    assert (entry.actor, entry.detail) == ("eve", f"orders {paid.order.reference}")
    assert "Nothing is held" in eve.post(PAGE, {"guest": "grace@example.com"}).content.decode()


def test_the_page_says_why_it_has_to_wait(house, paid, browser_with_role):
    reason = blocked_by_case(house, paid)
    eve = browser_with_role(Role.MANAGER, "eve")

    page = eve.post(PAGE, {"guest": "grace@example.com"}).content.decode()
    answer = eve.post(ERASE, {"guest": "grace@example.com", "confirmed": "on"}, follow=True).content.decode()

    assert reason in page
    assert "What goes:" not in page
    assert reason in answer
    assert not AuditEntry.objects.filter(action="erased personal data").exists()


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.FINANCE, Role.AUDITOR])
def test_other_roles_may_neither_see_nor_erase(paid, browser_with_role, role):
    browser = browser_with_role(role)
    held = everything_held()

    answers = [
        browser.post(page, {"guest": "grace@example.com", "confirmed": "on"}).status_code
        for page in (PAGE, EXPORT, ERASE)
    ]

    assert answers == [403] * 3
    assert everything_held() == held
