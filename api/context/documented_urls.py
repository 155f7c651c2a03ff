"""The routes as the OpenAPI document shows them; `urls` answers them in any case."""

from django.urls import path
from django.urls.resolvers import URLPattern

from api.context.views import methods, payments

urlpatterns: list[URLPattern] = [
    path("<str:context>/<str:context_id>/Payment", payments.PaymentsView.as_view()),
    path("<str:context>/<str:context_id>/Payment/<str:payment_id>", payments.PaymentView.as_view()),
    path("<str:context>/<str:context_id>/CompleteSecurePayment", payments.CompletionView.as_view()),
    path("bookings/<str:context_id>/PaymentMethods", methods.BookingMethodsView.as_view()),
    path("PaymentMethods", methods.MethodsView.as_view()),
]
