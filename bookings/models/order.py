import uuid

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Collate, Upper

from bookings.models.catalog import Availability, Option, Product, Unit
from bookings.models.partner import Partner


def next_of(sequence: str) -> Func:
    """Let PostgreSQL number a row as it is inserted, so that a number costs no query of its own."""
    return Func(Value(sequence), function="nextval", output_field=models.BigIntegerField())


class BookingStatus(models.TextChoices):
    """Name the states of a booking, an order or a gift that partners see."""

    ON_HOLD = "ON_HOLD"
    CONFIRMED = "CONFIRMED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    REDEEMED = "REDEEMED"
    PENDING = "PENDING"
    REJECTED = "REJECTED"


class SettlementMethod(models.TextChoices):
    """Say who collects the guest's money, and so what a card must pay."""

    DIRECT = "DIRECT"
    WHOLESALE = "WHOLESALE"
    VOUCHER = "VOUCHER"
    DEFERRED = "DEFERRED"
    DEPOSIT = "DEPOSIT"


class OrderKind(models.TextChoices):
    """Say what an order is for."""

    BOOKING = "BOOKING"
    CART = "CART"
    INVOICE = "INVOICE"
    GIFT = "GIFT"
    TOP_UP = "TOP_UP"


# Orders that ask for an amount by themselves: nothing is sold on them.
ASKED_KINDS = (OrderKind.INVOICE, OrderKind.TOP_UP)


class InstallmentKind(models.TextChoices):
    """Say which part of a price an installment is."""

    DEPOSIT = "DEPOSIT"
    BALANCE = "BALANCE"


class Customer(models.Model):
    """Be a guest's account with one partner, in one mode; never matched by e-mail, phone or name."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.BigIntegerField(unique=True, editable=False, db_default=next_of("customer_number"))
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="customers")
    is_live = models.BooleanField()
    reference = models.CharField(max_length=120, blank=True, help_text="The partner's own reference for the guest.")
    full_name = models.CharField(max_length=200, blank=True)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "is_live", "reference"],
                condition=~Q(reference=""),
                name="one_customer_per_partner_reference",
            )
        ]
        indexes = [
            # What staff search by, whatever the case; an address also by how it begins (C).
            models.Index(Upper("reference"), name="customer_by_reference_caps"),
            models.Index(Collate(Upper("email"), "C"), name="customer_by_email"),
            GinIndex(SearchVector("full_name", config="simple"), name="customer_by_words_of_name"),
        ]

    def __str__(self) -> str:
        return self.full_name or str(self.number)


class Order(models.Model):
    """Be what is owed: bookings and gifts hang on it.

    `uuid` is what the partner calls it, its own word or ours. An invoice and a top-up ask for `asked_minor` and go by
    `partner_reference`; what other orders ask for hangs on them.

    `money_in_minor` is a cache of what the ledger says was taken and not given back, written by `record_money` and with
    a confirmation. It lets expiry see money without asking payments.
    `version` grows with every change partners must be told.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reference = models.CharField(
        max_length=24, unique=True, help_text="Our own reference, which people can read aloud."
    )
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="orders")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, null=True, blank=True, related_name="orders")
    uuid = models.UUIDField(default=uuid.uuid4, help_text="What the partner calls the order.")
    kind = models.CharField(max_length=16, choices=OrderKind.choices, default=OrderKind.BOOKING)
    is_live = models.BooleanField()
    status = models.CharField(max_length=16, choices=BookingStatus.choices, default=BookingStatus.ON_HOLD)
    currency = models.CharField(max_length=3)
    asked_minor = models.BigIntegerField(default=0, db_default=0, help_text="What an invoice or a top-up asks for.")
    partner_reference = models.CharField(
        max_length=120, blank=True, db_default="", help_text="The partner's own reference of an invoice or a top-up."
    )
    description = models.CharField(
        max_length=500, blank=True, db_default="", help_text="What an invoice or a top-up is for, as guests read it."
    )
    settlement_method = models.CharField(max_length=16, choices=SettlementMethod.choices)
    return_url = models.CharField(max_length=1024, blank=True)
    contact = models.JSONField(default=dict, blank=True, help_text="Names as in Booking's contact_ fields.")
    email_receipt = models.BooleanField(default=False)
    request_fingerprint = models.CharField(
        max_length=64, blank=True, editable=False, help_text="SHA-256 of the call that made a cart; tells a repeat."
    )
    money_in_minor = models.BigIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    expires_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    # True on the instance that the call which made the order returns: nothing can have happened to it yet.
    was_just_made = False

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["partner", "is_live", "uuid"], name="one_order_per_partner_uuid"),
            models.UniqueConstraint(
                fields=["partner", "is_live", "kind", "partner_reference"],
                condition=~Q(partner_reference=""),
                name="one_order_per_partner_reference",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=ASKED_KINDS, asked_minor__gt=0) | Q(~Q(kind__in=ASKED_KINDS), asked_minor=0),
                name="invoices_and_top_ups_ask",
            ),
        ]
        indexes = [
            models.Index(fields=["expires_at"], condition=Q(status="ON_HOLD"), name="order_hold_expiry"),
            models.Index(fields=["partner", "is_live", "-created_at"], name="order_by_partner"),
            models.Index(fields=["partner", "is_live", "-updated_at"], name="order_by_update"),
            models.Index(fields=["-created_at", "-id"], name="order_by_time"),
            models.Index(Upper("partner_reference"), name="order_by_partner_ref_caps"),
            # Whose guest is found by the customer's name, because no booking names one.
            models.Index(fields=["customer"], condition=~Q(kind="BOOKING"), name="order_of_other_guest"),
        ]

    def __str__(self) -> str:
        return self.reference


