"""Take money as a member of staff asks: by a kept card without its guest, or by writing down what was taken elsewhere.

Row before wire, as everywhere; where it covers the price of a hold, the order is confirmed.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import transaction as database

from bookings import services as booking_services
from bookings.models import BookingStatus, Order
from gateways.protocol import Capability, ExternalCharge, Source
from gateways.registry import gateway_for
from money import Money
from payments.errors import (
    AlreadyPaid,
    AlreadyRecorded,
    AmountMismatch,
    GatewayMismatch,
    InvalidCard,
    NotPayable,
    PaymentPending,
)
from payments.models import AccountRoute, ReusableCard, Transaction
from payments.selectors import current_payment, has_undecided_money, order_money
from payments.services.cards import card_for_order, usable_cards
from payments.services.charging import RETRY_AFTER_SECONDS, new_charge, told_by, undecided_charge, write_charge
from payments.services.collecting import PaymentRequest, new_payment
from payments.services.confirming import confirm_if_covered
from payments.services.guarding import order_version, refuse_after_change
from payments.services.link_pages import is_reported
from payments.services.links import withdraw_links
from payments.services.locking import tried_again_after_lock_timeout
from payments.services.online import online_accounts
from payments.services.operations import NOTHING_TOLD, Clock, OnlyTold, perform_claimed
from payments.services.previewing import rehearsed
from payments.services.routing import routes_for
from payments.services.surcharging import rules_for, surcharge_on
from payments.splitting import Parts
from payments.states import Status


def charge_stored_card(
    *, order_id: UUID, card_id: str, money: Money, requested_by: str, clock: Clock, version_seen: int | None = None
) -> Transaction:
    """Charge a kept card, to whose being charged its guest agreed, for all or part of an order's price that is due; the
    surcharge on it is charged as well. Return the charge as it stands then.

    What a guest could still pay by a link is closed with it. A refusal is no exception: the charge has FAILED.

    :raises InvalidCard: it may not pay this order: another guest's, expired, revoked, or without consent.
    :raises AlreadyPaid: nothing is due; nothing was written.
    :raises PaymentError: the charge cannot be made; nothing was written.
    """
    charge = _write_card_charge(order_id, card_id, money, requested_by, clock(), version_seen)
    return _carry_out(charge, clock)


def record_external_payment(
    *, order_id: UUID, money: Money, note: str, requested_by: str, clock: Clock, version_seen: int | None = None
) -> Transaction:
    """Write down that all or part of what an order owes was taken elsewhere, with a note that says how; return it.

    :raises AlreadyRecorded: the same amount was, under the same note; nothing was written.
    :raises AlreadyPaid: nothing is due; nothing was written.
    :raises PaymentError: the payment cannot be recorded; nothing was written.
    """
    request = PaymentRequest(
        amount_minor=money.minor, currency=money.currency, notes=note, external=ExternalCharge(is_approved=True)
    )
    charge = _write_external(order_id, request, requested_by, clock(), version_seen)
    return _carry_out(charge, clock, told_by(request))


@dataclass(frozen=True, slots=True, kw_only=True)
class CardCost:
    """Be what charging a card would take from its guest, who agreed to being charged at `consented_at`."""

    card: ReusableCard
    total: Money
    surcharge: Money
    consented_at: datetime


def cost_of_card_charge(*, order: Order, card_id: str, money: Money, now: datetime) -> CardCost:
    """Return what `charge_stored_card` would charge; nothing is written.

    :raises PaymentError: as the charge itself would be refused.
    """
    charge = rehearsed(lambda: _write_card_charge(order.pk, card_id, money, "", now, None))
    assert charge.card is not None
    return CardCost(
        card=charge.card,
        total=Money(charge.amount_minor, charge.currency),
        surcharge=Money(charge.surcharge_minor, charge.currency),
        consented_at=charge.card.consents.earliest("given_at").given_at,
    )


def chargeable_cards(order: Order, *, now: datetime) -> list[ReusableCard]:
    """Return the cards that staff may charge for an order, newest last: with consent, neither expired nor revoked."""
    return [
        card
        for account in online_accounts(order, Capability.CHARGE_STORED_CARD)
        for card in usable_cards(order=order, account=account, now=now)
    ]


def external_route(order: Order) -> AccountRoute | None:
    """Return the route by which an order's payments from elsewhere are written down; None where none is set up."""
    return next(
        (each for each in routes_for(order) if Capability.CHARGE_EXTERNAL in gateway_for(each.account).capabilities),
        None,
    )


