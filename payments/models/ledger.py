import uuid

from django.db import models
from django.db.models import F, Q

from bookings.models import Customer, Gift, Order, Partner
from gateways.models import GatewayAccount
from payments.models.payment import Payment
from payments.models.transaction import GatewayEvent, Transaction


class LedgerAccount(models.TextChoices):
    """Name the accounts money moves between."""

    RECEIVABLE = "RECEIVABLE"
    CLEARING = "CLEARING"
    BANK = "BANK"
    FEES = "FEES"
    RESERVE = "RESERVE"
    SURCHARGE = "SURCHARGE"
    DONATION = "DONATION"
    GIFT_LIABILITY = "GIFT_LIABILITY"
    GIFT_SALES = "GIFT_SALES"
    CUSTOMER_CREDIT = "CUSTOMER_CREDIT"
    TOP_UPS = "TOP_UPS"
    DISPUTED = "DISPUTED"
    WRITE_OFF = "WRITE_OFF"
    EXTERNAL = "EXTERNAL"
    CONVERSION = "CONVERSION"


class Posting(models.Model):
    """Be the entries of one cause.

    `counts_at` says in which accounting period: when it happened or, where that month is closed, at the beginning of
    the first open one. A trigger sets it, whoever inserts the row, and refuses one that lies in a closed month.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event = models.ForeignKey(GatewayEvent, on_delete=models.PROTECT, null=True, blank=True, related_name="postings")
    cause = models.CharField(max_length=40, help_text="Such as captured, refunded, charged_back.")
    occurred_at = models.DateTimeField()
    posted_at = models.DateTimeField()
    counts_at = models.DateTimeField(editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["-posted_at", "-id"], name="posting_by_time"),
            models.Index(fields=["counts_at"], name="posting_by_period"),
        ]

    def __str__(self) -> str:
        return f"{self.cause} {self.posted_at:%Y-%m-%d %H:%M:%S}"


class LedgerEntry(models.Model):
    """Be one transfer between two accounts in one currency: balanced by construction. UPDATE and DELETE are refused
    by trigger.
    """

    id = models.BigAutoField(primary_key=True)
    posting = models.ForeignKey(Posting, on_delete=models.PROTECT, related_name="entries")
    from_account = models.CharField(max_length=20, choices=LedgerAccount.choices)
    to_account = models.CharField(max_length=20, choices=LedgerAccount.choices)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    gateway_account = models.ForeignKey(
        GatewayAccount, on_delete=models.PROTECT, null=True, related_name="ledger_entries"
    )
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, related_name="ledger_entries")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, null=True, related_name="ledger_entries")
    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, null=True, related_name="ledger_entries")
    gift = models.ForeignKey(Gift, on_delete=models.PROTECT, null=True, related_name="ledger_entries")
    customer = models.ForeignKey(
        Customer,
        on_delete=models.PROTECT,
        null=True,
        related_name="ledger_entries",
        db_index=False,
        help_text="Whose credit it moves; the order may be given to somebody else later.",
    )
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, null=True, related_name="ledger_entries")
    is_live = models.BooleanField()

    class Meta:
        verbose_name_plural = "ledger entries"
        constraints = [
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="ledger_amount_positive"),
            models.CheckConstraint(condition=~Q(from_account=F("to_account")), name="ledger_accounts_differ"),
        ]
        indexes = [
            # Few entries move a credit, and every one that does not is spared the index.
            models.Index(fields=["customer"], condition=Q(customer__isnull=False), name="ledger_entry_by_customer"),
        ]

    def __str__(self) -> str:
        return f"{self.from_account} -> {self.to_account} {self.amount_minor} {self.currency}"
