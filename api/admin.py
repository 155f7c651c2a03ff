from django.contrib import admin

from api.callbacks.admin import DeliveryAdmin, SigningSecretAdmin, SubscriptionAdmin
from api.context.admin import ContextPreferenceAdmin, PaymentProcessAdmin
from api.finance.admin import FinanceKeyAdmin
from api.invoices.admin import InvoiceAdmin
from api.models import IdempotentRequest
from bookings.admin.mode import mode
from bookings.admin.read_only import ReadOnlyAdmin

__all__ = [
    "ContextPreferenceAdmin",
    "DeliveryAdmin",
    "FinanceKeyAdmin",
    "IdempotentRequestAdmin",
    "InvoiceAdmin",
    "PaymentProcessAdmin",
    "SigningSecretAdmin",
    "SubscriptionAdmin",
]


@admin.register(IdempotentRequest)
class IdempotentRequestAdmin(ReadOnlyAdmin):
    """Show which writes partners repeated, and how the first of each ended."""

    list_display = ["created_at", "partner", "mode", "key_text", "method", "path", "status_code", "error_code"]
    list_filter = ["is_live", "status_code", "partner"]
    list_select_related = ["partner"]
    search_fields = ["=key_text", "=subject", "path"]
    ordering = ["-created_at"]
    exclude = ["key_fingerprint", "body_fingerprint"]
    mode = staticmethod(mode)
