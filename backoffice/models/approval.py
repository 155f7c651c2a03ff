import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from bookings.models import Order
from money import Money
from payments.models import Payment


class Wanted(models.TextChoices):
    """Say what is asked for: money of one payment, of an order over all that paid it, or what was overpaid."""

    PAYMENT_REFUND = "PAYMENT_REFUND", "refund of a payment"
    ORDER_REFUND = "ORDER_REFUND", "refund of an order"
    OVERPAYMENT = "OVERPAYMENT", "return of an overpayment"


class Decision(models.TextChoices):
    """Say how a request ended; an open one has none."""

    APPROVED = "APPROVED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"


class ReasonCode(models.TextChoices):
    """Say why money goes back, in words that can be counted."""

    GUEST_CANCELLED = "guest cancelled", "the guest cancelled"
    WE_CANCELLED = "we cancelled", "we cancelled"
    COMPLAINT = "complaint", "a complaint"
    DUPLICATE = "duplicate", "paid twice"
    OVERCHARGED = "overcharged", "too much was taken"
    GOODWILL = "goodwill", "goodwill"
    FRAUD = "fraud", "the card's holder did not buy it"
    OTHER = "other", "something else"


class ApprovalRequest(models.Model):
    """Be a refund that is above its asker's limit and waits for a second person; nothing of it is reserved.

    `amount_minor` is what the asker wrote, `total_minor` what went back for it when it was looked at, surcharge
    included. The decision and the rows of the refund are one transaction, so that either both are there or neither.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    what = models.CharField(max_length=16, choices=Wanted.choices)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="approval_requests")
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="approval_requests"
    )
    amount_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reason_code = models.CharField(max_length=20, choices=ReasonCode.choices)
    reason = models.CharField(max_length=200)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    decision = models.CharField(max_length=8, choices=Decision.choices, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.CharField(max_length=160, blank=True)

    class Meta:
        verbose_name = "refund to approve"
        verbose_name_plural = "refunds to approve"
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0, total_minor__gte=0), name="approval_request_amount_positive"
            ),
            models.CheckConstraint(condition=~Q(requested_by=F("decided_by")), name="approval_is_by_a_second_person"),
            models.CheckConstraint(
                condition=Q(decision="", decided_by__isnull=True, decided_at__isnull=True)
                | Q(decision="EXPIRED", decided_by__isnull=True, decided_at__isnull=False)
                | Q(decision__in=["APPROVED", "DECLINED"], decided_by__isnull=False, decided_at__isnull=False),
                name="approval_decision_says_who_and_when",
            ),
            models.CheckConstraint(
                condition=Q(what="PAYMENT_REFUND", payment__isnull=False)
                | Q(what__in=["ORDER_REFUND", "OVERPAYMENT"], payment__isnull=True),
                name="approval_request_names_its_payment",
            ),
            models.UniqueConstraint(
                fields=["payment"],
                condition=Q(decision="", payment__isnull=False),
                name="one_open_approval_request_per_payment",
            ),
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(decision="", payment__isnull=True),
                name="one_open_approval_request_per_order",
            ),
        ]
        indexes = [
            models.Index(fields=["expires_at"], condition=Q(decision=""), name="approval_request_open"),
            models.Index(fields=["decided_by", "decided_at"], name="approval_by_decider"),
        ]
        permissions = [
            ("approve_refund", "Can approve and decline refunds that others ask for"),
            ("charge_card", "Can charge a stored card without the guest"),
            ("take_external_payment", "Can record a payment taken elsewhere"),
            ("confirm_paid_order", "Can confirm what is paid and was not confirmed"),
        ]

    def __str__(self) -> str:
        return f"{self.get_what_display()}: {Money(self.total_minor, self.currency)}"


class TenderReturn(models.Model):
    """Remember who gave a gift or a credit its money back, which no operation at a gateway says: a limit counts it."""

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+")
    returned_by = models.CharField(max_length=150)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    returned_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(amount_minor__gt=0), name="tender_return_positive")]

    def __str__(self) -> str:
        return f"{Money(self.amount_minor, self.currency)} by {self.returned_by}"
