"""Refunds that wait for a second person. The decision and the refund's rows are one transaction: a refund is approved
and written, or neither, and what is written and not sent is sent by the same worker as any other operation.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.db import transaction as database
from django.db.models import QuerySet

from backoffice.errors import NotDecidable, RequestIsOpen
from backoffice.models import ApprovalRequest, Decision, ReasonCode, Wanted
from backoffice.services.limits import note_tender_return, refuse_above_limit, refuse_release
from backoffice.services.refunds import RefundWish, write_refund
from money import Money
from payments.services.locking import tried_again_after_lock_timeout
from payments.services.operations import Clock
from payments.services.order_refunds import Returned, send


def open_requests(*, now: datetime) -> QuerySet[ApprovalRequest]:
    """Return what waits for a second person."""
    return ApprovalRequest.objects.filter(decision="", expires_at__gt=now)


def ask_for_approval(
    wish: RefundWish, *, total: Money, reason_code: ReasonCode, requested_by: User, now: datetime
) -> ApprovalRequest:
    """Write down a refund that waits for a second person; nothing of it is reserved.

    :raises RequestIsOpen: the payment, or the order, has one that waits; nothing was written.
    """
    try:
        with database.atomic():
            over = ApprovalRequest.objects.filter(order=wish.order, payment=wish.payment, decision="")
            over.filter(expires_at__lte=now).update(decision=Decision.EXPIRED, decided_at=now)
            return ApprovalRequest.objects.create(
                what=wish.what,
                order=wish.order,
                payment=wish.payment,
                amount_minor=wish.money.minor,
                total_minor=total.minor,
                currency=wish.money.currency,
                reason_code=reason_code,
                reason=wish.reason,
                requested_by=requested_by,
                requested_at=now,
                expires_at=now + timedelta(hours=settings.BACKOFFICE["APPROVAL_LIFETIME_HOURS"]),
            )
    except IntegrityError:
        raise RequestIsOpen("A refund of the same waits for approval already; nothing was written.") from None


def approve(*, request_id: UUID, person: User, reason: str, seen: int, clock: Clock) -> Returned:
    """Approve a refund that somebody else asked for, and carry it out.

    `seen` is the `version_seen` of the wish when the person looked. What refuses the refund leaves the request open.

    :raises NotDecidable: it is decided, over, or the person's own; nothing was written.
    :raises AboveLimit: it is above the person's own limit; nothing was written.
    :raises MayNotRelease: a part of it is a hold, which the person may not release; nothing was written.
    :raises PaymentError: it cannot be given back any more; nothing was written.
    """
    return send(_approve(request_id, person, reason, seen, clock()), clock)


@tried_again_after_lock_timeout
def _approve(request_id: UUID, person: User, reason: str, seen: int, now: datetime) -> Returned:
    with database.atomic():
        request = _decide(request_id, person, Decision.APPROVED, reason, now)

        def noted(returned: Returned) -> None:
            ApprovalRequest.objects.filter(pk=request.pk).update(total_minor=returned.total_minor)
            note_tender_return(
                person=request.requested_by, order=request.order, amount_minor=returned.tendered_minor, now=now
            )
            refuse_above_limit(person=person, order=request.order, now=now)
            refuse_release(person=person, released=Money(returned.released_minor, request.currency))

        return write_refund(
            wish_of(request), requested_by=request.requested_by.get_username(), now=now, seen=seen, noted=noted
        )


def decline(*, request_id: UUID, person: User, reason: str, now: datetime) -> None:
    """Say no to a refund that somebody else asked for.

    :raises NotDecidable: it is decided, over, or the person's own; nothing was written.
    """
    with database.atomic():
        _decide(request_id, person, Decision.DECLINED, reason, now)


def expire_requests(*, now: datetime) -> int:
    """End the requests that nobody decided in time; return how many."""
    over = ApprovalRequest.objects.filter(decision="", expires_at__lte=now)
    return over.update(decision=Decision.EXPIRED, decided_at=now)


def wish_of(request: ApprovalRequest) -> RefundWish:
    """Return what a request asks for."""
    return RefundWish(
        what=Wanted(request.what),
        order=request.order,
        payment=request.payment,
        money=Money(request.amount_minor, request.currency),
        reason=request.reason,
    )


def _decide(request_id: UUID, person: User, decision: Decision, reason: str, now: datetime) -> ApprovalRequest:
    """Decide an open request, once: whoever comes second waits for the first and finds it decided."""
    decided = (
        ApprovalRequest.objects.filter(pk=request_id, decision="", expires_at__gt=now)
        .exclude(requested_by=person)
        .update(decision=decision, decided_by=person, decided_at=now, decision_reason=reason)
    )
    request = ApprovalRequest.objects.select_related("order", "payment", "requested_by", "decided_by").get(
        pk=request_id
    )
    if not decided:
        raise NotDecidable(_why_not(request, person))
    return request


def _why_not(request: ApprovalRequest, person: User) -> str:
    if request.decision in (Decision.APPROVED, Decision.DECLINED):
        return f"It is {request.decision.lower()} already, by {request.decided_by}; nothing was done."
    if request.requested_by_id == person.pk:
        return "You asked for it yourself: a second person decides. Nothing was done."
    return "Its time is over; it must be asked for again. Nothing was done."
