from django.contrib import admin

from bookings.admin.read_only import ReadOnlyAdmin
from reconciliation.models import ExportRun


@admin.register(ExportRun)
class ExportRunAdmin(ReadOnlyAdmin):
    """Show what was exported, and its seal."""

    list_display = ["report", "format", "is_live", "state", "rows_written", "as_of", "asked_by", "asked_at"]
    list_filter = ["state", "report", "format", "is_live"]
    search_fields = ["sha256", "asked_by"]
    ordering = ["-asked_at"]
    exclude = ["stored_path"]
