from typing import TYPE_CHECKING

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from api.finance.keys import mint_finance_key, revoke_finance_key
from api.finance.models import FinanceKey, FinanceScope
from bookings.admin.mode import mode
from bookings.admin.shown_once import ShownOnce, ShownOnceAdmin
from bookings.errors import KeyAlreadyRevoked

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
class FinanceKeyAdmin(ShownOnceAdmin):
    """Mint keys of finance's systems, and revoke them."""

    shown_once = ShownOnce(
        name="key",
        verb="Revoke",
        done="revoked",
        mint=lambda wished, now: mint_finance_key(
            label=wished.label, scopes=wished.scopes, is_live=wished.is_live, now=now
        ),
        end=lambda key, now: revoke_finance_key(key=key, now=now),
        ended_before=KeyAlreadyRevoked,
        minted_template="admin/api/financekey/minted.html",
        end_template="admin/api/financekey/revoke.html",
    )
    form = MintForm
    shown_fields = ["prefix", "label", "scopes", "is_live", "created_at", "revoked_at"]
    list_display = ["prefix", "label", "scopes", "mode", "created_at", "revoked_at"]
    list_filter = ["is_live", ("revoked_at", admin.EmptyFieldListFilter)]
    search_fields = ["prefix", "label"]
    actions = ["revoke_keys"]
    mode = staticmethod(mode)

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke_keys(self, request: HttpRequest, queryset: QuerySet[FinanceKey]) -> HttpResponse | None:
        """Close the doors that keys opened."""
        return self.end_chosen(request, queryset, "revoke_keys")
