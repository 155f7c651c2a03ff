"""THE door: the only code that changes what a payment is.

Every word of a gateway, by answer, webhook, poll, report or staff, comes through `apply_outcome`: lock, store the event
once, derive, write what follows, post to the ledger, tell bookings. The same news twice is a no-op; arrival order does
not matter.
"""

from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction as database
from django.db.models import Exists, OuterRef

from bookings.models import BookingStatus, Order, OrderKind
from bookings.prepared import insert_row, update_row
from bookings.rules import is_asked
from bookings.services import (
    bookings_under_lock,
    keep_hold,
    lock_order,
    note_payment_news,
    record_money,
    retake_seats,
)
from gateways.errors import ErrorCode
from gateways.models import GatewayAccount
from gateways.protocol import Capability, Outcome
from gateways.protocol import OutcomeKind as Kind
from gateways.registry import gateway_class, gateway_for
from payments import ledger
from payments.ledger import Transfer
from payments.models import (
    CaseKind,
    EventSource,
    GatewayEvent,
    LedgerAccount,
    Opening,
    OpeningStatus,
    Origin,
    Payment,
    Transaction,
)
from payments.selectors import CHARGE_KINDS, Booked, OrderMoney, Subject, order_money, subject_of
from payments.services.binding import operation_for
from payments.services.cases import open_case
from payments.services.customer_credit import lock_credit, settle_top_up
from payments.services.events import events_of, fact_of, new_event, store_event
from payments.services.in_hand import OrderInHand, take_in_hand
from payments.services.locking import tried_again_after_lock_timeout
from payments.services.noting import compare_figures, note_news
from payments.services.parts import COUNTERPARTS, is_as_asked, moved_by, parts_of_operations
from payments.services.surplus import return_surplus
from payments.states import OperationKind, Position, State, Status, derive

Then = Callable[[OrderInHand], None]
# What of a payment is a cache of its fold.
_FOLDED = ("state", "authorized_minor", "captured_minor", "refunded_minor", "charged_back_minor")
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
    *,
    account: GatewayAccount,
    outcome: Outcome,
    source: EventSource,
    now: datetime,
    subject: Subject | None = None,
    then: Then | None = None,
) -> Applied:
    """Take in one piece of news from a gateway.

    `subject` is what the caller asked about, when the news is an answer; otherwise it is found by the references in
    the news. What is to be done `then`, where the news is new, is done in the same transaction, before the house
    follows; what it raises undoes the news too.

    :raises UnknownSubject: we have no record of what it speaks of (yet); nothing was written.
    """
    subject = subject or subject_of(account=account, outcome=outcome)
    with database.atomic():
        lock_credit(subject.payment.order)
        held = take_in_hand(lock_order(order_id=subject.payment.order_id))
        return apply_in_hand(
            held=held, account=account, outcome=outcome, source=source, now=now, subject=subject, then=then
        )


def apply_in_hand(
    *,
    held: OrderInHand,
    account: GatewayAccount,
    outcome: Outcome,
    source: EventSource,
    now: datetime,
    subject: Subject,
    then: Then | None = None,
) -> Applied:
    """Take in news as `apply_outcome` does, about an order that the caller has in hand, in its transaction."""
    payment = held.payments[subject.payment.pk]
    known = list(held.operations_of(payment).values())
    transaction = operation_for(account=account, payment=payment, subject=subject, outcome=outcome, known=known)
    for row in known:
        if str(row.pk) not in held.operations:
            held.add(row)
    events = [] if payment.pk in held.unheard_of else events_of(account, payment, outcome)
    event, is_new = store_event(account, payment, subject.opening, transaction, outcome, source, now, events)
    if not is_new:
        held.save_operations()
        compare_figures(payment, event, outcome, now)
        return Applied(payment=payment, transaction=transaction, is_new=False)
    held.unheard_of.discard(payment.pk)
    note_news(payment, transaction, subject.opening, event, outcome, now)
    position = _rederive(held, payment, [*events, event], subject.opening, now)
    if outcome.kind in _MOVES_NOTHING:
        held.save_operations()
        if outcome.kind is Kind.CARD_STORED and is_asked(held.order):
            note_payment_news(order=held.order, now=now)
        if then is not None:
            then(held)
        return Applied(payment=payment, transaction=transaction, is_new=True)
    _book(held, payment, position, event, now)
    if then is not None:
        then(held)
    _follow(held, payment, transaction, event, outcome, now)
    return Applied(payment=payment, transaction=transaction, is_new=True)


