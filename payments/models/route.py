from django.contrib.postgres.fields import ArrayField
from django.db import models

from bookings.models import Partner
from gateways.models import GatewayAccount


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
