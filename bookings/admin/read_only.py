from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from bookings.admin.paging import CappedList, CappedPaginator

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _TabularInline = admin.TabularInline[Any, Any]
else:
    _ModelAdmin = ModelAdmin
    _TabularInline = TabularInline


class ReadOnlyAdmin(_ModelAdmin):
    """Show rows that only services write.

    There may be millions of them: no list counts them all.
    """

    paginator = CappedPaginator
    show_full_result_count = False
    list_disable_select_all = True
    list_fullwidth = True
    list_per_page = 50

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


class LabelledInline(_TabularInline):
    """Let staff edit the rows below a row; who cannot see the head of a column hears it at each field."""

    extra = 0

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **fields: Any) -> Any:
        """Name the field as the head of its column does."""
        field = super().formfield_for_dbfield(db_field, request, **fields)
        if field is not None:
            field.widget.attrs["aria-label"] = str(field.label)
        return field


class KeptAdmin(_ModelAdmin):
    """Let staff add and change, never delete: what was sold hangs on it."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: what is no longer used is made inactive."""
        return False
