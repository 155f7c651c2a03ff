"""Pages for a person with a browser: pay an invoice, and the bank's 3-D Secure challenge."""

from html import escape

from aiohttp import web

from gateways.sandbox.cardgate import attempts
from gateways.sandbox.cardgate.books import CHALLENGES, OPEN, TOKENS, Books
from gateways.sandbox.cardgate.currencies import as_text
from gateways.sandbox.cardgate.errors import ApiError
from gateways.sandbox.cardgate.invoices import return_address
from gateways.sandbox.pages import CardFields, Frame, gives_password, heading, typed_expiry
from gateways.sandbox.store import Document

FIELDS = CardFields(optional=frozenset({"holderName"}))
FRAME = Frame(
    color="#3b3fa8",
    night_color="#6b70e0",
    test_cards=(
        ("Pays", "5519 2838 1203 0000, any expiry date to come, any code"),
        ("Asks for 3-D Secure", "5123 8172 3406 0000, any expiry date to come, any code"),
        ("Stays pending", "either of them with expiry 07/77"),
        ("Is refused", "4302 9128 3702 0000: expiry 05/29 no funds, 09/33 declined, 04/28 expired, 03/27 code"),
        ("Refunds go wrong", "name on card refund failed, or refund pending"),
    ),
)


class Pages:
    """The handlers of the pages. Nothing that is typed into a card field is ever written back into a page."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/cardgate/hpp/{sid}", self.show),
            web.post("/cardgate/hpp/{sid}", self.pay),
            web.get("/cardgate/3ds/{challenge}", self.show_challenge),
            web.post("/cardgate/3ds/{challenge}", self.answer_challenge),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Show the form, or that the invoice is over."""
        try:
            invoice = self._books.invoice_of_sid(request.match_info["sid"])
        except ApiError:
            return FRAME.not_found("There is no such payment.")
        self._books.store.save()
        refused = invoice["status"] == "process_error"
        return self._form(invoice, f"The card was refused: {invoice['resolution']}." if refused else "")

    async def pay(self, request: web.Request) -> web.Response:
        """Try to pay, and send the guest on, or show why not."""
        try:
            invoice = self._books.invoice_of_sid(request.match_info["sid"])
        except ApiError:
            return FRAME.not_found("There is no such payment.")
        form = await request.post()
        month, year = typed_expiry(form)
        fields = {name: str(form.get(name, "")) for name in ("number", "cvc", "holderName")}
        fields |= {"expiryMonth": month, "expiryYear": year}
        try:
            attempts.pay(self._books, invoice, fields, may_challenge=True)
        except ApiError as error:
            return self._form(invoice, error.detail, holder_name=fields["holderName"], status=422)
        finally:
            self._books.store.save()
        return self._after(invoice)

    async def show_challenge(self, request: web.Request) -> web.Response:
        """Show the bank's question."""
        waiting = self._books.store.get(CHALLENGES, request.match_info["challenge"])
        if waiting is None:
            return FRAME.not_found("This confirmation is over.")
        invoice = self._books.invoice(waiting["invoice"])
        amount = as_text(invoice["amount"], invoice["currency"])
        return FRAME.bank_asks(amount, last4=invoice["card"]["last"])

    async def answer_challenge(self, request: web.Request) -> web.Response:
        """Check the password and send the guest on."""
        passed = await gives_password(request)
        try:
            invoice = attempts.finish_challenge(self._books, request.match_info["challenge"], passed=passed)
        except ApiError as error:
            return FRAME.page("Payment", heading(error.detail), status=error.status)
        finally:
            self._books.store.save()
        return self._after(invoice)

    def _after(self, invoice: Document) -> web.Response:
        if invoice["challenge"]:
            return FRAME.see_other(f"/cardgate/3ds/{invoice['challenge']}")
        back = return_address(invoice)
        if invoice["status"] == "process_error" or not back:
            return FRAME.see_other(f"/cardgate/hpp/{invoice['sid']}")
        return FRAME.see_other(back)

    def _form(self, invoice: Document, notice: str, *, holder_name: str = "", status: int = 200) -> web.Response:
        amount = as_text(invoice["amount"], invoice["currency"])
        above = heading("Pay", amount, f"Reference {invoice['reference_id']}")
        if invoice["status"] not in OPEN or attempts.is_pending(invoice):
            return FRAME.ended(above, f"This payment is {invoice['status']}.", back=return_address(invoice))
        fields = FIELDS.all(holder_name=holder_name)
        kept = self._books.store.get(TOKENS, invoice["token"]) if invoice["token"] else None
        if kept is not None:
            card = escape(kept["card"]["last"])
            fields = f"<p>Pay with your card ending in <strong>{card}</strong>.</p>{FIELDS.code_alone()}"
        if invoice["tokenize"]:
            fields += "<p>Your card is kept for later payments.</p>"
        return FRAME.form(amount, above, fields, notice=notice, status=status)
