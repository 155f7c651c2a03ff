"""Drain everything that is under way, and compare the sandbox's record of money with our ledger."""

import time
from collections import defaultdict

from django.conf import settings
from django.db.models import Q

from payments import tasks
from payments.models import LedgerAccount, LedgerEntry, Opening, OpeningStatus, Transaction, WebhookDelivery
from payments.states import OperationKind, Status
from tests.processes import Sandbox

Sums = dict[tuple[str, str, str], dict[str, int]]
_COLUMN = {
    OperationKind.SALE: "captured",
    OperationKind.CAPTURE: "captured",
    OperationKind.REFUND: "refunded",
    OperationKind.CHARGEBACK: "charged_back",
}


def drain(sandbox: Sandbox, *, seconds: float) -> None:
    """Resend what was lost and do what beat would have done, until nothing is under way any more.

    :raises AssertionError: something is still under way; says what.
    """
    deadline = time.monotonic() + seconds
    quiet_rounds = 0
    while quiet_rounds < 2:
        sandbox.post("webhooks/flush", lost=True)
        for task in (
            tasks.drain_deliveries,
            tasks.drain_operations,
            tasks.resolve_unknown,
            tasks.expire_holds,
            tasks.confirm_paid_orders,
        ):
            task()
        stuck = under_way(sandbox)
        quiet_rounds = 0 if stuck else quiet_rounds + 1
        if stuck and time.monotonic() > deadline:
            raise AssertionError(f"still under way after {seconds} s:\n" + "\n".join(stuck))
        time.sleep(0.05)


def under_way(sandbox: Sandbox) -> list[str]:
    """Return what is neither done nor given up, in words."""
    stuck = [
        f"{row.kind} {row.reference} {row.origin} claimed={row.claimed_until} unknown={row.unknown_since_at} "
        f"next={row.next_check_at} checks={row.checks_made} gateway={row.gateway_reference}"
        for row in Transaction.objects.filter(status=Status.PENDING)
    ]
    stuck += [
        f"opening {row.reference} claimed={row.claimed_until} next={row.next_check_at} {row.last_error}"
        for row in Opening.objects.filter(status=OpeningStatus.REQUESTED)
    ]
    stuck += [
        f"delivery {row.pk} {row.status} attempts={row.attempts} claimed={row.claimed_until} {row.last_error}"
        for row in WebhookDelivery.objects.filter(processed_at__isnull=True)
    ]
    pending = sandbox.get("webhooks/idle")["pending"]
    return [*stuck, f"{pending} webhooks still to be delivered"] if pending else stuck


def money_of_the_sandbox(sandbox: Sandbox) -> Sums:
    """Return what the processor says it moved, by merchant account, merchant reference and currency."""
    return {
        (row["merchantAccount"], row["merchantReference"], row["currency"]): moved
        for row in sandbox.get("money")["money"]
        if any((moved := {column: row[column] for column in dict.fromkeys(_COLUMN.values())}).values())
    }


def money_of_the_ledger() -> Sums:
    """Return the same from our books: what each Opening's operations moved into and out of CLEARING."""
    sums: dict[tuple[str, str, str], dict[str, int]] = defaultdict(lambda: dict.fromkeys(_COLUMN.values(), 0))
    entries = LedgerEntry.objects.select_related(
        "transaction__opening", "transaction__parent__parent", "gateway_account"
    ).filter(Q(from_account=LedgerAccount.CLEARING) | Q(to_account=LedgerAccount.CLEARING))
    for entry in entries:
        operation, account = entry.transaction, entry.gateway_account
        assert operation is not None
        assert account is not None
        came = (entry.to_account == LedgerAccount.CLEARING) - (entry.from_account == LedgerAccount.CLEARING)
        column = _COLUMN[OperationKind(operation.kind)]
        merchant = settings.GATEWAY_CREDENTIALS[account.slug]["merchant_account"]
        moved = came if column == "captured" else -came
        sums[merchant, _told_reference(operation), entry.currency][column] += moved * entry.amount_minor
    return {key: moved for key, moved in sums.items() if any(moved.values())}


def _told_reference(operation: Transaction) -> str:
    """Return the reference the processor was told: the Opening's, or that of the charge made without the guest."""
    root = operation
    while root.parent is not None:
        root = root.parent
    return root.opening.reference if root.opening else root.reference
