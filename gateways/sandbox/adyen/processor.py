"""Adyen as a processor of the sandbox: its routes, authentication, webhooks and record of money."""

import asyncio
import json
import logging
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from gateways.sandbox.adyen import modifications, notifications, payments, sessions, settlement, tokens
from gateways.sandbox.adyen.accounts import accounts_for_key, read_account
from gateways.sandbox.adyen.backoffice import AdyenBackOffice
from gateways.sandbox.adyen.books import ACCOUNTS, SLUG, Books, stamp
from gateways.sandbox.adyen.browser import Browser
from gateways.sandbox.adyen.errors import ApiError, already_in_progress, malformed, unauthorized
from gateways.sandbox.adyen.idempotency import IdempotencyKeys
from gateways.sandbox.adyen.pages import Pages
from gateways.sandbox.adyen.question import Question
from gateways.sandbox.control import BadWish
from gateways.sandbox.pipeline import Endpoint
from gateways.sandbox.processor import Answer, Call, Dispatch
from gateways.sandbox.settling import Settlement
from gateways.sandbox.store import Document
from gateways.sandbox.sums import SUMS, Sums

if TYPE_CHECKING:
    from gateways.sandbox.app import Sandbox

log = logging.getLogger("gateways.sandbox.adyen")
BASE = "/adyen/v72"
Work = Callable[[Books, Question], Answer]

# method, path below the base, operation (the name that faults use), work
API: tuple[tuple[str, str, str, Work], ...] = (
    ("POST", "/sessions", "sessions", sessions.create),
    ("GET", "/sessions/{id}", "session_result", sessions.result),
    ("POST", "/payments", "payments", payments.pay),
    ("POST", "/payments/details", "payment_details", payments.details),
    ("POST", "/payments/{psp}/captures", "capture", modifications.capture_request),
    ("POST", "/payments/{psp}/cancels", "cancel", modifications.cancel_request),
    ("POST", "/cancels", "cancel", modifications.cancel_by_reference_request),
    ("POST", "/payments/{psp}/refunds", "refund", modifications.refund_request),
    ("POST", "/payments/{psp}/reversals", "reversal", modifications.reversal_request),
    ("POST", "/payments/{psp}/amountUpdates", "amount_update", modifications.adjust_request),
    ("GET", "/storedPaymentMethods", "stored_cards", tokens.list_stored),
    ("POST", "/storedPaymentMethods", "stored_cards", tokens.create_stored),
    ("DELETE", "/storedPaymentMethods/{id}", "stored_cards", tokens.delete_stored),
    ("POST", "/paymentMethods", "payment_methods", tokens.payment_methods),
)
# Source: Adyen, "Handle webhook events": three quick repeats, then a queue with ever longer waits.
RETRY_WAITS = (9, 18, 27, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800)


