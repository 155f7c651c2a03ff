"""How much of one order a person may give back within a day, and has given back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q, Sum

from backoffice.errors import AboveLimit, MayNotRelease
from backoffice.models import (
    ApprovalRequest,
    CancellationState,
    Decision,
    DepartureItem,
    RefundLimit,
    TenderReturn,
)
from backoffice.services.agreeing import largest_counting
from bookings.models import Order
from money import Money
from payments.models import EventSource, GatewayEvent, Transaction
from payments.states import OperationKind, Status

COUNTED_FOR = timedelta(days=1)
# What is looked for: one order, or a currency and mode.
Within = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """Be what a person may give back of an order in a day (None: without a limit), and what of that is used."""

    limit: Money | None
    used: Money

    def covers(self, total: Money) -> bool:
        """Say whether so much more is within it."""
        return self.limit is None or self.used.minor + total.minor <= self.limit.minor

    def in_words(self) -> str:
        """Say what it is, to the person whose it is."""
        if self.limit is None:
            return "without a limit"
        used = f", of which {self.used} is used since yesterday" if self.used.minor else ""
        return f"up to {self.limit} of one order within a day{used}"


def allowance_for(*, person: User, order: Order, now: datetime) -> Allowance:
    """Return what a person may give back of an order, alone or by approving; under the order's lock it stays so.

    What counts as used is what the person asked for or approved since a day ago and was not refused, and what of the
    order departures give back that the person cancelled, so that splitting a refund does not get below the limit.

    :raises NoLimit: no role of the person has one for the order's currency.
    """
    used = given_back_minor(person=person, now=now, within={"order": order})
    return Allowance(limit=limit_of(person, order.currency), used=Money(used, order.currency))


def limit_of(person: User, currency: str) -> Money | None:
    """Return what a person's roles let them give back of an order within a day; None is without a limit. What nobody
    agreed to yet does not count.

    :raises NoLimit: no role of the person has a limit for the currency. Superusers need none.
    """
    return largest_counting(RefundLimit, person=person, currency=currency, refusal="may not give money back")


def refuse_above_limit(*, person: User, order: Order, now: datetime) -> None:
    """Refuse a refund that a person is about to commit, under the order's lock and with all its rows written.

    :raises AboveLimit: with it the person has given back more than is allowed.
    :raises NoLimit: the person may give back nothing in the currency.
    """
    lock_allowance(person)
    allowance = allowance_for(person=person, order=order, now=now)
    if not allowance.covers(Money(0, order.currency)):
        raise AboveLimit(
            f"That is more than you may give back alone, which is {allowance.limit} of one order within a day; "
            "nothing was sent. Look again to ask for approval."
        )


def refuse_release(*, person: User, released: Money) -> None:
    """Refuse a refund that releases holds, to a person who may not release one by itself; no limit counts a release.

    :raises MayNotRelease: the person may not.
    """
    if released.minor and not person.has_perm("payments.capture_payment"):
        raise MayNotRelease(
            f"{released} of it is held and not taken: to release a hold needs a permission that you do not have."
        )


def note_tender_return(*, person: User, order: Order, amount_minor: int, now: datetime) -> None:
    """Remember what gifts and credit had back by a person's hand; the caller's transaction does it."""
    if amount_minor > 0:
        TenderReturn.objects.create(
            order=order,
            returned_by=person.get_username(),
            amount_minor=amount_minor,
            currency=order.currency,
            returned_at=now,
        )


def given_back_minor(*, person: User, now: datetime, within: Within) -> int:
    """Return what a person gave back since a day ago, by single refunds and by departures, in minor units.

    What a departure's cancellation was to give back counts from its start, whatever has become of it; of a stopped one
    what was begun.
    """
    since = now - COUNTED_FOR
    name = person.get_username()
    # What a person said was not done may have been: asked for anew, it is one with what comes after it.
    is_ruled_out = Exists(GatewayEvent.objects.filter(transaction=OuterRef("pk"), source=EventSource.STAFF))
    refunds = Transaction.objects.filter(
        ~Q(status=Status.FAILED) | is_ruled_out,
        **within,
        kind=OperationKind.REFUND,
        requested_by=name,
        requested_at__gt=since,
        departure_return__isnull=True,
    )
    tendered = TenderReturn.objects.filter(**within, returned_by=name, returned_at__gt=since)
    approved = ApprovalRequest.objects.filter(
        **within, decision=Decision.APPROVED, decided_by=person, decided_at__gt=since
    )
    of_departures = DepartureItem.objects.filter(
        ~Q(cancellation__state=CancellationState.STOPPED) | Q(cancelled_at__isnull=False),
        Q(cancellation__started_at__gt=since) | Q(written_at__gt=since),
        **within,
        cancellation__started_by=name,
    )
    sums = (
        refunds.aggregate(total=Sum("amount_minor", default=0)),
        tendered.aggregate(total=Sum("amount_minor", default=0)),
        approved.aggregate(total=Sum("total_minor", default=0)),
        of_departures.aggregate(total=Sum("planned_minor", default=0)),
    )
    return sum(each["total"] for each in sums)


def lock_allowance(person: User) -> None:
    """Let what one person gives back be counted one after the other; locked after everything else."""
    User.objects.select_for_update(no_key=True).get(pk=person.pk)
