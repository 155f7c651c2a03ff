"""Write the books. This module only posts; reading is for selectors. Only the door, tenders and reconciliation call
it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from bookings.models import Customer, Gift, Order
from gateways.models import Environment, GatewayAccount
from money import Money
from payments.models import GatewayEvent, LedgerAccount, Payment, Posting, Transaction

# Both in one statement, for whoever waits for a payment waits for each of them.
_POST = """
WITH posted AS (
    INSERT INTO payments_posting (id, event_id, cause, occurred_at, posted_at, counts_at)
    VALUES (%(posting)s, %(event)s, %(cause)s, %(occurred_at)s, %(posted_at)s, %(counts_at)s)
)
INSERT INTO payments_ledgerentry (
    posting_id, from_account, to_account, amount_minor, currency, transaction_id, gift_id, customer_id,
    gateway_account_id, order_id, payment_id, partner_id, is_live
)
SELECT
    %(posting)s, moved.from_account, moved.to_account, moved.amount_minor, moved.currency, moved.transaction_id,
    moved.gift_id, moved.customer_id, %(account)s, %(order)s, %(payment)s, %(partner)s, %(is_live)s
FROM unnest(
    %(from_accounts)s::text[], %(to_accounts)s::text[], %(amounts)s::bigint[], %(currencies)s::text[],
    %(transactions)s::uuid[], %(gifts)s::uuid[], %(customers)s::uuid[]
) AS moved (from_account, to_account, amount_minor, currency, transaction_id, gift_id, customer_id)
"""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Move an amount, in minor units and above zero, from one account to another for one transaction, gift or
    customer's credit.
    """

    from_account: LedgerAccount
    to_account: LedgerAccount
    amount_minor: int
    transaction: Transaction | None = None
    gift: Gift | None = None
    customer: Customer | None = None


def post(
    *,
    order: Order,
    payment: Payment | None,
    transfers: Iterable[Transfer],
    cause: str,
    event: GatewayEvent | None,
    occurred_at: datetime,
    now: datetime,
) -> Posting:
    """Write the transfers of one cause, in the order's currency, under one posting, and return it."""
    posting = Posting(event=event, cause=cause, occurred_at=occurred_at, posted_at=now)
    of_order = {
        "account": payment.account_id if payment else None,
        "order": order.pk,
        "payment": payment.pk if payment else None,
        "partner": order.partner_id,
        "is_live": order.is_live,
    }
    _write(posting, [(each, order.currency) for each in transfers], of_order)
    return posting


def post_settlement(
    *,
    account: GatewayAccount,
    transfers: Iterable[tuple[LedgerAccount, LedgerAccount, Money]],
    cause: str,
    occurred_at: datetime,
    now: datetime,
    counts_at: datetime | None = None,
) -> Posting:
    """Write what a gateway's settlement moved between the operator's own accounts (from, to, above zero); no order has
    a part in it.

    It counts in the period it happened in, or the first open one; `counts_at` says a later one.
    """
    posting = Posting(cause=cause, occurred_at=occurred_at, posted_at=now)
    of_account = {
        "account": account.pk,
        "order": None,
        "payment": None,
        "partner": None,
        "is_live": account.environment == Environment.LIVE,
    }
    moved = [(Transfer(source, target, money.minor), money.currency) for source, target, money in transfers]
    _write(posting, moved, of_account, counts_at=counts_at)
    return posting


def _write(
    posting: Posting,
    moved: Sequence[tuple[Transfer, str]],
    shared: Mapping[str, object],
    *,
    counts_at: datetime | None = None,
) -> None:
    """Write a posting and its entries, each with its currency; `shared` is what all of these are about."""
    transfers = [transfer for transfer, _ in moved]
    values: dict[str, Any] = {
        "posting": posting.pk,
        "event": posting.event_id,
        "cause": posting.cause,
        "occurred_at": posting.occurred_at,
        "posted_at": posting.posted_at,
        "counts_at": counts_at,
        "from_accounts": [str(each.from_account) for each in transfers],
        "to_accounts": [str(each.to_account) for each in transfers],
        "amounts": [each.amount_minor for each in transfers],
        "currencies": [currency for _, currency in moved],
        "transactions": [each.transaction.pk if each.transaction else None for each in transfers],
        "gifts": [each.gift.pk if each.gift else None for each in transfers],
        "customers": [each.customer.pk if each.customer else None for each in transfers],
        **shared,
    }
    with connection.cursor() as cursor:
        cursor.execute(_POST, values)
