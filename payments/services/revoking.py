"""Delete revoked cards at their gateways: claim -> call -> record, until the gateway no longer has them."""

from datetime import timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import F

from gateways.errors import GatewayError, Unsupported
from gateways.protocol import RevokeCardRequest
from gateways.registry import gateway_for
from payments.metrics import gateway_call
from payments.models import CardRevocation, CaseKind, Payment
from payments.models.claims import claim_row, unclaimed
from payments.services.cards import card_token
from payments.services.cases import close_case, open_case
from payments.services.draining import drain
from payments.services.operations import Clock

log = structlog.get_logger(__name__)


def send_revocations(*, clock: Clock, limit: int = 50) -> int:
    """Send every deletion whose time has come; return how many were tried."""
    now = clock()
    waiting = CardRevocation.objects.filter(done_at__isnull=True, next_attempt_at__lte=now).filter(unclaimed(now))
    ids = list(waiting.order_by("next_attempt_at").values_list("pk", flat=True)[:limit])
    return drain(ids, lambda pk: send_revocation(revocation_id=pk, clock=clock), what="card revocation", clock=clock)


def send_revocation(*, revocation_id: UUID, clock: Clock) -> bool:
    """Delete one revoked card at its gateway, or note that it stays there; say whether it was ours to try now.

    A failure of any kind is tried again on a schedule, for deleting twice is harmless; after the last it is a case.
    """
    revocation = _claim(revocation_id, clock)
    if revocation is None:
        return False
    card = revocation.card
    try:
        with gateway_call(gateway=card.account.gateway, operation="revoke_card"):
            gateway_for(card.account).revoke_card(
                RevokeCardRequest(card_token=card_token(card), shopper_reference=card.shopper_reference)
            )
    except Unsupported:
        _done(revocation, clock, stays_there=True)
    except GatewayError as error:
        _postpone(revocation, error, clock)
    else:
        _done(revocation, clock)
    return True


def _claim(revocation_id: UUID, clock: Clock) -> CardRevocation | None:
    now = clock()
    row = CardRevocation.objects.filter(pk=revocation_id, done_at__isnull=True, next_attempt_at__isnull=False)
    if not claim_row(row, now, attempts=F("attempts") + 1):
        return None
    return CardRevocation.objects.select_related("card__account").get(pk=revocation_id)


def _done(revocation: CardRevocation, clock: Clock, *, stays_there: bool = False) -> None:
    now = clock()
    CardRevocation.objects.filter(pk=revocation.pk, done_at__isnull=True).update(
        done_at=now, next_attempt_at=None, claimed_until=None, last_error="", stays_there=stays_there
    )
    close_case(payment=_payment_of(revocation), kind=CaseKind.CARD_NOT_DELETED, closed_by="system", now=now)


def _postpone(revocation: CardRevocation, error: GatewayError, clock: Clock) -> None:
    now = clock()
    log.warning("card_not_deleted", card=str(revocation.card_id), error=type(error).__name__)
    schedule: list[int] = settings.PAYMENTS["CARD_DELETION_SCHEDULE_SECONDS"]
    is_last = revocation.attempts > len(schedule)
    mine = CardRevocation.objects.filter(
        pk=revocation.pk, claim_number=revocation.claim_number, done_at__isnull=True
    ).update(
        claimed_until=None,
        next_attempt_at=None if is_last else now + timedelta(seconds=schedule[revocation.attempts - 1]),
        last_error=str(error)[:300],
    )
    if mine and is_last:
        open_case(
            payment=_payment_of(revocation),
            kind=CaseKind.CARD_NOT_DELETED,
            detail=f"{revocation.card} was revoked here and is still stored at {revocation.card.account}: {error}",
            now=now,
        )


def _payment_of(revocation: CardRevocation) -> Payment:
    """Return the payment the card was first kept with: where staff find what became of it."""
    return Payment.objects.filter(order_id=revocation.card.order_id).order_by("created_at")[0]
