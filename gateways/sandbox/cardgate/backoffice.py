"""The CardGate part of the control API: accounts, guests, kept cards, and what is done in the vendor's portal."""

from typing import Any

from aiohttp import web

from gateways.sandbox.backoffice import BackOffice
from gateways.sandbox.cardgate import attempts, refunds
from gateways.sandbox.cardgate.books import ACCOUNTS, TOKENS, Books
from gateways.sandbox.cardgate.cards import NEEDS_GUEST, OK
from gateways.sandbox.cardgate.errors import ApiError
from gateways.sandbox.control import BadWish, read_wish
from gateways.sandbox.store import Document

PREFIX = "/control/cardgate"


class CardGateBackOffice(BackOffice[Books]):
    """The handlers below /control/cardgate. An invoice may be named by its id or by the merchant's reference."""

    prefix = PREFIX
    accounts_kind = ACCOUNTS
    account_field = "account_id"
    refusals = (ApiError,)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        saved = self.saved
        return [
            *self.account_routes(),
            web.get(f"{PREFIX}/invoices", saved(self.list_invoices)),
            web.get(f"{PREFIX}/invoices/{{id}}", saved(self.show_invoice)),
            web.post(f"{PREFIX}/invoices/{{id}}/pay", saved(self.pay)),
            web.post(f"{PREFIX}/invoices/{{id}}/{{action}}", saved(self.act)),
            web.get(f"{PREFIX}/tokens", saved(self.list_tokens)),
            web.post(f"{PREFIX}/tokens/{{token}}/{{change:resolution|forget}}", saved(self.change_token)),
        ]

    async def list_invoices(self, request: web.Request) -> web.Response:
        """Show the invoices, oldest first; amounts are minor units here."""
        found = self._books.invoices(reference=request.query.get("reference"))
        return web.json_response({"invoices": list(found)})

    async def show_invoice(self, request: web.Request) -> web.Response:
        """Show one invoice."""
        return web.json_response(self._invoice(request))

    async def pay(self, request: web.Request) -> web.Response:
        """Pay an invoice as a guest would; 3-D Secure is passed without a challenge."""
        wish = await read_wish(request)
        names = {"number", "expiryMonth", "expiryYear", "cvc", "holderName"}
        if unknown := sorted(set(wish) - names):
            raise BadWish(f"unknown field {unknown[0]!r}")
        invoice = self._invoice(request)
        fields = {name: str(value) for name, value in wish.items() if value is not None}
        attempts.pay(self._books, invoice, fields, may_challenge=False)
        return web.json_response(_told(invoice))

    async def act(self, request: web.Request) -> web.Response:
        """Do something to an invoice in the vendor's portal, or let time or a bank do it; a callback follows."""
        invoice, wish = self._invoice(request), await read_wish(request)
        books, amount = self._books, _amount(wish)
        match request.match_info["action"]:
            case "expire" | "terminate" as ending:
                attempts.check_open(invoice)
                books.end(invoice, "expired" if ending == "expire" else "terminated")
            case "approve" | "refuse" as decision:
                attempts.settle(books, invoice, is_yes=decision == "approve")
            case "refund":
                account = books.account(invoice["account"])
                assert account is not None
                left = refunds.refundable(invoice) if amount is None else amount
                refunds.refund(books, invoice, amount=left, reference=None, account=account)
            case "settle_refund" | "fail_refund" as decision:
                refunds.settle(books, invoice, is_yes=decision == "settle_refund")
            case "chargeback":
                refunds.charge_back(books, invoice, amount)
            case unknown:
                raise BadWish(f"there is no action {unknown!r}", status=404)
        return web.json_response({**_told(invoice), "invoice": invoice})

    async def list_tokens(self, request: web.Request) -> web.Response:
        """Show the kept cards, of one customer or of all."""
        wanted = request.query.get("customer")
        kept = self._books.store.all(TOKENS).values()
        return web.json_response({"tokens": [row for row in kept if wanted in (None, row["customer"])]})

    async def change_token(self, request: web.Request) -> web.Response:
        """Forget a kept card, or set the resolution that its bank will give: ok, pending, or a refusal."""
        token = self._books.store.get(TOKENS, request.match_info["token"])
        if token is None:
            raise BadWish("there is no such token", status=404)
        if request.match_info["change"] == "forget":
            self._books.store.remove(TOKENS, token["token"])
        else:
            resolution = (await read_wish(request)).get("resolution")
            if not isinstance(resolution, str) or not resolution:
                raise BadWish(f"resolution must be {OK}, pending, {NEEDS_GUEST} or a refusal")
            token["resolution"] = resolution
            self._books.store.put(TOKENS, token["token"], token)
        return web.json_response(token)

    def _invoice(self, request: web.Request) -> Document:
        name = request.match_info["id"]
        named = next(self._books.invoices(reference=name), None)
        try:
            return named if named is not None else self._books.invoice(name)
        except ApiError:
            raise BadWish("there is no such invoice", status=404) from None


def _told(invoice: Document) -> Document:
    return {"invoiceId": invoice["id"], "status": invoice["status"], "resolution": invoice["resolution"]}


def _amount(wish: dict[str, Any]) -> int | None:
    value = wish.get("amount")
    if value is not None and (type(value) is not int or value < 1):
        raise BadWish("amount must be a whole number of minor units")
    return value
