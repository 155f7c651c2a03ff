"""Read what an account holds by the ledger beside what the files and the open discrepancies explain of it."""

from collections import defaultdict
from datetime import datetime

from django.db import connection

from reconciliation.models import PAYMENT_KINDS, DriftReading, SettlementSource
from reconciliation.movements import UNPLACED
from reconciliation.selectors import latest_drift_readings
from reconciliation.services.matching import money_account_of
from reconciliation.statements import statement

# What explains a balance, in the order in which it is told.
PARTS = {
    "waiting": "booked, and not settled yet",
    "missing": "booked, and not settled in time",
    "missing_closed": "booked, not settled, and closed by people",
    "unposted": "settled in batches that do not add up",
    "not_paid_out": "settled, and not paid out yet",
    "carried": "carried over from one batch to another",
    "unplaced": "settled, and without a place in the books",
    "unplaced_closed": "settled, without a place, and closed by people",
    "differences": "settled with another amount or currency",
    "other": "lines of no payment",
    "written_off": "written off",
}


def read_drift(*, source: SettlementSource, now: datetime) -> list[DriftReading]:
    """Keep what a gateway account holds in each currency, and what explains it.

    One statement over all that the account ever moved: seconds for a million entries, so it is for the night, or for
    a person who asks.
    """
    assert source.account_id is not None, "a bank holds nothing of ours that it settles"
    money_account = money_account_of(source)
    with connection.cursor() as cursor:
        cursor.execute(
            statement("working/drift"),
            {
                "source": source.pk,
                "account": source.account_id,
                "money_account": money_account.value,
                "payment_kinds": [kind.value for kind in PAYMENT_KINDS],
                "unplaced_kinds": [kind.value for kind in UNPLACED],
            },
        )
        rows = cursor.fetchall()
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for currency, part, minor in rows:
        found[currency][part] = minor
    # What came to nothing since is told once more, as nothing, and then no more.
    for last in latest_drift_readings().filter(source=source):
        if last.balance_minor or last.parts:
            found.setdefault(last.currency, {})
    readings = []
    for currency, parts in sorted(found.items()):
        balance = parts.pop("balance", 0)
        readings.append(
            DriftReading(
                source=source,
                currency=currency,
                balance_minor=balance,
                parts=parts,
                unexplained_minor=balance - sum(parts.values()),
                read_at=now,
            )
        )
    return DriftReading.objects.bulk_create(readings)
