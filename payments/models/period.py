from django.db import models
from django.db.models import F, Q


class ClosedPeriod(models.Model):
    """Be one closing of a month: nothing that is posted later counts in it, or in one before it.

    `starts_at` and `ends_at` are the month, half open, in the `time_zone` that the operator's accounts had at the time.
    `watermark` is the id of the last ledger entry that there was, `totals` what the month moved by then. The row is
    never changed but for a reopening, once and by somebody else; closing the month again makes a new one. A trigger
    sees to that.
    """

    id = models.BigAutoField(primary_key=True)
    month = models.DateField(help_text="Its first day.")
    time_zone = models.CharField(max_length=40)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    watermark = models.BigIntegerField(help_text="The last ledger entry that counts.")
    posting_count = models.PositiveBigIntegerField()
    totals = models.JSONField(
        help_text="What each account moved by, in minor units: mode, account and currency, such as live CLEARING EUR."
    )
    closed_at = models.DateTimeField()
    closed_by = models.CharField(max_length=150)
    reopened_at = models.DateTimeField(null=True, blank=True)
    reopened_by = models.CharField(max_length=150, blank=True)
    reopened_because = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["month"], condition=Q(reopened_at__isnull=True), name="one_closing_per_month"
            ),
            models.CheckConstraint(
                condition=Q(month__day=1, starts_at__lt=F("ends_at")), name="closed_period_is_a_month"
            ),
            models.CheckConstraint(
                condition=Q(reopened_at__isnull=True, reopened_by="", reopened_because="")
                | (Q(reopened_at__isnull=False) & ~Q(reopened_by="") & ~Q(reopened_because="")),
                name="reopened_period_says_who_and_why",
            ),
            models.CheckConstraint(condition=~Q(reopened_by=F("closed_by")), name="four_eyes_on_a_reopened_period"),
        ]
        permissions = [("close_period", "Can close a month of the books, and reopen one that somebody else closed")]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"
