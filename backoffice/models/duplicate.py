from django.db import models
from django.db.models import F, Q

from payments.models import Transaction


class ProbableDuplicate(models.Model):
    """Be two charges that look like one wish paid twice, through payments that no idempotency key connects.

    `charge` is the younger one. It is found once; a person who knows better puts it aside and says why.
    """

    id = models.BigAutoField(primary_key=True)
    charge = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="+", db_index=False)
    twin = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="+", db_index=False)
    found_at = models.DateTimeField()
    dismissed_at = models.DateTimeField(null=True, blank=True)
    dismissed_by = models.CharField(max_length=150, blank=True)
    reason = models.CharField(max_length=200, blank=True, help_text="Why it is no duplicate, or what was done.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["charge", "twin"], name="one_duplicate_per_pair"),
            models.CheckConstraint(condition=~Q(charge=F("twin")), name="duplicate_of_another_charge"),
            models.CheckConstraint(
                condition=Q(dismissed_at__isnull=True, dismissed_by="", reason="")
                | (Q(dismissed_at__isnull=False) & ~Q(dismissed_by="") & ~Q(reason="")),
                name="dismissed_duplicate_says_why",
            ),
        ]
        indexes = [
            models.Index(fields=["found_at"], condition=Q(dismissed_at__isnull=True), name="duplicate_open"),
        ]

    def __str__(self) -> str:
        return f"{self.charge_id} after {self.twin_id}"
