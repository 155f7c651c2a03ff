"""The queue of what the processors, or the bank, say otherwise than our books."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import F, QuerySet

from backoffice.queues.queue import Fact, Paths, Queue, Row, Source
from backoffice.queues.trips import NO_TRIP, trips_of
from payments.admin.columns import money_text, page_of
from reconciliation.models import Discrepancy
from reconciliation.selectors import open_discrepancies


def _open(_now: datetime) -> QuerySet[Discrepancy]:
    return open_discrepancies().select_related(
        "source__account", "line", "entry__payment__partner", "batch", "assignee"
    )


def _show(discrepancies: Sequence[Discrepancy], _now: datetime) -> list[Row]:
    payments = {each.pk: each.entry.payment for each in discrepancies if each.entry is not None}
    trips = trips_of({payment.order_id for payment in payments.values() if payment is not None})
    rows = []
    for each in discrepancies:
        payment = payments.get(each.pk)
        trip = trips[payment.order_id] if payment is not None else NO_TRIP
        facts = [Fact(name="About", value=str(each.line or each.entry or each.batch))]
        if payment is not None:
            facts.append(Fact(name="Payment", value=payment.reference, url=page_of(payment)))
        if each.assignee is not None:
            facts.append(Fact(name="Assigned to", value=each.assignee.get_username()))
        rows.append(
            Row(
                name=each.get_kind_display(),
                url=page_of(each),
                detail=each.detail,
                since=each.opened_at,
                amount=money_text(each.amount_minor, each.currency),
                guest=trip.guest,
                departs_at=trip.departs_at,
                is_live=payment.is_live if payment is not None else None,
                partner=str(payment.partner) if payment is not None else "",
                account=each.source.slug,
                facts=tuple(facts),
            )
        )
    return rows


OPEN_DISCREPANCIES = Queue(
    slug="discrepancies",
    name="Discrepancies",
    sentence="A settlement file, or the bank, says otherwise than our books: explain it, match it by hand, or have it "
    "written off by two people.",
    permission="reconciliation.view_discrepancy",
    sources=(
        Source(
            rows=_open,
            urgency=F("opened_at"),
            since="opened_at",
            paths=Paths(account="source__account"),
            show=_show,
        ),
    ),
)
