"""Give money of an invoice back, once for each reference of the partner's."""

from collections.abc import Callable
from datetime import datetime

from django.db import IntegrityError

from api.invoices.models import Invoice, InvoiceRefund
from api.invoices.requests import RefundWish
from api.invoices.standing import Standing
from bookings.errors import ReferenceTaken
from bookings.free_text import clean_partner_reference
from money import Money
from payments.errors import RefundTooLarge
from payments.models import Payment, Transaction
from payments.services import aftercare
from payments.services.surplus import refundable_of_payment

Clock = Callable[[], datetime]


def refund_invoice(*, standing: Standing, wish: RefundWish, clock: Clock) -> None:
    """Ask the gateway to give back what is asked, or all that is left; the invoice then says how that stands.

    :raises ReferenceTaken: the partner asked for a refund under this reference before; nothing was sent.
    :raises RefundTooLarge: more than was paid by one payment and is left of it; nothing was sent.
    :raises PaymentError: it cannot be given back now; nothing was sent.
    """
    invoice = standing.invoice
    reference = clean_partner_reference(wish.reference)
    if _is_taken(invoice, reference):
        raise ReferenceTaken(reference)
    payment = _refundable_payment(invoice)
    money = wish.amount or refundable_of_payment(payment)

    def note(rows: list[Transaction]) -> None:
        refund = InvoiceRefund(
            invoice=invoice,
            partner_id=invoice.order.partner_id,
            is_live=invoice.order.is_live,
            created_at=clock(),
        )
        refund.reference = reference or refund.public_id
        refund.save(force_insert=True)
        refund.operations.set(rows)

    try:
        aftercare.refund_payment(
            payment=payment, money=money, reason=wish.description, requested_by="partner", clock=clock, noted=note
        )
    except IntegrityError:
        if _is_taken(invoice, reference):
            raise ReferenceTaken(reference) from None
        raise


def _refundable_payment(invoice: Invoice) -> Payment:
    """Return the payment that most can be given back of: a second success was given back by itself.

    :raises RefundTooLarge: nothing was paid.
    """
    paid = Payment.objects.filter(order=invoice.order_id, captured_minor__gt=0)
    payments = sorted(paid, key=lambda payment: refundable_of_payment(payment).minor)
    if not payments:
        raise RefundTooLarge("Nothing was paid.", refundable=Money(0, invoice.order.currency))
    return payments[-1]


def _is_taken(invoice: Invoice, reference: str) -> bool:
    mine = InvoiceRefund.objects.filter(partner=invoice.order.partner_id, is_live=invoice.order.is_live)
    return mine.filter(reference=reference).exists()
