import uuid

from django.db import models
from django.db.models import Q

from bookings.models import Order
from payments.models.card import ReusableCard


class LinkEnd(models.TextChoices):
    """Say why a payment link is closed."""

    PAID = "PAID"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"


class PaymentLink(models.Model):
    """Be an address at which a guest pays what an order owes, until it is paid, withdrawn or over.

    The address is signed from the id (`bookings.pay_links`) and kept nowhere. Where the guest goes afterwards is in
    `return_urls`, by how it ended ("success", "pending", "fail"), and honored only at origins that the partner
    registered. A `card` that is kept can be charged there by a guest who sees no more of it than its last digits.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="payment_links")
    card = models.ForeignKey(ReusableCard, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    return_urls = models.JSONField(default=dict, blank=True)
    expires_at = models.DateTimeField()
    created_by = models.CharField(max_length=150, help_text="partner, system, or the member of staff.")
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_as = models.CharField(max_length=9, choices=LinkEnd.choices, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, closed_as="") | (Q(closed_at__isnull=False) & ~Q(closed_as="")),
                name="closed_link_says_why",
            ),
        ]
        indexes = [
            models.Index(fields=["expires_at"], condition=Q(closed_at__isnull=True), name="link_open"),
        ]

    def __str__(self) -> str:
        return str(self.pk)
