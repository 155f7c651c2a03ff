import uuid

from django.db import models
from django.db.models import Q, Value

from bookings.models import Order
from bookings.models.order import next_of
from gateways.errors import ErrorCode
from gateways.models import GatewayAccount
from gateways.protocol import OutcomeKind
from payments.models.card import ReusableCard
from payments.models.payment import Opening, Payment
from payments.splitting import Parts
from payments.states import OperationKind, Status


class Origin(models.TextChoices):
    """Say whether we asked for it or were told of it."""

    OURS = "OURS"
    GATEWAY = "GATEWAY"


class EventSource(models.TextChoices):
    """Say by which way a gateway's word reached us."""

    ANSWER = "ANSWER"
    WEBHOOK = "WEBHOOK"
    POLL = "POLL"
    REPORT = "REPORT"
    STAFF = "STAFF"


class Transaction(models.Model):
    """Be one attempt or operation at a gateway.

    Rows of origin OURS are committed, with reference and idempotency key, before the gateway hears of them; every
    retry by anyone reuses the key and the row is never deleted. `unknown_since_at` says that an answer was lost and
    no later word came.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.BigIntegerField(unique=True, editable=False, db_default=next_of("payments_transaction_number"))
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="transactions")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="transactions")
    account = models.ForeignKey(GatewayAccount, on_delete=models.PROTECT, related_name="transactions")
    opening = models.ForeignKey(Opening, on_delete=models.PROTECT, null=True, blank=True, related_name="transactions")
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="children")
    card = models.ForeignKey(ReusableCard, on_delete=models.PROTECT, null=True, blank=True, related_name="transactions")
    kind = models.CharField(max_length=16, choices=[(k.value, k.value) for k in OperationKind])
    origin = models.CharField(max_length=8, choices=Origin.choices)
    status = models.CharField(max_length=16, choices=[(s.value, s.value) for s in Status], default=Status.PENDING)
    amount_minor = models.BigIntegerField()
    surcharge_minor = models.BigIntegerField(
        default=0,
        db_default=0,
        help_text="How much of the amount is surcharge: as we asked for it, else as the door split what was told.",
    )
    donation_minor = models.BigIntegerField(
        default=0, db_default=0, help_text="How much of the amount is a donation; it covers nothing of the price."
    )
    currency = models.CharField(max_length=3)
    reference = models.CharField(max_length=40, unique=True, editable=False)
    idempotency_key = models.CharField(max_length=64, unique=True, null=True, blank=True, editable=False)
    gateway_reference = models.CharField(max_length=120, null=True, blank=True)
    error_code = models.CharField(max_length=32, choices=[(c.value, c.value) for c in ErrorCode], blank=True)
    raw_code = models.CharField(max_length=40, blank=True)
    raw_text = models.CharField(max_length=300, blank=True)
    card_brand = models.CharField(max_length=40, blank=True)
    card_last4 = models.CharField(max_length=4, blank=True)
    card_expiry = models.CharField(max_length=7, blank=True, help_text="YYYY-MM")
    reason = models.CharField(max_length=200, blank=True)
    requested_by = models.CharField(max_length=150, blank=True, help_text="A staff user name, 'partner' or 'system'.")
    expected_total_minor = models.BigIntegerField(
        null=True, blank=True, help_text="What cards had to pay in all when a charge without the guest was asked for."
    )
    claim_number = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True)
    first_sent_at = models.DateTimeField(null=True, blank=True)
    unknown_since_at = models.DateTimeField(null=True, blank=True)
    next_check_at = models.DateTimeField(null=True, blank=True)
    checks_made = models.PositiveSmallIntegerField(default=0)
    requested_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="transaction_amount_positive"),
            models.CheckConstraint(condition=Q(surcharge_minor__gte=0), name="transaction_surcharge_not_negative"),
            models.CheckConstraint(condition=Q(donation_minor__gte=0), name="transaction_donation_not_negative"),
            models.UniqueConstraint(
                fields=["account", "kind", "gateway_reference"],
                condition=Q(gateway_reference__isnull=False),
                name="one_transaction_per_gateway_reference",
            ),
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(origin="OURS", kind__in=["SALE", "AUTHORIZATION"], status="PENDING", opening__isnull=True),
                name="one_live_guestless_charge_per_order",
            ),
            models.CheckConstraint(
                condition=~Q(status="FAILED") | ~Q(error_code=""), name="failed_transaction_has_error_code"
            ),
        ]
        indexes = [
            models.Index(fields=["account", "gateway_reference"], name="transaction_by_gateway_ref"),
            models.Index(
                fields=["next_check_at"], condition=Q(next_check_at__isnull=False), name="transaction_to_check"
            ),
            # By these staff search, the newest first.
            models.Index(fields=["card_last4", "-number"], name="transaction_by_card"),
            models.Index(fields=["kind", "-number"], name="transaction_by_kind"),
            models.Index(fields=["amount_minor", "currency", "-number"], name="transaction_by_amount"),
            models.Index(fields=["-number"], condition=Q(unknown_since_at__isnull=False), name="transaction_unknown"),
            models.Index(fields=["requested_at"], condition=Q(status="PENDING"), name="transaction_pending"),
            # By these a person's refunds of a day are counted, of whatever order.
            models.Index(
                fields=["requested_by", "requested_at"], condition=Q(kind="REFUND"), name="refund_by_who_asked"
            ),
            # Answers "what was taken and refused on these days" without reading a row.
            models.Index(
                fields=["decided_at"],
                include=["account", "currency", "kind", "status", "amount_minor"],
                condition=Q(decided_at__isnull=False),
                name="transaction_by_decision",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"

    @property
    def parts(self) -> Parts:
        """Return the amount in its parts."""
        return Parts.of(self.amount_minor, self.surcharge_minor, self.donation_minor)

    @property
    def card_text(self) -> str:
        """Return the card as its guest knows it: brand and last four digits; empty where none is known."""
        return f"{self.card_brand.capitalize()} ···· {self.card_last4}".strip() if self.card_last4 else ""


class GatewayEvent(models.Model):
    """Be one thing a gateway said; append-only, and the same fact is stored once however often it is told.

    `transaction` and `opening` say what it speaks of. `problem` says why it takes no part in the sums (another
    currency).
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(GatewayAccount, on_delete=models.PROTECT, related_name="events")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="events")
    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, null=True, related_name="events")
    opening = models.ForeignKey(Opening, on_delete=models.PROTECT, null=True, related_name="events")
    kind = models.CharField(max_length=24, choices=[(k.value, k.value) for k in OutcomeKind])
    event_key = models.CharField(max_length=160)
    source = models.CharField(max_length=8, choices=EventSource.choices)
    gateway_reference = models.CharField(max_length=120, blank=True)
    amount_minor = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3, blank=True)
    is_cumulative = models.BooleanField(default=False)
    problem = models.CharField(max_length=40, blank=True)
    decline_code = models.CharField(max_length=32, blank=True)
    raw_code = models.CharField(max_length=40, blank=True)
    raw_text = models.CharField(max_length=300, blank=True)
    raw = models.JSONField(default=dict)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "kind", "event_key"], name="one_event_per_fact"),
        ]
        indexes = [models.Index(fields=["payment", "occurred_at"], name="event_by_payment")]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_key}"


