import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models


class FinanceScope(models.TextChoices):
    """Say what a key of finance may do."""

    ASK = "exports:ask", "ask for exports"
    READ = "exports:read", "see exports and download them"


class FinanceKey(models.Model):
    """Be one way for finance's own systems to prove who they are; only the SHA-256 of the key is kept, shown once when
    minted. It belongs to no partner, and sees what all of them brought, in its mode.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    label = models.CharField(max_length=80, help_text="Which system it is for.")
    prefix = models.CharField(max_length=16, help_text="The first characters of the key, to tell keys apart.")
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=16, choices=FinanceScope.choices))
    is_live = models.BooleanField(help_text="A test key sees only what was made with test keys.")
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.prefix}… ({'live' if self.is_live else 'test'})"


class RepeatableExport(models.Model):
    """Be one export that was asked for under an `Idempotency-Key`, and that asking again under it shows again.

    It is written in one transaction with the export: there is neither without the other.
    """

    id = models.BigAutoField(primary_key=True)
    finance_key = models.ForeignKey(FinanceKey, on_delete=models.PROTECT, related_name="+")
    key_fingerprint = models.CharField(max_length=64, editable=False, help_text="Keyed hash of the Idempotency-Key.")
    body_fingerprint = models.CharField(max_length=64, editable=False, help_text="Keyed hash of what was asked for.")
    run = models.ForeignKey("reconciliation.ExportRun", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["finance_key", "key_fingerprint"], name="one_export_per_key_of_finance")
        ]
        indexes = [models.Index(fields=["created_at"], name="repeatable_export_by_age")]

    def __str__(self) -> str:
        return f"{self.finance_key} {self.created_at:%Y-%m-%d %H:%M}"
