"""An order under its lock, with what decides about its money: read once, and kept in step with what is written."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

from bookings.models import Booking, Order
from bookings.services import bookings_under_lock, lock_order
from payments.models import Payment, Transaction
from payments.selectors import Booked, OrderMoney, booked_for, order_money

# What the door may write of an operation.
_WRITTEN = (
    "gateway_reference", "status", "unknown_since_at", "next_check_at", "claimed_until", "decided_at", "error_code",
    "raw_code", "raw_text", "amount_minor", "surcharge_minor", "donation_minor", "card_brand", "card_last4",
    "card_expiry",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentInHand:
    """Be the payment an order is being paid by, with all of its operations."""

    payment: Payment
    operations: tuple[Transaction, ...]


def payment_in_hand(payments: Iterable[Payment], operations: Iterable[Transaction]) -> PaymentInHand | None:
    """Return the one of an order's payments that nothing superseded, with what is its own of the order's operations."""
    current = next((payment for payment in payments if payment.superseded_at is None), None)
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
        """Take in an operation whose row was just written."""
        self.operations[str(operation.pk)] = operation
        self._stored[str(operation.pk)] = _written(operation)

    def save_operations(self) -> None:
        """Write what has changed of the operations: one statement for each of them."""
        for key, row in self.operations.items():
            now = _written(row)
            if now != self._stored[key]:
                row.save(update_fields=list(_changed(self._stored[key], now)))
                self._stored[key] = now


def take_in_hand(*, order_id: UUID) -> OrderInHand:
    """Lock an order, then its payments in pk order, and read its operations with what they are operations of."""
    order = lock_order(order_id=order_id)
    payments = {
        payment.pk: payment
        for payment in Payment.objects.select_for_update(of=("self",))
        .filter(order=order)
        .select_related("account")
        .order_by("pk")
    }
    for payment in payments.values():
        payment.order = order
    operations = {str(row.pk): row for row in Transaction.objects.filter(order=order).select_related("opening")}
    for row in operations.values():
        row.order, row.payment = order, payments[row.payment_id]
    return OrderInHand(order=order, payments=payments, operations=operations)


def _written(row: Transaction) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in _WRITTEN)


def _changed(before: tuple[object, ...], after: tuple[object, ...]) -> Iterator[str]:
    return (name for name, was, now in zip(_WRITTEN, before, after, strict=True) if was != now)
