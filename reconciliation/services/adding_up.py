"""Keep running sums of the ledger by day, so that pages need not read millions of entries.

Entries get their ids before they are committed, so that a smaller one may come after a greater one was seen. Each turn
therefore notes the last id there is and a transaction that began later, its own; the next turn adds up to there once
every transaction before that one has ended. No lock is taken that a payment could wait for.
"""

from datetime import datetime

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from payments.models import LedgerEntry
from reconciliation.models import BooksDay, BooksProgress
from reconciliation.statements import run

# One transaction adds so many entries at most.
_CHUNK = 200_000


def add_up(*, now: datetime) -> int:
    """Take one turn; return how many sums were touched. They are as of an earlier turn, which `as_of` tells."""
    touched = 0
    while True:
        # Whoever has an id up to this one has begun a transaction by now: an entry is written after its posting.
        last_id = LedgerEntry.objects.aggregate(last=Max("id"))["last"] or 0
        with transaction.atomic():
            progress = _lock_progress()
            if progress.last_entry_id < progress.seen_entry_id:
                if _number("pg_snapshot_xmin(pg_current_snapshot())") < progress.seen_horizon:
                    return touched
                through = min(progress.seen_entry_id, progress.last_entry_id + _CHUNK)
                touched += run(
                    "working/add_up",
                    {"after": progress.last_entry_id, "through": through, "zone": progress.time_zone},
                )
                progress.last_entry_id = through
            is_through = progress.last_entry_id == progress.seen_entry_id
            if is_through:
                progress.as_of = progress.seen_at
                progress.seen_entry_id = max(last_id, progress.last_entry_id)
                progress.seen_horizon = _number("pg_current_xact_id()")
                progress.seen_at = now
            progress.save()
        if is_through:
            return touched


def _lock_progress() -> BooksProgress:
    """Return how far the sums are; all of them are made anew where days are of another time zone by now."""
    fresh = BooksProgress(id=1, time_zone=settings.OPERATOR_TIME_ZONE)
    BooksProgress.objects.bulk_create([fresh], ignore_conflicts=True)
    progress = BooksProgress.objects.select_for_update().get(pk=1)
    if progress.time_zone == settings.OPERATOR_TIME_ZONE:
        return progress
    BooksDay.objects.all().delete()
    return fresh


def _number(expression: str) -> int:
    """Return the number of a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ({expression})::text::bigint")
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])
