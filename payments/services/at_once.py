"""Confirm an order in the transaction that records what was still missing: the order is locked and read once."""

from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction as database

from bookings import services as booking_services
from bookings.errors import BookingError, GiftHoldExpired, HoldExpired, OrderNotOpen
from bookings.models import Booking, BookingStatus, Gift, Order, OrderKind
from bookings.requests import BookingChanges, GiftChanges, OrderChanges
from bookings.services import BegunConfirmation
from payments.selectors import OrderMoney, has_undecided_money
from payments.services.in_hand import OrderInHand, PaymentInHand
from payments.services.operations import Clock
from payments.services.transitions import Then


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """Say whether the order is confirmed; False only after a part payment taken elsewhere was recorded.

    `money` is what the books say of the order and `booking` the one that was asked for, where both were just read under
    the lock; `current` is the payment the order is being paid by, where it was read with them.
    """

    order: Order
    is_confirmed: bool
    booking: Booking | None = None
    gift: Gift | None = None
    money: OrderMoney | None = None
    current: PaymentInHand | None = None


class NotCovered(Exception):
    """Carry what is missing, and the order in hand, out of a confirmation that changed nothing."""

    def __init__(self, money: OrderMoney, held: OrderInHand) -> None:
        super().__init__("not covered")
        self.money = money
        self.held = held


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Be what is to be confirmed: one booking or gift of an order, or the order; what changes with it, and the gift
    that is to pay.
    """

    order: Order
    booking: Booking | None = None
    gift: Gift | None = None
    gift_changes: GiftChanges | None = None
    gift_code: str | None = None
    changes: BookingChanges | None = None
    order_changes: OrderChanges | None = None

    @property
    def writes_at_once(self) -> bool:
        """Say whether its changes write something before the money is looked at, to be undone when it is not there."""
        if self.order_changes is not None or self.gift_changes is not None:
            return True
        return self.changes is not None and booking_services.writes_at_once(self.changes)

    @property
    def item(self) -> Booking | Gift | None:
        """Return the booking or gift that is confirmed by itself; None where it is the order."""
        return self.booking or self.gift

    def expired(self) -> BookingError:
        """Return the error that says that its hold has run out."""
        if self.booking is not None:
            return HoldExpired(str(self.booking.uuid))
        if self.gift is not None:
            return GiftHoldExpired(str(self.gift.uuid))
        return OrderNotOpen(str(self.order.uuid), "its hold has expired")


class AtOnce:
    """Confirm in the transaction that records the last answer which was missing: under one lock, read once.

    Only an order made for one booking, and where nothing is locked that comes before its payments: gifts, a customer.
    What raises here undoes the recording too, and what raises after it undoes this; the answer is then recorded alone,
    and the order looked at again. So there is a `confirmation` only once it is committed.
    """

    def __init__(self, wanted: Wanted, clock: Clock) -> None:
        self._wanted = wanted
        self._clock = clock
        self.confirmation: Confirmation | None = None

    @property
    def confirm(self) -> Then | None:
        """Return what is to be done with the order in hand; None where it must be locked anew."""
        wanted = self._wanted
        names_a_customer = wanted.changes is not None and wanted.changes.customer_reference is not None
        if wanted.booking is None or wanted.gift_code is not None or names_a_customer:
            return None
        return self._confirm

    def rest_of(self, begun: BegunConfirmation) -> Then | None:
        """Return what is to be done with the order in hand whose confirmation was begun under the same lock: complete
        it, if its money is there by then. None as `confirm`, and where what was begun was undone.
        """
        if self.confirm is None or self._wanted.writes_at_once or begun.order.kind != OrderKind.BOOKING:
            return None

        def complete(held: OrderInHand) -> None:
            money = held.money
            if money.is_covered:
                self._complete(begun, held, money, self._clock())

        return complete

    def _confirm(self, held: OrderInHand) -> None:
        wanted, order, now = self._wanted, held.order, self._clock()
        money = held.money
        if order.kind != OrderKind.BOOKING:
            raise NotCovered(money, held)
        begun = booking_services.begin_confirmation(
            order=order, now=now, booking=wanted.booking, changes=wanted.changes, bookings=held.bookings
        )
        has_run_out = order.expires_at is not None and order.expires_at <= now
        if has_run_out and not has_undecided_money(order):
            raise wanted.expired()
        money = held.money
        if not money.is_covered:
            raise NotCovered(money, held)
        self._complete(begun, held, money, now)

    def _complete(self, begun: BegunConfirmation, held: OrderInHand, money: OrderMoney, now: datetime) -> None:
        confirmed = begun.complete(now=now, money_in_minor=money.money_in_minor)
        confirmation = confirmation_of(self._wanted, confirmed, money, held.current)
        database.on_commit(lambda: self._keep(confirmation))

    def _keep(self, confirmation: Confirmation) -> None:
        self.confirmation = confirmation


def confirmation_of(wanted: Wanted, confirmed: Order, money: OrderMoney, current: PaymentInHand | None) -> Confirmation:
    """Return what is told of an order that was just confirmed, with the money that was looked at for it."""
    asked_for = next((one for one in confirmed.bookings.all() if wanted.booking and one.pk == wanted.booking.pk), None)
    gift = next((one for one in confirmed.gifts.all() if wanted.gift and one.pk == wanted.gift.pk), None)
    is_open = confirmed.status == BookingStatus.CONFIRMED
    told = replace(money, is_balance_open=is_open)
    return Confirmation(order=confirmed, is_confirmed=True, booking=asked_for, gift=gift, money=told, current=current)
