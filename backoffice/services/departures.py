"""What people do with the cancellation of departures: propose, start, pause, stop, try again, settle by hand.

The departures are locked before anything of them is read, so that no booking can slip in between the dry run that was
agreed to and the closing: whoever reserves waits for the lock and finds the departure closed.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction as database
from django.db.models import Exists, OuterRef
from django.http import HttpRequest

from backoffice.audit import record
from backoffice.errors import BackofficeError, NoLimit
from backoffice.models import (
    CancellationState,
    CancelledDeparture,
    DepartureCancellation,
    DepartureItem,
    DepartureReturn,
    ItemState,
    ReturnWay,
)
from backoffice.services.departure_plans import DryRun, amount_of, calls_of, dry_run
from backoffice.services.limits import given_back_minor, limit_of, lock_allowance
from bookings.models import Availability
from card_numbers import mask_card_numbers
from money import Money
from payments.models import CaseKind
from payments.services.calling_off import Plan
from payments.services.cases import close_case

# From which states one comes into another by a person's hand.
_MOVES: dict[CancellationState, tuple[CancellationState, ...]] = {
    CancellationState.WITHDRAWN: (CancellationState.PROPOSED,),
    CancellationState.PAUSED: (CancellationState.RUNNING,),
    CancellationState.RUNNING: (CancellationState.PAUSED,),
    CancellationState.STOPPED: (CancellationState.RUNNING, CancellationState.PAUSED),
}
_MOVE_IN_WORDS: dict[CancellationState, str] = {
    CancellationState.WITHDRAWN: "withdrew departure cancellation",
    CancellationState.PAUSED: "paused departure cancellation",
    CancellationState.RUNNING: "resumed departure cancellation",
    CancellationState.STOPPED: "stopped departure cancellation",
}


class PlanChanged(BackofficeError):
    """Say that the dry run that was agreed to is not what would happen any more."""


class AlreadyProposed(BackofficeError):
    """Say that the same dry run waits for a second person already."""


class AlreadyCancelled(BackofficeError):
    """Say that a departure's cancellation was started before, by whomever."""


class NeedsSecondPerson(BackofficeError):
    """Say that somebody else must start what a person proposed."""


class NotMovable(BackofficeError):
    """Say that a cancellation, or a booking of it, is not in a state in which that can be done."""


def cancel_departures(
    *,
    person: User,
    departure_ids: Collection[UUID],
    reason: str,
    fingerprint: str,
    now: datetime,
    may_start: bool = True,
    request: HttpRequest | None = None,
) -> DepartureCancellation:
    """Begin cancelling departures as the dry run of this fingerprint said; above the person's limit, or where the
    person may not start, it is kept for a second person and nothing is closed.

    :raises PlanChanged: the dry run says something else by now; nothing was written.
    :raises AlreadyCancelled: one of the departures is being cancelled; nothing was written.
    :raises AlreadyProposed: the same waits for a second person; nothing was written.
    """
    with database.atomic():
        found = _locked_dry_run(departure_ids, fingerprint, now)
        needs_second_person = not (may_start and _is_within_limit(person, found.totals, now))
        proposed = DepartureCancellation.objects.filter(state=CancellationState.PROPOSED, fingerprint=fingerprint)
        if needs_second_person and proposed.exists():
            raise AlreadyProposed("It waits for a second person already: nothing was written.")
        cancellation = DepartureCancellation.objects.create(
            state=CancellationState.PROPOSED,
            reason=mask_card_numbers(reason)[:200],
            fingerprint=fingerprint,
            needs_second_person=needs_second_person,
            proposed_by=person.get_username(),
            proposed_at=now,
        )
        CancelledDeparture.objects.bulk_create(
            CancelledDeparture(cancellation=cancellation, availability=each, is_current=False)
            for each in found.departures
        )
        if needs_second_person:
            _record(cancellation, person, "proposed departure cancellation", found, request)
        else:
            _start(cancellation, person, found, now, request)
    return cancellation