def record_opened(*, opening: Opening, answer: Outcome, now: datetime) -> None:
    """Take in that something was opened; call it inside a transaction.

    The first word on a payment needs no fold and moves no money, so it costs two statements: the conditional UPDATE
    takes the payment's lock and fails when any other word came first, and then the ordinary way is taken.
    """
    payment = opening.payment
    # No join: Django would ask about the state in a subquery, which looks at the payment as it was before the wait for
    # its lock.
    told = GatewayEvent.objects.filter(payment=OuterRef("pk"))
    is_first_word = Payment.objects.filter(~Exists(told), pk=payment.pk, state=State.CREATED).update(
        state=State.ACTION_REQUIRED, updated_at=now
    )
    if not is_first_word:
        subject = Subject(payment, opening, None)
        apply_outcome(account=opening.account, outcome=answer, source=EventSource.ANSWER, now=now, subject=subject)
        return
    payment.state = State.ACTION_REQUIRED
    insert_row(new_event(opening.account, payment, opening, None, answer, EventSource.ANSWER, now))


def _rederive(
    held: OrderInHand, payment: Payment, events: Collection[GatewayEvent], opening: Opening | None, now: datetime
) -> Position:
    """Fold the payment's events again and note what they make of it and of its operations."""
    transactions = held.operations_of(payment)
    counted = [event for event in events if event.payment_id == payment.pk and not event.problem]
    openings = {row.opening.id: row.opening for row in transactions.values() if row.opening}
    if opening is not None:
        openings[opening.pk] = opening
    if any(event.opening_id and event.opening_id not in openings for event in counted):
        openings = {row.id: row for row in Opening.objects.filter(payment=payment)}
    position = derive(fact_of(event, transactions, openings) for event in counted)
    said = {(event.kind, event.event_key): event for event in counted}
    next_look = _next_look_at_what_was_accepted(payment, now)
    for key, standing in position.operations.items():
        row = transactions[key]
        status = Status(row.status)
        is_decided = standing.status is not Status.PENDING
        row.status = standing.status
        row.unknown_since_at = None
        if is_decided or row.gateway_reference:
            row.next_check_at = None if is_decided else next_look
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
    folded = (
        position.state,
        position.authorized_minor,
        position.captured_minor,
        position.refunded_minor,
        position.charged_back_minor,
    )
    if folded != tuple(getattr(payment, name) for name in _FOLDED):
        for name, value in zip(_FOLDED, folded, strict=True):
            setattr(payment, name, value)
        payment.updated_at = now
        update_row(payment, [*_FOLDED, "updated_at"])
    return position


def _next_look_at_what_was_accepted(payment: Payment, now: datetime) -> datetime | None:
    """Return when to ask about an operation that the gateway took and did not decide; None where it cannot be asked."""
    if Capability.FETCH not in gateway_class(payment.account.gateway).capabilities:
        return None
    return now + timedelta(seconds=settings.PAYMENTS["UNKNOWN_CHECK_SCHEDULE_SECONDS"][0])


def _book(held: OrderInHand, payment: Payment, position: Position, event: GatewayEvent, now: datetime) -> None:
    """Write the operations, and post the difference between what they now say and what the ledger holds for them."""
    transactions = held.operations_of(payment)
    money_account = (
        LedgerAccount.EXTERNAL
        if Capability.CHARGE_EXTERNAL in gateway_for(payment.account).capabilities
        else LedgerAccount.CLEARING
    )
    booked: dict[tuple[UUID | None, str], int] = defaultdict(int)
    for entry in held.booked:
        if entry.payment_id == payment.pk:
            counterpart = entry.to_account if entry.from_account == money_account else entry.from_account
            sign = (entry.to_account == money_account) - (entry.from_account == money_account)
            booked[entry.transaction_id, counterpart] += sign * entry.amount_minor
    parts = parts_of_operations(transactions, position)
    transfers = []
    for key in position.operations:
        row = transactions[key]
        target = moved_by(row, parts[key]) if key in parts else {}
        for counterpart in COUNTERPARTS:
            delta = target.get(counterpart, 0) - booked[row.id, counterpart]
            if delta != 0:
                ways = (counterpart, money_account) if delta > 0 else (money_account, counterpart)
                transfers.append(Transfer(*ways, abs(delta), row))
        if key in parts and not is_as_asked(row):
            row.surcharge_minor = parts[key].surcharge_minor
            row.donation_minor = parts[key].donation_minor
    held.save_operations()
    if transfers:
        ledger.post(
            order=held.order,
            payment=payment,
            transfers=transfers,
            cause=event.kind.lower(),
            event=event,
            occurred_at=event.occurred_at,
            now=now,
        )
        held.booked.extend(_as_booked(payment, transfer) for transfer in transfers)


