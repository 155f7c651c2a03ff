from datetime import datetime
from typing import TYPE_CHECKING

from django import forms
from django.contrib import admin

from api.finance.keys import mint_finance_key, revoke_finance_key
from api.finance.models import FinanceKey, FinanceScope
from bookings.admin.keys import KeyAdmin

if TYPE_CHECKING:
    _KeyForm = forms.ModelForm[FinanceKey]
else:
    _KeyForm = forms.ModelForm


class MintForm(_KeyForm):
    """Ask what a new key may do; the key itself is made, not typed."""

    scopes = forms.MultipleChoiceField(choices=FinanceScope.choices, widget=forms.CheckboxSelectMultiple)

    class Meta:
        model = FinanceKey
        fields = ["label", "scopes", "is_live"]


@admin.register(FinanceKey)
class FinanceKeyAdmin(KeyAdmin):
    """Mint keys of finance's systems, and revoke them."""

    form = MintForm
    minted_template = "admin/api/financekey/minted.html"
    revoke_template = "admin/api/financekey/revoke.html"
    shown_fields = ["prefix", "label", "scopes", "is_live", "created_at", "revoked_at"]
    list_display = ["prefix", "label", "scopes", "mode", "created_at", "revoked_at"]
    list_filter = ["is_live", ("revoked_at", admin.EmptyFieldListFilter)]
    search_fields = ["prefix", "label"]

    def mint(self, wished: FinanceKey, now: datetime) -> tuple[FinanceKey, str]:
        """Make the key."""
        return mint_finance_key(label=wished.label, scopes=wished.scopes, is_live=wished.is_live, now=now)

    def revoke(self, key: FinanceKey, now: datetime) -> None:
        """Revoke it."""
        revoke_finance_key(key=key, now=now)
