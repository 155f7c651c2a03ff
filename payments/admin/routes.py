from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from unfold.admin import ModelAdmin

from bookings.admin.mode import mode
from bookings.admin.read_only import LabelledInline
from money import MoneyError, exponent_of
from payments.admin.columns import money_text
from payments.models import AccountRoute, SurchargeRule

if TYPE_CHECKING:
    _RouteAdmin = admin.ModelAdmin[AccountRoute]
    _RuleAdmin = admin.ModelAdmin[SurchargeRule]
    _RuleForm = forms.ModelForm[SurchargeRule]
else:
    _RouteAdmin = _RuleAdmin = ModelAdmin
    _RuleForm = forms.ModelForm


class SurchargeRuleForm(_RuleForm):
    """Take a rule whose currency is one."""

    def clean_currency(self) -> str:
        """Return the code in capitals."""
        currency = str(self.cleaned_data["currency"]).upper()
        if currency:
            try:
                exponent_of(currency)
            except MoneyError as error:
                raise forms.ValidationError(str(error)) from None
        return currency


class SurchargeRuleInline(LabelledInline):
    """Say what paying through the route costs the guest on top; of several the one that says more counts."""

    model = SurchargeRule
    form = SurchargeRuleForm
    fields = ["source", "currency", "percent_basis_points", "fixed_minor", "is_active"]


@admin.register(AccountRoute)
class AccountRouteAdmin(_RouteAdmin):
    """Say which account takes which partner's money; the lowest rank comes first."""

    list_display = ["partner", "account", "mode", "currencies", "sources", "rank"]
    list_select_related = ["partner", "account"]
    list_filter = ["is_live", "account", "partner"]
    search_fields = ["partner__name", "partner__slug", "account__slug"]
    ordering = ["partner__name", "-is_live", "rank"]
    show_full_result_count = False
    inlines = [SurchargeRuleInline]
    mode = staticmethod(mode)


@admin.register(SurchargeRule)
class SurchargeRuleAdmin(_RuleAdmin):
    """Show every surcharge in one list; a change takes effect with the next payment that is asked for."""

    form = SurchargeRuleForm
    list_display = ["route_words", "source", "currency", "percent", "fixed", "is_active"]
    list_select_related = ["route__partner", "route__account"]
    list_filter = ["is_active", "source", "route__account", "route__partner"]
    search_fields = ["route__partner__name", "route__account__slug"]
    ordering = ["route__partner__name", "route__rank", "id"]
    autocomplete_fields = ["route"]
    show_full_result_count = False

    @admin.display(description="route", ordering="route__partner__name")
    def route_words(self, rule: SurchargeRule) -> str:
        """Say which partner's money goes to which account."""
        return f"{rule.route.partner} → {rule.route.account} ({'live' if rule.route.is_live else 'test'})"

    @admin.display(description="percent", ordering="percent_basis_points")
    def percent(self, rule: SurchargeRule) -> str:
        """Show the part of the price, as people say it."""
        return f"{rule.percent_basis_points // 100}.{rule.percent_basis_points % 100:02d} %"

    @admin.display(description="fixed", ordering="fixed_minor")
    def fixed(self, rule: SurchargeRule) -> Any:
        """Show what is added to it, in major units."""
        return money_text(rule.fixed_minor, rule.currency) if rule.fixed_minor else "–"
