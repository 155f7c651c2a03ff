"""Charge a card by its own details, encrypted or in the clear, and go on when the guest has been at the bank.

Row before wire, no lock across the call, one door, as everywhere. The card itself passes through once and is kept
nowhere, so that nobody but the caller could send such a charge a second time, and nobody does: a lost answer is unknown
until the gateway's webhook or a person decides.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction as database

from bookings import services as booking_services
from bookings.models import BookingStatus, Order, OrderKind
from gateways.protocol import Action, EncryptedCard, RawCard, Shopper
from money import Money
from payments.errors import (
    AlreadyPaid,
    AmountMismatch,
    CurrencyMismatch,
    NotPayable,
)
from payments.models import Transaction
from payments.selectors import OrderMoney, current_payment, has_undecided_money, order_money
from payments.services.challenges import action_for, waits_for_guest
from payments.services.charging import new_charge, undecided_charge
from payments.services.collecting import new_payment
from payments.services.confirming import confirm_if_covered
from payments.services.in_hand import OrderInHand
from payments.services.locking import tried_again_after_lock_timeout
from payments.services.operations import Clock, OnlyTold, perform_claimed
from payments.services.proving import bring_proof
from payments.services.routing import choose_route_for_card, read_source
from payments.services.surcharging import rules_read_with, surcharge_on
from payments.splitting import Parts
from payments.states import Status

Written = Callable[[Transaction], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardCharge:
    """Be a wish to charge a card now, in part or for all that is still to be paid of an order.

    `amount_minor` pays the price; the route's surcharge and `donation_minor` are charged on top of it in the same
    authorization. Without `captures` the money is only held, and staff capture it. `return_url` is where the bank sends
    the guest back, when it is not the order's.
    """

    amount_minor: int
    currency: str
    card: EncryptedCard | RawCard = field(repr=False)
    captures: bool = True
    donation_minor: int = 0
    shopper: Shopper | None = field(default=None, repr=False)
    return_url: str = ""
    note: str = ""
    source: str = "ECOM"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardCharged:
    """Say how a charge stands; `action` is what the guest's browser must do next, None when there is nothing to do.

    A refusal is a `transaction` that FAILED, with its `error_code`; a lost answer is a PENDING one that is unknown.
    """

    transaction: Transaction
    order: Order
    action: Action | None = None


def charge_card(*, order_id: UUID, request: CardCharge, clock: Clock, also: Written | None = None) -> CardCharged:
    """Charge a card, and confirm the order if its money is all there then.

    What is `also` to be written is committed with the charge before it is sent, or neither is.

    :raises PaymentError: the charge cannot be made; nothing was written and nothing was sent.
    """
    return send_card_charge(charge=_write(order_id, request, also, clock()), request=request, clock=clock)


def send_card_charge(*, charge: Transaction, request: CardCharge, clock: Clock) -> CardCharged:
    """Send a charge that its caller has written and committed, and confirm the order if its money is all there then."""
    told = OnlyTold(card=request.card, shopper=request.shopper, return_url=request.return_url)
    perform_claimed(operation=charge, clock=clock, told=told, then=partial(_confirm_in_hand, clock=clock))
    return _charged(charge.pk, clock)


def complete_card_charge(*, transaction_id: UUID, evidence: Mapping[str, str], clock: Clock) -> CardCharged:
    """Go on with a charge whose guest has been at the bank, with what the bank gave them to bring back.

    What is decided is returned as it is, and so may the same evidence be brought again after a lost answer.

    :raises NotPayable: the order was cancelled while the guest was at the bank; nothing was taken, nor will be.
    :raises PaymentError: as `bring_proof`; the charge goes on waiting.
    """
    charge = Transaction.objects.select_related("order", "challenge").get(pk=transaction_id)
    if waits_for_guest(charge) and charge.order.status == BookingStatus.CANCELLED:
        raise NotPayable("The order was cancelled.", payment_reference=charge.payment.reference)
    bring_proof(transaction_id=transaction_id, proof=evidence, clock=clock, then=partial(_confirm_in_hand, clock=clock))
    return _charged(transaction_id, clock)


def describe_card_charge(*, transaction_id: UUID, clock: Clock) -> CardCharged:
    """Tell how a charge stands now, with what the guest must do next."""
    charge = Transaction.objects.select_related("payment", "order", "account").get(pk=transaction_id)
    return CardCharged(transaction=charge, order=charge.order, action=action_for(charge, now=clock()))


@tried_again_after_lock_timeout
def _write(order_id: UUID, request: CardCharge, also: Written | None, now: datetime) -> Transaction:
    with database.atomic():
        order = booking_services.lock_order(order_id=order_id)
        return write_card_charge(order=order, request=request, also=also, now=now)


def write_card_charge(*, order: Order, request: CardCharge, also: Written | None, now: datetime) -> Transaction:
    """Write the payment and its charge under the order's lock, claimed by the caller, who commits and then sends it.

    :raises PaymentError: the charge cannot be made; the caller's transaction is to be given up.
    """
    money = order_money(order)
    _check(order, money, request, now)
    source = read_source(request.source)
    route = choose_route_for_card(order=order, source=source, card=request.card, captures=request.captures, now=now)
    price = Money(request.amount_minor, order.currency)
    surcharge = surcharge_on(price, rules_read_with(route), source=source, gateway=route.account.gateway)
    parts = Parts(price.minor, surcharge, request.donation_minor)
    payment = new_payment(
        order=order,
        account=route.account,
        source=source,
        parts=parts,
        captures_at_once=request.captures,
        supersedes=current_payment(order),
        now=now,
        is_one_charge=True,
    )
    charge = new_charge(
        order=order,
        payment=payment,
        parts=parts,
        is_sale=request.captures,
        expected_total_minor=money.wanted_minor,
        requested_by="partner",
        now=now,
        reason=request.note,
    )
    if also is not None:
        also(charge)
    return charge


def _check(order: Order, money: OrderMoney, request: CardCharge, now: datetime) -> None:
    """Refuse what cannot be charged, before anything is written."""
    has_run_out = order.expires_at is not None and order.expires_at <= now
    if order.status not in (BookingStatus.ON_HOLD, BookingStatus.CONFIRMED):
        raise NotPayable(f"The order is {order.status.lower()}.")
    if order.status == BookingStatus.ON_HOLD and has_run_out and not has_undecided_money(order):
        raise NotPayable("The hold of the order has expired.")
    due = Money(money.payable_minor, order.currency)
    if request.currency.upper() != order.currency:
        raise CurrencyMismatch(f"The order is in {order.currency}, not in {request.currency}.", due=due)
    if money.asked_minor > 0:
        raise undecided_charge()
    if due.minor == 0:
        raise AlreadyPaid("Nothing is left to pay of the order.")
    if not 0 < request.amount_minor <= due.minor or request.donation_minor < 0:
        raise AmountMismatch(f"At most {due} can be paid.", due=due)


def _confirm_in_hand(held: OrderInHand, *, clock: Clock) -> None:
    """Confirm an order made for one booking in the transaction that records its last money.

    Nothing may be locked here that comes before its payments; other orders are confirmed in a second look.
    """
    order = held.order
    if order.kind != OrderKind.BOOKING or order.status != BookingStatus.ON_HOLD:
        return
    money = held.money
    if money.is_covered:
        booking_services.confirm_locked_order(
            order=order, now=clock(), bookings=held.bookings, money_in_minor=money.money_in_minor
        )


def _charged(transaction_id: UUID, clock: Clock) -> CardCharged:
    """Tell how a charge stands, once an order whose money it brought is confirmed."""
    charged = describe_card_charge(transaction_id=transaction_id, clock=clock)
    if charged.transaction.status == Status.PROCESSED and charged.order.status == BookingStatus.ON_HOLD:
        confirm_if_covered(order_id=charged.order.pk, now=clock())
        charged.order.refresh_from_db()
    return charged
