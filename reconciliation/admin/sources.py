from datetime import date
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin

from reconciliation.aging import day_of
from reconciliation.errors import UnreadableFile
from reconciliation.importing.columns import own_map
from reconciliation.models import SettlementSource

if TYPE_CHECKING:
    _SourceAdmin = admin.ModelAdmin[SettlementSource]
    _SourceForm = forms.ModelForm[SettlementSource]
else:
    _SourceAdmin = ModelAdmin
    _SourceForm = forms.ModelForm


class SettlementSourceForm(_SourceForm):
    """Take a source whose column map can be understood."""

    def clean_column_map(self) -> Any:
        """Return the map as it was written."""
        written = self.cleaned_data["column_map"]
        if written is not None:
            try:
                own_map(written)
            except UnreadableFile as problem:
                raise forms.ValidationError(str(problem)) from None
        return written

    def clean_locked_through(self) -> date | None:
        """Return a day that is over, and not before the one that was locked: what counts somewhere stays there."""
        day: date | None = self.cleaned_data["locked_through"]
        before: date | None = self.initial.get("locked_through")
        if before is not None and (day is None or day < before):
            raise forms.ValidationError(f"What is locked stays locked, which is through {before}.")
        if day is not None and day >= day_of(timezone.now()):
            raise forms.ValidationError("Only what is over can be locked.")
        return day


@admin.register(SettlementSource)
class SettlementSourceAdmin(_SourceAdmin):
    """Say how the files of an account or a bank are read, and how far they may differ from our books."""

    form = SettlementSourceForm
    list_display = ["slug", "kind", "account", "time_zone", "tolerance_minor", "sla_days", "locked_through"]
    list_select_related = ["account"]
    list_filter = ["kind"]
    search_fields = ["slug", "account__slug"]
    ordering = ["slug"]

    def get_readonly_fields(self, request: HttpRequest, obj: SettlementSource | None = None) -> list[str]:
        """Freeze what files were imported under; there is nothing to lock before any."""
        return ["slug", "kind", "account"] if obj else ["locked_through"]

    def has_delete_permission(self, request: HttpRequest, obj: SettlementSource | None = None) -> bool:
        """Refuse: its files hang on it."""
        return False
