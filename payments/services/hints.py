"""Believe nothing that proves nothing: of an unsigned delivery only what its gateway says when asked.

Anyone may send such a delivery, so what it can make us do is bounded: it must name something of ours, and one thing is
asked about once in SAME_HINT_SECONDS.
"""

from dataclasses import replace

import structlog
from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

from gateways.errors import ErrorCode
from gateways.models import GatewayAccount
from gateways.protocol import Outcome, OutcomeKind
from gateways.registry import gateway_for
from payments.metrics import gateway_call
from payments.selectors import subject_of

log = structlog.get_logger(__name__)
MINUTE = 60


class AskedAMomentAgo(Exception):
    """Say that a gateway was asked about the same thing a moment ago; the delivery waits for its turn."""


def may_store(account: GatewayAccount) -> bool:
    """Say whether an account has room for one more unproved delivery this minute."""
    key = f"hints:{account.slug}"
    try:
        cache.add(key, 0, MINUTE)
        return bool(cache.incr(key) <= settings.PAYMENTS["HINTS_PER_MINUTE"])
    except ValueError:
        return True  # the minute ended between the two
    except RedisError as error:
        log.warning("hints_not_counted", error=type(error).__name__)
        return True


def what_is_true(*, account: GatewayAccount, hint: Outcome) -> tuple[Outcome, ...]:
    """Return what the gateway itself says of the thing that a hint speaks of; nothing where it cannot be asked.

    :raises UnknownSubject: it speaks of nothing of ours; the gateway is not asked.
    :raises AskedAMomentAgo: it was asked within the last SAME_HINT_SECONDS.
    :raises GatewayError: the gateway did not answer.
    """
    gateway = gateway_for(account)
    subject = subject_of(account=account, outcome=hint)
    if hint.kind is OutcomeKind.NOTE:
        return ()  # nobody can be asked whether it is true, and a payment's history is no place for rumors
    # By the row of ours it was found to be about: a sender who knows one of its names can make up the others. What was
    # opened anew after a refusal is another one, and does not wait for the minute of the first.
    about = subject.opening or subject.transaction or subject.payment
    if not _take_turn(f"asked:{account.slug}:{about.pk}"):
        raise AskedAMomentAgo
    with gateway_call(gateway=gateway.slug, operation="fetch"):
        found = gateway.fetch(hint.reference)
    return tuple(_with_reason(outcome, hint) for outcome in found)


def _with_reason(outcome: Outcome, hint: Outcome) -> Outcome:
    """Let a hint say why a bank refused where the gateway says only that it did: a reason moves no money."""
    is_same = outcome.kind is OutcomeKind.DECLINED is hint.kind and outcome.reference.gateway == hint.reference.gateway
    is_bare = outcome.decline is not None and outcome.decline.code is ErrorCode.UNDEFINED_CARD_ERROR
    if not is_same or not is_bare or hint.decline is None:
        return outcome
    # A reason is for people: what nobody proved takes no card away.
    return replace(outcome, decline=replace(hint.decline, is_card_gone=False))


def _take_turn(key: str) -> bool:
    try:
        return cache.add(key, True, settings.PAYMENTS["SAME_HINT_SECONDS"])
    except RedisError as error:
        log.warning("hints_not_counted", error=type(error).__name__)
        return True
