"""What a payment's operations are in their parts: how the door, and the checks of its books, use `split`."""

from collections.abc import Mapping

from payments.models import LedgerAccount, Origin, Transaction
from payments.splitting import NOTHING, Movement, Parts, part_of, split
from payments.states import OperationKind, Position, Status

_TAKES = frozenset({OperationKind.SALE, OperationKind.CAPTURE})
_RETURNS = frozenset({OperationKind.REFUND, OperationKind.CHARGEBACK})
_ASKED = frozenset({OperationKind.CAPTURE, OperationKind.REFUND})

# What an operation moved into the gateway's account, in minor units, by the account on the other side.
Moved = dict[LedgerAccount, int]
# Every account that may be on the other side.
COUNTERPARTS = (
    LedgerAccount.RECEIVABLE,
    LedgerAccount.DISPUTED,
    LedgerAccount.SURCHARGE,
    LedgerAccount.DONATION,
)


def agreed_for(attempt: Transaction) -> Parts:
    """Return what was to be paid in an attempt: as its Opening says, else as its payment does."""
    return attempt.opening.parts if attempt.opening is not None else attempt.payment.parts


def parts_of_operations(transactions: Mapping[str, Transaction], position: Position) -> dict[str, Parts]:
    """Return the parts of every operation of a payment that moved or holds money, by id.

    Each row has its Opening, where it has one, and its payment at hand.
    """
    voided = _voided(transactions, position)
    movements, agreed, holds = [], {}, {}
    for key, standing in position.operations.items():
        row = transactions[key]
        kind = OperationKind(row.kind)
        root = _root_of(row, transactions)
        room = agreed_for(root) if root.kind in (OperationKind.SALE, OperationKind.AUTHORIZATION) else NOTHING
        agreed[str(root.id)] = room
        if standing.status is not Status.PROCESSED or key in voided:
            continue
        if kind is OperationKind.AUTHORIZATION:
            holds[key] = part_of(standing.amount_minor, room)
        if kind in _TAKES or kind in _RETURNS:
            movements.append(
                Movement(
                    operation=key,
                    attempt=str(root.id),
                    is_return=kind in _RETURNS,
                    amount_minor=standing.amount_minor,
                    told_at=standing.told_at,
                    key=standing.key,
                    asked=row.parts if is_as_asked(row) else None,
                )
            )
    return {**split(movements, agreed=agreed), **holds}


def moved_by(row: Transaction, parts: Parts) -> Moved:
    """Return what a processed operation moved into the gateway's account, by counterpart; negative is out of it."""
    if row.kind in _TAKES:
        return _by_account(LedgerAccount.RECEIVABLE, parts)
    if row.kind not in _RETURNS:
        return {}
    counterpart = LedgerAccount.DISPUTED if row.kind == OperationKind.CHARGEBACK else LedgerAccount.RECEIVABLE
    return _by_account(counterpart, NOTHING - parts)


def _by_account(of_the_price: LedgerAccount, parts: Parts) -> Moved:
    return {
        of_the_price: parts.base_minor,
        LedgerAccount.SURCHARGE: parts.surcharge_minor,
        LedgerAccount.DONATION: parts.donation_minor,
    }


def is_as_asked(row: Transaction) -> bool:
    """Say whether the parts of an operation are what we asked it to be, and not what was made of what was told."""
    return row.origin == Origin.OURS and row.kind in _ASKED


def _voided(transactions: Mapping[str, Transaction], position: Position) -> set[str]:
    """Return the ids of the attempts that a void released."""
    return {
        str(transactions[key].parent_id)
        for key, standing in position.operations.items()
        if transactions[key].kind == OperationKind.VOID and standing.status is Status.PROCESSED
    }


def _root_of(row: Transaction, transactions: Mapping[str, Transaction]) -> Transaction:
    """Return the sale or authorization an operation goes back to; itself where nobody said."""
    while row.parent_id is not None and str(row.parent_id) in transactions:
        row = transactions[str(row.parent_id)]
    return row
