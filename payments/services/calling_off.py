"""The operator calls a departure off: its bookings are cancelled one by one, and each guest has all of it back, however
late it is.

The same words plan a thousand of them for a person to look at, in a constant number of queries, and one of them under
its order's lock.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.conf import settings
from django.db import transaction as database

from bookings import services as booking_services
from bookings.models import Booking, BookingStatus, Gift, Order, SettlementMethod
from bookings.rules import BOUGHT_STATUSES, LIVE_STATUSES
from gateways.errors import MisconfiguredAccount
from gateways.protocol import Capability
from gateways.registry import gateway_for
from money import Money
from payments.models import Case, CaseKind, Transaction
from payments.selectors import Booked, OrderMoney, booked_for_orders, order_money
from payments.services.cases import open_case
from payments.services.locking import tried_again_after_lock_timeout
from payments.services.openings import close_openings
from payments.services.returning import gives_surcharge_back, send_back
from payments.services.surplus import operations_of
from payments.services.tenders import Tender, lock_tenders, settle_gift_sales, tenders_of_orders
from payments.services.ways_back import Obstacle, ObstacleOf, Way, WaysBack, base_of
from payments.splitting import Parts
from payments.states import OperationKind, Status

# Whoever sells on these terms settles with the guest; where cards paid all the same, they have it back.
_PARTNER_SETTLES = (SettlementMethod.WHOLESALE, SettlementMethod.DEFERRED, SettlementMethod.VOUCHER)


class Remark(StrEnum):
    """Name what is to be said of a booking beside its money."""

    REDEEMED = "REDEEMED"
    PARTNER_SETTLES = "PARTNER_SETTLES"
    ALREADY_GIVEN_BACK = "ALREADY_GIVEN_BACK"
    NOTHING_PAID = "NOTHING_PAID"
    ENDED_OTHERWISE = "ENDED_OTHERWISE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Be what calling one booking off gives back.

    `share_minor` is what of the order's price is this booking's to have back, `undecided_minor` what joins it when a
    charge that nobody has decided turns out to be there: the door gives that back by itself.
    """

    booking: Booking
    ways: tuple[Way, ...] = ()
    share_minor: int = 0
    undecided_minor: int = 0
    returns_surcharge: bool = True
    remark: Remark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Be what was written to give money back: each way with its operation, where it is one."""

    plan: Plan
    ways: tuple[tuple[Way, Transaction | None], ...] = ()


Noted = Callable[[Sent], None]


def plan_calling_off(*, departure_ids: Collection[UUID], now: datetime) -> list[Plan]:
    """Return what calling departures off would give back, booking by booking, in the order they are worked through.

    A constant number of queries for any number of bookings; nothing is locked or written.
    """
    called_off = Booking.objects.filter(availability__in=departure_ids, status__in=BOUGHT_STATUSES)
    orders = {
        order.pk: order
        for order in Order.objects.filter(pk__in=called_off.values("order"))
        .select_related("partner")
        .prefetch_related("installments", "gifts")
    }
    bookings: dict[UUID, list[Booking]] = defaultdict(list)
    rows = Booking.objects.filter(order__in=list(orders)).select_related("product", "option", "availability")
    for booking in rows.order_by("number"):
        booking.order = orders[booking.order_id]
        bookings[booking.order_id].append(booking)
    operations: dict[UUID, list[Transaction]] = defaultdict(list)
    for operation in Transaction.objects.filter(order__in=list(orders)).select_related("parent", "account"):
        operations[operation.order_id].append(operation)
    booked = booked_for_orders(list(orders))
    tenders = tenders_of_orders(list(orders))
    disputed = _disputed(list(orders))
    plans: list[Plan] = []
    for order_id, order in orders.items():
        known = _Known(
            order=order,
            bookings=bookings[order_id],
            booked=booked.get(order_id, []),
            operations=operations[order_id],
            tenders=tenders.get(order_id, []),
        )
        plans += _plans_of_order(known, set(departure_ids), disputed, now)
    return sorted(plans, key=lambda plan: plan.booking.number)


@tried_again_after_lock_timeout
def call_off_booking(
    *,
    booking_id: UUID,
    departure_ids: Collection[UUID],
    reason: str,
    requested_by: str,
    now: datetime,
    noted: Noted,
) -> None:
    """Cancel one booking of departures that were called off, and write what gives its guest all of it back.

    One that ended meanwhile, or was moved to another departure, is left alone. What the caller keeps is `noted` in the
    transaction that writes it, and undoes it by raising. The operations are sent by whoever claims them first. Where a
    part cannot go back by itself, its payment is put before a person.
    """
    with database.atomic():
        order_id = Booking.objects.values_list("order_id", flat=True).get(pk=booking_id)
        order = booking_services.lock_order(order_id=order_id)
        booking = Booking.objects.select_related("product").get(pk=booking_id)
        if _is_redeemed(booking):
            noted(Sent(plan=Plan(booking=booking, remark=Remark.REDEEMED)))
            return
        if booking.status not in LIVE_STATUSES or booking.availability_id not in departure_ids:
            noted(Sent(plan=Plan(booking=booking, remark=Remark.ENDED_OTHERWISE)))
            return
        returns_surcharge = gives_surcharge_back(order)
        before = order_money(order)
        booking = booking_services.cancel_booking(
            booking=booking, reason=reason, force=True, now=now, is_called_off=True
        )
        order = booking.order
        settle_gift_sales(order=order, now=now)
        close_openings(order=order)
        tenders = lock_tenders(order)
        operations = list(operations_of(order))
        obstacle_of = _obstacles(operations, _disputed([order.pk]), now)
        ways_back = WaysBack(operations, returns_surcharge=returns_surcharge, obstacle_of=obstacle_of)
        plan = _plan(booking, before, order_money(order), ways_back, tenders, operations, returns_surcharge)
        noted(_sent(order, plan, reason, requested_by, now))


@tried_again_after_lock_timeout
def give_back_rest(
    *,
    booking_id: UUID,
    rest_minor: int,
    returns_surcharge: bool,
    reason: str,
    requested_by: str,
    now: datetime,
    noted: Noted,
) -> None:
    """Give back what a booking that was called off has still to have back, as far as it is there: what was undecided
    then, or whose refund failed.

    `rest_minor` is of the price. Otherwise as `call_off_booking`.
    """
    with database.atomic():
        booking = Booking.objects.select_related("product").get(pk=booking_id)
        order = booking_services.lock_order(order_id=booking.order_id)
        money = order_money(order)
        operations = list(operations_of(order))
        obstacle_of = _obstacles(operations, _disputed([order.pk]), now)
        ways_back = WaysBack(operations, returns_surcharge=returns_surcharge, obstacle_of=obstacle_of)
        share = min(rest_minor, max(0, money.certain_surplus_minor))
        ways = ways_back.plan(share, lock_tenders(order))
        if returns_surcharge and money.to_collect_minor == money.kept_minor == 0:
            ways += ways_back.plan_leftovers()
        plan = Plan(booking=booking, ways=tuple(ways), share_minor=share, returns_surcharge=returns_surcharge)
        noted(_sent(order, plan, reason, requested_by, now))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """Be all that is known of one order, read with that of many others."""

    order: Order
    bookings: list[Booking]
    booked: list[Booked]
    operations: list[Transaction]
    tenders: list[Tender]


def _plans_of_order(known: _Known, departure_ids: set[UUID], disputed: set[UUID], now: datetime) -> list[Plan]:
    """Cancel in memory, one booking after the other, what would be cancelled under the order's lock."""
    order = copy(known.order)
    bookings = [copy(booking) for booking in known.bookings]
    gifts: list[Gift] = list(known.order.gifts.all())
    obstacle_of = _obstacles(known.operations, disputed, now)
    ways_back = WaysBack(known.operations, returns_surcharge=gives_surcharge_back(order), obstacle_of=obstacle_of)

    def money() -> OrderMoney:
        return order_money(order, bookings=bookings, booked=known.booked, operations=known.operations)

    plans = []
    for shown, booking in zip(known.bookings, bookings, strict=True):
        if shown.availability_id not in departure_ids or shown.status not in BOUGHT_STATUSES:
            continue
        if _is_redeemed(shown):
            plans.append(Plan(booking=shown, remark=Remark.REDEEMED))
            continue
        before, returns_surcharge = money(), gives_surcharge_back(order)
        booking.status, booking.cancellation_refund = BookingStatus.CANCELLED, "FULL"
        booking_services.show_installments(order, bookings)
        booking_services.settle_status(order, bookings, gifts)
        plans.append(_plan(shown, before, money(), ways_back, known.tenders, known.operations, returns_surcharge))
    return plans


