"""The Adyen part of the control API: accounts, sessions, payments, and what a back office does to them."""

from typing import Any

from aiohttp import web

from gateways.sandbox.adyen import disputes, modifications, payments, refusals, sessions, tokens
from gateways.sandbox.adyen.books import ACCOUNTS, TOKENS, Books
from gateways.sandbox.adyen.errors import ApiError
from gateways.sandbox.backoffice import BackOffice
from gateways.sandbox.control import BadWish, read_wish
from gateways.sandbox.store import Document

PREFIX = "/control/adyen"


class AdyenBackOffice(BackOffice[Books]):
    """The handlers below /control/adyen."""

    prefix = PREFIX
    accounts_kind = ACCOUNTS
    account_field = "merchant_account"
    refusals = (ApiError,)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        saved = self.saved
        return [
            *self.account_routes(),
            web.get(f"{PREFIX}/sessions/{{id}}", saved(self.show_session)),
            web.post(f"{PREFIX}/sessions/{{id}}/pay", saved(self.pay_session)),
            web.post(f"{PREFIX}/sessions/{{id}}/{{ending:expire|cancel|result}}", saved(self.end_session)),
            web.get(f"{PREFIX}/tokens", saved(self.list_tokens)),
            web.post(f"{PREFIX}/tokens/{{id}}/{{change:disable|renew|holder}}", saved(self.change_token)),
            web.get(f"{PREFIX}/payments", saved(self.list_payments)),
            web.get(f"{PREFIX}/payments/{{psp}}", saved(self.show_payment)),
            web.post(f"{PREFIX}/payments/{{psp}}/{{action}}", saved(self.act)),
        ]

    async def show_session(self, request: web.Request) -> web.Response:
        """Show a session with its present status."""
        session = sessions.find(self._books, request.match_info["id"])
        return web.json_response({**session, "status": sessions.status_of(session)})

    async def pay_session(self, request: web.Request) -> web.Response:
        """Pay a session as a guest would; 3-D Secure is passed without a challenge."""
        wish = await read_wish(request)
        names = {"number", "expiryMonth", "expiryYear", "cvc", "holderName", "storedPaymentMethodId"}
        unknown = set(wish) - names - {"storePaymentMethod"}
        if unknown:
            raise BadWish(f"unknown field {sorted(unknown)[0]!r}")
        session = sessions.find(self._books, request.match_info["id"])
        attempt = sessions.attempt(
            self._books,
            session,
            {name: str(wish[name]) for name in names if wish.get(name) is not None},
            gives_consent=bool(wish.get("storePaymentMethod")),
            may_challenge=False,
        )
        payment = attempt.payment
        answer = {
            "resultCode": payment["resultCode"],
            "sessionResult": attempt.session_result,
            "pspReference": payment["pspReference"],
        }
        if payment["refusalReason"]:
            answer["refusalReason"] = payment["refusalReason"]
            answer["refusalReasonCode"] = payment["refusalReasonCode"]
        return web.json_response(answer)

    async def end_session(self, request: web.Request) -> web.Response:
        """Expire or cancel a session, or only get a new sessionResult of it."""
        session = sessions.find(self._books, request.match_info["id"])
        match request.match_info["ending"]:
            case "expire":
                token = sessions.end(self._books, session, "expired")
            case "cancel":
                token = sessions.end(self._books, session, "canceled")
            case _:
                token = sessions.new_result(self._books, session)
        return web.json_response({"status": sessions.status_of(session), "sessionResult": token})

    async def list_tokens(self, request: web.Request) -> web.Response:
        """Show the stored cards, of one shopper or of all."""
        wanted = request.query.get("shopperReference")
        kept = self._books.store.all(TOKENS).values()
        return web.json_response({"tokens": [row for row in kept if wanted in (None, row["shopperReference"])]})

    async def change_token(self, request: web.Request) -> web.Response:
        """Delete a stored card, let its bank renew it, or put another name on it, which decides what its bank says.

        Where the account has token webhooks, one follows the first two.
        """
        token = self._books.store.get(TOKENS, request.match_info["id"])
        if token is None:
            raise BadWish("there is no such token", status=404)
        match request.match_info["change"]:
            case "disable":
                tokens.disable(self._books, token)
            case "renew":
                tokens.renew(self._books, token)
            case _:
                token["holderName"] = str((await read_wish(request)).get("holderName") or "")
                self._books.store.put(TOKENS, token["id"], token)
        return web.json_response(token)

    async def list_payments(self, request: web.Request) -> web.Response:
        """Show the attempts, oldest first."""
        found = self._books.payments(
            merchant_account=request.query.get("merchantAccount"), reference=request.query.get("reference")
        )
        return web.json_response({"payments": list(found)})

    async def show_payment(self, request: web.Request) -> web.Response:
        """Show one attempt."""
        return web.json_response(self._payment(request))

    async def act(self, request: web.Request) -> web.Response:
        """Do something to a payment in the processor's own back office; webhooks follow."""
        payment, wish = self._payment(request), await read_wish(request)
        books, value = self._books, _value(wish.get("amount"))
        currency = payment["amount"]["currency"]
        answer: Document = {}
        match request.match_info["action"]:
            case "refund":
                left = modifications.refundable(payment) if value is None else value
                amount = {"currency": currency, "value": left}
                answer["pspReference"] = modifications.refund(books, payment, amount=amount)
            case "capture":
                left = modifications.capturable(payment) if value is None else value
                amount = {"currency": currency, "value": left}
                answer["pspReference"] = modifications.capture(books, payment, amount=amount)
            case "cancel":
                answer["pspReference"] = modifications.cancel(books, payment)
            case "chargeback":
                reason = str(wish.get("reason") or disputes.DEFAULT_REASON)
                answer["pspReference"] = disputes.charge_back(books, payment, value=value, reason=reason)[
                    "pspReference"
                ]
            case "chargeback_reversed":
                answer["pspReference"] = disputes.reverse_chargeback(books, payment, value=value)["pspReference"]
            case "second_chargeback":
                answer["pspReference"] = disputes.charge_back_again(books, payment, value=value)["pspReference"]
            case "recapture":
                answer["pspReference"] = disputes.recapture(books, payment)["pspReference"]
            case "refunded_reversed":
                answer["pspReference"] = disputes.return_refund(books, payment)["pspReference"]
            case "authorise" | "refuse" as decision:
                self._settle_pending(payment, is_yes=decision == "authorise")
                answer["pspReference"] = payment["pspReference"]
            case unknown:
                raise BadWish(f"there is no action {unknown!r}", status=404)
        return web.json_response({**answer, "payment": payment})

    def _settle_pending(self, payment: Document, *, is_yes: bool) -> None:
        if payment["resultCode"] != "Received":
            raise BadWish("the payment is not pending", status=422)
        payments.decide(self._books, payment, refusals.APPROVED if is_yes else refusals.GENERIC_REFUSAL)
        sessions.settle_pending(self._books, payment)

    def _payment(self, request: web.Request) -> Document:
        try:
            return self._books.payment(request.match_info["psp"])
        except ApiError:
            raise BadWish("there is no such payment", status=404) from None


def _value(amount: Any) -> int | None:
    value = amount.get("value") if isinstance(amount, dict) else amount
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise BadWish("amount must be a whole number of minor units, or an object with value")
    return value
