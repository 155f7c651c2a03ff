"""Close months of the books, in order, and reopen the last one: what is posted later counts in the first open month."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import Max, Min

from payments.errors import PeriodRefused
from payments.models import ClosedPeriod, LedgerEntry, Posting
from payments.services.locking import is_about_a_lock

# What every account moved by in a period.
_TOTALS = """
    SELECT coalesce(jsonb_object_agg(name, minor) FILTER (WHERE minor <> 0), '{}')
      FROM (SELECT concat_ws(' ', CASE WHEN e.is_live THEN 'live' ELSE 'test' END, side.account, e.currency) AS name,
                   sum(side.sign * e.amount_minor)::bigint AS minor
              FROM payments_posting p
              JOIN payments_ledgerentry e ON e.posting_id = p.id
             CROSS JOIN LATERAL (VALUES (e.to_account, 1), (e.from_account, -1)) AS side(account, sign)
             WHERE p.counts_at >= %(since)s AND p.counts_at < %(until)s AND e.id <= %(watermark)s
             GROUP BY 1) AS moved
"""


def month_of(moment: datetime) -> date:
    """Return the first day of the month that a moment lies in, in the operator's time zone."""
    return moment.astimezone(_zone()).date().replace(day=1)


def bounds_of(month: date) -> tuple[datetime, datetime]:
    """Return when a month begins and when the next one does, in the operator's time zone."""
    return _begin(month), _begin(month_after(month))


def month_after(month: date) -> date:
    """Return the first day of the month after one."""
    return (month.replace(day=1) + timedelta(days=31)).replace(day=1)


def last_closing() -> ClosedPeriod | None:
    """Return the last month that is closed, and with it everything before."""
    return ClosedPeriod.objects.filter(reopened_at__isnull=True).order_by("-month").first()


def hold_open() -> datetime | None:
    """Keep every month that is open so until the transaction ends, and return the end of the last closed one, if any.

    A closing waits for this as it does for whoever posts.
    """
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE payments_posting IN ROW EXCLUSIVE MODE")
    last = last_closing()
    return last.ends_at if last else None


def next_to_close(*, now: datetime) -> date | None:
    """Return the month that can be closed next: the first open one in which something was posted, once it is over."""
    last = last_closing()
    if last is not None:
        month = month_after(last.month)
    else:
        first = Posting.objects.aggregate(first=Min("counts_at"))["first"]
        if first is None:
            return None
        month = month_of(first)
    return month if bounds_of(month)[1] <= now else None


def close_month(*, month: date, by: str, now: datetime) -> ClosedPeriod:
    """Close the month that is next, with the last ledger entry there is and what the month moved.

    Whoever posts waits meanwhile, and who had begun is waited for.

    :raises PeriodRefused: it is not the next one, not over, or somebody has the books for too long; nothing was done.
    """
    with _one_after_the_other():
        with connection.cursor() as cursor:
            # In the order in which who posts takes them.
            cursor.execute("LOCK TABLE payments_posting, payments_ledgerentry IN SHARE MODE")
        expected = next_to_close(now=now)
        if month != expected:
            raise PeriodRefused(
                f"{month:%Y-%m} cannot be closed now; "
                + (f"{expected:%Y-%m} comes first." if expected else "the month that is next is not over yet.")
            )
        closing = draft_closing(month)
        closing.closed_at, closing.closed_by = now, by
        closing.save(force_insert=True)
    return closing


def draft_closing(month: date) -> ClosedPeriod:
    """Return what closing the month that is next would keep of it as things stand; nothing is written."""
    since, until = bounds_of(month)
    last = last_closing()
    if last is not None:
        # The operator may have moved to another time zone since: no hour is lost or counted twice.
        since = last.ends_at
    watermark = LedgerEntry.objects.aggregate(last=Max("id"))["last"] or 0
    return ClosedPeriod(
        month=month,
        time_zone=settings.OPERATOR_TIME_ZONE,
        starts_at=since,
        ends_at=until,
        watermark=watermark,
        posting_count=Posting.objects.filter(counts_at__gte=since, counts_at__lt=until).count(),
        totals=totals_of(since=since, until=until, watermark=watermark),
    )


def reopen_month(*, month: date, by: str, because: str, now: datetime) -> ClosedPeriod:
    """Open the last closed month again, by somebody else than closed it.

    :raises PeriodRefused: it is not the last one, it was this person who closed it, no reason was given, or somebody
        has the books for too long; nothing was done.
    """
    if not because.strip():
        raise PeriodRefused("Say why it is reopened.")
    with _one_after_the_other():
        last = last_closing()
        if last is None or last.month != month:
            raise PeriodRefused(f"{month:%Y-%m} is not the last month that is closed.")
        refuse_own(last, by=by)
        last.reopened_at, last.reopened_by, last.reopened_because = now, by, because
        last.save(update_fields=["reopened_at", "reopened_by", "reopened_because"])
    return last


def refuse_own(closing: ClosedPeriod, *, by: str) -> None:
    """Refuse that who closed a month reopens it.

    :raises PeriodRefused: it was this person who closed it.
    """
    if closing.closed_by == by:
        raise PeriodRefused("Who closed a month cannot reopen it: a second person has to.")


def totals_of(*, since: datetime, until: datetime, watermark: int) -> dict[str, int]:
    """Return what each account moved by in a period, by mode, account and currency, where it is not nothing."""
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, {"since": since, "until": until, "watermark": watermark})
        row = cursor.fetchone()
    assert row is not None
    return dict(json.loads(row[0]))


@contextmanager
def _one_after_the_other() -> Iterator[None]:
    """Close or reopen in a transaction that no other closing or reopening runs beside: the last one is the last one.

    Whoever posts only reads which months are closed, and is not kept by this.

    :raises PeriodRefused: a lock was not to be had in time.
    """
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("LOCK TABLE payments_closedperiod IN SHARE ROW EXCLUSIVE MODE")
            yield
    except OperationalError as error:
        if not is_about_a_lock(error):
            raise
        raise PeriodRefused("Somebody else has the books at this moment; nothing was done. Try again.") from None


def _begin(month: date) -> datetime:
    return datetime.combine(month, time(), _zone())


def _zone() -> ZoneInfo:
    return ZoneInfo(settings.OPERATOR_TIME_ZONE)