def start_cancellation(
    *,
    cancellation_id: UUID,
    person: User,
    fingerprint: str,
    now: datetime,
    request: HttpRequest | None = None,
) -> DepartureCancellation:
    """Start what another person proposed, as the dry run of this fingerprint said to whoever starts it.

    :raises NeedsSecondPerson: it is the person's own proposal; nothing was written.
    :raises NoLimit: the person may give back nothing in a currency of it; nothing was written.
    :raises NotMovable: it was started or withdrawn before; nothing was written.
    :raises PlanChanged, AlreadyCancelled: as `cancel_departures`.
    """
    with database.atomic():
        cancellation = _locked(cancellation_id)
        if cancellation.state != CancellationState.PROPOSED:
            raise NotMovable(f"It is {cancellation.get_state_display()} already.")
        if cancellation.proposed_by == person.get_username():
            raise NeedsSecondPerson("You proposed it: above your limit somebody else starts it.")
        departure_ids = list(cancellation.departures.values_list("availability_id", flat=True))
        found = _locked_dry_run(departure_ids, fingerprint, now)
        for total in found.totals:
            limit_of(person, total.currency)
        cancellation.fingerprint = fingerprint
        _start(cancellation, person, found, now, request)
    return cancellation


def move_cancellation(
    *,
    cancellation_id: UUID,
    person: User,
    to: CancellationState,
    now: datetime,
    request: HttpRequest | None = None,
) -> DepartureCancellation:
    """Withdraw, pause, resume or stop a cancellation; what is under way at a gateway is not called back.

    A departure that was closed stays closed. What a stopped one has not begun can be cancelled anew.

    :raises NotMovable: it is in another state; nothing was written.
    """
    with database.atomic():
        cancellation = _locked(cancellation_id)
        if cancellation.state not in _MOVES[to]:
            raise NotMovable(f"It is {cancellation.get_state_display()}: that cannot be done now.")
        cancellation.state = to
        if to == CancellationState.STOPPED:
            cancellation.finished_at = now
            cancellation.departures.update(is_current=False)
        cancellation.save(update_fields=["state", "finished_at"])
        _record(cancellation, person, _MOVE_IN_WORDS[to], None, request)
    return cancellation


def retry_items(
    *,
    cancellation_id: UUID,
    person: User,
    item_ids: Iterable[int],
    request: HttpRequest | None = None,
) -> int:
    """Have what failed tried again, with new refunds for those that failed; return how many items that are.

    Of a stopped cancellation only what was begun is tried again.

    :raises NotMovable: the cancellation is paused, or none of these items failed; nothing was written.
    """
    with database.atomic():
        cancellation = _locked(cancellation_id)
        if cancellation.state == CancellationState.PAUSED:
            raise NotMovable("It is paused: resume it first.")
        failed = cancellation.items.filter(pk__in=list(item_ids), state=ItemState.FAILED)
        if cancellation.state == CancellationState.STOPPED:
            failed = failed.filter(cancelled_at__isnull=False)
        count = failed.update(state=ItemState.WAITING, error="", tries=0, next_try_at=None, decided_at=None)
        if not count:
            raise NotMovable("None of these failed: look again.")
        if cancellation.state == CancellationState.FINISHED:
            cancellation.state, cancellation.finished_at = CancellationState.RUNNING, None
            cancellation.save(update_fields=["state", "finished_at"])
        record(
            actor=person.get_username(),
            action="retried refunds of a departure",
            subject=cancellation,
            detail=f"{count} bookings",
            request=request,
        )
    return count


def settle_item(
    *, item_id: int, person: User, note: str, now: datetime, request: HttpRequest | None = None
) -> DepartureItem:
    """Note how what had to be given back by hand was given back, or why it was not.

    :raises NotMovable: nothing of it waits for a hand, or nobody says how; nothing was written.
    """
    text = mask_card_numbers(note.replace("\x00", "").strip())[:300]
    with database.atomic():
        item = DepartureItem.objects.select_for_update(of=("self",)).select_related("booking__order").get(pk=item_id)
        if item.state != ItemState.BY_HAND:
            raise NotMovable(f"It is {item.get_state_display()}: nothing of it waits for a hand.")
        if not text:
            raise NotMovable("Say how it was given back, or why it was not.")
        item.state, item.settled_by, item.settled_note = ItemState.DONE, person.get_username(), text
        item.decided_at = now
        item.save(update_fields=["state", "settled_by", "settled_note", "decided_at"])
        _close_cases_of(item, person, now)
        record(
            actor=person.get_username(),
            action="settled by hand",
            subject=item.booking,
            detail=f"departure cancellation {item.cancellation_id}",
            reason=text,
            request=request,
        )
    return item


