from datetime import date
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from gateways.models import GatewayAccount


def check_time_zone(name: str) -> None:
    """Check that a text names a time zone of the IANA list.

    :raises ValidationError: it does not.
    """
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValidationError(f"{name!r} is no time zone of the IANA list, such as Europe/Berlin.") from None


class SourceKind(models.TextChoices):
    """Say whose word a source's files are."""

    GATEWAY = "GATEWAY"
    BANK = "BANK"


class SettlementSource(models.Model):
    """Be one stream of files: the settlement reports of one gateway account or till, or the statements of one bank
    account; with how they are read and how far they may differ from our books.

    `column_map` is how a file is read whose columns are of the operator's own making; without one, the gateway's own
    map counts. docs/reconciliation.md describes it.
    """

    slug = models.SlugField(max_length=40, unique=True, help_text="As in --account; of a gateway's, the account's own.")
    kind = models.CharField(max_length=8, choices=SourceKind.choices, default=SourceKind.GATEWAY)
    account = models.OneToOneField(
        GatewayAccount, on_delete=models.PROTECT, null=True, blank=True, related_name="settlement_source"
    )
    merchant_account = models.CharField(
        max_length=120,
        blank=True,
        help_text="Whose files these are, as they say themselves; the first file fills it, and others are refused.",
    )
    time_zone = models.CharField(
        max_length=40, default="UTC", validators=[check_time_zone], help_text="Of times without a zone, and of days."
    )
    encoding = models.CharField(
        max_length=16,
        choices=[("", "UTF-8, or UTF-16 with its mark"), ("cp1252", "Windows-1252"), ("latin-1", "ISO 8859-1")],
        default="",
        blank=True,
    )
    delimiter = models.CharField(max_length=1, choices=[(",", "comma"), (";", "semicolon"), ("\t", "tab")], default=",")
    decimal_mark = models.CharField(max_length=1, choices=[(".", "1,234.56"), (",", "1.234,56")], default=".")
    column_map = models.JSONField(null=True, blank=True, help_text="Empty: the gateway's own.")
    tolerance_minor = models.PositiveIntegerField(
        default=0, help_text="A difference up to this, in minor units, is no discrepancy."
    )
    fee_tolerance_minor = models.PositiveIntegerField(
        default=1, help_text="How far stated fees may be from gross less net, in minor units: they are rounded."
    )
    window_days = models.PositiveSmallIntegerField(
        default=5, help_text="How far apart the days of two records may be that no reference ties together."
    )
    sla_days = models.PositiveSmallIntegerField(
        default=7, help_text="What is not settled for longer is missing, and what is settled later is late."
    )
    bank_days = models.PositiveSmallIntegerField(default=5, help_text="How long a payout may take to the bank.")
    reconciled_from = models.DateField(help_text="What was booked before this day is nobody's to settle here.")
    locked_through = models.DateField(
        null=True, blank=True, help_text="Nothing is posted for this day or one before it any more."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind=SourceKind.BANK, account__isnull=True)
                | Q(kind=SourceKind.GATEWAY, account__isnull=False),
                name="source_is_of_a_gateway_or_a_bank",
            ),
        ]

    def __str__(self) -> str:
        return self.slug

    @property
    def first_open_day(self) -> date | None:
        """Return the first day something may be posted for; None where every day is open."""
        return date.fromordinal(self.locked_through.toordinal() + 1) if self.locked_through else None
