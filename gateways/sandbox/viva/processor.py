"""Viva as a processor of the sandbox: its routes, authentication, webhooks and record of money."""

import asyncio
import json
import logging
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import web

from gateways.sandbox.control import BadWish
from gateways.sandbox.pipeline import Endpoint
from gateways.sandbox.processor import Answer, Call, Dispatch
from gateways.sandbox.settling import Settlement
from gateways.sandbox.store import Document
from gateways.sandbox.sums import Sums
from gateways.sandbox.viva import events, identity, orders, settlement, transactions
from gateways.sandbox.viva.accounts import Account, by_merchant, read_account
from gateways.sandbox.viva.backoffice import VivaBackOffice
from gateways.sandbox.viva.books import ACCOUNTS, CAPTURE, CHARGE, HOLD, SLUG, Books
from gateways.sandbox.viva.errors import NewerError, OlderError
from gateways.sandbox.viva.pages import Pages
from gateways.sandbox.viva.question import Question

if TYPE_CHECKING:
    from gateways.sandbox.app import Sandbox

log = logging.getLogger("gateways.sandbox.viva")
ACCOUNTS_HOST, API_HOST, WWW_HOST = "/viva/accounts", "/viva/api", "/viva/www"
TRANSACTION = f"{WWW_HOST}/api/transactions/{{id}}"
Work = Callable[[Books, Question], Answer]

# method, path, operation (the name that faults use), work
NEWER: tuple[tuple[str, str, str, Work], ...] = (
    ("POST", f"{API_HOST}/checkout/v2/orders", "create_order", orders.create),
    ("GET", f"{API_HOST}/checkout/v2/transactions/{{id}}", "retrieve", transactions.retrieve),
)


def webhook_key(_: Books, question: Question) -> Answer:
    """Answer GET /api/messages/config/token."""
    return Answer(status=200, body={"Key": question.account.webhook_key})


OLDER: tuple[tuple[str, str, str, Work], ...] = (
    ("GET", f"{WWW_HOST}/api/orders/{{code}}", "order", orders.show),
    ("PATCH", f"{WWW_HOST}/api/orders/{{code}}", "update_order", orders.update),
    ("DELETE", f"{WWW_HOST}/api/orders/{{code}}", "cancel_order", orders.cancel),
    ("GET", f"{WWW_HOST}/api/transactions", "transactions", transactions.look_up),
    ("GET", f"{WWW_HOST}/api/transactions/", "transactions", transactions.look_up),
    ("GET", TRANSACTION, "transactions", transactions.look_up),
    ("GET", f"{WWW_HOST}/api/messages/config/token", "webhook_key", webhook_key),
)
# method, what it is called where the transaction holds money, and where it took it
ON_A_TRANSACTION: tuple[tuple[str, tuple[str, Work], tuple[str, Work]], ...] = (
    ("POST", ("capture", transactions.capture), ("charge", transactions.charge)),
    ("DELETE", ("void", transactions.reverse_request), ("refund", transactions.reverse_request)),
)
# Source: Viva docs, "Webhooks for payments": one attempt and 23 repeats, an hour apart.
RETRY_WAIT_SECONDS, RETRIES = 3600.0, 23


