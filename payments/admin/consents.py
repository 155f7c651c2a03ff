from django.contrib import admin

from bookings.admin.read_only import ReadOnlyAdmin
from payments.admin.columns import link, when
from payments.models import CardConsent, CardRevocation, ConsentText, RevokedToken


@admin.register(ConsentText)
class ConsentTextAdmin(ReadOnlyAdmin):
    """Show every wording that guests were asked to agree to; which one is asked now is in the account or settings."""

    list_display = ["text", "language", "first_used", "version"]
    list_filter = ["language"]
    search_fields = ["text", "=digest"]
    ordering = ["-id"]
    fields = ["text", "language", "first_used", "version"]
    first_used = staticmethod(when("first_used_at", "first used"))

    @admin.display(description="version")
    def version(self, text: ConsentText) -> str:
        """Show the beginning of the digest: another content is another version."""
        return text.digest[:12]


@admin.register(CardConsent)
class CardConsentAdmin(ReadOnlyAdmin):
    """Show who agreed to what, and when."""

    list_display = ["given", "card_link", "payment_link", "order_link", "text_link"]
    list_display_links = ["given"]
    list_select_related = ["card", "payment", "order", "text"]
    search_fields = ["=payment__reference", "=order__reference", "=card__last4"]
    ordering = ["-id"]
    fields = ["given", "card_link", "payment_link", "order_link", "text_link"]
    given = staticmethod(when("given_at", "given"))
    card_link = staticmethod(link("card", "card"))
    payment_link = staticmethod(link("payment", "while paying"))
    order_link = staticmethod(link("order", "for order"))
    text_link = staticmethod(link("text", "to"))


@admin.register(CardRevocation)
class CardRevocationAdmin(ReadOnlyAdmin):
    """Show how the deletion of revoked cards at their gateways goes; "Revoke" on the card tries again."""

    list_display = ["card_link", "requested_by", "requested", "attempts", "next_attempt", "done", "last_error"]
    list_select_related = ["card"]
    list_filter = [("done_at", admin.EmptyFieldListFilter)]
    search_fields = ["=card__last4", "=requested_by"]
    ordering = ["-requested_at"]
    fields = ["card_link", "requested_by", "requested", "attempts", "next_attempt", "done", "last_error"]
    card_link = staticmethod(link("card", "card"))
    requested = staticmethod(when("requested_at", "revoked"))
    next_attempt = staticmethod(when("next_attempt_at", "next try"))
    done = staticmethod(when("done_at", "gone at the gateway"))


@admin.register(RevokedToken)
class RevokedTokenAdmin(ReadOnlyAdmin):
    """Show when gateways deleted cards; of a token there is only a fingerprint, and not here."""

    list_display = ["account", "revoked"]
    list_select_related = ["account"]
    list_filter = ["account"]
    ordering = ["-id"]
    fields = ["account", "revoked"]
    revoked = staticmethod(when("revoked_at", "deleted at the gateway"))
