"""Pages for a person with a browser: pay a session, and the issuer's 3-D Secure challenge."""

from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aiohttp import web

from gateways.sandbox.adyen import payments, sessions
from gateways.sandbox.adyen.books import CHALLENGES, Books
from gateways.sandbox.adyen.currencies import as_text
from gateways.sandbox.adyen.errors import ApiError
from gateways.sandbox.store import Document

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'self'",
    "Referrer-Policy": "no-referrer",
}
FIELDS = {
    "number": ("Card number", "text", "cc-number", "numeric", 23),
    "expiry": ("Expiry date (MM/YY)", "text", "cc-exp", "numeric", 7),
    "cvc": ("Security code", "text", "cc-csc", "numeric", 4),
    "holderName": ("Name on card", "text", "cc-name", "text", 80),
}
HINTS = (
    ("Pays", "4111 1111 1111 1111 (Visa), 5555 5555 5555 4444 (Mastercard), expiry 03/30, code 737"),
    ("Pays", "3700 0000 0000 002 (American Express), expiry 03/30, code 7373"),
    ("Asks for 3-D Secure", "4917 6100 0000 0000 or 5454 5454 5454 5454, expiry 03/30, code 737"),
    ("Is refused", "name on card DECLINED, NOT_ENOUGH_BALANCE, BLOCK_CARD, CARD_EXPIRED or CVC_DECLINED"),
    ("Stays pending", "name on card PENDING"),
    ("Fails later", "name on card capture failed or refund failed"),
)
STYLE = """
:root { color-scheme: light dark; --line: #c9ced6; --ink: #1c2430; --soft: #5a6473; --paper: #fff; --go: #0a6b3d; }
@media (prefers-color-scheme: dark) {
  :root { --line: #485262; --ink: #eef1f5; --soft: #aab4c2; --paper: #1b212b; --go: #1d8a56; }
}
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
main { max-width: 26rem; margin: 0 auto; padding: 1.25rem; }
h1 { font-size: 1.1rem; margin: 0; font-weight: 600; }
.amount { font-size: 2rem; font-weight: 700; margin: .25rem 0 0; }
.soft { color: var(--soft); margin: 0 0 1.25rem; overflow-wrap: anywhere; }
label { display: block; margin: .9rem 0 .25rem; font-weight: 600; }
input:not([type=checkbox]) { width: 100%; padding: .7rem; font: inherit; color: inherit; background: transparent;
  border: 1px solid var(--soft); border-radius: .5rem; }
input:focus-visible, button:focus-visible, a:focus-visible, summary:focus-visible { outline: 3px solid #2f7de1;
  outline-offset: 2px; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; }
.tick { display: flex; gap: .6rem; align-items: center; font-weight: 400; }
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
            web.get("/adyen/pay/{id}", self.show),
            web.post("/adyen/pay/{id}", self.pay),
            web.get("/adyen/3ds/{token}", self.show_challenge),
            web.post("/adyen/3ds/{token}", self.answer_challenge),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Show the form, or that the session is over."""
        try:
            session = sessions.find(self._books, request.match_info["id"])
        except ApiError:
            return _page("Not found", "<h1>There is no such payment session.</h1>", status=404)
        reason = ""
        refused = request.query.get("attempt", "")
        if refused in session["payments"]:
            reason = f"The card was refused: {self._books.payment(refused)['refusalReason']}."
        return self._form(session, notice=reason)

    async def pay(self, request: web.Request) -> web.Response:
        """Try to pay, and send the shopper on, or show why not."""
        try:
            session = sessions.find(self._books, request.match_info["id"])
        except ApiError:
            return _page("Not found", "<h1>There is no such payment session.</h1>", status=404)
        form = await request.post()
        month, _, year = str(form.get("expiry", "")).replace(" ", "").partition("/")
        fields = {name: str(form.get(name, "")) for name in ("number", "cvc", "holderName")}
        try:
            attempt = sessions.attempt(
                self._books,
                session,
                {**fields, "expiryMonth": month, "expiryYear": year},
                gives_consent=form.get("storePaymentMethod") == "on",
                may_challenge=True,
            )
        except ApiError as error:
            return self._form(session, notice=f"{error.message}.", holder_name=fields["holderName"], status=422)
        finally:
            self._books.store.save()
        if attempt.session_result is None:
            return _see_other(f"/adyen/3ds/{attempt.payment['challenge']}")
        return self._after(session, attempt)

    async def show_challenge(self, request: web.Request) -> web.Response:
        """Show the issuer's question."""
        payment = self._challenged(request)
        if payment is None:
            return _page("Not found", "<h1>This confirmation is over.</h1>", status=404)
        return _page(
            "Confirm your payment",
            f"""<h1>Your bank asks: is it you?</h1>
            <p class="amount">{escape(_amount(payment))}</p>
            <p class="soft">Card ending in {escape(payment["card"]["last4"])}. The right password is
            <strong>password</strong>; anything else fails.</p>
            <form method="post"><label for="password">Password</label>
            <input id="password" name="password" autocomplete="off" required autofocus>
            <button type="submit">Confirm</button></form>""",
        )

    async def answer_challenge(self, request: web.Request) -> web.Response:
        """Check the password and send the shopper back."""
        payment = self._challenged(request)
        if payment is None:
            return _page("Not found", "<h1>This confirmation is over.</h1>", status=404)
        passed = (await request.post()).get("password") == payments.CHALLENGE_PASSWORD
        try:
            if not payment["sessionId"]:
                value = payments.new_redirect_result(self._books, payment, passed=passed)
                return _see_other(_with_query(payment["returnUrl"], redirectResult=value))
            session = sessions.find(self._books, payment["sessionId"])
            self._books.store.remove(CHALLENGES, request.match_info["token"])
            attempt = sessions.finish_challenge(self._books, payment, passed=passed)
            return self._after(session, attempt)
        except ApiError as error:
            return _page("Payment session", f"<h1>{escape(error.message)}.</h1>", status=error.status)
        finally:
            self._books.store.save()

    def _after(self, session: Document, attempt: sessions.Attempt) -> web.Response:
        if attempt.payment["resultCode"] in ("Authorised", "Received") or session["status"] != sessions.ACTIVE:
            back = _with_query(
                session["request"]["returnUrl"],
                sessionId=session["id"],
                sessionResult=attempt.session_result or "",
            )
            return _see_other(back)
        return _see_other(f"/adyen/pay/{session['id']}?attempt={attempt.payment['pspReference']}")

    def _challenged(self, request: web.Request) -> Document | None:
        challenge = self._books.store.get(CHALLENGES, request.match_info["token"])
        if challenge is None:
            return None
        payment = self._books.payment(challenge["pspReference"])
        return payment if payment["authentication"] == "pending" and "challenge" in payment else None

    def _form(self, session: Document, *, notice: str, holder_name: str = "", status: int = 200) -> web.Response:
        body = session["request"]
        standing = sessions.status_of(session)
        heading = (
            f"<h1>{escape(session['merchantAccount'])}</h1>"
            f'<p class="amount">{escape(as_text(body["amount"]["value"], body["amount"]["currency"]))}</p>'
            f'<p class="soft">Reference {escape(body["reference"])}</p>'
        )
        if standing != sessions.ACTIVE:
            token = sessions.new_result(self._books, session)
            self._books.store.save()
            back = _with_query(body["returnUrl"], sessionId=session["id"], sessionResult=token)
            ended = f'<p class="notice" role="status">This payment session is {escape(standing)}.</p>'
            return _page("Payment session", f'{heading}{ended}<p><a href="{escape(back)}">Back to the shop</a></p>')
        shown_notice = f'<p class="notice" role="alert" id="notice">{escape(notice)}</p>' if notice else ""
        consent = ""
        if body.get("storePaymentMethodMode") == "askForConsent":
            consent = (
                '<label class="tick"><input type="checkbox" name="storePaymentMethod">'
                " Save this card for my next payment</label>"
            )
        hints = "".join(f"<dt>{escape(what)}</dt><dd>{escape(how)}</dd>" for what, how in HINTS)
        inputs = {name: _input(name, value=holder_name if name == "holderName" else "") for name in FIELDS}
        return _page(
            f"Pay {as_text(body['amount']['value'], body['amount']['currency'])}",
            f"""{heading}{shown_notice}
            <form method="post" autocomplete="on">{inputs["number"]}
            <div class="pair"><div>{inputs["expiry"]}</div><div>{inputs["cvc"]}</div></div>
            {inputs["holderName"]}{consent}<button type="submit">Pay</button></form>
            <details><summary>Test cards</summary><dl>{hints}</dl></details>""",
            status=status,
        )


def _amount(payment: Document) -> str:
    return as_text(payment["amount"]["value"], payment["amount"]["currency"])


def _input(name: str, *, value: str) -> str:
    label, kind, autocomplete, mode, longest = FIELDS[name]
    required = "" if name in ("cvc", "holderName") else " required"
    return (
        f'<label for="{name}">{label}</label><input id="{name}" name="{name}" type="{kind}" maxlength="{longest}" '
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


def _with_query(url: str, **values: str) -> str:
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *values.items()])
    return urlunsplit(parts._replace(query=query))
