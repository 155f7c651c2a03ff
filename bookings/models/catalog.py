import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q


class AvailabilityType(models.TextChoices):
    """Say whether a product starts at fixed times or is open through the day."""

    START_TIME = "START_TIME"
    OPENING_HOURS = "OPENING_HOURS"


class UnitType(models.TextChoices):
    """Name the kinds of ticket."""

    ADULT = "ADULT"
    YOUTH = "YOUTH"
    CHILD = "CHILD"
    INFANT = "INFANT"
    FAMILY = "FAMILY"
    SENIOR = "SENIOR"
    STUDENT = "STUDENT"
    MILITARY = "MILITARY"
    OTHER = "OTHER"


class AreDepositAmounts(models.Func):
    """Say whether a JSON value is an object of whole numbers above zero by currency code."""

    # The value is named once, because a constraint is also checked with a parameter in its place.
    template = (
        """jsonb_path_exists(%(expressions)s, '$ ? (@.type() == "object" && !exists(@.keyvalue() ? ("""
        """!(@.key like_regex "^[A-Z]{3}$") || @.value.type() != "number" """
        """|| @.value < 1 || @.value != @.value.floor())))')"""
    )
    arity = 1
    output_field = models.BooleanField()
    conditional = True


class Supplier(models.Model):
    """Be a brand of the operator; one deployment serves one operator."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    website = models.URLField(blank=True)
    email = models.EmailField(blank=True)
    telephone = models.CharField(max_length=40, blank=True)
    address = models.CharField(max_length=300, blank=True)
    country_code = models.CharField(max_length=2, help_text="ISO 3166-1 alpha-2; given to gateways as a hint.")

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    """Be a tour or an entry ticket."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    supplier = models.ForeignKey(Supplier, on_delete=models.PROTECT, related_name="products")
    name = models.CharField(max_length=200)
    reference = models.CharField(max_length=80, blank=True)
    locale = models.CharField(max_length=16, default="en")
    time_zone = models.CharField(max_length=64, help_text="IANA name; availability dates are in this zone.")
    availability_type = models.CharField(max_length=16, choices=AvailabilityType.choices)
    allow_freesale = models.BooleanField(default=False)
    default_currency = models.CharField(max_length=3)
    delivery_formats = ArrayField(models.CharField(max_length=32))
    delivery_methods = ArrayField(models.CharField(max_length=16), help_text="VOUCHER, TICKET or both.")
    redemption_method = models.CharField(max_length=16, default="DIGITAL")
    settlement_methods = ArrayField(models.CharField(max_length=16))
    deposit_percent = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Share of the price due at once when settled by DEPOSIT."
    )
    deposit_amounts = models.JSONField(
        default=dict,
        blank=True,
        help_text='Or what of a booking is due at once, by currency, in minor units: {"EUR": 2000, "JPY": 3000}.',
    )
    balance_due_days = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="How many days before the visit the rest is due; whoever books later than that pays all at once. "
        "Empty: the rest is due on the day of the visit, however late the booking.",
    )
    tax_name = models.CharField(max_length=40, blank=True)
    tax_basis_points = models.PositiveIntegerField(
        default=0, help_text="Tax contained in the price: 1900 is 19 percent of the net of tax."
    )
    position = models.PositiveIntegerField(default=0)
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(deposit_percent__isnull=True) | Q(deposit_percent__gte=1, deposit_percent__lte=100),
                name="deposit_percent_is_a_percentage",
            ),
            models.CheckConstraint(
                condition=AreDepositAmounts(F("deposit_amounts")),
                name="deposit_amounts_by_currency",
                violation_error_message='Write amounts above zero in minor units by currency, such as {"EUR": 2000}.',
            ),
            models.CheckConstraint(
                condition=Q(deposit_percent__isnull=True) | Q(deposit_amounts={}),
                name="deposit_percent_or_amounts",
                violation_error_message="A deposit is a percent or an amount, not both.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Option(models.Model):
    """Be one way to take a product (language, departure point); availability and units hang on it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="options")
    name = models.CharField(max_length=200)
    reference = models.CharField(max_length=80, blank=True)
    is_default = models.BooleanField(default=False)
    local_start_times = ArrayField(models.CharField(max_length=5), default=list, blank=True)
    duration_minutes = models.PositiveIntegerField(default=120)
    cancellation_cutoff_amount = models.PositiveIntegerField(default=24)
    cancellation_cutoff_unit = models.CharField(max_length=8, default="hour", help_text="minute, hour or day")
    booking_cutoff_minutes = models.PositiveIntegerField(default=0, help_text="Sales stop this long before the start.")
    min_units = models.PositiveIntegerField(default=1)
    max_units = models.PositiveIntegerField(null=True, blank=True)
    required_contact_fields = ArrayField(models.CharField(max_length=32), default=list, blank=True)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product"], condition=Q(is_default=True), name="one_default_option"),
        ]

    def __str__(self) -> str:
        return f"{self.product_id} {self.name}"


class Unit(models.Model):
    """Be a kind of ticket of an option, such as an adult."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    option = models.ForeignKey(Option, on_delete=models.PROTECT, related_name="units")
    name = models.CharField(max_length=80)
    reference = models.CharField(max_length=80, blank=True)
    type = models.CharField(max_length=16, choices=UnitType.choices)
    min_age = models.PositiveSmallIntegerField(default=0)
    max_age = models.PositiveSmallIntegerField(default=100)
    id_required = models.BooleanField(default=False)
    min_quantity = models.PositiveIntegerField(null=True, blank=True)
    max_quantity = models.PositiveIntegerField(null=True, blank=True)
    pax_count = models.PositiveSmallIntegerField(default=1, help_text="Seats one of these takes.")
    accompanied_by = ArrayField(models.UUIDField(), default=list, blank=True)
    position = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class Price(models.Model):
    """Say what one unit costs in one currency; minor units."""

    unit = models.ForeignKey(Unit, on_delete=models.CASCADE, related_name="prices")
    currency = models.CharField(max_length=3)
    original_minor = models.BigIntegerField()
    retail_minor = models.BigIntegerField()
    net_minor = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["unit", "currency"], name="one_price_per_unit_and_currency"),
            models.CheckConstraint(
                condition=Q(original_minor__gte=0, retail_minor__gte=0, net_minor__gte=0), name="prices_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.retail_minor} {self.currency}"


class Availability(models.Model):
    """Be one departure, or one open day, of an option; `reserved` counts the seats of live holds and bookings."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    option = models.ForeignKey(Option, on_delete=models.PROTECT, related_name="availabilities")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    local_date = models.DateField(help_text="In the product's time zone.")
    opening_hours = models.JSONField(default=list, blank=True, help_text='[{"from": "09:00", "to": "18:00"}]')
    capacity = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: unlimited (freesale).")
    reserved = models.PositiveIntegerField(default=0, editable=False)
    is_closed = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "availabilities"
        constraints = [
            models.UniqueConstraint(fields=["option", "starts_at"], name="one_departure_per_option_and_start"),
            models.CheckConstraint(
                condition=Q(capacity__isnull=True) | Q(reserved__lte=F("capacity")), name="capacity_never_oversold"
            ),
        ]
        indexes = [models.Index(fields=["option", "local_date"], name="availability_by_date")]

    def __str__(self) -> str:
        return f"{self.option_id} {self.starts_at:%Y-%m-%d %H:%M}"
