from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from bookings.admin.mode import mode
from bookings.admin.read_only import KeptAdmin, ReadOnlyInline
from bookings.admin.shown_once import ShownOnce, ShownOnceAdmin
from bookings.errors import KeyAlreadyRevoked
from bookings.models import Dialect, Partner, PartnerKey, SettlementMethod
from bookings.return_urls import origin_of
from bookings.services import mint_partner_key, revoke_partner_key

if TYPE_CHECKING:
    _PartnerForm = forms.ModelForm[Partner]
    _KeyForm = forms.ModelForm[PartnerKey]
else:
    _PartnerForm = _KeyForm = forms.ModelForm


class PartnerForm(_PartnerForm):
    """Offer the settlement methods there are."""

    settlement_methods = forms.MultipleChoiceField(
        choices=SettlementMethod.choices, widget=forms.CheckboxSelectMultiple
    )
    default_settlement_method = forms.ChoiceField(choices=SettlementMethod.choices)

    class Meta:
        model = Partner
        fields = ["name", "slug", "settlement_methods", "default_settlement_method", "return_origins", "is_active"]

    def clean_return_origins(self) -> list[str]:
        """Refuse what is no origin: a path, or a spelling that a browser would not use, would match no address."""
        origins: list[str] = self.cleaned_data["return_origins"]
        for origin in origins:
            if origin_of(origin) != origin:
                raise forms.ValidationError(f"{origin} is no origin; write it as https://shop.example.com.")
        return origins

    def clean(self) -> dict[str, Any]:
        """Refuse a default that the partner may not choose."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        allowed = cleaned.get("settlement_methods")
        if allowed is not None and cleaned.get("default_settlement_method") not in allowed:
            self.add_error("default_settlement_method", "The default must be one of the allowed methods.")
        return cleaned


class PartnerKeyInline(ReadOnlyInline):
    """Show a partner's keys by their first characters."""

    model = PartnerKey
    fields = ["prefix", "label", "dialects", "is_live", "created_at", "revoked_at"]


@admin.register(Partner)
class PartnerAdmin(KeptAdmin):
    """Show who calls us."""

    form = PartnerForm
    list_display = ["name", "slug", "settlement_methods", "default_settlement_method", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name", "slug", "keys__prefix"]
    ordering = ["name"]
    inlines = [PartnerKeyInline]

    def get_readonly_fields(self, request: HttpRequest, obj: Partner | None = None) -> list[str]:
        """Freeze by what reports name a partner."""
        return ["slug"] if obj else []

    def get_prepopulated_fields(self, request: HttpRequest, obj: Partner | None = None) -> dict[str, Any]:
        """Make the slug of the name while there is none."""
        return {} if obj else {"slug": ["name"]}


class MintForm(_KeyForm):
    """Ask what a new key may do; the key itself is made, not typed."""

    dialects = forms.MultipleChoiceField(choices=Dialect.choices, widget=forms.CheckboxSelectMultiple)

    class Meta:
        model = PartnerKey
        fields = ["partner", "label", "dialects", "is_live"]


@admin.register(PartnerKey)
class PartnerKeyAdmin(ShownOnceAdmin):
    """Mint keys of partners, and revoke them."""

    shown_once = ShownOnce(
        name="key",
        verb="Revoke",
        done="revoked",
        mint=lambda wished, now: mint_partner_key(
            partner=wished.partner, dialects=wished.dialects, is_live=wished.is_live, label=wished.label, now=now
        ),
        end=lambda key, now: revoke_partner_key(key=key, now=now),
        ended_before=KeyAlreadyRevoked,
        minted_template="bookings/admin/minted_key.html",
        end_template="bookings/admin/revoke_keys.html",
    )
    form = MintForm
    shown_fields = ["prefix", "partner", "label", "dialects", "is_live", "created_at", "revoked_at"]
    list_display = ["prefix", "partner", "label", "dialects", "mode", "created_at", "revoked_at"]
    list_select_related = ["partner"]
    list_filter = ["is_live", ("revoked_at", admin.EmptyFieldListFilter), "partner"]
    search_fields = ["prefix", "label", "partner__name", "partner__slug"]
    actions = ["revoke_keys"]
    mode = staticmethod(mode)

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke_keys(self, request: HttpRequest, queryset: QuerySet[PartnerKey]) -> HttpResponse | None:
        """Close the doors that keys opened."""
        return self.end_chosen(request, queryset, "revoke_keys")
