"""THE door: the only code that changes what a payment is.

Every word of a gateway, by answer, webhook, poll, report or staff, comes through `apply_outcome`: lock, store the event
once, derive, write what follows, post to the ledger, tell bookings. The same news twice is a no-op; arrival order does
not matter.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction as database
from django.db.models import Sum

from bookings.models import BookingStatus, Order, OrderKind
from bookings.services import keep_hold, lock_order, record_money, retake_seats
from gateways.errors import ErrorCode
from gateways.models import GatewayAccount
from gateways.protocol import Capability, Outcome
from gateways.protocol import OutcomeKind as Kind
from gateways.registry import gateway_for
from payments import ledger
from payments.errors import SubjectUndecided, UnknownSubject
from payments.ledger import Transfer
from payments.models import (
    CaseKind,
    EventSource,
    GatewayEvent,
    LedgerAccount,
    LedgerEntry,
    Opening,
    OpeningStatus,
    Origin,
    Payment,
    Transaction,
)
from payments.selectors import CHARGE_KINDS, OrderMoney, Subject, order_money, subject_of
from payments.services.binding import operation_for
from payments.services.cases import open_case
from payments.services.locking import tried_again_after_lock_timeout
from payments.services.noting import compare_figures, note_news
from payments.services.parts import is_as_asked, moved_by, parts_of_operations
from payments.services.surplus import return_surplus
from payments.states import Fact, OperationKind, Position, State, Status, derive

_WRITTEN = (
    "status",
    "unknown_since_at",
    "next_check_at",
    "claimed_until",
    "decided_at",
    "error_code",
    "raw_code",
    "raw_text",
    "amount_minor",
)
_MONEY_CAME = frozenset({Kind.AUTHORIZED, Kind.CAPTURED})
# A hope changes no sum: after it there is nothing to post, and nothing for bookings to learn.
_MOVES_NOTHING = frozenset({Kind.ACTION_REQUIRED, Kind.PENDING, Kind.NOTE, Kind.CARD_STORED, Kind.CARD_REVOKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """Say what a piece of news did; `is_new` is False when it had been told before."""

    payment: Payment
    transaction: Transaction | None
    is_new: bool


@tried_again_after_lock_timeout
def apply_outcome(
    *, account: GatewayAccount, outcome: Outcome, source: EventSource, now: datetime, subject: Subject | None = None
) -> Applied:
    """Take in one piece of news from a gateway.

    `subject` is what the caller asked about, when the news is an answer; otherwise it is found by the references in
    the news.

    :raises UnknownSubject: we have no record of what it speaks of (yet); nothing was written.
    """
    subject = subject or subject_of(account=account, outcome=outcome)
    with database.atomic():
        order = lock_order(order_id=subject.payment.order_id)
        payment = _lock_payments(order, subject.payment.id)
        transaction = operation_for(account=account, payment=payment, subject=subject, outcome=outcome)
        event, is_new = _store(account, payment, subject.opening, transaction, outcome, source, now)
        if not is_new:
            compare_figures(payment, event, outcome, now)
            return Applied(payment=payment, transaction=transaction, is_new=False)
        note_news(payment, transaction, subject.opening, event, outcome, now)
        position, transactions = _rederive(payment, now)
        if transaction is not None:
            transaction = transactions[str(transaction.id)]
        if outcome.kind in _MOVES_NOTHING:
            return Applied(payment=payment, transaction=transaction, is_new=True)
        _book(order, payment, transactions, position, event, now)
        _follow(order, payment, transaction, event, outcome, now)
    return Applied(payment=payment, transaction=transaction, is_new=True)


def record_opened(*, opening: Opening, answer: Outcome, now: datetime) -> None:
    """Take in that something was opened; call it inside a transaction.

    The first word on a payment needs no fold and moves no money, so it costs two statements: the conditional UPDATE
    takes the payment's lock and fails when any other word came first, and then the ordinary way is taken.
    """
    payment = opening.payment
    is_first_word = Payment.objects.filter(pk=payment.pk, state=State.CREATED, events__isnull=True).update(
        state=State.ACTION_REQUIRED, updated_at=now
    )
    if not is_first_word:
        subject = Subject(payment, opening, None)
        apply_outcome(account=opening.account, outcome=answer, source=EventSource.ANSWER, now=now, subject=subject)
        return
    payment.state = State.ACTION_REQUIRED
    _new_event(opening.account, payment, opening, None, answer, EventSource.ANSWER, now).save(force_insert=True)


def _lock_payments(order: Order, payment_id: UUID) -> Payment:
    """Lock the order's payments in pk order and return the one the news is about."""
    locked = (
        Payment.objects.select_for_update(of=("self",)).filter(order=order).select_related("account").order_by("pk")
    )
    return next(payment for payment in locked if payment.id == payment_id)


