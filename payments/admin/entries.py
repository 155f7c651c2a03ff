from typing import Any

from django.contrib import admin

from bookings.admin.read_only import ReadOnlyInline
from payments.admin.columns import link, money, unbroken, when_text
from payments.models import LedgerEntry


class EntryInline(ReadOnlyInline):
    """Show what became of a gift's value, or of a customer's credit: sold, spent, given back."""

    model = LedgerEntry
    verbose_name_plural = "history"
    ordering = ["pk"]
    fields = ["posted", "cause", "amount", "order_link"]
    readonly_fields = ["posted", "cause", "amount", "order_link"]
    amount = staticmethod(money("amount_minor", "amount"))
    order_link = staticmethod(link("order", "order"))

    @admin.display(description="posted")
    def posted(self, entry: LedgerEntry) -> str:
        """Show when it was written."""
        return unbroken(when_text(entry.posting.posted_at))

    @admin.display(description="cause")
    def cause(self, entry: LedgerEntry) -> str:
        """Show what caused it."""
        return entry.posting.cause

    def get_queryset(self, request: Any) -> Any:
        """Read with each entry what its line names."""
        return super().get_queryset(request).select_related("posting", "order")
