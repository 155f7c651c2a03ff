"""Limits that two people have set before a test begins."""

from django.contrib.auth.models import Group
from django.utils import timezone

from backoffice.models import RefundLimit, WriteOffLimit
from backoffice.roles import Role
from backoffice.services.agreeing import Limit


def let_give_back(role: Role, minor: int | None, currency: str = "EUR") -> RefundLimit:
    """Have a limit of refunds count for a role, whatever counted before."""
    return _let(RefundLimit, role, minor, currency)


def let_write_off(role: Role, minor: int | None, currency: str = "EUR") -> WriteOffLimit:
    """Have a limit of write-offs count for a role, whatever counted before."""
    return _let(WriteOffLimit, role, minor, currency)


def _let(kind: type[Limit], role: Role, minor: int | None, currency: str) -> Limit:
    now = timezone.now()
    agreed = {"set_by": "ann", "set_at": now, "agreed_by": "bob", "agreed_at": now}
    limit, _ = kind._default_manager.update_or_create(
        group=Group.objects.get(name=role),
        currency=currency,
        ended_at=None,
        defaults={"amount_minor": minor, **agreed},
    )
    return limit
