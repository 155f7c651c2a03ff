"""Reads of the core: what an order has paid and still owes, and what a piece of news is about."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.db.models import F, Q, QuerySet, Sum

from bookings.compiled import CompiledQuery
from bookings.models import Booking, BookingStatus, Gift, Order
from bookings.prepared import prepared_cursor
from bookings.selectors import amount_due_later, amount_kept, amount_to_collect
from gateways.models import GatewayAccount
from gateways.protocol import Outcome
from money import Money
from payments.errors import UnknownSubject
from payments.models import LedgerAccount, LedgerEntry, Opening, Origin, Payment, Transaction
from payments.states import OperationKind, Status

CHARGE_KINDS = (OperationKind.SALE, OperationKind.AUTHORIZATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderMoney:
    """Be what the books say of an order, in minor units of its currency.

    `to_collect` is what cards must pay before a confirmation, `later` what they must pay of the same price afterwards
    (asked for once `is_balance_open`), and `kept` what they paid for what was cancelled too late. `paid`,
    `refunded` and `charged_back` are sums over entries, `held` is authorized and not captured, `asked` is charged with
    no answer yet, `returning` is being refunded or released, `accepted` is the part of `held` whose capture the gateway
    took on.

    All of these are about the price; surcharges and donations, which cover none of it, are told apart, as taken and as
    given back. `paid_by_payment` alone has all three, for it says what each payment took.
    """

    currency: str
    to_collect_minor: int
    kept_minor: int
    paid_minor: int
    refunded_minor: int
    charged_back_minor: int
    held_minor: int
    asked_minor: int
    returning_minor: int
    accepted_minor: int
    paid_surcharge_minor: int
    refunded_surcharge_minor: int
    paid_donation_minor: int
    refunded_donation_minor: int
    paid_by_payment: dict[UUID, int]
    later_minor: int = 0
    is_balance_open: bool = False

    @property
    def money_in_minor(self) -> int:
        """Return what was taken and not given back."""
        return self.paid_minor - self.refunded_minor - self.charged_back_minor

    @property
    def price_minor(self) -> int:
        """Return what cards must pay in all, sooner or later."""
        return self.to_collect_minor + self.later_minor

    @property
    def wanted_minor(self) -> int:
        """Return what cards are asked for by now, paid or not."""
        return self.price_minor if self.is_balance_open else self.to_collect_minor

    @property
    def surplus_minor(self) -> int:
        """Return what is there or coming beyond the whole price; negative when something of what is to collect before
        a confirmation is missing.
        """
        missing = self._there_minor - self.to_collect_minor
        return missing if missing < 0 else max(0, self._there_minor - self.price_minor)

    @property
    def certain_surplus_minor(self) -> int:
        """Return the surplus without what nobody has decided: only what is really there may be given back."""
        return self.surplus_minor - self.asked_minor

    @property
    def missing_minor(self) -> int:
        """Return what of the amount to collect before a confirmation is neither there nor coming."""
        return max(0, -self.surplus_minor)

    @property
    def due_minor(self) -> int:
        """Return what is still to be asked of the guest."""
        return max(0, self.wanted_minor - self._there_minor)

    @property
    def payable_minor(self) -> int:
        """Return the most that a guest can pay now of the whole price, be it asked for already or due later."""
        return max(0, self.price_minor - self._there_minor)

    @property
    def is_covered(self) -> bool:
        """Say whether nothing is missing: only money taken, or a capture the gateway accepted, counts."""
        taken = self.money_in_minor + self.accepted_minor - self.returning_minor
        return self._without_kept(taken) >= self.to_collect_minor

    @property
    def _there_minor(self) -> int:
        """Return what is there or coming for what lives."""
        return self._without_kept(self.money_in_minor + self.held_minor + self.asked_minor - self.returning_minor)

    def _without_kept(self, minor: int) -> int:
        """Return what is left for what lives; staff may have given back what was to be kept."""
        return minor - max(0, min(self.kept_minor, minor))


@dataclass(frozen=True, slots=True)
class Booked:
    """Be what the ledger holds for one transaction of an order in one direction, in minor units."""

    payment_id: UUID | None
    transaction_id: UUID | None
    kind: str | None
    from_account: str
    to_account: str
    amount_minor: int


def booked_for(order: Order) -> list[Booked]:
    """Return what the ledger holds for an order, summed over entries."""
    return booked_for_orders([order.pk]).get(order.pk, [])


def booked_for_orders(order_ids: Collection[UUID]) -> dict[UUID, list[Booked]]:
    """Return what the ledger holds for orders, by order, in one query; those without an entry are left out."""
    booked: dict[UUID, list[Booked]] = {}
    with prepared_cursor() as cursor:
        cursor.execute(
            """
            SELECT entry.order_id, entry.payment_id, entry.transaction_id, operation.kind, entry.from_account,
                entry.to_account, sum(entry.amount_minor)::bigint
            FROM payments_ledgerentry entry
            LEFT JOIN payments_transaction operation ON operation.id = entry.transaction_id
            WHERE entry.order_id = ANY(%s)
            GROUP BY 1, 2, 3, 4, 5, 6
            """,
            [list(order_ids)],
        )
        rows = cursor.fetchall()
    for order_id, *row in rows:
        booked.setdefault(order_id, []).append(Booked(*row))
    return booked


def operations_in_flight(order: Order) -> QuerySet[Transaction]:
    """Return the operations of an order that are undecided, hold money, or say what became of money that was held."""
    return Transaction.objects.filter(
        Q(status=Status.PENDING)
        | Q(kind=OperationKind.AUTHORIZATION, status=Status.PROCESSED)
        | Q(kind__in=[OperationKind.CAPTURE, OperationKind.VOID]),
        order=order,
    )


def order_money(
    order: Order,
    *,
    bookings: Sequence[Booking] | None = None,
    booked: Sequence[Booked] | None = None,
    operations: Collection[Transaction] | None = None,
) -> OrderMoney:
    """Return what the books say of an order; call it under the order's lock when money is going to move on its
    answer.

    A caller that has read them under that lock passes the order's bookings, all of them, what is booked for it, and its
    operations, all of them or those in flight.
    """
    known = list(order.bookings.all()) if bookings is None else bookings
    paid_by_payment: dict[UUID, int] = defaultdict(int)
    paid = refunded = charged_back = paid_surcharge = refunded_surcharge = paid_donation = refunded_donation = 0
    for entry in booked_for(order) if booked is None else booked:
        owed = (entry.from_account == LedgerAccount.RECEIVABLE) - (entry.to_account == LedgerAccount.RECEIVABLE)
        added = (entry.from_account == LedgerAccount.SURCHARGE) - (entry.to_account == LedgerAccount.SURCHARGE)
        donated = (entry.from_account == LedgerAccount.DONATION) - (entry.to_account == LedgerAccount.DONATION)
        if entry.kind == OperationKind.REFUND:
            refunded -= owed * entry.amount_minor
            refunded_surcharge -= added * entry.amount_minor
            refunded_donation -= donated * entry.amount_minor
        elif entry.kind != OperationKind.CHARGEBACK:
            paid += owed * entry.amount_minor
            paid_surcharge += added * entry.amount_minor
            paid_donation += donated * entry.amount_minor
            if entry.payment_id is not None:
                paid_by_payment[entry.payment_id] += (owed + added + donated) * entry.amount_minor
        disputed = (entry.to_account == LedgerAccount.DISPUTED) - (entry.from_account == LedgerAccount.DISPUTED)
        charged_back += disputed * entry.amount_minor
    held, asked, returning, accepted = _in_flight(operations_in_flight(order) if operations is None else operations)
    return OrderMoney(
        currency=order.currency,
        to_collect_minor=amount_to_collect(order, known).minor,
        kept_minor=amount_kept(order, known).minor,
        paid_minor=paid,
        refunded_minor=refunded,
        charged_back_minor=charged_back,
        held_minor=held,
        asked_minor=asked,
        returning_minor=returning,
        accepted_minor=accepted,
        paid_surcharge_minor=paid_surcharge,
        refunded_surcharge_minor=refunded_surcharge,
        paid_donation_minor=paid_donation,
        refunded_donation_minor=refunded_donation,
        paid_by_payment=dict(paid_by_payment),
        later_minor=amount_due_later(order, known).minor,
        is_balance_open=order.status == BookingStatus.CONFIRMED,
    )


def nothing_paid_yet(to_collect: Money) -> OrderMoney:
    """Return what the books say of an order that was made a moment ago, without asking them."""
    return OrderMoney(
        currency=to_collect.currency,
        to_collect_minor=to_collect.minor,
        kept_minor=0,
        paid_minor=0,
        refunded_minor=0,
        charged_back_minor=0,
        held_minor=0,
        asked_minor=0,
        returning_minor=0,
        accepted_minor=0,
        paid_surcharge_minor=0,
        refunded_surcharge_minor=0,
        paid_donation_minor=0,
        refunded_donation_minor=0,
        paid_by_payment={},
    )


class Flight(StrEnum):
    """Say in which way an operation is neither money in nor nothing."""

    HELD = "HELD"
    ASKED = "ASKED"
    RETURNING = "RETURNING"
    ACCEPTED = "ACCEPTED"


def in_flight_among(operations: Iterable[Transaction]) -> list[tuple[Flight, Transaction, int]]:
    """Return what is in flight: how, which operation, and how much of the price alone, in minor units.

    The order's operations are given, all of them or those in flight.
    """
    rows = list(operations)
    # A first capture releases the rest at most issuers, and a failed one leaves nothing that can be relied on.
    ended = {
        row.parent_id
        for row in rows
        if (row.kind == OperationKind.CAPTURE and row.status != Status.PENDING)
        or (row.kind == OperationKind.VOID and row.status == Status.PROCESSED)
    }
    open_authorizations = {
        row.pk: row.parts.base_minor
        for row in rows
        if row.kind == OperationKind.AUTHORIZATION and row.status == Status.PROCESSED and row.pk not in ended
    }
    found = [(Flight.HELD, row, open_authorizations[row.pk]) for row in rows if row.pk in open_authorizations]
    for row in rows:
        if row.status != Status.PENDING:
            continue
        if row.kind in CHARGE_KINDS:
            found.append((Flight.ASKED, row, row.parts.base_minor))
        elif row.kind == OperationKind.REFUND:
            found.append((Flight.RETURNING, row, row.parts.base_minor))
        elif row.kind == OperationKind.VOID and row.parent_id in open_authorizations:
            found.append((Flight.RETURNING, row, open_authorizations[row.parent_id]))
        elif row.kind == OperationKind.CAPTURE and row.gateway_reference and row.origin == Origin.OURS:
            found.append((Flight.ACCEPTED, row, row.parts.base_minor))
    return found


def _in_flight(operations: Iterable[Transaction]) -> tuple[int, int, int, int]:
    """Return held, asked, returning and accepted, of the price alone."""
    sums = dict.fromkeys(Flight, 0)
    for flight, _row, minor in in_flight_among(operations):
        sums[flight] += minor
    return sums[Flight.HELD], sums[Flight.ASKED], sums[Flight.RETURNING], sums[Flight.ACCEPTED]


def unused_holds_among(operations: Collection[Transaction]) -> list[Transaction]:
    """Return the authorizations of which no capture or release was asked for or has happened, oldest first.

    The order's operations are given, all of them or those in flight.
    """
    used = {
        row.parent_id
        for row in operations
        if row.kind in (OperationKind.CAPTURE, OperationKind.VOID) and row.status != Status.FAILED
    }
    holds = [
        row
        for row in operations
        if row.kind == OperationKind.AUTHORIZATION and row.status == Status.PROCESSED and row.pk not in used
    ]
    return sorted(holds, key=lambda row: row.requested_at)


@dataclass(frozen=True, slots=True)
class Subject:
    """Be what a piece of news is about; `transaction` and `opening` are None where it is about neither."""

    payment: Payment
    opening: Opening | None
    transaction: Transaction | None


_BY_GATEWAY_REFERENCE = CompiledQuery(
    lambda account, reference: (
        Transaction.objects.filter(account=account, gateway_reference=reference)
        .select_related("payment__order", "opening")
        .order_by("requested_at")[:1]
    )
)


def subject_of(*, account: GatewayAccount, outcome: Outcome) -> Subject:
    """Find what a piece of news is about, by the gateway's reference, then by ours, then by the payment it names.

    The reference of the session is a hint that gateways do not sign; it is used last and only to find the payment.

    :raises UnknownSubject: nothing of ours goes by any of its names.
    """
    reference = outcome.reference
    for gateway_reference in dict.fromkeys(filter(None, (reference.gateway, reference.payment))):
        found = _BY_GATEWAY_REFERENCE.first(account=account.pk, reference=gateway_reference)
        if found:
            is_itself = gateway_reference == reference.gateway
            return Subject(found.payment, found.opening, found if is_itself else None)
    if reference.ours:
        transaction = (
            Transaction.objects.filter(account=account, reference=reference.ours)
            .select_related("payment__order", "opening")
            .first()
        )
        if transaction:
            return Subject(transaction.payment, transaction.opening, transaction)
        opening = (
            Opening.objects.filter(account=account, reference=reference.ours).select_related("payment__order").first()
        )
        if opening:
            return Subject(opening.payment, opening, None)
    if reference.opening:
        opening = (
            Opening.objects.filter(account=account, gateway_reference=reference.opening)
            .select_related("payment__order")
            .first()
        )
        if opening:
            return Subject(opening.payment, opening, None)
    raise UnknownSubject(f"no record goes by {reference.gateway or reference.ours or reference.opening!r}")


def gift_balance(gift: Gift) -> Money:
    """Return what is left of a gift, from the ledger; read it under the gift's lock before spending."""
    spent = LedgerEntry.objects.filter(gift=gift).aggregate(
        out=Sum("amount_minor", filter=Q(from_account=LedgerAccount.RECEIVABLE)),
        back=Sum("amount_minor", filter=Q(to_account=LedgerAccount.RECEIVABLE)),
    )
    return Money(gift.amount_minor - (spent["out"] or 0) + (spent["back"] or 0), gift.currency)


