"""Prove that the ledger holds what the operations say, and nothing else. Reads only."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from uuid import UUID

from django.db import connection
from django.db.models import Sum

from money import Money
from payments.checking.periods import closed_periods
from payments.checking.reading import MOST_FINDINGS, Finding, Reading, in_chunks
from payments.models import LedgerAccount, LedgerEntry, Payment, Posting
from payments.services.parts import COUNTERPARTS, moved_by, parts_of_operations

_GUARDS = (
    "ledger_entries_stay",
    "postings_stay",
    "gateway_events_stay",
    "refunds_within_capture",
    "postings_count_in_open_periods",
    "entries_count_in_open_periods",
    "closings_stay",
)
_MONEY = (LedgerAccount.CLEARING, LedgerAccount.EXTERNAL)

# What of an entry does not agree with the order, and the payment's operation or the gift, it was made for. What
# reconciliation moves between the operator's own accounts has no order, and is not read here.
_DIMENSIONS = """
    SELECT * FROM (
        SELECT e.id, coalesce(p.reference, o.reference, '-') AS subject, concat_ws(', ',
                 CASE WHEN e.order_id IS NULL THEN 'has no order' END,
                 CASE WHEN e.partner_id IS DISTINCT FROM o.partner_id THEN 'has another partner' END,
                 CASE WHEN e.currency IS DISTINCT FROM o.currency THEN 'has another currency' END,
                 CASE WHEN e.is_live IS DISTINCT FROM o.is_live THEN 'has another mode' END,
                 CASE WHEN e.gift_id IS NULL AND e.customer_id IS NULL AND e.payment_id IS NULL
                      THEN 'has neither payment nor gift nor customer' END,
                 CASE WHEN e.gift_id IS NULL AND 'GIFT_LIABILITY' IN (e.from_account, e.to_account)
                      THEN 'has no gift' END,
                 CASE WHEN e.customer_id IS NULL AND 'CUSTOMER_CREDIT' IN (e.from_account, e.to_account)
                      THEN 'has no customer' END,
                 CASE WHEN (c.partner_id, c.is_live) <> (o.partner_id, o.is_live)
                      THEN 'has a customer of another partner or mode' END,
                 CASE WHEN e.payment_id IS NOT NULL AND e.transaction_id IS NULL THEN 'has no operation' END,
                 CASE WHEN e.payment_id IS NOT NULL AND e.order_id IS DISTINCT FROM p.order_id
                      THEN 'has another order' END,
                 CASE WHEN e.gateway_account_id IS DISTINCT FROM p.account_id THEN 'has another gateway account' END,
                 CASE WHEN t.payment_id IS DISTINCT FROM e.payment_id THEN 'has an operation of another payment' END,
                 CASE WHEN v.payment_id IS NOT NULL AND v.payment_id IS DISTINCT FROM e.payment_id
                      THEN 'was posted for an event of another payment' END) AS problem
          FROM payments_ledgerentry e
          JOIN payments_posting s ON s.id = e.posting_id
          LEFT JOIN bookings_order o ON o.id = e.order_id
          LEFT JOIN bookings_customer c ON c.id = e.customer_id
          LEFT JOIN payments_payment p ON p.id = e.payment_id
          LEFT JOIN payments_transaction t ON t.id = e.transaction_id
          LEFT JOIN payments_gatewayevent v ON v.id = s.event_id
         WHERE ARRAY[e.from_account, e.to_account] && ARRAY[
                 'RECEIVABLE', 'DISPUTED', 'EXTERNAL', 'SURCHARGE', 'DONATION', 'GIFT_LIABILITY',
                 'CUSTOMER_CREDIT']::varchar[]
           AND NOT (e.order_id IS NULL AND ARRAY[e.from_account, e.to_account] <@ ARRAY[
                 'CLEARING', 'EXTERNAL', 'BANK', 'FEES', 'RESERVE', 'CONVERSION', 'WRITE_OFF']::varchar[])
         ) AS read
     WHERE problem <> ''
     ORDER BY id
     LIMIT %s
