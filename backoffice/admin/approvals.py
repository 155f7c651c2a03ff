from django.contrib import admin
from django.utils import timezone

from backoffice.models import ApprovalRequest
from bookings.admin.read_only import ReadOnlyAdmin
from payments.admin.columns import link, money, when


@admin.register(ApprovalRequest)
class ApprovalRequestAdmin(ReadOnlyAdmin):
    """Show the refunds that wait for a second person, and what became of those that did."""

    list_display = ["requested", "what", "total", "order_link", "requested_by", "reason", "expires", "stands"]
    list_display_links = ["requested", "what"]
    list_select_related = ["order", "payment", "requested_by", "decided_by"]
    list_filter = ["decision", "what", "currency"]
    search_fields = ["=order__reference", "=payment__reference", "=requested_by__username"]
    ordering = ["-requested_at"]
    fields = [
        "what",
        "order_link",
        "payment_link",
        "amount",
        "total",
        "reason",
        "requested_by",
        "requested",
        "expires",
        "stands",
        "decided_by",
        "decided",
        "decision_reason",
    ]
    amount = staticmethod(money("amount_minor", "asked for"))
    total = staticmethod(money("total_minor", "goes back, surcharge included"))
    order_link = staticmethod(link("order", "order"))
    payment_link = staticmethod(link("payment", "payment"))
    requested = staticmethod(when("requested_at", "asked"))
    expires = staticmethod(when("expires_at", "until"))
    decided = staticmethod(when("decided_at", "decided"))

    @admin.display(description="stands")
    def stands(self, row: ApprovalRequest) -> str:
        """Say whether it still waits."""
        if row.decision:
            return row.decision.lower()
        return "waits" if row.expires_at > timezone.now() else "over"
