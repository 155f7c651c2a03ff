"""Pages for a person with a browser: pay an invoice, and the bank's 3-D Secure challenge."""

from html import escape

from aiohttp import web

from gateways.sandbox.cardgate import attempts
from gateways.sandbox.cardgate.books import CHALLENGES, OPEN, TOKENS, Books
from gateways.sandbox.cardgate.currencies import as_text
from gateways.sandbox.cardgate.errors import ApiError
from gateways.sandbox.cardgate.invoices import return_address
from gateways.sandbox.store import Document

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'self'",
    "Referrer-Policy": "no-referrer",
}
FIELDS = {
    "number": ("Card number", "cc-number", "numeric", 23),
    "expiry": ("Expiry date (MM/YY)", "cc-exp", "numeric", 7),
    "cvc": ("Security code", "cc-csc", "numeric", 4),
    "holderName": ("Name on card", "cc-name", "text", 80),
}
HINTS = (
    ("Pays", "5519 2838 1203 0000, any expiry date to come, any code"),
    ("Asks for 3-D Secure", "5123 8172 3406 0000, any expiry date to come, any code"),
    ("Stays pending", "either of them with expiry 07/77"),
    ("Is refused", "4302 9128 3702 0000: expiry 05/29 no funds, 09/33 declined, 04/28 expired, 03/27 code"),
    ("Refunds go wrong", "name on card refund failed, or refund pending"),
)
STYLE = """
:root { color-scheme: light dark; --line: #c8ccd3; --ink: #191f29; --soft: #566071; --paper: #fff; --go: #3b3fa8; }
@media (prefers-color-scheme: dark) {
  :root { --line: #464f5e; --ink: #eef1f6; --soft: #aab3c1; --paper: #181d26; --go: #6b70e0; }
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
input:focus-visible, button:focus-visible, a:focus-visible, summary:focus-visible { outline: 3px solid #2f7de1;
  outline-offset: 2px; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; }
button { width: 100%; margin-top: 1.25rem; padding: .85rem; font: inherit; font-weight: 700; color: #fff;
  background: var(--go); border: 0; border-radius: .5rem; cursor: pointer; }
.notice { border-left: 4px solid #b3261e; padding: .6rem .8rem; margin: 0 0 1rem; background: #b3261e1a; }
details { margin-top: 1.5rem; border-top: 1px solid var(--line); padding-top: .75rem; }
dt { font-weight: 600; } dd { margin: 0 0 .5rem; color: var(--soft); }
"""


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
            return _page("Not found", "<h1>There is no such payment.</h1>", status=404)
        self._books.store.save()
        refused = invoice["status"] == "process_error"
        return self._form(invoice, f"The card was refused: {invoice['resolution']}." if refused else "")

    async def pay(self, request: web.Request) -> web.Response:
        """Try to pay, and send the guest on, or show why not."""
        try:
            invoice = self._books.invoice_of_sid(request.match_info["sid"])
        except ApiError:
            return _page("Not found", "<h1>There is no such payment.</h1>", status=404)
        form = await request.post()
        month, _, year = str(form.get("expiry", "")).replace(" ", "").partition("/")
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
            return _page("Not found", "<h1>This confirmation is over.</h1>", status=404)
        invoice = self._books.invoice(waiting["invoice"])
        return _page(
            "Confirm your payment",
            f"""<h1>Your bank asks: is it you?</h1>
            <p class="amount">{escape(as_text(invoice["amount"], invoice["currency"]))}</p>
            <p class="soft">Card ending in {escape(invoice["card"]["last"])}. The right password is
            <strong>{attempts.CHALLENGE_PASSWORD}</strong>; anything else fails.</p>
            <form method="post"><label for="password">Password</label>
            <input id="password" name="password" autocomplete="off" required autofocus>
            <button type="submit">Confirm</button></form>""",
        )

    async def answer_challenge(self, request: web.Request) -> web.Response:
        """Check the password and send the guest on."""
        passed = (await request.post()).get("password") == attempts.CHALLENGE_PASSWORD
        try:
            invoice = attempts.finish_challenge(self._books, request.match_info["challenge"], passed=passed)
        except ApiError as error:
            return _page("Payment", f"<h1>{escape(error.detail)}</h1>", status=error.status)
        finally:
            self._books.store.save()
        return self._after(invoice)

    def _after(self, invoice: Document) -> web.Response:
        if invoice["challenge"]:
            return _see_other(f"/cardgate/3ds/{invoice['challenge']}")
        back = return_address(invoice)
        if invoice["status"] == "process_error" or not back:
            return _see_other(f"/cardgate/hpp/{invoice['sid']}")
        return _see_other(back)

    def _form(self, invoice: Document, notice: str, *, holder_name: str = "", status: int = 200) -> web.Response:
        amount = as_text(invoice["amount"], invoice["currency"])
        heading = (
            f'<h1>Pay</h1><p class="amount">{escape(amount)}</p>'
            f'<p class="soft">Reference {escape(invoice["reference_id"])}</p>'
        )
        if invoice["status"] not in OPEN or attempts.is_pending(invoice):
            ended = f'<p class="notice" role="status">This payment is {escape(invoice["status"])}.</p>'
            back = return_address(invoice)
            link = f'<p><a href="{escape(back)}">Back to the shop</a></p>' if back else ""
            return _page("Payment", f"{heading}{ended}{link}")
        shown = f'<p class="notice" role="alert" id="notice">{escape(notice)}</p>' if notice else ""
        kept = self._books.store.get(TOKENS, invoice["token"]) if invoice["token"] else None
        inputs = {name: _input(name, holder_name if name == "holderName" else "") for name in FIELDS}
        if kept is not None:
            body = (
                f"<p>Pay with your card ending in <strong>{escape(kept['card']['last'])}</strong>.</p>{inputs['cvc']}"
            )
        else:
            pair = f'<div class="pair"><div>{inputs["expiry"]}</div><div>{inputs["cvc"]}</div></div>'
            body = f"{inputs['number']}{pair}{inputs['holderName']}"
        keeps = "<p>Your card is kept for later payments.</p>" if invoice["tokenize"] else ""
        hints = "".join(f"<dt>{escape(what)}</dt><dd>{escape(how)}</dd>" for what, how in HINTS)
        return _page(
            f"Pay {amount}",
            f"""{heading}{shown}<form method="post" autocomplete="on">{body}{keeps}<button type="submit">Pay</button>
            </form><details><summary>Test cards</summary><dl>{hints}</dl></details>""",
            status=status,
        )


def _input(name: str, value: str) -> str:
    label, autocomplete, mode, longest = FIELDS[name]
    required = "" if name == "holderName" else " required"
    return (
        f'<label for="{name}">{label}</label><input id="{name}" name="{name}" maxlength="{longest}" '
        f'autocomplete="{autocomplete}" inputmode="{mode}" value="{escape(value)}"{required}>'
    )


def _page(title: str, body: str, *, status: int = 200) -> web.Response:
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>"
    )
    return web.Response(text=text, content_type="text/html", status=status, headers=HEADERS)


def _see_other(url: str) -> web.Response:
    return web.Response(status=303, headers={**HEADERS, "Location": url})
