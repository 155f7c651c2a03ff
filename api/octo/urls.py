"""Every route answers with and without a trailing slash and without a redirect; ids in paths are any text."""

from django.urls import path, re_path
from django.urls.resolvers import URLPattern

from api.octo.schema import openapi_document
from api.octo.views import (
    availability,
    bookings,
    card_payments,
    documentation,
    gifts,
    orders,
    products,
    supplier,
    webhooks,
)
from api.octo.views.base import OctoView, UnknownRouteView
from api.openapi import document_view

app_name = "octo"

ROUTES: dict[str, type[OctoView]] = {
    "supplier": supplier.SupplierView,
    "whoami": supplier.WhoamiView,
    "capabilities": supplier.CapabilitiesView,
    "products": products.ProductListView,
    "products/<str:product_id>": products.ProductView,
    "availability": availability.AvailabilityView,
    "availability/calendar": availability.CalendarView,
    "bookings": bookings.BookingListView,
    "bookings/<str:uuid>": bookings.BookingView,
    "bookings/<str:uuid>/extend": bookings.ExtendView,
    "bookings/<str:uuid>/confirm": bookings.ConfirmView,
    "bookings/<str:uuid>/cancel": bookings.CancelView,
    "gifts": gifts.GiftListView,
    "gifts/<str:uuid>": gifts.GiftView,
    "gifts/<str:uuid>/preview": gifts.GiftPreviewView,
    "gifts/<str:uuid>/extend": gifts.GiftExtendView,
    "gifts/<str:uuid>/confirm": gifts.GiftConfirmView,
    "gifts/<str:uuid>/cancel": gifts.GiftCancelView,
    "gifts/<str:uuid>/notify": gifts.GiftNotifyView,
    "orders": orders.OrderListView,
    "orders/<str:order_id>": orders.OrderView,
    "orders/<str:order_id>/preview": orders.PreviewView,
    "orders/<str:order_id>/extend": orders.ExtendOrderView,
    "orders/<str:order_id>/confirm": orders.ConfirmOrderView,
    "orders/<str:order_id>/cancel": orders.CancelOrderView,
    "orders/<str:order_id>/notify": orders.NotifyOrderView,
    "card_payments/cards/<str:card_id>": card_payments.ReusableCardView,
    "card_payments/<str:card_payment_id>": card_payments.CardPaymentView,
    "webhooks": webhooks.WebhookListView,
    "webhooks/<str:webhook_id>": webhooks.WebhookView,
    "webhooks/<str:webhook_id>/resend": webhooks.WebhookResendView,
}

urlpatterns: list[URLPattern] = [
    path("schema.json", document_view(openapi_document), name="schema"),
    *(path(route, documentation.SwaggerPage.as_view(), name="docs") for route in ("docs", "docs/")),
    *(path(route + slash, view.as_view()) for route, view in ROUTES.items() for slash in ("", "/")),
    re_path(r"^[\s\S]*\Z", UnknownRouteView.as_view()),
]
