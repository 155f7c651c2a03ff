"""What a partner or a guest's browser says of an Opening: noted, asked about at its gateway, taken in at the door."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import structlog
from django.db.models import Case, DateTimeField, When

from gateways.errors import GatewayError, KeyRefused, Rejected
from gateways.protocol import CompleteRequest
from gateways.registry import gateway_for
from money import Money
from payments.errors import InvalidEvidence
from payments.metrics import gateway_call
from payments.models import Opening, Transaction
from payments.services.asking import take_in
from payments.services.collecting import PaymentRequest
from payments.services.operations import Clock, next_check
from payments.states import Status

log = structlog.get_logger(__name__)


def ask_about_evidence(order_id: UUID, request: PaymentRequest, clock: Clock) -> None:
    """Take in what the gateway says of the Opening the partner names; without evidence there is nobody to ask.

    :raises InvalidEvidence: the Opening is not one of the order's, or the evidence is not of it: then nobody has said
        that it was paid.
    """
    noted_at = clock()
    opening = note_report(order_id, request, noted_at)
    if opening is None or not request.evidence or opening.gateway_reference is None:
        return
    try:
        with gateway_call(gateway=opening.account.gateway, operation="complete"):
            outcomes = gateway_for(opening.account).complete(
                CompleteRequest(
                    opening_reference=opening.gateway_reference,
                    reference=opening.reference,
                    money=Money(opening.amount_minor, opening.currency),
                    evidence=request.evidence,
                    requested_at=clock(),
                )
            )
    except KeyRefused as error:
        # The evidence may be good: nobody looked at it.
        log.error("evidence_not_looked_at", account=opening.account.slug, reason=str(error)[:200])
        return
    except Rejected:
        # Whoever knows a link could else keep its order waiting for a payment that nobody made.
        Opening.objects.filter(pk=opening.pk, reported_paid_at=noted_at).update(reported_paid_at=None)
        raise InvalidEvidence("The session result is not one of this session's.") from None
    except GatewayError:
        return  # a question that was not answered leaves the payment as it was: undecided
    take_in(outcomes, opening=opening, clock=clock)


def take_evidence(*, order_id: UUID, opening_reference: str, evidence: str, clock: Clock) -> None:
    """Take in what the gateway says of an Opening that a guest came back from.

    :raises InvalidEvidence: the Opening is not one of this order's, or the evidence is not of it.
    """
    request = PaymentRequest(opening_reference=opening_reference, evidence=evidence)
    ask_about_evidence(order_id, request, clock)


def note_report(order_id: UUID, request: PaymentRequest, now: datetime) -> Opening | None:
    """Note that the partner says an Opening was paid, while nobody else has said anything that decides it."""
    opening = named_opening(order_id, request)
    if opening is not None and not opening.transactions.exclude(status=Status.PENDING).exists():
        Opening.objects.filter(pk=opening.pk, reported_paid_at__isnull=True).update(
            reported_paid_at=now,
            # Only what can be asked about has a time for it: now there is a reason to ask earlier.
            next_check_at=Case(
                When(next_check_at__isnull=False, then=next_check(0, now)), output_field=DateTimeField()
            ),
        )
    return opening


def named_opening(order_id: UUID, request: PaymentRequest, *, among: Sequence[Transaction] = ()) -> Opening | None:
    """Return the Opening of the order that the partner names, from what is at hand where it is `among` it; evidence
    that names none is of the newest.
    """
    openings = Opening.objects.filter(payment__order_id=order_id).select_related("payment", "account")
    if request.opening_reference is None:
        return openings.order_by("-created_at").first() if request.evidence else None
    for operation in among:
        if operation.opening is not None and operation.opening.gateway_reference == request.opening_reference:
            return operation.opening
    opening = openings.filter(gateway_reference=request.opening_reference).first()
    if opening is None:
        raise InvalidEvidence("The session is not one of this order's.")
    return opening
