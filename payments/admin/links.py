from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from bookings.admin.mode import mode_badge
from bookings.admin.read_only import ReadOnlyAdmin
from payments.admin.columns import link, when
from payments.models import PaymentLink
from payments.services.links import link_url


@admin.register(PaymentLink)
class PaymentLinkAdmin(ReadOnlyAdmin):
    """Show payment links; whoever may make them sees their addresses."""

    list_display = ["created", "order_link", "mode", "status", "expires", "created_by", "closed"]
    list_select_related = ["order__partner"]
    list_filter = [("closed_at", admin.EmptyFieldListFilter), "closed_as", "order__is_live", "order__partner"]
    search_fields = ["=id", "=order__reference", "order__bookings__reference", "order__bookings__contact_email"]
    ordering = ["-created_at"]
    order_link = staticmethod(link("order", "order"))
    created = staticmethod(when("created_at", "made"))
    expires = staticmethod(when("expires_at", "good until"))
    closed = staticmethod(when("closed_at", "closed"))

    @admin.display(description="mode", ordering="order__is_live")
    def mode(self, row: PaymentLink) -> str:
        """Return LIVE or a TEST that nobody overlooks."""
        return mode_badge(is_live=row.order.is_live)

    @admin.display(description="stands")
    def status(self, row: PaymentLink) -> str:
        """Say whether the link can be followed."""
        if row.closed_at is None:
            return "open" if row.expires_at > timezone.now() else "over"
        return row.closed_as.lower()

    @admin.display(description="address")
    def address(self, row: PaymentLink) -> str:
        """Show the address, which lets anybody pay who has it."""
        return format_html('<a href="{0}">{0}</a>', link_url(row))

    def get_fields(
        self, request: HttpRequest, obj: PaymentLink | None = None
    ) -> list[str | list[str] | tuple[str, ...] | tuple[()]]:
        """Show the address only to who may make links: it lets anybody pay."""
        shown = ["order_link", "mode", "status", "created", "created_by", "expires", "closed", "return_urls"]
        return [*shown, "address"] if request.user.has_perm("payments.add_paymentlink") else [*shown]

    def get_readonly_fields(self, request: HttpRequest, obj: PaymentLink | None = None) -> list[Any]:
        """Let nobody write what a link is."""
        return list(self.get_fields(request, obj))
