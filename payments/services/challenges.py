"""What a guest must do at the bank before a charge by card details is decided: kept, shown again, over in the end."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from gateways.errors import ErrorCode
from gateways.protocol import Action, Decline, Outcome, OutcomeKind, Reference
from payments.encryption import decrypt_json, encrypt_json
from payments.models import Challenge, EventSource, Origin, Payment, Transaction
from payments.models.claims import claim_row
from payments.selectors import Subject
from payments.services.actions import ACTION
from payments.services.transitions import apply_outcome
from payments.states import Status


def keep_challenge(*, charge: Transaction, action: Action | None, now: datetime) -> None:
    """Keep where a guest is sent to prove who they are, so that whoever asks again is told the same.

    The charge is looked at again when the time for it is over.
    """
    expires_at = now + timedelta(seconds=settings.PAYMENTS["CHALLENGE_SECONDS"])
    kept = None
    if action is not None:
        kept = encrypt_json({**asdict(action), "fields": dict(action.fields)})
    Challenge.objects.update_or_create(
        transaction=charge, defaults={"action_encrypted": kept, "asked_at": now, "expires_at": expires_at}
    )
    Transaction.objects.filter(pk=charge.pk, status=Status.PENDING).update(next_check_at=expires_at)


def action_for(charge: Transaction, *, now: datetime) -> Action | None:
    """Return what the guest must do before a charge is decided; None when it waits for nothing the guest can do."""
    challenge = Challenge.objects.filter(transaction=charge, expires_at__gt=now).first()
    if charge.status != Status.PENDING or challenge is None or challenge.action_encrypted is None:
        return None
    return Action(**decrypt_json(bytes(challenge.action_encrypted)))


def described_action(payment: Payment, *, now: datetime) -> dict[str, Any]:
    """Return what a partner's page is given while a charge of a payment waits for its guest; empty when none does."""
    charges = payment.transactions.filter(status=Status.PENDING, challenge__isnull=False)
    found = (action_for(charge, now=now) for charge in charges)
    return next(({ACTION: asdict(action)} for action in found if action is not None), {})


def charge_to_prove(order_id: UUID) -> Transaction | None:
    """Return the undecided charge of an order that a guest was sent to the bank for; there is at most one."""
    return Transaction.objects.filter(order=order_id, status=Status.PENDING, challenge__isnull=False).first()


def waits_for_guest(charge: Transaction) -> bool:
    """Say whether a charge is undecided because nobody came back from the bank, and not because an answer was lost.

    One that is claimed has its proof under way; where the claim ran out, nobody lived to record what it brought.
    """
    challenge = getattr(charge, "challenge", None)
    is_open = charge.status == Status.PENDING and charge.unknown_since_at is None and charge.claimed_until is None
    return is_open and challenge is not None and challenge.action_encrypted is not None


def claim_challenged(*, transaction_id: UUID, now: datetime) -> Transaction | None:
    """Take a charge that a guest was sent to the bank for; None when somebody has it, or it waits for no guest."""
    if not Challenge.objects.filter(transaction=transaction_id).exists():
        return None
    row = Transaction.objects.filter(pk=transaction_id, origin=Origin.OURS, status=Status.PENDING)
    if not claim_row(row, now):
        return None
    return Transaction.objects.select_related("payment__order", "account", "opening", "challenge").get(
        pk=transaction_id
    )


def release_challenged(charge: Transaction) -> None:
    """Let go of a charge about which nothing was learned."""
    Transaction.objects.filter(pk=charge.pk, claim_number=charge.claim_number).update(claimed_until=None)


def forget_action(charge: Transaction) -> None:
    """Send nobody to the bank again for a charge whose proof has been brought."""
    Challenge.objects.filter(transaction=charge).update(action_encrypted=None)


def end_challenge_when_over(*, charge: Transaction, now: datetime) -> None:
    """Record that a guest never came back from the bank, once the time for it is over.

    No money has moved: nobody asked the gateway to go on. Should it have done so all the same, its word counts more.
    """
    if charge.challenge.expires_at > now or not waits_for_guest(charge):
        return
    claimed = claim_challenged(transaction_id=charge.pk, now=now)
    if claimed is None:
        return
    # Between the look and the claim its proof may have been brought, by a call that is over by now.
    if claimed.claim_number == charge.claim_number + 1:
        outcome = Outcome(
            kind=OutcomeKind.EXPIRED,
            reference=Reference(ours=claimed.reference),
            event_key=f"{claimed.reference}:abandoned",
            occurred_at=claimed.challenge.expires_at,
            decline=Decline(code=ErrorCode.TRANSACTION_DECLINED, raw_text="the guest never came back from the bank"),
        )
        apply_outcome(
            account=claimed.account,
            outcome=outcome,
            source=EventSource.POLL,
            now=now,
            subject=Subject(claimed.payment, None, claimed),
        )
    release_challenged(claimed)


def forget_ended_challenges() -> None:
    """Erase where guests were sent for charges that are decided by now, whoever told."""
    Challenge.objects.filter(action_encrypted__isnull=False).exclude(transaction__status=Status.PENDING).update(
        action_encrypted=None
    )
