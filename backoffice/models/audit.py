from django.db import models


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
