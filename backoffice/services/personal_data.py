"""A guest's right to know what is held, and to have it erased, over all apps; each app writes its own rows.

What has to be kept by law is kept without the guest: the books, with every amount, date and reference.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

import api.personal_data as edges
from backoffice.errors import BackofficeError
from backoffice.models import ApprovalRequest, AuditReason, DepartureCancellation, DepartureItem, ProbableDuplicate
from bookings.masking import ERASED, Mask
from bookings.models import Booking, Order
from bookings.services import personal_data as sold
from bookings.services.personal_data import Guest, find_guest
from payments.models import Transaction
from payments.services import personal_data as paid
from reconciliation.models import Discrepancy
from reconciliation.services import personal_data as reconciled


class StillNeeded(BackofficeError):
    """Say why a guest's data cannot be erased yet; nothing was changed."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Be how it stands with a guest: which orders are meant, how much is held, and why it cannot be erased yet."""

    guest: Guest
    orders: list[str]
    rows: dict[str, int]
    reasons: list[str]


def standing_of_guest(term: str, *, now: datetime) -> Standing | None:
    """Return how it stands with the guest whom a term names; None where nothing is held."""
    guest = find_guest(term)
    if not guest:
        return None
    held = personal_data_of(guest)
    return Standing(
        guest=guest,
        orders=references_of(guest),
        rows={kind: len(rows) for kind, rows in held.items() if rows},
        reasons=_reasons(guest, now),
    )


def personal_data_of(guest: Guest) -> dict[str, list[dict[str, Any]]]:
    """Return everything that is held of a guest, by kind."""
    return {
        **sold.personal_data_of(guest),
        **paid.personal_data_of(order_ids=guest.order_ids, customer_ids=guest.customer_ids),
        **edges.personal_data_of(order_ids=guest.order_ids),
        **reconciled.personal_data_of(reconciled.discrepancies_of(guest.order_ids)),
        "reasons for refunds to approve": [dict(row) for row in _approvals(guest).values("reason", "decision_reason")],
        "reasons of what staff did": [dict(row) for row in _audit_reasons(guest).values("text", "entry__at")],
        "why it was no duplicate": [dict(row) for row in _duplicates(guest).values("reason")],
        "how it was paid back by hand": [dict(row) for row in _by_hand(guest).values("settled_note")],
    }


def references_of(guest: Guest) -> list[str]:
    """Return the references of a guest's orders."""
    return list(Order.objects.filter(pk__in=guest.order_ids).order_by("reference").values_list("reference", flat=True))


@transaction.atomic
def erase_guest(guest: Guest, *, requested_by: str, now: datetime) -> dict[str, int]:
    """Take a guest out of everything, and return how many rows of each kind were about them; again changes nothing.

    What was written about this guest goes as a whole; of what was written about others too, the guest's names go.

    :raises StillNeeded: an order is open, a visit is to come, or money is not settled; nothing was changed.
    """
    sold.lock_guest(guest)
    if reasons := _reasons(guest, now):
        raise StillNeeded(reasons)
    # Before they are gone.
    mask = Mask(sold.names_of(guest))
    discrepancies = reconciled.discrepancies_of(guest.order_ids)
    return {
        **sold.erase_guest(guest),
        **paid.erase_guest(
            order_ids=guest.order_ids, customer_ids=guest.customer_ids, requested_by=requested_by, now=now
        ),
        **edges.erase_guest(order_ids=guest.order_ids),
        "reasons for refunds to approve": _approvals(guest).update(reason=ERASED, decision_reason=""),
        **reconciled.erase_guest(discrepancies, mask),
        "reasons of what staff did": _erase_audit_reasons(guest, discrepancies, mask),
        "reasons for cancelled departures": _mask_departures(mask),
        "why it was no duplicate": _duplicates(guest).update(reason=ERASED),
        "how it was paid back by hand": _by_hand(guest).update(settled_note=ERASED),
    }


def _approvals(guest: Guest) -> QuerySet[ApprovalRequest]:
    return ApprovalRequest.objects.filter(order__in=guest.order_ids).exclude(reason=ERASED, decision_reason="")


def _audit_reasons(guest: Guest) -> QuerySet[AuditReason]:
    return AuditReason.objects.filter(order__in=guest.order_ids)


def _erase_audit_reasons(guest: Guest, discrepancy_ids: list[int], mask: Mask) -> int:
    of_discrepancies = AuditReason.objects.filter(
        entry__subject_kind=Discrepancy._meta.label_lower, entry__subject_id__in=[str(pk) for pk in discrepancy_ids]
    )
    erased = [rows.exclude(text=ERASED).update(text=ERASED) for rows in (_audit_reasons(guest), of_discrepancies)]
    return sum(erased) + mask.column(AuditReason.objects.all(), "text")


def _mask_departures(mask: Mask) -> int:
    """Take the guest out of why departures were cancelled, as all their bookings and refunds were told."""
    told = [
        mask.column(Booking.objects.filter(pk__in=DepartureItem.objects.values("booking")), "cancellation_reason"),
        mask.column(Transaction.objects.filter(departure_return__isnull=False), "reason"),
        mask.column(DepartureItem.objects.exclude(settled_note=""), "settled_note"),
    ]
    return mask.column(DepartureCancellation.objects.all(), "reason") + sum(told)


def _duplicates(guest: Guest) -> QuerySet[ProbableDuplicate]:
    either = Q(charge__payment__order__in=guest.order_ids) | Q(twin__payment__order__in=guest.order_ids)
    return ProbableDuplicate.objects.filter(either).exclude(reason__in=["", ERASED])


def _by_hand(guest: Guest) -> QuerySet[DepartureItem]:
    return DepartureItem.objects.filter(order__in=guest.order_ids).exclude(settled_note__in=["", ERASED])


def _reasons(guest: Guest, now: datetime) -> list[str]:
    return [
        *sold.reasons_to_wait(guest, now=now),
        *paid.reasons_to_wait(order_ids=guest.order_ids, customer_ids=guest.customer_ids, now=now),
    ]
