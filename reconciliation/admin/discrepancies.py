from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from bookings.admin.read_only import ReadOnlyAdmin
from payments.admin.columns import money
from reconciliation.admin.discrepancy_page import page_context
from reconciliation.aging import day_of
from reconciliation.models import Discrepancy


@admin.register(Discrepancy)
class DiscrepancyAdmin(ReadOnlyAdmin):
    """Show where our books and the gateways' or the bank's word differ, and what was done about it."""

    list_display = ["kind", "source", "amount", "state", "opened_on", "assignee"]
    list_select_related = ["source", "assignee"]
    list_filter = ["state", "kind", "source", "currency", "resolution"]
    search_fields = ["line__gateway_reference", "line__payment_reference", "line__our_reference", "batch__reference"]
    ordering = ["opened_on", "id"]
    # All that its page shows is in the context.
    change_form_template = "admin/reconciliation/page.html"
    fields = ["kind"]
    amount = staticmethod(money("amount_minor", "amount"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show what it is about, what is proposed and what was done."""
        discrepancy = (
            Discrepancy.objects.filter(pk=object_id)
            .select_related(
                *("source__account", "assignee", "batch", "line__batch", "line__report"),
                *("entry__posting", "entry__transaction", "entry__payment"),
            )
            .first()
            if object_id.isdecimal()
            else None
        )
        context = page_context(discrepancy, today=day_of(timezone.now())) if discrepancy is not None else {}
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})
