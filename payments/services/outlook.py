"""Say what can still be found out about what nobody knows: by whom, until when, and what a person may safely do."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gateways.protocol import Capability
from gateways.registry import gateway_class
from payments.models import Opening, Origin, Transaction
from payments.services.challenges import waits_for_guest


class SafeStep(StrEnum):
    """Name the one thing a person may safely do about an undecided outcome.

    ASK: have the gateway asked again, which repeats nothing that could act twice. LOOK_UP: see in the gateway's own
    back office whether it was done. RESEND: have the gateway send its webhook again. WAIT: somebody has it in hand.
    """

    ASK = "ASK"
    LOOK_UP = "LOOK_UP"
    RESEND = "RESEND"
    WAIT = "WAIT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Be what can still be found out: `key_safe_until` is until when the identical call cannot act twice, None where
    it must not be repeated; at `next_check_at` it is asked about by itself.
    """

    key_safe_until: datetime | None
    next_check_at: datetime | None
    step: SafeStep


def outlook_of_operation(operation: Transaction, *, now: datetime) -> Outlook:
    """Return what can be found out about an undecided operation; its account and challenge are read with it."""
    gateway = gateway_class(operation.account.gateway)
    is_known_there = operation.origin == Origin.GATEWAY or operation.gateway_reference is not None
    # What only its caller knew, a card's details or a token, nobody can send again.
    is_repeatable = not is_known_there and (operation.parent_id is not None or operation.card_id is not None)
    window, sent_at = gateway.idempotency_window_seconds, operation.first_sent_at
    safe_until = sent_at + timedelta(seconds=window) if is_repeatable and sent_at and window else None
    is_in_hand = operation.claimed_until is not None and operation.claimed_until > now
    can_be_sent = is_repeatable and (sent_at is None or (safe_until is not None and now < safe_until))
    if is_in_hand or waits_for_guest(operation):
        step = SafeStep.WAIT
    elif Capability.FETCH in gateway.capabilities or can_be_sent:
        step = SafeStep.ASK
    else:
        step = SafeStep.RESEND if is_known_there else SafeStep.LOOK_UP
    return Outlook(key_safe_until=safe_until, next_check_at=operation.next_check_at, step=step)


def outlook_of_opening(opening: Opening) -> Outlook:
    """Return what can be found out about an Opening of which only the partner says that it was paid."""
    return Outlook(
        key_safe_until=None,
        next_check_at=opening.next_check_at,
        step=SafeStep.RESEND if opening.next_check_at is None else SafeStep.WAIT,
    )
