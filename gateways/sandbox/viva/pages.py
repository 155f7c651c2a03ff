"""Smart Checkout, and the bank's question, for a person with a browser."""

from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aiohttp import web

from gateways.sandbox.store import Document
from gateways.sandbox.viva import orders
from gateways.sandbox.viva.books import CANCELLED, CHALLENGES, EXPIRED, PAID, PENDING, Books
from gateways.sandbox.viva.cards import CLOSED_BROWSER, NOT_AUTHENTICATED, BadCard
from gateways.sandbox.viva.currencies import as_text

CHECKOUT = "/viva/www/web/checkout"
PASSWORD = "password"  # noqa: S105, what the page tells everybody
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'self'",
    "Referrer-Policy": "no-referrer",
}
FIELDS = {
    "number": ("Card number", "cc-number", "numeric", 23),
    "expiry": ("Expiry date (MM/YY)", "cc-exp", "numeric", 7),
    "cvc": ("Security code", "cc-csc", "numeric", 4),
}
HINTS = (
    ("Pays", "4147 4630 1111 0133 (Visa), 5239 2907 0000 0101 (Mastercard), any date to come, any code"),
    ("Asks for 3-D Secure", "5188 3400 0000 0060"),
    ("Is refused", "4147 4630 1111 0141 (Visa), 5239 2907 0000 0119 (Mastercard)"),
    ("Is refused for a reason", "an amount of 99.51 (funds), 99.54 (expired), 99.41 (lost card)"),
)
STYLE = """
:root { color-scheme: light dark; --line: #c9ced6; --ink: #1c2430; --soft: #5a6473; --paper: #fff; --go: #1f4fbf; }
@media (prefers-color-scheme: dark) {
  :root { --line: #485262; --ink: #eef1f5; --soft: #aab4c2; --paper: #1b212b; --go: #4a78e0; }
}
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
main { max-width: 26rem; margin: 0 auto; padding: 1.25rem; }
h1 { font-size: 1.1rem; margin: 0; font-weight: 600; }
.amount { font-size: 2rem; font-weight: 700; margin: .25rem 0 0; }
.soft { color: var(--soft); margin: 0 0 1.25rem; overflow-wrap: anywhere; }
label { display: block; margin: .9rem 0 .25rem; font-weight: 600; }
input { width: 100%; padding: .7rem; font: inherit; color: inherit; background: transparent;
  border: 1px solid var(--soft); border-radius: .5rem; }
input:focus-visible, button:focus-visible, summary:focus-visible { outline: 3px solid #2f7de1; outline-offset: 2px; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; }
button { width: 100%; margin-top: 1.25rem; padding: .85rem; font: inherit; font-weight: 700; color: #fff;
  background: var(--go); border: 1px solid var(--go); border-radius: .5rem; cursor: pointer; }
button.quiet { color: inherit; background: transparent; border-color: var(--soft); font-weight: 400; }
.notice { border-left: 4px solid #b3261e; padding: .6rem .8rem; margin: 0 0 1rem; background: #b3261e1a; }
details { margin-top: 1.5rem; border-top: 1px solid var(--line); padding-top: .75rem; }
dt { font-weight: 600; } dd { margin: 0 0 .5rem; color: var(--soft); }
"""
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
        return _unknown() if order is None else self._form(order)

    async def pay(self, request: web.Request) -> web.Response:
        """Try to pay, or give up, and send the guest on; a refused guest may try again."""
        order = self._order(request)
        if order is None:
            return _unknown()
        form = await request.post()
        try:
            if form.get("action") == "cancel":
                orders.check_open(order)
                orders.end(self._books, order)
                return self._leave(order, None, CLOSED_BROWSER)
            month, _, year = str(form.get("expiry", "")).replace(" ", "").partition("/")
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
            return _see_other(f"/viva/www/3ds/{attempt.challenge}")
        return self._after(order, attempt.transaction)

    async def show_challenge(self, request: web.Request) -> web.Response:
        """Show the bank's question."""
        order = self._challenged(request)
        if order is None:
            return _page("Not found", "<h1>This confirmation is over.</h1>", status=404)
        return _page(
            "Confirm your payment",
            f"""<h1>Your bank asks: is it you?</h1>
            <p class="amount">{escape(as_text(order["amount"], order["currency"]))}</p>
            <p class="soft">The right password is <strong>{PASSWORD}</strong>; anything else fails.</p>
            <form method="post"><label for="password">Password</label>
            <input id="password" name="password" autocomplete="off" required autofocus>
            <button type="submit">Confirm</button></form>""",
        )

    async def answer_challenge(self, request: web.Request) -> web.Response:
        """Check the password and send the guest on."""
        order = self._challenged(request)
        if order is None:
            return _page("Not found", "<h1>This confirmation is over.</h1>", status=404)
        passed = (await request.post()).get("password") == PASSWORD
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
        return _see_other(url) if url else self._form(order)

    def _order(self, request: web.Request) -> Document | None:
        return self._books.order(request.query.get("ref", ""))

    def _challenged(self, request: web.Request) -> Document | None:
        challenge = self._books.store.get(CHALLENGES, request.match_info["name"])
        order = self._books.order(str(challenge["order_code"])) if challenge else None
        return order if order is not None and order["state"] == PENDING else None

    def _form(self, order: Document, *, notice: str = "", status: int = 200) -> web.Response:
        heading = (
            f'<h1>Viva sandbox</h1><p class="amount">{escape(as_text(order["amount"], order["currency"]))}</p>'
            f'<p class="soft">Order {order["code"]}, reference {escape(str(order["merchant_trns"] or "none"))}</p>'
        )
        if order["state"] != PENDING:
            return _page("Order", f'{heading}<p class="notice" role="status">{_OVER[order["state"]]}</p>')
        shown_notice = f'<p class="notice" role="alert" id="notice">{escape(notice)}</p>' if notice else ""
        hints = "".join(f"<dt>{escape(what)}</dt><dd>{escape(how)}</dd>" for what, how in HINTS)
        inputs = {name: _input(name) for name in FIELDS}
        return _page(
            f"Pay {as_text(order['amount'], order['currency'])}",
            f"""{heading}{shown_notice}
            <form method="post" action="{CHECKOUT}?ref={order["code"]}" autocomplete="on">{inputs["number"]}
            <div class="pair"><div>{inputs["expiry"]}</div><div>{inputs["cvc"]}</div></div>
            <button type="submit" name="action" value="pay">Pay</button>
            <button type="submit" name="action" value="cancel" class="quiet" formnovalidate>Back to the shop</button>
            </form><details><summary>Test cards</summary><dl>{hints}</dl></details>""",
            status=status,
        )


