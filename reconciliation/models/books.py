from django.db import models
from django.db.models import F, Q

from gateways.models import GatewayAccount
from payments.models import LedgerAccount
from reconciliation.models.source import SettlementSource


class BooksDay(models.Model):
    """Be what moved between two accounts on one day that it counts on, in the operator's time zone: a running sum of
    the ledger, through `BooksProgress.last_entry_id`. Pages read it instead of millions of entries.
    """

    id = models.BigAutoField(primary_key=True)
    day = models.DateField()
    account = models.ForeignKey(GatewayAccount, on_delete=models.PROTECT, related_name="books_days")
    currency = models.CharField(max_length=3)
    from_account = models.CharField(max_length=20, choices=LedgerAccount.choices)
    to_account = models.CharField(max_length=20, choices=LedgerAccount.choices)
    amount_minor = models.BigIntegerField()
    entry_count = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "account", "currency", "from_account", "to_account"], name="one_sum_per_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.from_account} -> {self.to_account} {self.amount_minor} {self.currency}"


class BooksProgress(models.Model):
    """Be how far the running sums are; there is one row.

    `seen_entry_id` is the last entry that anybody had begun to write when `seen_horizon` was the next transaction: once
    every older one has ended, no entry up to it can still come.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    time_zone = models.CharField(max_length=40)
    last_entry_id = models.BigIntegerField(default=0)
    as_of = models.DateTimeField(null=True)
    seen_entry_id = models.BigIntegerField(default=0)
    seen_horizon = models.BigIntegerField(default=0)
    seen_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="one_books_progress"),
            models.CheckConstraint(
                condition=Q(seen_entry_id__gte=F("last_entry_id")), name="books_progress_goes_forward"
            ),
        ]

    def __str__(self) -> str:
        return f"through {self.last_entry_id}"


class DriftReading(models.Model):
    """Be what an account held at a moment in one currency, and what explains it, part by part; never changed.

    `balance_minor` is what waits at the gateway (or in the till) by the ledger; `parts` names, in minor units, what the
    settlement files and the open discrepancies say of it, and `unexplained_minor` is the rest, which must be nil.
    """

    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(SettlementSource, on_delete=models.PROTECT, related_name="drift_readings")
    currency = models.CharField(max_length=3)
    balance_minor = models.BigIntegerField()
    parts = models.JSONField()
    unexplained_minor = models.BigIntegerField()
    read_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "currency", "read_at"], name="one_drift_reading_at_a_time"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.currency} {self.read_at:%Y-%m-%d %H:%M:%S}"
