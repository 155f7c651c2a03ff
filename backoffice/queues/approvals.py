"""The queue of refunds that wait for a second person."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import F, QuerySet

from backoffice.models import ApprovalRequest
from backoffice.queues.actions import button
from backoffice.queues.queue import Fact, Paths, Queue, Row, Source
from backoffice.queues.trips import NO_TRIP, trips_of
from backoffice.services.approvals import open_requests
from payments.admin.columns import money_text, moves_real_money, page_of


def _open(now: datetime) -> QuerySet[ApprovalRequest]:
    return open_requests(now=now).select_related("order__partner", "payment__account", "requested_by")


def _show(requests: Sequence[ApprovalRequest], _now: datetime) -> list[Row]:
    trips = trips_of({request.order_id for request in requests})
    rows = []
    for request in requests:
        order, trip = request.order, trips.get(request.order_id, NO_TRIP)
        account = request.payment.account if request.payment is not None else None
        rows.append(
            Row(
                name=order.reference,
                url=page_of(request),
                detail=f"{request.get_reason_code_display()}: {request.reason}",
                since=request.requested_at,
                due_at=request.expires_at,
                amount=money_text(request.total_minor, request.currency),
                guest=trip.guest,
                departs_at=trip.departs_at,
                is_live=moves_real_money(is_live=order.is_live, account=account),
                partner=str(order.partner),
                account=account.slug if account is not None else "",
                facts=(Fact(name="Asked by", value=request.requested_by.get_username()),),
                buttons=(button("approve", request), button("decline", request)),
            )
        )
    return rows


REFUNDS_TO_APPROVE = Queue(
    slug="refunds-to-approve",
    name="Refunds to approve",
    sentence="Somebody may not give so much back alone: look at the payment, then approve or decline. Nothing is sent "
    "before, and a request that nobody answers ends by itself.",
    permission="backoffice.view_approvalrequest",
    sources=(
        Source(
            rows=_open,
            urgency=F("expires_at"),
            since="requested_at",
            paths=Paths(is_live="order__is_live", partner="order__partner", account="payment__account"),
            show=_show,
        ),
    ),
    due_label="Ends",
)
