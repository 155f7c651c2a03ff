"""Smart Checkout, and the bank's question, for a person with a browser."""

from aiohttp import web

from gateways.sandbox.pages import CardFields, Frame, gives_password, heading, typed_expiry, with_query
from gateways.sandbox.store import Document
from gateways.sandbox.viva import orders
from gateways.sandbox.viva.books import CANCELLED, CHALLENGES, EXPIRED, PAID, PENDING, Books
from gateways.sandbox.viva.cards import CLOSED_BROWSER, NOT_AUTHENTICATED, BadCard
from gateways.sandbox.viva.currencies import as_text

CHECKOUT = "/viva/www/web/checkout"
FIELDS = CardFields(holder="")
FRAME = Frame(
    color="#1f4fbf",
    night_color="#4a78e0",
    test_cards=(
        ("Pays", "4147 4630 1111 0133 (Visa), 5239 2907 0000 0101 (Mastercard), any date to come, any code"),
        ("Asks for 3-D Secure", "5188 3400 0000 0060"),
        ("Is refused", "4147 4630 1111 0141 (Visa), 5239 2907 0000 0119 (Mastercard)"),
        ("Is refused for a reason", "an amount of 99.51 (funds), 99.54 (expired), 99.41 (lost card)"),
    ),
)
_GIVE_UP = '<button type="submit" name="action" value="cancel" class="quiet" formnovalidate>Back to the shop</button>'
_OVER = {EXPIRED: "This order has expired.", CANCELLED: "This order was cancelled.", PAID: "This order is paid."}


class Pages:
    """The handlers of the pages. Nothing that is typed into a card field is ever written back into a page."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def routes(self) -> list[web.RouteDef]:
        """Return the routes; `/web2` is the older address of the same page."""
        return [
            *(web.get(path, self.show) for path in (CHECKOUT, "/viva/www/web2")),
            web.post(CHECKOUT, self.pay),
            web.get("/viva/www/3ds/{name}", self.show_challenge),
            web.post("/viva/www/3ds/{name}", self.answer_challenge),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Show the form, or that the order is over."""
        order = self._order(request)
        return FRAME.not_found("There is no such order.") if order is None else self._form(order)

    async def pay(self, request: web.Request) -> web.Response:
        """Try to pay, or give up, and send the guest on; a refused guest may try again."""
        order = self._order(request)
        if order is None:
            return FRAME.not_found("There is no such order.")
        form = await request.post()
        try:
            if form.get("action") == "cancel":
                orders.check_open(order)
                orders.end(self._books, order)
                return self._leave(order, None, CLOSED_BROWSER)
            month, year = typed_expiry(form)
            typed = {"number": str(form.get("number", "")), "cvc": str(form.get("cvc", ""))}
            typed |= {"expiryMonth": month, "expiryYear": year}
            attempt = orders.attempt(self._books, order, typed, may_challenge=True)
        except BadCard as error:
            return self._form(order, notice=f"{error}.", status=422)
        except orders.OrderIsOver:
            return self._form(order)
        finally:
            self._books.store.save()
        if attempt.transaction is None:
            return FRAME.see_other(f"/viva/www/3ds/{attempt.challenge}")
        return self._after(order, attempt.transaction)

    async def show_challenge(self, request: web.Request) -> web.Response:
        """Show the bank's question."""
        order = self._challenged(request)
        if order is None:
            return FRAME.not_found("This confirmation is over.")
        return FRAME.bank_asks(as_text(order["amount"], order["currency"]))

    async def answer_challenge(self, request: web.Request) -> web.Response:
        """Check the password and send the guest on."""
        order = self._challenged(request)
        if order is None:
            return FRAME.not_found("This confirmation is over.")
        passed = await gives_password(request)
        name = request.match_info["name"]
        challenge = self._books.store.get(CHALLENGES, name)
        assert challenge is not None
        self._books.store.remove(CHALLENGES, name)
        made = orders.decide(self._books, order, challenge["card"], 0 if passed else NOT_AUTHENTICATED)
        self._books.store.save()
        return self._after(order, made)

    def _after(self, order: Document, transaction: Document) -> web.Response:
        event_id = transaction["event_id"]
        if event_id == 0:
            return self._leave(order, transaction, event_id)
        return self._form(order, notice=f"The card was refused ({event_id}). Try another one.", status=402)

    def _leave(self, order: Document, transaction: Document | None, event_id: int) -> web.Response:
        """Send the guest to the address of the payment source; without one they stay here."""
        url = return_url(self._books, order, transaction, event_id)
        return FRAME.see_other(url) if url else self._form(order)

    def _order(self, request: web.Request) -> Document | None:
        return self._books.order(request.query.get("ref", ""))

    def _challenged(self, request: web.Request) -> Document | None:
        challenge = self._books.store.get(CHALLENGES, request.match_info["name"])
        order = self._books.order(str(challenge["order_code"])) if challenge else None
        return order if order is not None and order["state"] == PENDING else None

    def _form(self, order: Document, *, notice: str = "", status: int = 200) -> web.Response:
        amount = as_text(order["amount"], order["currency"])
        subject = f"Order {order['code']}, reference {order['merchant_trns'] or 'none'}"
        above = heading("Viva sandbox", amount, subject)
        if order["state"] != PENDING:
            return FRAME.ended(above, _OVER[order["state"]])
        action = f"{CHECKOUT}?ref={order['code']}"
        return FRAME.form(amount, above, FIELDS.all(), notice=notice, action=action, more=_GIVE_UP, status=status)


def return_url(books: Books, order: Document, transaction: Document | None, event_id: int) -> str:
    """Return where Viva sends a guest after an attempt, with what it adds; empty where the source has no address."""
    account = books.account(order["merchant_id"])
    base = "" if account is None else account.failure_url if event_id else account.success_url
    if not base:
        return ""
    added = {"s": str(order["code"]), "lang": "en-GB", "eventId": str(event_id), "eci": "1"}
    if transaction is not None:
        added = {"t": transaction["id"], **added}
    return with_query(base, added)
