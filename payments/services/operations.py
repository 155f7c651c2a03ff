"""Claim -> call -> record: how an operation of ours reaches a gateway, exactly once in effect.

No lock and no database transaction is held while a gateway is called. A claim has a number and a lease; what is
learned is recorded through the door, and bookkeeping of the claim is conditional on its number.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction as database
from django.db.models import F
from django.db.models.functions import Coalesce

from bookings.services import lock_order
from gateways.errors import AnswerLost, ErrorCode, GatewayError, MisconfiguredAccount, NotSent
from gateways.protocol import (
    CaptureRequest,
    ChargeRequest,
    Decline,
    EncryptedCard,
    ExternalCharge,
    Gateway,
    Outcome,
    OutcomeKind,
    RawCard,
    Reference,
    RefundRequest,
    Shopper,
    Source,
    VoidRequest,
)
from gateways.registry import gateway_for
from money import Money
from payments.metrics import gateway_call
from payments.models import CaseKind, EventSource, Origin, Transaction
from payments.models.claims import claim_row
from payments.selectors import Subject
from payments.services.actions import show_action
from payments.services.cards import card_token
from payments.services.cases import open_case
from payments.services.challenges import keep_challenge
from payments.services.in_hand import OrderInHand
from payments.services.locking import tried_again_after_lock_timeout
from payments.services.outages import note_not_sent
from payments.services.transitions import Applied, Then, apply_in_hand, apply_outcome
from payments.states import OperationKind, Status

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlyTold:
    """Hold what only the caller of a charge knows and nothing keeps: without the caller it cannot be repeated.

    `external` reports a payment taken elsewhere; `payment_token` is what the guest's browser got for a card, and
    `browser_info` what it says of itself; `keeps_card` says that the guest agreed to have the card kept. `card` is a
    card's own details, `shopper` who is at the keyboard, and `return_url` where the bank sends them back, when it is
    not the order's.
    """

    external: ExternalCharge | None = None
    payment_token: str | None = field(default=None, repr=False)
    browser_info: str = field(default="", repr=False)
    keeps_card: bool = False
    card: EncryptedCard | RawCard | None = field(default=None, repr=False)
    shopper: Shopper | None = field(default=None, repr=False)
    return_url: str = field(default="", repr=False)


NOTHING_TOLD = OnlyTold()


class Patience:
    """Keep the gateway calls of one request within what its caller is promised; what is left over, workers do."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        calls = settings.PAYMENTS["REQUEST_SECONDS"] - settings.PAYMENTS["GATEWAY_TIMEOUT_SECONDS"]
        self._last_start = clock() + timedelta(seconds=calls)

    def allows_a_call(self) -> bool:
        """Say whether one more call would end in time."""
        return self.clock() <= self._last_start


log = structlog.get_logger(__name__)

# What it is called that an operation was not done.
NOT_DONE: dict[str, OutcomeKind] = {
    OperationKind.SALE: OutcomeKind.DECLINED,
    OperationKind.AUTHORIZATION: OutcomeKind.DECLINED,
    OperationKind.CAPTURE: OutcomeKind.CAPTURE_FAILED,
    OperationKind.VOID: OutcomeKind.VOID_FAILED,
    OperationKind.REFUND: OutcomeKind.REFUND_FAILED,
}


def claim(*, transaction_id: UUID, now: datetime) -> Transaction | None:
    """Take an operation that nobody is sending; None when somebody is, or nothing is left to send."""
    row = Transaction.objects.filter(
        pk=transaction_id, origin=Origin.OURS, status=Status.PENDING, gateway_reference__isnull=True
    )
    if not claim_row(row, now, first_sent_at=Coalesce("first_sent_at", now)):
        return None
    return Transaction.objects.select_related("payment__order", "account", "parent__parent", "card", "opening").get(
        pk=transaction_id
    )


