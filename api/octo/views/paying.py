"""What the routes share that sell and take money: the wish to pay, the answer with its card payment, and repeats."""

from collections.abc import Callable
from contextlib import suppress
from math import ceil
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError
from django.db.models import QuerySet
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_500_INTERNAL_SERVER_ERROR

from api.fields import Fields
from api.gift_guesses import refuse_guesser
from api.idempotency import Finished, do_once
from api.octo.capabilities import CARD_PAYMENTS, CART, GIFTS, PRICING
from api.octo.errors import PAYMENT_PENDING, payment_refused
from api.octo.gift_requests import read_gift_code
from api.octo.list_requests import A_PAGE, MOST_A_PAGE, ListRequest
from api.octo.payment_requests import read_payment
from api.octo.presenters.card_payments import card_payment_fields
from api.octo.presenters.gifts import gift_payment_fields
from api.octo.presenters.money import money_fields
from api.octo.views.base import OctoView
from bookings.errors import OrderNotFound
from bookings.models import Order
from bookings.selectors import order_to_change
from payments.errors import PaymentRefused
from payments.selectors import OrderMoney
from payments.services import collecting, tenders
from payments.services.collecting import NO_REQUEST, PaymentRequest
from payments.services.in_hand import PaymentInHand
from payments.services.viewing import CardPaymentView

_Sold = TypeVar("_Sold")


class PayingView(OctoView, Generic[_Sold]):
    """Show what was sold with its card payment, and do a write once per `Idempotency-Key`.

    Subclasses say what they sell: `fields_of`, `order_of`, `find` and `name_of`.
    """

    # What the call that was made knows already, so that showing its result need not ask again.
    card_payment: CardPaymentView | None = None
    money: OrderMoney | None = None
    current_payment: PaymentInHand | None = None

    def handle_exception(self, exc: Exception) -> Response:
        """Answer an error; to who takes card payments with what became of the money."""
        response = super().handle_exception(exc)
        if self.takes_cards and self.is_write:
            self.about = self.about or self._order_to_join()
            is_ours = response.status_code >= HTTP_500_INTERNAL_SERVER_ERROR
            told = self.money_after_refusal(
                is_undecided=response.data["error"] == PAYMENT_PENDING or (is_ours and self.about is None),
                retry_after_seconds=response.data.get("retryAfter"),
            )
            if told is not None:
                response.data["money"] = money_fields(told)
        return response

    def _order_to_join(self) -> UUID | None:
        """Return the order that a refused write wanted to add to: its money is what the partner asks about."""
        # A body that cannot be read raises again whenever it is looked at.
        with suppress(APIException, OrderNotFound, DatabaseError):
            sent = self.request.data.get("orderId") if isinstance(self.request.data, dict) else None
            if self.knows_orders and isinstance(sent, str):
                return order_to_change(partner=self.partner, is_live=self.is_live, order_id=sent).pk
        return None

    @property
    def takes_cards(self) -> bool:
        """Say whether this request may see and send card payments."""
        return CARD_PAYMENTS in self.capabilities

    @property
    def sees_prices(self) -> bool:
        """Say whether this request may see prices and send the one it expects."""
        return PRICING in self.capabilities

    @property
    def takes_gifts(self) -> bool:
        """Say whether this request may see and send gift payments."""
        return GIFTS in self.capabilities

    @property
    def knows_orders(self) -> bool:
        """Say whether this request may name orders."""
        return CART in self.capabilities

    def fields_of(self, sold: _Sold) -> dict[str, object]:
        """Return OCTO's object without its card payment."""
        raise NotImplementedError

    def order_of(self, sold: _Sold) -> Order:
        """Return the order that is paid for it."""
        raise NotImplementedError

    def find(self, name: str) -> _Sold:
        """Return what a finished write was about, to be shown."""
        raise NotImplementedError

    def name_of(self, sold: _Sold) -> str:
        """Return the name under which `find` finds it again."""
        raise NotImplementedError

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

    def show(self, request: Request, sold: _Sold) -> Response:
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

    def listed(self, sold: QuerySet[Any, _Sold], asked: ListRequest[Any]) -> list[dict[str, object]]:
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

    def once(self, request: Request, act: Callable[[Fields], _Sold]) -> Response:
        """Do a write and show its result; under a known `Idempotency-Key` show it without doing it again."""
        key = self.idempotency_key
        if key is None:
            return self.show(request, act(Fields(request.data)))
        sold = do_once(
            self.identity(key, request.data),
            act=lambda _claim: act(Fields(request.data)),
            again=self._again,
            name_of=self.name_of,
            status_code=200,
            wait_seconds=settings.API["TWIN_WAIT_SECONDS"],
            clock=self.now,
            end_of=_end_of_charge,
        )
        return self.show(request, sold)

    def _again(self, finished: Finished) -> _Sold:
        self.note_replay()
        if finished.error_code:
            refusal = payment_refused(finished.error_code)
            refusal.details["cardPaymentId"] = finished.subject or None
            raise refusal
        return self.find(finished.subject)


def _end_of_charge(error: BaseException) -> Finished | None:
    """Return how a request ended whose card was refused: the same key must not charge the card a second time."""
    if isinstance(error, PaymentRefused) and error.was_charged:
        return Finished(status_code=400, subject=error.payment_reference or "", error_code=error.error_code.value)
    return None


def query_of_list(**filters: str) -> dict[str, Any]:
    """Return the query parameters of a list, with paging."""
    return {
        **filters,
        "page": "From 1; without it everything is listed.",
        "perPage": f"At most {MOST_A_PAGE}, {A_PAGE} when not sent.",
    }
