from django.db import models

from payments.models.transaction import Transaction


class Challenge(models.Model):
    """Be what a guest must do at the bank before a charge is decided that no Opening belongs to.

    `action_encrypted` is where the guest is sent, and with what; erased once the guest came back or the charge is
    decided. Until `expires_at` the guest may come back; after that the attempt is over.
    """

    id = models.BigAutoField(primary_key=True)
    transaction = models.OneToOneField(Transaction, on_delete=models.PROTECT, related_name="challenge")
    action_encrypted = models.BinaryField(null=True, blank=True, editable=False)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.transaction_id} until {self.expires_at:%Y-%m-%d %H:%M:%S}"
