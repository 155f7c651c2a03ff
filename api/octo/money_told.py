"""Say with a refusal what became of the money: what a partner's developer must know before anything is tried again."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError

from api.idempotency import key_made_at
from api.octo.errors import PAYMENT_PENDING
from api.octo.presenters.values import utc_time
from bookings.models import Order, Partner
from money import exponent_of
from payments.selectors import is_reported_paid, order_money

log = structlog.get_logger(__name__)


def money_told(
    answer: dict[str, Any],
    *,
    status: int,
    order_id: UUID | None,
    partner: Partner,
    is_live: bool,
    key: str | None,
    now: datetime,
) -> dict[str, object]:
    """Return OCTO's additive `money` block for an error's body.

    It is read from the books, so that it is true however the request ended: rows are written before a gateway is
    called, and where there is none nothing was taken.
    """
    retry_after = answer.get("retryAfter")
    block = _standing(order_id)
    is_undecided = answer["error"] == PAYMENT_PENDING or (status >= 500 and order_id is None)
    if is_undecided or block is None:
        block = {**(block or _NOTHING), "moved": "unknown"}
    return block | {
        "retrySafeUntil": utc_time(_until(partner, is_live, key, now)),
        "askAgainAt": utc_time(now + timedelta(seconds=retry_after)) if isinstance(retry_after, int) else None,
    }


_NOTHING: dict[str, object] = {"moved": "no", "amount": 0, "currency": None, "currencyPrecision": None}


def _standing(order_id: UUID | None) -> dict[str, object] | None:
    """Return what the books say of an order; None when they cannot be read now."""
    if order_id is None:
        return _NOTHING
    try:
        order = Order.objects.get(pk=order_id)
        money = order_money(order)
        is_undecided = money.asked_minor > 0 or is_reported_paid(order_id)
    except DatabaseError as error:
        log.warning("money_not_told", error=type(error).__name__)
        return None
    surcharge = money.paid_surcharge_minor - money.refunded_surcharge_minor
    donation = money.paid_donation_minor - money.refunded_donation_minor
    there = money.money_in_minor + money.held_minor + surcharge + donation
    moved = "unknown" if is_undecided else "yes" if there > 0 else "no"
    return {
        "moved": moved,
        "amount": there,
        "currency": order.currency,
        "currencyPrecision": exponent_of(order.currency),
    }


def _until(partner: Partner, is_live: bool, key: str | None, now: datetime) -> datetime | None:
    """Return until when the request may be repeated under its key; a refusal has freed it, and it begins anew."""
    if key is None:
        return None
    made_at = key_made_at(partner_id=partner.pk, is_live=is_live, key=key) or now
    return made_at + timedelta(days=settings.API["KEEP_IDEMPOTENCY_KEYS_DAYS"])
