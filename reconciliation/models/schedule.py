from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from reconciliation.exporting.periods import RelativePeriod
from reconciliation.models.export import ExportFormat, ExportRun


class Cadence(models.TextChoices):
    """Say how often something comes."""

    DAILY = "DAILY", "every day"
    WEEKLY = "WEEKLY", "every week, on a day from 1 (Monday) to 7"
    MONTHLY = "MONTHLY", "every month, on a day from 1 to 28"


class ScheduledExport(models.Model):
    """Be an export that is made by itself and mailed, at an hour of the operator's time zone.

    `counts_from` is when it was last set: nothing is made for a time before.
    """

    id = models.BigAutoField(primary_key=True)
    report = models.CharField(max_length=40)
    format = models.CharField(max_length=8, choices=ExportFormat.choices, default=ExportFormat.XLSX)
    is_live = models.BooleanField(default=True, help_text="Off: a TEST, of what moved no real money.")
    period = models.CharField(max_length=12, choices=RelativePeriod.choices, default=RelativePeriod.LAST_MONTH)
    filters = models.JSONField(default=dict, blank=True, help_text="Account, currency, partner.")
    cadence = models.CharField(max_length=8, choices=Cadence.choices, default=Cadence.MONTHLY)
    day = models.PositiveSmallIntegerField(default=1, help_text="Of the week or the month; of no meaning every day.")
    hour = models.PositiveSmallIntegerField(default=6, help_text="0 to 23, in the operator's time zone.")
    recipients = ArrayField(models.EmailField(), help_text="Addresses, separated by commas.")
    attaches_file = models.BooleanField(
        default=False, help_text="Attach a small file to the mail; else it only says where the file can be downloaded."
    )
    is_active = models.BooleanField(default=True)
    set_by = models.CharField(max_length=150, editable=False)
    counts_from = models.DateTimeField(editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(cadence=Cadence.DAILY)
                | Q(cadence=Cadence.WEEKLY, day__gte=1, day__lte=7)
                | Q(cadence=Cadence.MONTHLY, day__gte=1, day__lte=28),
                name="schedule_has_a_day",
            ),
            models.CheckConstraint(condition=Q(hour__lte=23), name="schedule_has_an_hour"),
            models.CheckConstraint(condition=~Q(recipients__len=0), name="schedule_has_recipients"),
        ]

    def __str__(self) -> str:
        return f"{self.report} {self.get_cadence_display().partition(',')[0]}"


class MailState(models.TextChoices):
    """Say how far the mail about an export is; one that a worker died over may have gone out, and is not sent again."""

    WAITING = "WAITING"
    SENDING = "SENDING"
    SENT = "SENT"
    FAILED = "FAILED"


class ScheduledRun(models.Model):
    """Be what a schedule made for one period, and the mail about it: one for each period, by constraint."""

    id = models.BigAutoField(primary_key=True)
    schedule = models.ForeignKey(ScheduledExport, on_delete=models.PROTECT, related_name="runs")
    run = models.OneToOneField(ExportRun, on_delete=models.PROTECT, related_name="scheduled")
    first_day = models.DateField()
    end_day = models.DateField(help_text="The day after the last.")
    due_at = models.DateTimeField()
    mail_state = models.CharField(max_length=8, choices=MailState.choices, default=MailState.WAITING)
    mail_tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField()
    mailed_at = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["schedule", "first_day", "end_day"], name="one_scheduled_export_per_period"
            ),
            models.CheckConstraint(condition=Q(first_day__lte=F("end_day")), name="scheduled_period_is_one"),
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"], condition=Q(mail_state__in=["WAITING", "SENDING"]), name="scheduled_to_mail"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.schedule_id} {self.first_day} {self.mail_state}"
