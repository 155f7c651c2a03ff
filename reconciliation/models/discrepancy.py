from django.conf import settings
from django.db import models
from django.db.models import F, Q

from money import Money
from payments.models import LedgerEntry
from reconciliation.models.line import SettlementLine
from reconciliation.models.report import SettlementBatch
from reconciliation.models.source import SettlementSource


class DiscrepancyKind(models.TextChoices):
    """Name how the books and the file, or the bank, differ."""

    MISSING_HERE = "MISSING_HERE", "settled, and not in our books"
    MISSING_THERE = "MISSING_THERE", "in our books, and not settled in time"
    AMOUNT = "AMOUNT", "another amount"
    CURRENCY = "CURRENCY", "another currency"
    DUPLICATE = "DUPLICATE", "settled twice"
    FEE = "FEE", "fees or exchange that do not add up"
    LATE = "LATE", "settled late"
    UNDECIDED = "UNDECIDED", "settled, and not yet done here"
    AMBIGUOUS = "AMBIGUOUS", "could be several"
    UNKNOWN_TYPE = "UNKNOWN_TYPE", "a type of line we do not know"
    UNBALANCED_BATCH = "UNBALANCED_BATCH", "a batch that does not add up"
    NOT_IN_BANK = "NOT_IN_BANK", "paid out, and not at the bank"
    UNKNOWN_CREDIT = "UNKNOWN_CREDIT", "at the bank, and no payout we know"
    SETTLED_AFTER_ALL = "SETTLED_AFTER_ALL", "written off, and settled after all"
    ANOTHER_PAYOUT = "ANOTHER_PAYOUT", "a payout written off, and of another amount since"


class DiscrepancyState(models.TextChoices):
    """Say how far people are with it."""

    OPEN = "OPEN"
    ASSIGNED = "ASSIGNED"
    PROPOSED = "PROPOSED"
    CLOSED = "CLOSED"


class Resolution(models.TextChoices):
    """Say how it was closed; the first two need a second person."""

    WRITTEN_OFF = "WRITTEN_OFF", "written off"
    MATCHED_BY_HAND = "MATCHED_BY_HAND", "matched by hand"
    EXPLAINED = "EXPLAINED", "explained"
    ARRIVED = "ARRIVED", "what was missing came"


NEEDS_TWO = (Resolution.WRITTEN_OFF, Resolution.MATCHED_BY_HAND)


class Discrepancy(models.Model):
    """Be one place where the books differ from a gateway's or the bank's word: about a line, an entry or a batch.

    `amount_minor` is what is at stake, never negative. `opened_on` is the day its age counts from: of the line, of the
    entry, of the batch, in the source's time zone. There is one of a kind per line, entry or batch, whatever became of
    it: a run opens a closed one again only where it came right by itself and is wrong once more.
    """

    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(SettlementSource, on_delete=models.PROTECT, related_name="discrepancies")
    kind = models.CharField(max_length=20, choices=DiscrepancyKind.choices)
    # With a constraint, a new partition of lines would wait for everybody who writes a row that names a line. It would
    # keep nothing from happening either: lines are never deleted.
    line = models.ForeignKey(
        SettlementLine,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="discrepancies",
        db_index=False,
        db_constraint=False,
    )
    entry = models.ForeignKey(
        LedgerEntry, on_delete=models.PROTECT, null=True, blank=True, related_name="discrepancies", db_index=False
    )
    batch = models.ForeignKey(
        SettlementBatch, on_delete=models.PROTECT, null=True, blank=True, related_name="discrepancies", db_index=False
    )
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    detail = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=8, choices=DiscrepancyState.choices, default=DiscrepancyState.OPEN)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="discrepancies"
    )
    resolution = models.CharField(max_length=16, choices=Resolution.choices, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    proposed_by = models.CharField(max_length=150, blank=True)
    approved_by = models.CharField(max_length=150, blank=True)
    opened_on = models.DateField()
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "discrepancies"
        constraints = [
            models.UniqueConstraint(fields=["line", "kind"], name="one_discrepancy_per_line_and_kind"),
            models.UniqueConstraint(fields=["entry", "kind"], name="one_discrepancy_per_entry_and_kind"),
            models.UniqueConstraint(fields=["batch", "kind"], name="one_discrepancy_per_batch_and_kind"),
            models.CheckConstraint(
                condition=Q(line__isnull=False, entry__isnull=True, batch__isnull=True)
                | Q(line__isnull=True, entry__isnull=False, batch__isnull=True)
                | Q(line__isnull=True, entry__isnull=True, batch__isnull=False),
                name="discrepancy_is_about_one_thing",
            ),
            models.CheckConstraint(condition=Q(amount_minor__gte=0), name="discrepancy_amount_not_negative"),
            models.CheckConstraint(
                condition=Q(approved_by="") | ~Q(approved_by=F("proposed_by")), name="four_eyes_on_a_discrepancy"
            ),
            models.CheckConstraint(
                condition=~Q(state=DiscrepancyState.CLOSED, resolution__in=NEEDS_TWO)
                | (~Q(proposed_by="") & ~Q(approved_by="")),
                name="some_resolutions_need_two",
            ),
            models.CheckConstraint(
                condition=(Q(state=DiscrepancyState.CLOSED) & ~Q(resolution="") & Q(closed_at__isnull=False))
                | (~Q(state=DiscrepancyState.CLOSED) & Q(closed_at__isnull=True)),
                name="closed_discrepancy_says_how",
            ),
        ]
        indexes = [
            models.Index(
                fields=["source", "kind", "opened_on"],
                condition=~Q(state=DiscrepancyState.CLOSED),
                name="discrepancy_open",
            ),
            models.Index(
                fields=["kind", "source"],
                condition=Q(resolution__in=[Resolution.WRITTEN_OFF, Resolution.EXPLAINED]),
                name="discrepancy_ended_by_people",
            ),
        ]
        permissions = [
            ("work_discrepancies", "Can assign, comment and propose how a discrepancy ends"),
            ("approve_discrepancies", "Can approve a write-off or a match by hand"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {Money(self.amount_minor, self.currency)}"


class DiscrepancyEvent(models.Model):
    """Be one thing done about a discrepancy, and by whom; UPDATE and DELETE are refused by trigger.

    `amount_minor` is what is at stake since then, where it was opened or changed, so that a report of how things stood
    says the same for ever.
    """

    id = models.BigAutoField(primary_key=True)
    discrepancy = models.ForeignKey(Discrepancy, on_delete=models.PROTECT, related_name="events")
    actor = models.CharField(max_length=150, help_text="A staff user name or 'system'.")
    action = models.CharField(
        max_length=24, help_text="Such as opened, assigned, commented, proposed, approved, closed."
    )
    state_before = models.CharField(max_length=8, choices=DiscrepancyState.choices, blank=True)
    state_after = models.CharField(max_length=8, choices=DiscrepancyState.choices)
    detail = models.CharField(max_length=500, blank=True)
    amount_minor = models.BigIntegerField(null=True, editable=False)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.action} {self.at:%Y-%m-%d %H:%M:%S}"
