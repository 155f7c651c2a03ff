"""Collect what an order owes: decide the account, keep one current payment, and have something open that a guest can
pay.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction as database

from bookings import services as booking_services
from bookings.models import BookingStatus, Order, Partner, SettlementMethod
from bookings.rules import is_asked
from gateways.models import GatewayAccount
from gateways.protocol import Capability, ExternalCharge, RawCard, Shopper, Source
from gateways.registry import gateway_for
from money import Money
from payments.errors import AmountMismatch, CurrencyMismatch, NoAccount
from payments.models import Opening, OpeningStatus, Origin, Payment
from payments.references import new_payment_reference, next_payment_number
from payments.selectors import OrderMoney, current_among, current_payment, order_money
from payments.services.cards import card_for_order
from payments.services.in_hand import PaymentInHand
from payments.services.locking import tried_again_after_lock_timeout
from payments.services.openings import (
    claim_opening,
    new_opening,
    open_at_gateway,
    usable_opening,
    was_just_refused,
)
from payments.services.operations import Clock
from payments.services.routing import Wish, choose_account, choose_route, is_set_up, read_source
from payments.services.surcharging import rules_for, rules_read_with, surcharge_on
from payments.services.viewing import HAS_MONEY, CardPaymentView, country_code_of, surcharge_now, view_of
from payments.splitting import Parts
from payments.states import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRequest:
    """Be what a partner says of a card payment, in our words; None is not said.

    `opening_reference` is the gateway's name of what the guest paid (a session id), `evidence` what its client brought
    back, `gateway_reference` the gateway's name of the payment. `payment_token` is what the guest's browser got for a
    card, `browser_info` what it says of itself, `keeps_card` that the guest agreed to have the card kept. `card` is a
    card in the clear, `shopper` who is at the keyboard, and `proof` what the bank gave the guest to bring back.
    `external` is set when the partner reports a payment of its own.
    """

    gateway: str | None = None
    source: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    notes: str | None = None
    is_cancellation: bool = False
    card_id: str | None = None
    opening_reference: str | None = None
    evidence: str | None = field(default=None, repr=False)
    gateway_reference: str | None = None
    payment_token: str | None = field(default=None, repr=False)
    browser_info: str | None = field(default=None, repr=False)
    keeps_card: bool = False
    card: RawCard | None = field(default=None, repr=False)
    shopper: Shopper | None = field(default=None, repr=False)
    proof: Mapping[str, str] = field(default_factory=dict, repr=False)
    external: ExternalCharge | None = None
    channel: str = "Web"
    locale: str = ""


NO_REQUEST = PaymentRequest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Be what an order on hold is paid by now; `is_claimed` says that the Opening is the caller's to send."""

    payment: Payment | None = None
    opening: Opening | None = None
    is_claimed: bool = False


def prepare_payment(*, order_id: UUID, payment_request: PaymentRequest, clock: Clock) -> None:
    """Make sure an order that can be paid has a current payment for what is due, and something open where a guest can
    pay it.
    """
    order, prepared = _prepare_payable(order_id, payment_request, clock())
    if prepared.is_claimed:
        open_prepared(prepared, country_code_of(order), clock)


@tried_again_after_lock_timeout
def _prepare_payable(order_id: UUID, request: PaymentRequest, now: datetime) -> tuple[Order, Prepared]:
    with database.atomic():
        order = booking_services.lock_order(order_id=order_id)
        if not is_payable(order):
            return order, Prepared()
        return order, prepare(order, request, now, money=order_money(order))


def is_payable(order: Order) -> bool:
    """Say whether a guest can be sent to pay an order: a hold, or a confirmed one whose deposit left a balance, where
    there is a page to come back to.
    """
    if order.status == BookingStatus.CONFIRMED:
        return order.settlement_method == SettlementMethod.DEPOSIT and bool(order.return_url)
    return order.status == BookingStatus.ON_HOLD


