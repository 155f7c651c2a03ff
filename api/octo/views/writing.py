"""What the routes share that write: a write once per `Idempotency-Key`, and what became of the money when refused."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_500_INTERNAL_SERVER_ERROR

from api.fields import Fields
from api.idempotency import Finished, do_once
from api.octo.capabilities import CARD_PAYMENTS, CART
from api.octo.errors import PAYMENT_PENDING, payment_refused
from api.octo.presenters.money import money_fields
from api.octo.views.base import OctoView
from bookings.errors import OrderNotFound
from bookings.selectors import order_to_change
from payments.errors import PaymentRefused

Written = TypeVar("Written")


class WritingView(OctoView, ABC, Generic[Written]):
    """Do a write once per `Idempotency-Key`, and show what was written."""

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
    def knows_orders(self) -> bool:
        """Say whether this request may name orders."""
        return CART in self.capabilities

    @abstractmethod
    def find(self, name: str) -> Written:
        """Return what a finished write was about, to be shown."""

    @abstractmethod
    def name_of(self, written: Written) -> str:
        """Return the name under which `find` finds it again."""

    @abstractmethod
    def show(self, request: Request, written: Written) -> Response:
        """Return the answer that shows what was written."""

    def once(self, request: Request, act: Callable[[Fields], Written]) -> Response:
        """Do a write and show its result; under a known `Idempotency-Key` show it without doing it again."""
        key = self.idempotency_key
        if key is None:
            return self.show(request, act(Fields(request.data)))
        written = do_once(
            self.identity(key, request.data),
            act=lambda _claim: act(Fields(request.data)),
            again=self._again,
            name_of=self.name_of,
            status_code=200,
            wait_seconds=settings.API["TWIN_WAIT_SECONDS"],
            clock=self.now,
            end_of=_end_of_charge,
        )
        return self.show(request, written)

    def _again(self, finished: Finished) -> Written:
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
