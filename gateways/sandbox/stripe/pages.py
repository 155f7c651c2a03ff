"""Pages for a person with a browser: pay an intent in place of the Payment Element, and the bank's 3-D Secure page."""

from urllib.parse import urlencode

from aiohttp import web

from gateways.sandbox.pages import CardFields, Frame, gives_password, heading, typed_expiry, web_address, with_query
from gateways.sandbox.store import Document
from gateways.sandbox.stripe import attempts
from gateways.sandbox.stripe.books import CHALLENGES, INTENTS, Books
from gateways.sandbox.stripe.currencies import as_text
from gateways.sandbox.stripe.errors import ApiError
from gateways.sandbox.stripe.methods import new_method

FIELDS = CardFields(optional=frozenset({"cvc", "holderName"}))
FRAME = Frame(
    color="#4b45c6",
    night_color="#6d66e0",
    test_cards=(
        ("Pays", "4242 4242 4242 4242 (Visa), 5555 5555 5555 4444 (Mastercard), any later month, any three digits"),
        ("Asks for 3-D Secure", "4000 0027 6000 3184; once only: 4000 0025 0000 3155"),
        ("Is refused", "4000 0000 0000 0002; no funds: 4000 0000 0000 9995; expired: 4000 0000 0000 0069"),
        ("Is refused later, when kept", "4000 0000 0000 0341"),
        ("Refund fails, is disputed", "4000 0000 0000 5126, 4000 0000 0000 0259"),
    ),
)
KEPT = '<p class="soft">By paying you allow the merchant to charge this card again.</p>'


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
        intent = intent_of(self._books, request.match_info["secret"])
        if intent is None:
            return FRAME.not_found("There is no such payment.")
        error = intent["api"]["last_payment_error"]
        return self._form(intent, _return_url(request), notice=error["message"] if error else "")

    async def pay(self, request: web.Request) -> web.Response:
        """Try to pay, and send the guest on, or show why not."""
        intent = intent_of(self._books, request.match_info["secret"])
        if intent is None:
            return FRAME.not_found("There is no such payment.")
        form, back = await request.post(), _return_url(request)
        month, year = typed_expiry(form)
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
            return FRAME.see_other(action["redirect_to_url"]["url"])
        return self._after(request, intent, back)

    async def show_challenge(self, request: web.Request) -> web.Response:
        """Show the bank's question."""
        found = self._challenged(request)
        if found is None:
            return FRAME.not_found("This confirmation is over.")
        intent, _ = found
        return FRAME.bank_asks(_amount(intent))

    async def answer_challenge(self, request: web.Request) -> web.Response:
        """Check the password and send the guest back."""
        found = self._challenged(request)
        if found is None:
            return FRAME.not_found("This confirmation is over.")
        intent, back = found
        passed = await gives_password(request)
        attempts.finish_challenge(self._books, request.match_info["token"], passed=passed)
        self._books.store.save()
        # Stripe sends the guest back to the shop, passed or not.
        return FRAME.see_other(with_result(back, intent["api"])) if back else self._after(request, intent, back)

    def _after(self, request: web.Request, intent: Document, back: str) -> web.Response:
        api = intent["api"]
        if api["status"] in attempts.PAYABLE:
            query = f"?{urlencode({'return_url': back})}" if back else ""
            return FRAME.see_other(f"/stripe/pay/{api['client_secret']}{query}")
        if back:
            return FRAME.see_other(with_result(back, api))
        return self._form(intent, back, notice="")

    def _form(self, intent: Document, back: str, *, notice: str, status: int = 200) -> web.Response:
        api = intent["api"]
        amount = _amount(intent)
        above = heading("Pay by card", amount, f"Reference {api['metadata'].get('reference', api['id'])}")
        if api["status"] not in attempts.PAYABLE:
            way_back = with_result(back, api) if back else ""
            return FRAME.ended(above, f"This payment is {api['status'].replace('_', ' ')}.", back=way_back)
        fields = FIELDS.all() + (KEPT if api["setup_future_usage"] else "")
        return FRAME.form(amount, above, fields, notice=notice, status=status)

    def _challenged(self, request: web.Request) -> tuple[Document, str] | None:
        challenge = self._books.store.get(CHALLENGES, request.match_info["token"])
        if challenge is None:
            return None
        intent = self._books.find(INTENTS, challenge["intent"])
        return (intent, challenge["return_url"]) if intent["api"]["status"] == "requires_action" else None


def intent_of(books: Books, secret: str) -> Document | None:
    """Return the intent of a client secret, which is all that a guest's browser knows of it."""
    intent = books.store.get(INTENTS, secret.partition("_secret_")[0])
    return intent if intent is not None and intent["api"]["client_secret"] == secret else None


def _return_url(request: web.Request) -> str:
    return web_address(request.query.get("return_url", ""))


def with_result(url: str, api: Document) -> str:
    """Return where the guest goes, with what Stripe adds to it: none of it is evidence."""
    status = {"succeeded": "succeeded", "requires_capture": "succeeded", "processing": "pending"}
    added = {
        "payment_intent": api["id"],
        "payment_intent_client_secret": api["client_secret"],
        "redirect_status": status.get(api["status"], "failed"),
    }
    return with_query(url, added)


def _amount(intent: Document) -> str:
    return as_text(intent["api"]["amount"], intent["api"]["currency"])
