from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils import timezone

from bookings.admin.read_only import ReadOnlyAdmin
from bookings.admin.row_button import RowButton
from bookings.errors import MailNotSendable
from bookings.models import MailStatus, OutgoingMail
from bookings.services import send_mail_again


@admin.register(OutgoingMail)
class OutgoingMailAdmin(RowButton, ReadOnlyAdmin):
    """Show the mails that wait, went out or failed; what a mail says is made as it goes out and is not here."""

    button = "again"
    button_label = "Send again"
    list_display = ["created_at", "kind", "to", "status", "attempts", "sent_at", "next_attempt_at", "last_error"]
    list_filter = ["status", "kind", "language"]
    search_fields = ["=id", "to", "subject_key", "order__reference", "booking__reference", "gift__reference"]
    ordering = ["-created_at"]
    readonly_fields = ["order", "booking", "gift"]

    def hint(self, mail: OutgoingMail) -> str | None:
        """Offer to send what does not wait to go out anyway."""
        return "It goes to the same address." if mail.status != MailStatus.WAITING else None

    def press(self, request: HttpRequest, mail: OutgoingMail) -> str:
        """Have the mail go out once more."""
        try:
            send_mail_again(mail=mail, now=timezone.now())
        except MailNotSendable as refusal:
            messages.warning(request, str(refusal))
            return ""
        messages.success(request, "The mail goes out again within seconds.")
        return "Sent again."
