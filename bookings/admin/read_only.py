from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import CharField, TextField
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from bookings.admin.paging import CappedList, CappedPaginator
from card_numbers import mask_card_numbers

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _TabularInline = admin.TabularInline[Any, Any]
else:
    _ModelAdmin = ModelAdmin
    _TabularInline = TabularInline


class ReadOnlyAdmin(_ModelAdmin):
    """Show rows that only services write; a list never counts its whole table."""

    show_full_result_count = False
    list_per_page = 50
    paginator = CappedPaginator

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CappedList]:
        """Return the list that tells no number it does not know."""
        return CappedList

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: services make these."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: services change these."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: these are kept."""
        return False


class ReadOnlyInline(_TabularInline):
    """Show the rows below a row; only services write them."""

    extra = 0
    can_delete = False
    show_change_link = True

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Show all fields as text, those that are computed among them."""
        return list(self.fields or ())

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: services make these."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: services change these."""
        return False


class KeptAdmin(_ModelAdmin):
    """Let staff add and change, never delete: what was sold hangs on it."""

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """Mask card numbers in the texts that staff typed, before anything is saved or logged."""
        row = super().save_form(request, form, change)
        for field in row._meta.concrete_fields:
            # Not their subclasses: a changed slug or address would be another one.
            if type(field) in (CharField, TextField) and isinstance(form.cleaned_data.get(field.name), str):
                setattr(row, field.name, mask_card_numbers(form.cleaned_data[field.name]))
        return row

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: what is no longer used is made inactive."""
        return False
