"""What a payment's page reads: the newest of each kind, and where the rest is."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Model, QuerySet
from django.urls import reverse

from payments.admin.moments import Moment
from payments.models import ExternalNote, GatewayEvent, Opening, OpeningStatus, Payment, Transaction
from payments.states import Status

# More of one kind than this is noise for a page; the lists have the rest.
MOST = 200
Row = TypeVar("Row", bound=Model)


@dataclass(kw_only=True)
class History:
    """Be everything a payment's page reads of it; `lists` lead to what the page leaves out, by name."""

    payment: Payment
    # What else the order was tried to be paid by, newest first, and which of it has a charge that nobody decided.
    others: list[Payment] = field(default_factory=list)
    undecided_elsewhere: set[UUID] = field(default_factory=set)
    openings: list[Opening] = field(default_factory=list)
    operations: dict[UUID, Transaction] = field(default_factory=dict)
    events: list[GatewayEvent] = field(default_factory=list)
    notes: list[ExternalNote] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    lists: list[tuple[str, str]] = field(default_factory=list)

    @property
    def undecided(self) -> list[Transaction]:
        """Return the operations the gateway can be asked about."""
        return [row for row in self.operations.values() if row.status == Status.PENDING]

    @property
    def unanswered(self) -> list[Opening]:
        """Return the Openings whose opening was never answered."""
        return [opening for opening in self.openings if opening.status == OpeningStatus.REQUESTED]

    def told_at(self, operation: Transaction) -> datetime:
        """Return when an operation happened: by the gateway's last word of it, else by our own clock."""
        said = [event.occurred_at for event in self.events if event.transaction_id == operation.pk]
        return max(said, default=operation.decided_at or operation.requested_at)

    def newest(self, rows: QuerySet[Row], *order: Any, name: str, url: str) -> list[Row]:
        """Return the newest rows, oldest first, and remember where the rest is; `order` begins with the newest."""
        found = list(rows.order_by(*order)[: MOST + 1])
        if len(found) > MOST:
            self.lists.append((name, url))
        return found[:MOST][::-1]


def list_of(model: type[Model], payment: Payment) -> str:
    """Return the address of all rows of a model that are about a payment."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{address}?{urlencode({'payment__exact': payment.pk})}"
