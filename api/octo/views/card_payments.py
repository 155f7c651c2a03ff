"""Card payments by their id alone, and the cards that guests had kept."""

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from api.octo.capabilities import CARD_PAYMENTS
from api.octo.card_payment_cache import cached_answer
from api.octo.errors import BAD_REQUEST, Refusal
from api.octo.presenters.card_payments import card_fields, card_payment_fields
from api.octo.schema import operation
from api.octo.views.base import OctoView
from api.openapi import shape
from payments.models import Payment
from payments.nudges import nudge
from payments.services import cards, collecting
from payments.tasks import delete_revoked_card, delete_revoked_cards


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
            partner=self.partner, is_live=self.is_live, reference=card_payment_id.replace("\x00", "")
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


class ReusableCardView(OctoView):
    """DELETE /card_payments/cards/{cardId}: our addition, for a guest who takes the consent back."""

    needs = CARD_PAYMENTS

    @operation(
        "revokeCard",
        "Revoke a reusable card",
        answer=shape("ReusableCard"),
        path={"card_id": "id of one of reusableCards."},
        needs=CARD_PAYMENTS,
    )
    def delete(self, request: Request, card_id: str) -> Response:
        """Make a card unusable at once, and have it deleted at the gateway; again, it changes nothing."""
        card = cards.card_for_partner(partner=self.partner, is_live=self.is_live, card_id=card_id)
        revocation = cards.revoke_card(card=card, requested_by="partner", now=self.now())
        nudge(delete_revoked_card, drain=delete_revoked_cards, revocation_id=str(revocation.pk))
        return Response(card_fields(card))