def perform(*, transaction_id: UUID, clock: Clock) -> Transaction | None:
    """Send an operation to its gateway and record what it said; None when it was not ours to send now.

    A lost answer leaves the operation unknown, to be asked again with the same key; nothing here raises for it: read
    the row.
    """
    started_at = clock()
    operation = claim(transaction_id=transaction_id, now=started_at)
    if operation is None:
        return None
    return _carry_out(operation, started_at, operation.first_sent_at != started_at, clock, NOTHING_TOLD)


def perform_claimed(
    *, operation: Transaction, clock: Clock, told: OnlyTold = NOTHING_TOLD, then: Then | None = None
) -> Transaction:
    """Send an operation that its caller wrote as claimed and has committed, and record what the gateway said.

    One that is decided already is returned as it is. What is to be done `then` is done with recording a good answer, in
    one transaction; where it fails the answer is recorded alone. Otherwise as `perform`.
    """
    if operation.status != Status.PENDING:
        return operation
    return _carry_out(operation, clock(), False, clock, told, then)


def perform_in_hand(
    *, operation: Transaction, held: OrderInHand, told: OnlyTold, now: datetime, then: Then | None = None
) -> Transaction:
    """Perform an operation in the transaction that wrote it, at a gateway without a wire; return it as it stands then.

    Nobody is called, so that no lock is held across a call and nothing need be committed before: all of it is written,
    with what is to be done `then`, or nothing.
    """
    gateway = gateway_for(operation.account)
    if gateway.has_wire:
        raise AssertionError(f"{gateway.slug} is called outside of transactions only")
    outcome = _send(operation, gateway, now, told)
    held.add(operation)
    applied = apply_in_hand(
        held=held,
        account=operation.account,
        outcome=outcome,
        source=EventSource.ANSWER,
        now=now,
        subject=Subject(operation.payment, operation.opening, operation),
        then=then if outcome.decline is None else None,
    )
    assert applied.transaction is not None
    return applied.transaction


def _carry_out(
    operation: Transaction,
    started_at: datetime,
    was_sent_before: bool,
    clock: Clock,
    told: OnlyTold,
    then: Then | None = None,
) -> Transaction:
    try:
        gateway = gateway_for(operation.account)
    except MisconfiguredAccount as error:
        return _not_sent(operation, error, was_sent_before, told, clock())
    if was_sent_before and not may_repeat(operation, gateway, started_at):
        mark_unknown(operation, "the gateway may have acted and repeating is not safe", clock())
        return _fresh(operation)
    try:
        with gateway_call(gateway=gateway.slug, operation=operation.kind):
            outcome = _send(operation, gateway, started_at, told)
    except NotSent as error:
        note_not_sent(account=operation.account, now=clock())
        return _not_sent(operation, error, was_sent_before, told, clock())
    except AnswerLost as error:
        mark_unknown(operation, str(error), clock())
    except GatewayError as error:
        _reject(operation, error, was_sent_before, clock())
    else:
        # Who entered a card on a page is shown there what to do, and whoever sent the card itself is answered with it.
        has_page = told.payment_token is not None and operation.opening is not None
        is_guest_there = has_page or told.card is not None
        return record_answer(
            operation=operation, outcome=outcome, now=clock(), is_guest_there=is_guest_there, then=then
        )
    return _fresh(operation)


def may_repeat(operation: Transaction, gateway: Gateway, now: datetime) -> bool:
    """Say whether the gateway still remembers the operation's key, so that repeating cannot act twice."""
    window = gateway.idempotency_window_seconds
    if window is None or operation.first_sent_at is None:
        return False
    return now < operation.first_sent_at + timedelta(seconds=window)


