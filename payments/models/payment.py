import uuid

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q

from bookings.models import Order, Partner
from gateways.models import GatewayAccount
from payments.models.consent import ConsentText
from payments.splitting import Parts
from payments.states import State


class Payment(models.Model):
    """Be one wish to collect one amount for exactly one order through one account.

    Keeps its `cp_` reference while order, account, source, amount, surcharge and currency stay; one that was asked for
    with a card's own details `is_one_charge`, and nothing else is ever paid by it. `state` and the four sums are a
    cache of `derive`, written only by the door (`transitions.apply_outcome`). Amounts are minor units of `currency`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reference = models.CharField(max_length=40, unique=True, editable=False)
    number = models.BigIntegerField(unique=True, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="payments")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="payments")
    account = models.ForeignKey(GatewayAccount, on_delete=models.PROTECT, related_name="payments")
    is_live = models.BooleanField()
    source = models.CharField(max_length=8)
    amount_minor = models.BigIntegerField(help_text="What the guest is asked for, surcharge included.")
    surcharge_minor = models.BigIntegerField(default=0, db_default=0, help_text="How much of the amount is surcharge.")
    donation_minor = models.BigIntegerField(
        default=0, db_default=0, help_text="How much of the amount is a donation, which pays nothing of the order."
    )
    is_one_charge = models.BooleanField(
        default=False, db_default=False, help_text="Asked for with a card's own details: one attempt and no page."
    )
    currency = models.CharField(max_length=3)
    captures_at_once = models.BooleanField(help_text="As the account said when the payment was made.")
    state = models.CharField(max_length=16, choices=[(s.value, s.value) for s in State], default=State.CREATED)
    authorized_minor = models.BigIntegerField(default=0, help_text="Held: authorized, neither captured nor released.")
    captured_minor = models.BigIntegerField(default=0)
    refunded_minor = models.BigIntegerField(default=0)
    charged_back_minor = models.BigIntegerField(default=0)
    superseded_at = models.DateTimeField(
        null=True, blank=True, help_text="When a wish for another amount took its place."
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="payment_amount_positive"),
            models.CheckConstraint(
                condition=Q(surcharge_minor__gte=0, surcharge_minor__lt=F("amount_minor")),
                name="payment_surcharge_is_a_part",
            ),
            models.CheckConstraint(
                condition=Q(donation_minor__gte=0, amount_minor__gt=F("surcharge_minor") + F("donation_minor")),
                name="payment_donation_is_a_part",
            ),
            models.UniqueConstraint(
                fields=["order"], condition=Q(superseded_at__isnull=True), name="one_current_payment_per_order"
            ),
        ]
        indexes = [
            models.Index(fields=["order", "created_at"], name="payment_by_order"),
            # Rows come in the order of time: a few pages of index answer "since yesterday".
            BrinIndex(fields=["created_at"], name="payment_by_time"),
            models.Index(fields=["state", "-number"], name="payment_by_state"),
            # All others are found by the amounts of their operations.
            models.Index(
                fields=["amount_minor", "-number"],
                condition=Q(state__in=["CREATED", "ACTION_REQUIRED", "EXPIRED"]),
                name="payment_never_tried",
            ),
            models.Index(fields=["created_at"], condition=Q(authorized_minor__gt=0), name="payment_held"),
        ]
        permissions = [
            ("refund_payment", "Can give money back"),
            ("capture_payment", "Can capture or release held money"),
            ("ask_gateway", "Can ask the gateway again"),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def parts(self) -> Parts:
        """Return what is asked for in its parts."""
        return Parts.of(self.amount_minor, self.surcharge_minor, self.donation_minor)


class OpeningStatus(models.TextChoices):
    """Say how far an Opening is; a closed one can still bring money."""

    REQUESTED = "REQUESTED"
    OPEN = "OPEN"
    CLOSED = "CLOSED"
    FAILED = "FAILED"


class Opening(models.Model):
    """Be one thing opened at a gateway that a guest can pay; the row is committed before the call and never deleted.

    `client_encrypted` is what the guest's browser needs (session data): encrypted, and erased when the Opening closes.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="openings")
    account = models.ForeignKey(GatewayAccount, on_delete=models.PROTECT, related_name="openings")
    reference = models.CharField(max_length=40, unique=True, editable=False)
    idempotency_key = models.CharField(max_length=64, unique=True, editable=False)
    gateway_reference = models.CharField(max_length=120, null=True, blank=True)
    status = models.CharField(max_length=16, choices=OpeningStatus.choices, default=OpeningStatus.REQUESTED)
    amount_minor = models.BigIntegerField(help_text="What the guest is asked for, surcharge included.")
    surcharge_minor = models.BigIntegerField(default=0, db_default=0, help_text="How much of the amount is surcharge.")
    currency = models.CharField(max_length=3)
    link = models.ForeignKey(
        "payments.PaymentLink",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="openings",
        help_text="The link by which the guest pays; it is where the guest comes back to.",
    )
    return_url = models.CharField(max_length=1024, blank=True, help_text="Empty where a link is come back to.")
    is_hosted = models.BooleanField(default=False, db_default=False, help_text="Paid on a page of the gateway's own.")
    channel = models.CharField(max_length=16, default="Web")
    locale = models.CharField(max_length=16, blank=True)
    shopper_reference = models.CharField(
        max_length=120,
        blank=True,
        default="",
        db_default="",
        help_text="The name under which the gateway keeps a card that is used here.",
    )
    consent_text = models.ForeignKey(
        ConsentText,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="openings",
        help_text="What a guest agrees to by having the card kept; empty: cards are not kept here.",
    )
    expires_at = models.DateTimeField()
    client_encrypted = models.BinaryField(null=True, blank=True, editable=False)
    claim_number = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True)
    unknown_since_at = models.DateTimeField(null=True, blank=True)
    next_check_at = models.DateTimeField(null=True, blank=True)
    checks_made = models.PositiveSmallIntegerField(default=0)
    reported_paid_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the partner first said that the guest paid here; no money has been seen since.",
    )
    last_error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "gateway_reference"],
                condition=Q(gateway_reference__isnull=False),
                name="one_opening_per_gateway_reference",
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="opening_amount_positive"),
            models.CheckConstraint(
                condition=Q(surcharge_minor__gte=0, surcharge_minor__lt=F("amount_minor")),
                name="opening_surcharge_is_a_part",
            ),
        ]
        indexes = [
            models.Index(fields=["next_check_at"], condition=Q(next_check_at__isnull=False), name="opening_to_check"),
            models.Index(
                fields=["reported_paid_at"], condition=Q(reported_paid_at__isnull=False), name="opening_reported_paid"
            ),
            models.Index(fields=["-created_at", "-id"], name="opening_by_time"),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def parts(self) -> Parts:
        """Return what is asked for in its parts."""
        return Parts.of(self.amount_minor, self.surcharge_minor)
