"""Pages for a person with a browser: pay an intent in place of the Payment Element, and the bank's 3-D Secure page."""

from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aiohttp import web

from gateways.sandbox.store import Document
from gateways.sandbox.stripe import attempts
from gateways.sandbox.stripe.books import CHALLENGES, INTENTS, Books
from gateways.sandbox.stripe.currencies import as_text
from gateways.sandbox.stripe.errors import ApiError
from gateways.sandbox.stripe.methods import new_method

CHALLENGE_PASSWORD = "password"  # noqa: S105, it is written on the page
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
    ("Pays", "4242 4242 4242 4242 (Visa), 5555 5555 5555 4444 (Mastercard), any later month, any three digits"),
    ("Asks for 3-D Secure", "4000 0027 6000 3184; once only: 4000 0025 0000 3155"),
    ("Is refused", "4000 0000 0000 0002; no funds: 4000 0000 0000 9995; expired: 4000 0000 0000 0069"),
    ("Is refused later, when kept", "4000 0000 0000 0341"),
    ("Refund fails, is disputed", "4000 0000 0000 5126, 4000 0000 0000 0259"),
)
STYLE = """
:root { color-scheme: light dark; --line: #c8c9e0; --ink: #1a1f36; --soft: #5a607f; --paper: #fff; --go: #4b45c6; }
@media (prefers-color-scheme: dark) {
  :root { --line: #454b66; --ink: #eef0f8; --soft: #a9b0cc; --paper: #171a29; --go: #6d66e0; }
}
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
main { max-width: 26rem; margin: 0 auto; padding: 1.25rem; }
h1 { font-size: 1.1rem; margin: 0; font-weight: 600; }
.amount { font-size: 2rem; font-weight: 700; margin: .25rem 0 0; }
.soft { color: var(--soft); margin: 0 0 1.25rem; overflow-wrap: anywhere; }
label { display: block; margin: .9rem 0 .25rem; font-weight: 600; }
input { width: 100%; padding: .7rem; font: inherit; color: inherit; background: transparent;
  border: 1px solid var(--soft); border-radius: .4rem; }
input:focus-visible, button:focus-visible, a:focus-visible, summary:focus-visible { outline: 3px solid #2f7de1;
  outline-offset: 2px; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; }
button { width: 100%; margin-top: 1.25rem; padding: .85rem; font: inherit; font-weight: 700; color: #fff;
  background: var(--go); border: 0; border-radius: .4rem; cursor: pointer; }
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
            web.get("/stripe/pay/{secret}", self.show),
            web.post("/stripe/pay/{secret}", self.pay),
            web.get("/stripe/3ds/{token}", self.show_challenge),
            web.post("/stripe/3ds/{token}", self.answer_challenge),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Show the form, or that the intent is paid or over."""
        intent = self._intent(request)
        if intent is None:
            return _page("Not found", "<h1>There is no such payment.</h1>", status=404)
        error = intent["api"]["last_payment_error"]
        return self._form(intent, _return_url(request), notice=error["message"] if error else "")

    async def pay(self, request: web.Request) -> web.Response:
        """Try to pay, and send the guest on, or show why not."""
        intent = self._intent(request)
        if intent is None:
            return _page("Not found", "<h1>There is no such payment.</h1>", status=404)
        form, back = await request.post(), _return_url(request)
        month, _, year = str(form.get("expiry", "")).replace(" ", "").partition("/")
        account = self._books.account(intent["account"])
        assert account is not None
        holder = str(form.get("holderName", ""))
        try:
            card = {"number": form.get("number"), "exp_month": month, "exp_year": year, "cvc": form.get("cvc")}
            method = new_method(self._books, account, card, holder=holder)
            origin = f"{request.scheme}://{request.host}"
            attempts.attempt(self._books, intent, method, origin=origin, return_url=back)
        except ApiError as error:
            return self._form(intent, back, notice=error.message, status=422)
        finally:
            self._books.store.save()
        action = intent["api"]["next_action"]
        if action is not None:
            return _see_other(action["redirect_to_url"]["url"])
        return self._after(request, intent, back)

    async def show_challenge(self, request: web.Request) -> web.Response:
        """Show the bank's question."""
        found = self._challenged(request)
        if found is None:
            return _page("Not found", "<h1>This confirmation is over.</h1>", status=404)
        intent, _ = found
        return _page(
            "Confirm your payment",
            f"""<h1>Your bank asks: is it you?</h1>
            <p class="amount">{escape(_amount(intent))}</p>
            <p class="soft">The right password is <strong>{CHALLENGE_PASSWORD}</strong>; anything else fails.</p>
            <form method="post"><label for="password">Password</label>
            <input id="password" name="password" autocomplete="off" required autofocus>
            <button type="submit">Confirm</button></form>""",
        )

    async def answer_challenge(self, request: web.Request) -> web.Response:
        """Check the password and send the guest back."""
        found = self._challenged(request)
        if found is None:
            return _page("Not found", "<h1>This confirmation is over.</h1>", status=404)
        intent, back = found
        passed = (await request.post()).get("password") == CHALLENGE_PASSWORD
        attempts.finish_challenge(self._books, request.match_info["token"], passed=passed)
        self._books.store.save()
        return self._after(request, intent, back)

    def _after(self, request: web.Request, intent: Document, back: str) -> web.Response:
        api = intent["api"]
        if api["status"] in attempts.PAYABLE:
            query = f"?{urlencode({'return_url': back})}" if back else ""
            return _see_other(f"/stripe/pay/{api['client_secret']}{query}")
        if back:
            return _see_other(_with_result(back, api))
        return self._form(intent, back, notice="")

    def _form(self, intent: Document, back: str, *, notice: str, status: int = 200) -> web.Response:
        api = intent["api"]
        heading = (
            f'<h1>Pay by card</h1><p class="amount">{escape(_amount(intent))}</p>'
            f'<p class="soft">Reference {escape(api["metadata"].get("reference", api["id"]))}</p>'
        )
        if api["status"] not in attempts.PAYABLE:
            ended = f'<p role="status" id="status">This payment is {escape(api["status"].replace("_", " "))}.</p>'
            link = f'<p><a href="{escape(_with_result(back, api))}">Back to the shop</a></p>' if back else ""
            return _page("Payment", f"{heading}{ended}{link}")
        shown = f'<p class="notice" role="alert" id="notice">{escape(notice)}</p>' if notice else ""
        kept = ""
        if api["setup_future_usage"]:
            kept = '<p class="soft">By paying you allow the merchant to charge this card again.</p>'
        hints = "".join(f"<dt>{escape(what)}</dt><dd>{escape(how)}</dd>" for what, how in HINTS)
        inputs = {name: _input(name) for name in FIELDS}
        return _page(
            f"Pay {_amount(intent)}",
            f"""{heading}{shown}
            <form method="post" autocomplete="on">{inputs["number"]}
            <div class="pair"><div>{inputs["expiry"]}</div><div>{inputs["cvc"]}</div></div>
            {inputs["holderName"]}{kept}<button type="submit">Pay</button></form>
            <details><summary>Test cards</summary><dl>{hints}</dl></details>""",
            status=status,
        )

    def _intent(self, request: web.Request) -> Document | None:
        """Return the intent of a client secret, which is all that a guest's browser knows of it."""
        secret = request.match_info["secret"]
        intent = self._books.store.get(INTENTS, secret.partition("_secret_")[0])
        return intent if intent is not None and intent["api"]["client_secret"] == secret else None

    def _challenged(self, request: web.Request) -> tuple[Document, str] | None:
        challenge = self._books.store.get(CHALLENGES, request.match_info["token"])
        if challenge is None:
            return None
        intent = self._books.find(INTENTS, challenge["intent"])
        return (intent, challenge["return_url"]) if intent["api"]["status"] == "requires_action" else None


def _return_url(request: web.Request) -> str:
    url = request.query.get("return_url", "")
    return url if urlsplit(url).scheme in ("http", "https") else ""


def _with_result(url: str, api: Document) -> str:
    """Return where the guest goes, with what Stripe adds to it: none of it is evidence."""
    status = {"succeeded": "succeeded", "requires_capture": "succeeded", "processing": "pending"}
    values = {
        "payment_intent": api["id"],
        "payment_intent_client_secret": api["client_secret"],
        "redirect_status": status.get(api["status"], "failed"),
    }
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *values.items()])
    return urlunsplit(parts._replace(query=query))


def _amount(intent: Document) -> str:
    return as_text(intent["api"]["amount"], intent["api"]["currency"])


def _input(name: str) -> str:
    label, autocomplete, mode, longest = FIELDS[name]
    required = "" if name in ("cvc", "holderName") else " required"
    return (
        f'<label for="{name}">{label}</label><input id="{name}" name="{name}" type="text" maxlength="{longest}" '
        f'autocomplete="{autocomplete}" inputmode="{mode}"{required}>'
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
