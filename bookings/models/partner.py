import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class Dialect(models.TextChoices):
    """Name the partner APIs a key may speak."""

    OCTO = "octo"
    RESOURCE = "resource"
    CONTEXT = "context"
    INVOICES = "invoices"


class Partner(models.Model):
    """Be a reseller, agent or web shop that calls us; everything a partner may see hangs on it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=80, unique=True)
    settlement_methods = ArrayField(models.CharField(max_length=16), help_text="What the partner may choose from.")
    default_settlement_method = models.CharField(max_length=16)
    return_origins = ArrayField(
        models.CharField(max_length=255),
        default=list,
        blank=True,
        help_text="Where guests may be sent after they paid on our page: https://shop.example.com, and no path behind.",
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class PartnerKey(models.Model):
    """Be one way for a partner to prove who it is; only the SHA-256 of the key is kept, shown once when minted."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="keys")
    label = models.CharField(max_length=80, blank=True)
    prefix = models.CharField(max_length=16, help_text="The first characters of the key, to tell keys apart.")
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    dialects = ArrayField(models.CharField(max_length=16, choices=Dialect.choices))
    is_live = models.BooleanField(help_text="A test key never takes real money and consumes no availability.")
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.prefix}… ({'live' if self.is_live else 'test'})"


class SigningSecret(models.Model):
    """Sign what we send to a partner; encrypted at rest, at most two active at a time so that one can be rotated."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="signing_secrets")
    secret_encrypted = models.BinaryField(editable=False)
    slot = models.PositiveSmallIntegerField(help_text="1 or 2: which of the two active secrets this is.")
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "slot"], condition=Q(retired_at__isnull=True), name="two_active_signing_secrets"
            ),
            models.CheckConstraint(condition=Q(slot__in=[1, 2]), name="signing_secret_slot_is_1_or_2"),
        ]

    def __str__(self) -> str:
        return f"{self.partner_id} #{self.slot}"
