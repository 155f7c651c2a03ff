from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join

from gateways.models import GatewayAccount
from payments.admin.columns import link, pretty_json, when
from payments.admin.searching import FoundAdmin
from payments.inbox import news_in
from payments.models import WebhookDelivery


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(FoundAdmin):
    """Show what gateways sent; the body as it came holds tokens and guests' details and is not shown."""

    list_display = ["received", "account", "status", "payment_link", "times_received", "attempts", "last_error"]
    list_select_related = ["account", "payment"]
    list_filter = ["status", "account"]
    ordering = ["-received_at", "-pk"]
    fields = [
        "account",
        "delivery_key",
        "status",
        "payment_link",
        "times_received",
        "attempts",
        "received",
        "processed",
        "next_attempt",
        "last_error",
        "news",
    ]
    payment_link = staticmethod(link("payment", "payment"))
    received = staticmethod(when("received_at", "received"))
    processed = staticmethod(when("processed_at", "processed"))
    next_attempt = staticmethod(when("next_attempt_at", "tried again at"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        """Leave the bodies where they are until a page reads one."""
        deliveries: QuerySet[WebhookDelivery] = super().get_queryset(request)
        return deliveries.defer("body_encrypted")

    def called(self, term: str) -> Q:
        """Find by the delivery's own key what is about no payment yet; the index of keys begins with the account."""
        return Q(account__in=GatewayAccount.objects.values("pk"), delivery_key=term)

    @admin.display(description="what it says")
    def news(self, delivery: WebhookDelivery) -> str:
        """Show what the adapter reads in it, scrubbed as it is before it is kept."""
        try:
            outcomes = news_in(delivery)
        except Exception as fault:  # noqa: BLE001 - staff look here because it cannot be read
            return f"cannot be read: {type(fault).__name__}"
        return format_html_join(
            "",
            "<strong>{}</strong> {}{}",
            ((outcome.kind, outcome.money or "", pretty_json(dict(outcome.raw))) for outcome in outcomes),
        )
