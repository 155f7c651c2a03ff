"""Ask a gateway what became of something a guest could pay: what it did not tell, or told a webhook that got lost."""

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

import structlog
from django.db.models import F

from gateways.errors import GatewayError
from gateways.protocol import Capability, Outcome, OutcomeKind, Reference
from gateways.registry import gateway_for
from payments.errors import SubjectUndecided
from payments.metrics import gateway_call
from payments.models import EventSource, GatewayEvent, Opening, OpeningStatus, Origin, Transaction
from payments.selectors import CHARGE_KINDS, Subject
from payments.services.actions import show_action
from payments.services.draining import drain
from payments.services.operations import Clock, next_check
from payments.services.transitions import apply_outcome
from payments.states import Status

log = structlog.get_logger(__name__)


def ask_about_opening(*, opening: Opening, clock: Clock) -> bool:
    """Take in everything the gateway says of an Opening; False when it cannot be asked or did not answer."""
    return _ask(opening, Reference(ours=opening.reference, opening=opening.gateway_reference), clock)


def _ask(opening: Opening, reference: Reference, clock: Clock) -> bool:
    try:
        gateway = gateway_for(opening.account)
        if Capability.FETCH not in gateway.capabilities or not opening.gateway_reference:
            return False
        with gateway_call(gateway=gateway.slug, operation="fetch"):
            outcomes = gateway.fetch(reference)
    except GatewayError as error:
        log.warning("fetch_failed", opening=opening.reference, error=type(error).__name__)
        return False
    take_in(outcomes, opening=opening, clock=clock)
    return True


def take_in(outcomes: Iterable[Outcome], *, opening: Opening, clock: Clock) -> None:
    """Bring what a gateway answered about an Opening through the door; what the guest must do next is shown."""
    for outcome in outcomes:
        subject = _subject(opening, outcome)
        told = outcome
        if outcome.kind is OutcomeKind.ACTION_REQUIRED and subject.transaction is not None:
            show_action(opening=opening, action=outcome.action, now=clock())
            told = replace(outcome, kind=OutcomeKind.PENDING)
        try:
            apply_outcome(
                account=opening.account,
                outcome=told,
                source=EventSource.POLL,
                now=clock(),
                subject=subject,
            )
        except SubjectUndecided as undecided:
            # It may answer an operation of ours, which has its own look.
            log.info("look_told_of_another", opening=opening.reference, about=str(undecided)[:200])


def poll_openings(*, clock: Clock, limit: int = 50) -> int:
    """Ask about the Openings whose time has come: expired without a word, or reported paid; return how many."""
    due = (
        Opening.objects.filter(
            status__in=[OpeningStatus.OPEN, OpeningStatus.CLOSED],
            gateway_reference__isnull=False,
            next_check_at__lte=clock(),
        )
        .order_by("next_check_at")
        .values_list("pk", flat=True)[:limit]
    )
    return drain(list(due), lambda pk: _poll(pk, clock), what="opening to ask about", clock=clock)


def _close(opening: Opening) -> None:
    """Have the gateway take no more money for what a link offered, where it can; a guest who was faster has paid."""
    try:
        gateway = gateway_for(opening.account)
        if Capability.CLOSE not in gateway.capabilities:
            return
        with gateway_call(gateway=gateway.slug, operation="close"):
            gateway.close(Reference(ours=opening.reference, opening=opening.gateway_reference))
    except GatewayError as error:
        log.warning("close_failed", opening=opening.reference, error=type(error).__name__)


def _poll(opening_id: UUID, clock: Clock) -> bool:
    opening = Opening.objects.select_related("payment", "account", "link").get(pk=opening_id)
    if opening.status == OpeningStatus.CLOSED and opening.link is not None and opening.link.closed_at is not None:
        _close(opening)
    is_answered = ask_about_opening(opening=opening, clock=clock)
    # A charge by token that waits for its guest: a gateway that opens nothing knows it by its own name alone.
    for charge in opening.transactions.filter(
        origin=Origin.OURS, status=Status.PENDING, kind__in=CHARGE_KINDS, gateway_reference__isnull=False
    ):
        name = charge.gateway_reference
        is_answered &= _ask(opening, Reference(ours=charge.reference, gateway=name, payment=name), clock)
    now = clock()
    has_ended = is_answered and opening.expires_at <= now and not opening.transactions.filter(status=Status.PENDING)
    # A gateway may end it a moment later than we, or list a payment a moment later than it takes one: unless it says
    # itself that it is over, it is asked twice.
    is_over = has_ended and (opening.checks_made > 0 or _is_told_to_have_ended(opening))
    Opening.objects.filter(pk=opening_id).update(
        checks_made=F("checks_made") + 1,
        next_check_at=None if is_over else next_check(opening.checks_made, now),
    )
    return True


def _is_told_to_have_ended(opening: Opening) -> bool:
    return GatewayEvent.objects.filter(opening=opening, kind=OutcomeKind.EXPIRED).exists()


def _subject(opening: Opening, outcome: Outcome) -> Subject:
    """Return what is spoken of in an answer about an Opening: an attempt in it, or another payment of ours.

    A charge of a card that was kept in an Opening may be listed with it. By our name for an attempt first, for its own
    answer may be under way.
    """
    ours, gateway_reference = outcome.reference.ours, outcome.reference.gateway
    operations = Transaction.objects.filter(account=opening.account).select_related("payment", "opening")
    if ours not in (None, opening.reference):
        named = operations.filter(reference=ours).first()
        if named is not None and named.payment_id != opening.payment_id:
            return Subject(named.payment, named.opening, named)
        if named is not None and named.kind in CHARGE_KINDS:
            return Subject(opening.payment, opening, named)
        others = Opening.objects.filter(account=opening.account, reference=ours).exclude(payment=opening.payment_id)
        other = others.select_related("payment").first()
        if other is not None:
            return Subject(other.payment, other, None)
    attempts = operations.filter(payment=opening.payment_id, kind__in=CHARGE_KINDS)
    attempt = attempts.filter(gateway_reference=gateway_reference).first() if gateway_reference is not None else None
    return Subject(opening.payment, opening, attempt)
