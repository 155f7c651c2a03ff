from django.db import models


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
