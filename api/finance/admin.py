from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from api.finance.keys import mint_finance_key, revoke_finance_key
from api.finance.models import FinanceKey, FinanceScope
from bookings.admin.mode import mode
from bookings.admin.read_only import KeptAdmin
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
class FinanceKeyAdmin(KeptAdmin):
    """Mint the keys of finance's systems, which are shown once, and revoke them."""

    form = MintForm
    list_display = ["prefix", "label", "scopes", "mode", "created_at", "revoked_at"]
    list_filter = ["is_live", ("revoked_at", admin.EmptyFieldListFilter)]
    search_fields = ["prefix", "label"]
    ordering = ["-created_at"]
    actions = ["revoke_keys"]
    mode = staticmethod(mode)

    def get_readonly_fields(self, request: HttpRequest, obj: FinanceKey | None = None) -> list[str]:
        """Freeze a key that exists, for another right needs another key; ask for the facts of a new one."""
        return ["prefix", "label", "scopes", "is_live", "created_at", "revoked_at"] if obj else []

    def save_model(self, request: HttpRequest, obj: FinanceKey, form: Any, change: bool) -> None:
        """Mint a new key; one that exists is only looked at."""
        if change:
            return
        minted, key = mint_finance_key(label=obj.label, scopes=obj.scopes, is_live=obj.is_live, now=timezone.now())
        # The row the admin goes on with, and the text that lives as long as this answer does.
        obj.__dict__.update(minted.__dict__)
        request.minted_key = key  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: FinanceKey, post_url_continue: str | None = None) -> HttpResponse:
        """Show the key in this answer and nowhere else: a redirect would have to carry it in a cookie or a session."""

        @never_cache
        def show(request: HttpRequest) -> HttpResponse:
            context = {
                **self.admin_site.each_context(request),
                "title": "The new key",
                "opts": self.opts,
                "finance_key": obj,
                "key": request.minted_key,  # type: ignore[attr-defined]
            }
            return TemplateResponse(request, "admin/api/financekey/minted.html", context)

        return show(request)

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke_keys(self, request: HttpRequest, queryset: QuerySet[FinanceKey]) -> HttpResponse | None:
        """Revoke keys after asking once more."""
        if "confirmed" not in request.POST:
            context = {
                **self.admin_site.each_context(request),
                "title": "Revoke keys",
                "opts": self.opts,
                "chosen": queryset,
                "action_name": "revoke_keys",
                "verb": "Revoke",
                "action_checkbox_name": ACTION_CHECKBOX_NAME,
            }
            return TemplateResponse(request, "admin/api/financekey/revoke.html", context)
        revoked = 0
        for key in queryset:
            try:
                revoke_finance_key(key=key, now=timezone.now())
            except KeyAlreadyRevoked:
                self.message_user(request, f"{key} was revoked before.", messages.WARNING)
                continue
            self.log_change(request, key, "Revoked.")
            revoked += 1
        self.message_user(request, f"Keys revoked: {revoked}.", messages.SUCCESS)
        return None
