import uuid

from django.db import models
from django.db.models import Q


class ExportFormat(models.TextChoices):
    """Say how an export is written."""

    CSV = "csv", "CSV"
    XLSX = "xlsx", "Excel"
    JSONL = "jsonl", "JSON Lines"


class ExportState(models.TextChoices):
    """Say how far an export is."""

    ASKED = "ASKED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


class ExportRun(models.Model):
    """Be one export, sealed once it is done: its file can be written again, byte for byte, from `report`, `filters`,
    `is_live`, `zone`, `as_of` and `format` alone. What is sealed is never changed, and no row deleted, by trigger.

    `as_of` is the watermark: nothing that was recorded later is in the file. `totals` are sums by column and currency,
    as {"amount_minor": {"EUR": 1250}}. `stored_path` is empty before the file is written and after it was pruned.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    report = models.CharField(max_length=40)
    filters = models.JSONField(
        default=dict, blank=True, help_text="As asked for: from, to, account, currency, partner."
    )
    is_live = models.BooleanField()
    format = models.CharField(max_length=8, choices=ExportFormat.choices)
    zone = models.CharField(max_length=40, help_text="The operator's time zone when it was asked for.")
    as_of = models.DateTimeField(help_text="Nothing that was recorded later is in it.")
    state = models.CharField(max_length=8, choices=ExportState.choices, default=ExportState.ASKED)
    problem = models.CharField(max_length=500, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    rows_written = models.PositiveBigIntegerField(default=0)
    totals = models.JSONField(default=dict, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    byte_count = models.BigIntegerField(null=True, blank=True)
    stored_path = models.CharField(max_length=300, blank=True)
    asked_by = models.CharField(max_length=150, help_text="A staff user name, a key, 'command' or 'schedule'.")
    asked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "export"
        constraints = [
            models.CheckConstraint(
                condition=~Q(state=ExportState.DONE)
                | (~Q(sha256="") & Q(byte_count__isnull=False, finished_at__isnull=False)),
                name="export_that_is_done_is_sealed",
            ),
        ]
        indexes = [
            models.Index(fields=["-asked_at", "-id"], name="export_by_time"),
            models.Index(fields=["asked_at"], condition=Q(state__in=["ASKED", "RUNNING"]), name="export_to_write"),
        ]
        permissions = [("export_reports", "Can ask for exports of reports")]

    def __str__(self) -> str:
        return f"{self.report} {self.asked_at:%Y-%m-%d %H:%M}"