_CURRENT_PAYMENT = CompiledQuery(
    lambda order: Payment.objects.filter(order=order, superseded_at__isnull=True).select_related("account")
)


def current_payment(order: Order) -> Payment | None:
    """Return the payment an order is being paid by now; there is at most one that nothing superseded."""
    return _CURRENT_PAYMENT.first(order=order.pk)


def current_among(payments: Iterable[Payment]) -> Payment | None:
    """Return the one of an order's payments that nothing superseded."""
    return next((payment for payment in payments if payment.superseded_at is None), None)


def is_reported_paid(order_id: UUID) -> bool:
    """Say whether a partner said that a guest paid somewhere of which nobody else has said anything yet."""
    return Opening.objects.filter(payment__order_id=order_id, reported_paid_at__isnull=False).exists()


def has_undecided_money(order: Order) -> bool:
    """Say whether an order has money, a hold on money, or a charge whose outcome nobody knows."""
    return order.money_in_minor > 0 or has_undecided_charge(order)


def has_undecided_charge(order: Order) -> bool:
    """Say whether a card paid for an order and did not have all of it back, holds money for it, or was charged with an
    outcome nobody knows.
    """
    is_there = Q(captured_minor__gt=F("refunded_minor")) | Q(authorized_minor__gt=0)
    return (
        Payment.objects.filter(order=order).filter(is_there).exists()
        or Transaction.objects.filter(order=order, kind__in=CHARGE_KINDS, status=Status.PENDING).exists()
    )
