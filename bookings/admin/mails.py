from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from bookings.admin.read_only import ReadOnlyAdmin
from bookings.errors import MailNotSendable
from bookings.models import MailStatus, OutgoingMail
from bookings.services import send_mail_again


@admin.register(OutgoingMail)
class OutgoingMailAdmin(ReadOnlyAdmin):
    """Show the mails that wait, went out or failed; what a mail says is made as it goes out and is not here."""

    list_display = ["created_at", "kind", "to", "status", "attempts", "sent_at", "next_attempt_at", "last_error"]
    list_filter = ["status", "kind", "language"]
    search_fields = ["=id", "to", "subject_key", "order__reference", "booking__reference", "gift__reference"]
    ordering = ["-created_at"]
    readonly_fields = ["order", "booking", "gift"]

    def get_urls(self) -> list[URLPattern]:
        """Add the button's address."""
        view = self.admin_site.admin_view(self.again_view)
        return [path("<uuid:mail_id>/again/", view, name="bookings_outgoingmail_again"), *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the mail, with its button where there is something to send again."""
        mail = self.get_object(request, object_id)
        can = request.user.has_perm("bookings.change_outgoingmail")
        offers = can and mail is not None and mail.status != MailStatus.WAITING
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "can_send_again": offers})

    def again_view(self, request: HttpRequest, mail_id: str) -> HttpResponse:
        """Have the mail go out once more."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm("bookings.change_outgoingmail"):
            raise PermissionDenied("You may not do that.")
        mail: OutgoingMail | None = self.get_object(request, str(mail_id))
        if mail is None:
            raise Http404
        try:
            send_mail_again(mail=mail, now=timezone.now())
        except MailNotSendable as refusal:
            messages.warning(request, str(refusal))
        else:
            messages.success(request, "The mail goes out again within seconds.")
            self.log_change(request, mail, "Sent again.")
        return HttpResponseRedirect(reverse("admin:bookings_outgoingmail_change", args=[mail.pk]))
