"""Read invoices with everything that is told of them: a constant number of queries for any number of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from api.invoices.models import Invoice, InvoiceRefund
from api.invoices.statuses import Facts, InvoiceStatus, resolution_of, status_of
from api.json_body import is_storable
from bookings.models import BookingStatus, Partner
from payments.models import CardConsent, LinkEnd, Payment, ReusableCard, Transaction
from payments.selectors import CHARGE_KINDS, OrderMoney, booked_for_orders, order_money
from payments.states import OperationKind, State, Status


class InvoiceNotFound(Exception):
    """Say that the partner has no such invoice in a mode that its key may see."""


@dataclass(kw_only=True)
class Standing:
    """Be an invoice with its order, its payment and what the books say; operations are oldest first."""

    invoice: Invoice
    money: OrderMoney
    payment: Payment | None
    operations: tuple[Transaction, ...]
    refunds: tuple[InvoiceRefund, ...]
    kept_card: ReusableCard | None

    @cached_property
    def status(self) -> InvoiceStatus:
        """Return what the invoice is said to be."""
        order = self.invoice.order
        refund = self.newest_refund
        return status_of(
            Facts(
                order_status=BookingStatus(order.status),
                state=State(self.payment.state) if self.payment is not None else State.CREATED,
                asked_minor=order.asked_minor,
                paid_minor=self.money.paid_minor,
                refunded_minor=self.money.refunded_minor,
                charged_back_minor=self.money.charged_back_minor,
                returning_minor=self.money.returning_minor,
                is_charging=self.money.asked_minor > 0,
                has_failed_refund=refund is not None and refund.status == Status.FAILED,
                has_page=self.invoice.link.closed_as != LinkEnd.WITHDRAWN,
            )
        )

    @property
    def resolution(self) -> str:
        """Return what explains the status."""
        is_about_refund = self.status is InvoiceStatus.REFUND_FAILED
        refused = self.newest_refund if is_about_refund else self._newest(*CHARGE_KINDS, status=Status.FAILED)
        return resolution_of(self.status, refused.error_code if refused is not None else "")

    @property
    def charge(self) -> Transaction | None:
        """Return the attempt that took the money, else the newest one."""
        return self._newest(*CHARGE_KINDS, status=Status.PROCESSED) or self._newest(*CHARGE_KINDS)

    @property
    def paid_with(self) -> ReusableCard | None:
        """Return the kept card that paid, or that was kept of what paid."""
        charge = self.charge
        return charge.card if charge is not None and charge.card is not None else self.kept_card

    @property
    def newest_refund(self) -> Transaction | None:
        """Return the refund asked for last."""
        return self._newest(OperationKind.REFUND)

    def decided_at(self, *kinds: OperationKind) -> datetime | None:
        """Return when the newest of some operations that succeeded did."""
        done = self._newest(*kinds, status=Status.PROCESSED)
        return done.decided_at if done is not None else None

    def _newest(self, *kinds: OperationKind, status: Status | None = None) -> Transaction | None:
        for row in reversed(self.operations):
            if row.kind in kinds and status in (None, row.status):
                return row
        return None


def invoices_for_partner(*, partner: Partner, sees_live: bool) -> QuerySet[Invoice]:
    """Return a partner's invoices that a key may see, newest first: one for tests sees none that are live."""
    invoices = Invoice.objects.filter(order__partner=partner)
    if not sees_live:
        invoices = invoices.filter(order__is_live=False)
    return _with_what_is_told(invoices).order_by("-order__created_at", "-pk")


def invoice_for_partner(*, partner: Partner, sees_live: bool, public_id: str) -> Invoice:
    """Return one of a partner's invoices.

    :raises InvoiceNotFound: there is none that the key may see; another partner's looks the same.
    """
    mine = invoices_for_partner(partner=partner, sees_live=sees_live)
    # A path may hold what no database takes.
    found = mine.filter(public_id=public_id).first() if is_storable(public_id) else None
    if found is None:
        raise InvoiceNotFound(public_id)
    return found


def invoice_by_sale_id(sale_id: str) -> Invoice:
    """Return the invoice that a sale's token names.

    :raises InvoiceNotFound: its partner is active no more.
    """
    invoices = _with_what_is_told(Invoice.objects.filter(sale_id=sale_id, order__partner__is_active=True))
    found = invoices.first()
    if found is None:
        raise InvoiceNotFound(sale_id)
    return found


def invoice_of_order(order_id: UUID) -> Invoice:
    """Return the invoice of an order as it stands now.

    :raises Invoice.DoesNotExist: the order has none.
    """
    return _with_what_is_told(Invoice.objects.filter(order=order_id)).get()


def standing_of(invoice: Invoice) -> Standing:
    """Return one invoice with all that is told of it, as things are now."""
    (standing,) = standings_of([invoice])
    return standing


def standings_of(invoices: Sequence[Invoice]) -> list[Standing]:
    """Return invoices with all that is told of them, in their order."""
    order_ids = [invoice.order_id for invoice in invoices]
    booked = booked_for_orders(order_ids)
    operations = _by_order(_operations(order_ids))
    payments = {
        payment.order_id: payment for payment in Payment.objects.filter(order__in=order_ids, superseded_at__isnull=True)
    }
    kept = _kept_cards(order_ids)
    standings = []
    for invoice in invoices:
        of_order = operations.get(invoice.order_id, [])
        standings.append(
            Standing(
                invoice=invoice,
                money=order_money(
                    invoice.order, bookings=(), booked=booked.get(invoice.order_id, []), operations=of_order
                ),
                payment=payments.get(invoice.order_id),
                operations=tuple(of_order),
                refunds=tuple(invoice.refunds.all()),
                kept_card=kept.get(invoice.order_id),
            )
        )
    return standings


def _with_what_is_told(invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
    refunds = InvoiceRefund.objects.prefetch_related("operations").order_by("created_at", "pk")
    return invoices.select_related(
        "order__partner", "order__customer", "link", "card__account", "card__customer", "callback"
    ).prefetch_related(Prefetch("refunds", queryset=refunds))


def _operations(order_ids: Sequence[UUID]) -> QuerySet[Transaction]:
    return Transaction.objects.filter(order__in=order_ids).select_related("card").order_by("requested_at", "number")


def _by_order(operations: Iterable[Transaction]) -> dict[UUID, list[Transaction]]:
    by_order: dict[UUID, list[Transaction]] = {}
    for row in operations:
        by_order.setdefault(row.order_id, []).append(row)
    return by_order


def _kept_cards(order_ids: Sequence[UUID]) -> dict[UUID, ReusableCard]:
    """Return the card that a guest agreed to have kept while paying each order: the newest one that can be used."""
    consents = CardConsent.objects.filter(order__in=order_ids, card__revoked_at__isnull=True)
    return {consent.order_id: consent.card for consent in consents.select_related("card").order_by("given_at", "pk")}
