"""Spreedly's Core API v1 over our own HTTP client: Spreedly keeps cards and speaks with the processor behind it.

There is no well-kept library. Source of all facts: Spreedly's documentation, its reference implementation for signed
tokenization, and the tests of its former Ruby library.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, ClassVar

from gateways.adapters.spreedly import checkout, express, looking, webhooks, wire
from gateways.adapters.spreedly.calls import Core, NotFound, Stopped
from gateways.adapters.spreedly.partner_talk import PARTNER_TALK
from gateways.adapters.spreedly.refusals import DECLINE_CLASSES, decline_of_problems
from gateways.adapters.spreedly.settlement import TRANSACTIONS
from gateways.errors import AnswerLost, DeclineClass, MisconfiguredAccount, Rejected, Unsupported
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

_BASE_URL = "https://core.spreedly.com/v1"
_ENVIRONMENTS = frozenset({"test", "live"})
_REQUIRED = ("environment_key", "access_secret", "gateway_token", "signing_secrets")


class SpreedlyGateway:
    """Be one gateway of one Spreedly environment.

    The guest's browser gets a token for a card, and the card is charged with the confirmation. Answers are final, but
    where the guest has to be asked by the bank first; then a callback, or a look-up, tells.
    """

    slug: ClassVar[str] = wire.SLUG
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {
            Capability.OPEN,
            Capability.CHARGE_STORED_CARD,
            Capability.CHARGE_PAYMENT_TOKEN,
            Capability.COMPLETE,
            Capability.AUTHORIZE,
            Capability.CAPTURE,
            Capability.PARTIAL_CAPTURE,
            Capability.VOID,
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
    # Spreedly has no keys: what was sent once is looked up and never sent again.
    idempotency_window_seconds: ClassVar[int | None] = None
    # How long Spreedly takes a page's signature is not published; a page that is older is signed anew.
    longest_opening_seconds: ClassVar[int | None] = 60 * 60
    # The processor behind it decides.
    slowest_refund_days: ClassVar[int | None] = None
    secret_fields: ClassVar[frozenset[str]] = wire.SECRET_FIELDS
    decline_classes: ClassVar[Mapping[str, DeclineClass]] = DECLINE_CLASSES
    settlement_columns: ClassVar[ColumnMap | None] = TRANSACTIONS

    def __init__(self, credentials: Mapping[str, str]) -> None:
        if missing := self.missing_credentials(credentials):
            raise MisconfiguredAccount(f"spreedly: missing or unreadable: {', '.join(missing)}")
        self._environment_key = credentials["environment_key"]
        self._callback_url = credentials.get("callback_url", "")
        self._browser_base_url = credentials.get("browser_base_url", "")
        self._attempts_3dsecure = _is_on(credentials)
        self._certificate = _certificate_of(credentials)
        seconds = call_seconds(credentials) or LONGEST_CALL_SECONDS
        self._core = Core(
            base_url=(credentials.get("api_base_url") or _BASE_URL).rstrip("/"),
            environment_key=self._environment_key,
            access_secret=credentials["access_secret"],
            gateway_token=credentials["gateway_token"],
            http_client=HttpClient(
                gateway=self.slug, secret_fields=self.secret_fields, read_seconds=seconds, total_seconds=seconds
            ),
        )
        self._door = webhooks.Door(
            secrets=_signing_secrets(credentials),
            gateway_token=credentials["gateway_token"],
            is_live=(credentials.get("environment") or "test") == "live",
        )

    @classmethod
    def missing_credentials(cls, credentials: Mapping[str, str]) -> tuple[str, ...]:
        """Return the names of the credentials that are needed and absent, empty or unreadable."""
        missing = [name for name in _REQUIRED if not credentials.get(name)]
        if "gateway_token" not in missing and not wire.TOKEN.fullmatch(credentials["gateway_token"]):
            missing.append("gateway_token")
        if "signing_secrets" not in missing and not _signing_secrets(credentials):
            missing.append("signing_secrets")
        if (credentials.get("environment") or "test") not in _ENVIRONMENTS:
            missing.append("environment")
        if credentials.get("attempt_3dsecure", "") not in ("", "true", "false"):
            missing.append("attempt_3dsecure")
        elif _is_on(credentials) and not credentials.get("callback_url"):
            missing.append("callback_url")
        token, pem = credentials.get("certificate_token"), credentials.get("certificate_private_key")
        if pem and not token:
            missing.append("certificate_token")
        if (token or pem) and (not pem or express.read_key(pem) is None):
            missing.append("certificate_private_key")
        if call_seconds(credentials) is None:
            missing.append("timeout_seconds")
        return tuple(missing)

    def client_settings(self, *, money: Money, country_code: str) -> Mapping[str, Any]:
        """Return what a page needs before anything is opened: the environment's key is public."""
        wire.amount_of(money)
        return {"env": self._environment_key, **express.UNSIGNED}

    def checkout_page(self) -> CheckoutPage | None:
        """Return what our page needs to open Express."""
        return checkout.checkout_page(base_url=self._browser_base_url)

    def open(self, request: OpenRequest) -> Opened:
        """Sign for one page on which a guest enters a card; nothing is sent, and Spreedly knows nothing of it.

        :raises Unsupported: a page of Spreedly's own was asked for, or a card that is present.
        """
        if request.is_hosted:
            raise Unsupported("Spreedly has no page of its own; the guest pays in the partner's page")
        if request.source is Source.POS:
            raise Unsupported("Spreedly: cards are entered in a browser")
        client = dict(self.client_settings(money=request.money, country_code=request.country_code))
        if self._certificate is not None:
            client.update(self._certificate.signed(datetime.now(UTC)))
        return Opened(gateway_reference=request.reference, expires_at=request.expires_at, client=client)

    def charge(self, request: ChargeRequest) -> Outcome:
        """Charge a card by the token that the guest's browser got, or one that is kept.

        A guest who has to confirm at the bank is asked to (`ACTION_REQUIRED`); without a guest that is a refusal of the
        bank's.

        :raises Unsupported: a payment taken elsewhere was given.
        Source: POST /gateways/{token}/purchase.json and /authorize.json; refusals come as HTTP 422.
        """
        if request.card_token is None and request.payment_token is None:
            raise Unsupported("Spreedly: cards are charged by a token; payments taken elsewhere are not registered")
        verb = "purchase" if request.captures_at_once else "authorize"
        body = wire.charge_request(request, callback_url=self._callback_url, attempts_3dsecure=self._attempts_3dsecure)
        try:
            answer = self._core.call("charge", "POST", f"{self._core.gateway_path}/{verb}.json", {"transaction": body})
        except Stopped as stop:
            decline = decline_of_problems(stop.problems)
            if decline is None:
                raise
            return _refused_unasked(request, decline)
        transaction = self._answered(answer, "charge", request.reference)
        return _told(transaction, "charge", request.requested_at)

    def complete(self, request: CompleteRequest) -> tuple[Outcome, ...]:
        """Read how a guest's charge ended, by the transaction that the guest came back with; bring it to its end first.

        What is opened has no name at Spreedly, so the transaction must carry the Opening's: in `description`, or as the
        name of the charge itself.

        :raises Rejected: no transaction, or one of another Opening.
        Source: POST /transactions/{token}/complete.json, which a page's script asks for at each step.
        """
        if not wire.TOKEN.fullmatch(request.evidence):
            raise Rejected("spreedly complete: this names no transaction")
        path = f"/transactions/{request.evidence}"
        transaction = looking.transaction_of(self._core.call("complete", "GET", f"{path}.json"), "complete")
        self._check_is(transaction, request)
        if wire.is_waiting(transaction):
            answer = self._core.call("complete", "POST", f"{path}/complete.json", {})
            transaction = looking.transaction_of(answer, "complete")
            self._check_is(transaction, request)
        if wire.is_unknown(transaction):
            return ()
        outcome = _told(transaction, "complete", request.requested_at)
        return (outcome, *looking.cards_kept_by(outcome))

    def capture(self, request: CaptureRequest) -> Outcome:
        """Take held money once; what is not taken is released.

        Source: POST /transactions/{token}/capture.json.
        """
        return self._follow_up(
            "capture",
            "capture",
            request.payment_reference,
            {"order_id": request.reference, **wire.amount_of(request.money)},
            at=request.requested_at,
        )

    def void(self, request: VoidRequest) -> Outcome:
        """Release an authorization; or give back what turns out to be captured.

        Source: POST /transactions/{token}/void.json. Many processors also void a capture of the same day.
        """
        outcome = self._follow_up(
            "void", "void", request.payment_reference, {"order_id": request.reference}, at=request.requested_at
        )
        if outcome.kind is OutcomeKind.VOID_FAILED and request.may_be_captured:
            return self._credit(
                "void", request.payment_reference, {"order_id": request.reference}, request.requested_at
            )
        return outcome

    def refund(self, request: RefundRequest) -> Outcome:
        """Give captured money back.

        Source: POST /transactions/{token}/credit.json.
        """
        body = {"order_id": request.reference, **wire.amount_of(request.money)}
        payment, taken = request.payment_reference, request.taken_reference
        if taken and taken != payment:
            return self._follow_up("refund", "credit", taken, body, at=request.requested_at, payment=payment)
        return self._credit("refund", payment, body, request.requested_at)

    def fetch(self, reference: Reference) -> tuple[Outcome, ...]:
        """Look up what Spreedly believes, and have it ask the processor where it does not know.

        Source: GET and PATCH /transactions/{token}.json, GET /gateways/{token}/transactions.json.
        """
        return looking.look(self._core, reference, now=datetime.now(UTC))

    def close(self, reference: Reference) -> None:
        """Refuse: nothing is open at Spreedly, which only signs a page.

        :raises Unsupported: always.
        """
        raise Unsupported("Spreedly: nothing is open there")

    def revoke_card(self, request: RevokeCardRequest) -> None:
        """Redact a kept card, after which nobody can charge it; one that is gone is fine.

        Source: PUT /payment_methods/{token}/redact.json.
        """
        if not wire.TOKEN.fullmatch(request.card_token):
            raise Rejected("spreedly revoke_card: this is no token of a card")
        path = f"/payment_methods/{request.card_token}"
        try:
            answer = self._core.call("revoke_card", "PUT", f"{path}/redact.json", {})
            card = looking.transaction_of(answer, "revoke_card").get("payment_method")
        except NotFound:
            return
        except Stopped:
            # Whether a redacted card may be redacted again is not published.
            card = self._core.call("revoke_card", "GET", f"{path}.json").get("payment_method")
        if not isinstance(card, Mapping) or card.get("storage_state") != "redacted":
            raise AnswerLost("spreedly revoke_card: the answer does not say that the card is gone")

    def greet_webhook(self) -> Greeting:
        """Refuse: Spreedly asks for no greeting.

        :raises Unsupported: always.
        """
        raise Unsupported("Spreedly asks for nothing before it sends")

    def verify_webhook(self, delivery: Delivery) -> Verified:
        """Prove a callback, JSON or XML, by the signature of each of its transactions.

        :raises InvalidSignature: one is missing or wrong, or for another gateway.
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
        raise Unsupported("spreedly: it settles nothing; upload the report of the processor behind it")

    def _credit(self, operation: str, payment: str, body: Mapping[str, Any], at: datetime) -> Outcome:
        """Give back by the payment; where that was held first, by its capture, which is what Spreedly credits."""
        try:
            return self._follow_up(operation, "credit", payment, body, at=at)
        except NotFound:
            raise
        except Stopped:
            captures = looking.captures_of(self._core, payment)
            if not captures:
                raise
            capture = max(captures, key=lambda one: one.get("amount") or 0)
            return self._follow_up(operation, "credit", wire.token_of(capture), body, at=at, payment=payment)

    def _follow_up(
        self,
        operation: str,
        verb: str,
        transaction: str,
        body: Mapping[str, Any],
        *,
        at: datetime,
        payment: str | None = None,
    ) -> Outcome:
        """Do something to a transaction; `payment` names what it belongs to, where that is another one."""
        if not wire.TOKEN.fullmatch(transaction):
            raise Rejected(f"spreedly {operation}: this names no transaction")
        answer = self._core.call(operation, "POST", f"/transactions/{transaction}/{verb}.json", {"transaction": body})
        found = self._answered(answer, operation, str(body["order_id"]))
        if found.get("reference_token") != transaction or str(found.get("transaction_type")).lower() != verb:
            raise AnswerLost(f"spreedly {operation}: the answer is about another transaction")
        return _told({**found, "reference_token": payment or transaction}, operation, at)

    def _answered(self, answer: Mapping[str, Any], operation: str, reference: str) -> dict[str, Any]:
        transaction = looking.transaction_of(answer, operation)
        if wire.ours_in(transaction) != reference or not self._core.is_here(transaction):
            raise AnswerLost(f"spreedly {operation}: the answer is about another payment")
        return transaction

    def _check_is(self, transaction: Mapping[str, Any], request: CompleteRequest) -> None:
        names = {wire.ours_in(transaction), wire.ours_in(transaction, "description")}
        if (
            transaction.get("token") != request.evidence
            or not names & {request.reference, request.opening_reference}
            or not self._core.is_here(transaction)
            or not wire.is_charge(transaction)
        ):
            raise Rejected("spreedly complete: the transaction is of another opening")


def _told(transaction: Mapping[str, Any], operation: str, at: datetime) -> Outcome:
    """Return what a transaction says.

    :raises AnswerLost: nobody knows; a result that Spreedly does not know itself is no refusal.
    """
    try:
        return wire.news_of(transaction, at=at)
    except wire.Unreadable as problem:
        raise AnswerLost(f"spreedly {operation}: {problem}") from None


def _refused_unasked(request: ChargeRequest, decline: Decline) -> Outcome:
    """Say that Spreedly would not even try a card: nothing was charged."""
    is_kept = request.card_token is not None
    code, is_gone = decline.code, decline.is_card_gone and is_kept
    return Outcome(
        kind=OutcomeKind.DECLINED,
        reference=Reference(ours=request.reference),
        event_key=f"refused:{request.reference}",
        occurred_at=request.requested_at,
        money=request.money,
        decline=Decline(code=code, raw_code=decline.raw_code, raw_text=decline.raw_text, is_card_gone=is_gone),
        raw={"key": decline.raw_code, "message": decline.raw_text},
    )


def _certificate_of(credentials: Mapping[str, str]) -> express.Certificate | None:
    key = express.read_key(credentials.get("certificate_private_key") or "")
    return None if key is None else express.Certificate(token=credentials["certificate_token"], key=key)


def _is_on(credentials: Mapping[str, str]) -> bool:
    return credentials.get("attempt_3dsecure") == "true"


def _signing_secrets(credentials: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(secret.strip() for secret in credentials.get("signing_secrets", "").split(",") if secret.strip())
