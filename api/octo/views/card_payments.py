"""GET /card_payments/{cardPaymentId}, for those who know a payment by its id alone."""

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from api.octo.capabilities import CARD_PAYMENTS
from api.octo.card_payment_cache import cached_answer
from api.octo.errors import BAD_REQUEST, Refusal
from api.octo.presenters.card_payments import card_payment_fields
from api.octo.schema import operation
from api.octo.shapes import shape
from api.octo.views.base import OctoView
from payments.models import Payment
from payments.services import collecting


class CardPaymentView(OctoView):
    """GET /card_payments/{cardPaymentId}."""

    needs = CARD_PAYMENTS

    @operation(
        "getCardPayment",
        "Show a card payment",
        answer=shape("CardPayment"),
        path={"card_payment_id": "cardPaymentId of a booking."},
        needs=CARD_PAYMENTS,
    )
    def get(self, request: Request, card_payment_id: str) -> Response:
        """Show the card payment of a booking that has a return URL; another partner's looks like a miss."""
        payment = collecting.payment_by_reference(
            partner=self.partner, is_live=bool(self.is_live), reference=card_payment_id.replace("\x00", "")
        )
        answer = None
        if payment is not None and payment.order.return_url:
            answer = cached_answer(payment, lambda: self._fields(payment), now=self.now())
        if answer is None:
            raise Refusal(BAD_REQUEST, _("There is no such card payment."), cardPaymentId=card_payment_id)
        return Response(answer)

    def _fields(self, payment: Payment) -> dict[str, object] | None:
        view = collecting.describe_payment(order=payment.order, clock=self.now)
        return card_payment_fields(view, order_id=payment.order_id) if view is not None else None
