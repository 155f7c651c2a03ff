from django.db import models

from payments.models import LedgerEntry
from reconciliation.models.line import SettlementLine


class SupersededLine(models.Model):
    """Say that a newer report of its batch has a line otherwise, or not at all.

    The line stays, and a line of the newer report takes it back, amount by amount. The primary key lets nobody take it
    back twice. `entry` is the first of the movement that it was matched with, which is free again. UPDATE and DELETE
    are refused by trigger.
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
