"""How old a discrepancy is: in days since what it is about, and in the buckets that finance counts by."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Be an age from `first` through `last` days; None has no end."""

    name: str
    first: int
    last: int | None

    @property
    def words(self) -> str:
        """Say how old that is."""
        return f"more than {self.first - 1} days" if self.last is None else f"{self.first} to {self.last} days"

    def holds(self, today: date) -> Q:
        """Match what is so old today; what is of tomorrow is as old as what is of today."""
        q = Q(opened_on__gte=today - timedelta(days=self.last)) if self.last is not None else Q()
        return q & Q(opened_on__lte=today - timedelta(days=self.first)) if self.first else q


_LIMITS = (0, 2, 4, 8, 31, 61, 91)
BUCKETS = tuple(
    Bucket(
        name=f"{first}-{following - 1}" if following else f"{first}-",
        first=first,
        last=following - 1 if following else None,
    )
    for first, following in zip(_LIMITS, (*_LIMITS[1:], None), strict=True)
)
BY_NAME = {bucket.name: bucket for bucket in BUCKETS}


def bucket_of(opened_on: date, today: date) -> Bucket:
    """Return the bucket of what is of a day."""
    days = max(0, (today - opened_on).days)
    return next(bucket for bucket in BUCKETS if bucket.last is None or days <= bucket.last)


def day_of(now: datetime) -> date:
    """Return the day it is in the operator's books."""
    return now.astimezone(ZoneInfo(settings.OPERATOR_TIME_ZONE)).date()