class VivaProcessor:
    """The stand-in for Viva."""

    slug = SLUG
    operations = frozenset(
        {"token", "capture", "charge", "void", "refund", *(operation for _, _, operation, _ in (*NEWER, *OLDER))}
    )
    account_kinds = frozenset({ACCOUNTS})

    def __init__(self, sandbox: "Sandbox") -> None:
        """Take up the state, and the accounts of the configuration, which win over remembered ones.

        :raises BadConfig: an account is not well described.
        """
        self._sandbox = sandbox
        self.books = Books(sandbox.store, sandbox.courier)
        self.settlement = Settlement(
            slug=SLUG,
            account_names=lambda: [account.merchant_id for account in self.books.accounts()],
            movements=partial(settlement.movements, self.books),
            label=settlement.label,
            report=settlement.report,
        )
        for account in sandbox.config.accounts(SLUG):
            read_account(account)
            self.books.put_account(account)

    def routes(self) -> Sequence[web.RouteDef]:
        """Return the three hosts, the pages and the control routes."""
        routes = [
            web.post(f"{ACCOUNTS_HOST}/connect/token", Endpoint(self._sandbox, self, "token", self._token).handle)
        ]
        for table, respond in ((NEWER, self._newer), (OLDER, self._older)):
            for method, path, operation, work in table:
                endpoint = Endpoint(self._sandbox, self, operation, partial(respond, work))
                routes.append(web.route(method, path, endpoint.handle))
        for method, of_hold, of_payment in ON_A_TRANSACTION:
            routes.append(web.route(method, TRANSACTION, self._on_a_transaction(of_hold, of_payment)))
        return [*routes, *Pages(self.books).routes(), *VivaBackOffice(self.books).routes()]

    def fault_answer(self, fault: str) -> Answer:
        """Return Viva's way of saying error or unavailable; of requests in progress it knows nothing but a conflict."""
        return NewerError({"in_progress": 409, "unavailable": 503}.get(fault, 500)).answer()

    def dispatch(self, delivery: Document) -> Dispatch | None:
        """Address a webhook to its merchant; it counts its repeats and is not signed."""
        account = self.books.account(delivery["account"])
        if account is None or not account.webhook_url:
            return None
        body = {**delivery["item"], "RetryCount": len(delivery["attempts"])}
        encoded = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        return Dispatch(url=account.webhook_url, headers={"Content-Type": "application/json"}, body=encoded)

    def sign(self, account: str, item: Document) -> Document:
        """Return the webhook as it is: Viva signs none."""
        return item

    def spoil(self, account: str, item: Document, fault: str) -> Document:
        """Return the webhook as a fault would have it; what others sign wrongly is for another merchant here."""
        return events.spoiled(item, fault)

    def compose(self, wish: Document) -> tuple[str, str, Document]:
        """Return account, event and body of a hand-made webhook: `EventTypeId`, `EventData` and the merchant's id."""
        merchant, event, content = wish.get("RecipientId"), wish.get("EventTypeId"), wish.get("EventData")
        if not isinstance(merchant, str) or self.books.account(merchant) is None:
            raise BadWish("RecipientId must name an account", status=422)
        if not isinstance(event, int) or not isinstance(content, dict):
            raise BadWish("EventTypeId or EventData is missing", status=422)
        return merchant, str(event), {**self.books.wrap(merchant, event, content), **wish}

    def retry_wait(self, attempts: int) -> float | None:
        """Return the seconds until the next attempt; None after the last one."""
        return RETRY_WAIT_SECONDS if attempts <= RETRIES else None

    def money(self) -> list[Document]:
        """Return authorized, captured, refunded, cancelled and charged back by merchant, our reference and currency."""
        sums = Sums(SLUG)
        for payment in self.books.transactions():
            if payment["type"] not in (CHARGE, HOLD) or payment["status"] in ("E", "A"):
                continue
            key = (payment["merchant_id"], payment["merchant_trns"] or "", payment["currency"])
            sums.add(key, authorized=payment["amount"])
            captures = [payment]
            if payment["type"] == HOLD:
                sums.add(key, cancelled=transactions.gone_of(self.books, payment))
                captures = list(self.books.transactions(parent=payment["id"], type=CAPTURE))
            for capture in captures:
                if capture["status"] != "E":
                    gone = transactions.gone_of(self.books, capture)
                    sums.add(key, captured=capture["amount"], refunded=gone, charged_back=capture["charged_back"])
        return sums.rows()

    def _on_a_transaction(self, of_hold: tuple[str, Work], of_payment: tuple[str, Work]) -> Any:
        """Return the handler of one method on a transaction, whose meaning is that of the transaction."""
        hold, payment = (
            Endpoint(self._sandbox, self, operation, partial(self._older, work))
            for operation, work in (of_hold, of_payment)
        )

        async def handle(request: web.Request) -> web.StreamResponse:
            endpoint = hold if transactions.is_hold(self.books, request.match_info["id"]) else payment
            return await endpoint.handle(request)

        return handle

    async def _token(self, call: Call, hold_seconds: float) -> Answer:
        answer = identity.grant(self.books, call)
        await self._save_and_hold(hold_seconds)
        return answer

    async def _newer(self, work: Work, call: Call, hold_seconds: float) -> Answer:
        account = identity.bearer_of(self.books, call)
        if account is None:
            return Answer(status=401, headers={"WWW-Authenticate": "Bearer"})
        return await self._worked(work, call, account, hold_seconds)

    async def _older(self, work: Work, call: Call, hold_seconds: float) -> Answer:
        account = by_merchant(self.books.accounts(), call.headers.get("authorization", ""))
        if account is None:
            return Answer(status=401, headers={"WWW-Authenticate": "Basic"})
        return await self._worked(work, call, account, hold_seconds)

    async def _worked(self, work: Work, call: Call, account: Account, hold_seconds: float) -> Answer:
        try:
            if call.method in ("POST", "PATCH") and not isinstance(call.json, dict):
                raise NewerError(400, "The body is not a JSON object.")
            answer = work(self.books, Question(call=call, account=account, body=call.json or {}))
        except (NewerError, OlderError) as error:
            return error.answer()
        except Exception as error:  # noqa: BLE001, any bug is answered as Viva would
            frames = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s while answering %s\n%s", type(error).__name__, call.operation, frames)
            return NewerError(500).answer()
        await self._save_and_hold(hold_seconds)
        return answer

    async def _save_and_hold(self, seconds: float) -> None:
        self._sandbox.store.save()
        if seconds:
            await asyncio.sleep(seconds)


def build(sandbox: "Sandbox") -> VivaProcessor:
    """Return the processor that lives in a sandbox."""
    return VivaProcessor(sandbox)