def describe_payment(
    *,
    order: Order,
    clock: Clock,
    payment_request: PaymentRequest = NO_REQUEST,
    money: OrderMoney | None = None,
    current: PaymentInHand | None = None,
) -> CardPaymentView | None:
    """Tell what there is to tell of an order's card payment; None when no account may take its money.

    A caller that has just read the order's `money`, or its `current` payment, passes it.

    Opens anew, with the gateway, what a guest can no longer use, so that a read always shows something payable.
    """
    now = clock()
    payment = current.payment if current is not None else current_payment(order)
    money = money or order_money(order)
    if not is_payable(order) or money.due_minor == 0:
        known = current.operations if current is not None else None
        return view_of(order, payment, _waits_for_guest(payment), money, now, operations=known)
    opening = usable_opening(payment, order=order, now=now) if payment else None
    if _needs_opening(order, payment, opening, money, now):
        try:
            prepare_payment(order_id=order.id, payment_request=payment_request, clock=clock)
        except NoAccount:
            return None
        payment = current_payment(order)
        opening = usable_opening(payment, order=order, now=now) if payment else None
    return view_of(order, payment, opening, money, now)


def payment_by_reference(*, partner: Partner, is_live: bool, reference: str) -> Payment | None:
    """Return a partner's payment by its `cp_` reference."""
    return (
        Payment.objects.filter(partner=partner, is_live=is_live, reference=reference)
        .select_related("order", "order__partner", "account")
        .first()
    )


def _waits_for_guest(payment: Payment | None) -> Opening | None:
    """Return the Opening in which a guest must act before a charge under way is decided."""
    if payment is None or not is_set_up(payment.account):
        return None
    if Capability.CHARGE_PAYMENT_TOKEN not in gateway_for(payment.account).capabilities:
        return None
    return payment.openings.filter(
        status=OpeningStatus.OPEN, transactions__status=Status.PENDING, transactions__origin=Origin.OURS
    ).first()


def _needs_opening(
    order: Order, payment: Payment | None, opening: Opening | None, money: OrderMoney, now: datetime
) -> bool:
    if payment is None or not is_set_up(payment.account):
        return True
    due = Money(money.due_minor, order.currency)
    if payment.parts != Parts(due.minor, surcharge_now(order, payment.account, Source(payment.source), due)):
        return True
    if _has_done_its_part(payment, order):
        return True
    if payment.source != Source.ECOM or not order.return_url:
        return False
    if Capability.OPEN not in gateway_for(payment.account).capabilities:
        return False
    is_open = opening is not None and opening.status == OpeningStatus.OPEN
    return not is_open and not was_just_refused(payment, now)


def _has_done_its_part(payment: Payment, order: Order) -> bool:
    """Say whether what is due now needs another payment: this one brought the deposit, or was for one charge alone."""
    return payment.is_one_charge or (order.status == BookingStatus.CONFIRMED and payment.state in HAS_MONEY)


def check_request(request: PaymentRequest, *, order: Order, due: Money) -> None:
    """Refuse a wish that contradicts the order.

    :raises CurrencyMismatch: the currency named is not the order's.
    :raises InvalidSource: the source is none we know.
    """
    read_source(request.source)
    if request.currency is not None and request.currency.upper() != order.currency:
        raise CurrencyMismatch(f"The order is in {order.currency}, not in {request.currency}.", due=due)


def ensure_payment(
    *,
    order: Order,
    request: PaymentRequest,
    money: OrderMoney,
    now: datetime,
    payments: Collection[Payment] | None = None,
) -> tuple[Payment | None, bool]:
    """Return the current payment for what is due, made anew when account, source, amount or surcharge changed, and
    whether it was.

    There is none when nothing is due. Its amount is what is due and the surcharge on it.

    Call it under the order's lock. A caller that has the order's payments in hand, all of them, passes them.
    """
    due = Money(money.due_minor, order.currency)
    check_request(request, order=order, due=due)
    current = current_payment(order) if payments is None else current_among(payments)
    has_wish = request.gateway is not None or request.source is not None
    if due.minor == 0:
        if has_wish:
            choose_account(order=order, wish=Wish(gateway=request.gateway, source=request.source))
        return None, False
    if current is not None and _stays(current, request) and current.account.is_active and is_set_up(current.account):
        account, source = current.account, Source(current.source)
        rules = rules_for(order, account)
    else:
        source = read_source(request.source)
        wish = Wish(gateway=request.gateway, source=request.source)
        began_at = current.account if current is not None else None
        route = choose_route(order=order, wish=wish, now=now, began_at=began_at)
        account, rules = route.account, rules_read_with(route)
    parts = Parts(due.minor, surcharge_on(due, rules, source=source, gateway=account.gateway))
    if (
        current is not None
        and (current.account_id, current.source, current.currency) == (account.id, source, order.currency)
        and current.parts == parts
        and not _has_done_its_part(current, order)
    ):
        return current, False
    # What pays a balance or an invoice has no confirmation to wait for.
    captures_at_once = (
        account.captures_at_once
        or order.status == BookingStatus.CONFIRMED
        or is_asked(order)
        or Capability.AUTHORIZE not in gateway_for(account).capabilities
    )
    made = new_payment(
        order=order,
        account=account,
        source=source,
        parts=parts,
        captures_at_once=captures_at_once,
        supersedes=current,
        now=now,
    )
    return made, True


