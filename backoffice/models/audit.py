from django.db import models
from django.db.models import Q

from bookings.models import Order


class AuditEntry(models.Model):
    """Be one thing a person did or looked at. UPDATE and DELETE are refused by trigger.

    What the admin logs by itself (`LogEntry`) is copied here by a trigger, in the same transaction: it has no address
    and no request id, which the login of the same person has.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=150, blank=True, help_text="The user name; empty for somebody unknown.")
    action = models.CharField(max_length=60, help_text="What was done, in the past: refunded, viewed card.")
    # Names, not foreign keys: an entry outlives what it is about.
    subject_kind = models.CharField(max_length=100, blank=True, help_text="Such as payments.payment.")
    subject_id = models.CharField(max_length=255, blank=True)
    subject_words = models.CharField(max_length=200, blank=True)
    detail = models.TextField(blank=True, help_text="Amounts and references; card numbers are masked.")
    request_id = models.CharField(max_length=64, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)

    class Meta:
        default_permissions = ("view",)
        verbose_name = "audit entry"
        verbose_name_plural = "audit log"
        indexes = [
            models.Index(fields=["subject_kind", "subject_id", "-at"], name="audit_by_subject"),
            models.Index(fields=["-at", "-id"], name="audit_by_time"),
            models.Index(fields=["actor", "-at"], name="audit_by_actor"),
            models.Index(fields=["action", "-at"], name="audit_by_action"),
            models.Index(fields=["address", "-at"], name="audit_by_address"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor or 'somebody'} {self.action}"


class AuditReason(models.Model):
    """Be why a person did something, in the person's own words: apart from its entry, for a guest may be named in it.

    UPDATE and DELETE are refused by trigger, but for erasing the words.
    """

    entry = models.OneToOneField(AuditEntry, on_delete=models.PROTECT, primary_key=True, related_name="given_reason")
    order = models.ForeignKey(
        Order,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Whose guest it may be about; with the guest the words go.",
    )
    text = models.CharField(max_length=300)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=~Q(text=""), name="audit_reason_says_something")]

    def __str__(self) -> str:
        return self.text
