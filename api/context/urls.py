"""Every route answers in any case, with and without a trailing slash, and without a redirect; ids are any text.

The payments resource has routes of its own below /bookings and /customers; these are looked at before them, and what
is neither is the resource's to refuse.
"""

from django.urls import path, re_path
from django.urls.resolvers import URLPattern

from api.context.schema import openapi_document
from api.context.views import methods, payments
from api.context.views.base import ContextView
from api.openapi import document_view

app_name = "context"


def _in_any_case(word: str) -> str:
    """Return a pattern for a word in any case; a pattern with `(?i:` would leave Django unable to reverse any route."""
    return "".join(f"[{letter}{letter.upper()}]" for letter in word)


_PLACE = r"(?P<context>[^/]+)/(?P<context_id>[^/]+)"
_PAYMENT, _METHODS = _in_any_case("payment"), _in_any_case("paymentmethods")
ROUTES: dict[str, type[ContextView]] = {
    rf"{_PLACE}/{_PAYMENT}": payments.PaymentsView,
    rf"{_PLACE}/{_PAYMENT}/(?P<payment_id>[^/]+)": payments.PaymentView,
    rf"{_PLACE}/{_in_any_case('completesecurepayment')}": payments.CompletionView,
    rf"{_PLACE}/{_METHODS}": methods.BookingMethodsView,
    _METHODS: methods.MethodsView,
}

urlpatterns: list[URLPattern] = [
    path("schema/context", document_view(openapi_document), name="schema"),
    *(re_path(rf"^{route}/?\Z", view.as_view()) for route, view in ROUTES.items()),
]
