import uuid

from django.db import models
from django.db.models import F, Q

from bookings.models import Availability, Booking, Customer, Gift, Order
from gateways.models import GatewayAccount
from payments.models import Payment, Transaction


class CancellationState(models.TextChoices):
    """Say how far the cancellation of departures is; STOPPED and WITHDRAWN ones go no further."""

    PROPOSED = "PROPOSED", "waits for a second person"
    WITHDRAWN = "WITHDRAWN", "withdrawn"
    RUNNING = "RUNNING", "running"
    PAUSED = "PAUSED", "paused"
    STOPPED = "STOPPED", "stopped"
    FINISHED = "FINISHED", "finished"


class ItemState(models.TextChoices):
    """Say how far one booking of a cancelled departure is.

    DOING is being written, or sent with the result to come; UNDECIDED is what nobody knows yet.
    """

    WAITING = "WAITING", "waits"
    DOING = "DOING", "under way"
    DONE = "DONE", "done"
    BY_HAND = "BY_HAND", "by hand"
    FAILED = "FAILED", "failed"
    UNDECIDED = "UNDECIDED", "undecided"


class ReturnWay(models.TextChoices):
    """Say how a part of a guest's money goes back."""

    CARD = "CARD", "refund to the card"
    RELEASE = "RELEASE", "release of a hold"
    GIFT = "GIFT", "back to the gift"
    CREDIT = "CREDIT", "back to the guest's credit"
    BY_HAND = "BY_HAND", "by hand"


class DepartureCancellation(models.Model):
    """Be the cancellation of one departure or several, with who wanted it, why, and the dry run that was agreed to.

    Above its proposer's limit another person starts it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state = models.CharField(max_length=12, choices=CancellationState.choices)
    reason = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64, editable=False, help_text="SHA-256 of the dry run it was made from.")
    needs_second_person = models.BooleanField()
    proposed_by = models.CharField(max_length=150)
    proposed_at = models.DateTimeField()
    started_by = models.CharField(max_length=150, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "cancellation of departures"
        verbose_name_plural = "cancellations of departures"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["PROPOSED", "WITHDRAWN"], started_by="", started_at__isnull=True)
                | Q(~Q(started_by=""), ~Q(state__in=["PROPOSED", "WITHDRAWN"]), started_at__isnull=False),
                name="departure_cancellation_says_who_started_it",
            ),
            models.CheckConstraint(
                condition=Q(needs_second_person=False) | ~Q(started_by=F("proposed_by")),
                name="departure_cancellation_by_a_second_person",
            ),
        ]
        permissions = [
            ("plan_departure_cancellation", "Can see what cancelling a departure gives back, and propose it"),
            ("start_departure_cancellation", "Can cancel departures, and pause, stop and retry their refunds"),
        ]

    def __str__(self) -> str:
        return f"{self.reason} ({self.proposed_at:%Y-%m-%d %H:%M})"


class CancelledDeparture(models.Model):
    """Be one departure of a cancellation; it `is_current` from the start until the cancellation is stopped."""

    id = models.BigAutoField(primary_key=True)
    cancellation = models.ForeignKey(DepartureCancellation, on_delete=models.PROTECT, related_name="departures")
    availability = models.ForeignKey(Availability, on_delete=models.PROTECT, related_name="+")
    is_current = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cancellation", "availability"], name="departure_once_per_cancellation"),
            models.UniqueConstraint(
                fields=["availability"], condition=Q(is_current=True), name="one_cancellation_per_departure"
            ),
        ]

    def __str__(self) -> str:
        return str(self.availability_id)


class DepartureItem(models.Model):
    """Be one booking of a cancelled departure, and how far giving its guest the money back is.

    `share_minor` is what of the order's price it has back, filled when its refunds are written (`written_at`), which
    they are in one transaction with its cancellation. `state` is a cache of what its returns say.
    """

    id = models.BigAutoField(primary_key=True)
    cancellation = models.ForeignKey(DepartureCancellation, on_delete=models.PROTECT, related_name="items")
    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, related_name="+")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=12, choices=ItemState.choices, default=ItemState.WAITING)
    remark = models.CharField(max_length=24, blank=True)
    currency = models.CharField(max_length=3)
    planned_minor = models.BigIntegerField(help_text="What the dry run said the guest gets back, by whatever way.")
    planned_calls = models.JSONField(default=dict, help_text="How many operations the dry run had, by account.")
    share_minor = models.BigIntegerField(default=0)
    undecided_minor = models.BigIntegerField(default=0)
    returns_surcharge = models.BooleanField(default=True)
    error = models.CharField(max_length=300, blank=True)
    settled_by = models.CharField(max_length=150, blank=True)
    settled_note = models.CharField(max_length=300, blank=True, help_text="How what had to be done by hand was done.")
    claim_number = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    written_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cancellation", "booking"], name="one_item_per_booking_and_cancellation"),
        ]
        indexes = [
            models.Index(fields=["cancellation", "state", "id"], name="departure_item_by_state"),
            models.Index(
                fields=["id"], condition=Q(state__in=["WAITING", "DOING", "UNDECIDED"]), name="departure_item_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.booking_id} {self.state}"


class DepartureReturn(models.Model):
    """Be one part of a guest's money that goes back, by its way; `obstacle` says why one goes by hand."""

    id = models.BigAutoField(primary_key=True)
    item = models.ForeignKey(DepartureItem, on_delete=models.PROTECT, related_name="returns")
    way = models.CharField(max_length=12, choices=ReturnWay.choices)
    obstacle = models.CharField(max_length=24, blank=True)
    transaction = models.OneToOneField(
        Transaction, on_delete=models.PROTECT, null=True, blank=True, related_name="departure_return"
    )
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    gift = models.ForeignKey(Gift, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    amount_minor = models.BigIntegerField()
    base_minor = models.BigIntegerField(help_text="What of the amount is of the price; the rest is surcharge.")
    currency = models.CharField(max_length=3)
    written_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0, base_minor__gte=0, base_minor__lte=F("amount_minor")),
                name="departure_return_amount_positive",
            ),
            models.CheckConstraint(
                condition=Q(way__in=["CARD", "RELEASE"], transaction__isnull=False, obstacle="")
                | Q(way="GIFT", gift__isnull=False, transaction__isnull=True, obstacle="")
                | Q(way="CREDIT", customer__isnull=False, transaction__isnull=True, obstacle="")
                | Q(~Q(obstacle=""), way="BY_HAND", transaction__isnull=True),
                name="departure_return_names_its_way",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.way} {self.amount_minor} {self.currency}"


class RefundPace(models.Model):
    """Be how many refunds of cancelled departures were begun at one account within the minute under way."""

    account = models.OneToOneField(GatewayAccount, on_delete=models.PROTECT, primary_key=True, related_name="+")
    window_started_at = models.DateTimeField()
    begun = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.account_id} {self.begun}"
