from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextInputWidget

from backoffice.models import AgreedLimit, RefundLimit, WriteOffLimit
from backoffice.services.agreeing import propose_limit
from money import Money, MoneyError
from payments.admin.columns import when

_ASKED = ["group", "currency", "amount"]
_HISTORY = ["stands", "set_by", "set_on", "agreed_by", "agreed_on", "ended_by", "ended_on"]


class LimitForm(forms.ModelForm):
    """Ask for a limit in major units; of refunds, unless another model says otherwise."""

    amount = forms.CharField(
        required=False,
        max_length=20,
        help_text="Such as 250.00; empty: without a limit.",
        widget=UnfoldAdminTextInputWidget,
    )

    class Meta:
        model = RefundLimit
        fields = ["group", "currency"]

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
            raise forms.ValidationError("A role that may do nothing alone has no limit: end the one it has.")
        self.instance.amount_minor = minor if text else None
        return cleaned


class WriteOffLimitForm(LimitForm):
    """Ask for a limit of write-offs."""

    class Meta:
        model = WriteOffLimit
        fields = ["group", "currency"]


class AgreedLimitAdmin(ModelAdmin):
    """Set limits, to which a second person agrees.

    What a limit says is never changed: another one takes its place.
    """

    list_display = ["group", "currency", "amount", *_HISTORY]
    list_select_related = ["group"]
    list_filter = ["group", "currency", ("ended_at", admin.EmptyFieldListFilter)]
    ordering = ["group__name", "currency", "-set_at", "-id"]
    set_on = staticmethod(when("set_at", "set"))
    agreed_on = staticmethod(when("agreed_at", "agreed"))
    ended_on = staticmethod(when("ended_at", "ended"))

    def get_fields(self, request: HttpRequest, obj: AgreedLimit | None = None) -> list[str]:
        """Ask for a new one, and show all of one that is there."""
        return _ASKED if obj is None else [*_ASKED, *_HISTORY]

    def get_readonly_fields(self, request: HttpRequest, obj: AgreedLimit | None = None) -> list[str]:
        """Show one that is there as text."""
        return [] if obj is None else [*_ASKED, *_HISTORY]

    def save_model(self, request: HttpRequest, obj: AgreedLimit, form: Any, change: bool) -> None:
        """Write a new one down, which counts once somebody else agreed."""
        assert isinstance(request.user, User)
        propose_limit(obj, person=request.user, now=timezone.now())
        messages.info(request, "It counts once a second person has agreed to it. Until then what counted counts.")

    def has_change_permission(self, request: HttpRequest, obj: AgreedLimit | None = None) -> bool:
        """Refuse: another one takes its place."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AgreedLimit | None = None) -> bool:
        """Refuse: one is ended, and stays to be read."""
        return False

    @admin.display(description="amount")
    def amount(self, row: AgreedLimit) -> str:
        """Show the limit in major units."""
        return "without a limit" if row.amount_minor is None else str(Money(row.amount_minor, row.currency))

    @admin.display(description="stands")
    def stands(self, row: AgreedLimit) -> str:
        """Say whether it counts."""
        if row.ended_at is not None:
            return "ended"
        return "counts" if row.agreed_at is not None else "waits for a second person"


@admin.register(RefundLimit)
class RefundLimitAdmin(AgreedLimitAdmin):
    """Set how much of an order each role may give back within a day, and approve of others."""

    form = LimitForm


@admin.register(WriteOffLimit)
class WriteOffLimitAdmin(AgreedLimitAdmin):
    """Set up to how much of a discrepancy each role may approve that is written off."""

    form = WriteOffLimitForm
