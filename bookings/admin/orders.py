from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.contrib.filters.admin import RangeDateFilter

from bookings.admin.mode import mode
from bookings.admin.read_only import ReadOnlyAdmin, ReadOnlyInline
from bookings.admin.searching import named
from bookings.models import Booking, Change, Installment, Order, UnitItem
from bookings.rules import is_asked
from money import Money


class BookingInline(ReadOnlyInline):
    """Show the bookings of an order."""

    model = Booking
    fields = ["reference", "number", "status", "product", "availability_reference", "price", "contact_full_name"]

    @admin.display(description="price")
    def price(self, booking: Booking) -> str:
        """Show the guest's price in major units."""
        return str(Money(booking.retail_minor, booking.currency))


class InstallmentInline(ReadOnlyInline):
    """Show the parts an order is paid in."""

    model = Installment
    fields = ["kind", "amount", "due_date"]

    @admin.display(description="amount")
    def amount(self, installment: Installment) -> str:
        """Show the amount in major units."""
        return str(Money(installment.amount_minor, installment.currency))


class ChangeInline(ReadOnlyInline):
    """Show what partners were to be told, oldest first."""

    model = Change
    fields = ["version", "topic", "reason", "before", "created_at", "told_at"]
    ordering = ["pk"]


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    """Show what is owed."""

    list_display = [
        "reference",
        "partner",
        "status",
        "settlement_method",
        "money_in",
        "mode",
        "expires_at",
        "created_at",
    ]
    list_select_related = ["partner"]
    list_filter = ["status", "kind", "settlement_method", "is_live", "partner", ("created_at", RangeDateFilter)]
    list_filter_submit = True
    search_fields = ["reference"]
    search_help_text = "Our reference, the partner's, or the id; the search box finds by everything else"
    ordering = ["-created_at", "-pk"]
    inlines = [BookingInline, InstallmentInline, ChangeInline]
    exclude = ["money_in_minor", "asked_minor"]
    readonly_fields = ["asked", "money_in", "payments_link"]
    mode = staticmethod(mode)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        """Find by what the order is called."""
        return named(queryset, search_term, texts=("partner_reference",)), False

    @admin.display(description="asked for")
    def asked(self, order: Order) -> str:
        """Show what an invoice or a top-up asks for, in major units."""
        return str(Money(order.asked_minor, order.currency)) if is_asked(order) else "–"

    @admin.display(description="money in")
    def money_in(self, order: Order) -> str:
        """Show what was taken and not given back, in major units."""
        return str(Money(order.money_in_minor, order.currency))

    @admin.display(description="payments")
    def payments_link(self, order: Order) -> str:
        """Link to the order's payments, whose pages say what is due and what happened."""
        return format_html('<a href="../../../../payments/payment/?q={}">payments of the order</a>', order.reference)


class UnitItemInline(ReadOnlyInline):
    """Show the tickets of a booking."""

    model = UnitItem
    fields = ["reference", "unit", "uuid", "reseller_reference", "price", "ticket_code", "redeemed_at"]
    show_change_link = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[UnitItem]:
        """Read with each ticket what its line names."""
        items: QuerySet[UnitItem] = super().get_queryset(request)
        return items.select_related("unit", "booking")

    @admin.display(description="price")
    def price(self, item: UnitItem) -> str:
        """Show the guest's price in major units."""
        return str(Money(item.retail_minor, item.booking.currency))


@admin.register(Booking)
class BookingAdmin(ReadOnlyAdmin):
    """Show the reservations."""

    list_display = [
        "reference",
        "number",
        "partner",
        "status",
        "product",
        "availability_reference",
        "price",
        "contact_full_name",
        "mode",
    ]
    list_select_related = ["partner", "product"]
    list_filter = ["status", "is_live", "partner", "product", ("created_at", RangeDateFilter)]
    list_filter_submit = True
    search_fields = ["reference"]
    search_help_text = (
        "Our reference or the partner's, voucher, number, id or order; the search box finds by everything else"
    )
    ordering = ["-number"]
    inlines = [UnitItemInline]
    exclude = ["original_minor", "retail_minor", "net_minor", "deposit_minor", "kept_minor"]
    readonly_fields = ["price", "original", "net", "deposit", "kept"]
    mode = staticmethod(mode)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Booking], search_term: str
    ) -> tuple[QuerySet[Booking], bool]:
        """Find by what the booking is called."""
        by_booking = named(
            queryset, search_term, texts=("reseller_reference",), codes=("voucher_code",), numbers=("number",)
        )
        if by_booking.exists():
            return by_booking, False
        return queryset.filter(order__in=named(Order.objects.all(), search_term)), False

    @admin.display(description="price")
    def price(self, booking: Booking) -> str:
        """Show the guest's price in major units."""
        return str(Money(booking.retail_minor, booking.currency))

    @admin.display(description="price before discounts")
    def original(self, booking: Booking) -> str:
        """Show what it would cost without an offer."""
        return str(Money(booking.original_minor, booking.currency))

    @admin.display(description="net price")
    def net(self, booking: Booking) -> str:
        """Show what the partner owes for it where the partner collects."""
        return str(Money(booking.net_minor, booking.currency))

    @admin.display(description="deposit")
    def deposit(self, booking: Booking) -> str:
        """Show what of the price is due at once, where it is settled by a deposit."""
        return str(Money(booking.deposit_minor, booking.currency))

    @admin.display(description="kept")
    def kept(self, booking: Booking) -> str:
        """Show what stays with the operator of a deposit that was cancelled too late."""
        return str(Money(booking.kept_minor, booking.currency))


@admin.register(Installment)
class InstallmentAdmin(ReadOnlyAdmin):
    """Show what is due when."""

    list_display = ["order", "kind", "amount", "due_date"]
    list_select_related = ["order"]
    list_filter = ["kind"]
    search_fields = ["order__reference"]
    ordering = ["due_date"]

    @admin.display(description="amount")
    def amount(self, installment: Installment) -> str:
        """Show the amount in major units."""
        return str(Money(installment.amount_minor, installment.currency))


@admin.register(Change)
class ChangeAdmin(ReadOnlyAdmin):
    """Show the outbox: what partners were told, or are still to be told."""

    list_display = ["created_at", "topic", "reason", "partner", "order", "version", "told_at"]
    list_select_related = ["partner", "order"]
    list_filter = ["topic", ("told_at", admin.EmptyFieldListFilter), "reason", "partner"]
    search_fields = ["=subject_id", "order__reference"]
    ordering = ["-id"]
