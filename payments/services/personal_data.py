"""What is held of a guest in payments: told, and taken out; every figure, reference and entry stays."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from bookings.masking import ERASED
from bookings.models import Customer
from payments.models import (
    Case,
    CaseStep,
    Dispute,
    ExternalNote,
    LedgerEntry,
    Opening,
    OpeningStatus,
    Payment,
    PaymentLink,
    ReusableCard,
    Transaction,
    WebhookDelivery,
)
from payments.models.inbox import DeliveryStatus
from payments.services.cards import revoke_card
from payments.services.customer_credit import credit_balances
from payments.services.external_notes import redact_note
from payments.states import State, Status


def reasons_to_wait(*, order_ids: Collection[UUID], customer_ids: Collection[UUID], now: datetime) -> list[str]:
    """Return why the money of a guest's orders still needs to know the guest, in words; nothing when it does not."""
    payments = Payment.objects.filter(order__in=order_ids)
    undecided = Transaction.objects.filter(Q(unknown_since_at__isnull=False) | Q(status=Status.PENDING))
    payable = Opening.objects.filter(status=OpeningStatus.OPEN, expires_at__gt=now)
    told = [
        ("{} has money that is not decided", payments.filter(transactions__in=undecided)),
        ("{} can still be paid by the guest", payments.filter(openings__in=payable)),
        ("{} holds money that is neither taken nor released", payments.filter(state=State.AUTHORIZED)),
        ("{} waits for staff", payments.filter(cases__in=Case.objects.filter(closed_at__isnull=True))),
        ("{} is in dispute", payments.filter(disputes__in=Dispute.objects.filter(evidence_due_at__gt=now))),
    ]
    reasons = [
        f"Payment {sentence.format(reference)}."
        for sentence, found in told
        for reference in found.order_by("reference").values_list("reference", flat=True).distinct()
    ]
    for customer in Customer.objects.filter(pk__in=customer_ids).order_by("number"):
        reasons += [f"Customer {customer.number} is owed {credit}." for credit in credit_balances(customer)]
    return reasons


def personal_data_of(*, order_ids: Collection[UUID], customer_ids: Collection[UUID]) -> dict[str, list[dict[str, Any]]]:
    """Return everything that is held of a guest in payments, as plain data; a card's token is nobody's business."""
    return {
        "payments": _rows(
            Payment.objects.filter(order__in=order_ids),
            *("reference", "state", "amount_minor", "captured_minor", "refunded_minor", "currency", "created_at"),
        ),
        "operations": _rows(
            Transaction.objects.filter(payment__order__in=order_ids),
            *("reference", "kind", "status", "amount_minor", "currency", "requested_at", "gateway_reference"),
            *("card_brand", "card_last4", "card_expiry", "reason"),
        ),
        "kept cards": _rows(
            _cards(order_ids, customer_ids),
            *("brand", "bin", "last4", "expiry_month", "expiry_year", "created_at", "revoked_at"),
        ),
        "notes": _rows(ExternalNote.objects.filter(payment__order__in=order_ids), "text", "written_at"),
        "case notes": _rows(_case_notes(order_ids), "kind", "text", "at"),
        "payment links": _rows(
            PaymentLink.objects.filter(order__in=order_ids), "created_at", "expires_at", "closed_as"
        ),
        "ledger entries": _rows(
            LedgerEntry.objects.filter(order__in=order_ids),
            *("from_account", "to_account", "amount_minor", "currency", "posting__posted_at"),
        ),
    }


def erase_guest(
    *, order_ids: Collection[UUID], customer_ids: Collection[UUID], requested_by: str, now: datetime
) -> dict[str, int]:
    """Take out who a guest is, and return how many rows of each kind were about it; again changes nothing.

    Kept cards are revoked, which has workers delete them at their gateways. Inside the caller's transaction, which
    holds the locks of the orders.
    """
    cards = list(_cards(order_ids, customer_ids).filter(revoked_at__isnull=True).order_by("pk"))
    for card in cards:
        revoke_card(card=card, requested_by=requested_by, now=now)
    notes = list(ExternalNote.objects.filter(payment__order__in=order_ids).exclude(text=ERASED))
    for note in notes:
        redact_note(note=note, text=ERASED, evidence="", now=now)
    handled = WebhookDelivery.objects.filter(payment__order__in=order_ids, status=DeliveryStatus.PROCESSED)
    openings = Opening.objects.filter(payment__order__in=order_ids)
    return {
        "kept cards": len(cards),
        "notes": len(notes),
        "case notes": _case_notes(order_ids).exclude(text=ERASED).update(text=ERASED),
        "reasons": Transaction.objects.filter(payment__order__in=order_ids).exclude(reason="").update(reason=""),
        "webhooks": handled.delete()[0],
        "addresses": openings.exclude(return_url="").update(return_url="", client_encrypted=None),
        "payment links": PaymentLink.objects.filter(order__in=order_ids).exclude(return_urls={}).update(return_urls={}),
    }


def _cards(order_ids: Collection[UUID], customer_ids: Collection[UUID]) -> QuerySet[ReusableCard]:
    return ReusableCard.objects.filter(Q(order__in=order_ids) | Q(customer__in=customer_ids))


def _case_notes(order_ids: Collection[UUID]) -> QuerySet[CaseStep]:
    return CaseStep.objects.filter(case__payment__order__in=order_ids).exclude(text="")


def _rows(queryset: QuerySet[Any], *names: str) -> list[dict[str, Any]]:
    return list(queryset.order_by("pk").values(*names))
