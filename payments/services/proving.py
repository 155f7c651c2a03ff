"""Bring a gateway the proof that a guest has from the bank: claim, call, record, as whatever reaches a gateway."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import structlog

from gateways.errors import AnswerLost, GatewayError, KeyRefused, NotSent
from gateways.protocol import CompleteRequest, Outcome, OutcomeKind
from gateways.registry import gateway_for
from money import Money
from payments.errors import GatewayUnavailable, InvalidEvidence, UnknownSubject
from payments.metrics import gateway_call
from payments.models import EventSource, Transaction
from payments.services.challenges import claim_challenged, forget_action, release_challenged
from payments.services.explaining import pending
from payments.services.operations import Clock, mark_unknown, record_answer
from payments.services.outages import note_not_sent
from payments.services.transitions import Then, apply_outcome
from payments.states import Status

log = structlog.get_logger(__name__)


def bring_proof(
    *, transaction_id: UUID, proof: Mapping[str, str], clock: Clock, then: Then | None = None
) -> Transaction:
    """Take in what the gateway says of a charge whose guest has been at the bank, and return the charge as it stands.

    What is decided is returned as it is. A lost answer leaves it unknown; the same proof may be brought again, under
    the same key. `then` is as for `perform_claimed`.

    :raises InvalidEvidence: the gateway knows no such proof of this charge, which goes on waiting for its guest.
    :raises GatewayUnavailable: the gateway was not reached, or did not let us in; the same proof may be brought again.
    :raises PaymentPending: the charge waits for no guest, or another call with its proof is under way.
    """
    charge = claim_challenged(transaction_id=transaction_id, now=clock())
    if charge is None:
        return _decided(transaction_id)
    reference = charge.payment.reference
    try:
        with gateway_call(gateway=charge.account.gateway, operation="complete"):
            (outcome,) = gateway_for(charge.account).complete(
                CompleteRequest(
                    reference=charge.reference,
                    money=Money(charge.amount_minor, charge.currency),
                    proof=proof,
                    idempotency_key=_key_of(charge, proof),
                    requested_at=clock(),
                )
            )
    except (NotSent, KeyRefused) as error:
        release_challenged(charge)
        if isinstance(error, NotSent):
            note_not_sent(account=charge.account, now=clock())
        raise GatewayUnavailable("The gateway was not reached; repeat it.", payment_reference=reference) from None
    except AnswerLost as error:
        forget_action(charge)
        mark_unknown(charge, str(error), clock())
    except GatewayError:
        release_challenged(charge)
        raise InvalidEvidence("The proof is not one of this payment's.", payment_reference=reference) from None
    else:
        if outcome.reference.ours != charge.reference:
            release_challenged(charge)
            _take_in_of_another(charge, outcome, clock())
            raise InvalidEvidence("The proof is one of another payment.", payment_reference=reference)
        forget_action(charge)
        return record_answer(operation=charge, outcome=outcome, now=clock(), is_guest_there=True, then=then)
    return _fresh(transaction_id)


def _take_in_of_another(charge: Transaction, outcome: Outcome, now: datetime) -> None:
    """Take in what a proof came to that was brought to the wrong charge: it is used up, and no one can bring it again.

    Its own charge would be over with the guest's time, while its money is taken.
    """
    if outcome.kind is OutcomeKind.ACTION_REQUIRED:
        return
    try:
        apply_outcome(account=charge.account, outcome=outcome, source=EventSource.ANSWER, now=now)
    except UnknownSubject:
        log.warning("proof_of_an_unknown_payment", transaction=charge.reference)


def _decided(transaction_id: UUID) -> Transaction:
    charge = _fresh(transaction_id)
    if charge.status == Status.PENDING:
        raise pending(charge.payment.reference)
    return charge


def _fresh(transaction_id: UUID) -> Transaction:
    return Transaction.objects.select_related("payment", "opening").get(pk=transaction_id)


def _key_of(charge: Transaction, proof: Mapping[str, str]) -> str:
    """Return the key under which this very proof may be brought as often as it takes."""
    digest = hashlib.sha256(json.dumps(sorted(proof.items())).encode()).hexdigest()
    return f"{charge.reference}-{digest[:20]}"
