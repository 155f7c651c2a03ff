"""What a refund would come to, found out by writing it and taking it back: so the two can never differ."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db import transaction as database

from bookings.gift_codes import masked_code
from bookings.models import Gift, Order
from gateways.registry import gateway_class
from money import Money
from payments.models import Transaction
from payments.selectors import order_money
from payments.services.order_refunds import Returned
from payments.services.tenders import Tender
from payments.splitting import Parts
from payments.states import OperationKind

_Done = TypeVar("_Done")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Be what one tender gets back, or is released of: in its parts, in minor units of the refund's currency.

    `within_days` is when it is there at the latest, in business days: 0 at once, None where nobody promises anything.
    """

    to: str
    parts: Parts
    is_release: bool = False
    within_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPreview:
    """Be what the guest gets, in the order in which it is given back, what of it leaves us, and what is released.

    `due_again` is what the guest is to be asked for afterwards and was not before: the price stays as it is.
    """

    currency: str
    shares: tuple[Share, ...]
    total: Money
    surcharge: Money
    leaves: Money
    released: Money
    due_again: Money


def preview_of_refund(order: Order, write: Callable[[], Returned]) -> RefundPreview:
    """Return what a refund of an order that is written so would give to whom; nothing stays written."""
    due_minor = order_money(order).due_minor
    return rehearsed(lambda: _preview_of(write(), due_minor))


def rehearsed(act: Callable[[], _Done]) -> _Done:
    """Return what an act would do to the database, and undo it: the rows it returns are not there."""
    with database.atomic():
        done = act()
        database.set_rollback(True)
    return done


def _preview_of(returned: Returned, due_before_minor: int) -> RefundPreview:
    due_minor = order_money(returned.order).due_minor
    currency = returned.order.currency
    refunds = [row for row in returned.operations if row.kind == OperationKind.REFUND]
    gifts = Gift.objects.in_bulk([tender.gift_id for tender in returned.tenders if tender.gift_id is not None])
    shares = [(_taken_at(row), _operation_share(row)) for row in returned.operations]
    shares += [(tender.paid_at, _tender_share(tender, gifts)) for tender in returned.tenders]
    shares.sort(key=lambda share: share[0], reverse=True)
    shares.sort(key=lambda share: not share[1].is_release)
    return RefundPreview(
        currency=currency,
        shares=tuple(share for _, share in shares),
        total=Money(returned.total_minor, currency),
        surcharge=Money(sum(row.surcharge_minor for row in refunds), currency),
        leaves=Money(sum(row.amount_minor for row in refunds), currency),
        released=Money(returned.released_minor, currency),
        due_again=Money(max(0, due_minor - due_before_minor), currency),
    )


def returned_by(order: Order, operations: list[Transaction]) -> Returned:
    """Return the refunds of one payment as what its order gives back."""
    return Returned(order=order, operations=tuple(operations), tenders=())


def _taken_at(row: Transaction) -> datetime:
    assert row.parent is not None
    return row.parent.requested_at


def _operation_share(row: Transaction) -> Share:
    parent = row.parent
    assert parent is not None
    root = parent.parent or parent
    return Share(
        to=f"{root.card_text or 'what was paid with'}, by {row.account.name}",
        parts=row.parts,
        is_release=row.kind == OperationKind.VOID,
        within_days=gateway_class(row.account.gateway).slowest_refund_days,
    )


def _tender_share(tender: Tender, gifts: Mapping[UUID, Gift]) -> Share:
    to = "the guest's credit" if tender.gift_id is None else f"gift {masked_code(gifts[tender.gift_id])}"
    return Share(to=to, parts=Parts(tender.amount_minor, 0), within_days=0)
