"""Work through cancelled departures, one booking at a time: claim, one service call, send, and look what became of it.

A worker may be killed anywhere. Before its transaction commits nothing has happened, and the claim runs out; after it
the refunds are written, and are sent by whoever drains operations. What is written is never written again, because what
a booking has still to have back is counted under its order's lock from what was written for it.
"""

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction as database
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum

from backoffice.audit import record
from backoffice.models import (
    CancellationState,
    DepartureCancellation,
    DepartureItem,
    DepartureReturn,
    ItemState,
    RefundPace,
)
from backoffice.services.departure_plans import way_of
from backoffice.services.departure_standing import look_at
from backoffice.services.departures import new_items
from bookings.errors import BookingError
from bookings.models import Booking
from bookings.rules import LIVE_STATUSES
from payments.errors import PaymentError
from payments.models import Transaction
from payments.models.claims import claim_row, unclaimed
from payments.services.calling_off import Remark, Sent, call_off_booking, give_back_rest, plan_calling_off
from payments.services.draining import drain
from payments.services.operations import Clock, perform
from payments.services.ways_back import Obstacle, base_of
from payments.states import Status

log = structlog.get_logger(__name__)
_WINDOW = timedelta(minutes=1)
_LOOK_FOR_ROOM_AFTER = timedelta(seconds=5)
_TRY_AGAIN_AFTER = timedelta(seconds=30)
_MOST_TRIES = 5
_OPEN = (ItemState.WAITING, ItemState.DOING, ItemState.UNDECIDED)


class ClaimLost(Exception):
    """Say that another worker took an item over while this one had it."""


def drain_departures(*, clock: Clock, limit: int = 50) -> int:
    """Work on what waits of running cancellations, look at what is under way, and finish what is through; return how
    many bookings were worked on.
    """
    now = clock()
    done = drain(
        list(_due(now).values_list("pk", flat=True)[:limit]),
        lambda item_id: _work_on(item_id, clock),
        what="departure item",
        clock=clock,
    )
    look_at(_under_way(clock()), now=clock())
    running = DepartureCancellation.objects.filter(state=CancellationState.RUNNING).values_list("pk", flat=True)
    for cancellation_id in list(running):
        _finish(cancellation_id, clock())
    return done


def _due(now: datetime) -> QuerySet[DepartureItem]:
    """Return what can be begun: what waits, and what a dead worker held without having written anything.

    The bookings of one order are worked on one after the other, in the order of the dry run.
    """
    # Of a stopped one only what was begun is finished: its guests wait for a part of their money.
    is_wanted = Q(cancellation__state=CancellationState.RUNNING) | Q(
        cancellation__state=CancellationState.STOPPED, cancelled_at__isnull=False
    )
    items = DepartureItem.objects.filter(is_wanted)
    earlier = DepartureItem.objects.filter(
        cancellation=OuterRef("cancellation"), order=OuterRef("order"), id__lt=OuterRef("id")
    ).filter(_startable())
    is_time = Q(next_try_at__isnull=True) | Q(next_try_at__lte=now)
    return items.filter(_startable(), is_time, unclaimed(now)).exclude(Exists(earlier)).order_by("id")


def _startable() -> Q:
    return Q(state=ItemState.WAITING) | Q(state=ItemState.DOING, claimed_until__isnull=False)


def _under_way(now: datetime) -> QuerySet[DepartureItem]:
    """Return what is written and not decided, or decided since it was last looked at."""
    news = Transaction.objects.filter(departure_return__item=OuterRef("pk"), decided_at__gt=OuterRef("decided_at"))
    written = DepartureItem.objects.filter(written_at__isnull=False).filter(unclaimed(now))
    is_open = Q(state__in=[ItemState.DOING, ItemState.UNDECIDED])
    return written.filter(is_open | (Q(decided_at__isnull=False) & Exists(news)))


def _work_on(item_id: int, clock: Clock) -> bool:
    now = clock()
    if not claim_row(DepartureItem.objects.filter(_startable(), pk=item_id), now, state=ItemState.DOING):
        return False
    item = DepartureItem.objects.select_related("cancellation").get(pk=item_id)
    is_begun = item.cancelled_at is not None and item.cancellation.state == CancellationState.STOPPED
    if item.cancellation.state != CancellationState.RUNNING and not is_begun:
        _release(item, until=None)
        return False
    if not _take_pace(item, now):
        _release(item, until=now + _LOOK_FOR_ROOM_AFTER)
        return False
    try:
        _write(item, now)
    except ClaimLost:
        return False
    except (BookingError, PaymentError) as refusal:
        _fail(item, f"{type(refusal).__name__}: {refusal}", now)
        return False
    except Exception as error:
        log.exception("departure_item_failed", item=item.pk, booking=str(item.booking_id))
        if item.tries + 1 >= _MOST_TRIES:
            _fail(item, f"{type(error).__name__}: see the log", now)
        else:
            _release(item, until=now + _TRY_AGAIN_AFTER, tries=item.tries + 1)
        return False
    waiting = Transaction.objects.filter(departure_return__item=item, status=Status.PENDING)
    for transaction_id in list(waiting.order_by("requested_at").values_list("pk", flat=True)):
        perform(transaction_id=transaction_id, clock=clock)
    look_at(DepartureItem.objects.filter(pk=item.pk), now=clock())
    return True