class AdyenProcessor:
    """The stand-in for Adyen."""

    slug = SLUG
    operations = frozenset(operation for _, _, operation, _ in API)
    account_kinds = frozenset({ACCOUNTS})

    def __init__(self, sandbox: "Sandbox") -> None:
        """Take up the state, and the accounts of the configuration, which win over remembered ones.

        :raises BadConfig: an account is not well described.
        """
        self._sandbox = sandbox
        self.books = Books(sandbox.store, sandbox.courier)
        self.settlement = Settlement(
            slug=SLUG,
            account_names=lambda: [account.merchant_account for account in self.books.accounts()],
            movements=partial(settlement.movements, self.books),
            label=settlement.label,
            report=settlement.report,
            announce=partial(settlement.announce, self.books),
        )
        self._keys = IdempotencyKeys(sandbox.store)
        for account in sandbox.config.accounts(SLUG):
            read_account(account)
            self.books.put_account(account)

    def routes(self) -> Sequence[web.RouteDef]:
        """Return the API, the pages and the control routes."""
        routes = [
            web.route(method, BASE + path, Endpoint(self._sandbox, self, operation, partial(self.respond, work)).handle)
            for method, path, operation, work in API
        ]
        return [
            *routes,
            *Pages(self.books).routes(),
            *Browser(self.books).routes(),
            *AdyenBackOffice(self.books).routes(),
            *settlement.download_routes(self.books),
        ]

    async def respond(self, work: Work, call: Call, hold_seconds: float) -> Answer:
        """Authenticate, replay or do the work, and answer in Adyen's form."""
        reference = self.books.new_reference()
        try:
            accounts = accounts_for_key(self.books.accounts(), call.headers.get("x-api-key", ""))
            if not accounts:
                raise unauthorized()
            question = Question(call=call, accounts=accounts, body=_body(call))
            key = call.headers.get("idempotency-key") if call.method == "POST" else None
            if not key:
                answer = self._work(work, question, reference)
                await self._save_and_hold(hold_seconds)
                return answer
            named = question.body.get("merchantAccount")
            scope = named if isinstance(named, str) else accounts[0].merchant_account
            known = self._keys.begin(scope, key, call)
            if known is not None:
                return known
            try:
                answer = self._keys.keep(scope, key, call, self._work(work, question, reference))
                await self._save_and_hold(hold_seconds)
                return answer
            finally:
                self._keys.end(scope, key)
        except ApiError as error:
            return error.answer(reference)

    def fault_answer(self, fault: str) -> Answer:
        """Return Adyen's way of saying error, unavailable or in_progress."""
        match fault:
            case "in_progress":
                return already_in_progress(409).answer()
            case "unavailable":
                return ApiError(503, "000", "Service temporarily unavailable", "internal").answer()
            case _:
                return ApiError(500, "000", "Internal error", "internal").answer(self.books.new_reference())

    def dispatch(self, delivery: Document) -> Dispatch | None:
        """Wrap an item into the envelope and address it to the account's endpoint."""
        account = self.books.account(delivery["account"])
        if account is None or not account.webhook_url:
            return None
        item = delivery["item"]
        is_whole = notifications.is_signed_as_a_whole(item)
        envelope = {
            "live": "true" if account.live else "false",
            "notificationItems": [{"NotificationRequestItem": item}],
        }
        if is_whole:
            envelope = {name: value for name, value in item.items() if name != notifications.SIGNED_WITH}
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Adyen HttpClient 1.0"}
        authorization = account.basic_authorization()
        if authorization:
            headers["Authorization"] = authorization
        body = json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()
        if is_whole:
            key = item.get(notifications.SIGNED_WITH, account.hmac_key)
            headers["hmacsignature"] = notifications.payload_signature(body, key)
        return Dispatch(url=account.webhook_url, headers=headers, body=body)

    def sign(self, account: str, item: Document) -> Document:
        """Return the item with its account's signature."""
        return self.books.sign(account, item)

    def spoil(self, account: str, item: Document, fault: str) -> Document:
        """Return the item as a fault would have it."""
        known = self.books.account(account)
        return item if known is None else notifications.spoiled(item, known.hmac_key, fault)

    def compose(self, wish: Document) -> tuple[str, str, Document]:
        """Return account, event and signed item of a hand-made notification; a signature that it brings is kept."""
        account, event = wish.get("merchantAccountCode"), wish.get("eventCode")
        if not isinstance(account, str) or self.books.account(account) is None:
            raise BadWish("merchantAccountCode must name an account", status=422)
        if not isinstance(event, str):
            raise BadWish("eventCode is missing", status=422)
        item = {
            "pspReference": self.books.new_reference(),
            "merchantReference": "",
            "amount": {"currency": "EUR", "value": 0},
            "success": "true",
            "eventDate": stamp(time.time()),
            **wish,
        }
        extra = item.get("additionalData")
        has_signature = isinstance(extra, dict) and "hmacSignature" in extra
        return account, event, item if has_signature else self.books.sign(account, item)

    def retry_wait(self, attempts: int) -> float:
        """Return the seconds until the next attempt after this many failed ones."""
        return float(RETRY_WAITS[min(attempts, len(RETRY_WAITS)) - 1])

    def money(self) -> list[Document]:
        """Return authorized, captured, refunded, cancelled and charged back by account, reference and currency."""
        sums = Sums(SLUG)
        for payment in self.books.payments():
            key = (payment["merchantAccount"], payment["merchantReference"], payment["amount"]["currency"])
            sums.add(key, **{name: payment[name] for name in SUMS})
        return sums.rows()

    def _work(self, work: Work, question: Question, reference: str) -> Answer:
        try:
            answer = work(self.books, question)
        except ApiError as error:
            return error.answer(reference)
        except Exception as error:  # noqa: BLE001, any bug is answered as Adyen would
            # The message is left out: it could repeat a card number.
            frames = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s while answering %s\n%s", type(error).__name__, question.call.operation, frames)
            return ApiError(500, "000", "Internal error", "internal").answer(reference)
        psp_reference = (answer.body or {}).get("pspReference")
        if psp_reference:
            answer.headers["pspReference"] = psp_reference
        return answer

    async def _save_and_hold(self, seconds: float) -> None:
        self._sandbox.store.save()
        if seconds:
            await asyncio.sleep(seconds)


def build(sandbox: "Sandbox") -> AdyenProcessor:
    """Return the processor that lives in a sandbox."""
    return AdyenProcessor(sandbox)


def _body(call: Call) -> Document:
    if call.method in ("GET", "DELETE"):
        return {}
    if not isinstance(call.json, dict):
        raise malformed("Unexpected input: the body is not a JSON object, expected: {")
    return call.json
