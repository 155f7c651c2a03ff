"""Read what an explanation is made from: a constant number of queries."""

from collections.abc import Sequence
from dataclasses import dataclass

from bookings.models import Booking, Gift, Installment, Order
from gateways.protocol import Source
from money import exponent_of
from payments.models import LedgerEntry, Payment, Transaction
from payments.services.routing import routed_accounts
from payments.services.surcharging import Rule, decimals_told, rules_for, speaking_rule, unit_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Say what whoever pays now would pay on top: what the payment that waits has fixed, else the rule.

    `unit` is the least amount that can be told to the gateway, in minor units, and `gateway_decimals` how many decimals
    it gives the currency; None where nothing is known.
    """

    account: str = ""
    waiting: Payment | None = None
    rule: Rule | None = None
    unit: int = 1
    gateway_decimals: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Be everything that an order's figures follow from. `payment` is the one that is explained.

    Entries come oldest first, each with its posting, account, operation and gift.
    """

    order: Order
    payment: Payment
    bookings: Sequence[Booking] = ()
    gifts: Sequence[Gift] = ()
    installments: Sequence[Installment] = ()
    entries: Sequence[LedgerEntry] = ()
    operations: Sequence[Transaction] = ()
    terms: Terms = Terms()


def rows_of(payment: Payment) -> Rows:
    """Read all that the figures of a payment's order follow from."""
    order = payment.order
    entries = LedgerEntry.objects.filter(order=order).select_related(
        "posting", "gateway_account", "transaction", "gift"
    )
    return Rows(
        order=order,
        payment=payment,
        bookings=list(order.bookings.select_related("product").order_by("number")),
        gifts=list(order.gifts.order_by("number")),
        installments=list(order.installments.order_by("pk")),
        entries=list(entries.order_by("pk")),
        operations=list(order.transactions.order_by("requested_at", "pk")),
        terms=_terms_of(order),
    )


def _terms_of(order: Order) -> Terms:
    """Return what paying now costs on top, as `services.viewing` tells it to partners."""
    waiting = Payment.objects.filter(order=order, superseded_at__isnull=True).select_related("account").first()
    account = waiting.account if waiting is not None else next(iter(routed_accounts(order)), None)
    if account is None:
        return Terms()
    source = Source(waiting.source) if waiting is not None else Source.ECOM
    return Terms(
        account=str(account),
        waiting=waiting,
        rule=speaking_rule(rules_for(order, account), source=source, currency=order.currency),
        unit=unit_of(order.currency, account.gateway),
        gateway_decimals=decimals_told(order.currency, account.gateway),
    )


def decimals_note(rows: Rows) -> str:
    """Say in which whole units amounts are kept, and in which the gateway is told them."""
    currency = rows.order.currency
    ours, theirs = exponent_of(currency), rows.terms.gateway_decimals
    said = f"Amounts are kept as whole minor units of {currency}, which has {_decimals(ours)} (ISO 4217)."
    if theirs is None or theirs == ours:
        return said
    return f"{said} {rows.terms.account} is told them with {_decimals(theirs)}."


def _decimals(count: int) -> str:
    return {0: "no decimals", 1: "1 decimal"}.get(count, f"{count} decimals")
