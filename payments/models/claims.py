from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet


def unclaimed(now: datetime) -> Q:
    """Match the rows that no worker has: never claimed, or by one whose lease ran out."""
    return Q(claimed_until__isnull=True) | Q(claimed_until__lt=now)


def claim_row(row: QuerySet[Any], now: datetime, **also: Any) -> bool:
    """Take a row that no worker has, and write what is to change `also`; say whether the caller has it now.

    `row` is found by its own columns alone: what is joined is not looked at again by whoever waited for the row.
    """
    return bool(
        row.filter(unclaimed(now)).update(claim_number=F("claim_number") + 1, claimed_until=lease_end(now), **also)
    )


def lease_end(now: datetime) -> datetime:
    """Return until when a claim taken now keeps others away."""
    return now + timedelta(seconds=settings.PAYMENTS["CLAIM_LEASE_SECONDS"])


def claimed_from_the_start(now: datetime) -> dict[str, Any]:
    """Return the fields of an operation that its writer sends itself; what it does not live to send, others find."""
    return {"claim_number": 1, "claimed_until": lease_end(now), "first_sent_at": now}
