"""Post what gateways settled: payouts, fees, reserves and conversions, a batch at a time; and what was written off."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, time
from zoneinfo import ZoneInfo

from django.db import connection

from gateways.models import GatewayAccount
from money import Money
from payments.ledger import post_settlement
from payments.models import LedgerAccount, Posting
from payments.services.periods import hold_open
from reconciliation.models import BatchPosting, SettlementReport, SettlementSource
from reconciliation.statements import statement

_CAUSES = {
    LedgerAccount.BANK: "paid_out",
    LedgerAccount.FEES: "fees",
    LedgerAccount.RESERVE: "reserved",
    LedgerAccount.CONVERSION: "converted",
}


def post_batches(
    *, source: SettlementSource, report: SettlementReport | None, money_account: LedgerAccount, now: datetime
) -> None:
    """Post the difference between what batches say now and what was posted for them; nothing where they agree.

    Call it in the transaction in which they were read. `report` is whose batches; without one, all of the source's.
    """
    assert source.account is not None, "a bank settles nothing"
    # What was posted is read after nobody else can be posting it.
    SettlementSource.objects.select_for_update(no_key=True).get(pk=source.pk)
    with connection.cursor() as cursor:
        cursor.execute(
            statement("posting"),
            {"source": source.pk, "report": report.pk if report else None, "money_account": money_account.value},
        )
        rows = cursor.fetchall()
    moved: dict[tuple[int, LedgerAccount, datetime], list[Money]] = defaultdict(list)
    for batch_id, counterpart, currency, minor, settled_at in rows:
        moved[batch_id, LedgerAccount(counterpart), settled_at].append(Money(minor, currency))
    counts_at = _counting(source)
    for (batch_id, counterpart, settled_at), amounts in moved.items():
        posting = post_settlement(
            account=source.account,
            transfers=[
                (counterpart, money_account, amount)
                if amount.minor > 0
                else (money_account, counterpart, Money(-amount.minor, amount.currency))
                for amount in amounts
            ],
            cause=_CAUSES[counterpart],
            occurred_at=settled_at,
            counts_at=counts_at(settled_at),
            now=now,
        )
        BatchPosting.objects.create(posting=posting, batch_id=batch_id)


def post_write_off(
    *, account: GatewayAccount, transfers: Sequence[tuple[LedgerAccount, LedgerAccount, Money]], now: datetime
) -> Posting:
    """Post what two people wrote off, now: the days that it is about may be closed."""
    return post_settlement(account=account, transfers=transfers, cause="written_off", occurred_at=now, now=now)


def post_reversal(*, posting: Posting, now: datetime) -> Posting:
    """Post the opposite of a write-off, now; what was posted stays."""
    entries = list(posting.entries.select_related("gateway_account").order_by("id"))
    account = entries[0].gateway_account
    assert account is not None, "a write-off is of an account"
    return post_settlement(
        account=account,
        transfers=[
            (
                LedgerAccount(entry.to_account),
                LedgerAccount(entry.from_account),
                Money(entry.amount_minor, entry.currency),
            )
            for entry in entries
        ],
        cause="write_off_undone",
        occurred_at=now,
        now=now,
    )


def open_from(source: SettlementSource) -> datetime | None:
    """Return from when on what a source settles counts, and let nobody close a month before the transaction ends.

    It is the end of the last month that is closed, or of the last day that is locked for the source; None where every
    day is open.
    """
    closed = hold_open()
    if source.first_open_day is None:
        return closed
    first = datetime.combine(source.first_open_day, time(), ZoneInfo(source.time_zone))
    return first if closed is None else max(first, closed)


def _counting(source: SettlementSource) -> Callable[[datetime], datetime | None]:
    """Return what says when something of a source counts: not on a day that is locked for the source, but on the day
    after, nor in a closed month. None where the database alone decides, by months.
    """
    first = open_from(source)
    if first is None or source.first_open_day is None:
        return lambda _: None
    return lambda settled_at: max(settled_at, first)
