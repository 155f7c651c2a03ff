from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from payments.admin.buttons import faults_as_messages
from payments.admin.columns import RecordAdmin, link, mode, when
from payments.models import ReusableCard
from payments.services.cards import revoke_card


@admin.register(ReusableCard)
class ReusableCardAdmin(RecordAdmin):
    """Show the cards that may be charged again, as guests know them; the token is nowhere here."""

    list_display = ["card", "expiry", "partner", "account", "mode", "customer_link", "order_link", "created", "revoked"]
    list_select_related = ["partner", "account", "customer", "order"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter), "brand", "is_live", "account", "partner"]
    search_fields = ["=last4", "=order__reference", "=customer__email", "=shopper_reference"]
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
        "created",
        "revoked",
    ]
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
                "cards": cards,
                "action_checkbox_name": ACTION_CHECKBOX_NAME,
            }
            return TemplateResponse(request, "admin/payments/reusablecard/revoke.html", context)
        for card in cards:
            with faults_as_messages(request) as said:
                revoke_card(card=card, now=timezone.now())
                messages.success(request, f"{card} is revoked.")
            self.log_change(request, card, " ".join(["Revoked.", *said]))
        return None
