"""The write-off by token: it proves itself by the token of its invoice, and needs no key of the partner's."""

from dataclasses import dataclass
from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from api.invoices.models import Invoice
from api.invoices.presenters import sale_document
from api.invoices.requests import read_sale
from api.invoices.sale_tokens import sale_id_of
from api.invoices.sales import SaleTokenRefused, sell_invoice
from api.invoices.schema import operation
from api.invoices.standing import InvoiceNotFound, invoice_by_sale_id, invoice_of_order, standing_of
from api.invoices.views.base import JsonApiView
from api.openapi import shape


@dataclass(frozen=True, slots=True)
class SaleGrant:
    """Be what a sale's token allows: this invoice, once. Requests are counted by it."""

    invoice: Invoice

    @property
    def pk(self) -> str:
        """Return what requests are counted by."""
        return self.invoice.sale_id


class SaleTokenAuthentication(BaseAuthentication):
    """Find the invoice of `Authorization: Bearer <token>`; it becomes `request.auth`."""

    def authenticate(self, request: Request) -> tuple[None, SaleGrant]:
        """Return what the token allows.

        :raises SaleTokenRefused: there is none, it is none of ours, or its hour is over.
        """
        scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        sale_id = sale_id_of(token.strip(), now=JsonApiView.now()) if scheme.lower() == "bearer" else None
        if sale_id is None:
            raise SaleTokenRefused
        try:
            return None, SaleGrant(invoice_by_sale_id(sale_id))
        except InvoiceNotFound:
            raise SaleTokenRefused from None


class SaleView(JsonApiView):
    """POST /payment/sale."""

    authentication_classes = [SaleTokenAuthentication]
    authenticate_header_of_scheme = 'Bearer realm="payment invoices"'

    @operation(
        "sellPaymentInvoice",
        "Charge the kept card of an instant invoice",
        body=shape("SaleRequest"),
        answer=shape("Sale"),
        security="saleToken",
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Charge the card; a refusal is told as the invoice's status, and asking again charges nothing twice."""
        grant = request.auth
        assert isinstance(grant, SaleGrant)
        read_sale(request.data)
        sell_invoice(invoice=grant.invoice, clock=self.now)
        return Response(sale_document(standing_of(invoice_of_order(grant.invoice.order_id))))