def _as_booked(payment: Payment, transfer: Transfer) -> Booked:
    row = transfer.transaction
    return Booked(
        payment_id=payment.pk,
        transaction_id=row.pk if row is not None else None,
        kind=row.kind if row is not None else None,
        from_account=transfer.from_account,
        to_account=transfer.to_account,
        amount_minor=transfer.amount_minor,
    )


def _follow(
    held: OrderInHand,
    payment: Payment,
    transaction: Transaction | None,
    event: GatewayEvent,
    outcome: Outcome,
    now: datetime,
) -> None:
    """Let the rest of the house follow: bookings learn of money, seats are kept or taken again, a surplus goes back."""
    order, bookings = held.order, held.bookings
    money = held.money
    version_before = order.version
    record_money(order=order, money_in_minor=money.money_in_minor, now=now, bookings=bookings)
    if is_asked(order) and order.version == version_before:
        # Nobody asks for its confirmation, so that a refusal has no other way to its partner.
        note_payment_news(order=order, now=now)
    settle_top_up(order=order, payment=payment, now=now)
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
    if transaction is not None and transaction.opening_id and _is_refused_charge_of_ours(transaction):
        # What its guest was shown to do at the bank leads nowhere any more: the next read opens anew.
        Opening.objects.filter(pk=transaction.opening_id, status=OpeningStatus.OPEN).update(
            status=OpeningStatus.CLOSED, client_encrypted=None
        )
    is_told_refund = outcome.kind is Kind.REFUNDED and transaction is not None and transaction.origin == Origin.GATEWAY
    is_missing = not money.is_covered or money.due_minor > 0
    # A top-up's credit was taken back with it, as far as it was there; what was not is a case of its own.
    is_sold = order.status == BookingStatus.CONFIRMED and order.kind != OrderKind.TOP_UP
    if is_told_refund and is_sold and is_missing:
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
        bookings = bookings_under_lock(order)
        money = order_money(order, bookings=bookings)
    if order.status == BookingStatus.ON_HOLD:
        until = now + timedelta(minutes=settings.PAYMENTS["KEEP_PAID_HOLD_MINUTES"])
        keep_hold(order=order, until=until, now=now, bookings=bookings)
    if transaction.kind == OperationKind.CAPTURE and _keeps_its_money(order):
        return
    surplus = _surplus_of(order, transaction, money)
    # A hold larger than what is due is captured for what is due; the rest lapses by itself.
    is_partly_needed = transaction.kind == OperationKind.AUTHORIZATION and surplus < transaction.parts.base_minor
    if surplus > 0 and not is_partly_needed:
        return_surplus(order=order, newest=transaction, amount_minor=surplus, now=now)


def _is_refused_charge_of_ours(transaction: Transaction) -> bool:
    is_charge_of_ours = transaction.origin == Origin.OURS and transaction.kind in CHARGE_KINDS
    return is_charge_of_ours and transaction.status == Status.FAILED


def _surplus_of(order: Order, transaction: Transaction, money: OrderMoney) -> int:
    """Return how much of the price that was just paid is more than was due, in minor units.

    A charge that a confirmation asked for is measured by the price it will confirm, as long as it can: what is
    confirmed or cancelled has its price. What a gateway told beyond what was asked is nobody's to give back by itself:
    the figure is before a person.
    """
    may_be_confirmed = order.status == BookingStatus.ON_HOLD
    wanted = max(money.price_minor, transaction.expected_total_minor or 0) if may_be_confirmed else money.price_minor
    surplus = money.certain_surplus_minor - (wanted - money.price_minor)
    asked = transaction.opening.amount_minor if transaction.opening else transaction.amount_minor
    told_beyond = max(0, transaction.amount_minor - asked)
    return min(surplus, transaction.parts.base_minor) - told_beyond


def _keeps_its_money(order: Order) -> bool:
    """Say whether staff cancelled the order and gave nothing back: the money it had asked for is meant to stay."""
    if order.status != BookingStatus.CANCELLED or order.bookings.exclude(cancellation_refund="NONE").exists():
        return False
    # A gift is cancelled unspent, and its buyer has all of it back; so has who paid an invoice that was cancelled.
    return order.kind != OrderKind.GIFT and not is_asked(order)
