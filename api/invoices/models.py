import secrets
import string
import uuid

from django.db import models

_LETTERS = string.ascii_letters + string.digits


def new_public_id(prefix: str) -> str:
    """Return an id that partners see and nobody can guess, such as cpi_ADzwZTG99f3q3utQ."""
    return f"{prefix}_{''.join(secrets.choice(_LETTERS) for _ in range(16))}"


def new_invoice_id() -> str:
    """Return the id of an invoice."""
    return new_public_id("cpi")


def new_sale_id() -> str:
    """Return the name of what an invoice's guest, or its sale, goes through."""
    return new_public_id("cgi")


def new_refund_id() -> str:
    """Return the id of a refund."""
    return new_public_id("rfd")


class Invoice(models.Model):
    """Be what the payment-invoices API says of an order beside the order itself.

    With a `card` the guest's page has it filled in, and `is_instant` lets it be charged without a page. `callback` is
    who is told of what happens to the order.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=24, unique=True, default=new_invoice_id, editable=False)
    sale_id = models.CharField(max_length=24, unique=True, default=new_sale_id, editable=False)
    order = models.OneToOneField("bookings.Order", on_delete=models.PROTECT, related_name="invoice")
    link = models.OneToOneField(
        "payments.PaymentLink", on_delete=models.PROTECT, related_name="+", help_text="The guest's page."
    )
    card = models.ForeignKey("payments.ReusableCard", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    callback = models.ForeignKey(
        "api.Subscription", on_delete=models.PROTECT, null=True, blank=True, related_name="invoices"
    )
    service = models.CharField(max_length=40)
    tells_token = models.BooleanField(default=False, help_text="Asked for with tokenize: a kept card's token is told.")
    is_instant = models.BooleanField(default=False, help_text="The card may be charged by POST /payment/sale.")
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(is_instant=False) | models.Q(card__isnull=False), name="instant_invoice_has_a_card"
            )
        ]

    def __str__(self) -> str:
        return self.public_id


class InvoiceRefund(models.Model):
    """Be one refund that a partner asked for by a reference of its own, and the operations that carry it out."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=24, unique=True, default=new_refund_id, editable=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="refunds")
    partner = models.ForeignKey("bookings.Partner", on_delete=models.PROTECT, related_name="+")
    is_live = models.BooleanField()
    reference = models.CharField(max_length=120, help_text="The partner's own.")
    operations = models.ManyToManyField("payments.Transaction", related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "is_live", "reference"], name="one_invoice_refund_per_partner_reference"
            )
        ]

    def __str__(self) -> str:
        return self.public_id
