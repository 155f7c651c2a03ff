import uuid

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Collate, Upper

from bookings.models.order import BookingStatus, Order, next_of
from bookings.models.partner import Partner


class Gift(models.Model):
    """Be a gift voucher that is bought on an order and spent as a tender on others.

    Its code is money: kept encrypted, found by a keyed fingerprint, shown to the partner that sold it and mailed to
    the recipient, nowhere else. `spent_minor` is a cache that tenders write: what the ledger says was spent.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    uuid = models.UUIDField(default=uuid.uuid4, help_text="The partner's idempotency key, or ours when none was sent.")
    number = models.BigIntegerField(unique=True, editable=False, db_default=next_of("gift_number"))
    reference = models.CharField(max_length=24, unique=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="gifts")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="gifts")
    is_live = models.BooleanField()
    status = models.CharField(max_length=16, choices=BookingStatus.choices, default=BookingStatus.ON_HOLD)
    amount_minor = models.BigIntegerField()
    spent_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    untold_status = models.CharField(
        max_length=16,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="What it was before it paid or got back, till who listens to its order is told; else empty.",
    )
    request_fingerprint = models.CharField(
        max_length=64, blank=True, editable=False, help_text="Keyed digest of the call; tells a repeat from a clash."
    )
    code_encrypted = models.BinaryField(null=True, editable=False)
    code_fingerprint = models.CharField(max_length=64, unique=True, null=True, editable=False)
    code_suffix = models.CharField(max_length=4, blank=True, help_text="The last characters of the code.")
    language = models.CharField(max_length=8, blank=True, help_text="In which the recipient is written to.")
    recipient_full_name = models.CharField(max_length=200, blank=True)
    recipient_email = models.CharField(max_length=254, blank=True)
    message = models.TextField(blank=True)
    reseller_reference = models.CharField(max_length=200, blank=True)
    contact_full_name = models.CharField(max_length=200, blank=True)
    contact_first_name = models.CharField(max_length=100, blank=True)
    contact_last_name = models.CharField(max_length=100, blank=True)
    contact_email = models.CharField(max_length=254, blank=True)
    contact_phone = models.CharField(max_length=40, blank=True)
    contact_country = models.CharField(max_length=2, blank=True)
    contact_postal_code = models.CharField(max_length=20, blank=True)
    contact_notes = models.TextField(blank=True)
    contact_locales = ArrayField(models.CharField(max_length=35), default=list, blank=True)
    notes = models.TextField(blank=True)
    cancellation_reason = models.CharField(max_length=500, blank=True)
    cancellation_refund = models.CharField(max_length=8, blank=True, help_text="FULL, PARTIAL or NONE")
    expires_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    redeemed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["partner", "is_live", "uuid"], name="one_gift_per_partner_uuid"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="gift_amount_positive"),
            models.CheckConstraint(
                condition=Q(spent_minor__gte=0, spent_minor__lte=F("amount_minor")), name="gift_never_overspent"
            ),
            models.CheckConstraint(
                condition=~Q(status="REDEEMED") | Q(spent_minor=F("amount_minor")), name="redeemed_gift_is_spent"
            ),
        ]
        indexes = [
            models.Index(fields=["partner", "is_live", "reseller_reference"], name="gift_by_reseller_ref"),
            models.Index(fields=["partner", "is_live", "-created_at"], name="gift_by_partner"),
            models.Index(fields=["updated_at"], condition=~Q(untold_status=""), name="gift_use_untold"),
            models.Index(Collate(Upper("recipient_email"), "C"), name="gift_by_email"),
            GinIndex(SearchVector("recipient_full_name", config="simple"), name="gift_by_words_of_name"),
        ]

    def __str__(self) -> str:
        return self.reference
