from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from payments.models import Posting
from reconciliation.models.discrepancy import Discrepancy


class ProposalKind(models.TextChoices):
    """Say what is proposed."""

    WRITE_OFF = "WRITE_OFF", "write it off"
    MATCH = "MATCH", "match by hand"
    UNDO = "UNDO", "undo it"


class ProposalDecision(models.TextChoices):
    """Say how a proposal ended; an open one has none."""

    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"
    OVERTAKEN = "OVERTAKEN", "it came right by itself"


class Proposal(models.Model):
    """Be how one person wants a discrepancy to end, which a second one approves or rejects.

    A match names lines and what they are matched with: entries that stand for a movement each, or batches where the
    lines are the bank's. `amount_minor` is what is written off, never negative, or what lines of a match say beyond
    the books; `transfers` is all that a write-off is to post, which may be in two currencies. What was approved and
    undone keeps both postings. An UNDO is of what two people decided, and takes two as well; it names what that did.
    """

    id = models.BigAutoField(primary_key=True)
    discrepancy = models.ForeignKey(Discrepancy, on_delete=models.PROTECT, related_name="proposals")
    kind = models.CharField(max_length=12, choices=ProposalKind.choices)
    reason = models.CharField(max_length=300)
    line_ids = ArrayField(models.BigIntegerField(), default=list, blank=True)
    entry_ids = ArrayField(models.BigIntegerField(), default=list, blank=True)
    batch_ids = ArrayField(models.BigIntegerField(), default=list, blank=True)
    transfers = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    proposed_by = models.CharField(max_length=150)
    proposed_at = models.DateTimeField()
    decision = models.CharField(max_length=12, choices=ProposalDecision.choices, blank=True)
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.CharField(max_length=300, blank=True)
    posting = models.OneToOneField(
        Posting, on_delete=models.PROTECT, null=True, blank=True, related_name="write_off_proposal"
    )
    undoes = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="undoings")
    undo_proposed_by = models.CharField(max_length=150, blank=True)
    undone_by = models.CharField(max_length=150, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)
    undo_posting = models.OneToOneField(
        Posting, on_delete=models.PROTECT, null=True, blank=True, related_name="undone_proposal"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["discrepancy"], condition=Q(decision=""), name="one_open_proposal_per_discrepancy"
            ),
            models.UniqueConstraint(fields=["undoes"], condition=Q(decision=""), name="one_open_undo_per_proposal"),
            models.CheckConstraint(
                condition=Q(kind=ProposalKind.UNDO, undoes__isnull=False)
                | (~Q(kind=ProposalKind.UNDO) & Q(undoes__isnull=True)),
                name="undo_is_of_a_proposal",
            ),
            models.CheckConstraint(
                condition=Q(undone_at__isnull=True) | (~Q(undo_proposed_by="") & ~Q(undone_by=F("undo_proposed_by"))),
                name="four_eyes_on_an_undo",
            ),
            models.CheckConstraint(
                condition=~Q(decision=ProposalDecision.APPROVED) | ~Q(decided_by=F("proposed_by")),
                name="four_eyes_on_a_proposal",
            ),
            models.CheckConstraint(
                condition=Q(decision="", decided_by="", decided_at__isnull=True)
                | (~Q(decision="") & ~Q(decided_by="") & Q(decided_at__isnull=False)),
                name="proposal_says_who_decided_and_when",
            ),
            models.CheckConstraint(
                condition=Q(undone_by="", undone_at__isnull=True, undo_posting__isnull=True)
                | (Q(decision=ProposalDecision.APPROVED, undone_at__isnull=False) & ~Q(undone_by="")),
                name="only_what_was_approved_is_undone",
            ),
            models.CheckConstraint(
                condition=~Q(kind=ProposalKind.WRITE_OFF, decision=ProposalDecision.APPROVED)
                | Q(posting__isnull=False, amount_minor__gt=0),
                name="approved_write_off_is_posted",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.discrepancy_id}"
