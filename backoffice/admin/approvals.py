from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextInputWidget

from backoffice.models import ApprovalRequest, RefundLimit
from bookings.admin.read_only import ReadOnlyAdmin
from money import Money, MoneyError
from payments.admin.columns import link, money, when


@admin.register(ApprovalRequest)
class ApprovalRequestAdmin(ReadOnlyAdmin):
    """Show the refunds that wait for a second person, and what became of those that did."""

    list_display = ["requested", "what", "total", "order_link", "requested_by", "reason", "expires", "stands"]
    list_display_links = ["requested", "what"]
    list_select_related = ["order", "payment", "requested_by", "decided_by"]
    list_filter = ["decision", "what", "currency"]
    search_fields = ["=order__reference", "=payment__reference", "=requested_by__username"]
    ordering = ["-requested_at"]
    fields = [
        "what",
        "order_link",
        "payment_link",
        "amount",
        "total",
        "reason",
        "requested_by",
        "requested",
        "expires",
        "stands",
        "decided_by",
        "decided",
        "decision_reason",
    ]
    amount = staticmethod(money("amount_minor", "asked for"))
    total = staticmethod(money("total_minor", "goes back, surcharge included"))
    order_link = staticmethod(link("order", "order"))
    payment_link = staticmethod(link("payment", "payment"))
    requested = staticmethod(when("requested_at", "asked"))
    expires = staticmethod(when("expires_at", "until"))
    decided = staticmethod(when("decided_at", "decided"))

    @admin.display(description="stands")
    def stands(self, row: ApprovalRequest) -> str:
        """Say whether it still waits."""
        if row.decision:
            return row.decision.lower()
        return "waits" if row.expires_at > timezone.now() else "over"


class LimitForm(forms.ModelForm):
    """Ask for a limit in major units."""

    amount = forms.CharField(
        required=False,
        max_length=20,
        help_text="Such as 250.00; empty: without a limit.",
        widget=UnfoldAdminTextInputWidget,
    )

    class Meta:
        model = RefundLimit
        fields = ["group", "currency"]

    def __init__(self, *arguments: Any, **fields: Any) -> None:
        super().__init__(*arguments, **fields)
        minor = self.instance.amount_minor
        self.fields["amount"].initial = "" if minor is None else Money(minor, self.instance.currency).format()

    def clean_currency(self) -> str:
        """Return the currency as everybody writes it."""
        return str(self.cleaned_data["currency"]).strip().upper()

    def clean(self) -> dict[str, Any]:
        """Read the amount in the currency."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        text, currency = cleaned.get("amount", "").strip(), cleaned.get("currency", "")
        try:
            minor = Money.parse(text or "0", currency).minor
        except MoneyError as error:
            raise forms.ValidationError(str(error)) from None
        if text and minor <= 0:
            raise forms.ValidationError("A role that may give nothing back has no limit: delete it.")
        self.instance.amount_minor = minor if text else None
        return cleaned


@admin.register(RefundLimit)
class RefundLimitAdmin(ModelAdmin):
    """Set how much of an order each role may give back within a day, and approve of others."""

    form = LimitForm
    list_display = ["group", "currency", "amount"]
    list_select_related = ["group"]
    list_filter = ["group", "currency"]
    ordering = ["group__name", "currency"]
    fields = ["group", "currency", "amount"]

    def get_readonly_fields(self, request: HttpRequest, obj: RefundLimit | None = None) -> list[str]:
        """Show amounts as text to who may not change them."""
        return [] if self.has_change_permission(request, obj) else ["group", "currency", "amount"]

    @admin.display(description="amount")
    def amount(self, row: RefundLimit) -> str:
        """Show the limit in major units."""
        return "without a limit" if row.amount_minor is None else str(Money(row.amount_minor, row.currency))
