"""Viva (Smart Checkout) over plain HTTP: Viva keeps no library for Python. Source of all facts: developer.viva.com and
what clients of Viva's are known to do; docs/viva.md says which is which.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from gateways.adapters.viva import currencies, transactions, webhooks, wire
from gateways.adapters.viva.calls import HOSTS, Deadline, NotFound, Refused, Viva, path_part
from gateways.adapters.viva.keeping import Kept
from gateways.adapters.viva.looking import Look
from gateways.adapters.viva.partner_talk import PARTNER_TALK
from gateways.adapters.viva.refusals import DECLINE_CLASSES
from gateways.adapters.viva.settlement import SALE_TRANSACTIONS
from gateways.errors import AnswerLost, DeclineClass, MisconfiguredAccount, NotSent, Rejected, Unsupported
from gateways.exponents import Exponents
from gateways.http import LONGEST_CALL_SECONDS, HttpClient, call_seconds
from gateways.partner_talk import Brought, BroughtField, CheckoutPage, PartnerTalk
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

_REQUIRED = ("client_id", "client_secret", "merchant_id", "api_key")
_KEY_GOOD_FOR_SECONDS = 60 * 60
_CHECKOUT_PAGE = CheckoutPage(
    brings=(
        BroughtField(name="s", means=Brought.OPENING, longest=20),
        BroughtField(name="t", means=Brought.EVIDENCE, longest=36),
    ),
    returns_to_one_address=True,
)
# Anybody may ask our address for the key. While Viva is down, one of our threads in a minute waits so long for it.
_NO_KEY_FOR_SECONDS = 60.0
_LONGEST_KEY_CALL_SECONDS = 3.0


class VivaGateway:
    """Be one merchant account at Viva.

    A guest pays an order on Viva's page; what came of it is what Viva says when asked, never what a browser or an
    unsigned webhook says. Operations are final at once. None of them may be repeated, for Viva has no idempotency keys:
    what became of one whose answer was lost is looked up.
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
    exponents: ClassVar[Exponents] = currencies.EXPONENTS
    has_wire: ClassVar[bool] = True
    webhooks_are_hints: ClassVar[bool] = True
    idempotency_window_seconds: ClassVar[int | None] = None
    # A payment timeout of 65535 s means an order that never ends; this stays well below it.
    longest_opening_seconds: ClassVar[int | None] = 12 * 60 * 60
    slowest_refund_days: ClassVar[int | None] = None
    secret_fields: ClassVar[frozenset[str]] = wire.SECRET_FIELDS
    decline_classes: ClassVar[Mapping[str, DeclineClass]] = DECLINE_CLASSES
    settlement_columns: ClassVar[ColumnMap | None] = SALE_TRANSACTIONS

    def __init__(self, credentials: Mapping[str, str]) -> None:
        if missing := self.missing_credentials(credentials):
            raise MisconfiguredAccount(f"viva: missing or unreadable: {', '.join(missing)}")
        self._merchant_id = credentials["merchant_id"]
        self._source_code = credentials.get("source_code") or "Default"
        self._seconds = call_seconds(credentials) or LONGEST_CALL_SECONDS
        hosts = HOSTS[credentials.get("environment") or "test"]
        self._viva = Viva(
            client_id=credentials["client_id"],
            client_secret=credentials["client_secret"],
            merchant_id=self._merchant_id,
            api_key=credentials["api_key"],
            accounts=credentials.get("accounts_base_url") or hosts["accounts"],
            api=credentials.get("api_base_url") or hosts["api"],
            www=credentials.get("www_base_url") or hosts["www"],
            http_client=HttpClient(gateway=self.slug, secret_fields=self.secret_fields),
        )
        self._webhook_key = Kept("the webhook key", failed_for_seconds=_NO_KEY_FOR_SECONDS)

    @classmethod
    def missing_credentials(cls, credentials: Mapping[str, str]) -> tuple[str, ...]:
        """Return the names of the credentials that are needed and absent, empty or unreadable."""
        missing = [name for name in _REQUIRED if not credentials.get(name)]
        if "merchant_id" not in missing and not _is_uuid(credentials["merchant_id"]):
            missing.append("merchant_id")
        if (credentials.get("environment") or "test") not in HOSTS:
            missing.append("environment")
        if call_seconds(credentials) is None:
            missing.append("timeout_seconds")
        return tuple(missing)

    def client_settings(self, *, money: Money, country_code: str) -> Mapping[str, Any]:
        """Return what a page is given before there is an order: that there is none."""
        currencies.asked_of(money)
        return {"orderCode": None, "checkoutUrl": None}

    def checkout_page(self) -> CheckoutPage | None:
        """Say that the guest is sent to Smart Checkout, and comes back to the one address of the payment source.

        Source: Viva docs, "Smart Checkout", on the parameters `t` and `s`, whose names may be spelled otherwise there.
        """
        return _CHECKOUT_PAGE

    def open(self, request: OpenRequest) -> Opened:
        """Make a payment order, which ends by itself at `expires_at`.

        Where the guest is sent afterwards is set with the payment source at Viva: `return_url` cannot be told. A second
        order for the same reference, made because an answer was lost, is harmless: nobody was given the code of the
        first.

        Source: Viva docs, "Create payment order".
        """
        now = datetime.now(UTC)
        answer = self._viva.newer(
            "open",
            "POST",
            "/checkout/v2/orders",
            deadline=self._deadline(),
            body=wire.order_request(request, source_code=self._source_code, now=now),
        )
        code = wire.order_code_of(answer)
        page = f"{self._viva.www}/web/checkout?ref={code}"
        return Opened(
            gateway_reference=code,
            expires_at=request.expires_at,
            client={"orderCode": code, "checkoutUrl": page},
            redirect_url=page if request.is_hosted else "",
            raw=transactions.kept(answer),
        )

    def charge(self, request: ChargeRequest) -> Outcome:
        """Charge the card that paid an earlier transaction, whose id is the token. It cannot only be held.

        :raises Unsupported: for anything but a stored card, and for a hold.
        Source: Viva docs, "Recurring payments".
        """
        if request.card_token is None:
            raise Unsupported("Viva: only kept cards are charged from the server; the guest enters others at Viva")
        if not request.captures_at_once:
            raise Unsupported("Viva: a kept card is charged at once; it cannot be pre-authorized")
        answer = self._act(
            "charge",
            "POST",
            _transaction(request.card_token),
            body=wire.charge_request(request, source_code=self._source_code),
        )
        return wire.answered_of(
            answer,
            operation="charge",
            done=OutcomeKind.CAPTURED,
            failed=OutcomeKind.DECLINED,
            reference=request.reference,
            payment=None,
            money=request.money,
            requested_at=request.requested_at,
        )

    def complete(self, request: CompleteRequest) -> tuple[Outcome, ...]:
        """Verify the transaction that the guest's browser brought back (`t`), or without one read the whole order.

        :raises Rejected: the transaction is not one of this order's, or is no payment.
        Source: Viva docs, "Verify a payment".
        """
        code = transactions.code_of(request.opening_reference)
        if code is None:
            raise Rejected("viva complete: this is no order code")
        look = self._look("complete", request.requested_at)
        if not request.evidence:
            return look.order(code)
        identity = transactions.uuid_of(request.evidence)
        if identity is None:
            raise Rejected("viva complete: this is no transaction id")
        told = look.attempt(identity)
        if told is None:
            raise Rejected("viva complete: Viva knows no such transaction")
        if told.order_code is None:
            raise AnswerLost("viva complete: the answer does not say of which order it is")
        if told.order_code != code or told.ours != request.reference or not told.is_attempt:
            raise Rejected("viva complete: the transaction is not a payment of this order")
        is_plain = told.status in ("F", "A", "E")
        family = transactions.family_of([told])
        if is_plain:
            return transactions.outcomes_of(told, family, request.requested_at)
        return look.words_in(told, code)

    def capture(self, request: CaptureRequest) -> Outcome:
        """Take held money, once; what is not captured is released."""
        answer = self._act(
            "capture",
            "POST",
            _transaction(request.payment_reference),
            body=wire.capture_request(request, source_code=self._source_code),
        )
        return wire.answered_of(
            answer,
            operation="capture",
            done=OutcomeKind.CAPTURED,
            failed=OutcomeKind.CAPTURE_FAILED,
            reference=request.reference,
            payment=request.payment_reference,
            money=request.money,
            requested_at=request.requested_at,
        )

    def void(self, request: VoidRequest) -> Outcome:
        """Release a hold; with `may_be_captured`, give back all that was taken instead, if anything was.

        Source: Viva docs, "Handle pre-authorizations": cancelling one is the call that refunds a payment.
        """
        target, done, failed = _transaction(request.payment_reference), OutcomeKind.VOIDED, OutcomeKind.VOID_FAILED
        deadline = self._deadline()
        if request.may_be_captured:
            taken = self._taken("void", target, request.requested_at, deadline)
            if taken is not None:
                target, done, failed = taken, OutcomeKind.REFUNDED, OutcomeKind.REFUND_FAILED
        answer = self._act(
            "void",
            "DELETE",
            target,
            query=wire.reversal_query(None, source_code=self._source_code, reference=request.reference),
            deadline=deadline,
        )
        return wire.answered_of(
            answer,
            operation="void",
            done=done,
            failed=failed,
            reference=request.reference,
            payment=request.payment_reference,
            money=None,
            requested_at=request.requested_at,
        )

    def refund(self, request: RefundRequest) -> Outcome:
        """Give captured money back; on the day it was taken Viva cancels it, later it refunds. Final at once.

        A capture is a transaction of its own at Viva, and it is the capture that is refunded. Where the request does
        not name it, it is looked up first.

        :raises Rejected: nothing was taken that could go back.
        Source: Viva docs, "Issue a refund".
        """
        deadline = self._deadline()
        payment = _transaction(request.payment_reference)
        target: str | None = request.taken_reference or self._taken("refund", payment, request.requested_at, deadline)
        if target is None:
            raise Rejected("viva refund: the hold was not captured, so there is nothing to give back")
        answer = self._act(
            "refund",
            "DELETE",
            _transaction(target),
            query=wire.reversal_query(request.money, source_code=self._source_code, reference=request.reference),
            deadline=deadline,
        )
        return wire.answered_of(
            answer,
            operation="refund",
            done=OutcomeKind.REFUNDED,
            failed=OutcomeKind.REFUND_FAILED,
            reference=request.reference,
            payment=request.payment_reference,
            money=request.money,
            requested_at=request.requested_at,
        )

    def fetch(self, reference: Reference) -> tuple[Outcome, ...]:
        """Ask what became of a transaction (`gateway`), of an order (`opening`), of a payment and all that was done to
        it (`payment`), or of what bears our reference among the transactions of the last three days (`ours`).

        :raises Rejected: a name in the reference is none of Viva's.
        """
        look = self._look("fetch", datetime.now(UTC))
        if reference.gateway is not None:
            found = look.transaction(_transaction(reference.gateway))
            if found or reference.opening is None:
                return found
        if reference.opening is not None:
            code = transactions.code_of(reference.opening)
            if code is None:
                raise Rejected("viva fetch: this is no order code")
            return look.order(code)
        if reference.payment is not None:
            return look.payment(_transaction(reference.payment))
        return look.reference(reference.ours) if reference.ours else ()

    def close(self, reference: Reference) -> None:
        """Cancel an order that nobody has paid; one that is paid or over is refused, and stays as it is.

        Source: Viva docs, "Cancel order", DELETE /api/orders/{orderCode}.
        """
        if not reference.opening:
            raise Rejected("viva close: the reference names no order")
        with suppress(Refused, NotFound):
            self._viva.older(
                "close", "DELETE", f"/api/orders/{path_part(reference.opening)}", deadline=self._deadline()
            )

    def revoke_card(self, request: RevokeCardRequest) -> None:
        """Refuse: the token is the id of a payment, which stays in Viva's books, and no call makes it charge no more.

        :raises Unsupported: always.
        """
        raise Unsupported("Viva documents no call that forgets a card: whoever has the account's API key can charge it")

    def greet_webhook(self) -> Greeting:
        """Answer with the key by which Viva sees that an address is this merchant's; fetched, and kept for an hour.

        While it is being fetched, and for a minute after that has failed, nobody waits for it.

        Source: Viva docs, "Webhooks for payments", on verifying a URL.
        """
        deadline = Deadline(min(self._seconds, _LONGEST_KEY_CALL_SECONDS))
        key = self._webhook_key.get(lambda: self._new_webhook_key(deadline), wait_seconds=0)
        return Greeting(body=json.dumps({"Key": key}))

    def verify_webhook(self, delivery: Delivery) -> Verified:
        """Let in what has the shape of a webhook of Viva's and names this merchant; Viva signs nothing.

        :raises InvalidSignature: it has not, or does not.
        """
        return webhooks.verify(delivery, self._merchant_id)

    def read_webhook(self, delivery: Delivery) -> tuple[Outcome, ...]:
        """Read what a delivery speaks of; it must be fetched before it is believed."""
        return webhooks.read(delivery)

    def reports_since(self, moment: datetime) -> tuple[str, ...]:
        """Return none: there is no call for it."""
        return ()

    def fetch_report(self, request: ReportRequest) -> AbstractContextManager[Iterator[bytes]]:
        """Refuse.

        :raises Unsupported: always.
        """
        raise Unsupported("viva: no report can be had by a call; export it and upload it")

    def _deadline(self) -> Deadline:
        return Deadline(self._seconds)

    def _look(self, operation: str, now: datetime, deadline: Deadline | None = None) -> Look:
        return Look(self._viva, operation=operation, deadline=deadline or self._deadline(), now=now)

    def _taken(self, operation: str, payment: str, now: datetime, deadline: Deadline) -> str | None:
        try:
            return self._look(operation, now, deadline).taken_by(payment)
        except AnswerLost as problem:
            # Only a question was lost: nothing was asked to move.
            raise NotSent(str(problem)) from None

    def _act(
        self,
        operation: str,
        method: str,
        transaction_id: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        deadline: Deadline | None = None,
    ) -> dict[str, Any]:
        """Do something to a transaction; a refusal that comes as HTTP 400 and tells of a transaction is an answer."""
        path = f"/api/transactions/{path_part(transaction_id)}"
        try:
            return self._viva.older(
                operation, method, path, deadline=deadline or self._deadline(), query=query, body=body
            )
        except Refused as refusal:
            if transactions.lowered(refusal.body).get("statusid") != "E":
                raise
            return dict(refusal.body)

    def _new_webhook_key(self, deadline: Deadline) -> tuple[str, float]:
        answer = self._viva.older("webhook_key", "GET", "/api/messages/config/token", deadline=deadline)
        key = transactions.lowered(answer).get("key")
        if not isinstance(key, str) or not key:
            raise AnswerLost("viva webhook_key: the answer holds no key")
        return key, _KEY_GOOD_FOR_SECONDS


def _transaction(reference: str) -> str:
    found = transactions.uuid_of(reference)
    if found is None:
        raise Rejected("viva: this is no transaction id")
    return found


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
