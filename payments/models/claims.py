from datetime import datetime

from django.db.models import Q


def unclaimed(now: datetime) -> Q:
    """Match the rows that no worker has: never claimed, or by one whose lease ran out."""
    return Q(claimed_until__isnull=True) | Q(claimed_until__lt=now)