def _write(item: DepartureItem, now: datetime) -> None:
    """Cancel the booking and write its refunds, or the refunds that it has still to have."""
    cancellation = item.cancellation
    noted = partial(_note, item, now)
    if item.cancelled_at is None:
        call_off_booking(
            booking_id=item.booking_id,
            departure_ids=list(cancellation.departures.values_list("availability_id", flat=True)),
            reason=cancellation.reason,
            requested_by=cancellation.started_by,
            now=now,
            noted=noted,
        )
        return
    give_back_rest(
        booking_id=item.booking_id,
        rest_minor=max(0, item.share_minor - _given_back(item)),
        returns_surcharge=item.returns_surcharge,
        reason=cancellation.reason,
        requested_by=cancellation.started_by,
        now=now,
        noted=noted,
    )


def _note(item: DepartureItem, now: datetime, sent: Sent) -> None:
    """Keep what was written with its item, in the transaction that wrote it; undo all of it when the claim is lost."""
    plan = sent.plan
    returned = [(way, operation) for way, operation in sent.ways if way.obstacle is not Obstacle.UNDECIDED]
    changes: dict[str, object] = {
        "state": ItemState.DOING,
        "share_minor": _given_back(item) + base_of(plan.ways),
        "claimed_until": None,
        "next_try_at": None,
        "written_at": now,
        "error": "",
    }
    if item.cancelled_at is None:
        changes |= {
            "remark": plan.remark or "",
            "returns_surcharge": plan.returns_surcharge,
            "undecided_minor": plan.undecided_minor,
        }
        if plan.remark not in (Remark.REDEEMED, Remark.ENDED_OTHERWISE):
            changes["cancelled_at"] = now
    mine = DepartureItem.objects.filter(pk=item.pk, claim_number=item.claim_number, state=ItemState.DOING)
    if not mine.update(**changes):
        raise ClaimLost
    DepartureReturn.objects.bulk_create(
        DepartureReturn(
            item=item,
            way=way_of(way),
            obstacle=way.obstacle or "",
            transaction=operation,
            payment_id=way.parent.payment_id if way.parent is not None else None,
            gift_id=way.tender.gift_id if way.tender is not None else None,
            customer_id=way.tender.customer_id if way.tender is not None else None,
            amount_minor=way.parts.amount_minor,
            base_minor=way.parts.base_minor,
            currency=item.currency,
            written_at=now,
        )
        for way, operation in returned
    )


def _given_back(item: DepartureItem) -> int:
    """Return what of the price has gone back for an item, is going back, or is left to a hand."""
    counted = DepartureReturn.objects.filter(item=item).exclude(transaction__status=Status.FAILED)
    return int(counted.aggregate(total=Sum("base_minor", default=0))["total"])


def _take_pace(item: DepartureItem, now: datetime) -> bool:
    """Take a place in the minute of every account that the item's refunds go to; all of them or none.

    Accounts in the order of their ids, so that two workers cannot wait for each other.
    """
    most: int = settings.BACKOFFICE["DEPARTURE_REFUNDS_PER_MINUTE"]
    with database.atomic():
        for account_id, calls in sorted((int(key), count) for key, count in item.planned_calls.items()):
            RefundPace.objects.get_or_create(account_id=account_id, defaults={"window_started_at": now})
            pace = RefundPace.objects.filter(account_id=account_id)
            is_anew = pace.filter(window_started_at__lte=now - _WINDOW).update(window_started_at=now, begun=calls)
            # More than a whole minute's refunds for one booking are begun at the minute's beginning.
            room = max(0, most - calls)
            if not is_anew and not pace.filter(begun__lte=room).update(begun=F("begun") + calls):
                database.set_rollback(True)
                return False
    return True


def _release(item: DepartureItem, *, until: datetime | None, tries: int | None = None) -> None:
    changes: dict[str, object] = {"state": ItemState.WAITING, "claimed_until": None, "next_try_at": until}
    if tries is not None:
        changes["tries"] = tries
    DepartureItem.objects.filter(pk=item.pk, claim_number=item.claim_number, state=ItemState.DOING).update(**changes)


def _fail(item: DepartureItem, error: str, now: datetime) -> None:
    log.warning("departure_item_refused", item=item.pk, booking=str(item.booking_id), error=error[:200])
    DepartureItem.objects.filter(pk=item.pk, claim_number=item.claim_number, state=ItemState.DOING).update(
        state=ItemState.FAILED, claimed_until=None, error=error[:300], decided_at=now
    )


def _finish(cancellation_id: UUID, now: datetime) -> None:
    """Finish a cancellation of which nothing is open; a booking that is on its departures all the same joins it."""
    with database.atomic():
        cancellation = DepartureCancellation.objects.select_for_update(of=("self",)).get(pk=cancellation_id)
        is_open = cancellation.items.filter(state__in=_OPEN).exists()
        if cancellation.state != CancellationState.RUNNING or is_open:
            return
        departure_ids = list(cancellation.departures.values_list("availability_id", flat=True))
        known = DepartureItem.objects.filter(cancellation=cancellation, booking=OuterRef("pk"))
        live = Booking.objects.filter(availability__in=departure_ids, status__in=LIVE_STATUSES)
        if live.exclude(Exists(known)).exists():
            noted = set(cancellation.items.values_list("booking_id", flat=True))
            plans = plan_calling_off(departure_ids=departure_ids, now=now)
            new_items(cancellation, [plan for plan in plans if plan.booking.pk not in noted])
            return
        cancellation.state, cancellation.finished_at = CancellationState.FINISHED, now
        cancellation.save(update_fields=["state", "finished_at"])
        record(
            actor="system",
            action="finished departure cancellation",
            subject=cancellation,
            detail=f"{cancellation.items.count()} bookings",
        )
