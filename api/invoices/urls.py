"""Every route answers at the root and below /api/, as the vendor's documents and self links have it, with and without a
trailing slash and without a redirect; ids in paths are any text.
"""

from django.urls import path, re_path
from django.urls.resolvers import URLPattern

from api.invoices.schema import openapi_document
from api.invoices.views import invoices, sales
from api.invoices.views.base import JsonApiView, UnknownRouteView
from api.openapi import document_view

app_name = "invoices"

ROUTES: dict[str, type[JsonApiView]] = {
    "payment-invoices": invoices.InvoiceListView,
    "payment-invoices/<str:invoice_id>": invoices.InvoiceView,
    "payment-invoices/<str:invoice_id>/refund": invoices.InvoiceRefundView,
    "payment/sale": sales.SaleView,
}

urlpatterns: list[URLPattern] = [
    path("schema/invoices", document_view(openapi_document), name="schema"),
    *(
        path(prefix + route + slash, view.as_view())
        for route, view in ROUTES.items()
        for slash in ("", "/")
        for prefix in ("", "api/")
    ),
    re_path(r"^(?:api/)?(?:payment-invoices|payment)(?:/[\s\S]*)?\Z", UnknownRouteView.as_view()),
]