def _close_cases_of(item: DepartureItem, person: User, now: datetime) -> None:
    """Close the cases of the payments that were settled, unless another booking's part of one still waits."""
    others = DepartureReturn.objects.filter(
        payment=OuterRef("payment"), way=ReturnWay.BY_HAND, item__state=ItemState.BY_HAND
    ).exclude(item=item)
    mine = item.returns.filter(~Exists(others), way=ReturnWay.BY_HAND, payment__isnull=False)
    for each in mine.select_related("payment"):
        assert each.payment is not None
        close_case(payment=each.payment, kind=CaseKind.REFUND_BY_HAND, closed_by=person.get_username(), now=now)


def new_items(cancellation: DepartureCancellation, plans: Iterable[Plan]) -> list[DepartureItem]:
    """Write an item for each booking that a plan is for."""
    return DepartureItem.objects.bulk_create(
        DepartureItem(
            cancellation=cancellation,
            booking=plan.booking,
            order_id=plan.booking.order_id,
            currency=plan.booking.currency,
            remark=plan.remark or "",
            planned_minor=amount_of(plan),
            planned_calls=calls_of(plan),
        )
        for plan in plans
    )


def _locked_dry_run(departure_ids: Collection[UUID], fingerprint: str, now: datetime) -> DryRun:
    """Lock departures, and plan again what the person saw; orders are locked one by one as they are worked through."""
    locked = Availability.objects.select_for_update(of=("self",)).filter(pk__in=departure_ids).order_by("pk")
    list(locked.values_list("pk"))
    if CancelledDeparture.objects.filter(availability__in=departure_ids, is_current=True).exists():
        raise AlreadyCancelled("A departure among these is being cancelled already.")
    found = dry_run(departure_ids=departure_ids, now=now)
    if found.fingerprint != fingerprint:
        raise PlanChanged("Something changed since the dry run. Look at it again: nothing was done.")
    return found


def _start(
    cancellation: DepartureCancellation, person: User, found: DryRun, now: datetime, request: HttpRequest | None
) -> None:
    """Close the locked departures and write what is to be done, in the caller's transaction."""
    Availability.objects.filter(pk__in=[each.pk for each in found.departures]).update(is_closed=True)
    cancellation.departures.update(is_current=True)
    cancellation.state = CancellationState.RUNNING
    cancellation.started_by, cancellation.started_at = person.get_username(), now
    cancellation.save(update_fields=["state", "started_by", "started_at", "fingerprint"])
    new_items(cancellation, found.plans)
    _record(cancellation, person, "started departure cancellation", found, request)


def _is_within_limit(person: User, totals: Iterable[Money], now: datetime) -> bool:
    """Say whether a person may give all of this back alone: the whole batch is measured, not each order, together with
    all that the person gave back since a day ago, so that one departure after the other, or a refund before it, is one.
    """
    try:
        limits = [(total, limit_of(person, total.currency)) for total in totals if total.minor]
    except NoLimit:
        return False
    if all(limit is None for _, limit in limits):
        return True
    lock_allowance(person)
    return all(
        limit is None or _used_minor(person, limit.currency, now) + total.minor <= limit.minor
        for total, limit in limits
    )


def _used_minor(person: User, currency: str, now: datetime) -> int:
    within = {"currency": currency, "order__is_live": True}
    return given_back_minor(person=person, now=now, within=within)


def _locked(cancellation_id: UUID) -> DepartureCancellation:
    return DepartureCancellation.objects.select_for_update(of=("self",)).get(pk=cancellation_id)


def _record(
    cancellation: DepartureCancellation,
    person: User,
    action: str,
    found: DryRun | None,
    request: HttpRequest | None,
) -> None:
    detail = ""
    if found is not None:
        totals = ", ".join(str(total) for total in found.totals) or "nothing"
        detail = f"{len(found.plans)} bookings, {totals} to go back"
    record(
        actor=person.get_username(),
        action=action,
        subject=cancellation,
        detail=detail,
        reason=cancellation.reason,
        request=request,
    )