def _store(
    account: GatewayAccount,
    payment: Payment,
    opening: Opening | None,
    transaction: Transaction | None,
    outcome: Outcome,
    source: EventSource,
    now: datetime,
) -> tuple[GatewayEvent, bool]:
    """Insert the event once; return the stored one and whether it is new."""
    # The order's lock is held, so nobody can store the same fact of this payment between the look and the insert; the
    # unique constraint is what holds if a caller ever forgets the lock.
    corrected_key = f"{outcome.event_key}:corrected"
    known = GatewayEvent.objects.filter(
        account=account, kind=outcome.kind, event_key__in=[outcome.event_key, corrected_key]
    )
    stored = known.order_by("id").last()
    event = _new_event(account, payment, opening, transaction, outcome, source, now)
    if stored is not None and (not stored.problem or event.problem):
        return stored, False
    if stored is not None:
        event.event_key = corrected_key  # what could not be summed was a wrong word on the same fact
    event.save(force_insert=True)
    return event, True


def _new_event(
    account: GatewayAccount,
    payment: Payment,
    opening: Opening | None,
    transaction: Transaction | None,
    outcome: Outcome,
    source: EventSource,
    now: datetime,
) -> GatewayEvent:
    has_other_currency = outcome.money is not None and outcome.money.currency != payment.currency
    return GatewayEvent(
        account=account,
        payment=payment,
        transaction=transaction,
        opening=opening or (transaction.opening if transaction else None),
        kind=outcome.kind,
        event_key=outcome.event_key,
        source=source,
        gateway_reference=outcome.reference.gateway or "",
        amount_minor=outcome.money.minor if outcome.money else None,
        currency=outcome.money.currency if outcome.money else "",
        is_cumulative=outcome.cumulative,
        problem="currency differs" if has_other_currency else "",
        decline_code=outcome.decline.code if outcome.decline else "",
        raw_code=outcome.decline.raw_code[:40] if outcome.decline else "",
        raw_text=outcome.decline.raw_text[:300] if outcome.decline else "",
        raw=dict(outcome.raw),
        occurred_at=outcome.occurred_at,
        received_at=now,
    )


def _rederive(payment: Payment, now: datetime) -> tuple[Position, dict[str, Transaction]]:
    """Fold the payment's events again and write what they make of it and of its operations."""
    transactions = {str(row.id): row for row in Transaction.objects.filter(payment=payment).select_related("opening")}
    for row in transactions.values():
        row.payment = payment
    events = list(GatewayEvent.objects.filter(payment=payment, problem="").order_by("id"))
    openings = {row.opening.id: row.opening for row in transactions.values() if row.opening}
    if any(event.opening_id and event.opening_id not in openings for event in events):
        openings = {row.id: row for row in Opening.objects.filter(payment=payment)}
    position = derive(fact_of(event, transactions, openings) for event in events)
    said = {(event.kind, event.event_key): event for event in events}
    for key, standing in position.operations.items():
        row = transactions[key]
        before = _written(row)
        status = Status(row.status)
        is_decided = standing.status is not Status.PENDING
        row.status = standing.status
        row.unknown_since_at = None
        if is_decided or row.gateway_reference:
            row.next_check_at = None
            row.claimed_until = None
        if status is not standing.status:
            row.decided_at = now if is_decided else None
        row.error_code = ""
        if standing.status is Status.FAILED:
            deciding = said[standing.word, standing.key]
            row.error_code = deciding.decline_code or ErrorCode.TRANSACTION_DECLINED
            row.raw_code = deciding.raw_code
            row.raw_text = deciding.raw_text or standing.word.value
        if standing.status is Status.PROCESSED and row.kind in CHARGE_KINDS:
            row.amount_minor = standing.amount_minor or row.amount_minor
        if _written(row) != before:
            row.save(update_fields=_WRITTEN)
    payment.state = position.state
    payment.authorized_minor = position.authorized_minor
    payment.captured_minor = position.captured_minor
    payment.refunded_minor = position.refunded_minor
    payment.charged_back_minor = position.charged_back_minor
    payment.updated_at = now
    payment.save(
        update_fields=[
            "state", "authorized_minor", "captured_minor", "refunded_minor", "charged_back_minor", "updated_at",
        ]
    )  # fmt: skip
    return position, transactions