def record_answer(
    *,
    operation: Transaction,
    outcome: Outcome,
    now: datetime,
    is_guest_there: bool = False,
    then: Then | None = None,
) -> Transaction:
    """Take in the answer to an operation, end its claim and return it as it stands then; `then` as `perform_claimed`.

    A charge without the guest that asks for the guest is refused: nobody is there to act, and no money has moved. A
    guest who is there is shown what to do, and until then nothing is decided.
    """
    if outcome.kind is OutcomeKind.ACTION_REQUIRED and is_guest_there:
        if operation.opening is not None:
            show_action(opening=operation.opening, action=outcome.action, now=now)
        else:
            keep_challenge(charge=operation, action=outcome.action, now=now)
        outcome = replace(outcome, kind=OutcomeKind.PENDING)
    elif outcome.kind is OutcomeKind.ACTION_REQUIRED:
        refusal = Decline(code=ErrorCode.TRANSACTION_DECLINED, raw_text="the bank asks for the guest")
        outcome = replace(outcome, kind=OutcomeKind.DECLINED, decline=refusal)
    applied = _taken_in(operation, outcome, now, then)
    recorded = applied.transaction
    if recorded is not None and recorded.pk == operation.pk and applied.is_new and recorded.claimed_until is None:
        recorded.payment = applied.payment
        return recorded
    Transaction.objects.filter(pk=operation.pk, claim_number=operation.claim_number).update(claimed_until=None)
    return _fresh(operation)


def _taken_in(operation: Transaction, outcome: Outcome, now: datetime, then: Then | None) -> Applied:
    """Take in an answer and do what is to be done then, both or neither; where it is neither, the answer alone."""
    take_in = partial(
        apply_outcome,
        account=operation.account,
        outcome=outcome,
        source=EventSource.ANSWER,
        now=now,
        subject=Subject(operation.payment, operation.opening, operation),
    )
    if then is not None and outcome.decline is None:
        try:
            return take_in(then=then)
        except Exception as error:  # noqa: BLE001 - whatever it is, what the gateway said must not be lost with it
            log.info("answer_recorded_alone", transaction=operation.reference, error=type(error).__name__)
    return take_in()


def _send(operation: Transaction, gateway: Gateway, now: datetime, told: OnlyTold) -> Outcome:
    money = Money(operation.amount_minor, operation.currency)
    key = operation.idempotency_key or operation.reference
    match OperationKind(operation.kind):
        case OperationKind.SALE | OperationKind.AUTHORIZATION:
            return gateway.charge(
                ChargeRequest(
                    reference=operation.reference,
                    idempotency_key=key,
                    money=money,
                    source=Source(operation.payment.source),
                    captures_at_once=operation.kind == OperationKind.SALE,
                    card_token=card_token(operation.card) if operation.card else None,
                    payment_token=told.payment_token,
                    opening_reference=operation.opening.reference if operation.opening is not None else "",
                    browser_info=told.browser_info,
                    card=told.card,
                    shopper=told.shopper,
                    shopper_reference=_shopper_reference(operation),
                    stores_card=told.keeps_card and _was_asked_to_keep_it(operation),
                    external=told.external,
                    return_url=told.return_url or operation.payment.order.return_url,
                    requested_at=now,
                )
            )
        case OperationKind.CAPTURE:
            return gateway.capture(
                CaptureRequest(
                    payment_reference=_payment_reference(operation),
                    reference=operation.reference,
                    idempotency_key=key,
                    money=money,
                    requested_at=now,
                )
            )
        case OperationKind.VOID:
            return gateway.void(
                VoidRequest(
                    payment_reference=_payment_reference(operation),
                    reference=operation.reference,
                    idempotency_key=key,
                    requested_at=now,
                )
            )
        case OperationKind.REFUND:
            assert operation.parent is not None
            return gateway.refund(
                RefundRequest(
                    payment_reference=_payment_reference(operation),
                    taken_reference=operation.parent.gateway_reference or "",
                    reference=operation.reference,
                    idempotency_key=key,
                    money=money,
                    requested_at=now,
                )
            )
        case OperationKind.CHARGEBACK:
            raise AssertionError("a chargeback is never ours to send")


def _was_asked_to_keep_it(charge: Transaction) -> bool:
    return charge.opening is not None and charge.opening.consent_text_id is not None


def _shopper_reference(charge: Transaction) -> str:
    if charge.card is not None:
        return charge.card.shopper_reference
    return charge.opening.shopper_reference if charge.opening is not None else ""


def _payment_reference(operation: Transaction) -> str:
    """Return the gateway's name of the payment an operation works on: that of the first authorization or sale."""
    root = operation.parent
    while root is not None and root.parent is not None:
        root = root.parent
    assert root is not None
    assert root.gateway_reference
    return root.gateway_reference