class Booking(models.Model):
    """Be one reservation of one departure; its price is fixed when its units are."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    uuid = models.UUIDField(default=uuid.uuid4, help_text="The partner's idempotency key, or ours when none was sent.")
    number = models.BigIntegerField(unique=True, editable=False, db_default=next_of("booking_number"))
    reference = models.CharField(
        max_length=24, unique=True, help_text="Our own reference, which people can read aloud."
    )
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="bookings")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="bookings")
    is_live = models.BooleanField()
    is_primary = models.BooleanField(default=True)
    status = models.CharField(max_length=16, choices=BookingStatus.choices, default=BookingStatus.ON_HOLD)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    option = models.ForeignKey(Option, on_delete=models.PROTECT, related_name="+")
    availability = models.ForeignKey(
        Availability, on_delete=models.PROTECT, null=True, blank=True, related_name="bookings"
    )
    availability_reference = models.CharField(
        max_length=80, blank=True, help_text="The id of the departure as the partner sent it."
    )
    seats_held = models.PositiveIntegerField(default=0, help_text="What this booking counts in availability.reserved.")
    original_minor = models.BigIntegerField(default=0)
    retail_minor = models.BigIntegerField(default=0)
    net_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    deposit_minor = models.BigIntegerField(
        default=0, db_default=0, help_text="What of the price is due at once when settled by DEPOSIT; fixed with it."
    )
    balance_due_date = models.DateField(
        null=True, blank=True, help_text="When the rest is due, in the product's time zone; fixed with the price."
    )
    kept_minor = models.BigIntegerField(
        default=0, db_default=0, help_text="What stays with the operator of a DEPOSIT booking cancelled too late."
    )
    tax_name = models.CharField(max_length=40, blank=True, help_text="The product's tax when the price was fixed.")
    tax_basis_points = models.PositiveIntegerField(default=0)
    request_fingerprint = models.CharField(
        max_length=64, blank=True, editable=False, help_text="SHA-256 of the reserve call; tells a repeat from a clash."
    )
    voucher_code = models.CharField(max_length=40, blank=True, help_text="Filled when the booking is confirmed.")
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
    email_receipt = models.BooleanField(default=False)
    metadata = models.JSONField(default=dict, blank=True)
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
            # A booking uuid is a partner's own word: two partners may use the same one and never learn of it.
            models.UniqueConstraint(fields=["partner", "is_live", "uuid"], name="one_booking_per_partner_uuid"),
            models.CheckConstraint(
                condition=Q(original_minor__gte=0, retail_minor__gte=0, net_minor__gte=0),
                name="booking_price_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(deposit_minor__gte=0, deposit_minor__lte=F("retail_minor"), kept_minor__gte=0),
                name="deposit_within_the_price",
            ),
            # A confirmed booking can never be swept up as a forgotten hold, and a hold can never be forgotten.
            models.CheckConstraint(
                condition=~Q(status="CONFIRMED") | Q(confirmed_at__isnull=False, expires_at__isnull=True),
                name="confirmed_booking_never_expires",
            ),
            models.CheckConstraint(
                condition=~Q(status="ON_HOLD") | Q(expires_at__isnull=False), name="hold_has_an_expiry"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["CANCELLED", "EXPIRED", "REJECTED"]) | Q(seats_held=0),
                name="dead_booking_holds_no_seats",
            ),
        ]
        indexes = [
            models.Index(fields=["partner", "is_live", "reseller_reference"], name="booking_by_reseller_ref"),
            models.Index(fields=["partner", "is_live", "-created_at"], name="booking_by_partner"),
            # What staff search by, whatever the case; an address also by how it begins (C).
            models.Index(Upper("reseller_reference"), name="booking_by_reseller_ref_caps"),
            models.Index(fields=["voucher_code"], name="booking_by_voucher_code"),
            models.Index(Collate(Upper("contact_email"), "C"), name="booking_by_email"),
            GinIndex(
                SearchVector("contact_full_name", "contact_first_name", "contact_last_name", config="simple"),
                name="booking_by_words_of_name",
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class UnitItem(models.Model):
    """Be one ticket of a booking; what it costs is kept as it was sold."""

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(default=uuid.uuid4)
    booking = models.ForeignKey(Booking, on_delete=models.CASCADE, related_name="unit_items")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    reference = models.CharField(max_length=32, blank=True, help_text="Our own reference of the ticket.")
    reseller_reference = models.CharField(max_length=200, blank=True)
    contact = models.JSONField(default=dict, blank=True, help_text="Names as in Booking's contact_ fields.")
    original_minor = models.BigIntegerField()
    retail_minor = models.BigIntegerField()
    net_minor = models.BigIntegerField()
    ticket_code = models.CharField(max_length=40, blank=True, help_text="Filled when the booking is confirmed.")
    redeemed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["booking", "uuid"], name="one_unit_item_per_uuid")]
        indexes = [models.Index(fields=["ticket_code"], name="unit_item_by_ticket_code")]

    def __str__(self) -> str:
        return str(self.uuid)


class Installment(models.Model):
    """Be a part of an order's price with a due date."""

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="installments")
    kind = models.CharField(max_length=16, choices=InstallmentKind.choices)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    due_date = models.DateField(null=True, blank=True, help_text="Empty: due at once.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "kind"], name="one_installment_per_kind"),
            models.CheckConstraint(condition=Q(amount_minor__gte=0), name="installment_not_negative"),
        ]
        indexes = [
            models.Index(
                fields=["due_date"], condition=Q(kind="BALANCE", amount_minor__gt=0), name="balance_by_due_date"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_minor} {self.currency}"
