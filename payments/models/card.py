import uuid

from django.db import models

from bookings.models import Customer, Order, Partner
from gateways.models import GatewayAccount


class ReusableCard(models.Model):
    """Be a gateway's token for a card that may be charged again; the token is encrypted, found by a keyed
    fingerprint.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="cards")
    account = models.ForeignKey(GatewayAccount, on_delete=models.PROTECT, related_name="cards")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, null=True, blank=True, related_name="cards")
    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, related_name="cards", help_text="Where it was first used."
    )
    is_live = models.BooleanField()
    token_encrypted = models.BinaryField(editable=False)
    token_fingerprint = models.CharField(max_length=64, editable=False)
    shopper_reference = models.CharField(max_length=120, blank=True)
    brand = models.CharField(max_length=40, blank=True)
    bin = models.CharField(max_length=8, blank=True)
    last4 = models.CharField(max_length=4, blank=True)
    expiry_month = models.PositiveSmallIntegerField(null=True, blank=True)
    expiry_year = models.PositiveSmallIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "is_live", "account", "token_fingerprint"], name="one_card_per_token"
            )
        ]
        indexes = [models.Index(fields=["last4"], name="card_by_last4")]

    def __str__(self) -> str:
        return f"{self.brand} ···· {self.last4}"