def _not_sent(
    operation: Transaction, error: GatewayError, was_sent_before: bool, told: OnlyTold, now: datetime
) -> Transaction:
    """Note that nothing reached the gateway this time, so that the operation is sent again later.

    What only its caller could send ends here: nobody will send it, no money has moved, and an order must not wait for
    it.
    """
    log.warning("operation_not_sent", transaction=operation.reference, kind=operation.kind, error=str(error)[:200])
    if told != NOTHING_TOLD and not was_sent_before:
        outcome = Outcome(
            kind=OutcomeKind.DECLINED,
            reference=Reference(ours=operation.reference),
            event_key=f"{operation.reference}:not-sent",
            occurred_at=now,
            decline=Decline(code=ErrorCode.PROCESSOR_UNAVAILABLE, raw_text="the gateway was not reached"),
        )
        return record_answer(operation=operation, outcome=outcome, now=now)
    _release(operation, was_sent_before, now)
    return _fresh(operation)


def _release(operation: Transaction, was_sent_before: bool, now: datetime) -> None:
    """Let the operation be sent again later."""
    changes: dict[str, object] = {"claimed_until": None, "next_check_at": next_check(operation.checks_made, now)}
    changes["checks_made"] = F("checks_made") + 1
    if not was_sent_before:
        changes["first_sent_at"] = None
    _note(operation, changes)


def mark_unknown(operation: Transaction, why: str, now: datetime) -> None:
    """Note that nobody knows what the gateway did, and when to ask again; while the claim is still the caller's."""
    log.warning("operation_outcome_unknown", transaction=operation.reference, kind=operation.kind, why=why[:200])
    changes: dict[str, object] = {
        "claimed_until": None,
        "unknown_since_at": Coalesce("unknown_since_at", now),
        "next_check_at": next_check(operation.checks_made, now),
        "checks_made": F("checks_made") + 1,
    }
    _note(operation, changes)


def _reject(operation: Transaction, error: GatewayError, was_sent_before: bool, now: datetime) -> None:
    """Record that the gateway would not take the operation; if an earlier sending may have worked, it stays unknown."""
    log.error("operation_rejected", transaction=operation.reference, kind=operation.kind, error=str(error)[:200])
    open_case(
        payment=operation.payment,
        kind=CaseKind.REJECTED_BY_GATEWAY,
        detail=f"{operation.kind} {operation.reference}: {error}",
        now=now,
    )
    if was_sent_before or operation.unknown_since_at is not None:
        mark_unknown(operation, "rejected, after a sending whose answer was lost", now)
        return
    outcome = Outcome(
        kind=NOT_DONE[operation.kind],
        reference=Reference(ours=operation.reference),
        event_key=f"{operation.reference}:rejected",
        occurred_at=now,
        decline=Decline(code=ErrorCode.UNDEFINED_CARD_ERROR, raw_text=str(error)[:300]),
    )
    record_answer(operation=operation, outcome=outcome, now=now)


def next_check(checks_made: int, now: datetime) -> datetime | None:
    """Return when to ask again; None after the last look, when a person takes over."""
    schedule: list[int] = settings.PAYMENTS["UNKNOWN_CHECK_SCHEDULE_SECONDS"]
    if checks_made >= len(schedule):
        return None
    return now + timedelta(seconds=schedule[checks_made])


@tried_again_after_lock_timeout
def _note(operation: Transaction, changes: dict[str, object]) -> None:
    """Write what became of a sending, as long as the claim is still ours and nobody else told of the operation.

    Under the order's lock: the door reads a row there and writes only what it changes of it, so that what is written
    in between would stay on an operation that was just accepted.
    """
    with database.atomic():
        lock_order(order_id=operation.order_id)
        Transaction.objects.filter(
            pk=operation.pk, claim_number=operation.claim_number, status=Status.PENDING, gateway_reference__isnull=True
        ).update(**changes)


def _fresh(operation: Transaction) -> Transaction:
    return Transaction.objects.select_related("payment").get(pk=operation.pk)
