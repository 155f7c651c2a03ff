"""The pages behind a payment link: what it is for, where the card is entered, and the way back from a gateway."""

from typing import Any, ClassVar
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from bookings.mailing import mail_language
from bookings.money_words import in_words
from checkout.bringing import read_brought
from checkout.policy import guard, origin_only
from checkout.throttling import is_one_too_many
from gateways.errors import ErrorCode
from gateways.partner_talk import Brought
from payments.errors import LinkUnknown
from payments.models import PaymentLink
from payments.sentences import sentence_for
from payments.services.link_pages import LinkPage, PageState, link_page, return_url_for, state_of
from payments.services.link_paying import (
    PayStep,
    charge_kept_card,
    charge_what_was_entered,
    open_to_pay,
    page_of_newest,
    returned_to,
    take_return,
)
from payments.services.links import find_link, live_bookings, locales_of

# Our own word for it, that the form in our page says after a refusal.
REFUSED = "refused"
_STATUS_CODES = {PageState.EXPIRED: 410}
# Names the link that a browser left for a gateway which returns all guests to one address.
_COOKIE = "pay-"
_LONGEST_RESUME = 20_000


def amounts_in_words(found: LinkPage) -> dict[str, str]:
    """Return what a page says of money, in the language that is active."""
    return {
        "amount": in_words(found.due),
        "surcharge": in_words(found.surcharge) if found.surcharge.minor else "",
    }


# There is no session to ride on: whoever knows the address may do all that the page can do.
@method_decorator(csrf_exempt, name="dispatch")
class LinkView(View):
    """Find the link of an address, in its guest's language, or say what is wrong with it."""

    http_method_names = ["get", "head"]
    limit: ClassVar[str] = "VIEWS_PER_MINUTE"
    link: PaymentLink
    token: str

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Read the link before anything else is done, and guard whatever is answered."""
        self.token = kwargs["token"]
        self.allows: dict[str, tuple[str, ...]] = {}
        try:
            self.link = find_link(token=self.token)
            if is_one_too_many(self.limit.lower(), self.token, per_minute=settings.CHECKOUT[self.limit]):
                response: HttpResponseBase = self.page(request, 429, state="busy")
            else:
                with translation.override(self.language(request)):
                    response = super().dispatch(request, *args, **kwargs)
        except LinkUnknown:
            response = self.page(request, 404, state="unknown")
        guard(response, allows=self.allows)
        return response

    def language(self, request: HttpRequest) -> str:
        """Return the guest's language: as the order says, else as the browser does."""
        named = locales_of(self.link.order, live_bookings(self.link.order))
        return mail_language(*named) if named else translation.get_language_from_request(request)

    def address(self, name: str, **query: str) -> str:
        """Return the address of another page of this link."""
        found = reverse(name, kwargs={"token": self.token})
        return f"{found}?{urlencode(query)}" if query else found

    def summary(self, request: HttpRequest, *, is_stuck: bool = False) -> HttpResponse:
        """Show how it stands; `is_stuck` says that the guest wanted to pay and nothing could be opened."""
        found = link_page(link=self.link, now=timezone.now())
        state = found.state
        if state is PageState.DUE and REFUSED in request.GET:
            state = PageState.REFUSED
        is_stuck = is_stuck and state in (PageState.DUE, PageState.REFUSED)
        status = 503 if is_stuck else _STATUS_CODES.get(state, 200)
        # What is refused and not explained yet is asked about again, too.
        is_waiting = state is PageState.PENDING or (state is PageState.REFUSED and found.refusal is None)
        return self.page(
            request,
            status,
            state=state.value,
            found=found,
            **amounts_in_words(found),
            is_stuck=is_stuck,
            is_waiting=is_waiting,
            sentence=sentence_for(found.refusal or ErrorCode.UNDEFINED_CARD_ERROR),
            pay_url=self.address("pay-card"),
            kept_card_url=self.address("pay-kept-card"),
            status_url=self.address("pay-status"),
        )

    @staticmethod
    def page(request: HttpRequest, status: int, **words: Any) -> HttpResponse:
        """Return the page of a state in the language that is active."""
        words["language"] = translation.get_language()
        return render(request, "checkout/summary.html", words, status=status)