def _plan(
    booking: Booking,
    before: OrderMoney,
    after: OrderMoney,
    ways_back: WaysBack,
    tenders: Sequence[Tender],
    operations: Iterable[Transaction],
    returns_surcharge: bool,
) -> Plan:
    """Return what goes back when an order's money is looked at before and after one of its bookings is cancelled: the
    difference, so that what others of its bookings cost, or what was too much before, stays.
    """
    share = max(0, after.certain_surplus_minor) - max(0, before.certain_surplus_minor)
    undecided = max(0, after.surplus_minor) - max(0, before.surplus_minor) - share
    ways = ways_back.plan(share, tenders)
    unplaced = share - base_of(ways)
    if unplaced > 0:
        # A hold that is larger lapses by itself, and what is being captured goes back when it has come.
        unplaced -= min(unplaced, ways_back.held_minor())
        captures = (row for row in operations if row.kind == OperationKind.CAPTURE and row.status == Status.PENDING)
        coming = min(unplaced, sum(row.parts.base_minor for row in captures))
        undecided += coming
        if unplaced > coming:
            ways.append(Way(parts=Parts(unplaced - coming, 0), obstacle=Obstacle.NOT_FOUND))
        share = base_of(ways)
    if returns_surcharge and after.to_collect_minor == after.kept_minor == 0:
        ways += ways_back.plan_leftovers()
    return Plan(
        booking=booking,
        ways=tuple(ways),
        share_minor=share,
        undecided_minor=max(0, undecided),
        returns_surcharge=returns_surcharge,
        remark=None if ways or undecided > 0 else _why_nothing(booking, before),
    )


