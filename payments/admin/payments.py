from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html

from money import Money
from payments.admin.columns import money, money_mode, page_of, unbroken, when
from payments.admin.explain import explain_context
from payments.admin.page import page_context
from payments.admin.searching import FoundAdmin
from payments.admin.timeline import history_of
from payments.models import Case, Payment
from payments.states import State


@admin.register(Payment)
class PaymentAdmin(FoundAdmin):
    """Show payments; a payment's page says what happened and offers what can be done."""

    change_form_template = "admin/payments/payment/change_form.html"
    list_display = [
        "reference",
        "mode",
        "order",
        "partner",
        "amount",
        "standing",
        "captured",
        "returned",
        "waits_for_staff",
        "created",
        "account",
        "number",
    ]
    list_select_related = ["order", "partner", "account"]
    list_filter = ["state", "is_live", "account", "partner"]
    payment_path, order_path = "pk", "order_id"
    ordering = ["-number"]
    amount = staticmethod(money("amount_minor", "amount"))
    captured = staticmethod(money("captured_minor", "taken"))
    created = staticmethod(when("created_at", "created"))
    mode = staticmethod(money_mode("account"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Payment]:
        """Read with each payment what its list and page name."""
        waiting = Case.objects.filter(payment=OuterRef("pk"), closed_at__isnull=True)
        payments: QuerySet[Payment] = super().get_queryset(request)
        return payments.select_related("order__customer", "partner", "account").annotate(has_case=Exists(waiting))

    @admin.display(description="state", ordering="state")
    def standing(self, payment: Payment) -> str:
        """Show the state so that trouble is seen."""
        tone = {State.FAILED: "bad", State.CAPTURED: "good", State.PENDING: "warn"}.get(State(payment.state), "plain")
        return format_html('<span class="cp-state cp-state-{}">{}</span>', tone, payment.state)

    @admin.display(description="given back")
    def returned(self, payment: Payment) -> str:
        """Show what went back, asked for or taken, in major units."""
        total = payment.refunded_minor + payment.charged_back_minor
        return unbroken(str(Money(total, payment.currency))) if total else "–"

    @admin.display(description="case")
    def waits_for_staff(self, payment: Payment) -> str:
        """Say whether a case of it is open."""
        return format_html("<strong>{}</strong>", "open") if getattr(payment, "has_case", False) else ""

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the page that explains the balance."""
        explain = self.admin_site.admin_view(self.explain_view)
        return [path("<uuid:payment_id>/explain/", explain, name="payments_payment_explain"), *super().get_urls()]

    def explain_view(self, request: HttpRequest, payment_id: str) -> HttpResponse:
        """Show how every figure of the payment's order comes about."""
        payment: Payment | None = self.get_object(request, str(payment_id))
        if payment is None:
            raise Http404
        if not self.has_view_permission(request, payment):
            raise PermissionDenied("You may not do that.")
        context = {
            **self.admin_site.each_context(request),
            "title": f"Explain this balance: {payment.reference}",
            "opts": self.opts,
            "payment": payment,
            "page": page_of(payment),
            **explain_context(request, payment),
        }
        return TemplateResponse(request, "admin/payments/payment/explain.html", context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show what happened, what it comes to, and what can be done."""
        payment = self.get_object(request, object_id)
        if payment is None or not self.has_view_permission(request, payment):
            return super().change_view(request, object_id, form_url, extra_context)
        context = {**(extra_context or {}), **page_context(request, payment, history_of(payment))}
        return super().change_view(request, object_id, form_url, context)
