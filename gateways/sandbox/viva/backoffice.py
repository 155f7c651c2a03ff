"""The Viva part of the control API: merchants, orders, transactions, and what a back office and banks do to them."""

from typing import Any

import aiohttp
from aiohttp import web

from gateways.sandbox.backoffice import BackOffice
from gateways.sandbox.control import BadWish, read_wish
from gateways.sandbox.store import Document
from gateways.sandbox.viva import orders, transactions
from gateways.sandbox.viva.books import ACCESS, ACCOUNTS, CAPTURE, CHARGE, EXPIRED, PENDING, Books
from gateways.sandbox.viva.cards import BadCard
from gateways.sandbox.viva.pages import return_url

PREFIX = "/control/viva"
DISPUTES = {"dispute": "M", "lose_dispute": "ML", "win_dispute": "MW"}


class VivaBackOffice(BackOffice[Books]):
    """The handlers below /control/viva."""

    prefix = PREFIX
    accounts_kind = ACCOUNTS
    account_field = "merchant_id"
    refusals = (BadCard, orders.OrderIsOver)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        saved = self.saved
        return [
            *self.account_routes(),
            web.post(f"{PREFIX}/accounts/{{merchant}}/verify", saved(self.verify_webhook)),
            web.delete(f"{PREFIX}/access_tokens", saved(self.end_tokens)),
            web.get(f"{PREFIX}/orders/{{code}}", saved(self.show_order)),
            web.post(f"{PREFIX}/orders/{{code}}/pay", saved(self.pay_order)),
            web.post(f"{PREFIX}/orders/{{code}}/{{ending:expire|cancel}}", saved(self.end_order)),
            web.get(f"{PREFIX}/transactions", saved(self.list_transactions)),
            web.get(f"{PREFIX}/transactions/{{id}}", saved(self.show_transaction)),
            web.post(f"{PREFIX}/transactions/{{id}}/{{action}}", saved(self.act)),
        ]

    def refused(self, error: Any) -> web.Response:
        """Refuse the wish: no API of the vendor's has these calls."""
        raise BadWish(str(error), status=422) from error

    async def verify_webhook(self, request: web.Request) -> web.Response:
        """Ask the merchant's address for the key, as Viva does when a webhook is set up."""
        account = self._books.account(request.match_info["merchant"])
        if account is None or not account.webhook_url:
            raise BadWish("there is no such account, or it has no webhook_url", status=404)
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as client,
                client.get(account.webhook_url, allow_redirects=False) as answer,
            ):
                said = await answer.json(content_type=None)
                is_verified = answer.status == 200 and said == {"Key": account.webhook_key}
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
            is_verified = False
        return web.json_response({"verified": is_verified})

    async def end_tokens(self, _: web.Request) -> web.Response:
        """Let every access token run out."""
        for token in list(self._books.store.all(ACCESS)):
            self._books.store.remove(ACCESS, token)
        return web.json_response({"status": "ok"})

    async def show_order(self, request: web.Request) -> web.Response:
        """Show an order with its present state."""
        return web.json_response(self._order(request))

    async def pay_order(self, request: web.Request) -> web.Response:
        """Pay an order as a guest would; the bank's question is answered rightly unless `authenticates` is false."""
        order, wish = self._order(request), await read_wish(request)
        names = {"number", "expiryMonth", "expiryYear", "cvc", "holderName"}
        if unknown := set(wish) - names - {"eventId", "authenticates", "pending"}:
            raise BadWish(f"unknown field {sorted(unknown)[0]!r}")
        says = wish.get("eventId")
        if says is not None and (not isinstance(says, int) or isinstance(says, bool) or says < 0):
            raise BadWish("eventId must be a whole number")
        made = orders.attempt(
            self._books,
            order,
            {name: str(wish[name]) for name in names if wish.get(name) is not None},
            says=2062 if wish.get("authenticates") is False else says,
            is_pending=wish.get("pending") is True,
        ).transaction
        assert made is not None
        answer = {"transactionId": made["id"], "orderCode": order["code"], "statusId": made["status"]}
        url = return_url(self._books, order, made, made["event_id"])
        return web.json_response({**answer, "eventId": made["event_id"], "returnUrl": url})

    async def end_order(self, request: web.Request) -> web.Response:
        """Let an order's time run out, of which Viva tells nobody; or cancel it, as the guest's button does."""
        order = self._order(request)
        if request.match_info["ending"] == "cancel":
            orders.end(self._books, order)
        elif order["state"] == PENDING:
            order["state"] = EXPIRED
            self._books.keep_order(order)
        return web.json_response(order)

    async def list_transactions(self, request: web.Request) -> web.Response:
        """Show the transactions, oldest first, of an order or a reference or of all."""
        code, reference = request.query.get("orderCode"), request.query.get("reference")
        found = [
            one
            for one in self._books.transactions()
            if code in (None, str(one["order_code"])) and reference in (None, one["merchant_trns"])
        ]
        return web.json_response({"transactions": found})

    async def show_transaction(self, request: web.Request) -> web.Response:
        """Show one transaction."""
        return web.json_response(self._transaction(request))

    async def act(self, request: web.Request) -> web.Response:
        """Do something to a transaction in the banking app, or have a bank do it."""
        found, wish = self._transaction(request), await read_wish(request)
        made: Document | None = None
        match request.match_info["action"]:
            case "refund":
                left = transactions.left_of(self._books, found)
                made = transactions.reverse(self._books, found, _minor(wish.get("amount"), left))
            case "dispute" | "lose_dispute" | "win_dispute" as what:
                if found["type"] not in (CHARGE, CAPTURE) or found["status"] == "E":
                    raise BadWish("only a payment can be disputed", status=422)
                found["status"] = DISPUTES[what]
                left = found["amount"] - transactions.gone_of(self._books, found)
                found["charged_back"] = left if what == "lose_dispute" else 0
                self._books.keep(found)
            case "authorise" | "refuse" as decision:
                if found["status"] != "A":
                    raise BadWish("the payment is not pending", status=422)
                transactions.settle(self._books, found, is_yes=decision == "authorise")
            case "bank":
                found["bank_says"] = _minor(wish.get("eventId"), 0)
                self._books.keep(found)
            case "yesterday":
                found["at"] -= 24 * 3600
                self._books.keep(found)
            case unknown:
                raise BadWish(f"there is no action {unknown!r}", status=404)
        return web.json_response({"transactionId": (made or found)["id"], "transaction": found})

    def _order(self, request: web.Request) -> Document:
        order = self._books.order(request.match_info["code"])
        if order is None:
            raise BadWish("there is no such order", status=404)
        return order

    def _transaction(self, request: web.Request) -> Document:
        found = self._books.transaction(request.match_info["id"])
        if found is None:
            raise BadWish("there is no such transaction", status=404)
        return found


def _minor(value: Any, otherwise: int) -> int:
    if value is None:
        return otherwise
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadWish("amount must be a whole number of minor units, and eventId a whole number")
    return value