def new_payment(
    *,
    order: Order,
    account: GatewayAccount,
    source: Source,
    parts: Parts,
    captures_at_once: bool,
    supersedes: Payment | None,
    now: datetime,
    is_one_charge: bool = False,
) -> Payment:
    """Write down a wish to collect one amount, in the place of the order's current one; call it under its lock."""
    if supersedes is not None:
        Payment.objects.filter(pk=supersedes.pk).update(superseded_at=now)
        supersedes.superseded_at = now
    return Payment.objects.create(
        reference=new_payment_reference(now),
        number=next_payment_number,
        order=order,
        partner_id=order.partner_id,
        account=account,
        is_live=order.is_live,
        source=source,
        amount_minor=parts.amount_minor,
        surcharge_minor=parts.surcharge_minor,
        donation_minor=parts.donation_minor,
        is_one_charge=is_one_charge,
        currency=order.currency,
        captures_at_once=captures_at_once,
        created_at=now,
        updated_at=now,
    )


def _stays(current: Payment, request: PaymentRequest) -> bool:
    """Say whether a request wishes nothing else than what a payment is: routes are for those that begin."""
    if request.source not in (None, current.source):
        return False
    return request.gateway == current.account.gateway if request.gateway is not None else request.source is None


def prepare(
    order: Order, request: PaymentRequest, now: datetime, *, money: OrderMoney, is_new: bool = False
) -> Prepared:
    """Under the order's lock: find or write the payment, and what a guest can pay.

    An Opening that is claimed must be sent by the caller once the transaction is committed.
    """
    try:
        payment, is_made = ensure_payment(
            order=order, request=request, money=money, now=now, payments=() if is_new else None
        )
    except NoAccount:
        if request.gateway is not None or request.source is not None:
            raise
        return Prepared()
    if payment is None:
        return Prepared()
    if request.amount_minor is not None and request.external is None and request.amount_minor != payment.amount_minor:
        raise AmountMismatch(
            f"The amount due is {payment.amount_minor} {payment.currency} in minor units.",
            due=Money(payment.amount_minor, payment.currency),
            payment_reference=payment.reference,
        )
    if request.card_id is not None:
        card_for_order(order=order, account=payment.account, card_id=request.card_id, now=now)
        return Prepared(payment=payment)  # the card is charged; a guest need not pay anywhere
    if payment.source != Source.ECOM or not order.return_url:
        return Prepared(payment=payment)
    if Capability.OPEN not in gateway_for(payment.account).capabilities:
        return Prepared(payment=payment)
    opening = None if is_made else usable_opening(payment, order=order, now=now)
    if opening is None:
        opening = new_opening(payment=payment, order=order, channel=request.channel, locale=request.locale, now=now)
        return Prepared(payment=payment, opening=opening, is_claimed=True)
    if opening.status == OpeningStatus.REQUESTED:
        claimed = claim_opening(opening_id=opening.id, now=now)
        return Prepared(payment=payment, opening=claimed or opening, is_claimed=claimed is not None)
    return Prepared(payment=payment, opening=opening)


def open_prepared(prepared: Prepared, country_code: str, clock: Clock) -> None:
    """Send what `prepare` claimed, if it claimed something; call it once the transaction is committed."""
    if prepared.is_claimed and prepared.opening is not None:
        open_at_gateway(opening=prepared.opening, country_code=country_code, clock=clock)
