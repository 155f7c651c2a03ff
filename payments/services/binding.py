"""Bind news to the operation it speaks of, making a row for what we are told of and never asked."""

from collections.abc import Collection, Iterable

from gateways.models import GatewayAccount
from gateways.protocol import Outcome, Reference
from gateways.protocol import OutcomeKind as Kind
from payments.errors import SubjectUndecided
from payments.models import Opening, Origin, Payment, Transaction
from payments.references import new_reference
from payments.selectors import CHARGE_KINDS, Subject
from payments.splitting import part_of
from payments.states import OperationKind, Status

_ATTEMPT_WORDS = frozenset({Kind.AUTHORIZED, Kind.DECLINED, Kind.EXPIRED, Kind.PENDING})
_OPERATION_OF: dict[Kind, OperationKind] = {
    Kind.CAPTURED: OperationKind.CAPTURE,
    Kind.CAPTURE_FAILED: OperationKind.CAPTURE,
    Kind.VOIDED: OperationKind.VOID,
    Kind.VOID_FAILED: OperationKind.VOID,
    Kind.REFUNDED: OperationKind.REFUND,
    Kind.REFUND_FAILED: OperationKind.REFUND,
    Kind.REFUND_REVERSED: OperationKind.REFUND,
    Kind.DISPUTE_OPENED: OperationKind.CHARGEBACK,
    Kind.CHARGEBACK: OperationKind.CHARGEBACK,
    Kind.CHARGEBACK_REVERSED: OperationKind.CHARGEBACK,
}


def operation_for(
    *,
    account: GatewayAccount,
    payment: Payment,
    subject: Subject,
    outcome: Outcome,
    known: list[Transaction],
) -> Transaction | None:
    """Return the operation the news speaks of, making a row for what we are told of and never asked.

    It is one of `known`, the payment's operations as they were read under its lock; what is made is added to them, and
    that may be the attempt it belongs to as well.
    """
    kind = outcome.kind
    spoken_of = next(
        (row for row in known if subject.transaction is not None and row.pk == subject.transaction.pk), None
    )
    if spoken_of is not None and _speaks_of(kind, spoken_of):
        return _remember_reference(spoken_of, outcome.reference.gateway)
    if kind is Kind.PENDING and outcome.reference.payment not in (None, outcome.reference.gateway):
        return _under_way(account, outcome, known)
    if kind in _ATTEMPT_WORDS:
        return _attempt(account, payment, subject.opening, outcome, outcome.reference.gateway, known)
    if kind not in _OPERATION_OF:
        return None
    parent = _attempt(account, payment, subject.opening, outcome, outcome.reference.payment, known)
    operation = _OPERATION_OF[kind]
    if operation is OperationKind.CAPTURE and (parent is None or parent.kind == OperationKind.SALE):
        return parent  # a sale has no capture of its own: the word is about the sale
    found = _known_operation(account, operation, outcome, known)
    if found is not None:
        return _remember_reference(found, outcome.reference.gateway)
    if _may_be_ours(operation, known):
        raise SubjectUndecided(
            f"{operation} {outcome.reference.gateway} may answer an operation of ours; wait for its answer"
        )
    made = Transaction.objects.create(
        payment=payment,
        order_id=payment.order_id,
        account=account,
        parent=parent,
        opening=parent.opening if parent else None,
        kind=operation,
        origin=Origin.GATEWAY,
        amount_minor=_amount_of(outcome, payment, parent.amount_minor if parent else payment.amount_minor),
        currency=payment.currency,
        reference=new_reference("tx"),
        gateway_reference=outcome.reference.gateway,
        requested_at=outcome.occurred_at,
        requested_by="gateway",
    )
    known.append(made)
    return made


def _speaks_of(kind: Kind, transaction: Transaction) -> bool:
    if kind in _ATTEMPT_WORDS:
        return transaction.kind in CHARGE_KINDS or kind is Kind.PENDING
    if transaction.kind == OperationKind.SALE and kind in (Kind.CAPTURED, Kind.CAPTURE_FAILED):
        return True
    return _OPERATION_OF.get(kind) == transaction.kind


