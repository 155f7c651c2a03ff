"""Take money that is held for an order: write the captures down by which it is asked for."""

from collections.abc import Sequence
from datetime import datetime

from payments.models import Transaction
from payments.selectors import OrderMoney, unused_holds_among
from payments.services.surplus import new_operation
from payments.splitting import share_of
from payments.states import OperationKind


def write_captures(
    money: OrderMoney, operations: Sequence[Transaction], *, now: datetime, is_claimed: bool
) -> list[Transaction]:
    """Ask for authorized money up to what is to collect, with the surcharge on it, or for none; one capture of an
    authorization lives at a time.

    `money` and `operations` are of one order, read under its lock. A caller without the time for a
    call leaves the captures unclaimed, to a worker.
    """
    missing = money.to_collect_minor - money.money_in_minor - money.accepted_minor + money.returning_minor
    if missing <= 0 or money.held_minor == 0:
        return []
    holds = unused_holds_among(operations)
    if sum(hold.parts.base_minor for hold in holds) < missing:
        return []
    captures = []
    for hold in holds:
        base = min(missing, hold.parts.base_minor)
        if base <= 0:
            break
        capture = new_operation(
            parent=hold,
            kind=OperationKind.CAPTURE,
            parts=share_of(base, hold.parts),
            reason="confirmed",
            requested_by="partner",
            now=now,
            is_claimed=is_claimed,
        )
        capture.payment, capture.account, capture.opening = hold.payment, hold.account, hold.opening
        captures.append(capture)
        missing -= base
    return captures
