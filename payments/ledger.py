"""Write the books. This module only posts; reading is for selectors. Only the door, tenders and reconciliation call
it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bookings.models import Customer, Gift, Order
from gateways.models import Environment, GatewayAccount
from money import Money
from payments.models import GatewayEvent, LedgerAccount, LedgerEntry, Payment, Posting, Transaction


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
    posting = Posting.objects.create(event=event, cause=cause, occurred_at=occurred_at, posted_at=now)
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            posting=posting,
            from_account=transfer.from_account,
            to_account=transfer.to_account,
            amount_minor=transfer.amount_minor,
            currency=order.currency,
            gateway_account_id=payment.account_id if payment else None,
            order=order,
            payment=payment,
            transaction=transfer.transaction,
            gift=transfer.gift,
            customer=transfer.customer,
            partner_id=order.partner_id,
            is_live=order.is_live,
        )
        for transfer in transfers
    )
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
    posting = Posting.objects.create(cause=cause, occurred_at=occurred_at, posted_at=now, counts_at=counts_at)
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            posting=posting,
            from_account=from_account,
            to_account=to_account,
            amount_minor=money.minor,
            currency=money.currency,
            gateway_account=account,
            is_live=account.environment == Environment.LIVE,
        )
        for from_account, to_account, money in transfers
    )
    return posting
