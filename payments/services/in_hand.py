"""An order under its lock, with what decides about its money: read once, and kept in step with what is written."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

from django.db.models import FilteredRelation

from bookings.compiled import CompiledQuery
from bookings.models import Booking, Order
from bookings.prepared import update_row
from bookings.services import bookings_under_lock
from payments.models import Payment, Transaction
from payments.selectors import Booked, OrderMoney, booked_for, current_among, order_money

# What the door may write of an operation.
_WRITTEN = (
    "gateway_reference", "status", "unknown_since_at", "next_check_at", "claimed_until", "decided_at", "error_code",
    "raw_code", "raw_text", "amount_minor", "surcharge_minor", "donation_minor", "card_brand", "card_last4",
    "card_expiry",
)  # fmt: skip

# A payment once for each of its operations, as its `operation`, and once without where it has none.
_PAYMENTS_WITH_OPERATIONS = CompiledQuery(
    lambda order: (
        Payment.objects.annotate(operation=FilteredRelation("transactions"))
        .filter(order=order)
        .select_related("account", "operation__opening")  # type: ignore[misc]
        .select_for_update(of=("self",))
        .order_by("pk")
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentInHand:
    """Be the payment an order is being paid by, with all of its operations."""

    payment: Payment
    operations: tuple[Transaction, ...]


def payment_in_hand(payments: Iterable[Payment], operations: Iterable[Transaction]) -> PaymentInHand | None:
    """Return the one of an order's payments that nothing superseded, with what is its own of the order's operations."""
    current = current_among(payments)
    if current is None:
        return None
    return PaymentInHand(payment=current, operations=tuple(row for row in operations if row.payment_id == current.pk))


@dataclass(kw_only=True)
class OrderInHand:
    """Be a locked order with its locked payments and its operations; the lock of the order is theirs too."""

    order: Order
    payments: dict[UUID, Payment]
    operations: dict[str, Transaction]
    _stored: dict[str, tuple[object, ...]] = field(default_factory=dict)
    # Payments of which nobody can have said anything: they were written in this transaction.
    unheard_of: set[UUID] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._stored = {key: _written(row) for key, row in self.operations.items()}

    @cached_property
    def bookings(self) -> list[Booking]:
        """Return the order's bookings as they stand now."""
        return bookings_under_lock(self.order)

    @cached_property
    def booked(self) -> list[Booked]:
        """Return what the ledger holds for the order; who posts to it adds to it."""
        return booked_for(self.order)

    @property
    def money(self) -> OrderMoney:
        """Return what the books say of the order by now."""
        return order_money(self.order, bookings=self.bookings, booked=self.booked, operations=self.operations.values())

    @property
    def current(self) -> PaymentInHand | None:
        """Return the payment the order is being paid by now, with its operations."""
        return payment_in_hand(self.payments.values(), self.operations.values())

    def operations_of(self, payment: Payment) -> dict[str, Transaction]:
        """Return the operations of one of its payments, by id."""
        return {key: row for key, row in self.operations.items() if row.payment_id == payment.pk}

    def add(self, operation: Transaction) -> None:
        """Take in an operation whose row was just written, and its payment where that was, too."""
        if operation.payment_id not in self.payments:
            self.payments[operation.payment_id] = operation.payment
            self.unheard_of.add(operation.payment_id)
        self.operations[str(operation.pk)] = operation
        self._stored[str(operation.pk)] = _written(operation)

    def save_operations(self) -> None:
        """Write what has changed of the operations: one statement for each of them."""
        for key, row in self.operations.items():
            now = _written(row)
            if now != self._stored[key]:
                update_row(row, _changed(self._stored[key], now))
                self._stored[key] = now


def take_in_hand(order: Order, *, bookings: list[Booking] | None = None) -> OrderInHand:
    """Lock the payments of a locked order in pk order, and read its operations with what they are operations of.

    A caller that has the order's bookings in hand, all of them, passes them.
    """
    payments: dict[UUID, Payment] = {}
    operations: dict[str, Transaction] = {}
    for row in _PAYMENTS_WITH_OPERATIONS.rows(order=order.pk):
        payment = payments.setdefault(row.pk, row)
        payment.order = order
        operation: Transaction | None = getattr(row, "operation", None)
        if operation is not None:
            operation.order, operation.payment = order, payment
            if operation.account_id == payment.account_id:
                operation.account = payment.account
            operations[str(operation.pk)] = operation
    held = OrderInHand(order=order, payments=payments, operations=operations)
    if bookings is not None:
        held.bookings = bookings
    return held


def _written(row: Transaction) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in _WRITTEN)


def _changed(before: tuple[object, ...], after: tuple[object, ...]) -> Iterator[str]:
    return (name for name, was, now in zip(_WRITTEN, before, after, strict=True) if was != now)
