from typing import Any

from django.contrib import admin

from bookings.admin.read_only import ReadOnlyInline
from payments.admin.columns import link, money, money_mode, unbroken, when, when_text
from payments.admin.searching import FoundAdmin
from payments.models import LedgerEntry, Posting


class EntryInline(ReadOnlyInline):
    """Show the entries of one cause."""

    model = LedgerEntry
    fields = ["from_account", "to_account", "amount", "payment_link", "transaction_link"]
    readonly_fields = ["from_account", "to_account", "amount", "payment_link", "transaction_link"]
    amount = staticmethod(money("amount_minor", "amount"))
    payment_link = staticmethod(link("payment", "payment"))
    transaction_link = staticmethod(link("transaction", "operation"))

    def get_queryset(self, request: Any) -> Any:
        """Read with each entry what its line names."""
        return super().get_queryset(request).select_related("payment", "transaction")


@admin.register(Posting)
class PostingAdmin(FoundAdmin):
    """Show what caused entries."""

    list_display = ["cause", "event_link", "occurred", "posted"]
    list_select_related = ["event"]
    payment_path, order_path = "entries__payment_id", "entries__order_id"
    ordering = ["-posted_at", "-pk"]
    fields = ["cause", "event_link", "occurred", "posted"]
    inlines = [EntryInline]
    event_link = staticmethod(link("event", "because of"))
    occurred = staticmethod(when("occurred_at", "happened"))
    posted = staticmethod(when("posted_at", "posted"))


@admin.register(LedgerEntry)
class LedgerEntryAdmin(FoundAdmin):
    """Show the books, newest first; each entry is one transfer."""

    list_display = [
        "id",
        "from_account",
        "to_account",
        "amount",
        "mode",
        "payment_link",
        "gateway_account",
        "partner",
        "posted",
    ]
    list_select_related = ["payment", "gateway_account", "partner", "posting"]
    list_filter = ["from_account", "to_account", "is_live", "gateway_account", "partner"]
    order_path = "order_id"
    ordering = ["-id"]
    fields = [
        "from_account",
        "to_account",
        "amount",
        "mode",
        "posting_link",
        "payment_link",
        "transaction_link",
        "order_link",
        "gift",
        "gateway_account",
        "partner",
        "posted",
    ]
    amount = staticmethod(money("amount_minor", "amount"))
    mode = staticmethod(money_mode("gateway_account"))
    posting_link = staticmethod(link("posting", "posting"))
    payment_link = staticmethod(link("payment", "payment"))
    transaction_link = staticmethod(link("transaction", "operation"))
    order_link = staticmethod(link("order", "order"))

    @admin.display(description="posted", ordering="posting__posted_at")
    def posted(self, entry: LedgerEntry) -> str:
        """Show when it was written."""
        return unbroken(when_text(entry.posting.posted_at))
