from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from bookings.models import Partner
from gateways.models import GatewayAccount
from gateways.protocol import Source


class AccountRoute(models.Model):
    """Say which account may take a partner's money, in which mode, currencies and sources; the lowest rank comes
    first.
    """

    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="routes")
    account = models.ForeignKey(GatewayAccount, on_delete=models.PROTECT, related_name="routes")
    is_live = models.BooleanField(help_text="For live orders or for test orders.")
    currencies = ArrayField(
        models.CharField(max_length=3), default=list, blank=True, help_text="Empty: all the account takes."
    )
    sources = ArrayField(
        models.CharField(max_length=8), default=list, blank=True, help_text="Empty: all the account takes."
    )
    rank = models.PositiveSmallIntegerField(default=10)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["partner", "account", "is_live"], name="one_route_per_partner_and_account")
        ]

    def __str__(self) -> str:
        return f"{self.partner_id} -> {self.account_id}"


class SurchargeRule(models.Model):
    """Say what paying through a route costs the guest on top of the price; of several the one that says more counts.

    A rule that names the source comes before one that does not, and then one that names the currency. It takes effect
    with the next payment that is asked for, never on one that was.
    """

    id = models.BigAutoField(primary_key=True)
    route = models.ForeignKey(AccountRoute, on_delete=models.CASCADE, related_name="surcharge_rules")
    source = models.CharField(
        max_length=8, choices=[(source.value, source.value) for source in Source], blank=True, help_text="Empty: all."
    )
    currency = models.CharField(max_length=3, blank=True, help_text="Empty: all, and then by percent only.")
    percent_basis_points = models.PositiveIntegerField(default=0, help_text="Of the price: 150 is 1.5 percent.")
    fixed_minor = models.BigIntegerField(default=0, help_text="On top, in minor units of the currency: 30 is 0.30 EUR.")
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["route", "source", "currency"], name="one_surcharge_rule_per_source_and_currency"
            ),
            models.CheckConstraint(condition=Q(percent_basis_points__lte=10_000), name="surcharge_at_most_the_price"),
            models.CheckConstraint(condition=Q(fixed_minor__gte=0), name="surcharge_not_negative"),
            models.CheckConstraint(condition=Q(fixed_minor=0) | ~Q(currency=""), name="fixed_surcharge_has_a_currency"),
        ]

    def __str__(self) -> str:
        return f"{self.source or 'all'} {self.currency} {self.percent_basis_points} + {self.fixed_minor}"