def _carry_out(charge: Transaction, clock: Clock, told: OnlyTold = NOTHING_TOLD) -> Transaction:
    performed = perform_claimed(operation=charge, clock=clock, told=told)
    if performed.status == Status.PROCESSED:
        confirm_if_covered(order_id=charge.order_id, now=clock())
    return performed


@tried_again_after_lock_timeout
def _write_card_charge(
    order_id: UUID, card_id: str, money: Money, requested_by: str, now: datetime, version_seen: int | None
) -> Transaction:
    with database.atomic():
        order = _lock_payable(order_id, version_seen, now)
        if is_reported(order):
            raise PaymentPending("The guest is said to have paid.", retry_after_seconds=RETRY_AFTER_SECONDS)
        card = next((each for each in chargeable_cards(order, now=now) if str(each.pk) == card_id), None)
        if card is None:
            raise InvalidCard("The card is not one that can be used for this order.")
        due = order_money(order)
        if due.due_minor == 0:
            raise AlreadyPaid("Nothing is left to pay.")
        if money.currency != order.currency or not 0 < money.minor <= due.due_minor:
            most = Money(due.due_minor, order.currency)
            raise AmountMismatch(f"At most {most} is due.", due=most)
        surcharge = surcharge_on(
            money, rules_for(order, card.account), source=Source.ECOM, gateway=card.account.gateway
        )
        parts = Parts(money.minor, surcharge)
        payment = new_payment(
            order=order,
            account=card.account,
            source=Source.ECOM,
            parts=parts,
            captures_at_once=True,
            supersedes=current_payment(order),
            now=now,
            is_one_charge=True,
        )
        charge = new_charge(
            order=order,
            payment=payment,
            parts=parts,
            is_sale=True,
            expected_total_minor=due.wanted_minor,
            requested_by=requested_by,
            now=now,
            card=card_for_order(order=order, account=card.account, card_id=card_id, now=now),
        )
        withdraw_links(order=order, now=now)
        return charge


@tried_again_after_lock_timeout
def _write_external(
    order_id: UUID, request: PaymentRequest, requested_by: str, now: datetime, version_seen: int | None
) -> Transaction:
    with database.atomic():
        order = _lock_payable(order_id, version_seen, now)
        route = external_route(order)
        if route is None:
            raise GatewayMismatch("No account is set up to record payments that were taken elsewhere.")
        source = (route.sources or route.account.sources)[0]
        routed = replace(request, gateway=route.account.gateway, source=source)
        charge = write_charge(order=order, request=routed, money=order_money(order), now=now, requested_by=requested_by)
        if charge is None:
            raise AlreadyPaid("Nothing is left to pay.")
        if charge.status != Status.PENDING:
            raise AlreadyRecorded("The same amount was recorded under the same note before; nothing was written.")
        return charge


def _lock_payable(order_id: UUID, version_seen: int | None, now: datetime) -> Order:
    """Lock an order that can be paid.

    :raises NotPayable: it is over, or its hold ran out with nothing on it.
    :raises PaymentPending: another charge of it is undecided.
    :raises PaymentChanged: its money moved since it was looked at.
    """
    order = booking_services.lock_order(order_id=order_id)
    refuse_after_change(version_seen, order_version(order))
    has_run_out = order.status == BookingStatus.ON_HOLD and order.expires_at is not None and order.expires_at <= now
    if order.status not in (BookingStatus.ON_HOLD, BookingStatus.CONFIRMED):
        raise NotPayable(f"The order is {order.status.lower().replace('_', ' ')}: nothing can be paid.")
    if has_run_out and not has_undecided_money(order):
        raise NotPayable("The order's hold has run out: nothing can be paid.")
    if order_money(order).asked_minor > 0:
        raise undecided_charge()
    return order
