"""Limits that one person sets and a second one agrees to: until then the old one counts."""

from datetime import datetime
from typing import TypeVar

from django.contrib.auth.models import Group, User
from django.db import transaction as database
from django.db.models import QuerySet

from backoffice.errors import NoLimit, NotAgreeable
from backoffice.models import AgreedLimit
from money import Money

Limit = TypeVar("Limit", bound=AgreedLimit)


def counting(kind: type[Limit]) -> QuerySet[Limit]:
    """Return the limits of a kind that count."""
    return kind._default_manager.filter(agreed_at__isnull=False, ended_at__isnull=True)


def counting_before(limit: Limit) -> Limit | None:
    """Return what counts for the role and currency of a limit."""
    return counting(type(limit)).filter(group=limit.group_id, currency=limit.currency).first()


def largest_counting(kind: type[Limit], *, person: User, currency: str, refusal: str) -> Money | None:
    """Return the largest limit of a kind that a person's roles have in a currency; None is without a limit.

    :raises NoLimit: no role of the person has one, with the `refusal` such as "may approve no write-off". Superusers
        need none.
    """
    if person.is_superuser:
        return None
    limits = counting(kind).filter(group__user=person, currency=currency)
    amounts = list(limits.values_list("amount_minor", flat=True))
    if not amounts:
        raise NoLimit(f"Your role {refusal} in {currency}; an administrator sets the limits of roles.")
    bounded = [minor for minor in amounts if minor is not None]
    return None if len(bounded) < len(amounts) else Money(max(bounded), currency)


def propose_limit(limit: Limit, *, person: User, now: datetime) -> Limit:
    """Write a limit down that waits for a second person, in the place of one that waits already."""
    with database.atomic():
        _lock_role(limit)
        waiting = type(limit)._default_manager.filter(
            group=limit.group_id, currency=limit.currency, agreed_at__isnull=True, ended_at__isnull=True
        )
        waiting.update(ended_by=person.get_username(), ended_at=now)
        limit.set_by, limit.set_at = person.get_username(), now
        limit.save(force_insert=True)
    return limit


def agree_to_limit(limit: Limit, *, person: User, now: datetime) -> Limit:
    """Have a limit count from now on, in the place of the one that counts.

    :raises NotAgreeable: it is the person's own, counts or is over; nothing was written.
    """
    with database.atomic():
        _lock_role(limit)
        limit.refresh_from_db()
        refuse_agreement(limit, person=person)
        counting(type(limit)).filter(group=limit.group_id, currency=limit.currency).update(
            ended_by=person.get_username(), ended_at=now
        )
        limit.agreed_by, limit.agreed_at = person.get_username(), now
        limit.save(update_fields=["agreed_by", "agreed_at"])
    return limit


def refuse_agreement(limit: AgreedLimit, *, person: User) -> None:
    """Refuse a person who may not agree to a limit as it stands.

    :raises NotAgreeable: it is the person's own, counts or is over.
    """
    if limit.ended_at is not None:
        raise NotAgreeable(f"It was ended by {limit.ended_by}: look at what there is now.")
    if limit.agreed_at is not None:
        raise NotAgreeable(f"It counts already: {limit.agreed_by} agreed to it.")
    if limit.set_by == person.get_username():
        raise NotAgreeable("You set it yourself: a second person agrees to it.")


def end_limit(limit: Limit, *, person: User, now: datetime) -> Limit:
    """End a limit that counts, which leaves its role without one, or one that waits; that takes one person.

    :raises NotAgreeable: it is over; nothing was written.
    """
    with database.atomic():
        _lock_role(limit)
        limit.refresh_from_db()
        if limit.ended_at is not None:
            raise NotAgreeable(f"It was ended by {limit.ended_by} already.")
        limit.ended_by, limit.ended_at = person.get_username(), now
        limit.save(update_fields=["ended_by", "ended_at"])
    return limit


def _lock_role(limit: AgreedLimit) -> None:
    """Let whoever sets, agrees to or ends limits of one role do so one after the other."""
    Group.objects.select_for_update(no_key=True).get(pk=limit.group_id)
