from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from bookings.admin.mode import mode
from bookings.admin.read_only import KeptAdmin, ReadOnlyInline
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
class PartnerKeyAdmin(KeptAdmin):
    """Mint keys, which are shown once, and revoke them."""

    form = MintForm
    list_display = ["prefix", "partner", "label", "dialects", "mode", "created_at", "revoked_at"]
    list_select_related = ["partner"]
    list_filter = ["is_live", ("revoked_at", admin.EmptyFieldListFilter), "partner"]
    search_fields = ["prefix", "label", "partner__name", "partner__slug"]
    ordering = ["-created_at"]
    actions = ["revoke_keys"]
    mode = staticmethod(mode)

    def get_readonly_fields(self, request: HttpRequest, obj: PartnerKey | None = None) -> list[str]:
        """Freeze a key that exists, for another right needs another key; ask for the facts of a new one."""
        return ["prefix", "partner", "label", "dialects", "is_live", "created_at", "revoked_at"] if obj else []

    def save_model(self, request: HttpRequest, obj: PartnerKey, form: Any, change: bool) -> None:
        """Mint a new key; one that exists is only looked at."""
        if change:
            return
        minted, key = mint_partner_key(
            partner=obj.partner, dialects=obj.dialects, is_live=obj.is_live, label=obj.label, now=timezone.now()
        )
        # The row the admin goes on with, and the text that lives as long as this answer does.
        obj.__dict__.update(minted.__dict__)
        request.minted_key = key  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: PartnerKey, post_url_continue: str | None = None) -> HttpResponse:
        """Show the key in this answer and nowhere else: a redirect would have to carry it in a cookie or a session."""

        @never_cache
        def show(request: HttpRequest) -> HttpResponse:
            context = {
                **self.admin_site.each_context(request),
                "title": "The new key",
                "opts": self.opts,
                "partner_key": obj,
                "key": request.minted_key,  # type: ignore[attr-defined]
            }
            return TemplateResponse(request, "bookings/admin/minted_key.html", context)

        return show(request)

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke_keys(self, request: HttpRequest, queryset: QuerySet[PartnerKey]) -> HttpResponse | None:
        """Revoke keys after asking once more."""
        if "confirmed" not in request.POST:
            context = {
                **self.admin_site.each_context(request),
                "title": "Revoke keys",
                "opts": self.opts,
                "chosen": queryset.select_related("partner"),
                "action_name": "revoke_keys",
                "verb": "Revoke",
                "action_checkbox_name": ACTION_CHECKBOX_NAME,
            }
            return TemplateResponse(request, "bookings/admin/revoke_keys.html", context)
        revoked = 0
        for key in queryset:
            try:
                revoke_partner_key(key=key, now=timezone.now())
            except KeyAlreadyRevoked:
                self.message_user(request, f"{key} was revoked before.", messages.WARNING)
                continue
            self.log_change(request, key, "Revoked.")
            revoked += 1
        self.message_user(request, f"Keys revoked: {revoked}.", messages.SUCCESS)
        return None
