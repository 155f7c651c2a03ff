"""Penny at the sandbox: orders over HTTP, paid by a guest, given back, looked up."""

import secrets
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import web

from gateways.sandbox.control import BadWish, read_wish
from gateways.sandbox.pipeline import Endpoint
from gateways.sandbox.processor import Answer, Call, Dispatch
from gateways.sandbox.store import Document
from gateways.sandbox.sums import Sums

if TYPE_CHECKING:
    from gateways.sandbox.app import Sandbox

ACCOUNTS, ORDERS = "penny.accounts", "penny.orders"
REFUSED_CARD = "4000000000000002"
API = (
    ("POST", "/penny/orders", "open"),
    ("GET", "/penny/orders", "find"),
    ("GET", "/penny/orders/{id}", "show"),
    ("POST", "/penny/orders/{id}/refunds", "refund"),
)


class PennyProcessor:
    """The stand-in for Penny."""

    slug = "penny"
    operations = frozenset(operation for _, _, operation in API)
    account_kinds = frozenset({ACCOUNTS})

    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox, self._store = sandbox, sandbox.store

    def routes(self) -> Sequence[web.RouteDef]:
        """Return the API and the control routes."""
        calls = [
            web.route(method, path, Endpoint(self._sandbox, self, operation, partial(self.respond, operation)).handle)
            for method, path, operation in API
        ]
        return [
            *calls,
            web.put("/control/penny/accounts/{shop}", self.put_account),
            web.post("/control/penny/orders/{id}/pay", self.pay),
        ]

    async def respond(self, operation: str, call: Call, _hold_seconds: float) -> Answer:
        """Authenticate, do the work, and answer."""
        keys = {f"Bearer {account['api_key']}": account["shop"] for account in self._store.all(ACCOUNTS).values()}
        shop = keys.get(call.headers.get("authorization", ""))
        if shop is None:
            return Answer(status=401, body={})
        if operation == "open":
            return self._open(shop, call.json)
        if operation == "find":
            found = [one for one in self._orders(shop) if one["reference"] == call.query["reference"]]
            return Answer(status=200, body={"orders": found})
        order = self._store.get(ORDERS, call.parameters["id"])
        if order is None:
            return Answer(status=404, body={})
        return self._refund(order, call.json) if operation == "refund" else Answer(status=200, body=order)

    async def put_account(self, request: web.Request) -> web.Response:
        """Add an account, or change it."""
        account = await read_wish(request)
        self._store.put(ACCOUNTS, request.match_info["shop"], account)
        return web.json_response({"shop": account["shop"]})

    async def pay(self, request: web.Request) -> web.Response:
        """Pay an order as a guest would."""
        order, card = self._store.get(ORDERS, request.match_info["id"]), await read_wish(request)
        if order is None:
            raise BadWish("there is no such order", status=404)
        is_refused = card["number"].replace(" ", "") == REFUSED_CARD
        order.update({"state": "refused", "reason": "poor"} if is_refused else {"state": "paid"})
        return web.json_response(order)

    def fault_answer(self, fault: str) -> Answer:
        """Return Penny's way of saying error, unavailable or in_progress."""
        return Answer(status=429 if fault == "in_progress" else 503, body={})

    def money(self) -> list[Document]:
        """Return Penny's own record of money."""
        sums = Sums(self.slug)
        for order in self._store.all(ORDERS).values():
            taken = _taken(order)
            key = (order["shop"], order["reference"], order["currency"])
            sums.add(key, authorized=taken, captured=taken, refunded=_given_back(order))
        return sums.rows()

    def dispatch(self, delivery: Document) -> Dispatch | None:
        """Return nothing: Penny sends no webhooks."""

    def sign(self, account: str, item: Document) -> Document:
        """Return the item as it is."""
        return item

    def spoil(self, account: str, item: Document, fault: str) -> Document:
        """Return the item as it is."""
        return item

    def compose(self, wish: Document) -> tuple[str, str, Document]:
        """Refuse: Penny sends no webhooks."""
        raise BadWish("Penny sends no webhooks")

    def retry_wait(self, attempts: int) -> float | None:
        """Return that nothing is tried again."""

    def _orders(self, shop: str) -> list[Document]:
        return [order for order in self._store.all(ORDERS).values() if order["shop"] == shop]

    def _open(self, shop: str, wish: Any) -> Answer:
        name = f"PO{secrets.token_hex(6)}"
        order = {"id": name, "shop": shop, **wish, "state": "open", "page": f"https://penny.example.com/{name}"}
        self._store.put(ORDERS, name, {**order, "refunds": []})
        return Answer(status=201, body=order)

    def _refund(self, order: Document, wish: Any) -> Answer:
        if wish["amount"] > _taken(order) - _given_back(order):
            return Answer(status=422, body={})
        made = {"id": f"PR{secrets.token_hex(6)}", **wish}
        order["refunds"].append(made)
        return Answer(status=201, body=made)


def build(sandbox: "Sandbox") -> PennyProcessor:
    """Return the processor that lives in a sandbox."""
    return PennyProcessor(sandbox)


def _taken(order: Document) -> int:
    return order["amount"] if order["state"] == "paid" else 0


def _given_back(order: Document) -> int:
    return sum(refund["amount"] for refund in order["refunds"])
