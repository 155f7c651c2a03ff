import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from api.context.models import ContextPreference, PaymentContext, PaymentProcess
from api.finance.models import FinanceKey, FinanceScope, RepeatableExport
from api.invoices.models import Invoice, InvoiceRefund


class IdempotentRequest(models.Model):
    """Be one write that a partner may repeat under the same `Idempotency-Key`.

    It keeps what the answer was about, never the answer itself: a repeat renders the object again, so that no token,
    session or contact rests here. `claimed_until` is a lease: a process that dies frees the key by its end.
    `claim_number` grows with every claim, and only the holder of the newest one may write the result.
    """

    id = models.BigAutoField(primary_key=True)
    partner = models.ForeignKey("bookings.Partner", on_delete=models.PROTECT, related_name="+")
    is_live = models.BooleanField()
    key_fingerprint = models.CharField(max_length=64, editable=False, help_text="Keyed hash of the key.")
    key_text = models.CharField(max_length=255, help_text="The key as sent, card numbers masked; for people.")
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=500)
    body_fingerprint = models.CharField(max_length=64, editable=False, help_text="Keyed hash, card fields blanked.")
    claim_number = models.PositiveIntegerField(default=1)
    claimed_until = models.DateTimeField()
    status_code = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Empty: not finished.")
    subject = models.CharField(max_length=120, blank=True, help_text="What the answer shows, such as a booking's uuid.")
    error_code = models.CharField(max_length=40, blank=True, help_text="Why a payment was refused, if it was.")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "is_live", "key_fingerprint"], name="one_request_per_partner_and_key"
            )
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotent_request_by_age")]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.key_text}"


class CallbackEvent(models.TextChoices):
    """Name what a partner can be told of; of its invoices it is told where each of them says."""

    BOOKING_UPDATE = "booking_update"
    ORDER_UPDATE = "order_update"
    INVOICE_UPDATE = "invoice_update"


# What partners subscribe to by themselves.
SUBSCRIBED_EVENTS = (CallbackEvent.BOOKING_UPDATE, CallbackEvent.ORDER_UPDATE)


class Subscription(models.Model):
    """Be one wish of a partner to be told: of an event, in one mode, at an address.

    Address and headers carry passwords, so that both are encrypted, and erased when the subscription ends. At most
    one attempt is under way per subscription: the claim is here and not on the delivery. `failures` counts attempts
    that failed in a row, and until `rests_until` nothing is sent at all.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey("bookings.Partner", on_delete=models.PROTECT, related_name="+")
    is_live = models.BooleanField()
    event = models.CharField(max_length=32, choices=CallbackEvent.choices)
    url_encrypted = models.BinaryField(null=True, editable=False)
    url_fingerprint = models.CharField(max_length=64, editable=False, help_text="Keyed hash of the address.")
    url_host = models.CharField(max_length=255, help_text="Host of the address; for people.")
    headers_encrypted = models.BinaryField(null=True, editable=False)
    capabilities = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    retries_on_error = models.BooleanField(default=True)
    uses_contact_language = models.BooleanField(default=True)
    failures = models.PositiveIntegerField(default=0, help_text="Attempts that failed in a row.")
    rests_until = models.DateTimeField(null=True, blank=True)
    last_attempt_at = models.DateTimeField(null=True, blank=True)
    claim_number = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "is_live", "event", "url_fingerprint"],
                condition=Q(ended_at__isnull=True),
                name="one_subscription_per_event_and_url",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(url_encrypted__isnull=True, headers_encrypted__isnull=True),
                name="ended_subscription_keeps_no_secret",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} at {self.url_host}"


class CallbackStatus(models.TextChoices):
    """Say how far a delivery is; DROPPED: a newer one tells it, or nobody is subscribed any more."""

    WAITING = "WAITING"
    SENDING = "SENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    DROPPED = "DROPPED"


OPEN_CALLBACKS = (CallbackStatus.WAITING, CallbackStatus.SENDING)


class Delivery(models.Model):
    """Be one telling of a booking or an order to a subscription, with all its attempts; what is told is never kept.

    It tells the newest state there is at each attempt, and what changed after `after_version` of the order.
    `version` is the newest it has to tell, or told.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="deliveries")
    order = models.ForeignKey("bookings.Order", on_delete=models.PROTECT, related_name="+")
    booking = models.ForeignKey(
        "bookings.Booking", on_delete=models.PROTECT, null=True, blank=True, related_name="+", help_text="Empty: order."
    )
    subject_id = models.UUIDField(help_text="The booking's or order's id.")
    after_version = models.PositiveIntegerField()
    version = models.PositiveIntegerField()
    status = models.CharField(max_length=16, choices=CallbackStatus.choices, default=CallbackStatus.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0, help_text="Failed attempts since the newest change.")
    waiting_since_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    last_attempt_at = models.DateTimeField(null=True, blank=True)
    last_status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    last_duration_ms = models.PositiveIntegerField(null=True, blank=True)
    last_error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    succeeded_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When it was delivered, given up or dropped.")

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "subject_id"],
                condition=Q(status="WAITING"),
                name="one_waiting_delivery_per_subject",
            ),
            # What keeps a subject from being told backwards: an older attempt ends before a newer one begins.
            models.UniqueConstraint(
                fields=["subscription"], condition=Q(status="SENDING"), name="one_delivery_on_its_way"
            ),
        ]
        indexes = [
            models.Index(
                fields=["subscription", "next_attempt_at"],
                condition=Q(status__in=["WAITING", "SENDING"]),
                name="delivery_due",
            ),
            models.Index(fields=["subscription", "subject_id", "version"], name="delivery_by_subject"),
            models.Index(fields=["status", "-created_at"], name="delivery_by_status"),
            models.Index(fields=["ended_at"], name="delivery_by_end"),
            models.Index(fields=["-created_at", "-id"], name="callback_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.subject_id} v{self.version} {self.status}"


__all__ = [
    "OPEN_CALLBACKS",
    "SUBSCRIBED_EVENTS",
    "CallbackEvent",
    "CallbackStatus",
    "ContextPreference",
    "Delivery",
    "FinanceKey",
    "FinanceScope",
    "IdempotentRequest",
    "Invoice",
    "InvoiceRefund",
    "PaymentContext",
    "PaymentProcess",
    "RepeatableExport",
    "Subscription",
]
