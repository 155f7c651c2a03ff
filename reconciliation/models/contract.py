from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from gateways.models import GatewayAccount
from payments.models import LedgerAccount
from reconciliation.models.line import LineKind


class FeeContract(models.Model):
    """Be what an account's contract charges for lines of one kind: a percentage of gross, and a fixed amount.

    Rows are never changed or deleted (a trigger sees to that), so that what a report of last year expected is what it
    expects today. To correct or to end one, record another: of those that cover a day and a line, the one that names
    the card's brand counts before the one that names none, and the last recorded before all others.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(GatewayAccount, on_delete=models.PROTECT, related_name="fee_contracts")
    kind = models.CharField(
        max_length=20,
        choices=[(kind.value, kind.value) for kind in (LineKind.CAPTURE, LineKind.REFUND, LineKind.CHARGEBACK)],
        default=LineKind.CAPTURE,
    )
    card_brand = models.CharField(
        max_length=40, blank=True, help_text="As operations show it, such as visa; empty: whatever the card."
    )
    currency = models.CharField(max_length=3, help_text="In which it is settled; the fixed part is in it.")
    percent = models.DecimalField(
        max_digits=7,
        decimal_places=4,
        default=0,
        validators=[MinValueValidator(0)],
        help_text="Of gross: 1.4 is 1.4 %.",
    )
    fixed_minor = models.BigIntegerField(
        default=0, validators=[MinValueValidator(0)], help_text="For each line, in minor units."
    )
    valid_from = models.DateField(help_text="The first day, in the operator's time zone, on which something settled.")
    valid_through = models.DateField(null=True, blank=True, help_text="The last day; empty: until another is recorded.")
    recorded_by = models.CharField(max_length=150, editable=False)
    recorded_at = models.DateTimeField(editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(percent__gte=0, fixed_minor__gte=0), name="contract_fee_not_negative"),
            models.CheckConstraint(
                condition=Q(valid_through__isnull=True) | Q(valid_through__gte=F("valid_from")),
                name="contract_ends_after_it_begins",
                violation_error_message="It ends before it begins.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.kind} {self.percent} % + {self.fixed_minor} {self.currency}"


class AccountCode(models.Model):
    """Say under which number of the operator's general ledger one of our accounts is booked.

    Rows are never changed or deleted, for the reason that contracts are not: the last recorded counts. An account that
    has none goes by its own name. One that names a gateway account counts before one that names none.
    """

    id = models.BigAutoField(primary_key=True)
    ledger_account = models.CharField(max_length=20, choices=LedgerAccount.choices)
    gateway_account = models.ForeignKey(
        GatewayAccount,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="account_codes",
        help_text="Empty: for all of them, and where there is none.",
    )
    code = models.CharField(max_length=40, help_text="Such as 1361; leading noughts stay.")
    name = models.CharField(max_length=120, blank=True)
    recorded_by = models.CharField(max_length=150, editable=False)
    recorded_at = models.DateTimeField(editable=False)

    def __str__(self) -> str:
        return f"{self.ledger_account} {self.code}"
