"""The page behind a payment link: what is due for what, and the way to the gateway's own page."""

from contextlib import suppress
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from bookings.mailing import mail_language
from bookings.models import Order
from bookings.money_words import in_words
from bookings.pay_links import LinkExpired, LinkInvalid, link_of, order_id_of
from checkout.throttling import is_one_too_many
from payments.errors import PaymentError
from payments.services.balance_pages import balance_page, open_balance_page
from payments.services.evidence import take_evidence

_LONGEST_EVIDENCE = 20_000
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # The address is a key: it must not be told to the page a guest goes to next.
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}


# There is no session to ride on: whoever knows the address may do all that the page can do.
@method_decorator(csrf_exempt, name="dispatch")
class PayView(View):
    """Show what a link is for, and send the guest on to pay it."""

    http_method_names = ["get", "head", "post"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Read the link before anything else is done, and answer with what it lacks."""
        token: str = kwargs["token"]
        try:
            self.order_id = order_id_of(token, now=timezone.now())
            limit = "OPENINGS_PER_MINUTE" if request.method == "POST" else "VIEWS_PER_MINUTE"
            if is_one_too_many(limit.lower(), token, per_minute=settings.CHECKOUT[limit]):
                response: HttpResponseBase = self.page(request, 429, state="busy")
            else:
                response = super().dispatch(request, *args, **kwargs)
        except LinkExpired:
            response = self.page(request, 410, state="expired")
        except (LinkInvalid, Order.DoesNotExist):
            response = self.page(request, 404, state="unknown")
        for name, value in _HEADERS.items():
            response[name] = value
        return response

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """Show what the books say; a guest who comes back from paying is asked about at the gateway first."""
        opening, evidence = request.GET.get("sessionId", ""), request.GET.get("sessionResult", "")
        if opening and evidence:
            if len(evidence) <= _LONGEST_EVIDENCE:
                # What is no word of the gateway's on this order changes nothing, and the books say so.
                with suppress(PaymentError):
                    take_evidence(
                        order_id=self.order_id, opening_reference=opening[:200], evidence=evidence, clock=timezone.now
                    )
            return HttpResponseRedirect(link_of(token), status=303)
        return self.shown(request)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Open the gateway's page and send the guest there."""
        page = open_balance_page(
            order_id=self.order_id,
            return_url=link_of(token),
            locale=self.language(request),
            clock=timezone.now,
        )
        return HttpResponseRedirect(page, status=303) if page is not None else self.shown(request, is_asked=True)

    def language(self, request: HttpRequest) -> str:
        """Return the guest's language: as the booking says, else as the browser does."""
        named = balance_page(order_id=self.order_id).locales
        return mail_language(*named) if named else translation.get_language_from_request(request)

    def shown(self, request: HttpRequest, *, is_asked: bool = False) -> HttpResponse:
        """Show the page of an order; `is_asked` says that the guest wanted to pay and could not be sent on."""
        found = balance_page(order_id=self.order_id)
        language = mail_language(*found.locales) if found.locales else translation.get_language_from_request(request)
        if not found.is_active:
            state = "inactive"
        elif found.is_undecided:
            state = "undecided"
        else:
            state = "due" if found.due.minor > 0 else "paid"
        is_stuck = is_asked and state == "due"
        with translation.override(language):
            amounts = {
                "due": in_words(found.due),
                "surcharge": in_words(found.surcharge) if found.surcharge.minor else "",
            }
            return self.page(request, 503 if is_stuck else 200, state=state, found=found, is_stuck=is_stuck, **amounts)

    @staticmethod
    def page(request: HttpRequest, status: int, **words: Any) -> HttpResponse:
        """Return the page in the language that is active."""
        words["language"] = translation.get_language()
        return render(request, "checkout/pay.html", words, status=status)
