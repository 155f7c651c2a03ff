from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models


class Environment(models.TextChoices):
    """Say which of a processor's worlds an account lives in."""

    TEST = "test"
    LIVE = "live"


def check_texts_by_language(texts: object) -> None:
    """Check that something maps languages to texts.

    :raises ValidationError: it does not.
    """
    is_fine = isinstance(texts, dict) and all(isinstance(text, str) and text.strip() for text in texts.values())
    if not is_fine:
        raise ValidationError('Write an object of texts by language, such as {"en": "I agree …"}.')


class GatewayAccount(models.Model):
    """Be one merchant account at one processor; its credentials come from the environment, found by `slug`."""

    slug = models.SlugField(
        max_length=40, unique=True, help_text="Names the account in URLs and in GATEWAY_<SLUG>__… variables."
    )
    name = models.CharField(max_length=120)
    gateway = models.CharField(max_length=40, help_text="A key of settings.GATEWAYS.")
    environment = models.CharField(max_length=8, choices=Environment.choices)
    currencies = ArrayField(models.CharField(max_length=3))
    sources = ArrayField(models.CharField(max_length=8), help_text="Any of ECOM, POS, MOTO.")
    captures_at_once = models.BooleanField(
        default=True,
        help_text="On: a sale, captured with its authorization. Off: authorized, and captured at confirmation.",
    )
    authorization_days = models.PositiveSmallIntegerField(
        default=7,
        db_default=7,
        help_text=(
            "How many days the processor holds money on a guest's card before it lets go of it, as your contract says. "
            "Holds that lapse before a departure are shown to staff."
        ),
    )
    stores_cards = models.BooleanField(default=False, help_text="Ask the guest to keep the card for later charges.")
    card_consent_texts = models.JSONField(
        default=dict,
        blank=True,
        validators=[check_texts_by_language],
        help_text=(
            'What guests agree to when a card is kept, by language: {"en": "…", "de": "…"}. '
            "A language that is not here has the house-wide text."
        ),
    )
    takes_raw_cards = models.BooleanField(
        default=False,
        db_default=False,
        help_text=(
            "Partners may send card numbers in the clear, which go through this server to the processor and rest "
            "nowhere. Only with the PCI DSS assessment that this asks for (SAQ D)."
        ),
    )
    confirm_paid_after_minutes = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Confirm an order that was paid in full but never confirmed after so many minutes; empty: staff.",
    )
    is_active = models.BooleanField(default=True)
    unreachable_calls = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    unreachable_since_at = models.DateTimeField(null=True, blank=True, editable=False)
    rests_until = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="It could not be reached: new payments go elsewhere until then.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.slug


class AnnouncedReport(models.Model):
    """Be a settlement report that a gateway has ready, by its own name; a worker fetches it.

    `announced_at` is the gateway's clock: a report that is made anew is announced again, and fetched again.
    `is_wanted` is off where fetching it is of no use, as `problem` says then. `sha256` names the file that was fetched.
    """

    account = models.ForeignKey(GatewayAccount, on_delete=models.PROTECT, related_name="reports", db_index=False)
    name = models.CharField(max_length=120)
    announced_at = models.DateTimeField()
    fetched_at = models.DateTimeField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    is_wanted = models.BooleanField(default=True)
    problem = models.CharField(max_length=300, blank=True)
    tries = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    claim_number = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="one_report_per_name")]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=models.Q(fetched_at__isnull=True, is_wanted=True),
                name="report_to_fetch",
            ),
        ]

    def __str__(self) -> str:
        return self.name