class Dispute(models.Model):
    """Be a guest's objection at the bank, by the stage the gateway last named."""

    id = models.BigAutoField(primary_key=True)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="disputes")
    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, null=True, related_name="disputes")
    gateway_reference = models.CharField(max_length=120)
    stage = models.CharField(max_length=60)
    reason = models.CharField(max_length=200, blank=True)
    amount_minor = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3, blank=True)
    evidence_due_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    stages = models.JSONField(
        default=list,
        db_default=Value([], models.JSONField()),
        editable=False,
        help_text="Every stage, with when we were told of it and until when evidence was due then; only added to.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["payment", "gateway_reference"], name="one_dispute_per_reference")
        ]
        indexes = [models.Index(fields=["gateway_reference"], name="dispute_by_gateway_ref")]

    def __str__(self) -> str:
        return f"{self.gateway_reference} {self.stage}"


class CaseKind(models.TextChoices):
    """Name why a person must look at a payment."""

    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    WEBHOOK_MISSING = "WEBHOOK_MISSING"
    OVERPAID = "OVERPAID"
    PAID_WITHOUT_SEATS = "PAID_WITHOUT_SEATS"
    PAID_UNCONFIRMED = "PAID_UNCONFIRMED"
    AMOUNT_DIFFERS = "AMOUNT_DIFFERS"
    CURRENCY_DIFFERS = "CURRENCY_DIFFERS"
    FIGURES_CONFLICT = "FIGURES_CONFLICT"
    OVERDRAWN = "OVERDRAWN"
    CAPTURE_FAILED = "CAPTURE_FAILED"
    REFUND_FAILED = "REFUND_FAILED"
    CHARGEBACK = "CHARGEBACK"
    BALANCE_REOPENED = "BALANCE_REOPENED"
    BALANCE_UNPAID = "BALANCE_UNPAID"
    REJECTED_BY_GATEWAY = "REJECTED_BY_GATEWAY"
    CARD_NOT_DELETED = "CARD_NOT_DELETED"
    CREDIT_OVERDRAWN = "CREDIT_OVERDRAWN"
    REFUND_BY_HAND = "REFUND_BY_HAND"


class Case(models.Model):
    """Be something about a payment that a person must see; one open case per payment and kind."""

    id = models.BigAutoField(primary_key=True)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="cases")
    kind = models.CharField(max_length=24, choices=CaseKind.choices)
    detail = models.CharField(max_length=500, blank=True)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=150, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["payment", "kind"], condition=Q(closed_at__isnull=True), name="one_open_case_per_kind"
            )
        ]
        indexes = [
            models.Index(fields=["opened_at"], condition=Q(closed_at__isnull=True), name="case_open"),
            models.Index(fields=["kind", "opened_at", "id"], condition=Q(closed_at__isnull=True), name="case_by_kind"),
            models.Index(fields=["closed_at", "opened_at", "id"], name="case_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.payment_id}"
