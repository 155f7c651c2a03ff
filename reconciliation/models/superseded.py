from django.db import models

from payments.models import LedgerEntry
from reconciliation.models.line import SettlementLine


class SupersededLine(models.Model):
    """Be that a newer report of a batch has a line otherwise, or not at all: the line stays, and a line of the newer
    report takes it back, amount by amount. UPDATE and DELETE are refused by trigger.

    The primary key lets nobody take a line back twice. `entry` stands for the movement that the line was matched with,
    which is free again.
    """

    line = models.OneToOneField(
        SettlementLine, on_delete=models.PROTECT, primary_key=True, related_name="superseded", db_constraint=False
    )
    taken_back_by = models.OneToOneField(
        SettlementLine, on_delete=models.PROTECT, related_name="supersedes", db_constraint=False
    )
    entry = models.ForeignKey(
        LedgerEntry,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )

    def __str__(self) -> str:
        return f"{self.line_id}"
