from django.contrib import admin

from bookings.admin.read_only import ReadOnlyAdmin, ReadOnlyInline
from money import Money
from reconciliation.models import Discrepancy, DiscrepancyEvent


class DiscrepancyEventInline(ReadOnlyInline):
    """Tell what was done about it."""

    model = DiscrepancyEvent
    fields = ["at", "actor", "action", "state_before", "state_after", "detail"]
    ordering = ["id"]
    show_change_link = False


@admin.register(Discrepancy)
class DiscrepancyAdmin(ReadOnlyAdmin):
    """Show where our books and the gateways' or the bank's word differ."""

    list_display = ["kind", "source", "amount", "state", "opened_on", "assignee"]
    list_select_related = ["source", "assignee"]
    list_filter = ["state", "kind", "source", "currency"]
    search_fields = ["line__gateway_reference", "line__payment_reference", "line__our_reference", "batch__reference"]
    ordering = ["opened_on", "id"]
    raw_id_fields = ["line", "entry", "batch"]
    inlines = [DiscrepancyEventInline]

    @admin.display(description="amount", ordering="amount_minor")
    def amount(self, discrepancy: Discrepancy) -> str:
        """Return what is at stake."""
        return str(Money(discrepancy.amount_minor, discrepancy.currency))
