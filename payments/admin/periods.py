from django.contrib import admin

from bookings.admin.read_only import ReadOnlyAdmin
from payments.admin.columns import when
from payments.models import ClosedPeriod


@admin.register(ClosedPeriod)
class ClosedPeriodAdmin(ReadOnlyAdmin):
    """Show every closing of a month, and which of them were opened again."""

    list_display = ["month", "closed", "closed_by", "posting_count", "watermark", "reopened", "reopened_by"]
    list_filter = ["closed_by"]
    ordering = ["-month", "-id"]
    fields = [
        *("month", "time_zone", "starts_at", "ends_at", "closed", "closed_by", "posting_count", "watermark", "totals"),
        *("reopened", "reopened_by", "reopened_because"),
    ]
    closed = staticmethod(when("closed_at", "closed"))
    reopened = staticmethod(when("reopened_at", "reopened"))
