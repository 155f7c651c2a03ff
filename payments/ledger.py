"""Write the books. This module only posts; reading is for selectors. Only the door, tenders and reconciliation call
it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from payments.models import GatewayEvent, LedgerAccount, LedgerEntry, Payment, Posting, Transaction


@dataclass(frozen=True, slots=True)
class Transfer:
    """Move an amount, in minor units and above zero, from one account to another for one transaction."""

    from_account: LedgerAccount
    to_account: LedgerAccount
    amount_minor: int
    transaction: Transaction | None


def post(
    *,
    payment: Payment,
    transfers: Iterable[Transfer],
    cause: str,
    event: GatewayEvent | None,
    occurred_at: datetime,
    now: datetime,
) -> None:
    """Write the transfers of one cause, in the payment's currency, under one posting."""
    posting = Posting.objects.create(event=event, cause=cause, occurred_at=occurred_at, posted_at=now)
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            posting=posting,
            from_account=transfer.from_account,
            to_account=transfer.to_account,
            amount_minor=transfer.amount_minor,
            currency=payment.currency,
            gateway_account_id=payment.account_id,
            order_id=payment.order_id,
            payment=payment,
            transaction=transfer.transaction,
            partner_id=payment.partner_id,
            is_live=payment.is_live,
        )
        for transfer in transfers
    )
