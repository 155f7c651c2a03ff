from django.contrib import admin

from payments.admin.columns import link, money, pretty_json, when
from payments.admin.searching import FoundAdmin
from payments.models import Challenge, Dispute, GatewayEvent, Opening, Transaction
from payments.states import Status


@admin.register(Opening)
class OpeningAdmin(FoundAdmin):
    """Show what was opened for guests to pay; never what their browsers were given."""

    list_display = ["reference", "payment_link", "account", "status", "amount", "gateway_reference", "created", "until"]
    list_select_related = ["payment", "account"]
    list_filter = ["status", "account"]
    ordering = ["-created_at", "-pk"]
    fields = [
        "reference",
        "payment_link",
        "account",
        "status",
        "amount",
        "surcharge",
        "gateway_reference",
        "leads_back_to",
        "channel",
        "locale",
        "created",
        "until",
        "unknown_since",
        "next_check",
        "checks_made",
        "reported_paid",
        "last_error",
    ]
    amount = staticmethod(money("amount_minor", "amount"))
    surcharge = staticmethod(money("surcharge_minor", "of it surcharge"))
    payment_link = staticmethod(link("payment", "payment"))
    created = staticmethod(when("created_at", "created"))
    until = staticmethod(when("expires_at", "until"))
    unknown_since = staticmethod(when("unknown_since_at", "unknown since"))
    next_check = staticmethod(when("next_check_at", "asked again at"))
    reported_paid = staticmethod(when("reported_paid_at", "reported paid at"))

    @admin.display(description="leads back to")
    def leads_back_to(self, opening: Opening) -> str:
        """Show the shop's address; that of a payment link is a key, and the guest's alone."""
        return "the guest's payment link" if opening.link_id is not None else opening.return_url or "–"


@admin.register(Transaction)
class TransactionAdmin(FoundAdmin):
    """Show attempts and operations."""

    list_display = [
        "reference",
        "kind",
        "origin",
        "status",
        "amount",
        "payment_link",
        "account",
        "gateway_reference",
        "paid_with",
        "error_code",
        "requested",
    ]
    list_select_related = ["payment", "account"]
    list_filter = ["kind", "status", "origin", ("unknown_since_at", admin.EmptyFieldListFilter), "account"]
    order_path = "order_id"
    ordering = ["-number"]
    fields = [
        "reference",
        "number",
        "kind",
        "origin",
        "status",
        "amount",
        "surcharge",
        "donation",
        "payment_link",
        "order_link",
        "account",
        "opening_link",
        "parent_link",
        "gateway_reference",
        "paid_with",
        "card_expiry",
        "error_code",
        "raw_code",
        "raw_text",
        "reason",
        "requested_by",
        "requested",
        "sent",
        "unknown_since",
        "next_check",
        "checks_made",
        "decided",
    ]
    amount = staticmethod(money("amount_minor", "amount"))
    surcharge = staticmethod(money("surcharge_minor", "of it surcharge"))
    donation = staticmethod(money("donation_minor", "of it donation"))
    payment_link = staticmethod(link("payment", "payment"))
    order_link = staticmethod(link("order", "order"))
    opening_link = staticmethod(link("opening", "opening"))
    parent_link = staticmethod(link("parent", "of"))
    requested = staticmethod(when("requested_at", "asked for or told"))
    sent = staticmethod(when("first_sent_at", "first sent"))
    unknown_since = staticmethod(when("unknown_since_at", "unknown since"))
    next_check = staticmethod(when("next_check_at", "asked again at"))
    decided = staticmethod(when("decided_at", "decided"))

    @admin.display(description="card", ordering="card_last4")
    def paid_with(self, transaction: Transaction) -> str:
        """Show the card as the guest knows it."""
        return transaction.card_text or "–"


@admin.register(GatewayEvent)
class GatewayEventAdmin(FoundAdmin):
    """Show what gateways said, as it was kept: scrubbed before it was stored."""

    list_display = ["id", "kind", "source", "amount", "payment_link", "account", "gateway_reference", "occurred"]
    list_select_related = ["payment", "account"]
    list_filter = ["kind", "source", "account", ("problem", admin.EmptyFieldListFilter)]
    ordering = ["-id"]
    fields = [
        "kind",
        "source",
        "amount",
        "is_cumulative",
        "payment_link",
        "transaction_link",
        "opening_link",
        "account",
        "gateway_reference",
        "event_key",
        "decline_code",
        "raw_code",
        "raw_text",
        "problem",
        "occurred",
        "received",
        "said",
    ]
    amount = staticmethod(money("amount_minor", "amount"))
    payment_link = staticmethod(link("payment", "payment"))
    transaction_link = staticmethod(link("transaction", "operation"))
    opening_link = staticmethod(link("opening", "opening"))
    occurred = staticmethod(when("occurred_at", "happened"))
    received = staticmethod(when("received_at", "heard"))

    @admin.display(description="what it said")
    def said(self, event: GatewayEvent) -> str:
        """Show what was kept of the gateway's own words."""
        return pretty_json(event.raw)


@admin.register(Dispute)
class DisputeAdmin(FoundAdmin):
    """Show guests' objections, those with the nearest deadline first."""

    list_display = ["gateway_reference", "payment_link", "stage", "reason", "amount", "evidence_due", "opened"]
    list_select_related = ["payment"]
    list_filter = ["stage"]
    ordering = ["-evidence_due_at"]
    fields = [
        "gateway_reference",
        "payment_link",
        "transaction_link",
        "stage",
        "reason",
        "amount",
        "evidence_due",
        "opened",
        "changed",
    ]
    amount = staticmethod(money("amount_minor", "amount"))
    payment_link = staticmethod(link("payment", "payment"))
    transaction_link = staticmethod(link("transaction", "operation"))
    evidence_due = staticmethod(when("evidence_due_at", "answer until"))
    opened = staticmethod(when("opened_at", "opened"))
    changed = staticmethod(when("changed_at", "changed"))


@admin.register(Challenge)
class ChallengeAdmin(FoundAdmin):
    """Show which guests were sent to the bank, and until when they may come back; where to is theirs alone."""

    list_display = ["transaction_link", "asked", "until", "waits"]
    list_select_related = ["transaction"]
    payment_path, order_path = "transaction__payment_id", "transaction__order_id"
    ordering = ["-asked_at"]
    fields = ["transaction_link", "asked", "until", "waits"]
    transaction_link = staticmethod(link("transaction", "charge"))
    asked = staticmethod(when("asked_at", "sent to the bank"))
    until = staticmethod(when("expires_at", "may come back until"))

    @admin.display(description="still waits for the guest", boolean=True)
    def waits(self, challenge: Challenge) -> bool:
        """Say whether the guest may still act."""
        return challenge.action_encrypted is not None and challenge.transaction.status == Status.PENDING
