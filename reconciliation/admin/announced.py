from django.contrib import admin

from bookings.admin.read_only import ReadOnlyAdmin
from gateways.models import AnnouncedReport


@admin.register(AnnouncedReport)
class AnnouncedReportAdmin(ReadOnlyAdmin):
    """Show the reports that gateways had ready, and which of them were fetched."""

    list_display = ["name", "account", "announced_at", "fetched_at", "tries", "problem"]
    list_select_related = ["account"]
    list_filter = ["account", "is_wanted"]
    search_fields = ["name", "sha256"]
    ordering = ["-announced_at", "-pk"]
    exclude = ["claim_number"]
