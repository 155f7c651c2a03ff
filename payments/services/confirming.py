"""Confirm an order: only when money taken, or a capture the gateway accepted, covers what cards must pay.

The order's lock is taken for moments, never across a call: look, and write down what may be taken without the guest ->
send it -> look again and confirm.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction as database

from bookings import services as booking_services
from bookings.errors import (
    AlreadyConfirmed,
    BookingError,
    OrderHasOtherHolds,
)
from bookings.models import Booking, BookingStatus, Gift, Order
from bookings.requests import BookingChanges, GiftChanges, OrderChanges
from bookings.rules import may_have_gifts
from bookings.services import BegunConfirmation
from gateways.registry import gateway_for
from money import Money
from payments.errors import NotCancellableByPartner, PaymentDue
from payments.models import Transaction
from payments.selectors import OrderMoney, has_undecided_money, order_money, unused_holds_among
from payments.services.asking import ask_about_opening
from payments.services.at_once import AtOnce, Confirmation, NotCovered, Wanted, confirmation_of
from payments.services.capturing import write_captures
from payments.services.challenges import charge_to_prove
from payments.services.charging import asks_for_a_charge, cancel_external, told_by, write_charge
from payments.services.collecting import PaymentRequest, check_request
from payments.services.evidence import ask_about_evidence, named_opening, note_report
from payments.services.excess import return_excess
from payments.services.explaining import explain, pending
from payments.services.in_hand import OrderInHand, take_in_hand
from payments.services.locking import tried_again_after_lock_timeout
from payments.services.operations import Clock, Patience, perform_claimed, perform_in_hand
from payments.services.proving import bring_proof
from payments.services.routing import Wish, choose_account
from payments.services.surplus import return_surplus
from payments.services.tenders import apply_gift, lock_tenders, settle_gift_sales
from payments.states import Status

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Missing:
    """Say what keeps an order from being confirmed, and what was written to get it: committed, claimed and not sent."""

    money: OrderMoney
    charge: Transaction | None = None
    captures: tuple[Transaction, ...] = ()


def confirm_booking(
    *,
    booking: Booking,
    changes: BookingChanges | None,
    request: PaymentRequest,
    clock: Clock,
    gift_code: str | None = None,
) -> Confirmation:
    """Confirm a booking as `confirm_order` does an order; one of several only where no card pays for them.

    `changes` are applied with the confirmation or not at all.

    :raises BookingError: the booking cannot be confirmed, or a change is impossible; nothing was changed.
    """
    wanted = Wanted(order=booking.order, booking=booking, changes=changes, gift_code=gift_code)
    return _confirm(wanted, request, clock)


def confirm_gift(
    *,
    gift: Gift,
    changes: GiftChanges | None,
    request: PaymentRequest,
    clock: Clock,
    gift_code: str | None = None,
) -> Confirmation:
    """Confirm a gift as `confirm_booking` does a booking: once it is paid it gets its code, and a mail brings it."""
    wanted = Wanted(order=gift.order, gift=gift, gift_changes=changes, gift_code=gift_code)
    return _confirm(wanted, request, clock)


def confirm_order(
    *,
    order: Order,
    changes: OrderChanges,
    request: PaymentRequest,
    clock: Clock,
    gift_code: str | None = None,
) -> Confirmation:
    """Confirm all that an order holds, after finding out about its payment and taking what may be taken without the
    guest.

    Confirming what is confirmed changes nothing. `changes` are applied with the confirmation or not at all. The gift of
    a `gift_code` pays first; where it pays only a part and nobody speaks of the rest, the part is kept and the order
    stays on hold, as after a part payment taken elsewhere.

    :raises PaymentPending: the gateway has not decided or we do not know; repeat the same call.
    :raises PaymentRefused: it was refused; a new session stands ready.
    :raises PaymentDue: money is missing and nobody says that it was paid; nothing was changed.
    :raises GiftNotUsable: the code opens no gift that can pay here; nothing was written.
    :raises BookingError: something in it cannot be confirmed, or a change is impossible; nothing was changed.
    """
    return _confirm(Wanted(order=order, order_changes=changes, gift_code=gift_code), request, clock)


def _confirm(wanted: Wanted, request: PaymentRequest, clock: Clock) -> Confirmation:
    order_id = wanted.order.pk
    patience = Patience(clock)
    has_run_out = wanted.order.expires_at is not None and wanted.order.expires_at <= clock()
    if request.evidence and has_run_out and wanted.order.status in (BookingStatus.ON_HOLD, BookingStatus.EXPIRED):
        # The guest may have paid while the hold ran out; what the gateway says of it may bring the seats back.
        ask_about_evidence(order_id, request, clock)
    must_ask_first = request.is_cancellation or request.evidence is not None
    at_once = AtOnce(wanted, clock)
    charged = None
    waiting = charge_to_prove(order_id) if request.proof else None
    if waiting is not None:
        charged = bring_proof(transaction_id=waiting.pk, proof=request.proof, clock=clock, then=at_once.confirm)
        if at_once.confirmation is not None:
            return at_once.confirmation
    done = _confirm_or_write(wanted, request, patience, may_charge=not must_ask_first, at_once=at_once)
    if isinstance(done, _Missing) and must_ask_first and not done.captures:
        if request.is_cancellation:
            cancel_external(order_id=order_id, request=request, clock=clock)
        ask_about_evidence(order_id, request, clock)
        if request.card_id is not None and not patience.allows_a_call():
            raise pending(None)
        done = _confirm_or_write(wanted, request, patience, may_charge=True, at_once=at_once)
    if isinstance(done, _Missing) and _is_to_be_asked_about(done, request) and patience.allows_a_call():
        opening = named_opening(order_id, request)
        if opening is not None and ask_about_opening(opening=opening, clock=clock):
            done = _look_again(wanted, request, patience, None)
    if isinstance(done, Confirmation):
        return done
    if done.charge is not None:
        charged = perform_claimed(operation=done.charge, clock=clock, told=told_by(request), then=at_once.confirm)
        done = at_once.confirmation or _look_again(wanted, request, patience, charged)
    if isinstance(done, _Missing) and done.captures:
        for capture in done.captures:
            if capture.claim_number and patience.allows_a_call():
                is_last = capture is done.captures[-1]
                perform_claimed(operation=capture, clock=clock, then=at_once.confirm if is_last else None)
        done = at_once.confirmation or _look_again(wanted, request, patience, charged)
    if isinstance(done, Confirmation):
        return done
    note_report(order_id, request, clock())
    try:
        order = explain(order_id, done.money, request, charged, clock, patience)
    except PaymentDue:
        order = Order.objects.select_related("partner").get(pk=order_id)
        if order_money(order).is_covered:
            # A worker took in what was missing since we looked.
            done = _look_again(wanted, request, patience, charged)
            if isinstance(done, Confirmation):
                return done
        if not wanted.gift_code:
            raise
        # The gift paid its part; the rest is due.
    return Confirmation(order=order, is_confirmed=False)


def _is_to_be_asked_about(missing: _Missing, request: PaymentRequest) -> bool:
    """Say whether only the gateway could know of what the partner speaks of, and nobody brought evidence."""
    is_named = request.opening_reference is not None and request.evidence is None
    return is_named and missing.charge is None and not missing.captures


def _look_again(
    wanted: Wanted,
    request: PaymentRequest,
    patience: Patience,
    charged: Transaction | None,
) -> Confirmation | _Missing:
    """Confirm after something was sent; what was charged for a confirmation that has become impossible goes back, and
    what is too much where somebody else was faster, and confirmed for less.
    """
    try:
        done = _confirm_or_write(wanted, request, patience, may_charge=False, is_first_look=False)
    except BookingError:
        _give_back(charged, patience.clock())
        raise
    if isinstance(done, Confirmation) and done.money is None:
        _give_back(charged, patience.clock())
    return done


@tried_again_after_lock_timeout
def confirm_if_covered(*, order_id: UUID, now: datetime) -> Order:
    """Confirm all that an order holds if its money is there, and return the order as it is then.

    What cannot be confirmed stays as it is, with its money, and is shown to staff as any other paid order.
    """
    with database.atomic():
        order = booking_services.lock_order(order_id=order_id)
        money = order_money(order)
        if order.status == BookingStatus.ON_HOLD and money.is_covered:
            try:
                with database.atomic():
                    order = booking_services.confirm_locked_order(order=order, now=now)
                    settle_gift_sales(order=order, now=now)
                    return_excess(order=order, money=money, is_changed=False, now=now)
            except BookingError as error:
                log.info("paid_and_not_confirmed", order=order.reference, error=type(error).__name__)
                order = Order.objects.get(pk=order_id)
    return order


@tried_again_after_lock_timeout
def _confirm_or_write(
    wanted: Wanted,
    request: PaymentRequest,
    patience: Patience,
    *,
    may_charge: bool,
    is_first_look: bool = True,
    at_once: AtOnce | None = None,
) -> Confirmation | _Missing:
    """Confirm if nothing is missing; otherwise change nothing of the booking, and write down what is to be sent.

    A charge is written when it `may_charge`; where its gateway has no wire it is recorded, and what it was for is
    confirmed `at_once`. Holds are captured only where nothing else is to be taken or asked first, because a capture
    that does not cover the price would confirm nothing. Evidence is not asked about where the gateway has said already
    that its Opening was paid: it could tell nothing new, and the guest's partner would wait for a call more.
    """
    now = patience.clock()
    with database.atomic():
        order = booking_services.lock_order(order_id=wanted.order.pk)
        try:
            # Changes are made before the money is looked at, and undone when it is not there.
            with database.atomic() if wanted.writes_at_once else nullcontext():
                begun = booking_services.begin_confirmation(
                    order=order,
                    now=now,
                    booking=wanted.booking,
                    changes=wanted.changes,
                    order_changes=wanted.order_changes,
                    gift=wanted.gift,
                    gift_changes=wanted.gift_changes,
                )
                held, money = _covered(wanted, begun, request, now, is_first_look=is_first_look)
                confirmed = begun.complete(now=now)
                settle_gift_sales(order=confirmed, now=now)
                return_excess(order=confirmed, money=money, is_changed=bool(begun.changed), now=now)
        except AlreadyConfirmed:
            if is_first_look and request.is_cancellation:
                words = "A confirmed booking's payment is for the supplier's staff to undo."
                raise NotCancellableByPartner(words) from None
            return Confirmation(order=order, is_confirmed=True)
        except NotCovered as missing:
            if may_charge and begun.changed:
                _refuse_part(missing, request)
            if wanted.gift_code is not None and wanted.writes_at_once:
                # The changes were undone, and with them what the gift paid: it pays for the order as it is.
                apply_gift(order=order, code=wanted.gift_code, now=now)
            if may_charge and (charge := _write_charge(missing, request, now)) is not None:
                rest = at_once.rest_of(begun) if at_once is not None else None
                if rest is not None and charge.status == Status.PENDING and not gateway_for(charge.account).has_wire:
                    charge = perform_in_hand(
                        operation=charge, held=missing.held, told=told_by(request), now=now, then=rest
                    )
                return _Missing(money=missing.money, charge=charge)
            operations = list(missing.held.operations.values())
            if not may_charge and is_first_look and not _tells_of_a_hold(request, operations):
                return _Missing(money=missing.money)
            named_opening(order.pk, request, among=operations)
            captures = write_captures(missing.money, operations, now=now, is_claimed=patience.allows_a_call())
            return _Missing(money=missing.money, captures=tuple(captures))
    return confirmation_of(wanted, confirmed, money, held.current)


def _covered(
    wanted: Wanted, begun: BegunConfirmation, request: PaymentRequest, now: datetime, *, is_first_look: bool
) -> tuple[OrderInHand, OrderMoney]:
    """Return the order in hand, and its money, once nothing of it is missing.

    :raises NotCovered: something is.
    """
    order = begun.order
    has_run_out = order.expires_at is not None and order.expires_at <= now
    if wanted.gift_code is not None and not has_run_out:
        apply_gift(order=order, code=wanted.gift_code, now=now, bookings=begun.bookings)
    if begun.changed:
        # Gifts may have paid too much now, and are locked before payments are.
        lock_tenders(order)
    held = take_in_hand(order, bookings=begun.bookings)
    money = held.money
    if has_run_out and not has_undecided_money(order):
        raise wanted.expired()
    if is_first_look:
        _check_wish(request, order, money)
    # What stands confirmed in an order that is still a hold must have no money that could be taken back from it.
    if wanted.item is not None and money.to_collect_minor > 0 and _holds_others(order, begun.bookings, wanted.item):
        raise OrderHasOtherHolds(str(wanted.item.uuid), str(order.uuid))
    if not money.is_covered or (is_first_look and request.is_cancellation):
        raise NotCovered(money, held)
    return held, money


def _holds_others(order: Order, bookings: Sequence[Booking], item: Booking | Gift) -> bool:
    gifts = order.gifts.all() if may_have_gifts(order) else ()
    return any(each.status == BookingStatus.ON_HOLD and each.pk != item.pk for each in (*bookings, *gifts))


def _check_wish(request: PaymentRequest, order: Order, money: OrderMoney) -> None:
    check_request(request, order=order, due=Money(money.due_minor, order.currency))
    takes_money = asks_for_a_charge(request)
    if request.gateway is not None and money.due_minor > 0 and not takes_money:
        choose_account(order=order, wish=Wish(gateway=request.gateway, source=request.source))


def _write_charge(missing: NotCovered, request: PaymentRequest, now: datetime) -> Transaction | None:
    if not asks_for_a_charge(request):
        return None
    held = missing.held
    named_opening(held.order.pk, request)  # nobody is charged by a request that names another order's session
    return write_charge(
        order=held.order, request=request, money=missing.money, now=now, payments=held.payments.values()
    )


def _refuse_part(missing: NotCovered, request: PaymentRequest) -> None:
    """Refuse a part that was taken elsewhere for a change which it does not cover: the change could not be kept, and
    what was taken for it might be more than the order costs without it.

    :raises PaymentDue: tells what the change leaves to pay.
    """
    if request.external is None or not request.external.is_approved or request.amount_minor is None:
        return
    due = Money(missing.money.due_minor, missing.money.currency)
    if request.amount_minor < due.minor:
        raise PaymentDue("The change costs more than was taken.", due=due)


def _tells_of_a_hold(request: PaymentRequest, operations: Sequence[Transaction]) -> bool:
    """Say whether all that a request brings is evidence of an Opening in which money is known to be held."""
    if request.is_cancellation or asks_for_a_charge(request) or request.opening_reference is None:
        return False
    return any(
        hold.opening is not None and hold.opening.gateway_reference == request.opening_reference
        for hold in unused_holds_among(operations)
    )


def _give_back(charged: Transaction | None, now: datetime) -> None:
    """Return what was charged for a confirmation that turned out to be impossible."""
    if charged is None or charged.status != Status.PROCESSED:
        return
    with database.atomic():
        order = booking_services.lock_order(order_id=charged.order_id)
        surplus = min(order_money(order).certain_surplus_minor, charged.parts.base_minor)
        if surplus > 0:
            return_surplus(order=order, newest=charged, amount_minor=surplus, now=now)
