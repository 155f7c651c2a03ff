import uuid

from django.db import models

from bookings.models import Order
from payments.models.transaction import Transaction


class BalanceCollection(models.Model):
    """Be the one time that the balance of an order, due on one date, is collected by itself.

    Written with the charge or the mail that asks for it, so that no second beat asks again. `done_at` is empty while
    nobody knows what became of the charge.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="balance_collections")
    due_date = models.DateField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    charge = models.OneToOneField(
        Transaction, on_delete=models.PROTECT, null=True, blank=True, related_name="balance_collection"
    )
    created_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "due_date"], name="one_collection_per_due_date"),
            models.CheckConstraint(condition=models.Q(amount_minor__gte=0), name="collection_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.due_date}"
