import uuid

from django.db import models
from django.db.models import Q

from payments.models import Posting
from reconciliation.models.source import SettlementSource


class ReportState(models.TextChoices):
    """Say how far a file has come; one that a process died over goes on from there."""

    RECEIVED = "RECEIVED"
    LOADED = "LOADED"
    MATCHED = "MATCHED"
    REJECTED = "REJECTED"


class SettlementReport(models.Model):
    """Be one file, known by its bytes: the same one is never taken in twice.

    `stored_path` is where an uploaded one waits; one that the command reads stays where it is. A REJECTED file left no
    line behind and may be given again, once what was wrong with it (or with our map of it) is mended.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.ForeignKey(SettlementSource, on_delete=models.PROTECT, related_name="reports")
    sha256 = models.CharField(max_length=64, unique=True)
    file_name = models.CharField(max_length=255)
    stored_path = models.CharField(max_length=300, blank=True)
    byte_count = models.BigIntegerField()
    skips_bad_lines = models.BooleanField(help_text="A bad line is left out; else one bad line rejects the file.")
    state = models.CharField(max_length=8, choices=ReportState.choices, default=ReportState.RECEIVED)
    problem = models.CharField(max_length=500, blank=True, help_text="Why it was rejected.")
    line_count = models.PositiveBigIntegerField(default=0, help_text="Lines that are new by this file.")
    known_count = models.PositiveBigIntegerField(default=0, help_text="Lines that an earlier file had brought.")
    superseded_count = models.PositiveBigIntegerField(
        default=0,
        db_default=0,
        help_text="Lines of earlier files that this one corrects or leaves out; each is reversed by one of its own.",
    )
    bad_count = models.PositiveBigIntegerField(default=0)
    batch_is_payout = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Each of its batches is a payout itself, unless it names its payout: so its column map said.",
    )
    # Where the range begins that the ids of its lines are in; None where they have no table of their own.
    first_line_id = models.BigIntegerField(null=True, editable=False)
    received_by = models.CharField(max_length=150)
    received_at = models.DateTimeField()
    loaded_at = models.DateTimeField(null=True, blank=True)
    matched_at = models.DateTimeField(null=True, blank=True)
    counts_from = models.DateTimeField(
        null=True,
        blank=True,
        help_text="The end of the last month that was closed, or of the last day that was locked for its source, when "
        "it was matched: what it tells of before counts then.",
    )

    class Meta:
        permissions = [("import_settlement", "Can import settlement files")]

    def __str__(self) -> str:
        return self.file_name


class BadLine(models.Model):
    """Be one line of a file that could not be read, by its number (the header is line 1) and the reason."""

    id = models.BigAutoField(primary_key=True)
    report = models.ForeignKey(SettlementReport, on_delete=models.CASCADE, related_name="bad_lines")
    line_number = models.PositiveBigIntegerField()
    reason = models.CharField(max_length=500)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["report", "line_number"], name="one_reason_per_bad_line")]

    def __str__(self) -> str:
        return f"line {self.line_number}: {self.reason}"


class BatchState(models.TextChoices):
    """Say whether a batch adds up, and whether the bank has it."""

    OPEN = "OPEN"
    BALANCED = "BALANCED"
    UNBALANCED = "UNBALANCED"
    PAID = "PAID"


class SettlementBatch(models.Model):
    """Be what a gateway settles in one go, in one currency: its batch or payout, or a day where it names none.

    `line_count` and `settled_at` are of the lines that stand: those that were taken back, and those that take them
    back, are none. Sums are in minor units of `currency`, over every line the batch has, of which these come to
    nothing. `net_minor` leaves the payout out, so that `difference_minor` (the two together) is nil in a batch that
    adds up. `payout_minor` is None where no payout is told.
    """

    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(SettlementSource, on_delete=models.PROTECT, related_name="batches")
    reference = models.CharField(max_length=120)
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=12, choices=BatchState.choices, default=BatchState.OPEN)
    line_count = models.PositiveBigIntegerField(default=0)
    net_minor = models.BigIntegerField(default=0)
    fee_minor = models.BigIntegerField(default=0)
    payout_minor = models.BigIntegerField(null=True, blank=True)
    difference_minor = models.BigIntegerField(default=0)
    settled_at = models.DateTimeField(help_text="The latest time that a line of it that stands names.")
    # Without a constraint, for the same reason as the line of a discrepancy.
    bank_line = models.ForeignKey(
        "reconciliation.SettlementLine",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="paid_batches",
        db_constraint=False,
    )

    class Meta:
        verbose_name_plural = "settlement batches"
        constraints = [
            models.UniqueConstraint(fields=["source", "reference", "currency"], name="one_batch_per_reference"),
            models.CheckConstraint(
                condition=~Q(state=BatchState.PAID) | Q(bank_line__isnull=False), name="paid_batch_has_bank_line"
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class BatchPosting(models.Model):
    """Tie a posting to the batch it was made for, so that what a batch has posted is known and never posted again."""

    posting = models.OneToOneField(Posting, on_delete=models.PROTECT, primary_key=True, related_name="settlement_batch")
    batch = models.ForeignKey(SettlementBatch, on_delete=models.PROTECT, related_name="postings")

    def __str__(self) -> str:
        return f"{self.batch_id} {self.posting_id}"
