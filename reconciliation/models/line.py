from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from reconciliation.models.report import SettlementBatch, SettlementReport


class LineKind(models.TextChoices):
    """Say what a line is about; the words that gateways' column maps translate their types to.

    OTHER is a type that a map knows and that belongs to none of the others, UNKNOWN one that it does not know.
    """

    CAPTURE = "CAPTURE"
    CAPTURE_FAILED = "CAPTURE_FAILED"
    CAPTURE_REVERSED = "CAPTURE_REVERSED"
    REFUND = "REFUND"
    REFUND_REVERSED = "REFUND_REVERSED"
    CHARGEBACK = "CHARGEBACK"
    CHARGEBACK_REVERSED = "CHARGEBACK_REVERSED"
    FEE = "FEE"
    RESERVE = "RESERVE"
    BALANCE_TRANSFER = "BALANCE_TRANSFER"
    PAYOUT = "PAYOUT"
    PAYOUT_RETURNED = "PAYOUT_RETURNED"
    BANK = "BANK"
    OTHER = "OTHER"
    UNKNOWN = "UNKNOWN"


# What belongs to a payment, and therefore has a movement in our ledger.
PAYMENT_KINDS = (
    LineKind.CAPTURE,
    LineKind.CAPTURE_FAILED,
    LineKind.CAPTURE_REVERSED,
    LineKind.REFUND,
    LineKind.REFUND_REVERSED,
    LineKind.CHARGEBACK,
    LineKind.CHARGEBACK_REVERSED,
)


class SettlementLine(models.Model):
    """Be one line of a file, typed. UPDATE and DELETE are refused by trigger.

    The table is partitioned by ranges of ids: a large file has a partition of its own, and the others share one (see
    `own_tables`), which has the indexes below. In one of its own a line's id follows from its number.

    Amounts are signed minor units: what the gateway owes us is positive. `gross` is in the guest's currency, `net` and
    `fee` in the one that is settled in: net = gross (converted) - fee, exactly. `stated_fee` are the fees as the file
    states them, in major units and with every decimal; `fee_minor` is what they came to.
    """

    id = models.BigAutoField(primary_key=True)
    # Checking a foreign key costs a trigger for every one of millions of lines, and proves nothing: lines are written
    # by one statement that reads the keys, and neither they nor what they name are ever deleted.
    report = models.ForeignKey(
        SettlementReport, on_delete=models.PROTECT, related_name="lines", db_index=False, db_constraint=False
    )
    line_number = models.PositiveBigIntegerField(help_text="In its file, by records; the header is line 1.")
    batch = models.ForeignKey(SettlementBatch, on_delete=models.PROTECT, related_name="lines", db_constraint=False)
    kind = models.CharField(max_length=20, choices=LineKind.choices)
    vendor_type = models.CharField(max_length=60)
    gateway_reference = models.CharField(max_length=120, blank=True, help_text="The gateway's, of this operation.")
    payment_reference = models.CharField(max_length=120, blank=True, help_text="The gateway's, of the payment.")
    our_reference = models.CharField(max_length=120, blank=True)
    our_operation_reference = models.CharField(max_length=120, blank=True)
    acquirer_reference = models.CharField(max_length=120, blank=True)
    description = models.CharField(max_length=300, blank=True)
    gross_currency = models.CharField(max_length=3)
    gross_minor = models.BigIntegerField()
    net_currency = models.CharField(max_length=3)
    net_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField()
    stated_fee = models.DecimalField(max_digits=24, decimal_places=9, null=True)
    exchange_rate = models.DecimalField(max_digits=30, decimal_places=15, null=True)
    occurred_at = models.DateTimeField()
    settled_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["report", "line_number"], name="one_line_per_number")]
        # Lines come in the order of time, more or less: a few pages answer "of this month", and cost an import nothing.
        indexes = [BrinIndex(fields=["settled_at"], name="settlement_line_by_time")]

    def __str__(self) -> str:
        return f"line {self.line_number}"
