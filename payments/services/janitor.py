"""Find out about what nobody knows: ask the gateway again on a schedule, and end with a person, never with a silent
"failed".
"""

from datetime import datetime
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import F, Q

from bookings.models import BookingStatus
from gateways.errors import GatewayError, MisconfiguredAccount
from gateways.models import GatewayAccount
from gateways.protocol import Capability, Reference
from gateways.registry import gateway_class, gateway_for
from payments.errors import UnknownSubject
from payments.metrics import gateway_call
from payments.models import EventSource, Opening, OpeningStatus, Origin, Transaction
from payments.models.claims import unclaimed
from payments.selectors import CHARGE_KINDS, Subject, order_money
from payments.services.asking import poll_openings
from payments.services.attention import close_what_resolved_itself, show_to_staff
from payments.services.challenges import end_challenge_when_over, forget_ended_challenges, waits_for_guest
from payments.services.customer_credit import take_back_overdrawn
from payments.services.draining import drain
from payments.services.openings import claim_opening, open_at_gateway
from payments.services.operations import Clock, may_repeat, next_check, perform
from payments.services.transitions import apply_outcome
from payments.services.viewing import country_code_of
from payments.states import Status

log = structlog.get_logger(__name__)
# A charge without a card is one that a partner took elsewhere: only the partner's request said whether it was approved.
_ONLY_ITS_CALLER_COULD_REPEAT = Q(kind__in=CHARGE_KINDS, card__isnull=True)


def send_pending(*, clock: Clock, limit: int = 50) -> int:
    """Send the operations that are written and were never tried: a surplus to return, or what a killed worker left;
    return how many.

    What could not be sent has its own schedule, and ends with a person. A charge that only its caller could repeat is
    left to `resolve_unknown`.
    """
    now = clock()
    waiting = (
        Transaction.objects.filter(
            origin=Origin.OURS,
            status=Status.PENDING,
            gateway_reference__isnull=True,
            unknown_since_at__isnull=True,
            next_check_at__isnull=True,
            checks_made=0,
        )
        .filter(unclaimed(now))
        .exclude(_ONLY_ITS_CALLER_COULD_REPEAT)
        .order_by("requested_at")
        .values_list("pk", flat=True)[:limit]
    )
    return drain(list(waiting), lambda pk: ask_again(transaction_id=pk, clock=clock), what="operation", clock=clock)


def resolve_unknown(*, clock: Clock, limit: int = 50) -> int:
    """Ask again about every operation and Opening whose time has come; return how many were asked about."""
    now = clock()
    operations = Transaction.objects.filter(status=Status.PENDING, next_check_at__lte=now).order_by("next_check_at")
    asked = drain(
        list(operations.values_list("pk", flat=True)[:limit]),
        lambda pk: ask_again(transaction_id=pk, clock=clock),
        what="unknown operation",
        clock=clock,
    )
    openings = Opening.objects.filter(status=OpeningStatus.REQUESTED, next_check_at__lte=now).order_by("next_check_at")
    asked += drain(
        list(openings.values_list("pk", flat=True)[:limit]),
        lambda pk: open_again(opening_id=pk, clock=clock),
        what="unknown opening",
        clock=clock,
    )
    asked += poll_openings(clock=clock)
    forget_ended_challenges()
    _adopt_stranded(now)
    show_to_staff(now=now)
    close_what_resolved_itself(now=now)
    take_back_overdrawn(now=now)
    return asked


def ask_again(*, transaction_id: UUID, clock: Clock) -> Transaction:
    """Find out about one operation: repeat the identical call while the gateway remembers its key, else look it up."""
    operation = Transaction.objects.select_related("payment", "order", "account", "opening", "parent", "challenge").get(
        pk=transaction_id
    )
    if operation.status != Status.PENDING:
        return operation
    try:
        gateway = gateway_for(operation.account)
    except MisconfiguredAccount as error:
        log.error("account_misconfigured", account=operation.account.slug, error=str(error))
        _look_made(operation, clock())
        return _fresh(operation)
    was_sent = operation.first_sent_at is not None
    is_ours = operation.origin == Origin.OURS
    is_wanted = operation.kind not in CHARGE_KINDS or not is_ours or _is_still_wanted(operation)
    is_repeatable = is_ours and is_wanted and not (operation.parent_id is None and operation.card_id is None)
    is_known_there = operation.gateway_reference is not None
    if Capability.FETCH not in gateway.capabilities and waits_for_guest(operation):
        end_challenge_when_over(charge=operation, now=clock())
        return _fresh(operation)
    if not is_known_there and is_repeatable and (not was_sent or may_repeat(operation, gateway, clock())):
        perform(transaction_id=operation.id, clock=clock)
        return _fresh(operation)
    if Capability.FETCH in gateway.capabilities:
        _fetch(operation, clock)
    elif not is_wanted:
        # Repeating it would charge a guest who has paid otherwise meanwhile, or for what was cancelled: a person or a
        # webhook says what became of it.
        Transaction.objects.filter(pk=operation.pk, status=Status.PENDING).update(next_check_at=None)
    else:
        _look_made(operation, clock())
    return _fresh(operation)


def ask_about_payment(*, payment_id: UUID, clock: Clock) -> tuple[list[Transaction], int]:
    """Ask the gateway about every operation of a payment that is undecided, and every Opening that was never answered;
    return the operations as they stand then, and how many Openings there were.
    """
    operations = Transaction.objects.filter(payment=payment_id, status=Status.PENDING).order_by("requested_at")
    openings = Opening.objects.filter(payment=payment_id, status=OpeningStatus.REQUESTED).order_by("created_at")
    asked = [ask_again(transaction_id=pk, clock=clock) for pk in list(operations.values_list("pk", flat=True))]
    unanswered = list(openings.values_list("pk", flat=True))
    for opening_id in unanswered:
        open_again(opening_id=opening_id, clock=clock)
    return asked, len(unanswered)


def _is_still_wanted(charge: Transaction) -> bool:
    """Say whether the order still lacks what a charge was to bring: for a hold, to the price it was to confirm."""
    money = order_money(charge.order)
    others_asked = money.asked_minor - charge.parts.base_minor
    there = money.money_in_minor + money.held_minor + others_asked - money.returning_minor
    is_hold = charge.order.status == BookingStatus.ON_HOLD
    return there < max(money.wanted_minor, (charge.expected_total_minor or 0) if is_hold else 0)


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
        try:
            apply_outcome(
                account=operation.account,
                outcome=outcome,
                source=EventSource.POLL,
                now=clock(),
                subject=Subject(operation.payment, operation.opening, operation) if is_same else None,
            )
        except UnknownSubject as unknown:
            # What else was done to the payment has its own look, or its own webhook.
            log.info("look_told_of_another", transaction=operation.reference, about=str(unknown)[:200])
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
    """Take up charges that only their caller could repeat, whose caller died between row and record: the gateway is
    asked where that can be done, else a person decides.
    """
    stranded = Transaction.objects.filter(
        _ONLY_ITS_CALLER_COULD_REPEAT,
        origin=Origin.OURS,
        status=Status.PENDING,
        claimed_until__lt=now,
        unknown_since_at__isnull=True,
    )
    askable = [slug for slug in settings.GATEWAYS if Capability.FETCH in gateway_class(slug).capabilities]
    accounts = GatewayAccount.objects.filter(gateway__in=askable)
    stranded.filter(account__in=accounts).update(unknown_since_at=now, next_check_at=now)
    stranded.update(unknown_since_at=now)


def _fresh(operation: Transaction) -> Transaction:
    return Transaction.objects.select_related("payment").get(pk=operation.pk)
