"""Limits that two people have set before a test begins."""

from django.contrib.auth.models import Group
from django.utils import timezone

from backoffice.models import RefundLimit
from backoffice.roles import Role


def let_give_back(role: Role, minor: int | None, currency: str = "EUR") -> RefundLimit:
    """Have a limit count for a role, whatever counted before."""
    now = timezone.now()
    agreed = {"set_by": "ann", "set_at": now, "agreed_by": "bob", "agreed_at": now}
    limit, _ = RefundLimit.objects.update_or_create(
        group=Group.objects.get(name=role),
        currency=currency,
        ended_at=None,
        defaults={"amount_minor": minor, **agreed},
    )
    return limit
