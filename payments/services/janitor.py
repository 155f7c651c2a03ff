"""Find out about what nobody knows: ask the gateway again on a schedule, and end with a person, never with a silent
"failed".
"""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import F, Q

from gateways.errors import GatewayError
from gateways.protocol import Capability, Reference
from gateways.registry import gateway_for
from payments.metrics import gateway_call
from payments.models import Case, CaseKind, EventSource, Opening, OpeningStatus, Origin, Transaction
from payments.selectors import Subject
from payments.services.cases import close_case, open_case
from payments.services.collecting import country_code_of
from payments.services.openings import claim_opening, open_at_gateway
from payments.services.operations import Clock, may_repeat, next_check, perform
from payments.services.transitions import apply_outcome
from payments.states import Status

log = structlog.get_logger(__name__)


def send_pending(*, clock: Clock, limit: int = 50) -> int:
    """Send the operations that are written and not sent: a surplus to return, or what a killed worker left; return
    how many.

    External charges and reports carry what only their caller knew; a crash between row and call leaves those to the
    janitor.
    """
    now = clock()
    waiting = (
        Transaction.objects.filter(
            origin=Origin.OURS,
            status=Status.PENDING,
            gateway_reference__isnull=True,
            unknown_since_at__isnull=True,
            next_check_at__isnull=True,
        )
        .filter(Q(claimed_until__isnull=True) | Q(claimed_until__lt=now))
        .exclude(kind__in=["SALE", "AUTHORIZATION"], card__isnull=True)
        .order_by("requested_at")
        .values_list("pk", flat=True)[:limit]
    )
    return sum(perform(transaction_id=pk, clock=clock) is not None for pk in list(waiting))


def resolve_unknown(*, clock: Clock, limit: int = 50) -> int:
    """Ask again about every operation and Opening whose time has come; return how many were asked about."""
    now = clock()
    due = Transaction.objects.filter(status=Status.PENDING, next_check_at__lte=now).order_by("next_check_at")
    asked = 0
    for pk in list(due.values_list("pk", flat=True)[:limit]):
        ask_again(transaction_id=pk, clock=clock)
        asked += 1
    openings = Opening.objects.filter(status=OpeningStatus.REQUESTED, next_check_at__lte=now)
    for pk in list(openings.order_by("next_check_at").values_list("pk", flat=True)[:limit]):
        open_again(opening_id=pk, clock=clock)
        asked += 1
    _adopt_stranded(now)
    _show_to_staff(now)
    return asked


def ask_again(*, transaction_id: UUID, clock: Clock) -> Transaction:
    """Find out about one operation: repeat the identical call while the gateway remembers its key, else look it up."""
    operation = Transaction.objects.select_related("payment", "account", "opening", "parent").get(pk=transaction_id)
    if operation.status != Status.PENDING:
        return operation
    gateway = gateway_for(operation.account)
    was_sent = operation.first_sent_at is not None
    is_repeatable = operation.origin == Origin.OURS and not _is_external(operation)
    if is_repeatable and (not was_sent or may_repeat(operation, gateway, clock())):
        perform(transaction_id=operation.id, clock=clock)
        return _fresh(operation)
    if Capability.FETCH in gateway.capabilities:
        _fetch(operation, clock)
    else:
        _look_made(operation, clock())
    return _fresh(operation)


def _is_external(operation: Transaction) -> bool:
    return operation.parent_id is None and operation.card_id is None


def _fetch(operation: Transaction, clock: Clock) -> None:
    try:
        with gateway_call(gateway=operation.account.gateway, operation="fetch"):
            outcomes = gateway_for(operation.account).fetch(
                Reference(
                    ours=operation.reference,
                    gateway=operation.gateway_reference,
                    payment=operation.parent.gateway_reference if operation.parent else operation.gateway_reference,
                )
            )
    except GatewayError as error:
        log.warning("fetch_failed", transaction=operation.reference, error=type(error).__name__)
        outcomes = ()
    for outcome in outcomes:
        is_same = outcome.reference.ours in (None, operation.reference)
        apply_outcome(
            account=operation.account,
            outcome=outcome,
            source=EventSource.POLL,
            now=clock(),
            subject=Subject(operation.payment, operation.opening, operation) if is_same else None,
        )
    _look_made(operation, clock())


