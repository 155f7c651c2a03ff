from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from api.context.models import PaymentContext
from api.context.presenters import method_fields
from api.context.requests import read_currency
from api.context.schema import operation
from api.context.shapes import DIGITS
from api.context.views.base import ContextView, PlaceView
from api.fields import Fields
from api.openapi import TEXT
from payments.services.customer_credit import available_credit
from payments.services.routing import accounts_for_encrypted_cards

LONGEST_AGENT_ID = 18


class MethodsView(ContextView):
    """Say how payments in a currency can be made."""

    @operation(
        "listPaymentMethods",
        "List the ways to pay in a currency",
        answer="PaymentMethods",
        query={
            "agentId": (DIGITS, "Shown again as `sellingAgentId`; the key says who sells."),
            "currencyCode": (TEXT, "An ISO 4217 code, in any case."),
            "salesModel": ({**TEXT, "minLength": 1}, "Any text: all of them are paid alike."),
        },
    )
    def get(self, request: Request) -> Response:
        """Return the ways to pay in the currency of the query."""
        fields = Fields(request.query_params.dict())
        agent_id = fields.text("agentId", longest=LONGEST_AGENT_ID, is_required=True) or ""
        currency = read_currency(fields, "currencyCode")
        fields.text("salesModel", longest=100, is_required=True)
        if not (agent_id.isascii() and agent_id.isdigit()):
            raise fields.refuse("agentId", _("must be a whole number"))
        accounts = accounts_for_encrypted_cards(partner_id=self.partner.pk, is_live=self.is_live, currency=currency)
        methods = method_fields(accounts=accounts, credit=None, currency=currency, agent_id=int(agent_id))
        return Response({"methods": methods})


class BookingMethodsView(PlaceView):
    """Say how a booking can be paid."""

    contexts = (PaymentContext.BOOKINGS,)

    @operation(
        "listBookingPaymentMethods", "List the ways to pay a booking", answer="PaymentMethods", path=("context_id",)
    )
    def get(self, _request: Request, **_path: str) -> Response:
        """Return the ways to pay the booking, the credit of its customer among them where there is some."""
        assert self.order is not None
        currency = self.order.currency
        accounts = accounts_for_encrypted_cards(partner_id=self.partner.pk, is_live=self.is_live, currency=currency)
        credit = available_credit(customer=self.customer, currency=currency) if self.customer is not None else None
        methods = method_fields(accounts=accounts, credit=credit, currency=currency, agent_id=None)
        return Response({"methods": methods})
