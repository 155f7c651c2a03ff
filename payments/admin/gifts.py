from django.contrib import admin

from bookings.admin.mode import mode
from bookings.admin.read_only import ReadOnlyAdmin, ReadOnlyInline
from bookings.models import Gift, OutgoingMail
from bookings.rules import is_gift_sold
from money import Money
from payments.admin.columns import link, money, when
from payments.admin.entries import EntryInline


class GiftMailInline(ReadOnlyInline):
    """Show the mails that brought a gift's code; what they said is not kept."""

    model = OutgoingMail
    verbose_name_plural = "mails"
    ordering = ["created_at"]
    fields = ["created_at", "to", "status", "sent_at", "last_error"]


@admin.register(Gift)
class GiftAdmin(ReadOnlyAdmin):
    """Show gift vouchers, what is left of them, and where it went; of a code only its end, which finds it."""

    list_display = ["reference", "partner", "status", "amount", "left", "recipient_full_name", "code_end", "mode"]
    list_select_related = ["partner"]
    list_filter = ["status", "is_live", "partner"]
    search_fields = [
        "reference",
        "=number",
        "=uuid",
        "order__reference",
        "reseller_reference",
        "recipient_full_name",
        "recipient_email",
        "contact_full_name",
        "contact_last_name",
        "contact_email",
        "=code_suffix",
    ]
    ordering = ["-created_at"]
    fields = [
        *("reference", "number", "uuid", "partner", "mode", "status", "order_link", "amount", "left", "code_end"),
        *("recipient_full_name", "recipient_email", "message", "language"),
        *("contact_full_name", "contact_email", "contact_phone", "reseller_reference", "notes"),
        *("created", "expires", "confirmed", "redeemed", "cancelled", "cancellation_reason"),
    ]
    inlines = [EntryInline, GiftMailInline]
    amount = staticmethod(money("amount_minor", "amount"))
    mode = staticmethod(mode)
    order_link = staticmethod(link("order", "bought on"))
    created = staticmethod(when("created_at", "created"))
    expires = staticmethod(when("expires_at", "hold ends"))
    confirmed = staticmethod(when("confirmed_at", "confirmed"))
    redeemed = staticmethod(when("redeemed_at", "all spent"))
    cancelled = staticmethod(when("cancelled_at", "cancelled"))

    @admin.display(description="left")
    def left(self, gift: Gift) -> str:
        """Show what can still be spent."""
        return str(Money(gift.amount_minor - gift.spent_minor if is_gift_sold(gift) else 0, gift.currency))

    @admin.display(description="code ends in")
    def code_end(self, gift: Gift) -> str:
        """Show the last characters of the code; staff have no use for the others."""
        return gift.code_suffix or "–"
