"""Spreedly as a processor of the sandbox: its routes, authentication, callbacks and record of money."""

import asyncio
import logging
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import web

from gateways.sandbox.config import BadConfig
from gateways.sandbox.control import BadWish
from gateways.sandbox.pipeline import Endpoint
from gateways.sandbox.processor import Answer, Call, Dispatch
from gateways.sandbox.settling import Settlement
from gateways.sandbox.spreedly import callbacks, cards, charges, followups, proofs, settlement, transactions
from gateways.sandbox.spreedly.accounts import Account, account_for, read_account
from gateways.sandbox.spreedly.backoffice import SpreedlyBackOffice
from gateways.sandbox.spreedly.books import ACCOUNTS, SLUG, Books, stamp
from gateways.sandbox.spreedly.browser import Browser
from gateways.sandbox.spreedly.currencies import iso_minor
from gateways.sandbox.spreedly.errors import ApiError, access_denied, gateway_not_found
from gateways.sandbox.spreedly.pages import Pages
from gateways.sandbox.store import Document
from gateways.sandbox.sums import Sums

if TYPE_CHECKING:
    from gateways.sandbox.app import Sandbox

log = logging.getLogger("gateways.sandbox.spreedly")
BASE = "/spreedly/v1"
# Spreedly does not publish how often and how long it repeats a callback: these waits were chosen.
RETRY_WAITS = (10, 60, 300, 900, 3600, 14400, 28800)
_USUAL_COUNT, _LARGEST_COUNT = 20, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One authenticated call. `body` may hold card data."""

    call: Call
    account: Account
    body: Any = field(repr=False)

    @property
    def wish(self) -> Document:
        """Return what the call says of its transaction."""
        return transactions.wish_in({} if self.body is None else self.body)


Work = Callable[[Books, Question], Answer]


def _charge(kind: str, books: Books, question: Question) -> Answer:
    call = question.call
    transaction = charges.charge(
        books, question.account, kind, question.wish, gateway=call.parameters["gateway"], origin=call.origin
    )
    return _answer(books, transaction)


def _follow_up(
    work: Callable[[Books, Account, Document, Document], Document], books: Books, question: Question
) -> Answer:
    parent = books.transaction(question.call.parameters["token"], question.account)
    return _answer(books, work(books, question.account, parent, question.wish))


def _complete(books: Books, question: Question) -> Answer:
    transaction = books.transaction(question.call.parameters["token"], question.account)
    charges.advance(books, transaction)
    return _answer(books, transaction)


def _sync(books: Books, question: Question) -> Answer:
    transaction = books.transaction(question.call.parameters["token"], question.account)
    charges.settle_unknown(books, transaction)
    return Answer(status=200, body={"transaction": transactions.shown(books, transaction)})


def _show(books: Books, question: Question) -> Answer:
    transaction = books.transaction(question.call.parameters["token"], question.account)
    return Answer(status=200, body={"transaction": transactions.shown(books, transaction)})


def _list(books: Books, question: Question) -> Answer:
    call = question.call
    if call.parameters["gateway"] != question.account.gateway_token:
        raise gateway_not_found()
    rows = list(books.transactions(account=question.account.environment_key))
    if call.query.get("order") == "desc":
        rows.reverse()
    since = call.query.get("since_token")
    if since is not None:
        found = next((place for place, row in enumerate(rows) if row["token"] == since), len(rows))
        rows = rows[found + 1 :]
    count = call.query.get("count", "")
    most = min(int(count), _LARGEST_COUNT) if count.isascii() and count.isdigit() and count != "0" else _USUAL_COUNT
    return Answer(status=200, body={"transactions": [transactions.shown(books, row) for row in rows[:most]]})


def _new_card(books: Books, question: Question) -> Answer:
    body = question.body if isinstance(question.body, dict) else {}
    method = body.get("payment_method")
    is_kept = isinstance(method, dict) and method.get("retained") is True
    card = cards.new_card(books, question.account, cards.card_fields(body), retained=is_kept)
    return _about_card(books, card, "AddPaymentMethod", status=201)


def _show_card(books: Books, question: Question) -> Answer:
    card = books.card(question.call.parameters["token"], question.account)
    return Answer(status=200, body={"payment_method": cards.shown(card)})


def _keep_card(state: str, kind: str, books: Books, question: Question) -> Answer:
    card = books.card(question.call.parameters["token"], question.account)
    card["storage_state"] = state
    books.keep_card(card)
    return _about_card(books, card, kind)


def _certificate(books: Books, question: Question) -> Answer:
    body = question.body if isinstance(question.body, dict) else {}
    described = body.get("certificate")
    pem = str(described.get("pem") or "") if isinstance(described, dict) else ""
    key, token = proofs.public_key_of(pem), books.new_token()
    known = books.store.get(ACCOUNTS, question.account.environment_key) or {}
    books.put_account({**known, "certificates": {**question.account.certificates, token: key}})
    return Answer(status=201, body={"certificate": {"token": token, "pem": pem, "created_at": stamp()}})


# method, path below the base, operation (the name that faults use), work
API: tuple[tuple[str, str, str, Work], ...] = (
    ("POST", "/gateways/{gateway}/purchase.json", "purchase", partial(_charge, "Purchase")),
    ("POST", "/gateways/{gateway}/authorize.json", "authorize", partial(_charge, "Authorization")),
    ("GET", "/gateways/{gateway}/transactions.json", "list", _list),
    ("POST", "/transactions/{token}/capture.json", "capture", partial(_follow_up, followups.capture)),
    ("POST", "/transactions/{token}/void.json", "void", partial(_follow_up, followups.void)),
    ("POST", "/transactions/{token}/credit.json", "credit", partial(_follow_up, followups.credit)),
    ("POST", "/transactions/{token}/complete.json", "complete", _complete),
    ("GET", "/transactions/{token}.json", "show", _show),
    ("PATCH", "/transactions/{token}.json", "sync", _sync),
    ("POST", "/payment_methods.json", "add_card", _new_card),
    ("GET", "/payment_methods/{token}.json", "show_card", _show_card),
    ("PUT", "/payment_methods/{token}/retain.json", "retain", partial(_keep_card, "retained", "RetainPaymentMethod")),
    ("PUT", "/payment_methods/{token}/redact.json", "redact", partial(_keep_card, "redacted", "RedactPaymentMethod")),
    ("POST", "/certificates.json", "certificates", _certificate),
)


class SpreedlyProcessor:
    """The stand-in for Spreedly."""

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
            account_names=lambda: [account.environment_key for account in self.books.accounts()],
            movements=partial(settlement.movements, self.books),
            label=settlement.label,
            report=settlement.report,
        )
        described = sandbox.config.section(SLUG).get("accounts", [])
        if not isinstance(described, list) or not all(isinstance(account, dict) for account in described):
            raise BadConfig("spreedly.accounts must be a list of objects.")
        for account in described:
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
            *SpreedlyBackOffice(self.books).routes(),
        ]

    async def respond(self, work: Work, call: Call, hold_seconds: float) -> Answer:
        """Authenticate, do the work, and answer in Spreedly's form."""
        try:
            account = account_for(self.books.accounts(), call.headers.get("authorization", ""))
            if account is None:
                raise access_denied()
            answer = work(self.books, Question(call=call, account=account, body=call.json))
        except ApiError as error:
            return error.answer()
        except Exception as error:  # noqa: BLE001, any bug is answered as Spreedly would
            # The message is left out: it could repeat a card number.
            frames = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s while answering %s\n%s", type(error).__name__, call.operation, frames)
            return self.fault_answer("error")
        self._sandbox.store.save()
        if hold_seconds:
            await asyncio.sleep(hold_seconds)
        return answer

    def fault_answer(self, fault: str) -> Answer:
        """Return Spreedly's way of saying error or unavailable; in_progress is a processor that it does not try."""
        match fault:
            case "in_progress":
                return ApiError(503, "errors.circuit_breaker_open", "The gateway is down and was not asked.").answer()
            case "unavailable":
                return ApiError(503, "errors.service_unavailable", "Please try again later.").answer()
            case _:
                return ApiError(500, "errors.internal_server_error", "Something went wrong.").answer()

    def dispatch(self, delivery: Document) -> Dispatch | None:
        """Address a callback: to the account's endpoint, or to the address that the charge named."""
        account = self.books.account(delivery["account"])
        url = (account.webhook_url if account else "") or str(delivery["item"].get("callback_url") or "")
        if account is None or not url.startswith(("http://", "https://")):
            return None
        body, content_type = callbacks.rendered(delivery["item"])
        return Dispatch(url=url, headers={"Content-Type": content_type, "User-Agent": "Spreedly"}, body=body)

    def sign(self, account: str, item: Document) -> Document:
        """Return the item with its account's signature."""
        known = self.books.account(account)
        return item if known is None else callbacks.signed(item, known.signing_secret)

    def spoil(self, account: str, item: Document, fault: str) -> Document:
        """Return the item as a fault would have it."""
        known = self.books.account(account)
        return item if known is None else callbacks.spoiled(item, known.signing_secret, fault)

    def compose(self, wish: Document) -> tuple[str, str, Document]:
        """Return account, event and signed item of a hand-made callback; a signature that it brings is kept."""
        account = wish.pop("environment_key", None)
        if not isinstance(account, str) or self.books.account(account) is None:
            raise BadWish("environment_key must name an account", status=422)
        item = {
            "token": self.books.new_token(),
            "transaction_type": "Purchase",
            "state": "succeeded",
            "succeeded": True,
            "amount": 100,
            "currency_code": "EUR",
            "order_id": None,
            "ip": None,
            "on_test_gateway": True,
            "created_at": stamp(),
            "updated_at": stamp(),
            "callback_url": None,
            "callback_format": "json",
            **wish,
        }
        return account, str(item["transaction_type"]), item if "signed" in item else self.sign(account, item)

    def retry_wait(self, attempts: int) -> float:
        """Return the seconds until the next attempt after this many failed ones."""
        return float(RETRY_WAITS[min(attempts, len(RETRY_WAITS)) - 1])

    def money(self) -> list[Document]:
        """Return authorized, captured, refunded and cancelled by environment, our name of the charge and currency."""
        sums = Sums(SLUG)
        for transaction in self.books.transactions():
            if transaction["reference_token"] is not None or transaction["amount"] is None:
                continue
            key = (transaction["account"], transaction["order_id"] or "", transaction["currency_code"])
            # Disputes are the processor's behind Spreedly, who hears nothing of them.
            sums.add(key, **{name: iso_minor(transaction[name], key[2]) for name in transactions.SUMS})
        return sums.rows()


def build(sandbox: "Sandbox") -> SpreedlyProcessor:
    """Return the processor that lives in a sandbox."""
    return SpreedlyProcessor(sandbox)


def _answer(books: Books, transaction: Document) -> Answer:
    """Return a transaction's answer: what did not succeed, and does not wait, is HTTP 422."""
    is_fine = transaction["succeeded"] or transaction["state"] == transactions.PENDING
    return Answer(status=200 if is_fine else 422, body={"transaction": transactions.shown(books, transaction)})


def _about_card(books: Books, card: Document, kind: str, *, status: int = 200) -> Answer:
    return Answer(
        status=status,
        body={
            "transaction": {
                "token": books.new_token(),
                "created_at": stamp(),
                "updated_at": stamp(),
                "succeeded": True,
                "state": "succeeded",
                "transaction_type": kind,
                "retained": card["storage_state"] == "retained",
                "message_key": "messages.transaction_succeeded",
                "message": "Succeeded!",
                "payment_method": cards.shown(card),
            }
        },
    )
