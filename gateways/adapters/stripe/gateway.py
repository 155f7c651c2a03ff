"""Stripe by the official library, PaymentIntents. Source of all facts: docs.stripe.com and the library's own texts."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, ClassVar

from gateways.adapters.stripe import checkout, looking, news, webhooks, wire
from gateways.adapters.stripe.calls import API_VERSION, CardRefused, Problem, Refused, Stripe, call
from gateways.adapters.stripe.partner_talk import PARTNER_TALK
from gateways.adapters.stripe.refusals import DECLINE_CLASSES, decline_of
from gateways.adapters.stripe.reports import Reports
from gateways.adapters.stripe.settlement import PAYOUT_RECONCILIATION
from gateways.errors import AnswerLost, DeclineClass, ErrorCode, MisconfiguredAccount, Rejected, Unsupported
from gateways.exponents import Exponents
from gateways.http import LONGEST_CALL_SECONDS, HttpClient, call_seconds
from gateways.partner_talk import CheckoutPage, PartnerTalk
from gateways.protocol import (
    Capability,
    CaptureRequest,
    ChargeRequest,
    ColumnMap,
    CompleteRequest,
    Decline,
    Delivery,
    Greeting,
    Opened,
    OpenRequest,
    Outcome,
    OutcomeKind,
    Reference,
    RefundRequest,
    ReportRequest,
    RevokeCardRequest,
    Source,
    Verified,
    VoidRequest,
)
from money import Money

_REQUIRED = ("secret_key", "publishable_key", "webhook_secrets")
_ENVIRONMENTS = frozenset({"test", "live"})
_EXPANDED = {"expand": ["latest_charge"]}
# The intent is not in the state that the operation needs: somebody was faster. Source: Stripe docs, "Error codes".
_NOT_IN_THAT_STATE = frozenset(
    {"payment_intent_unexpected_state", "charge_already_captured", "charge_expired_for_capture"}
)
_HOLD_IS_OVER = frozenset({"capture_charge_authorization_expired", "charge_expired_for_capture"})
# A refund that cannot be, whoever asks. Source: Stripe docs, "Error codes".
_NOT_REFUNDABLE = frozenset(
    {
        "balance_insufficient",
        "charge_already_refunded",
        "charge_disputed",
        "insufficient_funds",
        "refund_disputed_payment",
    }
)


class StripeGateway:
    """Be one Stripe account.

    Every operation is decided in its answer but a refund that waits. What a lost answer did is found by the same key
    for a day, and by looking up afterwards.
    """

    slug: ClassVar[str] = wire.SLUG
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {
            Capability.OPEN,
            Capability.CHARGE_STORED_CARD,
            Capability.COMPLETE,
            Capability.AUTHORIZE,
            Capability.CAPTURE,
            Capability.PARTIAL_CAPTURE,
            Capability.VOID,
            Capability.REFUND,
            Capability.PARTIAL_REFUND,
            Capability.FETCH,
            Capability.CLOSE,
            Capability.WEBHOOKS,
            Capability.STORE_CARD,
        }
    )
    partner_talk: ClassVar[PartnerTalk] = PARTNER_TALK
    exponents: ClassVar[Exponents] = wire.EXPONENTS
    has_wire: ClassVar[bool] = True
    webhooks_are_hints: ClassVar[bool] = False
    # "Keys are eligible to be removed after they're at least 24 hours old"; an hour less, for clocks and queues.
    idempotency_window_seconds: ClassVar[int | None] = 23 * 60 * 60
    # An intent has no end of its own: `fetch` gives it one.
    longest_opening_seconds: ClassVar[int | None] = None
    # support.stripe.com/questions/customer-refund-processing-time: 5 to 10.
    slowest_refund_days: ClassVar[int | None] = 10
    secret_fields: ClassVar[frozenset[str]] = wire.SECRET_FIELDS
    decline_classes: ClassVar[Mapping[str, DeclineClass]] = DECLINE_CLASSES
    settlement_columns: ClassVar[ColumnMap | None] = PAYOUT_RECONCILIATION

    def __init__(self, credentials: Mapping[str, str]) -> None:
        if missing := self.missing_credentials(credentials):
            raise MisconfiguredAccount(f"stripe: missing or unreadable: {', '.join(missing)}")
        self._publishable_key = credentials["publishable_key"]
        self._browser_base_url = credentials.get("browser_base_url", "")
        seconds = call_seconds(credentials) or LONGEST_CALL_SECONDS
        secret_key, base_url = credentials["secret_key"], credentials.get("api_base_url", "")
        client = HttpClient(
            gateway=self.slug, secret_fields=self.secret_fields, read_seconds=seconds, total_seconds=seconds
        )
        self._stripe = Stripe(secret_key=secret_key, base_url=base_url, http_client=client)
        self._reports = Reports(stripe=self._stripe, http=client, secret_key=secret_key, base_url=base_url)
        self._door = webhooks.Door(
            is_live=(credentials.get("environment") or "test") == "live", secrets=_webhook_secrets(credentials)
        )

    @classmethod
    def missing_credentials(cls, credentials: Mapping[str, str]) -> tuple[str, ...]:
        """Return the names of the credentials that are needed and absent, empty or unreadable.

        A key says which environment it opens, so one of the other environment is unreadable here.
        """
        missing = [name for name in _REQUIRED if not credentials.get(name)]
        environment = credentials.get("environment") or "test"
        if environment not in _ENVIRONMENTS:
            missing.append("environment")
        else:
            fitting = {"secret_key": ("sk", "rk"), "publishable_key": ("pk",)}
            missing += [
                name
                for name, kinds in fitting.items()
                if name not in missing
                and not credentials[name].startswith(tuple(f"{kind}_{environment}_" for kind in kinds))
            ]
        secrets = _webhook_secrets(credentials)
        are_readable = bool(secrets) and all(secret.startswith("whsec_") for secret in secrets)
        if "webhook_secrets" not in missing and not are_readable:
            missing.append("webhook_secrets")
        if call_seconds(credentials) is None:
            missing.append("timeout_seconds")
        return tuple(missing)

    def client_settings(self, *, money: Money, country_code: str) -> Mapping[str, Any]:
        """Return what a page needs before there is an intent: the version of the API its secret will be of."""
        wire.minor_of(money)
        return {"version": API_VERSION, "paymentIntent": None, "setupIntent": None}

    def checkout_page(self) -> CheckoutPage | None:
        """Return what our page needs to mount the Payment Element."""
        return checkout.checkout_page(base_url=self._browser_base_url)

    def open(self, request: OpenRequest) -> Opened:
        """Create a PaymentIntent for the guest's browser to confirm, and a customer where the card is to be kept.

        :raises Unsupported: for a page of Stripe's own, and for cards that are not entered by the guest online.
        Source: POST /v1/customers, POST /v1/payment_intents.
        """
        if request.is_hosted:
            raise Unsupported("Stripe: Checkout pages are not made here; the guest pays in the partner's page")
        if request.source is not Source.ECOM:
            raise Unsupported("Stripe: an intent is paid online; cards by phone or terminal are not taken here")
        body = wire.opening_request(request, None)
        if request.stores_card and request.shopper_reference:
            body = wire.opening_request(request, self._new_customer(request))
        answer = call("open", self._stripe.intents.create, parameters=body, idempotency_key=request.idempotency_key)
        intent_id, secret = wire.id_of(answer), answer.get("client_secret")
        if intent_id is None or not wire.INTENT.fullmatch(intent_id) or not isinstance(secret, str) or not secret:
            raise AnswerLost("stripe open: the answer holds no payment intent")
        if wire.money_of(answer.get("amount"), answer.get("currency")) != request.money:
            raise AnswerLost("stripe open: the answer is about another amount")
        if wire.ours_in(answer) != request.reference:
            raise AnswerLost("stripe open: the answer is about another payment")
        settings = self.client_settings(money=request.money, country_code=request.country_code)
        shown = {
            "id": intent_id,
            "publishableKey": self._publishable_key,
            "clientSecret": secret,
            "amount": answer["amount"],
            "currency": answer["currency"],
        }
        return Opened(
            gateway_reference=intent_id,
            expires_at=request.expires_at,
            client={**settings, "paymentIntent": shown},
            raw=wire.kept(answer),
        )

    def charge(self, request: ChargeRequest) -> Outcome:
        """Charge a stored card while the guest is not there.

        A bank that asks for the guest all the same says no to this charge, and the card is kept: 402 with
        `authentication_required`.

        :raises Unsupported: for anything but a stored card.
        Source: POST /v1/payment_intents with `off_session` and `confirm`.
        """
        if request.card_token is None:
            raise Unsupported("Stripe: only stored cards are charged from the server; the guest pays an intent")
        token = wire.TOKEN.fullmatch(request.card_token)
        if token is None:
            raise Rejected("stripe charge: this is no token of ours")
        try:
            intent = call(
                "charge",
                self._stripe.intents.create,
                parameters=wire.stored_card_request(request, token[1], token[2]),
                idempotency_key=request.idempotency_key,
            )
        except CardRefused as refusal:
            return _refused(request, refusal.problem)
        except Refused as refusal:
            if refusal.problem.code == "resource_missing" and refusal.problem.param in ("payment_method", "customer"):
                return _refused(request, refusal.problem, is_card_gone=True)
            raise
        if wire.ours_in(intent) != request.reference:
            raise AnswerLost("stripe charge: the answer is about another payment")
        said = news.news_of_intent(intent, at=request.requested_at)
        return _readable(said[-1], "charge") if said else _waits_for_the_guest(intent, request)

    def complete(self, request: CompleteRequest) -> tuple[Outcome, ...]:
        """Read how an intent stands; what a browser brings back proves nothing and is not needed.

        :raises Rejected: the intent is of another opening.
        Source: GET /v1/payment_intents/{id}.
        """
        if not wire.INTENT.fullmatch(request.opening_reference):
            raise Rejected("stripe complete: this is no payment intent")
        intent = call("complete", self._stripe.intents.retrieve, request.opening_reference, parameters=_EXPANDED)
        _check_is(intent, request.opening_reference, "complete")
        if wire.ours_in(intent) != request.reference:
            raise Rejected("stripe complete: the payment intent is of another opening")
        return news.news_of_intent(intent, at=request.requested_at)

    def capture(self, request: CaptureRequest) -> Outcome:
        """Take held money once; what is not taken is released.

        Source: POST /v1/payment_intents/{id}/capture. Its `metadata` is how the webhook knows our reference.
        """
        payment = _payment(request.payment_reference)
        try:
            intent = call(
                "capture",
                self._stripe.intents.capture,
                payment,
                parameters={
                    "amount_to_capture": wire.minor_of(request.money),
                    "metadata": {wire.CAPTURE: request.reference},
                    **_EXPANDED,
                },
                idempotency_key=request.idempotency_key,
            )
        except Refused as refusal:
            return self._capture_refused(request, refusal)
        _check_is(intent, payment, "capture")
        return _captured_of(intent, request)

    def void(self, request: VoidRequest) -> Outcome:
        """Cancel an intent and release what it holds; or give back what turns out to be captured.

        Source: POST /v1/payment_intents/{id}/cancel.
        """
        payment = _payment(request.payment_reference)
        try:
            intent: Mapping[str, Any] = call(
                "void",
                self._stripe.intents.cancel,
                payment,
                parameters=_EXPANDED,
                idempotency_key=request.idempotency_key,
            )
        except Refused as refusal:
            if refusal.problem.code not in _NOT_IN_THAT_STATE:
                raise
            intent = self._as_it_stands(payment, refusal.problem, "void")
            if intent.get("status") == "succeeded" and request.may_be_captured:
                return self._refund(request, None, key=f"{request.idempotency_key}:refund")
            if intent.get("status") != "canceled":
                return _not_done(OutcomeKind.VOID_FAILED, request, refusal.problem)
        _check_is(intent, payment, "void")
        if intent.get("status") != "canceled":
            raise AnswerLost("stripe void: the answer does not say that the intent was canceled")
        return news.voided(intent, at=request.requested_at, ours=request.reference)

    def refund(self, request: RefundRequest) -> Outcome:
        """Give captured money back; one that is done may still fail, days later, which a webhook tells.

        Source: POST /v1/refunds.
        """
        return self._refund(request, request.money, key=request.idempotency_key)

    def fetch(self, reference: Reference) -> tuple[Outcome, ...]:
        """Read what Stripe believes; cancel an intent whose time is over, because it has no end of its own.

        Source: GET /v1/payment_intents/{id}, /v1/charges, /v1/refunds, /v1/disputes, /v1/payment_intents/search.
        """
        return looking.look(self._stripe, reference, now=datetime.now(UTC))

    def close(self, reference: Reference) -> None:
        """Cancel an intent that nobody has paid; a hold is an intent, too, and is left alone.

        Source: POST /v1/payment_intents/{id}/cancel.
        """
        looking.close(self._stripe, reference)

    def revoke_card(self, request: RevokeCardRequest) -> None:
        """Detach a stored card from its customer, after which nobody can charge it; one that is gone is fine.

        Source: POST /v1/payment_methods/{id}/detach.
        """
        token = wire.TOKEN.fullmatch(request.card_token)
        if token is None:
            raise Rejected("stripe revoke_card: this is no token of ours")
        try:
            answer = call("revoke_card", self._stripe.cards.detach, token[2])
        except Refused as refusal:
            if refusal.problem.status == 404 or refusal.problem.code == "resource_missing":
                return
            answer = call("revoke_card", self._stripe.cards.retrieve, token[2])
        if wire.id_of(answer) != token[2] or answer.get("customer") is not None:
            raise AnswerLost("stripe revoke_card: the answer does not say that the card is gone")

    def greet_webhook(self) -> Greeting:
        """Refuse: Stripe asks for no greeting.

        :raises Unsupported: always.
        """
        raise Unsupported("Stripe asks for nothing before it sends")

    def verify_webhook(self, delivery: Delivery) -> Verified:
        """Prove a delivery by its signature, its age and its environment.

        :raises InvalidSignature: any of them is missing or wrong.
        """
        return self._door.verify(delivery)

    def read_webhook(self, delivery: Delivery) -> tuple[Outcome, ...]:
        """Translate a genuine delivery into news."""
        return webhooks.read(delivery)

    def reports_since(self, moment: datetime) -> tuple[str, ...]:
        """Return the payouts whose lines can be read; their webhook may be lost."""
        return self._reports.since(moment)

    def fetch_report(self, request: ReportRequest) -> AbstractContextManager[Iterator[bytes]]:
        """Have the itemized report of a payout made, and read it."""
        return self._reports.fetch(request)

    def _new_customer(self, request: OpenRequest) -> str:
        """Create who a card will belong to; the opening's own key keeps a repetition from making another."""
        answer = call(
            "customer",
            self._stripe.customers.create,
            parameters=wire.customer_request(request.shopper_reference),
            idempotency_key=f"{request.idempotency_key}:customer",
        )
        customer = wire.id_of(answer)
        if customer is None or answer.get("object") != "customer":
            raise AnswerLost("stripe open: the answer holds no customer")
        return customer

    def _refund(self, request: RefundRequest | VoidRequest, money: Money | None, *, key: str) -> Outcome:
        """Ask for a refund of an amount, or of all that is left."""
        payment = _payment(request.payment_reference)
        body: dict[str, Any] = {"payment_intent": payment, "metadata": {wire.OURS: request.reference}}
        if money is not None:
            body["amount"] = wire.minor_of(money)
        try:
            refund = call("refund", self._stripe.refunds.create, parameters=body, idempotency_key=key)
        except Refused as refusal:
            # More than is left has no code of its own. A first sending that worked would have been answered again.
            is_too_much = refusal.problem.status == 400 and refusal.problem.param == "amount"
            if isinstance(refusal, CardRefused) or is_too_much or refusal.problem.code in _NOT_REFUNDABLE:
                return _not_done(OutcomeKind.REFUND_FAILED, request, refusal.problem)
            raise
        if wire.id_of(refund.get("payment_intent")) != payment or wire.ours_in(refund) != request.reference:
            raise AnswerLost("stripe refund: the answer is about another refund")
        at = wire.when(refund.get("created")) or request.requested_at
        said = news.news_of_refund(refund, at=at, ours=request.reference, payment=payment, may_wait=True)
        return _readable(said, "refund")

    def _capture_refused(self, request: CaptureRequest, refusal: Refused) -> Outcome:
        problem = refusal.problem
        if isinstance(refusal, CardRefused) or problem.code in _HOLD_IS_OVER:
            return _not_done(OutcomeKind.CAPTURE_FAILED, request, problem)
        if problem.code not in _NOT_IN_THAT_STATE:
            raise refusal
        intent = self._as_it_stands(request.payment_reference, problem, "capture")
        if intent.get("status") == "succeeded" and wire.ours_in(intent, wire.CAPTURE) == request.reference:
            return _captured_of(intent, request)
        return _not_done(OutcomeKind.CAPTURE_FAILED, request, problem)

    def _as_it_stands(self, payment: str, problem: Problem, operation: str) -> Mapping[str, Any]:
        """Return the intent that an operation came too late for: most errors bring it along."""
        if problem.intent is not None and wire.id_of(problem.intent) == payment:
            return problem.intent
        return call(operation, self._stripe.intents.retrieve, payment, parameters=_EXPANDED)


