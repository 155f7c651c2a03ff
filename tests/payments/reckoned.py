"""Rows of an order's money that are in no database, for explanations that need none."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bookings.models import Booking, Customer, Gift, Installment, Order, Product
from gateways.models import GatewayAccount
from payments.models import LedgerEntry, Payment, Posting, Transaction
from payments.reckoning.rows import Rows, Terms
from payments.selectors import Booked, OrderMoney, order_money

NOON = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)


@dataclass
class Ledger:
    """Be an order with its bookings, entries and operations, made by hand."""

    currency: str = "EUR"
    method: str = "DIRECT"
    kind: str = "BOOKING"
    status: str = "ON_HOLD"
    asked_minor: int = 0
    entries: list[LedgerEntry] = field(default_factory=list)
    operations: list[Transaction] = field(default_factory=list)
    bookings: list[Booking] = field(default_factory=list)
    gifts: list[Gift] = field(default_factory=list)
    installments: list[Installment] = field(default_factory=list)
    terms: Terms = field(default_factory=Terms)

    def __post_init__(self) -> None:
        self.order = Order(
            reference="OR-7KQ2",
            currency=self.currency,
            settlement_method=self.method,
            kind=self.kind,
            status=self.status,
            asked_minor=self.asked_minor,
        )
        self.account = GatewayAccount(slug="adyen-eu", gateway="adyen")
        self.payment = Payment(reference="cp_1", order=self.order, account=self.account, currency=self.currency)

    def booking(self, retail: int, **fields: Any) -> Booking:
        """Book a tour."""
        found = {"status": "ON_HOLD", "net_minor": retail * 8 // 10, **fields}
        booking = Booking(
            order=self.order,
            reference=f"BK-{len(self.bookings) + 1}",
            product=Product(name="Kayak tour on the Spree"),
            currency=self.currency,
            retail_minor=retail,
            **found,
        )
        self.bookings.append(booking)
        return booking

    def operation(self, kind: str, minor: int, status: str = "PROCESSED", **fields: Any) -> Transaction:
        """Have an operation at the gateway."""
        row = Transaction(
            payment=self.payment,
            order=self.order,
            account=self.account,
            reference=f"tx_{len(self.operations) + 1}",
            currency=self.currency,
            requested_at=NOON + timedelta(minutes=len(self.operations)),
            **{
                "kind": kind, "origin": "OURS", "status": status, "amount_minor": minor,
                "card_brand": "visa", "card_last4": "1111", **fields,
            },
        )  # fmt: skip
        self.operations.append(row)
        return row

    def post(self, way: str, minor: int, **fields: Any) -> LedgerEntry:
        """Book a transfer, written as RECEIVABLE>CLEARING."""
        from_account, to_account = way.split(">")
        number = len(self.entries) + 1
        entry = LedgerEntry(
            pk=number,
            posting=Posting(occurred_at=NOON + timedelta(days=number - 1)),
            from_account=from_account,
            to_account=to_account,
            amount_minor=minor,
            currency=self.currency,
            gateway_account=self.account,
            order=self.order,
            **{"payment": self.payment, **fields},
        )
        self.entries.append(entry)
        return entry

    def gift(self, minor: int, suffix: str = "AB12", **fields: Any) -> Gift:
        """Have a gift voucher, bought on this order or elsewhere."""
        return Gift(reference="GI-1", amount_minor=minor, code_suffix=suffix, currency=self.currency, **fields)

    def customer(self) -> Customer:
        """Have a guest with an account."""
        return Customer(full_name="Grace Hopper")

    @property
    def rows(self) -> Rows:
        """Return what an explanation is made from."""
        return Rows(
            order=self.order,
            payment=self.payment,
            bookings=self.bookings,
            gifts=self.gifts,
            installments=self.installments,
            entries=self.entries,
            operations=self.operations,
            terms=self.terms,
        )

    def money(self) -> OrderMoney:
        """Return what the core says of the same rows, as it does with those of the database."""
        self.order._prefetched_objects_cache = {"installments": self.installments, "gifts": self.gifts}  # type: ignore[attr-defined]
        booked = [
            Booked(
                entry.payment_id,
                entry.transaction_id,
                entry.transaction.kind if entry.transaction is not None else None,
                entry.from_account,
                entry.to_account,
                entry.amount_minor,
            )
            for entry in self.entries
        ]
        return order_money(self.order, bookings=self.bookings, booked=booked, operations=self.operations)
