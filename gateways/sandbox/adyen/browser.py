"""What Adyen's own script asks of Adyen from a shop's page: set a session up, pay it, and end a redirect.

Source: @adyen/adyen-web 6, `core/Services/sessions`; the card's form stands for the frames of "securedFields", whose
insides are Adyen's alone.
"""

import hmac
from collections.abc import Awaitable, Callable
from html import escape

from aiohttp import web

from gateways.sandbox.adyen import payments, sessions
from gateways.sandbox.adyen.books import CHALLENGES, Books
from gateways.sandbox.adyen.errors import ApiError, invalid
from gateways.sandbox.adyen.pages import CONSENT, FIELDS, FRAME
from gateways.sandbox.pages import typed_expiry
from gateways.sandbox.store import Document
from gateways.sandbox.vendor_scripts import preflight, told, vendor_script, vendor_style

BASE = "/adyen/test/checkoutshopper"
_SESSION = f"{BASE}/v1/sessions/{{id}}"
_FORM = f"{BASE}/securedfields/{{client_key}}/card/{{id}}"
Handler = Callable[[web.Request], Awaitable[web.Response]]


class Browser:
    """The handlers of what a browser asks for."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def routes(self) -> list[web.RouteDef]:
        """Return the routes; the version in the scripts' address is the page's choice."""
        return [
            web.get(f"{BASE}/sdk/{{version}}/adyen.js", self.script),
            web.get(f"{BASE}/sdk/{{version}}/adyen.css", self.style),
            web.options(f"{BASE}/{{path:.*}}", preflight),
            web.post(f"{_SESSION}/setup", self._answered(self.set_up)),
            web.post(f"{_SESSION}/paymentDetails", self._answered(self.end_redirect)),
            web.get(_FORM, self.show_form),
            web.post(_FORM, self._answered(self.pay)),
        ]

    async def script(self, _: web.Request) -> web.Response:
        """Serve the stand-in for adyen-web."""
        return vendor_script("adyen.js")

    async def style(self, _: web.Request) -> web.Response:
        """Serve the stand-in for its styles."""
        return vendor_style("adyen.css")

    async def set_up(self, request: web.Request) -> web.Response:
        """Tell what a session can be paid by."""
        session = self._session(request, request.query.get("clientKey", ""))
        body = session["request"]
        return told(
            {
                "id": session["id"],
                "sessionData": "Ab02b4c0!" + sessions.opaque(180),
                "amount": body["amount"],
                "expiresAt": body["expiresAt"],
                "returnUrl": body["returnUrl"],
                "paymentMethods": {
                    "paymentMethods": [{"type": "scheme", "name": "Cards", "brands": ["visa", "mc", "amex"]}]
                },
                "configuration": {"enableStoreDetails": body.get("storePaymentMethodMode") == "askForConsent"},
            }
        )

    async def show_form(self, request: web.Request) -> web.Response:
        """Show the fields of a card for a shop's page."""
        try:
            session = self._session(request, request.match_info["client_key"])
        except ApiError as error:
            return FRAME.not_found(f"{error.message}.")
        asks = session["request"].get("storePaymentMethodMode") == "askForConsent"
        return FRAME.framed_form(f"{FIELDS.all()}{CONSENT if asks else ''}", has_button=True)

    async def pay(self, request: web.Request) -> web.Response:
        """Try to pay with what was typed into the form."""
        session = self._session(request, request.match_info["client_key"])
        form = await request.post()
        month, year = typed_expiry(form)
        fields = {name: str(form.get(name, "")) for name in ("number", "cvc", "holderName")}
        attempt = sessions.attempt(
            self._books,
            session,
            {**fields, "expiryMonth": month, "expiryYear": year},
            gives_consent=form.get("storePaymentMethod") == "on",
            may_challenge=True,
        )
        if attempt.session_result is None:
            # The bank's page leads back to the shop's, whose script ends the redirect.
            attempt.payment["endsInPage"] = True
            self._books.keep_payment(attempt.payment)
            shown = payments.shown(attempt.payment, origin=f"{request.scheme}://{request.host}")
            return told({"resultCode": shown["resultCode"], "action": shown["action"]})
        return self._result(attempt)

    async def end_redirect(self, request: web.Request) -> web.Response:
        """Decide what a bank's page left open."""
        session = self._session(request, request.query.get("clientKey", ""))
        details = (await request.json()).get("details") or {}
        value = str(details.get("redirectResult", ""))
        challenge = self._books.store.get(CHALLENGES, value)
        payment = self._books.payment(challenge["pspReference"]) if challenge is not None else None
        if challenge is None or payment is None or payment["sessionId"] != session["id"]:
            raise invalid("702", "The redirectResult is not valid, or has been used")
        self._books.store.remove(CHALLENGES, value)
        return self._result(sessions.finish_challenge(self._books, payment, passed=challenge["outcome"] == "passed"))

    def _result(self, attempt: sessions.Attempt) -> web.Response:
        return told(
            {
                "resultCode": attempt.payment["resultCode"],
                "sessionData": "Ab02b4c0!" + sessions.opaque(180),
                "sessionResult": attempt.session_result,
            }
        )

    def _session(self, request: web.Request, client_key: str) -> Document:
        session = sessions.find(self._books, request.match_info["id"])
        account = self._books.account(session["merchantAccount"])
        if account is None or not hmac.compare_digest(account.client_key.encode(), client_key.encode()):
            raise ApiError(401, "000", "The client key is not this account's", "security")
        return session

    def _answered(self, handler: Handler) -> Handler:
        async def answer(request: web.Request) -> web.Response:
            try:
                return await handler(request)
            except ApiError as error:
                return told({"errorCode": error.code, "message": escape(error.message)}, status=error.status)
            finally:
                self._books.store.save()

        return answer