def _why_nothing(booking: Booking, money: OrderMoney) -> Remark:
    if money.refunded_minor + money.charged_back_minor + money.returning_minor > 0:
        return Remark.ALREADY_GIVEN_BACK
    if booking.order.settlement_method in _PARTNER_SETTLES and money.money_in_minor == 0:
        return Remark.PARTNER_SETTLES
    return Remark.NOTHING_PAID


def _sent(order: Order, plan: Plan, reason: str, requested_by: str, now: datetime) -> Sent:
    """Write what goes back by itself, and put before a person what does not."""
    operations = iter(send_back(order=order, ways=plan.ways, reason=reason, requested_by=requested_by, now=now))
    ways = [(way, next(operations) if way.parent is not None and way.obstacle is None else None) for way in plan.ways]
    for way in plan.ways:
        if way.parent is not None and way.obstacle not in (None, Obstacle.UNDECIDED):
            amount = Money(way.parts.amount_minor, order.currency)
            open_case(
                payment=way.parent.payment,
                kind=CaseKind.REFUND_BY_HAND,
                detail=f"{amount} of booking {plan.booking.reference}, whose departure was cancelled ({way.obstacle})",
                now=now,
            )
    return Sent(plan=plan, ways=tuple(ways))


def _obstacles(operations: Iterable[Transaction], disputed: Collection[UUID], now: datetime) -> ObstacleOf:
    """Return what says of each sale, capture or hold of an order why it cannot go back by itself."""
    unknown = {row.payment_id for row in operations if row.status == Status.PENDING and row.unknown_since_at}

    def obstacle_of(taken: Transaction) -> Obstacle | None:
        if taken.payment_id in unknown:
            return Obstacle.UNDECIDED
        if taken.payment_id in disputed:
            return Obstacle.DISPUTED
        try:
            gateway = gateway_for(taken.account)
        except MisconfiguredAccount:
            return Obstacle.ACCOUNT_OFF
        if Capability.CHARGE_EXTERNAL in gateway.capabilities:
            return Obstacle.TAKEN_ELSEWHERE
        if not taken.account.is_active:
            return Obstacle.ACCOUNT_OFF
        days = settings.PAYMENTS["REFUNDABLE_DAYS"].get(taken.account.gateway)
        taken_at = taken.decided_at or taken.requested_at
        if days is not None and taken.kind != OperationKind.AUTHORIZATION and taken_at < now - timedelta(days=days):
            return Obstacle.TOO_OLD
        return None

    return obstacle_of


def _disputed(order_ids: Collection[UUID]) -> set[UUID]:
    """Return the payments of orders whose dispute nobody has closed: a refund beside it could pay the guest twice."""
    cases = Case.objects.filter(payment__order__in=order_ids, kind=CaseKind.CHARGEBACK, closed_at__isnull=True)
    return set(cases.values_list("payment_id", flat=True))


def _is_redeemed(booking: Booking) -> bool:
    return booking.redeemed_at is not None or booking.status == BookingStatus.REDEEMED
