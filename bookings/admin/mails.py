from django.contrib import admin

from bookings.admin.read_only import ReadOnlyAdmin
from bookings.models import OutgoingMail


@admin.register(OutgoingMail)
class OutgoingMailAdmin(ReadOnlyAdmin):
    """Show the mails that wait, went out or failed; what a mail says is made as it goes out and is not here."""

    list_display = ["created_at", "kind", "to", "status", "attempts", "sent_at", "next_attempt_at", "last_error"]
    list_filter = ["status", "kind", "language"]
    search_fields = ["=id", "to", "subject_key", "order__reference", "booking__reference", "gift__reference"]
    ordering = ["-created_at"]
    readonly_fields = ["order", "booking", "gift"]
