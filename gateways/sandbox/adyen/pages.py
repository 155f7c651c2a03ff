"""Pages for a person with a browser: pay a session, and the issuer's 3-D Secure challenge."""

from aiohttp import web

from gateways.sandbox.adyen import payments, sessions
from gateways.sandbox.adyen.books import CHALLENGES, Books
from gateways.sandbox.adyen.currencies import as_text
from gateways.sandbox.adyen.errors import ApiError
from gateways.sandbox.pages import CardFields, Frame, gives_password, heading, typed_expiry, with_query
from gateways.sandbox.store import Document

FIELDS = CardFields(optional=frozenset({"cvc", "holderName"}))
FRAME = Frame(
    color="#0a6b3d",
    night_color="#1d8a56",
    test_cards=(
        ("Pays", "4111 1111 1111 1111 (Visa), 5555 5555 5555 4444 (Mastercard), expiry 03/30, code 737"),
        ("Pays", "3700 0000 0000 002 (American Express), expiry 03/30, code 7373"),
        ("Asks for 3-D Secure", "4917 6100 0000 0000 or 5454 5454 5454 5454, expiry 03/30, code 737"),
        ("Is refused", "name on card DECLINED, NOT_ENOUGH_BALANCE, BLOCK_CARD, CARD_EXPIRED or CVC_DECLINED"),
        ("Stays pending", "name on card PENDING"),
        ("Fails later", "name on card capture failed or refund failed"),
    ),
)
CONSENT = (
    '<label class="tick"><input type="checkbox" name="storePaymentMethod"> Save this card for my next payment</label>'
)


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
            return FRAME.not_found("There is no such payment session.")
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
            return FRAME.not_found("There is no such payment session.")
        form = await request.post()
        month, year = typed_expiry(form)
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
            return FRAME.see_other(f"/adyen/3ds/{attempt.payment['challenge']}")
        return self._after(session, attempt)

    async def show_challenge(self, request: web.Request) -> web.Response:
        """Show the issuer's question."""
        payment = self._challenged(request)
        if payment is None:
            return FRAME.not_found("This confirmation is over.")
        return FRAME.bank_asks(_amount(payment["amount"]), last4=payment["card"]["last4"])

    async def answer_challenge(self, request: web.Request) -> web.Response:
        """Check the password and send the shopper back."""
        payment = self._challenged(request)
        if payment is None:
            return FRAME.not_found("This confirmation is over.")
        passed = await gives_password(request)
        try:
            if not payment["sessionId"] or payment.get("endsInPage"):
                value = payments.new_redirect_result(self._books, payment, passed=passed)
                added = {"sessionId": payment["sessionId"]} if payment["sessionId"] else {}
                return FRAME.see_other(with_query(payment["returnUrl"], {**added, "redirectResult": value}))
            session = sessions.find(self._books, payment["sessionId"])
            self._books.store.remove(CHALLENGES, request.match_info["token"])
            attempt = sessions.finish_challenge(self._books, payment, passed=passed)
            return self._after(session, attempt)
        except ApiError as error:
            return FRAME.page("Payment session", heading(f"{error.message}."), status=error.status)
        finally:
            self._books.store.save()

    def _after(self, session: Document, attempt: sessions.Attempt) -> web.Response:
        if attempt.payment["resultCode"] in ("Authorised", "Received") or session["status"] != sessions.ACTIVE:
            return FRAME.see_other(_way_back(session, attempt.session_result or ""))
        return FRAME.see_other(f"/adyen/pay/{session['id']}?attempt={attempt.payment['pspReference']}")

    def _challenged(self, request: web.Request) -> Document | None:
        challenge = self._books.store.get(CHALLENGES, request.match_info["token"])
        if challenge is None:
            return None
        payment = self._books.payment(challenge["pspReference"])
        return payment if payment["authentication"] == "pending" and "challenge" in payment else None

    def _form(self, session: Document, *, notice: str, holder_name: str = "", status: int = 200) -> web.Response:
        body = session["request"]
        standing, amount = sessions.status_of(session), _amount(body["amount"])
        above = heading(session["merchantAccount"], amount, f"Reference {body['reference']}")
        if standing != sessions.ACTIVE:
            token = sessions.new_result(self._books, session)
            self._books.store.save()
            return FRAME.ended(above, f"This payment session is {standing}.", back=_way_back(session, token))
        consent = CONSENT if body.get("storePaymentMethodMode") == "askForConsent" else ""
        fields = FIELDS.all(holder_name=holder_name)
        return FRAME.form(amount, above, f"{fields}{consent}", notice=notice, status=status)


def _amount(amount: Document) -> str:
    return as_text(amount["value"], amount["currency"])


def _way_back(session: Document, result: str) -> str:
    return with_query(session["request"]["returnUrl"], {"sessionId": session["id"], "sessionResult": result})
