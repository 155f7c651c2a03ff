"""CardGate (PayCore.io, Corefy and their brands): payment invoices, paid on their hosted page or by a kept token.

Source of all facts: the vendor's "Payment invoices", "Callbacks" and "Card payments with tokenisation". It documents no
idempotency key: our `reference_id`, which no account may use twice, is what makes a repeat find the first.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from typing import Any, ClassVar

from gateways.adapters.cardgate import webhooks, wire
from gateways.adapters.cardgate.calls import Api, Deadline, NotFound, Refused, basic_authorization
from gateways.adapters.cardgate.news import news_of, pending_charge, refund_of
from gateways.adapters.cardgate.partner_talk import PARTNER_TALK
from gateways.adapters.cardgate.refusals import DECLINE_CLASSES, token_refused
from gateways.adapters.cardgate.settlement import SETTLEMENT
from gateways.adapters.cardgate.wire import Invoice
from gateways.errors import (
    AnswerLost,
    Busy,
    DeclineClass,
    GatewayError,
    MisconfiguredAccount,
    NotSent,
    Rejected,
    Unsupported,
)
from gateways.exponents import Exponents
from gateways.http import LONGEST_CALL_SECONDS, HttpClient, call_seconds
from gateways.partner_talk import CheckoutPage, PartnerTalk
from gateways.protocol import (
    Capability,
    CaptureRequest,
    ChargeRequest,
    ColumnMap,
    CompleteRequest,
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
    Verified,
    VoidRequest,
)
from money import Money

_REQUIRED = ("account_id", "api_key", "private_keys", "api_base_url", "cardgate_base_url")
_SERVICE = "payment_card_{currency}_hpp"
# A sale whose answer there is no time for would only be lost.
_LEAST_SECONDS_FOR_A_SALE = 2.0
_FINAL = frozenset({OutcomeKind.CAPTURED, OutcomeKind.DECLINED, OutcomeKind.EXPIRED})


class CardgateGateway:
    """Be one commerce account. Money is taken at once: the vendor documents neither capture nor release.

    A charge by token is two calls. The first makes an invoice and moves nothing; the second begins its sale. Whatever
    is lost, the invoice is looked at before anything is sent again, and a sale is repeated only where the invoice shows
    that none has begun.
    """

    slug: ClassVar[str] = wire.SLUG
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {
            Capability.OPEN,
            Capability.CHARGE_STORED_CARD,
            Capability.COMPLETE,
            Capability.REFUND,
            Capability.PARTIAL_REFUND,
            Capability.FETCH,
            Capability.WEBHOOKS,
            Capability.STORE_CARD,
        }
    )
    partner_talk: ClassVar[PartnerTalk] = PARTNER_TALK
    exponents: ClassVar[Exponents] = wire.EXPONENTS
    has_wire: ClassVar[bool] = True
    webhooks_are_hints: ClassVar[bool] = False
    # A reference is never free again; a week is longer than anybody of ours repeats a call.
    idempotency_window_seconds: ClassVar[int | None] = 7 * 24 * 60 * 60
    longest_opening_seconds: ClassVar[int | None] = 24 * 60 * 60
    slowest_refund_days: ClassVar[int | None] = None
    secret_fields: ClassVar[frozenset[str]] = wire.SECRET_FIELDS
    decline_classes: ClassVar[Mapping[str, DeclineClass]] = DECLINE_CLASSES
    settlement_columns: ClassVar[ColumnMap | None] = SETTLEMENT

    def __init__(self, credentials: Mapping[str, str]) -> None:
        if missing := self.missing_credentials(credentials):
            raise MisconfiguredAccount(f"cardgate: missing or unreadable: {', '.join(missing)}")
        is_test = _is_test(credentials)
        seconds = call_seconds(credentials) or LONGEST_CALL_SECONDS
        self._account = wire.Account(
            is_test=is_test,
            service=credentials.get("service") or _SERVICE,
            callback_url=credentials.get("callback_url", ""),
        )
        http_client = HttpClient(
            gateway=self.slug, secret_fields=self.secret_fields, read_seconds=seconds, total_seconds=seconds
        )
        self._api = Api(
            base_url=credentials["api_base_url"],
            cardgate_base_url=credentials["cardgate_base_url"],
            authorization=basic_authorization(credentials["account_id"], credentials["api_key"]),
            http_client=http_client,
            seconds=http_client.connect_seconds + seconds,
        )
        self._door = webhooks.Door(is_test=is_test, private_keys=_private_keys(credentials))

    @classmethod
    def missing_credentials(cls, credentials: Mapping[str, str]) -> tuple[str, ...]:
        """Return the names of the credentials that are needed and absent, empty or unreadable."""
        missing = [name for name in _REQUIRED if not credentials.get(name)]
        if (credentials.get("environment") or "test") not in ("test", "live"):
            missing.append("environment")
        other = "sk_live_" if _is_test(credentials) else "sk_test_"
        keys = _private_keys(credentials)
        if "private_keys" not in missing and (not keys or any(key.startswith(other) for key in keys)):
            missing.append("private_keys")
        if call_seconds(credentials) is None:
            missing.append("timeout_seconds")
        return tuple(missing)

    def client_settings(self, *, money: Money, country_code: str) -> Mapping[str, Any]:
        """Return that nothing is open yet: there is nothing to know before there is an invoice."""
        return dict.fromkeys(PARTNER_TALK.gives)

    def checkout_page(self) -> CheckoutPage | None:
        """Say that the guest is sent to the page of the invoice; what is brought back from there is asked about."""
        return CheckoutPage()

    def open(self, request: OpenRequest) -> Opened:
        """Make an invoice; a repeat finds the one it made before.

        :raises Unsupported: money is to be held and taken later.
        Source: POST /payment-invoices.
        """
        if not request.captures_at_once:
            raise Unsupported("CardGate takes money at once and holds none; the account must capture at once")
        attributes = wire.opening_attributes(request, self._account)
        invoice = self._create("open", attributes, request.reference, self._api.deadline())
        return wire.opened_of(invoice, request)

    def charge(self, request: ChargeRequest) -> Outcome:
        """Charge a kept token without the guest.

        :raises Unsupported: for anything but a kept token, and for a hold.
        Source: POST /payment-invoices with `instant`, then POST /payment/sale at the Cardgate host.
        """
        if request.card_token is None:
            raise Unsupported(
                "CardGate: only kept cards are charged from the server; the guest enters others on its page"
            )
        if not wire.TOKEN.fullmatch(request.card_token) or not request.shopper_reference:
            raise Rejected("cardgate charge: a kept card needs its token and the customer it was kept under")
        if not request.captures_at_once:
            raise Unsupported("CardGate takes money at once and holds none")
        until = self._api.deadline()
        try:
            attributes = wire.instant_attributes(request, self._account)
            invoice = self._create("charge", attributes, request.reference, until)
        except Refused as refusal:
            if refusal.is_about_token:
                return _refused_token(request, refusal)
            raise
        if invoice.reference != request.reference or invoice.money != request.money:
            raise AnswerLost("cardgate charge: the answer is about another payment")
        return _charged(invoice, request) or self._sell(invoice, request, until)

    def complete(self, request: CompleteRequest) -> tuple[Outcome, ...]:
        """Ask how a guest's invoice stands. No evidence is needed; the one that may be given is the invoice's id.

        :raises Rejected: the evidence, or the invoice, is another payment's.
        """
        invoice_id = _invoice_id("complete", request.opening_reference)
        if request.evidence not in ("", invoice_id):
            raise Rejected("cardgate complete: the evidence is about another invoice")
        try:
            invoice = self._show("complete", invoice_id, self._api.deadline())
        except NotFound:
            raise AnswerLost("cardgate complete: CardGate does not know the invoice that it made") from None
        if invoice.reference != request.reference:
            raise Rejected("cardgate complete: the invoice is of another payment")
        return news_of(invoice, request.requested_at)

    def capture(self, request: CaptureRequest) -> Outcome:
        """Refuse.

        :raises Unsupported: always.
        """
        raise Unsupported("CardGate documents no capture: money is taken at once")

    def void(self, request: VoidRequest) -> Outcome:
        """Refuse.

        :raises Unsupported: always.
        """
        raise Unsupported("CardGate documents no release: refund the payment")

    def refund(self, request: RefundRequest) -> Outcome:
        """Give money back; a repeat is refused as a duplicate, and the invoice then says what became of the first.

        Source: POST /payment-invoices/{id}/refund.
        """
        invoice_id = _invoice_id("refund", request.payment_reference)
        until = self._api.deadline()
        was_just_made = True
        try:
            answer = self._api.refund("refund", invoice_id, wire.refund_attributes(request), until)
        except (Refused, Busy) as refusal:
            was_just_made = False
            invoice = self._show("refund", invoice_id, until)
            is_listed = any(refund.reference == request.reference for refund in invoice.refunds)
            is_duplicate = isinstance(refusal, Refused) and refusal.is_about_reference
            if not is_listed and not is_duplicate:
                raise refusal from None
        else:
            invoice = _invoice("refund", answer)
        if invoice.id != invoice_id:
            raise AnswerLost("cardgate refund: the answer is about another payment")
        outcome = refund_of(invoice, request, request.requested_at, was_just_made=was_just_made)
        if outcome is None:
            raise AnswerLost("cardgate refund: the answer does not speak of this refund")
        return outcome

    def fetch(self, reference: Reference) -> tuple[Outcome, ...]:
        """Read an invoice by its id, or look for it by our reference; everything it implies is told.

        A refund is told with the invoice that it belongs to.

        :raises Rejected: the reference has no name that CardGate knows things by.
        """
        until = self._api.deadline()
        named = (reference.gateway, reference.payment, reference.opening)
        invoice_id = next((name for name in named if name and wire.INVOICE_ID.fullmatch(name)), None)
        if invoice_id is None and not reference.ours:
            raise Rejected("cardgate fetch: this is no name of an invoice")
        try:
            if invoice_id is not None:
                found: Invoice | None = self._show("fetch", invoice_id, until)
            else:
                found = self._find("fetch", reference.ours or "", until)
        except NotFound:
            return ()
        return news_of(found, datetime.now(UTC)) if found is not None else ()

    def close(self, reference: Reference) -> None:
        """Refuse: no call is known that ends an invoice.

        :raises Unsupported: always.
        """
        raise Unsupported("CardGate: an invoice ends by itself")

    def revoke_card(self, request: RevokeCardRequest) -> None:
        """Refuse: a token is valid until its card expires, and no call deletes one.

        :raises Unsupported: always.
        """
        raise Unsupported("CardGate documents no call that deletes a token: it is valid until its card expires")

    def greet_webhook(self) -> Greeting:
        """Refuse: CardGate asks for no greeting.

        :raises Unsupported: always.
        """
        raise Unsupported("CardGate asks for nothing before it sends")

    def verify_webhook(self, delivery: Delivery) -> Verified:
        """Prove a callback by its signature and its mode.

        :raises InvalidSignature: either is missing or wrong.
        """
        return self._door.verify(delivery)

    def read_webhook(self, delivery: Delivery) -> tuple[Outcome, ...]:
        """Translate a genuine callback into news."""
        return webhooks.read(delivery)

    def reports_since(self, moment: datetime) -> tuple[str, ...]:
        """Return none: there is no call for it."""
        return ()

    def fetch_report(self, request: ReportRequest) -> AbstractContextManager[Iterator[bytes]]:
        """Refuse.

        :raises Unsupported: always.
        """
        raise Unsupported("cardgate: no report can be had by a call; export it and upload it")

    def _create(self, operation: str, attributes: Mapping[str, Any], reference: str, until: Deadline) -> Invoice:
        """Make an invoice, or find the one that was made under this reference before.

        Whatever the refusal says, the first may exist: the vendor does not document how a duplicate is refused, and a
        token that is gone by now may have been charged then.
        """
        try:
            return _invoice(operation, self._api.create(operation, attributes, until))
        except (Refused, Busy) as refusal:
            found = None
            with suppress(Rejected):
                found = self._find(operation, reference, until)
            if found is not None:
                return found
            if isinstance(refusal, Refused) and refusal.is_about_reference:
                raise AnswerLost(
                    f"cardgate {operation}: there is an invoice of this reference, and it is not found"
                ) from None
            raise

    def _sell(self, invoice: Invoice, request: ChargeRequest, until: Deadline) -> Outcome:
        """Begin the sale of an invoice that shows none, and look what became of it.

        Before the sale is sent nothing can have been charged, so that it may all be asked again. Its answer is never
        the last word, and when it is lost only the invoice tells.
        """
        if not invoice.flow.token:
            raise Rejected("cardgate charge: the invoice cannot be sold without the guest; is `instant` allowed?")
        if until.left() < _LEAST_SECONDS_FOR_A_SALE:
            raise NotSent("cardgate charge: too little time is left to ask for the sale")
        try:
            answer = self._api.sell("sale", invoice.flow.token, until)
            if not isinstance(answer.get("data"), Mapping):
                raise AnswerLost("cardgate sale: the answer speaks of no sale")
        except (AnswerLost, Rejected):
            seen = self._look(invoice, until)
            outcome = _charged(seen, request) if seen is not None else None
            if outcome is None:
                raise
            return outcome
        action = wire.guest_needed(answer)
        if action is not None:
            return Outcome(
                kind=OutcomeKind.ACTION_REQUIRED,
                reference=Reference(ours=request.reference, gateway=invoice.id, payment=invoice.id, opening=invoice.id),
                event_key=f"{invoice.id}:authorize_required",
                occurred_at=request.requested_at,
                money=request.money,
                action=action,
                raw=invoice.raw,
            )
        seen = self._look(invoice, until) or invoice
        return _charged(seen, request) or pending_charge(seen, request.requested_at)

    def _look(self, invoice: Invoice, until: Deadline) -> Invoice | None:
        """Read an invoice again; None where that tells nothing."""
        with suppress(GatewayError):
            seen = self._show("fetch", invoice.id, until)
            if (seen.reference, seen.money) == (invoice.reference, invoice.money):
                return seen
        return None

    def _show(self, operation: str, invoice_id: str, until: Deadline) -> Invoice:
        invoice = _invoice(operation, self._api.show(operation, invoice_id, until))
        if invoice.id != invoice_id:
            raise AnswerLost(f"cardgate {operation}: the answer is about another invoice")
        return invoice

    def _find(self, operation: str, reference: str, until: Deadline) -> Invoice | None:
        found = self._api.find(operation, reference, until)
        return None if found is None else _invoice(operation, found)


def _charged(invoice: Invoice, request: ChargeRequest) -> Outcome | None:
    """Return what an invoice says of its charge: how it ended, or that it has begun; None where neither shows."""
    for outcome in news_of(invoice, request.requested_at):
        if outcome.kind in _FINAL:
            return outcome
    return pending_charge(invoice, request.requested_at) if invoice.is_attempted else None


def _refused_token(request: ChargeRequest, refusal: Refused) -> Outcome:
    """Say that CardGate would not even make the invoice, because of the card's token: nothing was charged."""
    decline = token_refused(refusal.words)
    return Outcome(
        kind=OutcomeKind.DECLINED,
        reference=Reference(ours=request.reference),
        event_key=f"refused:{request.reference}:{decline.raw_code}",
        occurred_at=request.requested_at,
        money=request.money,
        decline=decline,
        raw={"status": refusal.status, "words": refusal.words},
    )


def _invoice(operation: str, document: Mapping[str, Any]) -> Invoice:
    invoice = wire.invoice_of(document)
    if invoice is None:
        raise AnswerLost(f"cardgate {operation}: the answer holds no invoice")
    return invoice


def _invoice_id(operation: str, reference: str) -> str:
    if not wire.INVOICE_ID.fullmatch(reference):
        raise Rejected(f"cardgate {operation}: this is no invoice of CardGate's")
    return reference


def _is_test(credentials: Mapping[str, str]) -> bool:
    return (credentials.get("environment") or "test") != "live"


def _private_keys(credentials: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(key.strip() for key in credentials.get("private_keys", "").split(",") if key.strip())
