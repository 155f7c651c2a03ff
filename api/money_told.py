"""Say with a refusal what became of the money: what a partner's developer must know before anything is tried again.

Each dialect shows it in its own words.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError

from api.idempotency import key_made_at
from bookings.models import Order, Partner
from money import Money
from payments.selectors import is_reported_paid, order_money

log = structlog.get_logger(__name__)


class Moved(StrEnum):
    """Say whether money of an order moved, as far as we know."""

    NO = "no"
    YES = "yes"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyTold:
    """Be what became of an order's money: `amount` is what is there now, None where there is no order to look at.

    Until `retry_safe_until` the same request under the same `Idempotency-Key` does its work once; at `ask_again_at`
    more may be known.
    """

    moved: Moved
    amount: Money | None
    retry_safe_until: datetime | None
    ask_again_at: datetime | None


def money_told(
    *,
    order_id: UUID | None,
    is_undecided: bool,
    retry_after_seconds: int | None,
    partner: Partner,
    is_live: bool,
    key: str | None,
    now: datetime,
) -> MoneyTold:
    """Return what a refusal must say of the money of the order it is about, if it is about one.

    It is read from the books, so that it is true however the request ended: rows are written before a gateway is
    called, and where there is none nothing was taken. `is_undecided` says that the refusal itself leaves it open.
    """
    moved, amount = _standing(order_id)
    return MoneyTold(
        moved=Moved.UNKNOWN if is_undecided else moved,
        amount=amount,
        retry_safe_until=_until(partner, is_live, key, now),
        ask_again_at=now + timedelta(seconds=retry_after_seconds) if retry_after_seconds is not None else None,
    )


def _standing(order_id: UUID | None) -> tuple[Moved, Money | None]:
    """Return what the books say of an order; unknown when they cannot be read now."""
    if order_id is None:
        return Moved.NO, None
    try:
        order = Order.objects.get(pk=order_id)
        money = order_money(order)
        is_undecided = money.asked_minor > 0 or is_reported_paid(order_id)
    except DatabaseError as error:
        log.warning("money_not_told", error=type(error).__name__)
        return Moved.UNKNOWN, None
    surcharge = money.paid_surcharge_minor - money.refunded_surcharge_minor
    donation = money.paid_donation_minor - money.refunded_donation_minor
    there = money.money_in_minor + money.held_minor + surcharge + donation
    moved = Moved.YES if there > 0 else Moved.NO
    return Moved.UNKNOWN if is_undecided else moved, Money(there, order.currency)


def _until(partner: Partner, is_live: bool, key: str | None, now: datetime) -> datetime | None:
    """Return until when the request may be repeated under its key; a refusal has freed it, and it begins anew."""
    if key is None:
        return None
    made_at = key_made_at(partner_id=partner.pk, is_live=is_live, key=key) or now
    return made_at + timedelta(days=settings.API["KEEP_IDEMPOTENCY_KEYS_DAYS"])