def _payment(reference: str) -> str:
    if not wire.INTENT.fullmatch(reference):
        raise Rejected("stripe: this is no payment intent")
    return reference


def _check_is(intent: Mapping[str, Any], wanted: str, operation: str) -> None:
    if wire.id_of(intent) != wanted:
        raise AnswerLost(f"stripe {operation}: the answer is about no payment intent of ours")


def _captured_of(intent: Mapping[str, Any], request: CaptureRequest) -> Outcome:
    """Read the answer to a capture.

    :raises AnswerLost: it does not say that the money was taken.
    """
    if intent.get("status") != "succeeded":
        raise AnswerLost("stripe capture: the answer does not say that the money was taken")
    return _readable(news.captured(intent, at=request.requested_at), "capture")


def _readable(said: Outcome, operation: str) -> Outcome:
    """Return what an answer says, unless its amount cannot be held: then nobody knows what was done.

    :raises AnswerLost: nobody knows.
    """
    if said.kind is OutcomeKind.NOTE:
        raise AnswerLost(f"stripe {operation}: the answer does not say how much was moved")
    return said


def _refused(request: ChargeRequest, problem: Problem, *, is_card_gone: bool = False) -> Outcome:
    """Say that a stored card was refused; the intent that was made for it can be paid by nobody."""
    intent, charge = problem.intent or {}, wire.id_of(problem.card.get("charge"))
    intent_id = wire.id_of(intent)
    decline = decline_of(problem.card)
    if is_card_gone:
        decline = Decline(
            code=ErrorCode.UNDEFINED_CARD_ERROR, raw_code=problem.code, raw_text=problem.message, is_card_gone=True
        )
    return Outcome(
        kind=OutcomeKind.DECLINED,
        reference=Reference(ours=request.reference, gateway=intent_id, payment=intent_id),
        event_key=f"declined:{charge or intent_id or request.reference}"[:160],
        occurred_at=request.requested_at,
        money=request.money,
        decline=decline,
        raw={"error": wire.kept(problem.card)},
    )


def _waits_for_the_guest(intent: Mapping[str, Any], request: ChargeRequest) -> Outcome:
    """Say that a bank asks for the guest, who is not there."""
    intent_id = wire.id_of(intent)
    if intent_id is None or intent.get("status") != "requires_action":
        raise AnswerLost("stripe charge: the answer does not say what became of the charge")
    return Outcome(
        kind=OutcomeKind.ACTION_REQUIRED,
        reference=Reference(ours=request.reference, gateway=intent_id, payment=intent_id),
        event_key=f"action_required:{intent_id}",
        occurred_at=request.requested_at,
        money=request.money,
        raw=wire.kept(intent),
    )


def _not_done(kind: OutcomeKind, request: CaptureRequest | VoidRequest | RefundRequest, problem: Problem) -> Outcome:
    """Say that an operation was understood and not done."""
    return Outcome(
        kind=kind,
        reference=Reference(ours=request.reference, payment=request.payment_reference),
        event_key=f"{kind.lower()}:{request.reference}",
        occurred_at=request.requested_at,
        decline=decline_of(problem.card),
        raw={"error": wire.kept(problem.card)},
    )


def _webhook_secrets(credentials: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(secret.strip() for secret in credentials.get("webhook_secrets", "").split(",") if secret.strip())
