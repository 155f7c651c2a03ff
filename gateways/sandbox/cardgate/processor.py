"""CardGate as a processor of the sandbox: its routes, authentication, callbacks and record of money."""

import asyncio
import copy
import json
import logging
import time
import traceback
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import web

from gateways.sandbox.cardgate import callbacks, invoices, refunds, sales, settlement
from gateways.sandbox.cardgate.accounts import account_for, read_account
from gateways.sandbox.cardgate.backoffice import CardGateBackOffice
from gateways.sandbox.cardgate.books import ACCOUNTS, SLUG, Books
from gateways.sandbox.cardgate.errors import ApiError, unauthorized
from gateways.sandbox.cardgate.pages import Pages
from gateways.sandbox.cardgate.question import Question
from gateways.sandbox.cardgate.sale_tokens import sid_of
from gateways.sandbox.control import BadWish
from gateways.sandbox.pipeline import Endpoint
from gateways.sandbox.processor import Answer, Call, Dispatch
from gateways.sandbox.settling import Settlement
from gateways.sandbox.store import Document
from gateways.sandbox.sums import Sums

if TYPE_CHECKING:
    from gateways.sandbox.app import Sandbox

log = logging.getLogger("gateways.sandbox.cardgate")
BASE = "/cardgate"
Work = Callable[[Books, Question], Answer]

# method, path below the base, operation (the name that faults use), work. At the vendor the last is on another host.
API: tuple[tuple[str, str, str, Work], ...] = (
    ("POST", "/payment-invoices", "invoices", invoices.create),
    ("GET", "/payment-invoices", "invoice_list", invoices.list_all),
    ("GET", "/payment-invoices/{id}", "invoice", invoices.show),
    ("POST", "/payment-invoices/{id}/refund", "refund", refunds.refund_request),
    ("POST", "/payment/sale", "sale", sales.sell),
)
# Source: the vendor's "Callbacks": after 1 minute, then 2, 3, 4 ... more, and 100 attempts in all.
ATTEMPTS = 100
_NEVER = 365 * 24 * 3600.0


class CardgateProcessor:
    """The stand-in for CardGate."""

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
            account_names=lambda: [account.account_id for account in self.books.accounts()],
            movements=partial(settlement.movements, self.books),
            label=settlement.label,
            report=settlement.report,
        )
        for account in sandbox.config.accounts(SLUG):
            read_account(account)
            self.books.put_account(account)

    def routes(self) -> Sequence[web.RouteDef]:
        """Return the API, the pages and the control routes."""
        routes = [
            web.route(method, BASE + path, Endpoint(self._sandbox, self, operation, partial(self.respond, work)).handle)
            for method, path, operation, work in API
        ]
        return [*routes, *Pages(self.books).routes(), *CardGateBackOffice(self.books).routes()]

    async def respond(self, work: Work, call: Call, hold_seconds: float) -> Answer:
        """Authenticate, do the work, and answer in CardGate's form."""
        try:
            answer = work(self.books, self._question(call))
        except ApiError as error:
            return error.answer()
        except Exception as error:  # noqa: BLE001, any bug is answered as CardGate would
            # The message is left out: it could repeat a card number.
            frames = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s while answering %s\n%s", type(error).__name__, call.operation, frames)
            return ApiError(500, "Internal error.").answer()
        self._sandbox.store.save()
        if hold_seconds:
            await asyncio.sleep(hold_seconds)
        return answer

    def fault_answer(self, fault: str) -> Answer:
        """Return CardGate's way of saying error, unavailable or in_progress; the last is its 429 for duplicates."""
        status = {"in_progress": 429, "unavailable": 502}.get(fault, 500)
        return ApiError(status, "The request was not carried out.").answer()

    def dispatch(self, delivery: Document) -> Dispatch | None:
        """Address and sign one callback."""
        account = self.books.account(delivery["account"])
        return None if account is None else callbacks.dispatch(delivery["item"], account)

    def sign(self, account: str, item: Document) -> Document:
        """Return the item: a callback is signed as a whole, when it is sent."""
        return item

    def spoil(self, account: str, item: Document, fault: str) -> Document:
        """Return the item as a fault would have it."""
        known = self.books.account(account)
        return item if known is None else callbacks.spoiled(item, known, fault)

    def compose(self, wish: Document) -> tuple[str, str, Document]:
        """Return account, event and item of a hand-made callback: an invoice of ours, with some fields changed."""
        try:
            known = self.books.invoice(str(wish.get("id", "")))
        except ApiError as error:
            raise BadWish("id must name an invoice", status=422) from error
        item = {**copy.deepcopy(known), **wish}
        return known["account"], str(item["status"]), item

    def retry_wait(self, attempts: int) -> float:
        """Return the seconds until the next attempt after this many failed ones."""
        return 60.0 * attempts if attempts < ATTEMPTS else _NEVER

    def money(self) -> list[Document]:
        """Return what was taken and given back by account, reference and currency; nothing is ever held."""
        sums = Sums(SLUG)
        for invoice in self.books.invoices():
            taken = invoice["processed_amount"] or 0
            sums.add(
                (invoice["account"], invoice["reference_id"], invoice["currency"]),
                authorized=taken,
                captured=taken,
                refunded=invoice["refunded_amount"] or 0,
                charged_back=invoice["charged_back_amount"] or 0,
            )
        return sums.rows()

    def _question(self, call: Call) -> Question:
        authorization = call.headers.get("authorization", "")
        if call.operation == "sale":
            scheme, _, token = authorization.partition(" ")
            for account in self.books.accounts() if scheme.lower() == "bearer" else ():
                sid = sid_of(token.strip(), account.private_key, time.time())
                if sid is not None:
                    return Question(call=call, account=account, body=_body(call), sid=sid)
            raise unauthorized()
        found = account_for(self.books.accounts(), authorization)
        if found is None:
            raise unauthorized()
        return Question(call=call, account=found, body=_body(call))


def build(sandbox: "Sandbox") -> CardgateProcessor:
    """Return the processor that lives in a sandbox."""
    return CardgateProcessor(sandbox)


def _body(call: Call) -> dict[str, Any]:
    if call.method == "GET":
        return {}
    try:
        body = json.loads(call.raw, parse_float=Decimal)
    except ValueError:
        raise ApiError(400, "The body is no JSON.") from None
    if not isinstance(body, dict):
        raise ApiError(400, "The body is no JSON object.")
    return body
