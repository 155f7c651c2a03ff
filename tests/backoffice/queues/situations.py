"""Ways in which work comes to wait for a person, made by the services that make it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from api.models import Delivery, Subscription
from backoffice.models import ApprovalRequest, ReasonCode, Wanted
from backoffice.queues.narrowing import Narrowing
from backoffice.queues.paging import read_page
from backoffice.queues.queue import Row
from backoffice.queues.registry import queue_named
from backoffice.services.duplicates import find_duplicates
from bookings.encryption import encrypt_text
from bookings.models import Booking
from bookings.requests import ContactDetails
from gateways.models import AnnouncedReport
from gateways.protocol import Card, DisputeNews
from gateways.protocol import OutcomeKind as Kind
from money import Money
from payments.models import EventSource, Payment, Transaction, WebhookDelivery
from payments.services import aftercare, holds
from payments.services.cards import keep_card
from payments.services.collecting import PaymentRequest
from payments.services.confirming import confirm_booking
from payments.services.consents import consent_text_for
from payments.services.operations import mark_unknown
from payments.services.transitions import apply_outcome
from reconciliation.models import Discrepancy, DiscrepancyKind
from reconciliation.services.importing import source_for
from tests.payments.house import House


class Situations:
    """Make things wait; each returns the name by which its row goes."""

    def __init__(self, house: House) -> None:
        self.house, self.paid_so_far = house, 0

    def payment(self, *, name: str = "", email: str = "", **fields: Any) -> Payment:
        """Return a payment of a new hold of a guest."""
        if name or email:
            fields["contact"] = ContactDetails(full_name=name, email=email)
        return self.house.payment(**fields)

    def paid(self, payment: Payment | None = None, **fields: Any) -> Payment:
        """Return a payment that a guest has paid, by an attempt of its own name."""
        self.paid_so_far += 1
        return self.house.paid(payment or self.payment(**fields), f"PSP{self.paid_so_far:04}")

    def confirmed(self, **fields: Any) -> Payment:
        """Return a payment whose booking is confirmed."""
        payment = self.paid(**fields)
        confirm(self.house, payment)
        payment.refresh_from_db()
        return payment

    def outcome_unknown(self, **fields: Any) -> str:
        """Lose the answer to a refund of a confirmed booking."""
        return self.lost_refund(**fields).payment.reference

    def lost_refund(self, minor: int = 2000, **fields: Any) -> Transaction:
        """Return a refund whose answer was lost a moment ago."""
        payment = self.confirmed(**fields)
        (refund,) = aftercare.request_refund(
            payment_id=payment.pk,
            money=Money(minor, payment.currency),
            reason="goodwill",
            requested_by="ada",
            now=self.now,
        )
        sent = {"first_sent_at": self.now, "claim_number": 1}
        Transaction.objects.filter(pk=refund.pk).update(**sent)
        refund.refresh_from_db()
        mark_unknown(refund, "the answer was lost", self.now)
        refund.refresh_from_db()
        return refund

    def said_to_be_paid(self) -> str:
        """Have the partner say that a guest paid, of which the gateway says nothing."""
        payment = self.payment()
        opening = self.house.opening(payment)
        opening.reported_paid_at = self.now - timedelta(minutes=30)
        opening.save()
        return payment.reference

    def paid_unconfirmed(self, **fields: Any) -> str:
        """Take the money of a hold that nobody confirms."""
        payment = self.paid(**fields)
        holds.confirm_paid_orders(now=self.now + timedelta(minutes=16))
        return payment.reference

    def overpaid(self) -> str:
        """Have a guest pay twice in one session."""
        payment = self.confirmed()
        self.house.tell(payment, Kind.AUTHORIZED, f"PSP{self.paid_so_far:04}-again")
        return payment.reference

    def disputed(self, due_at: datetime | None = None) -> str:
        """Have the bank take the money of a confirmed booking."""
        payment = self.confirmed()
        psp = f"PSP{self.paid_so_far:04}"
        word = self.house.word(payment, Kind.CHARGEBACK, f"DIS-{psp}", of=psp)
        news = DisputeNews(stage="CHARGEBACK", reason="Fraud", evidence_due_at=due_at)
        apply_outcome(
            account=payment.account, outcome=replace(word, dispute=news), source=EventSource.WEBHOOK, now=self.now
        )
        return payment.reference

    def balance_reopened(self) -> str:
        """Have the gateway give a confirmed booking's money back by itself."""
        payment = self.confirmed()
        psp = f"PSP{self.paid_so_far:04}"
        self.house.tell(payment, Kind.REFUNDED, f"REF-{psp}", of=psp)
        return payment.reference

    def lapsing_hold(self) -> str:
        """Hold money at an account that lets go of it after a day, two days before the departure."""
        account = self.house.accounts["adyen-us"]
        account.authorization_days = 1
        account.save()
        return self.paid(account="adyen-us").reference

    def expiring_card(self, *, months_after: int = -1, is_kept: bool = True, **fields: Any) -> str:
        """Keep a card for a balance, or none; its last month is so many after that of the balance's due date."""
        house = self.house
        booking = house.reserve(return_url=None, settlement_method="DEPOSIT", **fields)
        payment = self.paid(Payment.objects.get(order=booking.order, superseded_at__isnull=True))
        confirm(house, payment)
        due = (self.now + timedelta(days=40)).date()
        Booking.objects.filter(pk=booking.pk).update(balance_due_date=due)
        booking.order.installments.filter(kind="BALANCE").update(due_date=due)
        year, month = divmod(due.year * 12 + due.month - 1 + months_after, 12)
        opening = payment.openings.get()
        opening.consent_text = consent_text_for(account=payment.account, locale="en", now=self.now)
        opening.save()
        card = Card(token=f"tok-{payment.number}", brand="visa", last4="1111", expiry_month=month + 1, expiry_year=year)
        if is_kept:
            keep_card(payment=payment, card=card, now=self.now, opening=opening)
        return booking.order.reference

    def webhook(self, status: str) -> str:
        """Keep a delivery that could not be matched, or not be read."""
        self.paid_so_far += 1
        return WebhookDelivery.objects.create(
            account=self.house.accounts["adyen-eu"],
            delivery_key=f"delivery-{self.paid_so_far:04}",
            body_encrypted=encrypt_text("{}"),
            status=status,
            received_at=self.now,
            processed_at=self.now if status == "PROCESSED" else None,
            last_error="no record goes by 'PSP'",
        ).delivery_key

    def callback(self, status: str, *, failures: int = 9, is_ended: bool = False) -> str:
        """Fail to tell a partner of a booking."""
        booking = self.house.reserve(return_url=None)
        subscription = Subscription.objects.create(
            partner=self.house.partner,
            is_live=True,
            event="booking_update",
            url_fingerprint=str(booking.pk),
            url_host="hooks.example.com",
            created_at=self.now,
            updated_at=self.now,
            ended_at=self.now if is_ended else None,
        )
        Delivery.objects.create(
            subscription=subscription,
            order=booking.order,
            booking=booking,
            subject_id=booking.pk,
            after_version=1,
            version=2,
            status=status,
            failures=failures,
            last_error="timeout",
            waiting_since_at=self.now,
            created_at=self.now,
        )
        return booking.reference

    def duplicate(self, name: str = "Grace Hopper", email: str = "grace@example.com") -> str:
        """Let a guest pay the same for two orders."""
        older, younger = (self.confirmed(name=name, email=email) for _ in range(2))
        Transaction.objects.filter(payment=younger).update(requested_at=self.now + timedelta(minutes=2))
        find_duplicates(now=self.now)
        assert older.amount_minor == younger.amount_minor
        return younger.reference

    def refund_to_approve(self) -> str:
        """Ask for a refund that needs a second person."""
        payment = self.confirmed()
        ApprovalRequest.objects.create(
            what=Wanted.PAYMENT_REFUND,
            order=payment.order,
            payment=payment,
            amount_minor=4500,
            total_minor=4500,
            currency=payment.currency,
            reason_code=ReasonCode.GOODWILL,
            reason="rain all day",
            requested_by=get_user_model().objects.get_or_create(username="sue")[0],
            requested_at=self.now,
            expires_at=self.now + timedelta(hours=72),
        )
        return payment.order.reference

    def discrepancy(self) -> str:
        """Have a captured payment that no settlement file speaks of."""
        payment = self.confirmed()
        source = source_for(slug=payment.account.slug, now=self.now)
        return Discrepancy.objects.create(
            source=source,
            kind=DiscrepancyKind.MISSING_THERE,
            entry=payment.ledger_entries.get(),
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            opened_on=self.now.date(),
            opened_at=self.now,
        ).get_kind_display()

    def unfetched_report(self, tries: int = 3) -> str:
        """Have a report that a gateway announced and does not give us."""
        self.paid_so_far += 1
        return AnnouncedReport.objects.create(
            account=self.house.accounts["adyen-eu"],
            name=f"settlement_detail_report_batch_{self.paid_so_far}.csv",
            announced_at=self.now,
            tries=tries,
            problem="adyen fetch_report: HTTP 401",
        ).name

    @property
    def now(self) -> datetime:
        """Return the time of the house."""
        return self.house.clock()


def confirm(house: House, payment: Payment) -> None:
    """Confirm the booking of a payment, as its partner does."""
    booking = Booking.objects.select_related("order").get(order=payment.order_id)
    assert confirm_booking(booking=booking, changes=None, request=PaymentRequest(), clock=house.clock).is_confirmed


def rows_of(slug: str, **chosen: str) -> list[Row]:
    """Return all rows of a queue that were chosen, in their order."""
    queue = queue_named(slug)
    assert queue is not None
    return list(read_page(queue, chosen=Narrowing.read(chosen, queue), after=None, now=timezone.now(), size=1_000).rows)


def names_in(slug: str, **chosen: str) -> list[str]:
    """Return the names of the rows of a queue, in their order."""
    return [row.name for row in rows_of(slug, **chosen)]
