"""What Stripe's own script asks of Stripe from a shop's page: show a card's form, confirm an intent, tell of it.

Source: docs.stripe.com, "Stripe.js reference". The form stands for the frames of the Payment Element.
"""

from aiohttp import web

from gateways.sandbox.pages import typed_expiry, web_address
from gateways.sandbox.stripe import attempts
from gateways.sandbox.stripe.books import Books
from gateways.sandbox.stripe.errors import ApiError
from gateways.sandbox.stripe.methods import new_method
from gateways.sandbox.stripe.pages import FIELDS, FRAME, KEPT, intent_of, with_result
from gateways.sandbox.vendor_scripts import told, vendor_script

BASE = "/stripe/js"
_SHOWN = ("id", "object", "amount", "currency", "status", "client_secret", "last_payment_error")


class Browser:
    """The handlers of what a browser asks for."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(f"{BASE}/stripe.js", self.script),
            web.get(f"{BASE}/intents/{{secret}}", self.show_intent),
            web.get(f"{BASE}/card/{{secret}}", self.show_form),
            web.post(f"{BASE}/card/{{secret}}", self.confirm),
        ]

    async def script(self, _: web.Request) -> web.Response:
        """Serve the stand-in for Stripe.js."""
        return vendor_script("stripe.js")

    async def show_intent(self, request: web.Request) -> web.Response:
        """Tell what a page may know of its intent."""
        intent = intent_of(self._books, request.match_info["secret"])
        if intent is None:
            return told({"error": {"type": "invalid_request_error", "code": "resource_missing"}}, status=404)
        return told({"paymentIntent": {name: intent["api"][name] for name in _SHOWN}})

    async def show_form(self, request: web.Request) -> web.Response:
        """Show the fields of a card for a shop's page, which has the button."""
        intent = intent_of(self._books, request.match_info["secret"])
        if intent is None:
            return FRAME.not_found("There is no such payment.")
        return FRAME.framed_form(FIELDS.all() + (KEPT if intent["api"]["setup_future_usage"] else ""))

    async def confirm(self, request: web.Request) -> web.Response:
        """Try to pay with what was typed into the form; where all is well, say where the guest goes."""
        intent = intent_of(self._books, request.match_info["secret"])
        form = await request.post()
        account = self._books.account(intent["account"]) if intent is not None else None
        if intent is None or account is None:
            return told({"error": {"type": "invalid_request_error", "code": "resource_missing"}})
        month, year = typed_expiry(form)
        card = {"number": form.get("number"), "exp_month": month, "exp_year": year, "cvc": form.get("cvc")}
        try:
            method = new_method(self._books, account, card, holder=str(form.get("holderName", "")))
        except ApiError as error:
            return told({"message": error.message}, status=422)
        back, origin = web_address(str(form.get("return_url", ""))), f"{request.scheme}://{request.host}"
        try:
            attempts.attempt(self._books, intent, method, origin=origin, return_url=back)
        except ApiError as error:
            return told({"error": {"type": "invalid_request_error", "code": error.code, "message": error.message}})
        finally:
            self._books.store.save()
        api = intent["api"]
        if api["status"] in attempts.PAYABLE:
            return told({"error": {**api["last_payment_error"], "payment_method": None}})
        action = api["next_action"]
        url = action["redirect_to_url"]["url"] if action is not None else with_result(back, api)
        return told({"paymentIntent": {name: api[name] for name in _SHOWN}, "url": url})
