import uuid

from django.db import models
from django.db.models import Q

from bookings.encryption import decrypt_text
from gateways.models import GatewayAccount
from payments.models.payment import Payment


class DeliveryStatus(models.TextChoices):
    """Say how far a stored delivery is."""

    RECEIVED = "RECEIVED"
    PROCESSED = "PROCESSED"
    ORPHAN = "ORPHAN"
    FAILED = "FAILED"


class WebhookDelivery(models.Model):
    """Be one genuine delivery of a gateway, stored before it is believed.

    What a gateway sends may hold card tokens and guests' details, so the body is encrypted at rest.

    ORPHAN: it speaks of something we have no record of yet and is matched again later. FAILED: reading it raised; it
    is tried again, and staff see it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Found by the unique constraint, which begins with the account.
    account = models.ForeignKey(GatewayAccount, on_delete=models.PROTECT, related_name="deliveries", db_index=False)
    payment = models.ForeignKey(
        Payment,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="deliveries",
        db_index=False,
        help_text="What its news was about, once it was understood.",
    )
    delivery_key = models.CharField(max_length=200)
    body_encrypted = models.BinaryField(editable=False)
    status = models.CharField(max_length=16, choices=DeliveryStatus.choices, default=DeliveryStatus.RECEIVED)
    times_received = models.PositiveIntegerField(default=1)
    attempts = models.PositiveIntegerField(default=0)
    claim_number = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    received_at = models.DateTimeField()
    processed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        constraints = [models.UniqueConstraint(fields=["account", "delivery_key"], name="one_delivery_per_key")]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(processed_at__isnull=True), name="delivery_to_handle"),
            # Nothing is known of a payment when a delivery is stored, and accepting it writes no entry here.
            models.Index(fields=["payment"], condition=Q(payment__isnull=False), name="delivery_by_payment"),
            models.Index(fields=["-received_at", "-id"], name="delivery_by_arrival"),
            # Few among millions, which staff list; accepting a delivery writes no entry here either.
            models.Index(
                fields=["status", "-received_at", "-id"],
                condition=Q(status__in=[DeliveryStatus.ORPHAN, DeliveryStatus.FAILED]),
                name="delivery_not_understood",
            ),
        ]

    def __str__(self) -> str:
        return self.delivery_key

    @property
    def body(self) -> str:
        """Return what the gateway sent."""
        return decrypt_text(self.body_encrypted)
