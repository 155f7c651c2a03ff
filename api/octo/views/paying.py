"""What the routes share that sell and take money: the wish to pay, and the answer with its card payment."""

from abc import abstractmethod
from math import ceil
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from api.fields import Fields
from api.gift_guesses import refuse_guesser
from api.octo.capabilities import GIFTS, PRICING
from api.octo.gift_requests import read_gift_code
from api.octo.list_requests import A_PAGE, MOST_A_PAGE, ListRequest
from api.octo.payment_requests import read_payment
from api.octo.presenters.card_payments import card_payment_fields
from api.octo.presenters.gifts import gift_payment_fields
from api.octo.views.writing import WritingView, Written
from bookings.models import Order
from payments.selectors import OrderMoney
from payments.services import collecting, tenders
from payments.services.collecting import NO_REQUEST, PaymentRequest
from payments.services.in_hand import PaymentInHand
from payments.services.viewing import CardPaymentView


class PayingView(WritingView[Written]):
    """Sell something, and show it with its card payment."""

    # What the call that was made knows already, so that showing its result need not ask again.
    card_payment: CardPaymentView | None = None
    money: OrderMoney | None = None
    current_payment: PaymentInHand | None = None

    @property
    def sees_prices(self) -> bool:
        """Say whether this request may see prices and send the one it expects."""
        return PRICING in self.capabilities

    @property
    def takes_gifts(self) -> bool:
        """Say whether this request may see and send gift payments."""
        return GIFTS in self.capabilities

    @abstractmethod
    def fields_of(self, sold: Written) -> dict[str, object]:
        """Return OCTO's object without its card payment."""

    @abstractmethod
    def order_of(self, sold: Written) -> Order:
        """Return the order that is paid for it."""

    def payment_request(
        self, request: Request, fields: Fields, *, may_bring_card: bool = False
    ) -> PaymentRequest | None:
        """Return what the request says of its card payment, None without octo/cardPayments."""
        if not self.takes_cards:
            return None
        return read_payment(fields, headers=request.headers, locale=self.language, may_bring_card=may_bring_card)

    def gift_code(self, request: Request, fields: Fields) -> str | None:
        """Return the code of the gift that is to pay, "" to give gifts their money back; None without octo/gifts.

        :raises Throttled: this key has sent too many codes that open nothing.
        """
        code = read_gift_code(fields) if self.takes_gifts else None
        if code:
            refuse_guesser(request.auth)
        return code

    def show(self, request: Request, sold: Written) -> Response:
        """Return one object, with its card payment where the request can see it."""
        order = self.order_of(sold)
        self.about = order.pk
        shown = self.fields_of(sold)
        if self.takes_gifts:
            shown["giftPayment"] = gift_payment_fields(tenders.gift_payments([order.pk]).get(order.pk))
        if self.takes_cards:
            wish = self.payment_request(request, Fields({})) or NO_REQUEST
            view = self.card_payment or collecting.describe_payment(
                order=order, clock=self.now, payment_request=wish, money=self.money, current=self.current_payment
            )
            shown |= self.payment_fields(order, view)
        return Response(shown)

    def listed(self, sold: QuerySet[Any, Written], asked: ListRequest[Any]) -> list[dict[str, object]]:
        """Return what a list shows, or a page of it: everything but the card payment, which would be a query each."""
        if asked.page is not None:
            self.headers_to_add["Octo-Total-Pages"] = str(ceil(sold.count() / asked.per_page))
            sold = sold[(asked.page - 1) * asked.per_page : asked.page * asked.per_page]
        found = list(sold)
        shown = [self.fields_of(each) for each in found]
        if self.takes_gifts:
            order_ids = [self.order_of(each).pk for each in found]
            paid = tenders.gift_payments(order_ids)
            for each, order_id in zip(shown, order_ids, strict=True):
                each["giftPayment"] = gift_payment_fields(paid.get(order_id))
        return shown

    @staticmethod
    def payment_fields(order: Order, view: CardPaymentView | None) -> dict[str, object]:
        """Return what octo/cardPayments adds to a single answer."""
        return {
            "cardPayment": card_payment_fields(view, order_id=order.pk) if view is not None else None,
            "returnUrl": order.return_url or None,
        }


def query_of_list(**filters: str) -> dict[str, Any]:
    """Return the query parameters of a list, with paging."""
    return {
        **filters,
        "page": "From 1; without it everything is listed.",
        "perPage": f"At most {MOST_A_PAGE}, {A_PAGE} when not sent.",
    }