def _remember_reference(transaction: Transaction, gateway_reference: str | None) -> Transaction:
    """Note the gateway's name for an operation of ours, once it is told; nobody sends it again, so its claim ends."""
    if gateway_reference and not transaction.gateway_reference:
        transaction.gateway_reference = gateway_reference
        transaction.claimed_until = None
    return transaction


def _attempt(
    account: GatewayAccount,
    payment: Payment,
    opening: Opening | None,
    outcome: Outcome,
    gateway_reference: str | None,
    known: list[Transaction],
) -> Transaction | None:
    """Return the attempt a guest made, by the gateway's reference; made here when its first news is about a child of
    it.
    """
    if not gateway_reference:
        return None
    attempts = [row for row in known if row.kind in CHARGE_KINDS and row.account_id == account.pk]
    # A refund may name the capture that it takes from, which is of the attempt that was captured.
    captured = {
        row.parent_id
        for row in known
        if row.kind == OperationKind.CAPTURE
        and row.account_id == account.pk
        and row.gateway_reference == gateway_reference
    }
    found = next((row for row in attempts if row.gateway_reference == gateway_reference or row.pk in captured), None)
    if found is not None:
        return found
    unnamed = _named(Reference(ours=outcome.reference.ours), [row for row in attempts if not row.gateway_reference])
    if unnamed is not None:
        return _remember_reference(unnamed, gateway_reference)  # a charge of ours whose own answer is still missing
    agreed = opening.parts if opening else payment.parts
    is_about_itself = outcome.kind in _ATTEMPT_WORDS
    amount_minor = _amount_of(outcome, payment, agreed.amount_minor) if is_about_itself else agreed.amount_minor
    parts = part_of(amount_minor, agreed)
    made = Transaction.objects.create(
        payment=payment,
        order_id=payment.order_id,
        account=account,
        opening=opening,
        kind=OperationKind.SALE if payment.captures_at_once else OperationKind.AUTHORIZATION,
        origin=Origin.GATEWAY,
        amount_minor=amount_minor,
        surcharge_minor=parts.surcharge_minor,
        donation_minor=parts.donation_minor,
        currency=payment.currency,
        reference=new_reference("tx"),
        gateway_reference=gateway_reference,
        requested_at=outcome.occurred_at,
        requested_by="guest",
    )
    known.append(made)
    return made


def _named(reference: Reference, rows: Collection[Transaction]) -> Transaction | None:
    """Return the operation that goes by the gateway's name, else the one of ours that goes by ours."""
    for row in rows:
        if reference.gateway and row.gateway_reference == reference.gateway:
            return row
    for row in rows:
        if reference.ours and row.reference == reference.ours and row.origin == Origin.OURS:
            return row
    return None


def _under_way(account: GatewayAccount, outcome: Outcome, known: Iterable[Transaction]) -> Transaction | None:
    """Return what is being done to a payment; None where we never asked for it: once it is done it is told as what it
    is, and until then nobody needs a row of it.
    """
    done_to_it = [row for row in known if row.kind not in CHARGE_KINDS and row.account_id == account.pk]
    found = _named(outcome.reference, done_to_it)
    return _remember_reference(found, outcome.reference.gateway) if found is not None else None


def _known_operation(
    account: GatewayAccount, operation: OperationKind, outcome: Outcome, known: Iterable[Transaction]
) -> Transaction | None:
    same_kind = [row for row in known if row.kind == operation and row.account_id == account.pk]
    reference = outcome.reference
    found = _named(reference, same_kind)
    if found is not None:
        return found
    if operation is OperationKind.CHARGEBACK and not reference.gateway:
        return max(same_kind, key=lambda row: row.requested_at, default=None)
    return None


def _may_be_ours(operation: OperationKind, known: Iterable[Transaction]) -> bool:
    """Say whether an operation of ours was sent and has no name at the gateway yet: then news may be its answer."""
    return any(
        row.kind == operation
        and row.origin == Origin.OURS
        and row.status == Status.PENDING
        and row.gateway_reference is None
        and row.first_sent_at is not None
        for row in known
    )


def _amount_of(outcome: Outcome, payment: Payment, expected_minor: int) -> int:
    if outcome.money is None or outcome.money.currency != payment.currency or outcome.money.minor <= 0:
        return expected_minor
    return outcome.money.minor
