from django.contrib import admin

from bookings.admin.read_only import ReadOnlyAdmin
from payments.admin.columns import link, money, when
from payments.models import BalanceCollection


@admin.register(BalanceCollection)
class BalanceCollectionAdmin(ReadOnlyAdmin):
    """Show which balances were asked for by themselves, how, and what became of it."""

    list_display = ["due_date", "order_link", "amount", "charge_link", "created", "done"]
    list_display_links = ["due_date"]
    list_select_related = ["order", "charge"]
    list_filter = ["due_date"]
    search_fields = ["=order__reference", "=charge__reference"]
    ordering = ["-created_at"]
    fields = ["due_date", "order_link", "amount", "charge_link", "created", "done"]
    order_link = staticmethod(link("order", "order"))
    charge_link = staticmethod(link("charge", "charge (else by mail)"))
    amount = staticmethod(money("amount_minor", "asked for"))
    created = staticmethod(when("created_at", "asked"))
    done = staticmethod(when("done_at", "decided"))
