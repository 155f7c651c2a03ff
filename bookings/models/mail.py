import uuid

from django.db import models
from django.db.models import Q

from bookings.models.gift import Gift
from bookings.models.order import Booking, Order


class MailKind(models.TextChoices):
    """Name the mails we write; templates/emails has a folder of the same name in lower case for each."""

    ORDER_SUMMARY = "ORDER_SUMMARY"
    GIFT_CODE = "GIFT_CODE"
    BALANCE_DUE = "BALANCE_DUE"
    PAYMENT_LINK = "PAYMENT_LINK"


class MailStatus(models.TextChoices):
    """Say how far a mail has come."""

    WAITING = "WAITING"
    SENT = "SENT"
    FAILED = "FAILED"


class OutgoingMail(models.Model):
    """Be a mail to be sent: what it is about, never its text, which is rendered as it goes out.

    A code that is worth money is therefore in no mail at rest. `subject_key` tells one mail of a kind from the next:
    the same key again is the same mail.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=24, choices=MailKind.choices)
    subject_key = models.CharField(max_length=120, help_text="The same kind and key is one mail, however often asked.")
    to = models.CharField(max_length=254)
    language = models.CharField(max_length=8)
    context = models.JSONField(default=dict, blank=True, help_text="Small facts for the template; never a code.")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, blank=True, related_name="mails")
    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, null=True, blank=True, related_name="mails")
    gift = models.ForeignKey(Gift, on_delete=models.PROTECT, null=True, blank=True, related_name="mails")
    status = models.CharField(max_length=8, choices=MailStatus.choices, default=MailStatus.WAITING)
    attempts = models.PositiveIntegerField(default=0, help_text="The claim's number, too.")
    claimed_until = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject_key"], name="one_mail_per_kind_and_subject"),
            models.CheckConstraint(
                condition=~Q(status="WAITING") | Q(next_attempt_at__isnull=False), name="waiting_mail_has_its_time"
            ),
            models.CheckConstraint(condition=~Q(status="SENT") | Q(sent_at__isnull=False), name="sent_mail_has_a_time"),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(status="WAITING"), name="mail_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_key}"
