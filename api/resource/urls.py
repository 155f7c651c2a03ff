"""Every route answers with and without a trailing slash and without a redirect; ids in paths are any text.

The context payments API has routes of its own below /bookings and /customers; they are looked at before these.
"""

from django.urls import path, re_path
from django.urls.resolvers import URLPattern

from api.openapi import document_view
from api.resource.schema import openapi_document
from api.resource.views import payments, sold
from api.resource.views.base import ResourceView, UnknownRouteView

app_name = "resource"

ROUTES: dict[str, type[ResourceView]] = {
    "payments": payments.PaymentListView,
    "payments/<str:payment_id>": payments.PaymentView,
    "refunds/<str:refund_id>": payments.RefundView,
    "bookings/<str:booking_id>": sold.BookingView,
    "bookings/<str:booking_id>/payments": sold.BookingPaymentsView,
    "bookings/<str:booking_id>/refunds": sold.BookingRefundsView,
    "bookings/<str:booking_id>/customers": sold.BookingCustomersView,
    "customers/<str:customer_id>": sold.CustomerView,
    "customers/<str:customer_id>/bookings": sold.CustomerBookingsView,
}

urlpatterns: list[URLPattern] = [
    path("schema/resource", document_view(openapi_document), name="schema"),
    *(path(route + slash, view.as_view()) for route, view in ROUTES.items() for slash in ("", "/")),
    re_path(r"^(?:payments|refunds|bookings|customers)(?:/[\s\S]*)?\Z", UnknownRouteView.as_view()),
]
