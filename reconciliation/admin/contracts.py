from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin

from money import Money, MoneyError, exponent_of
from reconciliation.models import AccountCode, FeeContract

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _ContractForm = forms.ModelForm[FeeContract]
else:
    _ModelAdmin = ModelAdmin
    _ContractForm = forms.ModelForm


class _RecordedAdmin(_ModelAdmin):
    """Let staff add rows and never change them: another one is added instead."""

    show_full_result_count = False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save it with who recorded it, and when."""
        obj.recorded_by, obj.recorded_at = request.user.get_username(), timezone.now()
        super().save_model(request, obj, form, change)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: reports of former days stand on it."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: reports of former days stand on it."""
        return False


class FeeContractForm(_ContractForm):
    """Take a contract whose currency is one."""

    def clean_currency(self) -> str:
        """Return the code in capitals."""
        currency = str(self.cleaned_data["currency"]).upper()
        try:
            exponent_of(currency)
        except MoneyError as error:
            raise forms.ValidationError(str(error)) from None
        return currency

    def clean_card_brand(self) -> str:
        """Return the brand as operations have it."""
        return str(self.cleaned_data["card_brand"]).strip().lower()


@admin.register(FeeContract)
class FeeContractAdmin(_RecordedAdmin):
    """Say what gateways may charge, which the report of fees compares with what they did."""

    form = FeeContractForm
    list_display = ["account", "kind", "brand", "percent", "fixed", "currency", "valid_from", "valid_through"]
    list_select_related = ["account"]
    list_filter = ["account", "kind", "currency"]
    search_fields = ["account__slug", "card_brand"]
    ordering = ["account__slug", "kind", "card_brand", "-valid_from", "-id"]
    readonly_fields = ["recorded_by", "recorded_at"]

    @admin.display(description="card", ordering="card_brand")
    def brand(self, contract: FeeContract) -> str:
        """Name the brand it is for."""
        return contract.card_brand or "any"

    @admin.display(description="fixed", ordering="fixed_minor")
    def fixed(self, contract: FeeContract) -> str:
        """Show what each line costs, in major units."""
        return str(Money(contract.fixed_minor, contract.currency))


@admin.register(AccountCode)
class AccountCodeAdmin(_RecordedAdmin):
    """Say how the operator's general ledger numbers our accounts, for the journal."""

    list_display = ["ledger_account", "gateway_account", "code", "name", "recorded_at", "recorded_by"]
    list_select_related = ["gateway_account"]
    list_filter = ["ledger_account", "gateway_account"]
    search_fields = ["code", "name"]
    ordering = ["ledger_account", "-id"]
    readonly_fields = ["recorded_by", "recorded_at"]
