import uuid

from django.db import models
from django.db.models import Q

from bookings.models import Customer, Order, Partner
from gateways.models import GatewayAccount
from payments.models.consent import ConsentText
from payments.models.payment import Payment


class ReusableCard(models.Model):
    """Be a gateway's token for a card that may be charged again; the token is encrypted, found by a keyed
    fingerprint.

    Only a card with a `CardConsent` is ever offered or charged without the guest.
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
        indexes = [
            models.Index(fields=["last4"], name="card_by_last4"),
            models.Index(fields=["-created_at", "-id"], name="card_by_time"),
            models.Index(fields=["account", "token_fingerprint"], name="card_by_token"),
        ]

    def __str__(self) -> str:
        return f"{self.brand} ···· {self.last4}"


class CardConsent(models.Model):
    """Be a guest's yes to having a card kept: to which text, when, and while paying what; append-only."""

    id = models.BigAutoField(primary_key=True)
    card = models.ForeignKey(ReusableCard, on_delete=models.PROTECT, related_name="consents")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="card_consents")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="card_consents")
    text = models.ForeignKey(ConsentText, on_delete=models.PROTECT, related_name="consents")
    given_at = models.DateTimeField(help_text="When the gateway made the token, by its own clock.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["card", "payment"], name="one_consent_per_payment")]

    def __str__(self) -> str:
        return f"{self.card} {self.given_at:%Y-%m-%d %H:%M}"


class CardRevocation(models.Model):
    """Be the deletion of a revoked card at its gateway: written with the revocation, sent by a worker until it is done.

    Deleting twice is harmless, so a lost answer is asked again like any other failure.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    card = models.OneToOneField(ReusableCard, on_delete=models.PROTECT, related_name="revocation")
    requested_by = models.CharField(max_length=150, help_text="A staff user name, 'partner', 'gateway' or 'system'.")
    requested_at = models.DateTimeField()
    claim_number = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    done_at = models.DateTimeField(
        null=True, blank=True, help_text="When the gateway no longer had the card, or said that it deletes none."
    )
    stays_there = models.BooleanField(
        default=False, db_default=False, help_text="The gateway documents no way to delete a card, so it still has it."
    )

    class Meta:
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(done_at__isnull=True), name="card_revocation_to_send")
        ]

    def __str__(self) -> str:
        return f"{self.card} by {self.requested_by}"


class RevokedToken(models.Model):
    """Remember a token that a gateway deleted before we knew it: what is told of it later brings no usable card."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(GatewayAccount, on_delete=models.PROTECT, related_name="revoked_tokens")
    token_fingerprint = models.CharField(max_length=64, editable=False)
    revoked_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "token_fingerprint"], name="one_revoked_token")]

    def __str__(self) -> str:
        return f"{self.account} {self.revoked_at:%Y-%m-%d %H:%M}"
