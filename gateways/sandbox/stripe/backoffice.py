"""The Stripe part of the control API: accounts, intents, cards, and what somebody does in Stripe's dashboard."""

from typing import Any

from aiohttp import web

from gateways.sandbox.backoffice import BackOffice
from gateways.sandbox.control import BadWish, read_wish
from gateways.sandbox.store import Document
from gateways.sandbox.stripe import attempts, cards, disputes, intents, methods, refunds
from gateways.sandbox.stripe.books import ACCOUNTS, CHARGES, INTENTS, METHODS, REFUNDS, Books
from gateways.sandbox.stripe.errors import ApiError

PREFIX = "/control/stripe"
# What a guest may type, by the names that every processor's control API has.
_CARD_FIELDS = {"number": "number", "expiryMonth": "exp_month", "expiryYear": "exp_year", "cvc": "cvc"}


class StripeBackOffice(BackOffice[Books]):
    """The handlers below /control/stripe."""

    prefix = PREFIX
    accounts_kind = ACCOUNTS
    account_field = "account"
    refusals = (ApiError,)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        saved = self.saved
        return [
            *self.account_routes(),
            web.get(f"{PREFIX}/payment_intents", saved(self.list_intents)),
            web.get(f"{PREFIX}/payment_intents/{{id}}", saved(self.show_intent)),
            web.post(f"{PREFIX}/payment_intents/{{id}}/pay", saved(self.pay)),
            web.post(f"{PREFIX}/payment_intents/{{id}}/{{action}}", saved(self.act)),
            web.get(f"{PREFIX}/payment_methods", saved(self.list_methods)),
            web.post(f"{PREFIX}/payment_methods/{{id}}/{{change:detach|renew|behavior}}", saved(self.change_method)),
        ]

    async def list_intents(self, request: web.Request) -> web.Response:
        """Show the intents, oldest first."""
        wanted = request.query.get("reference")
        found = [
            self._shown(intent)
            for intent in self._books.store.all(INTENTS).values()
            if wanted in (None, intent["api"]["metadata"].get("reference"))
        ]
        return web.json_response({"payment_intents": found})

    async def show_intent(self, request: web.Request) -> web.Response:
        """Show one intent with its charges."""
        return web.json_response(self._shown(self._intent(request)))

    async def pay(self, request: web.Request) -> web.Response:
        """Pay an intent as a guest would; what the bank asks the cardholder is answered rightly.

        With `"authenticates": false` it is answered wrongly. With `"processes": true` the bank does not decide, until
        `settle` or `refuse`.
        """
        wish = await read_wish(request)
        unknown = set(wish) - set(_CARD_FIELDS) - {"holderName", "authenticates", "processes", "storePaymentMethod"}
        if unknown:
            raise BadWish(f"unknown field {sorted(unknown)[0]!r}")
        intent, books = self._intent(request), self._books
        account = books.account(intent["account"])
        assert account is not None
        card = {ours: str(wish[name]) for name, ours in _CARD_FIELDS.items() if wish.get(name) is not None}
        method = methods.new_method(books, account, card, holder=str(wish.get("holderName") or ""))
        if wish.get("processes"):
            self._process(intent, method)
        elif wish.get("authenticates") is False:
            attempts.attempt(books, intent, method, origin="")
            action = intent["api"]["next_action"]
            if action is not None:
                token = action["redirect_to_url"]["url"].rpartition("/")[2]
                attempts.finish_challenge(books, token, passed=False)
        else:
            attempts.attempt(books, intent, method, origin="", may_challenge=False)
        api = intent["api"]
        error = api["last_payment_error"] or {}
        answer = {"payment_intent": api["id"], "status": api["status"], "charge": api["latest_charge"]}
        answer.update({name: error[name] for name in ("code", "decline_code") if error.get(name)})
        return web.json_response(answer)

    async def list_methods(self, request: web.Request) -> web.Response:
        """Show the cards that belong to a customer, or to any."""
        wanted = request.query.get("customer")
        rows = [method["api"] for method in self._books.store.all(METHODS).values()]
        found = [api for api in rows if api["customer"] and wanted in (None, api["customer"])]
        return web.json_response({"payment_methods": found})

    async def change_method(self, request: web.Request) -> web.Response:
        """Detach a card, let its bank renew it, or change what its bank says to a charge."""
        method = self._books.store.get(METHODS, request.match_info["id"])
        if method is None:
            raise BadWish("there is no such payment method", status=404)
        match request.match_info["change"]:
            case "detach":
                methods.detach(self._books, method)
            case "renew":
                methods.renew(self._books, method)
            case _:
                self._behave(method, str((await read_wish(request)).get("behavior") or ""))
        return web.json_response({**method["api"], "behavior": method["behavior"]})

    async def act(self, request: web.Request) -> web.Response:
        """Do something to a payment in Stripe's dashboard, or at a bank; events follow."""
        intent, wish = self._intent(request), await read_wish(request)
        books, amount = self._books, _amount(wish.get("amount"))
        answer: Document = {}
        match request.match_info["action"]:
            case "refund":
                refund = refunds.give_back(books, intent, amount, metadata={}, reason="requested_by_customer")
                answer["refund"] = refund["api"]["id"]
            case "fail_refund":
                refunds.fail(books, self._last_refund(intent))
            case "capture":
                self._check(intent, "requires_capture")
                if amount is not None and amount > intent["api"]["amount_capturable"]:
                    raise BadWish("the amount is more than what is held", status=422)
                intents.take_hold(books, intent, amount)
            case "cancel":
                self._check(intent, *attempts.PAYABLE, "requires_action", "requires_capture")
                intents.end(books, intent, reason="requested_by_customer")
            case "expire":
                # A hold ends by itself after days; an intent that nobody pays never does.
                self._check(intent, "requires_capture")
                intents.end(books, intent, reason="automatic")
            case "settle" | "refuse" as decision:
                self._decide(intent, is_yes=decision == "settle")
            case "dispute" | "inquiry" as kind:
                reason = disputes.INQUIRY if kind == "inquiry" else str(wish.get("reason") or "fraudulent")
                dispute = disputes.open_dispute(books, intent, reason=reason, amount=amount)
                answer["dispute"] = dispute["api"]["id"]
            case "dispute_answered":
                answer["dispute"] = disputes.answer(books, intent)["api"]["id"]
            case "dispute_won" | "dispute_lost" as ending:
                dispute = disputes.close(books, intent, is_won=ending == "dispute_won")
                answer["dispute"] = dispute["api"]["id"]
            case unknown:
                raise BadWish(f"there is no action {unknown!r}", status=404)
        return web.json_response({**answer, "payment_intent": intent["api"]})

    def _process(self, intent: Document, method: Document) -> None:
        self._check(intent, *attempts.PAYABLE)
        intent["api"].update({"status": "processing", "payment_method": method["api"]["id"]})
        self._books.keep(INTENTS, intent)
        self._books.tell("payment_intent.processing", intent)

    def _decide(self, intent: Document, *, is_yes: bool) -> None:
        self._check(intent, "processing")
        method = self._books.find(METHODS, intent["api"]["payment_method"])
        self._behave(method, "pays" if is_yes else "generic_decline")
        intent["api"]["status"] = "requires_confirmation"
        attempts.decide(self._books, intent, method, is_authenticated=False)

    def _behave(self, method: Document, name: str) -> None:
        if name not in cards.BY_NAME:
            raise BadWish(f"behavior must be one of {', '.join(sorted(cards.BY_NAME))}", status=422)
        method["behavior"] = name
        self._books.keep(METHODS, method)

    def _last_refund(self, intent: Document) -> Document:
        for refund in self._books.of_intent(REFUNDS, intent["api"]["id"]):
            if refund["api"]["status"] == "succeeded":
                return refund
        raise BadWish("the payment has no refund that was made", status=422)

    def _intent(self, request: web.Request) -> Document:
        intent = self._books.store.get(INTENTS, request.match_info["id"])
        if intent is None:
            raise BadWish("there is no such payment intent", status=404)
        return intent

    def _shown(self, intent: Document) -> Document:
        charges = [charge["api"] for charge in self._books.of_intent(CHARGES, intent["api"]["id"])]
        return {**intent["api"], "account": intent["account"], "charges": charges}

    def _check(self, intent: Document, *statuses: str) -> None:
        if intent["api"]["status"] not in statuses:
            raise BadWish(f"the payment intent is {intent['api']['status']}", status=422)


def _amount(value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise BadWish("amount must be a whole number of Stripe's minor units")
    return value
