"""Do a write once per `Idempotency-Key`, and show what came of it."""

from collections.abc import Callable
from typing import Generic, TypeVar

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from api.fields import Fields
from api.gift_guesses import refuse_guesser
from api.idempotency import Claim, Finished, RequestIdentity, claim_request, finish_request, release_key
from api.octo.capabilities import CARD_PAYMENTS, GIFTS, PRICING
from api.octo.errors import payment_refused
from api.octo.gift_requests import read_gift_code
from api.octo.payment_requests import read_payment
from api.octo.presenters.card_payments import card_payment_fields
from api.octo.presenters.gifts import gift_payment_fields
from api.octo.views.base import OctoView
from bookings.models import Order
from payments.errors import PaymentRefused
from payments.selectors import OrderMoney
from payments.services import collecting, tenders
from payments.services.collecting import NO_REQUEST, CardPaymentView, PaymentRequest

Subject = TypeVar("Subject")


class OnceView(OctoView, Generic[Subject]):
    """Be the base of views that write: what is written, and how it is found again and shown, subclasses say."""

    # What the call that was made knows already, so that showing what came of it need not ask again.
    card_payment: CardPaymentView | None = None
    money: OrderMoney | None = None

    @property
    def takes_cards(self) -> bool:
        """Say whether this request may see and send card payments."""
        return CARD_PAYMENTS in self.capabilities

    @property
    def takes_gifts(self) -> bool:
        """Say whether this request may see and send gift payments."""
        return GIFTS in self.capabilities

    @property
    def sees_prices(self) -> bool:
        """Say whether this request may see prices and send the one it expects."""
        return PRICING in self.capabilities

    def find(self, name: str) -> Subject:
        """Return what was written earlier under this name."""
        raise NotImplementedError

    def name_of(self, subject: Subject) -> str:
        """Return by which name what was written is found again."""
        raise NotImplementedError

    def show(self, request: Request, subject: Subject) -> Response:
        """Return the answer that shows it."""
        raise NotImplementedError

    def payment_request(self, request: Request, fields: Fields) -> PaymentRequest | None:
        """Return what the request says of its card payment, None without octo/cardPayments."""
        if not self.takes_cards:
            return None
        channel = request.META.get("HTTP_ADYEN_CHANNEL")
        return read_payment(fields, channel_header=channel, locale=self.language)

    def gift_code(self, request: Request, fields: Fields) -> str | None:
        """Return the code of the gift that is to pay, "" to give gifts their money back; None without octo/gifts.

        :raises Throttled: this key has sent too many codes that open nothing.
        """
        code = read_gift_code(fields) if self.takes_gifts else None
        if code:
            refuse_guesser(request.auth)
        return code

    def payment_fields(self, request: Request, order: Order) -> dict[str, object]:
        """Return what a single answer shows of its order's payment, by the request's capabilities."""
        shown: dict[str, object] = {}
        if self.takes_gifts:
            shown["giftPayment"] = gift_payment_fields(tenders.gift_payments([order.pk]).get(order.pk))
        if self.takes_cards:
            wish = self.payment_request(request, Fields({})) or NO_REQUEST
            view = self.card_payment or collecting.describe_payment(
                order=order, clock=self.now, payment_request=wish, money=self.money
            )
            shown["cardPayment"] = card_payment_fields(view, order_id=order.pk) if view is not None else None
            shown["returnUrl"] = order.return_url or None
        return shown

    def once(self, request: Request, act: Callable[[Fields], Subject]) -> Response:
        """Do a write and show it; under a known `Idempotency-Key` show it without doing it again."""
        key = request.META.get("HTTP_IDEMPOTENCY_KEY")
        if key is None:
            return self.show(request, act(Fields(request.data)))
        claim = claim_request(
            RequestIdentity(
                partner_id=self.partner.pk,
                is_live=bool(self.is_live),
                key=key,
                method=request.method or "",
                path=request.path.rstrip("/"),
                body=request.data,
            ),
            wait_seconds=settings.API["TWIN_WAIT_SECONDS"],
            clock=self.now,
        )
        if isinstance(claim, Finished):
            return self._again(request, claim)
        return self.show(request, self._act_under(claim, act, Fields(request.data)))

    def _act_under(self, claim: Claim, act: Callable[[Fields], Subject], fields: Fields) -> Subject:
        try:
            subject = act(fields)
        except PaymentRefused as refusal:
            # A refusal is how this charge ended: the same key must not charge the card a second time.
            finish_request(
                claim,
                status_code=400,
                subject=refusal.payment_reference or "",
                error_code=refusal.error_code.value,
                now=self.now(),
            )
            raise
        except BaseException:
            release_key(claim)
            raise
        finish_request(claim, status_code=200, subject=self.name_of(subject), now=self.now())
        return subject

    def _again(self, request: Request, finished: Finished) -> Response:
        self.headers_to_add["Idempotent-Replayed"] = "true"
        if finished.error_code:
            refusal = payment_refused(finished.error_code)
            refusal.details["cardPaymentId"] = finished.subject or None
            raise refusal
        return self.show(request, self.find(finished.subject))