"""
# What is owed to the holder of each gift: all that it is worth once confirmed, less what it paid. As every entry of
# GIFT_LIABILITY names its gift, the account then holds the unspent value of the confirmed gifts, and nothing else.
_GIFTS = """
    SELECT * FROM (
        SELECT g.reference, g.currency, g.amount_minor, g.spent_minor,
               CASE WHEN g.status IN ('CONFIRMED', 'REDEEMED') THEN g.amount_minor - g.spent_minor ELSE 0 END AS worth,
               coalesce(sum(e.amount_minor * (
                 (e.from_account = 'GIFT_LIABILITY')::int - (e.to_account = 'GIFT_LIABILITY')::int)), 0) AS owed,
               coalesce(sum(e.amount_minor * (
                 (e.from_account = 'RECEIVABLE')::int - (e.to_account = 'RECEIVABLE')::int)), 0) AS spent
          FROM bookings_gift g LEFT JOIN payments_ledgerentry e ON e.gift_id = g.id
         GROUP BY g.id) AS read
     WHERE owed <> worth OR spent <> spent_minor
     ORDER BY reference
"""


# A credit never falls below nothing.
_OVERSPENT = """
    SELECT c.number, e.currency, sum(e.amount_minor * (
             (e.from_account = 'CUSTOMER_CREDIT')::int - (e.to_account = 'CUSTOMER_CREDIT')::int)) AS owed
      FROM payments_ledgerentry e JOIN bookings_customer c ON c.id = e.customer_id
     GROUP BY c.id, e.currency
    HAVING sum(e.amount_minor * (
             (e.from_account = 'CUSTOMER_CREDIT')::int - (e.to_account = 'CUSTOMER_CREDIT')::int)) < 0
     ORDER BY c.number, e.currency
"""
# What was credited for a top-up is what came in for it, up to what was asked for; more only where it was spent when it
# went back, which a person was shown.
_TOP_UPS = """
    SELECT * FROM (
        SELECT o.reference, o.currency,
               CASE WHEN o.status = 'CANCELLED' THEN 0
                    ELSE greatest(0, least(o.money_in_minor, o.asked_minor)) END AS brought,
               coalesce(sum(e.amount_minor * (
                 (e.to_account = 'TOP_UPS')::int - (e.from_account = 'TOP_UPS')::int)), 0) AS credited,
               EXISTS (SELECT 1 FROM payments_case k JOIN payments_payment p ON p.id = k.payment_id
                        WHERE p.order_id = o.id AND k.kind = 'CREDIT_OVERDRAWN') AS is_shown
          FROM bookings_order o LEFT JOIN payments_ledgerentry e ON e.order_id = o.id
         WHERE o.kind = 'TOP_UP' AND o.customer_id IS NOT NULL
         GROUP BY o.id) AS read
     WHERE credited < brought OR (credited > brought AND NOT is_shown)
     ORDER BY reference
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """Be what an account holds in one currency and mode: what came in less what went out."""

    account: str
    is_live: bool
    balance: Money


def ledger_findings(*, limit: int = MOST_FINDINGS) -> list[Finding]:
    """Return where the ledger is not what the operations say, or is no longer guarded."""
    found = chain(
        _guards_off(),
        in_chunks(Payment.objects.all(), _chunk_findings),
        _strays(limit),
        _gifts(),
        _credits(),
        _empty_postings(),
        closed_periods(),
    )
    return list(islice(found, limit))


def ledger_findings_of(payment: Payment) -> list[Finding]:
    """Return where the ledger is not what one payment's operations say."""
    return list(in_chunks(Payment.objects.filter(pk=payment.pk), _chunk_findings))


def ledger_totals() -> list[Total]:
    """Return what every account holds, by currency and mode; each currency's balances add up to nothing."""
    balances: dict[tuple[bool, str, str], int] = defaultdict(int)
    sums = LedgerEntry.objects.values_list("is_live", "currency", "from_account", "to_account")
    for is_live, currency, from_account, to_account, total in sums.annotate(total=Sum("amount_minor")):
        balances[is_live, currency, from_account] -= total
        balances[is_live, currency, to_account] += total
    return [
        Total(account=account, is_live=is_live, balance=Money(int(minor), currency))
        for (is_live, currency, account), minor in sorted(balances.items(), key=lambda item: (not item[0][0], item[0]))
    ]


