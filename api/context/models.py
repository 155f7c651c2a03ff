from django.db import models


class PaymentContext(models.TextChoices):
    """Say what a payment is for: a booking, or a customer's account."""

    BOOKINGS = "bookings"
    CUSTOMERS = "customers"


class PaymentProcess(models.Model):
    """Be one payment by card that a partner began here; its id is the `paymentProcessAuditId` of all its answers.

    It belongs to the key that began it and to the context it was begun in: with another key, or in another context,
    nobody goes on with it.
    """

    id = models.BigAutoField(primary_key=True)
    key = models.ForeignKey("bookings.PartnerKey", on_delete=models.PROTECT, related_name="+")
    context = models.CharField(max_length=16, choices=PaymentContext.choices)
    context_number = models.BigIntegerField(help_text="The booking's or customer's number.")
    transaction = models.OneToOneField("payments.Transaction", on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField()
    completed_at = models.DateTimeField(
        null=True, blank=True, help_text="When the gateway answered to what the guest brought back; empty: never."
    )

    class Meta:
        verbose_name_plural = "payment processes"

    def __str__(self) -> str:
        return f"{self.pk} {self.context}/{self.context_number}"


class ContextPreference(models.Model):
    """Be how one partner's client wants what the contract leaves open; a partner without a row has the defaults."""

    partner = models.OneToOneField("bookings.Partner", on_delete=models.PROTECT, primary_key=True, related_name="+")
    success_status = models.PositiveSmallIntegerField(
        choices=[(200, "200 OK"), (201, "201 Created")],
        default=201,
        help_text="The status of a payment that was taken.",
    )
    lists_redirect_data = models.BooleanField(
        default=False, help_text="redirectRequest.data is an array; off: the same array encoded as a text."
    )

    def __str__(self) -> str:
        return str(self.partner)
