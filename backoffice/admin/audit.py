from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import RangeDateTimeFilter

from backoffice.audit import actions_in_use, actors_in_use, kinds_in_use, reason_for
from backoffice.models import AuditEntry
from bookings.admin.read_only import ReadOnlyAdmin
from payments.admin.columns import when


class _ValueFilter(admin.SimpleListFilter):
    """Filter by one value of a column, offering those that occur."""

    values: Callable[[], list[str]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer the values that occur."""
        return [(value, value or "none") for value in type(self).values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the entries of the chosen value."""
        chosen = self.value()
        return queryset if chosen is None else queryset.filter(**{str(self.parameter_name): chosen})


class ActorFilter(_ValueFilter):
    """Filter by person."""

    title = "person"
    parameter_name = "actor"
    values = staticmethod(actors_in_use)


class ActionFilter(_ValueFilter):
    """Filter by what was done."""

    title = "action"
    parameter_name = "action"
    values = staticmethod(actions_in_use)


class KindFilter(_ValueFilter):
    """Filter by the kind of thing it is about."""

    title = "kind"
    parameter_name = "subject_kind"
    values = staticmethod(kinds_in_use)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Show who did what and who looked at what; nobody changes it, not even in the database."""

    list_display = ["at_second", "actor", "action", "subject", "said", "why", "address"]
    list_display_links = ["at_second"]
    list_filter = [ActorFilter, ActionFilter, KindFilter, ("at", RangeDateTimeFilter)]
    list_select_related = ["given_reason"]
    list_filter_submit = True
    search_fields = ["=subject_id", "=request_id", "=address"]
    search_help_text = "The id of what it is about, a request id, or an address"
    ordering = ["-at", "-id"]
    fields = ["at_second", "actor", "action", "subject_kind", "subject", "said", "why", "address", "request_id"]
    at_second = staticmethod(when("at", "when"))

    @admin.display(description="what")
    def subject(self, entry: AuditEntry) -> str:
        """Link to what it is about, where that has a page."""
        words = entry.subject_words or entry.subject_id
        try:
            app, model = entry.subject_kind.split(".")
            page = reverse(f"admin:{app}_{model}_change", args=[entry.subject_id])
        except (ValueError, NoReverseMatch):
            return words or "–"
        return format_html('<a href="{}">{}</a>', page, words)

    @admin.display(description="detail")
    def said(self, entry: AuditEntry) -> str:
        """Show the detail; what the admin wrote by itself is put into words."""
        return LogEntry(change_message=entry.detail).get_change_message()

    @admin.display(description="why")
    def why(self, entry: AuditEntry) -> str:
        """Show the reason that the person gave."""
        return reason_for(entry) or "–"