def _chunk_findings(readings: list[Reading]) -> Iterator[Finding]:
    """Compare, operation by operation, what the entries moved with what the events say it must have moved."""
    booked: dict[UUID, dict[tuple[str, str], int]] = defaultdict(lambda: defaultdict(int))
    accounts: dict[UUID, set[str]] = defaultdict(set)
    entries = (
        LedgerEntry.objects.filter(payment__in=[reading.payment for reading in readings])
        .values_list("payment_id", "transaction_id", "from_account", "to_account")
        .annotate(total=Sum("amount_minor"))
    )
    for payment_id, transaction_id, from_account, to_account, total in entries:
        accounts[payment_id] |= {from_account, to_account} & set(_MONEY)
        if from_account in COUNTERPARTS and to_account in _MONEY:
            booked[payment_id][str(transaction_id), from_account] += int(total)
        elif from_account in _MONEY and to_account in COUNTERPARTS:
            booked[payment_id][str(transaction_id), to_account] -= int(total)
    for reading in readings:
        payment = reading.payment
        expected = _expected(reading)
        for key in sorted(expected.keys() | booked[payment.id].keys()):
            holds, says = booked[payment.id].get(key, 0), expected.get(key, 0)
            if holds != says:
                row = reading.transactions.get(key[0])
                yield Finding(
                    code="ledger_differs",
                    subject=row.reference if row else payment.reference,
                    message=(
                        f"{row.kind if row else 'no operation'} of {payment.reference}: the ledger holds "
                        f"{Money(holds, payment.currency)} against {key[1]}, the events say "
                        f"{Money(says, payment.currency)}"
                    ),
                )
        if len(accounts[payment.id]) > 1:
            yield Finding(
                code="two_money_accounts",
                subject=payment.reference,
                message="its money went both to CLEARING and to EXTERNAL",
            )


def _expected(reading: Reading) -> dict[tuple[str, str], int]:
    """Return what each operation must have moved into the gateway's account, by counterpart; never zero."""
    parts = parts_of_operations(reading.transactions, reading.position)
    return {
        (key, counterpart): minor
        for key, of_operation in parts.items()
        for counterpart, minor in moved_by(reading.transactions[key], of_operation).items()
        if minor != 0
    }


def _strays(limit: int) -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(_DIMENSIONS, [limit])
        rows = cursor.fetchall()
    for entry_id, reference, what in rows:
        yield Finding(code="stray_entry", subject=reference, message=f"ledger entry {entry_id} {what}")


def _gifts() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(_GIFTS)
        rows = cursor.fetchall()
    for reference, currency, amount, cached, worth, owed, spent in rows:
        if not 0 <= spent <= amount:
            yield Finding(
                code="gift_overspent",
                subject=reference,
                message=f"a gift of {Money(amount, currency)} paid {Money(int(spent), currency)}",
            )
        elif spent != cached:
            yield Finding(
                code="gift_spent_differs",
                subject=reference,
                message=f"says {Money(cached, currency)} is spent, the ledger {Money(int(spent), currency)}",
            )
        else:
            yield Finding(
                code="gift_liability_differs",
                subject=reference,
                message=f"{Money(worth, currency)} is unspent, the ledger owes {Money(int(owed), currency)}",
            )


def _credits() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(_OVERSPENT)
        overspent = cursor.fetchall()
        cursor.execute(_TOP_UPS)
        top_ups = cursor.fetchall()
    for number, currency, owed in overspent:
        yield Finding(
            code="credit_overspent",
            subject=str(number),
            message=f"the credit of customer {number} is {Money(int(owed), currency)}",
        )
    for reference, currency, brought, credited, _ in top_ups:
        yield Finding(
            code="top_up_differs",
            subject=reference,
            message=f"{Money(brought, currency)} came in, {Money(int(credited), currency)} was credited",
        )


def _empty_postings() -> Iterator[Finding]:
    for posting in Posting.objects.filter(entries__isnull=True).iterator(500):
        yield Finding(code="empty_posting", subject=str(posting.pk), message=f"posting {posting} has no entries")


def _guards_off() -> Iterator[Finding]:
    """See that the database still refuses what must never happen; somebody may have switched a trigger off."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname FROM pg_trigger WHERE tgname = ANY(%s) AND tgenabled <> 'D'", [list(_GUARDS)])
        on = {name for (name,) in cursor.fetchall()}
    for name in _GUARDS:
        if name not in on:
            yield Finding(code="guard_off", subject=name, message="the trigger is missing or switched off")
