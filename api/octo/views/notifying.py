"""Mail somebody once more what was sold: once per `Idempotency-Key`."""

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from api.octo.views.writing import WritingView
from bookings.models import OutgoingMail


class NotifyView(WritingView[OutgoingMail]):
    """Be the base of the views that write a mail and say that it is on its way."""

    def find(self, name: str) -> OutgoingMail:
        """Return the mail that was written earlier, as far as its answer needs it."""
        return OutgoingMail(pk=name)

    def name_of(self, written: OutgoingMail) -> str:
        """Return the mail's id."""
        return str(written.pk)

    def show(self, request: Request, written: OutgoingMail) -> Response:
        """Say that the mail is on its way."""
        return Response({"status": "accepted", "requestId": str(written.pk), "message": _("The mail is on its way.")})
