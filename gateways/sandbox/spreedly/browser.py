"""What Spreedly's own scripts ask of Spreedly from a shop's page: show a card's form, and give a token for the card.

Source: docs.spreedly.com, "Express". The form stands for the frame that Express opens over the page.
"""

from aiohttp import web

from gateways.sandbox.pages import heading, typed_expiry
from gateways.sandbox.spreedly import cards, proofs
from gateways.sandbox.spreedly.books import Books
from gateways.sandbox.spreedly.errors import ApiError
from gateways.sandbox.spreedly.pages import FIELDS, FRAME
from gateways.sandbox.vendor_scripts import told, vendor_script

BASE = "/spreedly/iframe"


class Browser:
    """The handlers of what a browser asks for."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(f"{BASE}/express-3.min.js", self.express),
            web.get(f"{BASE}/iframe-v1.min.js", self.iframe),
            web.get(f"{BASE}/card", self.show_form),
            web.post(f"{BASE}/card", self.tokenize),
        ]

    async def express(self, _: web.Request) -> web.Response:
        """Serve the stand-in for Express."""
        return vendor_script("express.js")

    async def iframe(self, _: web.Request) -> web.Response:
        """Serve the stand-in for the script of the fields."""
        return vendor_script("iframe.js")

    async def show_form(self, request: web.Request) -> web.Response:
        """Show the fields of a card over a shop's page."""
        if self._books.account(request.query.get("env", "")) is None:
            return FRAME.not_found("There is no such environment.")
        above = heading(request.query.get("company_name", "Pay by card"), request.query.get("amount", ""))
        return FRAME.framed_form(FIELDS.all(), above=above, has_button=True)

    async def tokenize(self, request: web.Request) -> web.Response:
        """Keep the card that was typed, where the page proves that it is the shop's, and give its token."""
        form = await request.post()
        account = self._books.account(request.query.get("env", ""))
        month, year = typed_expiry(form)
        fields = {name: str(form.get(name, "")) for name in ("number", "verification_value", "full_name")}
        try:
            if account is None:
                raise ApiError(404, "errors.environment_not_found", "There is no such environment.")
            proofs.check_page(self._books, account, dict(request.query))
            card = cards.new_card(self._books, account, {**fields, "month": month, "year": year})
            proofs.use_up(self._books, account, dict(request.query))
        except ApiError as error:
            return told({"message": error.message}, status=422)
        finally:
            self._books.store.save()
        return told({"token": card["token"], "payment_method": cards.shown(card)})
