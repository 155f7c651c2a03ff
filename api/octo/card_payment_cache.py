"""Keep what GET /card_payments answers for up to an hour, while nothing changed; encrypted, for a session is in it.

The cache is a convenience. Where it does not answer, the answer is made anew.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.core.cache import cache
from django.utils.translation import get_language
from redis.exceptions import RedisError

from bookings.encryption import fingerprint
from payments.encryption import decrypt_json, encrypt_json
from payments.models import OpeningStatus, Payment
from payments.selectors import current_payment
from payments.services.cards import usable_cards
from payments.services.surcharging import rules_for

log = structlog.get_logger(__name__)
# An answer is dropped this long before the session in it ends: a guest needs time to find a card.
LEAST_SESSION = timedelta(seconds=120)


def cached_answer(
    payment: Payment, build: Callable[[], dict[str, object] | None], *, now: datetime
) -> dict[str, object] | None:
    """Return what `build` returned before for the payment as it stands now, or build it; None is never kept.

    A payment that another one took the place of is answered with that one.
    """
    key, _ = _key_and_seconds(_shown(payment), now)
    found = _get(key)
    if found is not None:
        return found
    answer = build()
    if answer is not None:
        payment.refresh_from_db(fields=["state", "updated_at", "superseded_at", "order"])
        key, seconds = _key_and_seconds(_shown(payment), now)
        _set(key, answer, seconds)
    return answer


def _shown(payment: Payment) -> Payment:
    """Return the payment that the answer shows: the order's present one."""
    if payment.superseded_at is None:
        return payment
    present = current_payment(payment.order)
    if present is None:
        return payment
    present.order = payment.order
    return present


def _key_and_seconds(payment: Payment, now: datetime) -> tuple[str, int]:
    """Return a key that changes with whatever the answer shows, and for how long the answer may be kept."""
    opening = payment.openings.order_by("-created_at").values_list("reference", "status", "expires_at").first()
    parts = [
        payment.reference,
        payment.updated_at,
        payment.state,
        payment.order.version,
        payment.order.status,
        get_language(),  # the text of a consent is in it
        *(opening or ()),
        # A rule that is changed is told with the next read.
        *sorted(map(repr, rules_for(payment.order, payment.account))),
        # A card that is revoked, or that expires, disappears at once.
        *_card_ids(payment, now),
    ]
    longest: int = settings.API["CARD_PAYMENT_CACHE_SECONDS"]
    if opening is not None and opening[1] == OpeningStatus.OPEN:
        longest = min(longest, int((opening[2] - LEAST_SESSION - now).total_seconds()))
    return f"octo-card-payment:{fingerprint('|'.join(map(str, parts)))}", longest


def _card_ids(payment: Payment, now: datetime) -> list[UUID]:
    if not payment.account.stores_cards:
        return []
    return [card.pk for card in usable_cards(order=payment.order, account=payment.account, now=now)]


def _get(key: str) -> dict[str, object] | None:
    try:
        kept = cache.get(key)
    except (RedisError, OSError) as error:
        log.warning("card_payment_cache_failed", error=type(error).__name__)
        return None
    return decrypt_json(kept) if kept is not None else None


def _set(key: str, answer: dict[str, object], seconds: int) -> None:
    if seconds <= 0:
        return
    try:
        cache.set(key, encrypt_json(answer), seconds)
    except (RedisError, OSError) as error:
        log.warning("card_payment_cache_failed", error=type(error).__name__)
