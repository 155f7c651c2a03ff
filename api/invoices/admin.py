"""What staff see of payment invoices: what was asked, how it stands, and who is told."""

from django.contrib import admin

from api.invoices.models import Invoice, InvoiceRefund
from api.invoices.standing import standing_of
from bookings.admin.mode import mode_badge
from bookings.admin.read_only import ReadOnlyAdmin, ReadOnlyInline
from money import Money
from payments.admin.columns import link, unbroken, when_text


class InvoiceRefundInline(ReadOnlyInline):
    """Show the refunds the partner asked for."""

    model = InvoiceRefund
    fields = ["public_id", "reference", "transactions", "created_at"]
    readonly_fields = ["transactions"]

    @admin.display(description="operations")
    def transactions(self, refund: InvoiceRefund) -> str:
        """Show what carries it out, and how far it is."""
        return ", ".join(f"{row.reference} {row.status}" for row in refund.operations.all()) or "–"


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin):
    """Show invoices; money is looked after on the page of the payment."""

    list_display = ["public_id", "reference", "partner", "mode", "asked", "order_status", "created", "expires"]
    list_select_related = ["order__partner"]
    list_filter = ["order__status", "order__is_live", "is_instant", "tells_token", "order__partner"]
    search_fields = ["=public_id", "=sale_id", "order__partner_reference", "order__reference", "refunds__reference"]
    ordering = ["-order__created_at"]
    inlines = [InvoiceRefundInline]
    fields = [
        "public_id",
        "reference",
        "partner",
        "mode",
        "asked",
        "standing",
        "order_link",
        "link",
        "card",
        "callback_link",
        "service",
        "tells_token",
        "is_instant",
        "metadata",
        "created",
        "expires",
    ]
    order_link = staticmethod(link("order", "order"))
    callback_link = staticmethod(link("callback", "callbacks"))

    @admin.display(description="reference", ordering="order__partner_reference")
    def reference(self, invoice: Invoice) -> str:
        """Show the partner's own reference."""
        return invoice.order.partner_reference

    @admin.display(description="partner", ordering="order__partner__name")
    def partner(self, invoice: Invoice) -> str:
        """Show whose it is."""
        return str(invoice.order.partner)

    @admin.display(description="mode", ordering="order__is_live")
    def mode(self, invoice: Invoice) -> str:
        """Show LIVE or a TEST that nobody overlooks."""
        return mode_badge(is_live=invoice.order.is_live)

    @admin.display(description="asked for", ordering="order__asked_minor")
    def asked(self, invoice: Invoice) -> str:
        """Show the amount in major units."""
        return unbroken(str(Money(invoice.order.asked_minor, invoice.order.currency)))

    @admin.display(description="order", ordering="order__status")
    def order_status(self, invoice: Invoice) -> str:
        """Show how its order stands."""
        return invoice.order.status

    @admin.display(description="status told")
    def standing(self, invoice: Invoice) -> str:
        """Show what the partner is told of it, and why."""
        standing = standing_of(invoice)
        return f"{standing.status} ({standing.resolution})"

    @admin.display(description="created", ordering="order__created_at")
    def created(self, invoice: Invoice) -> str:
        """Show when it was made, with the zone."""
        return unbroken(when_text(invoice.order.created_at))

    @admin.display(description="expires", ordering="order__expires_at")
    def expires(self, invoice: Invoice) -> str:
        """Show until when it can be paid."""
        return unbroken(when_text(invoice.order.expires_at))
