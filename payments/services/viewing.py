"""Show how an order's card payment stands: all that a dialect may tell of it, and what paying it now would cost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from bookings.models import Order, Supplier
from gateways.errors import GatewayError
from gateways.models import GatewayAccount
from gateways.protocol import Source
from gateways.registry import gateway_for
from money import Money
from payments.encryption import decrypt_json
from payments.models import Opening, OpeningStatus, Payment, ReusableCard, Transaction
from payments.selectors import CHARGE_KINDS, OrderMoney
from payments.services.cards import usable_cards
from payments.services.challenges import described_action
from payments.services.routing import is_set_up, routed_accounts
from payments.services.surcharging import rules_for, surcharge_on
from payments.states import State, Status

log = structlog.get_logger(__name__)
HAS_MONEY = frozenset({State.AUTHORIZED, State.CAPTURED, State.REFUNDED, State.VOIDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPaymentView:
    """Be everything a dialect may tell of an order's card payment; amounts in minor units of `currency`.

    `client` is what the guest's browser needs, by the gateway's own names; empty when nothing is due.
    """

    payment_id: UUID | None
    reference: str | None
    gateway: str
    source: str
    state: State
    order_status: str
    paid_minor: int
    total_paid_minor: int
    total_refunded_minor: int
    paid_surcharge_minor: int
    balance_minor: int
    surcharge_minor: int
    amount_minor: int
    currency: str
    gateway_reference: str | None
    created_at: datetime | None
    has_return_url: bool
    reusable_cards: tuple[ReusableCard, ...] = ()
    client: Mapping[str, Any] = field(default_factory=dict, repr=False)


def view_of(
    order: Order,
    payment: Payment | None,
    opening: Opening | None,
    money: OrderMoney,
    now: datetime,
    country_code: str | None = None,
    operations: Iterable[Transaction] | None = None,
) -> CardPaymentView | None:
    """Return the view of what a caller has in hand; None when no account may take the order's money.

    A caller that has the payment's operations in hand, all of them, passes them.
    """
    account = payment.account if payment else _first_account(order)
    if account is None:
        return None
    client: Mapping[str, Any] = {}
    due = Money(money.due_minor, order.currency)
    surcharge_minor = _surcharge_of(order, payment, account, due)
    if opening is not None and due.minor == 0:
        client = decrypt_json(opening.client_encrypted) if opening.client_encrypted is not None else {}
    elif due.minor == 0 and payment is not None and payment.state == State.PENDING:
        client = described_action(payment, now=now)
    elif due.minor > 0 and is_set_up(account):
        country = country_code if country_code is not None else country_code_of(order)
        client = _client(account, Money(due.minor + surcharge_minor, due.currency), country, opening)
    return CardPaymentView(
        payment_id=payment.id if payment else None,
        reference=payment.reference if payment else None,
        gateway=account.gateway,
        source=payment.source if payment else Source.ECOM,
        state=State(payment.state) if payment else State.CREATED,
        order_status=order.status,
        paid_minor=money.paid_by_payment.get(payment.id, 0) if payment else 0,
        total_paid_minor=money.paid_minor + money.paid_surcharge_minor,
        total_refunded_minor=money.refunded_minor + money.refunded_surcharge_minor,
        paid_surcharge_minor=money.paid_surcharge_minor,
        balance_minor=due.minor,
        surcharge_minor=surcharge_minor,
        amount_minor=payment.amount_minor if payment else 0,
        currency=order.currency,
        gateway_reference=_gateway_reference(payment, operations) if payment and payment.state in HAS_MONEY else None,
        created_at=payment.created_at if payment else None,
        has_return_url=bool(order.return_url),
        reusable_cards=tuple(usable_cards(order=order, account=account, now=now)) if account.stores_cards else (),
        client=client,
    )


def asked_for(order: Order, payment: Payment | None, due: Money) -> Money:
    """Return what whoever pays `due` now has to pay: with what the account that takes it adds."""
    account = payment.account if payment is not None else _first_account(order)
    if account is None:
        return due
    return Money(due.minor + _surcharge_of(order, payment, account, due), due.currency)


def _surcharge_of(order: Order, payment: Payment | None, account: GatewayAccount, due: Money) -> int:
    """Return what paying the balance now would add: as a payment for it says, else as the rules do."""
    if due.minor == 0:
        return 0
    if payment is not None and payment.parts.base_minor == due.minor:
        return payment.surcharge_minor
    return surcharge_now(order, account, Source(payment.source) if payment else Source.ECOM, due)


def surcharge_now(order: Order, account: GatewayAccount, source: Source, due: Money) -> int:
    """Return what the rules add to what is due, in minor units."""
    return surcharge_on(due, rules_for(order, account), source=source, gateway=account.gateway)


def _client(account: GatewayAccount, due: Money, country_code: str, opening: Opening | None) -> Mapping[str, Any]:
    try:
        settings = gateway_for(account).client_settings(money=due, country_code=country_code)
    except GatewayError as reason:
        # A price that this gateway cannot be told is a case once something is to be opened, and no reason not to read.
        log.error("nothing_for_the_client", account=account.slug, reason=str(reason)[:200])
        return {}
    if opening is None or opening.status != OpeningStatus.OPEN or opening.client_encrypted is None:
        return settings
    return {**settings, **decrypt_json(opening.client_encrypted)}


def _gateway_reference(payment: Payment, operations: Iterable[Transaction] | None) -> str | None:
    """Return the gateway's name of the attempt that brought the money, if one did."""
    if operations is not None:
        brought = [row for row in operations if row.kind in CHARGE_KINDS and row.status == Status.PROCESSED]
        first = min(brought, key=lambda row: row.requested_at, default=None)
        return first.gateway_reference if first is not None else None
    return (
        payment.transactions.filter(kind__in=CHARGE_KINDS, status=Status.PROCESSED)
        .order_by("requested_at")
        .values_list("gateway_reference", flat=True)
        .first()
    )


def _first_account(order: Order) -> GatewayAccount | None:
    return next(iter(routed_accounts(order)), None)


def country_code_of(order: Order) -> str:
    """Return the ISO 3166-1 country of the brand that sells, of any for a gift: a hint for the gateway's page."""
    booking = order.bookings.select_related("product__supplier").order_by("created_at").first()
    supplier = booking.product.supplier if booking else Supplier.objects.order_by("pk").first()
    return supplier.country_code if supplier else ""
