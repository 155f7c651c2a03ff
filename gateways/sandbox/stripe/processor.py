"""Stripe as a processor of the sandbox: its routes, authentication, webhooks and record of money."""

import asyncio
import copy
import hashlib
import hmac
import json
import logging
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from aiohttp import web

from gateways.sandbox.control import BadWish
from gateways.sandbox.forms import BadForm, read_form
from gateways.sandbox.pipeline import Endpoint
from gateways.sandbox.processor import Answer, Call, Dispatch
from gateways.sandbox.settling import Settlement
from gateways.sandbox.store import Document
from gateways.sandbox.stripe import disputes, intents, methods, objects, refunds, settlement
from gateways.sandbox.stripe.accounts import account_for, read_account
from gateways.sandbox.stripe.backoffice import StripeBackOffice
from gateways.sandbox.stripe.books import ACCOUNTS, CHARGES, INTENTS, REFUNDS, SLUG, Books
from gateways.sandbox.stripe.browser import Browser
from gateways.sandbox.stripe.currencies import iso_minor
from gateways.sandbox.stripe.errors import ApiError, key_in_use, malformed, unauthorized
from gateways.sandbox.stripe.idempotency import HEADER, IdempotencyKeys
from gateways.sandbox.stripe.pages import Pages
from gateways.sandbox.stripe.question import Question
from gateways.sandbox.sums import Sums

if TYPE_CHECKING:
    from gateways.sandbox.app import Sandbox

log = logging.getLogger("gateways.sandbox.stripe")
BASE = "/stripe/v1"
Work = Callable[[Books, Question], Answer]

# method, path below the base, operation (the name that faults use), work
API: tuple[tuple[str, str, str, Work], ...] = (
    ("POST", "/customers", "customer", methods.create_customer),
    ("GET", "/customers/{id}", "customer", methods.show_customer),
    ("POST", "/payment_methods", "payment_method", methods.create_method),
    ("GET", "/payment_methods/{id}", "payment_method", methods.show_method),
    ("POST", "/payment_methods/{id}/attach", "payment_method", methods.attach_method),
    ("POST", "/payment_methods/{id}/detach", "detach", methods.detach_method),
    ("POST", "/payment_intents", "payment_intents", intents.create),
    ("GET", "/payment_intents/search", "search", intents.search),
    ("GET", "/payment_intents/{id}", "retrieve", intents.show),
    ("POST", "/payment_intents/{id}/confirm", "confirm", intents.confirm),
    ("POST", "/payment_intents/{id}/capture", "capture", intents.capture),
    ("POST", "/payment_intents/{id}/cancel", "cancel", intents.cancel),
    ("GET", "/charges", "charges", intents.charges),
    ("GET", "/charges/{id}", "charges", intents.show_charge),
    ("POST", "/refunds", "refund", refunds.create),
    ("GET", "/refunds", "refunds", refunds.listed),
    ("GET", "/refunds/{id}", "refunds", refunds.show),
    ("GET", "/disputes", "disputes", disputes.listed),
    ("GET", "/disputes/{id}", "disputes", disputes.show),
    ("GET", "/payouts", "payouts", settlement.list_payouts),
    ("POST", "/reporting/report_runs", "report_run", settlement.create_run),
    ("GET", "/reporting/report_runs/{id}", "report_run", settlement.show_run),
    ("GET", "/files/{id}/contents", "report_file", settlement.contents),
)
# What a guest's browser may do, with the publishable key and the intent's own secret.
OPEN_TO_BROWSERS = frozenset({"retrieve", "confirm"})
# Chosen: Stripe says "up to three days with an exponential backoff" and not how.
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 10, 12 * 3600
# Where an event's object has the amount that a fault spoils.
_AMOUNTS = ("amount", "amount_received", "amount_captured")
_UNSIGNED = "sandbox_unsigned"