def return_url(books: Books, order: Document, transaction: Document | None, event_id: int) -> str:
    """Return where Viva sends a guest after an attempt, with what it adds; empty where the source has no address."""
    account = books.account(order["merchant_id"])
    base = "" if account is None else account.failure_url if event_id else account.success_url
    if not base:
        return ""
    added = {"s": str(order["code"]), "lang": "en-GB", "eventId": str(event_id), "eci": "1"}
    if transaction is not None:
        added = {"t": transaction["id"], **added}
    parts = urlsplit(base)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *added.items()])
    return urlunsplit(parts._replace(query=query))


def _input(name: str) -> str:
    label, autocomplete, mode, longest = FIELDS[name]
    return (
        f'<label for="{name}">{label}</label><input id="{name}" name="{name}" type="text" maxlength="{longest}" '
        f'autocomplete="{autocomplete}" inputmode="{mode}" required>'
    )


def _unknown() -> web.Response:
    return _page("Not found", "<h1>There is no such order.</h1>", status=404)


def _page(title: str, body: str, *, status: int = 200) -> web.Response:
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>"
    )
    return web.Response(text=text, content_type="text/html", status=status, headers=HEADERS)


def _see_other(url: str) -> web.Response:
    return web.Response(status=303, headers={**HEADERS, "Location": url})
