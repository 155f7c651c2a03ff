"""Drain everything that is under way, and compare the sandbox's record of money with our ledger."""

import time
from collections import defaultdict

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from config.local_secrets import standin_of
from gateways.models import GatewayAccount
from payments import tasks
from payments.models import (
    CaseKind,
    LedgerAccount,
    LedgerEntry,
    Opening,
    OpeningStatus,
    Origin,
    Transaction,
    WebhookDelivery,
)
from payments.models.claims import unclaimed
from payments.services.ruling import rule_out_operation
from payments.states import OperationKind, Status
from tests.processes import PATIENCE_SECONDS, Sandbox

# How long a beat lasts while something is under way; a busier one would keep the workers from their work.
BEAT_SECONDS = 0.25

Sums = dict[tuple[str, str, str], dict[str, int]]
_COLUMN = {
    OperationKind.SALE: "captured",
    OperationKind.CAPTURE: "captured",
    OperationKind.REFUND: "refunded",
    OperationKind.CHARGEBACK: "charged_back",
}


def drain(sandbox: Sandbox, *, seconds: float = PATIENCE_SECONDS) -> list[Transaction]:
    """Resend what was lost and do what beat would have done, until nothing is under way any more; return what staff
    said was not done, because no gateway could be asked about it any more.

    :raises AssertionError: something is still under way; says what.
    """
    deadline = time.monotonic() + seconds
    quiet_rounds = 0
    ruled_out: list[Transaction] = []
    while quiet_rounds < 2:
        sandbox.post("webhooks/flush", lost=True)
        for task in (
            tasks.drain_deliveries,
            tasks.drain_operations,
            tasks.resolve_unknown,
            tasks.expire_holds,
            tasks.confirm_paid_orders,
            tasks.delete_revoked_cards,
        ):
            task()
        ruled_out += _rule_out_what_nobody_knows()
        stuck = under_way(sandbox)
        quiet_rounds = 0 if stuck else quiet_rounds + 1
        if stuck and time.monotonic() > deadline:
            raise AssertionError(f"still under way after {seconds} s:\n" + "\n".join(stuck))
        time.sleep(BEAT_SECONDS if stuck else 0.05)
    return ruled_out


def _rule_out_what_nobody_knows() -> list[Transaction]:
    """Be staff who find an operation in no back office. Were it there, books and processors would differ afterwards."""
    given_up = Transaction.objects.filter(
        origin=Origin.OURS,
        status=Status.PENDING,
        gateway_reference__isnull=True,
        unknown_since_at__isnull=False,
        next_check_at__isnull=True,
        payment__cases__kind=CaseKind.OUTCOME_UNKNOWN,
        payment__cases__closed_at__isnull=True,
    ).filter(unclaimed(timezone.now()))
    return [
        rule_out_operation(transaction_id=row.pk, requested_by="grace", clock=timezone.now)
        for row in given_up.distinct()
    ]


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
    """Return what the processors say they moved, by account at the processor, our reference and currency."""
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
        moved = came if column == "captured" else -came
        key = (_name_at_processor(account), _told_reference(operation), entry.currency)
        sums[key][column] += moved * entry.amount_minor
    return {key: moved for key, moved in sums.items() if any(moved.values())}


def _name_at_processor(account: GatewayAccount) -> str:
    """Return what the processor calls an account of ours."""
    standin = standin_of(settings.GATEWAYS[account.gateway])
    name: str = standin.account_name(standin.sandbox_account(settings.GATEWAY_CREDENTIALS[account.slug], ""))
    return name


def _told_reference(operation: Transaction) -> str:
    """Return the reference the processor was told: the Opening's, or that of the charge we asked for ourselves."""
    root = operation
    while root.parent is not None:
        root = root.parent
    if root.origin == Origin.OURS:
        return root.reference
    assert root.opening is not None
    return root.opening.reference
