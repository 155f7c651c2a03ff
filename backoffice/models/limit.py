from django.contrib.auth.models import Group
from django.db import models
from django.db.models import F, Q

from money import Money


class AgreedLimit(models.Model):
    """Be an amount of one currency up to which a role acts alone: one person sets it, and it counts from when a second
    one agreed to it until it ends.

    Rows are proposed, counting or ended, and what they say never changes: another limit is another row.
    """

    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="+", verbose_name="role")
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField(
        null=True, blank=True, help_text="In the currency's smallest unit: 25000 is 250.00 EUR. Empty: without a limit."
    )
    set_by = models.CharField(max_length=150, editable=False)
    set_at = models.DateTimeField(editable=False)
    agreed_by = models.CharField(max_length=150, blank=True, editable=False)
    agreed_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_by = models.CharField(max_length=150, blank=True, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__isnull=True) | Q(amount_minor__gt=0), name="%(class)s_positive"
            ),
            models.CheckConstraint(
                condition=~Q(set_by="") & ~Q(agreed_by=F("set_by")), name="%(class)s_is_agreed_by_a_second_person"
            ),
            models.CheckConstraint(
                condition=Q(agreed_by="", agreed_at__isnull=True) | (~Q(agreed_by="") & Q(agreed_at__isnull=False)),
                name="%(class)s_says_who_agreed_and_when",
            ),
            models.CheckConstraint(
                condition=Q(ended_by="", ended_at__isnull=True) | (~Q(ended_by="") & Q(ended_at__isnull=False)),
                name="%(class)s_says_who_ended_it_and_when",
            ),
            models.UniqueConstraint(
                fields=["group", "currency"],
                condition=Q(agreed_at__isnull=False, ended_at__isnull=True),
                name="one_%(class)s_counts_per_role_and_currency",
            ),
            models.UniqueConstraint(
                fields=["group", "currency"],
                condition=Q(agreed_at__isnull=True, ended_at__isnull=True),
                name="one_%(class)s_waits_per_role_and_currency",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.group}: {self.in_words()}"

    def in_words(self) -> str:
        """Say how much it is."""
        if self.amount_minor is None:
            return f"any amount of {self.currency}"
        return str(Money(self.amount_minor, self.currency))


class RefundLimit(AgreedLimit):
    """Be how much of one order a role may give back on its own within a day, and approve of what others ask for.

    A role without one for a currency may do neither in it. Who has several roles has the largest of their limits.
    """

    class Meta(AgreedLimit.Meta):
        permissions = [("agree_refundlimit", "Can agree to refund limits that others set")]


class WriteOffLimit(AgreedLimit):
    """Be up to how much a role may approve within a day that is written off.

    A role without one for a currency may approve no write-off in it. Who has several roles has the largest of their
    limits.
    """

    class Meta(AgreedLimit.Meta):
        permissions = [("agree_writeofflimit", "Can agree to write-off limits that others set")]
