from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils import timezone

from bookings.admin.read_only import ReadOnlyInline
from bookings.models import Gift, OutgoingMail
from bookings.rules import is_gift_sold
from bookings.services import notify_gift
from money import Money
from payments.admin.buttons import faults_as_messages
from payments.admin.columns import RecordAdmin, link, mode, money, page_of, unbroken, when, when_text
from payments.models import LedgerEntry


class GiftEntryInline(ReadOnlyInline):
    """Show what became of a gift's value: sold, spent, given back."""

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


class GiftMailInline(ReadOnlyInline):
    """Show the mails that brought a gift's code; what they said is not kept."""

    model = OutgoingMail
    verbose_name_plural = "mails"
    ordering = ["created_at"]
    fields = ["created_at", "to", "status", "sent_at", "last_error"]


@admin.register(Gift)
class GiftAdmin(RecordAdmin):
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
    inlines = [GiftEntryInline, GiftMailInline]
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

    def get_urls(self) -> list[URLPattern]:
        """Add the button's address."""
        view = self.admin_site.admin_view(self.again_view)
        return [path("<uuid:gift_id>/again/", view, name="bookings_gift_again"), *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the gift, with its button where there is a code to be mailed and somebody to mail it to."""
        gift: Gift | None = self.get_object(request, object_id)
        address = (gift.recipient_email or gift.contact_email) if gift is not None else ""
        is_sold = gift is not None and is_gift_sold(gift)
        may = request.user.has_perm("bookings.change_gift")
        context = {**(extra_context or {}), "can_send_again": bool(may and is_sold and address), "address": address}
        return super().change_view(request, object_id, form_url, context)

    def again_view(self, request: HttpRequest, gift_id: str) -> HttpResponse:
        """Mail the code once more."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm("bookings.change_gift"):
            raise PermissionDenied("You may not do that.")
        gift: Gift | None = self.get_object(request, str(gift_id))
        if gift is None:
            raise Http404
        told = "Sent again."
        with faults_as_messages(request) as said:
            mail = notify_gift(gift=gift, to=None, language=None, now=timezone.now())
            messages.success(request, f"The code goes to {mail.to} within seconds.")
        self.log_change(request, gift, " ".join(said) or told)
        return HttpResponseRedirect(page_of(gift))
