from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html

from bookings.admin.read_only import ReadOnlyAdmin, ReadOnlyInline
from payments.admin.buttons import faults_as_messages
from payments.admin.columns import link, money_mode, page_of, unbroken, when, when_text
from payments.admin.passport import passport_of
from payments.models import CardConsent, ReusableCard
from payments.nudges import nudge
from payments.services.card_uses import why_unusable
from payments.services.cards import revoke_card
from payments.tasks import delete_revoked_card, delete_revoked_cards


class ConsentInline(ReadOnlyInline):
    """Show what the guest agreed to, when, and while paying what."""

    model = CardConsent
    verbose_name_plural = "consents"
    fields = ["given", "payment_link", "language", "wording"]
    show_change_link = False
    ordering = ["given_at"]
    given = staticmethod(when("given_at", "given"))
    payment_link = staticmethod(link("payment", "while paying"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[CardConsent]:
        """Read the texts along, and of the card all but its token."""
        found: QuerySet[CardConsent] = super().get_queryset(request)
        return found.select_related("text", "payment", "card").defer("card__token_encrypted")

    @admin.display(description="language")
    def language(self, consent: CardConsent) -> str:
        """Show the language the guest was asked in."""
        return consent.text.language

    @admin.display(description="to")
    def wording(self, consent: CardConsent) -> str:
        """Show the text as it was then."""
        return consent.text.text


@admin.register(ReusableCard)
class ReusableCardAdmin(ReadOnlyAdmin):
    """Show stored cards as guests know them, expired and revoked ones among them; the token is nowhere here."""

    change_form_template = "admin/payments/reusablecard/change_form.html"
    list_display = [
        "card",
        "usable",
        "expiry",
        "partner",
        "account",
        "mode",
        "customer_link",
        "order_link",
        "consent",
        "created",
        "revoked",
        "deletion",
    ]
    list_select_related = ["partner", "account", "customer", "order", "revocation"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter), "brand", "is_live", "account", "partner"]
    search_fields = ["=last4", "=order__reference", "=customer__email", "=customer__reference", "=shopper_reference"]
    ordering = ["-created_at", "-pk"]
    fields = [
        "card",
        "expiry",
        "bin",
        "partner",
        "account",
        "mode",
        "customer_link",
        "order_link",
        "shopper_reference",
        "consent",
        "created",
        "revoked",
        "deletion",
    ]
    inlines = [ConsentInline]
    actions = ["revoke_cards"]
    mode = staticmethod(money_mode("account"))
    customer_link = staticmethod(link("customer", "guest"))
    order_link = staticmethod(link("order", "first used on"))
    created = staticmethod(when("created_at", "kept since"))
    revoked = staticmethod(when("revoked_at", "revoked"))

    @admin.display(description="card", ordering="last4")
    def card(self, card: ReusableCard) -> str:
        """Show brand and last four digits."""
        return str(card)

    @admin.display(description="expires", ordering="expiry_year")
    def expiry(self, card: ReusableCard) -> str:
        """Show until when the card is good."""
        return f"{card.expiry_month:02d}/{card.expiry_year}" if card.expiry_month and card.expiry_year else "–"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReusableCard]:
        """Read along when consent was first given."""
        cards: QuerySet[ReusableCard] = super().get_queryset(request)
        # Of the cards on the page alone: grouped, all the cards there are would be read.
        first = CardConsent.objects.filter(card=OuterRef("pk")).order_by("given_at").values("given_at")[:1]
        return cards.defer("token_encrypted").annotate(consented_at=Subquery(first))

    @admin.display(description="usable")
    def usable(self, card: ReusableCard) -> str:
        """Mark what nobody can charge, with why."""
        has_consent = getattr(card, "consented_at", None) is not None
        why = why_unusable(card, has_consent=has_consent, now=timezone.now())
        return format_html('<span class="cp-state cp-state-{}">{}</span>', "bad" if why else "good", why or "usable")

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the button."""
        view = self.admin_site.admin_view(self.revoke_view)
        return [path("<uuid:card_id>/revoke/", view, name="payments_reusablecard_revoke"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a card with its passport."""
        card = self.get_object(request, object_id)
        if card is None or not self.has_view_permission(request, card):
            return super().change_view(request, object_id, form_url, extra_context)
        context = {
            **(extra_context or {}),
            **passport_of(request, card),
            "may_revoke": self.has_revoke_permission(request) and _can_be_revoked(card),
        }
        return super().change_view(request, object_id, form_url, context)

    def revoke_view(self, request: HttpRequest, card_id: str) -> HttpResponse:
        """Ask once more, revoke one card, and go back to its page, where it says what became of it."""
        if not self.has_revoke_permission(request):
            raise PermissionDenied("You may not do that.")
        card: ReusableCard | None = self.get_object(request, str(card_id))
        if card is None:
            raise Http404
        if request.method != "POST":
            return self._ask_first(request, [card], back=page_of(card))
        self._revoke(request, card)
        return HttpResponseRedirect(page_of(card))

    @admin.display(description="consent", ordering="consented_at")
    def consent(self, card: ReusableCard) -> str:
        """Show since when the guest agrees; a card without consent is never charged."""
        given_at = getattr(card, "consented_at", None)
        return unbroken(when_text(given_at)) if given_at else "none: never charged"

    @admin.display(description="at the gateway")
    def deletion(self, card: ReusableCard) -> str:
        """Show whether a revoked card is gone at the gateway."""
        if card.revoked_at is None:
            return "–"
        revocation = getattr(card, "revocation", None)
        if revocation is None:
            return "deleted by the gateway"
        if revocation.stays_there:
            return "stays there: the gateway deletes no cards; nobody charges it from here"
        if revocation.done_at is not None:
            return unbroken(f"deleted {when_text(revocation.done_at)}")
        if revocation.next_attempt_at is None:
            return f"still stored; revoke again to try again ({revocation.last_error})"
        return unbroken(f"being deleted, next at {when_text(revocation.next_attempt_at)}")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Let those revoke who may change cards, which nobody else can do here."""
        return bool(request.user.has_perm("payments.change_reusablecard"))

    @admin.action(description="Revoke the selected cards", permissions=["revoke"])
    def revoke_cards(self, request: HttpRequest, queryset: QuerySet[ReusableCard]) -> HttpResponse | None:
        """Revoke cards here and at the gateway, after asking once more."""
        cards = queryset.select_related("partner", "account")
        if "confirmed" not in request.POST:
            return self._ask_first(request, cards, back=request.get_full_path())
        for card in cards:
            self._revoke(request, card)
        return None

    def _ask_first(self, request: HttpRequest, cards: Iterable[ReusableCard], *, back: str) -> HttpResponse:
        """Show what would be revoked, and ask once more."""
        context = {
            **self.admin_site.each_context(request),
            "title": "Revoke cards",
            "opts": self.opts,
            "chosen": cards,
            "action_name": "revoke_cards",
            "verb": "Revoke",
            "back": back,
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/payments/reusablecard/revoke.html", context)

    def _revoke(self, request: HttpRequest, card: ReusableCard) -> None:
        with faults_as_messages(request) as said:
            revocation = revoke_card(card=card, requested_by=request.user.get_username(), now=timezone.now())
            nudge(delete_revoked_card, drain=delete_revoked_cards, revocation_id=str(revocation.pk))
            messages.success(request, f"{card} is revoked; soon it says here what became of it at the gateway.")
        self.log_change(request, card, " ".join(["Revoked.", *said]))


def _can_be_revoked(card: ReusableCard) -> bool:
    """Say whether there is something left to do: not revoked yet, or its deletion was given up."""
    revocation = getattr(card, "revocation", None)
    was_given_up = revocation is not None and revocation.done_at is None and revocation.next_attempt_at is None
    return card.revoked_at is None or was_given_up
