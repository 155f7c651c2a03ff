"""Pages for a person with a browser: enter a card as on Express, and answer the bank.

The card's page stands where Spreedly's script would open one in the shop's own page. It is asked for with what the
script is initialized with, and sends the guest back with `payment_method_token`.
"""

from aiohttp import web

from gateways.sandbox.pages import CardFields, Frame, gives_password, heading, typed_expiry, web_address, with_query
from gateways.sandbox.spreedly import cards, charges, proofs, transactions
from gateways.sandbox.spreedly.books import Books
from gateways.sandbox.spreedly.charges import FINGERPRINT
from gateways.sandbox.spreedly.currencies import as_text
from gateways.sandbox.spreedly.errors import ApiError
from gateways.sandbox.store import Document

FIELDS = CardFields(code="verification_value", holder="full_name", optional=frozenset({"verification_value"}))
FRAME = Frame(
    color="#0b5cad",
    night_color="#2f7de1",
    test_cards=(
        ("Pays", "4111 1111 1111 1111 (Visa), 5555 5555 5555 4444 (Mastercard), any date to come, any code"),
        ("Is declined", "4012 8888 8888 1881 (Visa), 5105 1051 0510 5100 (Mastercard)"),
        (
            "Is declined for a reason",
            "name on card insufficient funds, expired card, do not honor, lost stolen card, ...",
        ),
        ("Asks for 3-D Secure", "4556 7610 2998 3886; fails it: 4024 0071 0193 4890"),
        ("Nobody knows", "name on card result unknown"),
    ),
    framed_by="*",
)


class Pages:
    """The handlers of the pages. Nothing that is typed into a card field is ever written back into a page."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/spreedly/express", self.show),
            web.post("/spreedly/express", self.pay),
            web.get("/spreedly/bank/{token}", self.show_bank),
            web.post("/spreedly/bank/{token}", self.answer_bank),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Show the form."""
        return self._form(request, notice="")

    async def pay(self, request: web.Request) -> web.Response:
        """Keep the card and send the guest back with its token, or show why not."""
        account = self._books.account(request.query.get("env", ""))
        if account is None:
            return self._form(request, notice="")
        form = await request.post()
        month, year = typed_expiry(form)
        fields = {name: str(form.get(name, "")) for name in ("number", "verification_value", "full_name")}
        try:
            proofs.check_page(self._books, account, dict(request.query))
            card = cards.new_card(self._books, account, {**fields, "month": month, "year": year})
            proofs.use_up(self._books, account, dict(request.query))
        except ApiError as error:
            return self._form(request, notice=error.message, name=fields["full_name"], status=422)
        finally:
            self._books.store.save()
        back = web_address(request.query.get("redirect_url", ""))
        if back:
            return FRAME.see_other(with_query(back, {"payment_method_token": card["token"]}))
        return FRAME.page(
            "Card",
            f'<h1>The shop gets this token</h1><p class="soft"><code id="token">{card["token"]}</code></p>',
        )

    async def show_bank(self, request: web.Request) -> web.Response:
        """Show the bank's question."""
        transaction = self._waiting(request)
        if transaction is None:
            return FRAME.not_found("This confirmation is over.")
        if transaction["steps"][0] == FINGERPRINT:
            return FRAME.page("Fingerprint", '<h1 id="fingerprint">Your bank has looked at your browser.</h1>')
        last4 = self._books.card(transaction["card"])["last_four_digits"]
        amount = as_text(transaction["amount"], transaction["currency_code"])
        return FRAME.bank_asks(amount, last4=last4)

    async def answer_bank(self, request: web.Request) -> web.Response:
        """Check the password and send the guest back."""
        transaction = self._waiting(request)
        if transaction is None or transaction["steps"][0] == FINGERPRINT:
            return FRAME.not_found("This confirmation is over.")
        passed = await gives_password(request)
        charges.authenticate(self._books, transaction, passed=passed)
        self._books.store.save()
        back = web_address(transaction["redirect_url"])
        if not back:
            return FRAME.page("Done", "<h1>You can close this page.</h1>")
        return FRAME.see_other(with_query(back, {"transaction_token": transaction["token"]}))

    def _waiting(self, request: web.Request) -> Document | None:
        try:
            transaction = self._books.transaction(request.match_info["token"])
        except ApiError:
            return None
        return transaction if transaction["state"] == transactions.PENDING and transaction.get("steps") else None

    def _form(self, request: web.Request, *, notice: str, name: str = "", status: int = 200) -> web.Response:
        account = self._books.account(request.query.get("env", ""))
        if account is None:
            return FRAME.not_found("There is no such environment.")
        amount = request.query.get("amount", "")
        above = heading(request.query.get("company_name", "Pay by card"), amount)
        return FRAME.form(amount, above, FIELDS.all(holder_name=name), notice=notice, status=status)