def _look_made(operation: Transaction, now: datetime) -> None:
    Transaction.objects.filter(pk=operation.pk, status=Status.PENDING).update(
        checks_made=F("checks_made") + 1, next_check_at=next_check(operation.checks_made, now)
    )


def open_again(*, opening_id: UUID, clock: Clock) -> None:
    """Repeat an unanswered opening while somebody could still use it; otherwise let it rest."""
    now = clock()
    opening = Opening.objects.select_related("payment__order").get(pk=opening_id)
    if opening.expires_at <= now or opening.payment.superseded_at is not None:
        Opening.objects.filter(pk=opening_id, status=OpeningStatus.REQUESTED).update(
            status=OpeningStatus.CLOSED, next_check_at=None
        )
        return
    claimed = claim_opening(opening_id=opening_id, now=now)
    if claimed is not None:
        open_at_gateway(opening=claimed, country_code=country_code_of(opening.payment.order), clock=clock)


def _adopt_stranded(now: datetime) -> None:
    """Take up external charges whose caller died between row and record: nobody can repeat them, a person decides."""
    stranded = Transaction.objects.filter(
        origin=Origin.OURS,
        status=Status.PENDING,
        kind__in=["SALE", "AUTHORIZATION"],
        card__isnull=True,
        claimed_until__lt=now,
        unknown_since_at__isnull=True,
    )
    stranded.update(unknown_since_at=now, checks_made=0)


def _show_to_staff(now: datetime) -> None:
    """Put before a person what no look can resolve, and take off the list what has resolved itself."""
    limits = settings.PAYMENTS
    looked_enough = Transaction.objects.filter(
        status=Status.PENDING, unknown_since_at__isnull=False, next_check_at__isnull=True, claimed_until__isnull=True
    ) | Transaction.objects.filter(
        status=Status.PENDING,
        unknown_since_at__isnull=False,
        next_check_at__isnull=True,
        claimed_until__lt=now,
    )
    for operation in looked_enough.select_related("payment")[:100]:
        open_case(
            payment=operation.payment,
            kind=CaseKind.OUTCOME_UNKNOWN,
            detail=f"{operation.kind} {operation.reference}: no answer, and the gateway cannot be asked any more",
            now=now,
        )
    never_sent = Transaction.objects.filter(
        status=Status.PENDING,
        origin=Origin.OURS,
        gateway_reference__isnull=True,
        unknown_since_at__isnull=True,
        next_check_at__isnull=True,
        checks_made__gt=len(limits["UNKNOWN_CHECK_SCHEDULE_SECONDS"]),
    )
    for operation in never_sent.select_related("payment")[:100]:
        open_case(
            payment=operation.payment,
            kind=CaseKind.OUTCOME_UNKNOWN,
            detail=f"{operation.kind} {operation.reference}: the gateway could not be reached; it was never sent",
            now=now,
        )
    silent_since = now - timedelta(minutes=limits["WEBHOOK_OVERDUE_MINUTES"])
    for opening in Opening.objects.filter(reported_paid_at__lte=silent_since).select_related("payment")[:100]:
        open_case(
            payment=opening.payment,
            kind=CaseKind.WEBHOOK_MISSING,
            detail=f"the partner says {opening.reference} was paid; the gateway has said nothing",
            now=now,
        )
    accepted_since = now - timedelta(hours=limits["OPERATION_OVERDUE_HOURS"])
    for operation in Transaction.objects.filter(
        status=Status.PENDING, origin=Origin.OURS, gateway_reference__isnull=False, requested_at__lte=accepted_since
    ).select_related("payment")[:100]:
        open_case(
            payment=operation.payment,
            kind=CaseKind.WEBHOOK_MISSING,
            detail=f"{operation.kind} {operation.reference} was accepted; its result never came",
            now=now,
        )
    _close_resolved(now)


def _close_resolved(now: datetime) -> None:
    kinds = (CaseKind.OUTCOME_UNKNOWN, CaseKind.WEBHOOK_MISSING)
    for case in Case.objects.filter(kind__in=kinds, closed_at__isnull=True).select_related("payment")[:200]:
        payment = case.payment
        is_open = (
            payment.transactions.filter(status=Status.PENDING).exists()
            or payment.openings.filter(reported_paid_at__isnull=False).exists()
        )
        if not is_open:
            close_case(payment=payment, kind=CaseKind(case.kind), closed_by="system", now=now)


def _fresh(operation: Transaction) -> Transaction:
    return Transaction.objects.select_related("payment").get(pk=operation.pk)
