"""Payment invoices: made, listed, read and refunded."""

from rest_framework.request import Request
from rest_framework.response import Response

from api.invoices.creating import create_invoice
from api.invoices.models import Invoice
from api.invoices.presenters import page_of_invoices
from api.invoices.refunding import refund_invoice
from api.invoices.requests import read_invoice, read_page, read_refund
from api.invoices.schema import PAGE_PARAMETERS, operation
from api.invoices.standing import invoices_for_partner, standing_of, standings_of
from api.invoices.views.base import InvoicesView
from api.openapi import shape

_ID = {"invoice_id": "The invoice's id, such as cpi_ADzwZTG99f3q3utQ."}


class InvoiceListView(InvoicesView):
    """GET and POST /payment-invoices."""

    @operation("listPaymentInvoices", "List invoices", answer=shape("InvoicePage"), query=PAGE_PARAMETERS)
    def get(self, request: Request) -> Response:
        """List invoices, newest first."""
        number, size = read_page(request)
        found = invoices_for_partner(partner=self.partner, sees_live=self.is_live)
        rows = list(found[(number - 1) * size : number * size + 1])
        page = page_of_invoices(
            standings_of(rows[:size]), now=self.now(), number=number, size=size, has_more=len(rows) > size
        )
        return Response(page)

    @operation(
        "createPaymentInvoice", "Ask for an amount", body=shape("InvoiceRequest"), answer=shape("Invoice"), status=201
    )
    def post(self, request: Request) -> Response:
        """Make an invoice; its reference_id is used once and for all."""

        def act() -> Invoice:
            return create_invoice(
                partner=self.partner, key_is_live=self.is_live, wish=read_invoice(request.data), now=self.now()
            )

        return self.once(request, act, status=201)


class InvoiceView(InvoicesView):
    """GET /payment-invoices/{id}."""

    @operation("getPaymentInvoice", "Show an invoice", answer=shape("Invoice"), path=_ID)
    def get(self, request: Request, invoice_id: str) -> Response:
        """Show an invoice as it stands now."""
        return self.show(self.find(invoice_id))


class InvoiceRefundView(InvoicesView):
    """POST /payment-invoices/{id}/refund."""

    @operation(
        "refundPaymentInvoice", "Give money back", body=shape("RefundRequest"), answer=shape("Invoice"), path=_ID
    )
    def post(self, request: Request, invoice_id: str) -> Response:
        """Give back what is asked, or all that is left, and show the invoice as it stands then."""
        invoice = self.find(invoice_id)

        def act() -> Invoice:
            wish = read_refund(request.data, invoice_id=invoice.public_id, currency=invoice.order.currency)
            refund_invoice(standing=standing_of(invoice), wish=wish, clock=self.now)
            return invoice

        return self.once(request, act, status=200)
