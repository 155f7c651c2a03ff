"""Bind news to the operation it speaks of, making a row for what we are told of and never asked."""

from gateways.models import GatewayAccount
from gateways.protocol import Outcome
from gateways.protocol import OutcomeKind as Kind
from payments.errors import SubjectUndecided
from payments.models import Opening, Origin, Payment, Transaction
from payments.references import new_reference
from payments.selectors import CHARGE_KINDS, Subject
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
    *, account: GatewayAccount, payment: Payment, subject: Subject, outcome: Outcome
) -> Transaction | None:
    """Return the operation the news speaks of, making a row for what we are told of and never asked."""
    kind = outcome.kind
    if subject.transaction is not None and _speaks_of(kind, subject.transaction):
        return _remember_reference(subject.transaction, outcome.reference.gateway)
    if kind in _ATTEMPT_WORDS:
        return _attempt(account, payment, subject.opening, outcome, outcome.reference.gateway)
    if kind not in _OPERATION_OF:
        return None
    parent = _attempt(account, payment, subject.opening, outcome, outcome.reference.payment)
    operation = _OPERATION_OF[kind]
    if operation is OperationKind.CAPTURE and (parent is None or parent.kind == OperationKind.SALE):
        return parent  # a sale has no capture of its own: the word is about the sale
    found = _known_operation(account, payment, operation, outcome)
    if found is not None:
        return _remember_reference(found, outcome.reference.gateway)
    if _may_be_ours(payment, operation):
        raise SubjectUndecided(
            f"{operation} {outcome.reference.gateway} may answer an operation of ours; wait for its answer"
        )
    return Transaction.objects.create(
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


def _speaks_of(kind: Kind, transaction: Transaction) -> bool:
    if kind in _ATTEMPT_WORDS:
        return transaction.kind in CHARGE_KINDS or kind is Kind.PENDING
    if transaction.kind == OperationKind.SALE and kind in (Kind.CAPTURED, Kind.CAPTURE_FAILED):
        return True
    return _OPERATION_OF.get(kind) == transaction.kind


def _remember_reference(transaction: Transaction, gateway_reference: str | None) -> Transaction:
    """Keep the gateway's name for an operation of ours, once it is told; nobody sends it again, so its claim ends."""
    if gateway_reference and not transaction.gateway_reference:
        transaction.gateway_reference = gateway_reference
        transaction.claimed_until = None
        transaction.save(update_fields=["gateway_reference", "claimed_until"])
    return transaction


def _attempt(
    account: GatewayAccount,
    payment: Payment,
    opening: Opening | None,
    outcome: Outcome,
    gateway_reference: str | None,
) -> Transaction | None:
    """Return the attempt a guest made, by the gateway's reference; made here when its first news is about a child of
    it.
    """
    if not gateway_reference:
        return None
    found = Transaction.objects.filter(
        account=account, payment=payment, kind__in=CHARGE_KINDS, gateway_reference=gateway_reference
    ).first()
    if found is not None:
        return found
    expected = opening.amount_minor if opening else payment.amount_minor
    is_about_itself = outcome.kind in _ATTEMPT_WORDS
    return Transaction.objects.create(
        payment=payment,
        order_id=payment.order_id,
        account=account,
        opening=opening,
        kind=OperationKind.SALE if payment.captures_at_once else OperationKind.AUTHORIZATION,
        origin=Origin.GATEWAY,
        amount_minor=_amount_of(outcome, payment, expected) if is_about_itself else expected,
        currency=payment.currency,
        reference=new_reference("tx"),
        gateway_reference=gateway_reference,
        requested_at=outcome.occurred_at,
        requested_by="guest",
    )


def _known_operation(
    account: GatewayAccount, payment: Payment, operation: OperationKind, outcome: Outcome
) -> Transaction | None:
    same_kind = Transaction.objects.filter(account=account, payment=payment, kind=operation)
    reference = outcome.reference
    if reference.gateway:
        found = same_kind.filter(gateway_reference=reference.gateway).first()
        if found is not None:
            return found
    if reference.ours:
        found = same_kind.filter(reference=reference.ours, origin=Origin.OURS).first()
        if found is not None:
            return found
    if operation is OperationKind.CHARGEBACK and not reference.gateway:
        return same_kind.order_by("-requested_at").first()
    return None


def _may_be_ours(payment: Payment, operation: OperationKind) -> bool:
    """Say whether an operation of ours was sent and has no name at the gateway yet: then news may be its answer."""
    return Transaction.objects.filter(
        payment=payment,
        kind=operation,
        origin=Origin.OURS,
        status=Status.PENDING,
        gateway_reference__isnull=True,
        first_sent_at__isnull=False,
    ).exists()


def _amount_of(outcome: Outcome, payment: Payment, expected_minor: int) -> int:
    if outcome.money is None or outcome.money.currency != payment.currency or outcome.money.minor <= 0:
        return expected_minor
    return outcome.money.minor
