"""What staff see of context payments, and set for a partner's client."""

from typing import TYPE_CHECKING

from django.contrib import admin
from unfold.admin import ModelAdmin

from api.context.models import ContextPreference, PaymentProcess
from bookings.admin.read_only import ReadOnlyAdmin
from payments.admin.columns import link

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[ContextPreference]
else:
    _ModelAdmin = ModelAdmin


@admin.register(ContextPreference)
class ContextPreferenceAdmin(_ModelAdmin):
    """Set how a partner's client wants what the contract leaves open."""

    list_display = ["partner", "success_status", "lists_redirect_data"]
    list_select_related = ["partner"]


@admin.register(PaymentProcess)
class PaymentProcessAdmin(ReadOnlyAdmin):
    """Show the payments partners began, by the `paymentProcessAuditId` they know."""

    list_display = ["id", "started_at", "key", "context", "context_number", "transaction_link"]
    list_select_related = ["key", "transaction"]
    list_filter = ["context", "key__partner"]
    search_fields = ["=id", "=context_number", "transaction__reference"]
    ordering = ["-id"]
    fields = ["id", "started_at", "key", "context", "context_number", "transaction_link"]
    transaction_link = staticmethod(link("transaction", "operation"))
