"""Pages for a person with a browser: enter a card as on Express, and answer the bank.

The card's page stands where Spreedly's script would open one in the shop's own page. It is asked for with what the
script is initialized with, and sends the guest back with `payment_method_token`.
"""

from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aiohttp import web

from gateways.sandbox.spreedly import cards, charges, proofs, transactions
from gateways.sandbox.spreedly.books import Books
from gateways.sandbox.spreedly.charges import FINGERPRINT
from gateways.sandbox.spreedly.currencies import as_text
from gateways.sandbox.spreedly.errors import ApiError
from gateways.sandbox.store import Document

PASSWORD = "password"  # noqa: S105, what the sandbox's bank takes for one
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors *",
    "Referrer-Policy": "no-referrer",
}
FIELDS = {
    "number": ("Card number", "cc-number", "numeric", 23),
    "expiry": ("Expiry date (MM/YY)", "cc-exp", "numeric", 7),
    "verification_value": ("Security code", "cc-csc", "numeric", 4),
    "full_name": ("Name on card", "cc-name", "text", 80),
}
HINTS = (
    ("Pays", "4111 1111 1111 1111 (Visa), 5555 5555 5555 4444 (Mastercard), any date to come, any code"),
    ("Is declined", "4012 8888 8888 1881 (Visa), 5105 1051 0510 5100 (Mastercard)"),
    ("Is declined for a reason", "name on card insufficient funds, expired card, do not honor, lost stolen card, ..."),
    ("Asks for 3-D Secure", "4556 7610 2998 3886; fails it: 4024 0071 0193 4890"),
    ("Nobody knows", "name on card result unknown"),
)
STYLE = """
:root { color-scheme: light dark; --line: #c9ced6; --ink: #1c2430; --soft: #5a6473; --paper: #fff; --go: #0b5cad; }
@media (prefers-color-scheme: dark) {
  :root { --line: #485262; --ink: #eef1f5; --soft: #aab4c2; --paper: #1b212b; --go: #2f7de1; }
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
  background: var(--go); border: 0; border-radius: .5rem; cursor: pointer; }
.notice { border-left: 4px solid #b3261e; padding: .6rem .8rem; margin: 0 0 1rem; background: #b3261e1a; }
details { margin-top: 1.5rem; border-top: 1px solid var(--line); padding-top: .75rem; }
dt { font-weight: 600; } dd { margin: 0 0 .5rem; color: var(--soft); }
code { overflow-wrap: anywhere; }
"""


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
        month, _, year = str(form.get("expiry", "")).replace(" ", "").partition("/")
        fields = {name: str(form.get(name, "")) for name in ("number", "verification_value", "full_name")}
        try:
            proofs.check_page(self._books, account, dict(request.query))
            card = cards.new_card(self._books, account, {**fields, "month": month, "year": year})
            proofs.use_up(self._books, account, dict(request.query))
        except ApiError as error:
            return self._form(request, notice=error.message, name=fields["full_name"], status=422)
        finally:
            self._books.store.save()
        back = _web_address(request.query.get("redirect_url", ""))
        if back:
            return _see_other(_with_query(back, payment_method_token=card["token"]))
        return _page(
            "Card",
            f'<h1>The shop gets this token</h1><p class="soft"><code id="token">{card["token"]}</code></p>',
        )

    async def show_bank(self, request: web.Request) -> web.Response:
        """Show the bank's question."""
        transaction = self._waiting(request)
        if transaction is None:
            return _page("Not found", "<h1>This confirmation is over.</h1>", status=404)
        if transaction["steps"][0] == FINGERPRINT:
            return _page("Fingerprint", '<h1 id="fingerprint">Your bank has looked at your browser.</h1>')
        last4 = self._books.card(transaction["card"])["last_four_digits"]
        return _page(
            "Confirm your payment",
            f"""<h1>Your bank asks: is it you?</h1>
            <p class="amount">{escape(as_text(transaction["amount"], transaction["currency_code"]))}</p>
            <p class="soft">Card ending in {escape(last4)}. The right password is
            <strong>{PASSWORD}</strong>; anything else fails.</p>
            <form method="post"><label for="password">Password</label>
            <input id="password" name="password" autocomplete="off" required autofocus>
            <button type="submit">Confirm</button></form>""",
        )

    async def answer_bank(self, request: web.Request) -> web.Response:
        """Check the password and send the guest back."""
        transaction = self._waiting(request)
        if transaction is None or transaction["steps"][0] == FINGERPRINT:
            return _page("Not found", "<h1>This confirmation is over.</h1>", status=404)
        passed = (await request.post()).get("password") == PASSWORD
        charges.authenticate(self._books, transaction, passed=passed)
        self._books.store.save()
        back = _web_address(transaction["redirect_url"])
        if not back:
            return _page("Done", "<h1>You can close this page.</h1>")
        return _see_other(_with_query(back, transaction_token=transaction["token"]))

    def _waiting(self, request: web.Request) -> Document | None:
        try:
            transaction = self._books.transaction(request.match_info["token"])
        except ApiError:
            return None
        return transaction if transaction["state"] == transactions.PENDING and transaction.get("steps") else None

    def _form(self, request: web.Request, *, notice: str, name: str = "", status: int = 200) -> web.Response:
        account = self._books.account(request.query.get("env", ""))
        if account is None:
            return _page("Not found", "<h1>There is no such environment.</h1>", status=404)
        heading = (
            f"<h1>{escape(request.query.get('company_name', 'Pay by card'))}</h1>"
            f'<p class="amount">{escape(request.query.get("amount", ""))}</p>'
        )
        shown_notice = f'<p class="notice" role="alert" id="notice">{escape(notice)}</p>' if notice else ""
        hints = "".join(f"<dt>{escape(what)}</dt><dd>{escape(how)}</dd>" for what, how in HINTS)
        inputs = {field: _input(field, value=name if field == "full_name" else "") for field in FIELDS}
        return _page(
            "Pay by card",
            f"""{heading}{shown_notice}
            <form method="post" autocomplete="on">{inputs["number"]}
            <div class="pair"><div>{inputs["expiry"]}</div><div>{inputs["verification_value"]}</div></div>
            {inputs["full_name"]}<button type="submit">Pay</button></form>
            <details><summary>Test cards</summary><dl>{hints}</dl></details>""",
            status=status,
        )


def _input(name: str, *, value: str) -> str:
    label, autocomplete, mode, longest = FIELDS[name]
    required = "" if name == "verification_value" else " required"
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


def _web_address(url: str) -> str:
    return url if url.startswith(("https://", "http://")) else ""


def _see_other(url: str) -> web.Response:
    return web.Response(status=303, headers={**HEADERS, "Location": url})


def _with_query(url: str, **values: str) -> str:
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *values.items()])
    return urlunsplit(parts._replace(query=query))
