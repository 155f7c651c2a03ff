from django.db import models


class ChangeTopic(models.TextChoices):
    """Name what a partner can be told about."""

    BOOKING = "booking"
    ORDER = "order"
    GIFT = "gift"
    PAYMENT = "payment"


class Change(models.Model):
    """Be one thing partners must be told, written with the change itself; the edge that tells it renders it.

    `before` keeps the small facts a delivery's diff needs (status, amounts), never a rendered body.
    """

    id = models.BigAutoField(primary_key=True)
    topic = models.CharField(max_length=16, choices=ChangeTopic.choices)
    subject_id = models.UUIDField()
    partner = models.ForeignKey("bookings.Partner", on_delete=models.PROTECT, related_name="changes")
    order = models.ForeignKey("bookings.Order", on_delete=models.PROTECT, related_name="changes")
    version = models.PositiveIntegerField(help_text="The order's version this change made.")
    reason = models.CharField(max_length=40, help_text="Such as reserved, confirmed, money_recorded.")
    before = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["topic", "subject_id", "version"], name="one_change_per_subject_version")
        ]
        indexes = [
            models.Index(fields=["created_at"], condition=models.Q(told_at__isnull=True), name="change_untold"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.subject_id} v{self.version}"