def _written(row: Transaction) -> list[object]:
    return [getattr(row, field) for field in _WRITTEN]


def fact_of(event: GatewayEvent, transactions: dict[str, Transaction], openings: dict[UUID, Opening]) -> Fact:
    """Return what an event says, as `derive` reads it; transactions and openings of its payment are given by id."""
    row = transactions.get(str(event.transaction_id)) if event.transaction_id else None
    opening = openings.get(event.opening_id) if event.opening_id else None
    is_charge = row is None or row.kind in CHARGE_KINDS
    attempt, attempted_at = "", None
    if opening is not None and is_charge:
        attempt, attempted_at = str(opening.id), opening.created_at
    elif row is not None and is_charge:
        attempt, attempted_at = str(row.id), row.requested_at
    return Fact(
        operation=str(row.id) if row else "",
        operation_kind=OperationKind(row.kind) if row else None,
        kind=Kind(event.kind),
        key=event.event_key,
        occurred_at=event.occurred_at,
        attempt=attempt,
        attempted_at=attempted_at,
        parent=str(row.parent_id) if row and row.parent_id else "",
        amount_minor=event.amount_minor if event.amount_minor is not None else (row.amount_minor if row else 0),
        is_cumulative=event.is_cumulative,
    )


def _book(
    order: Order,
    payment: Payment,
    transactions: dict[str, Transaction],
    position: Position,
    event: GatewayEvent,
    now: datetime,
) -> None:
    """Post the difference between what the operations now say and what the ledger holds for them."""
    money_account = (
        LedgerAccount.EXTERNAL
        if Capability.CHARGE_EXTERNAL in gateway_for(payment.account).capabilities
        else LedgerAccount.CLEARING
    )
    booked: dict[tuple[UUID | None, str], int] = defaultdict(int)
    sums = (
        LedgerEntry.objects.filter(payment=payment)
        .values_list("transaction_id", "from_account", "to_account")
        .annotate(total=Sum("amount_minor"))
    )
    for transaction_id, from_account, to_account, total in sums:
        counterpart = to_account if from_account == money_account else from_account
        booked[transaction_id, counterpart] += total * ((to_account == money_account) - (from_account == money_account))
    parts = parts_of_operations(transactions, position)
    transfers = []
    for key in position.operations:
        row = transactions[key]
        target = moved_by(row, parts[key]) if key in parts else {}
        for counterpart in (LedgerAccount.RECEIVABLE, LedgerAccount.DISPUTED, LedgerAccount.SURCHARGE):
            delta = target.get(counterpart, 0) - booked[row.id, counterpart]
            if delta != 0:
                ways = (counterpart, money_account) if delta > 0 else (money_account, counterpart)
                transfers.append(Transfer(*ways, abs(delta), row))
        if key in parts and not is_as_asked(row) and row.surcharge_minor != parts[key].surcharge_minor:
            row.surcharge_minor = parts[key].surcharge_minor
            row.save(update_fields=["surcharge_minor"])
    if transfers:
        ledger.post(
            order=order,
            payment=payment,
            transfers=transfers,
            cause=event.kind.lower(),
            event=event,
            occurred_at=event.occurred_at,
            now=now,
        )