class StripeProcessor:
    """The stand-in for Stripe."""

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
            account_names=lambda: [account.account for account in self.books.accounts()],
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
            *StripeBackOffice(self.books).routes(),
        ]

    async def respond(self, work: Work, call: Call, hold_seconds: float) -> Answer:
        """Authenticate, replay or do the work, and answer in Stripe's form."""
        headers = {"Request-Id": self.books.new_id("req"), "Stripe-Version": objects.API_VERSION}
        try:
            question = self._question(call)
            key = call.headers.get("idempotency-key") if call.method == "POST" else None
            answer = await self._once(work, question, key, hold_seconds)
        except ApiError as error:
            answer = error.answer()
        echoed = {HEADER: call.headers["idempotency-key"]} if "idempotency-key" in call.headers else {}
        answer.headers.update({**headers, **echoed})
        return answer

    def fault_answer(self, fault: str) -> Answer:
        """Return Stripe's way of saying error, unavailable or in_progress."""
        match fault:
            case "in_progress":
                return key_in_use().answer()
            case "unavailable":
                return ApiError(503, "api_error", "Stripe is not available right now.").answer()
            case _:
                return ApiError(500, "api_error", "An unknown error occurred.").answer()

    def dispatch(self, delivery: Document) -> Dispatch | None:
        """Address an event to the account's endpoint; every attempt is signed anew, with the time of sending."""
        account = self.books.account(delivery["account"])
        if account is None or not account.webhook_url:
            return None
        item = {name: value for name, value in delivery["item"].items() if name != _UNSIGNED}
        body = json.dumps(item, ensure_ascii=False, indent=2).encode()
        secret = "whsec_nobody" if _UNSIGNED in delivery["item"] else account.webhook_secret
        moment = int(time.time())
        digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": f"t={moment},v1={digest},v0={'0' * 64}",
        }
        return Dispatch(url=account.webhook_url, headers=headers, body=body)

    def sign(self, account: str, item: Document) -> Document:
        """Return the item as it is: the signature is of the moment of sending."""
        return item

    def spoil(self, account: str, item: Document, fault: str) -> Document:
        """Return the item as a fault would have it."""
        spoiled = copy.deepcopy(item)
        thing = spoiled["data"]["object"]
        match fault:
            case "wrongly_signed":
                spoiled[_UNSIGNED] = True
            case "wrong_amount":
                thing.update({name: thing[name] + 100 for name in _AMOUNTS if thing.get(name)})
            case _:
                thing["currency"] = "eur" if thing.get("currency") == "usd" else "usd"
        return spoiled

    def compose(self, wish: Document) -> tuple[str, str, Document]:
        """Return account, type and event of a hand-made webhook."""
        name, kind = wish.pop("account", None), wish.get("type")
        account = self.books.account(name) if isinstance(name, str) else None
        if account is None:
            raise BadWish("account must name an account", status=422)
        if not isinstance(kind, str):
            raise BadWish("type is missing", status=422)
        event = objects.event(
            name=self.books.new_id("evt"), at=int(time.time()), live=account.live, kind=kind, thing={}, before=None
        )
        return account.account, kind, {**event, **wish}

    def retry_wait(self, attempts: int) -> float:
        """Return the seconds until the next attempt after this many failed ones."""
        return float(min(FIRST_RETRY_SECONDS * 3 ** (attempts - 1), LONGEST_RETRY_SECONDS))

    def money(self) -> list[Document]:
        """Return authorized, captured, refunded, cancelled and charged back by account, reference and currency."""
        sums = Sums(SLUG)
        for intent in self.books.store.all(INTENTS).values():
            api, charge = intent["api"], self._charge(intent)
            if charge is None:
                continue
            currency = api["currency"]
            given_back = sum(
                refund["api"]["amount"]
                for refund in self.books.of_intent(REFUNDS, api["id"])
                if refund["api"]["status"] not in ("failed", "canceled")
            )
            moved = {
                "authorized": charge["amount"],
                "captured": api["amount_received"],
                "refunded": given_back,
                "cancelled": charge["amount"] if api["status"] == "canceled" else 0,
                "charged_back": disputes.taken(self.books, intent),
            }
            key = (intent["account"], api["metadata"].get("reference", ""), currency.upper())
            sums.add(key, **{name: iso_minor(amount, currency) for name, amount in moved.items()})
        return sums.rows()

    def _charge(self, intent: Document) -> Document | None:
        """Return the charge that succeeded, None while there is none."""
        name = intent["api"]["latest_charge"]
        charge: Document | None = self.books.find(CHARGES, name)["api"] if name else None
        return charge if charge is not None and charge["status"] == "succeeded" else None

    def _question(self, call: Call) -> Question:
        found = account_for(self.books.accounts(), call.headers.get("authorization", ""))
        if found is None or (not found[1] and call.operation not in OPEN_TO_BROWSERS):
            raise unauthorized()
        return Question(call=call, account=found[0], is_secret=found[1], given=_given(call))

    async def _once(self, work: Work, question: Question, key: str | None, hold_seconds: float) -> Answer:
        """Do the work, or give the first answer to the key again."""
        if not key:
            answer, _ = self._work(work, question)
            await self._save_and_hold(hold_seconds)
            return answer
        account, call = question.account.account, question.call
        known = self._keys.begin(account, key, call)
        if known is not None:
            return known
        try:
            answer, is_executed = self._work(work, question)
            if is_executed:
                self._keys.keep(account, key, call, answer)
            await self._save_and_hold(hold_seconds)
        finally:
            self._keys.end(account, key)
        return answer

    def _work(self, work: Work, question: Question) -> tuple[Answer, bool]:
        """Return the answer, and whether anything was carried out for it."""
        try:
            answer = work(self.books, question)
        except ApiError as error:
            refused = error.answer()
            return Answer(status=refused.status, body=copy.deepcopy(refused.body)), not error.is_validation
        except Exception as error:  # noqa: BLE001, any bug is answered as Stripe would
            # The message is left out: it could repeat a card number.
            frames = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s while answering %s\n%s", type(error).__name__, question.call.operation, frames)
            return ApiError(500, "api_error", "An unknown error occurred.").answer(), True
        # What is answered stays as it was answered, whatever changes later.
        return Answer(
            status=answer.status, body=copy.deepcopy(answer.body), content=answer.content, notes=answer.notes
        ), True

    async def _save_and_hold(self, seconds: float) -> None:
        self._sandbox.store.save()
        if seconds:
            await asyncio.sleep(seconds)


def build(sandbox: "Sandbox") -> StripeProcessor:
    """Return the processor that lives in a sandbox."""
    return StripeProcessor(sandbox)


def _given(call: Call) -> Document:
    """Return the parameters of a request, from its body or its query."""
    if call.method == "POST":
        if not call.raw:
            return {}
        content_type = call.headers.get("content-type", "")
        if not content_type.startswith("application/x-www-form-urlencoded") or not isinstance(call.json, dict):
            raise malformed("Invalid request: parameters are sent form-encoded.")
        return dict(call.json)
    try:
        return read_form(urlencode(call.query))
    except BadForm as error:
        raise malformed(str(error)) from error
