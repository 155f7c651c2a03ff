"""Take a person's word for it that something was never done, where no gateway can be asked any more."""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db.models import QuerySet

from gateways.errors import ErrorCode
from gateways.protocol import Decline, Outcome, Reference
from payments.errors import StillOpen
from payments.models import EventSource, Origin, Transaction
from payments.models.claims import unclaimed
from payments.selectors import Subject
from payments.services.operations import NOT_DONE, Clock
from payments.services.transitions import apply_outcome
from payments.states import Status

log = structlog.get_logger(__name__)
# Whatever a gateway may still say of the operation happened after this, by however much its clock is behind ours.
_BEFORE_IT_WAS_ASKED = timedelta(days=1)


def can_be_ruled_out(*, now: datetime) -> QuerySet[Transaction]:
    """Return the operations whose answer was lost and about which nobody will be asked any more."""
    return Transaction.objects.filter(
        origin=Origin.OURS,
        status=Status.PENDING,
        unknown_since_at__isnull=False,
        gateway_reference__isnull=True,
        next_check_at__isnull=True,
    ).filter(unclaimed(now))


def rule_out_operation(*, transaction_id: UUID, requested_by: str, clock: Clock) -> Transaction:
    """Record that an operation whose answer was lost was not carried out, as a person saw at the gateway.

    It frees the payment for new operations, and what waited to learn whether it was this operation. Should it have been
    carried out all the same, any word of the gateway counts more than this one, whenever it comes.

    :raises StillOpen: it is decided, or somebody else will find out; nothing was written.
    """
    now = clock()
    operation = (
        can_be_ruled_out(now=now).filter(pk=transaction_id).select_related("payment", "account", "opening").first()
    )
    if operation is None:
        raise StillOpen("It is decided, was accepted, or is still asked about by itself; nothing was written.")
    log.warning("operation_ruled_out", transaction=operation.reference, kind=operation.kind)
    outcome = Outcome(
        kind=NOT_DONE[operation.kind],
        reference=Reference(ours=operation.reference),
        event_key=f"{operation.reference}:ruled_out",
        occurred_at=operation.requested_at - _BEFORE_IT_WAS_ASKED,
        decline=Decline(code=ErrorCode.UNDEFINED_CARD_ERROR, raw_text="staff: the gateway did not do it"),
        raw={"by": requested_by},
    )
    apply_outcome(
        account=operation.account,
        outcome=outcome,
        source=EventSource.STAFF,
        now=now,
        subject=Subject(operation.payment, operation.opening, operation),
    )
    return Transaction.objects.select_related("payment", "account").get(pk=operation.pk)
