from django.contrib import admin
from django.utils.html import format_html

from bookings.admin.mode import mode
from bookings.admin.read_only import ReadOnlyAdmin
from bookings.models import Customer
from payments.admin.columns import when
from payments.admin.entries import EntryInline
from payments.services.customer_credit import credit_balances


@admin.register(Customer)
class CustomerAdmin(ReadOnlyAdmin):
    """Show guests' accounts: their orders, and what we owe them."""

    list_display = ["number", "full_name", "email", "partner", "mode", "orders_link"]
    list_select_related = ["partner"]
    list_filter = ["is_live", "partner"]
    search_fields = ["=number", "reference", "full_name", "email", "phone"]
    ordering = ["-number"]
    fields = [*("number", "partner", "mode", "reference", "full_name", "email", "phone", "created"), "credit_left"]
    inlines = [EntryInline]
    mode = staticmethod(mode)
    created = staticmethod(when("created_at", "created"))

    @admin.display(description="orders")
    def orders_link(self, customer: Customer) -> str:
        """Link to the orders of a guest."""
        return format_html('<a href="../order/?customer__exact={}">orders</a>', customer.pk)

    @admin.display(description="credit")
    def credit_left(self, customer: Customer) -> str:
        """Show what we owe the customer, in each currency."""
        return ", ".join(map(str, credit_balances(customer))) or "–"
