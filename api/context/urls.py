"""Every route answers in any case, with and without a trailing slash, and without a redirect; ids are any text.

The payments resource has routes of its own below /bookings and /customers; these are looked at before them, and what
is neither is the resource's to refuse.
"""

from django.urls import path, re_path
from django.urls.resolvers import URLPattern

from api.context.views import documentation, methods, payments
from api.context.views.base import ContextView

app_name = "context"

_PLACE = r"(?P<context>[^/]+)/(?P<context_id>[^/]+)"
ROUTES: dict[str, type[ContextView]] = {
    rf"{_PLACE}/payment": payments.PaymentsView,
    rf"{_PLACE}/payment/(?P<payment_id>[^/]+)": payments.PaymentView,
    rf"{_PLACE}/completesecurepayment": payments.CompletionView,
    rf"{_PLACE}/paymentmethods": methods.BookingMethodsView,
    r"paymentmethods": methods.MethodsView,
}

urlpatterns: list[URLPattern] = [
    path("schema/context", documentation.schema_json, name="schema"),
    *(re_path(rf"^(?i:{route})/?\Z", view.as_view()) for route, view in ROUTES.items()),
]
