"""The Spreedly part of the control API: accounts, cards that guests enter, and what happens to charges elsewhere."""

from typing import Any

from aiohttp import web

from gateways.sandbox.backoffice import BackOffice
from gateways.sandbox.control import BadWish, read_wish
from gateways.sandbox.spreedly import cards, charges, followups, proofs, transactions
from gateways.sandbox.spreedly.accounts import Account
from gateways.sandbox.spreedly.books import ACCOUNTS, CARDS, Books
from gateways.sandbox.spreedly.errors import ApiError
from gateways.sandbox.store import Document

PREFIX = "/control/spreedly"


class SpreedlyBackOffice(BackOffice[Books]):
    """The handlers below /control/spreedly."""

    prefix = PREFIX
    accounts_kind = ACCOUNTS
    account_field = "environment_key"
    refusals = (ApiError,)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        saved = self.saved
        return [
            *self.account_routes(),
            web.post(f"{PREFIX}/environments/{{account}}/pay", saved(self.pay)),
            web.get(f"{PREFIX}/cards", saved(self.list_cards)),
            web.post(f"{PREFIX}/cards/{{token}}/{{change:purge|redact|holder}}", saved(self.change_card)),
            web.get(f"{PREFIX}/transactions", saved(self.list_transactions)),
            web.get(f"{PREFIX}/transactions/{{token}}", saved(self.show_transaction)),
            web.post(f"{PREFIX}/transactions/{{token}}/{{action}}", saved(self.act)),
        ]

    async def pay(self, request: web.Request) -> web.Response:
        """Enter a card as a guest would on a page, and get the token that the page gets."""
        wish = await read_wish(request)
        unknown = set(wish) - cards.FIELDS - set(proofs.NAMES)
        if unknown:
            raise BadWish(f"unknown field {sorted(unknown)[0]!r}")
        account = self._account(request.match_info["account"])
        proofs.check_page(self._books, account, wish)
        card = cards.new_card(self._books, account, wish)
        proofs.use_up(self._books, account, wish)
        return web.json_response({"token": card["token"], "payment_method": cards.shown(card)}, status=201)

    async def list_cards(self, _: web.Request) -> web.Response:
        """Show the cards, oldest first."""
        return web.json_response({"cards": [cards.shown(card) for card in self._books.store.all(CARDS).values()]})

    async def change_card(self, request: web.Request) -> web.Response:
        """Let a card that was not kept be purged, redact one in Spreedly's own pages, or put another name on it, which
        decides what its bank says.
        """
        card = self._books.card(request.match_info["token"])
        match request.match_info["change"]:
            case "purge":
                if card["storage_state"] != "cached":
                    raise BadWish("only a card that is not kept is purged", status=422)
                self._books.store.remove(CARDS, card["token"])
            case "redact":
                card["storage_state"] = "redacted"
                self._books.keep_card(card)
            case _:
                card["full_name"] = str((await read_wish(request)).get("full_name") or "")
                card["says"] = cards.word_of(card["full_name"])
                self._books.keep_card(card)
        return web.json_response(cards.shown(card))

    async def list_transactions(self, request: web.Request) -> web.Response:
        """Show the transactions, oldest first."""
        found = self._books.transactions(
            account=request.query.get("environment_key"), order_id=request.query.get("order_id")
        )
        return web.json_response({"transactions": list(found)})

    async def show_transaction(self, request: web.Request) -> web.Response:
        """Show one transaction."""
        return web.json_response(self._transaction(request))

    async def act(self, request: web.Request) -> web.Response:
        """Let the guest pass or fail 3-D Secure or walk away, or do something in Spreedly's own pages.

        Spreedly tells nobody what was done in its pages.
        """
        transaction, wish = self._transaction(request), await read_wish(request)
        account = self._account(transaction["account"])
        amount = {} if wish.get("amount") is None else {"amount": wish["amount"]}
        done: Document | None = None
        match request.match_info["action"]:
            case "authenticate":
                self._waits(transaction)
                charges.authenticate(self._books, transaction, passed=wish.get("passed", True) is True)
            case "abandon":
                self._waits(transaction)
                transaction["is_abandoned"] = True
                self._books.keep_transaction(transaction)
            case "refund":
                done = followups.credit(self._books, account, transaction, amount)
            case "capture":
                done = followups.capture(self._books, account, transaction, amount)
            case "void":
                done = followups.void(self._books, account, transaction, {})
            case unknown:
                raise BadWish(f"there is no action {unknown!r}", status=404)
        answer: dict[str, Any] = {"transaction": transaction}
        if done is not None:
            answer["done"] = done
        return web.json_response(answer)

    def _waits(self, transaction: Document) -> None:
        if transaction["state"] != transactions.PENDING:
            raise BadWish("the transaction does not wait for a guest", status=422)

    def _account(self, name: str) -> Account:
        account = self._books.account(name)
        if account is None:
            raise BadWish("there is no such environment", status=404)
        return account

    def _transaction(self, request: web.Request) -> Document:
        try:
            return self._books.transaction(request.match_info["token"])
        except ApiError:
            raise BadWish("there is no such transaction", status=404) from None
