"""What a line, or a movement of the ledger, could belong to: reads for people who match by hand."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Abs

from payments.models import LedgerAccount, LedgerEntry
from reconciliation.models import (
    BatchState,
    Discrepancy,
    DiscrepancyKind,
    DiscrepancyState,
    SettlementBatch,
    SettlementLine,
)
from reconciliation.statements import statement

# Why a line may still be without a match.
UNPLACED = (
    DiscrepancyKind.MISSING_HERE,
    DiscrepancyKind.DUPLICATE,
    DiscrepancyKind.UNDECIDED,
    DiscrepancyKind.AMBIGUOUS,
    DiscrepancyKind.UNKNOWN_CREDIT,
)
MOST_CANDIDATES = 20
# How far an amount may be from what is looked for, in parts of it, and how far the days.
_NEAR = 10
_WINDOW = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Be what one posting moved through the gateway's account for one operation, in minor units; negative is out of it.

    `entry_id` is the first of its entries, which stands for it. `names` are the references of the operation, its
    payment, its order and the bookings of that.
    """

    entry_id: int
    minor: int
    currency: str
    occurred_at: datetime
    kind: str
    reference: str
    gateway_reference: str
    payment_reference: str
    names: frozenset[str]


def free_movements(
    *, account_id: int, money_account: LedgerAccount, currency: str, entry_ids: Sequence[int]
) -> list[Movement]:
    """Return those of the movements that nobody took."""
    if not entry_ids:
        return []
    return _movements(
        account_id=account_id,
        money_account=money_account,
        currency=currency,
        entries=list(entry_ids),
        only=list(entry_ids),
        at_most=len(entry_ids),
    )


def candidate_movements(
    *,
    account_id: int,
    money_account: LedgerAccount,
    currency: str,
    minor: int,
    at: datetime,
    references: Iterable[str],
) -> list[Movement]:
    """Return movements that nobody took: first those that go by one of the references, then those of about an amount
    within a month, the nearest first.
    """
    return _movements(
        account_id=account_id,
        money_account=money_account,
        currency=currency,
        references=sorted(set(filter(None, references))),
        least=abs(minor) - abs(minor) // _NEAR,
        most=abs(minor) + abs(minor) // _NEAR,
        since=at - _WINDOW,
        until=at + _WINDOW,
        wanted=minor,
    )


def movement_minor(entry: LedgerEntry, money_account: LedgerAccount) -> int:
    """Return what the movement that an entry stands for moved, signed, taken or not."""
    return movements_minor([entry], money_account)[entry.pk]


def movements_minor(entries: Sequence[LedgerEntry], money_account: LedgerAccount) -> dict[int, int]:
    """Return what the movements that entries stand for moved, by the entry's id, signed, taken or not."""
    moved: Counter[tuple[UUID, UUID | None, str]] = Counter()
    for each in LedgerEntry.objects.filter(posting__in={entry.posting_id for entry in entries}):
        sign = (each.to_account == money_account) - (each.from_account == money_account)
        moved[each.posting_id, each.transaction_id, each.currency] += sign * each.amount_minor
    return {entry.pk: moved[entry.posting_id, entry.transaction_id, entry.currency] for entry in entries}


def names_of(line: SettlementLine) -> list[str]:
    """Return every reference that a line gives."""
    names = (line.gateway_reference, line.payment_reference, line.our_reference, line.our_operation_reference)
    return [name for name in dict.fromkeys(names) if name]


def candidate_lines(*, source_id: int, currency: str, minor: int, references: Iterable[str]) -> list[SettlementLine]:
    """Return lines without a place: those that give one of the references, then the others, the nearest by amount."""
    wanted = list(filter(None, references))
    is_named = (
        Q(gateway_reference__in=wanted)
        | Q(payment_reference__in=wanted)
        | Q(our_reference__in=wanted)
        | Q(our_operation_reference__in=wanted)
    )
    unplaced = SettlementLine.objects.filter(
        discrepancies__in=_still_open(kind__in=UNPLACED, source=source_id), gross_currency=currency
    ).annotate(off=Abs(F("gross_minor") - minor), turn=Case(When(is_named, then=Value(1)), default=Value(2)))
    return list(unplaced.select_related("batch", "report").order_by("turn", "off", "id")[:MOST_CANDIDATES])


def candidate_batches(*, currency: str, minor: int, at: datetime) -> list[SettlementBatch]:
    """Return payouts that the bank is not known to have, the nearest by amount."""
    waiting = SettlementBatch.objects.filter(
        state=BatchState.BALANCED, bank_line__isnull=True, currency=currency, payout_minor__isnull=False
    ).exclude(payout_minor=0)
    near = waiting.filter(settled_at__range=(at - _WINDOW, at + _WINDOW)).annotate(off=Abs(F("payout_minor") - minor))
    return list(near.select_related("source").order_by("off", "id")[:MOST_CANDIDATES])


def candidate_credits(*, currency: str, minor: int) -> list[SettlementLine]:
    """Return lines of bank statements that are no payout we know, the nearest by amount."""
    unknown = SettlementLine.objects.filter(
        discrepancies__in=_still_open(kind=DiscrepancyKind.UNKNOWN_CREDIT), net_currency=currency
    )
    return list(
        unknown.annotate(off=Abs(F("net_minor") - minor))
        .select_related("batch", "report")
        .order_by("off", "id")[:MOST_CANDIDATES]
    )


def _still_open(**about: Any) -> QuerySet[Discrepancy]:
    return Discrepancy.objects.filter(**about).exclude(state=DiscrepancyState.CLOSED)


def _movements(*, account_id: int, money_account: LedgerAccount, currency: str, **wanted: Any) -> list[Movement]:
    nothing: dict[str, Any] = {
        "references": [],
        "entries": [],
        "only": None,
        "least": None,
        "most": None,
        "since": None,
        "until": None,
        "wanted": 0,
        "at_most": MOST_CANDIDATES,
    }
    fields: dict[str, Any] = {"account": account_id, "money_account": money_account.value, "currency": currency}
    with connection.cursor() as cursor:
        cursor.execute(statement("working/movements"), {**nothing, **fields, **wanted})
        rows = cursor.fetchall()
    return [
        Movement(
            entry_id=entry_id,
            minor=minor,
            currency=code,
            occurred_at=occurred_at,
            kind=kind,
            reference=reference,
            gateway_reference=gateway_reference,
            payment_reference=payment_reference,
            names=frozenset(names),
        )
        for entry_id, minor, code, occurred_at, kind, reference, gateway_reference, payment_reference, names in rows
    ]