class SummaryView(LinkView):
    """Show what a link is for and how it stands."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """Show what the books say."""
        return self.summary(request)


class StatusView(LinkView):
    """Tell a page that waits how it stands by now."""

    limit = "LOOKS_PER_MINUTE"

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """Return the state, why the last attempt was refused, and where a guest who has paid goes."""
        state, refusal = state_of(link=self.link, now=timezone.now())
        is_paid = state is PageState.PAID
        return JsonResponse(
            {
                "state": state.value,
                "refusal": refusal or "",
                "next": return_url_for(self.link, state) if is_paid else "",
            }
        )


class CardView(LinkView):
    """Let the guest pay: in the gateway's form in our page, or on the gateway's own page."""

    http_method_names = ["get"]
    limit = "OPENINGS_PER_MINUTE"

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """Open what is to be paid, or use what is open, and show it or send the guest there."""
        step = open_to_pay(link=self.link, locale=translation.get_language() or "", clock=timezone.now)
        if step is None:
            return self.not_opened(request)
        if step.action is not None and step.action["url"]:
            return self.at_the_bank(request, step)
        if not step.redirect_url:
            return self.form(request, step)
        response = HttpResponseRedirect(step.redirect_url, status=303)
        if step.page.returns_to_one_address:
            response.set_cookie(
                f"{_COOKIE}{step.opening_reference}",
                self.token,
                max_age=settings.PAYMENTS["SESSION_LIFETIME_SECONDS"],
                path=reverse("pay-account-return", kwargs={"account": step.account}),
                secure=request.is_secure(),
                httponly=True,
                samesite="Lax",
            )
        return response

    def not_opened(self, request: HttpRequest) -> HttpResponse:
        """Say that it cannot be paid right now, or how it stands where there is nothing to pay."""
        state, _ = state_of(link=self.link, now=timezone.now())
        if state in (PageState.DUE, PageState.REFUSED):
            return self.summary(request, is_stuck=True)
        return HttpResponseRedirect(self.address("pay"), status=303)

    def form(self, request: HttpRequest, step: PayStep, resume: dict[str, str] | None = None) -> HttpResponse:
        """Show the gateway's form; with `resume` it goes on with what the guest comes back from a bank with."""
        found = link_page(link=self.link, now=timezone.now())
        self.allows = dict(step.page.allows)
        data = {
            "script": static(step.page.script),
            "client": step.client,
            "settings": step.page.settings,
            "resume": resume,
            "locale": translation.get_language(),
            "amount": in_words(found.due),
            "operator": found.operator,
            "returnUrl": settings.PUBLIC_BASE_URL + self.address("pay-return"),
            "chargeUrl": self.address("pay-charge"),
            "accept": request.headers.get("Accept", ""),
        }
        words = {
            "language": translation.get_language(),
            "found": found,
            **amounts_in_words(found),
            "step": step,
            "data": data,
            "is_resuming": resume is not None,
            "back_url": self.address("pay"),
        }
        return render(request, "checkout/card.html", words)

    def at_the_bank(self, request: HttpRequest, step: PayStep) -> HttpResponse:
        """Send the guest to the page at which the bank asks for a proof."""
        assert step.action is not None
        url = step.action["url"]
        if step.action["method"] == "GET":
            return HttpResponseRedirect(url, status=303)
        self.allows = {"form-action": (origin_only(url),)}
        words = {"language": translation.get_language(), "action": step.action, "back_url": self.address("pay")}
        return render(request, "checkout/bank.html", words)


class ReturnView(CardView):
    """Take in what a guest comes back with, and go on to how it stands: reloading asks for nothing twice."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """Ask the gateway; a form of ours that must go on first is shown with what was brought."""
        page = page_of_newest(link=self.link)
        if page is None:
            return HttpResponseRedirect(self.address("pay"), status=303)
        if page.resumes_on & request.GET.keys():
            step = open_to_pay(link=self.link, locale=translation.get_language() or "", clock=timezone.now)
            resume = {name: str(request.GET[name])[:_LONGEST_RESUME] for name in request.GET}
            return self.form(request, step, resume) if step is not None else self.not_opened(request)
        is_refused = REFUSED in request.GET
        take_return(
            link=self.link, brought=read_brought(page.brings, request.GET), is_refused=is_refused, clock=timezone.now
        )
        state, _ = state_of(link=self.link, now=timezone.now())
        onward = return_url_for(self.link, state) if state is PageState.PAID else ""
        query = {REFUSED: "1"} if is_refused else {}
        return HttpResponseRedirect(onward or self.address("pay", **query), status=303)


class ChargeView(LinkView):
    """Charge the card for which the gateway's form in our page got a token."""

    http_method_names = ["post"]
    limit = "OPENINGS_PER_MINUTE"

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Charge, and say where the page goes next."""
        page = page_of_newest(link=self.link)
        brought = read_brought(page.brings, request.POST) if page is not None else {}
        if Brought.PAYMENT_TOKEN in brought:
            charge_what_was_entered(link=self.link, brought=brought, clock=timezone.now)
        state, _ = state_of(link=self.link, now=timezone.now())
        # The bank may ask for the guest first: the page of the card sends on to it, and else to how it stands.
        onward = return_url_for(self.link, state) if state is PageState.PAID else ""
        here = self.address("pay-card") if state is PageState.PENDING else self.address("pay")
        return JsonResponse({"next": onward or here})


class KeptCardView(LinkView):
    """Charge the kept card that the link offers."""

    http_method_names = ["post"]
    limit = "OPENINGS_PER_MINUTE"

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Charge, and go on to how it stands."""
        charge_kept_card(link=self.link, clock=timezone.now)
        return HttpResponseRedirect(self.address("pay"), status=303)


class AccountReturnView(View):
    """Bring a guest back to the link from a gateway that returns all guests to one address."""

    http_method_names = ["get"]

    def get(self, request: HttpRequest, account: str) -> HttpResponse:
        """Go on to the link that this browser came from, with all that the gateway says; no other browser learns it."""
        opening = returned_to(account_slug=account, read=lambda page: read_brought(page.brings, request.GET))
        token = request.COOKIES.get(f"{_COOKIE}{opening.reference}", "") if opening is not None else ""
        try:
            find_link(token=token)
        except LinkUnknown:
            response: HttpResponse = LinkView.page(request, 200, state="returned")
        else:
            onward = reverse("pay-return", kwargs={"token": token})
            response = HttpResponseRedirect(f"{onward}?{request.GET.urlencode()}", status=303)
        guard(response, allows={})
        return response