def _follow(
    order: Order,
    payment: Payment,
    transaction: Transaction | None,
    event: GatewayEvent,
    outcome: Outcome,
    now: datetime,
) -> None:
    """Let the rest of the house follow: bookings learn of money, seats are kept or taken again, a surplus goes back."""
    money = order_money(order)
    order = record_money(order=order, money_in_minor=money.money_in_minor, now=now)
    if payment.refunded_minor + payment.charged_back_minor > payment.captured_minor:
        open_case(
            payment=payment,
            kind=CaseKind.OVERDRAWN,
            detail=(
                f"captured {payment.captured_minor}, refunded {payment.refunded_minor}, "
                f"charged back {payment.charged_back_minor}, in minor units of {payment.currency}"
            ),
            now=now,
        )
    is_told_refund = outcome.kind is Kind.REFUNDED and transaction is not None and transaction.origin == Origin.GATEWAY
    is_missing = not money.is_covered or money.due_minor > 0
    if is_told_refund and order.status == BookingStatus.CONFIRMED and is_missing:
        open_case(
            payment=payment,
            kind=CaseKind.BALANCE_REOPENED,
            detail=f"{outcome.money} was given back at the gateway, not by us; the booking is confirmed",
            now=now,
        )
    if (
        outcome.kind not in _MONEY_CAME
        or event.problem
        or transaction is None
        or transaction.status != Status.PROCESSED
    ):
        return
    if transaction.opening_id and payment.state in (State.CAPTURED, State.AUTHORIZED):
        Opening.objects.filter(pk=transaction.opening_id).update(
            status=OpeningStatus.CLOSED, client_encrypted=None, reported_paid_at=None, next_check_at=None
        )
    if order.status == BookingStatus.EXPIRED:
        if not retake_seats(order=order, now=now):
            open_case(
                payment=payment,
                kind=CaseKind.PAID_WITHOUT_SEATS,
                detail="the guest paid after the hold ran out and the seats are gone",
                now=now,
            )
            return
        order = lock_order(order_id=order.pk)
        money = order_money(order)
    if order.status == BookingStatus.ON_HOLD:
        until = now + timedelta(minutes=settings.PAYMENTS["KEEP_PAID_HOLD_MINUTES"])
        keep_hold(order=order, until=until, now=now)
    if transaction.kind == OperationKind.CAPTURE and _keeps_its_money(order):
        return
    surplus = _surplus_of(transaction, money)
    # A hold larger than what is due is captured for what is due; the rest lapses by itself.
    is_partly_needed = transaction.kind == OperationKind.AUTHORIZATION and surplus < transaction.parts.base_minor
    if surplus > 0 and not is_partly_needed:
        return_surplus(order=order, newest=transaction, amount_minor=surplus, now=now)


def _surplus_of(transaction: Transaction, money: OrderMoney) -> int:
    """Return how much of the price that was just paid is more than was due, in minor units.

    A charge that a confirmation asked for is measured by the price it will confirm. What a gateway told beyond what was
    asked is nobody's to give back by itself: the figure is before a person.
    """
    wanted = max(money.price_minor, transaction.expected_total_minor or 0)
    surplus = money.certain_surplus_minor - (wanted - money.price_minor)
    asked = transaction.opening.amount_minor if transaction.opening else transaction.amount_minor
    told_beyond = max(0, transaction.amount_minor - asked)
    return min(surplus, transaction.parts.base_minor) - told_beyond


def _keeps_its_money(order: Order) -> bool:
    """Say whether staff cancelled the order and gave nothing back: the money it had asked for is meant to stay."""
    if order.status != BookingStatus.CANCELLED or order.bookings.exclude(cancellation_refund="NONE").exists():
        return False
    return order.kind != OrderKind.GIFT  # a gift is cancelled unspent, and its buyer has all of it back


__all__ = ["Applied", "SubjectUndecided", "UnknownSubject", "apply_outcome"]
