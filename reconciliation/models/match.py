from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from payments.models import LedgerEntry
from reconciliation.models.line import SettlementLine


class Rule(models.TextChoices):
    """Say by what a line was matched."""

    OPERATION = "OPERATION", "the gateway's reference of the operation"
    PAYMENT = "PAYMENT", "the gateway's reference of the payment"
    OURS = "OURS", "our reference"
    SUM = "SUM", "several lines or entries of one operation, by their sum"
    ORDER = "ORDER", "the order, with amount and day"
    AMOUNT = "AMOUNT", "amount and day, the only ones"
    BATCH = "BATCH", "explained by its batch: a fee, a reserve, a payout"
    OTHER = "OTHER", "explained by its kind: it moves nothing"
    BANK = "BANK", "the payout of a batch"
    HAND = "HAND", "a person"
    SUPERSEDED = "SUPERSEDED", "taken back: a newer report of its batch has it otherwise"


class Match(models.Model):
    """Be why one line is done: it agrees with our ledger, or its batch explains it.

    `difference_minor` is what the line says beyond the ledger, in minor units of its gross currency; above the
    source's tolerance there is a Discrepancy of it. Lines that were matched together name the `lead` that took the
    ledger's entries. An undone match stays and counts no more; what it had taken is kept by triggers in `released_…`,
    so that a report of how things stood before says the same as it did then.

    The table is partitioned by ranges of line ids, like that of lines.
    """

    id = models.BigAutoField(primary_key=True)
    # Without constraints for the reason that lines have none.
    line = models.ForeignKey(
        SettlementLine, on_delete=models.PROTECT, related_name="matches", db_index=False, db_constraint=False
    )
    lead = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="followers",
        db_index=False,
        db_constraint=False,
    )
    rule = models.CharField(max_length=12, choices=Rule.choices)
    difference_minor = models.BigIntegerField(default=0)
    matched_by = models.CharField(max_length=150, help_text="A staff user name or 'system'.")
    matched_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, blank=True)
    released_entry_ids = ArrayField(models.BigIntegerField(), null=True, editable=False)
    released_batch_ids = ArrayField(models.BigIntegerField(), null=True, editable=False)

    class Meta:
        verbose_name_plural = "matches"
        constraints = [
            models.UniqueConstraint(fields=["line"], condition=Q(undone_at__isnull=True), name="one_match_per_line"),
        ]
        indexes = [
            models.Index(fields=["lead"], condition=Q(lead__isnull=False), name="match_by_lead"),
            models.Index(fields=["undone_at"], condition=Q(undone_at__isnull=False), name="match_undone"),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.line_id}"


class LedgerConsumed(models.Model):
    """Take one movement of the ledger for one match: the primary key lets nobody take it twice, whatever the file.

    A movement is what the entries of one posting moved through the gateway's account for one operation; the first of
    them stands for all. The row goes when its match is undone.
    """

    entry = models.OneToOneField(
        LedgerEntry, on_delete=models.PROTECT, primary_key=True, related_name="settlement", db_constraint=False
    )
    match = models.ForeignKey(
        Match, on_delete=models.PROTECT, related_name="consumed", db_index=False, db_constraint=False
    )

    class Meta:
        # Movements are taken in the order of the matches that take them: a few pages answer "by this match".
        indexes = [BrinIndex(fields=["match"], name="consumed_by_match", pages_per_range=32, autosummarize=True)]

    def __str__(self) -> str:
        return f"{self.entry_id}"
