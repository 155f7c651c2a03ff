from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Min, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from bookings.admin.read_only import ReadOnlyInline
from payments.admin.buttons import faults_as_messages
from payments.admin.columns import RecordAdmin, link, mode, unbroken, when, when_text
from payments.models import CardConsent, ReusableCard
from payments.nudges import nudge
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
        """Read the texts along."""
        found: QuerySet[CardConsent] = super().get_queryset(request)
        return found.select_related("text", "payment")

    @admin.display(description="language")
    def language(self, consent: CardConsent) -> str:
        """Show the language the guest was asked in."""
        return consent.text.language

    @admin.display(description="to")
    def wording(self, consent: CardConsent) -> str:
        """Show the text as it was then."""
        return consent.text.text


@admin.register(ReusableCard)
class ReusableCardAdmin(RecordAdmin):
    """Show the cards that may be charged again, as guests know them; the token is nowhere here."""

    list_display = [
        "card",
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
    ordering = ["-created_at"]
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
    mode = staticmethod(mode)
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
        return cards.annotate(consented_at=Min("consents__given_at"))

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
            context = {
                **self.admin_site.each_context(request),
                "title": "Revoke cards",
                "opts": self.opts,
                "chosen": cards,
                "action_name": "revoke_cards",
                "verb": "Revoke",
                "action_checkbox_name": ACTION_CHECKBOX_NAME,
            }
            return TemplateResponse(request, "admin/payments/reusablecard/revoke.html", context)
        for card in cards:
            with faults_as_messages(request) as said:
                revocation = revoke_card(card=card, requested_by=request.user.get_username(), now=timezone.now())
                nudge(delete_revoked_card, drain=delete_revoked_cards, revocation_id=str(revocation.pk))
                messages.success(request, f"{card} is revoked; soon it says here what became of it at the gateway.")
            self.log_change(request, card, " ".join(["Revoked.", *said]))
        return None
