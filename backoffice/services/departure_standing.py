"""Where the bookings of cancelled departures stand: read from what became of their refunds, and kept as their state."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction as database
from django.db.models import F, QuerySet

from backoffice.models import DepartureItem, DepartureReturn, ItemState, ReturnWay
from payments.models import Origin, Transaction
from payments.selectors import CHARGE_KINDS
from payments.services.calling_off import Remark
from payments.states import OperationKind, Status

_AT_ONCE = 500
_RETURNING = (OperationKind.REFUND, OperationKind.VOID)


def look_at(items: QuerySet[DepartureItem], *, now: datetime) -> None:
    """Write the states that items have by now; those whose state stays cost a few queries for hundreds of them."""
    last_id = 0
    while found := list(items.filter(pk__gt=last_id).order_by("pk")[:_AT_ONCE]):
        _look_at(found, now)
        last_id = found[-1].pk


def _look_at(found: Sequence[DepartureItem], now: datetime) -> None:
    returns: dict[int, list[DepartureReturn]] = defaultdict(list)
    for each in DepartureReturn.objects.filter(item__in=found).select_related("transaction").order_by("id"):
        returns[each.item_id].append(each)
    pending: dict[UUID, list[Transaction]] = defaultdict(list)
    for operation in Transaction.objects.filter(order__in={item.order_id for item in found}, status=Status.PENDING):
        pending[operation.order_id].append(operation)
    for item in found:
        of_order = pending[item.order_id]
        if item.undecided_minor and not any(_brings_money(operation) for operation in of_order):
            returns[item.pk] += _take_up_what_came_late(item, now)
        state = state_of(item, returns[item.pk], of_order)
        if state == item.state and state not in (ItemState.DONE, ItemState.FAILED, ItemState.BY_HAND):
            continue
        decided_at = None if state in (ItemState.WAITING, ItemState.DOING, ItemState.UNDECIDED) else now
        # Whoever claimed or settled it meanwhile knows better.
        DepartureItem.objects.filter(
            pk=item.pk, state=item.state, claim_number=item.claim_number, claimed_until__isnull=True
        ).update(state=state, decided_at=decided_at)


def state_of(item: DepartureItem, returns: Sequence[DepartureReturn], pending: Iterable[Transaction]) -> ItemState:
    """Return the state of an item that is written; `pending` are the undecided operations of its order.

    WAITING is one that has something to have back which could not be written before, and can be now.
    """
    operations = [(each, each.transaction) for each in returns if each.transaction is not None]
    sending = [operation for _, operation in operations if operation.status == Status.PENDING]
    if any(operation.unknown_since_at for operation in sending):
        return ItemState.UNDECIDED
    if sending:
        return ItemState.DOING
    if item.undecided_minor:
        return ItemState.UNDECIDED
    failed = [each for each, operation in operations if operation.status == Status.FAILED]
    if any(each.written_at == item.written_at for each in failed):
        return ItemState.FAILED
    given_back = sum(each.base_minor for each in returns if each not in failed)
    if given_back < item.share_minor:
        if failed:
            return ItemState.FAILED
        is_unknown = any(operation.unknown_since_at for operation in pending)
        return ItemState.UNDECIDED if is_unknown else ItemState.WAITING
    is_by_hand = item.remark == Remark.REDEEMED or any(each.way == ReturnWay.BY_HAND for each in returns)
    return ItemState.BY_HAND if is_by_hand and not item.settled_by else ItemState.DONE


def _brings_money(operation: Transaction) -> bool:
    return operation.kind in CHARGE_KINDS or operation.kind == OperationKind.CAPTURE


def _take_up_what_came_late(item: DepartureItem, now: datetime) -> list[DepartureReturn]:
    """Keep with an item what the house gave back by itself when a charge turned out to be there after all."""
    with database.atomic():
        mine = DepartureItem.objects.select_for_update(of=("self",)).get(pk=item.pk)
        if not mine.undecided_minor:
            return []
        late = Transaction.objects.filter(
            order_id=item.order_id,
            origin=Origin.OURS,
            kind__in=_RETURNING,
            requested_by="system",
            requested_at__gte=item.written_at,
            departure_return__isnull=True,
        )
        written = [
            DepartureReturn(
                item=item,
                way=ReturnWay.RELEASE if operation.kind == OperationKind.VOID else ReturnWay.CARD,
                transaction=operation,
                payment_id=operation.payment_id,
                amount_minor=operation.amount_minor,
                base_minor=operation.parts.base_minor,
                currency=operation.currency,
                written_at=now,
            )
            for operation in late
        ]
        DepartureReturn.objects.bulk_create(written)
        base = sum(each.base_minor for each in written)
        DepartureItem.objects.filter(pk=item.pk).update(undecided_minor=0, share_minor=F("share_minor") + base)
        item.undecided_minor, item.share_minor = 0, item.share_minor + base
    return written
