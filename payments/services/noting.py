"""Keep what a gateway's news says beside the money: cards, disputes, and what does not fit what we asked.

Called by the door alone, under its locks, which also writes what is noted of an operation; nothing here changes what a
payment is.
"""

from datetime import datetime

from gateways.protocol import DisputeNews, Outcome
from gateways.protocol import OutcomeKind as Kind
from money import Money
from payments.models import CaseKind, Dispute, GatewayEvent, Opening, Payment, Transaction
from payments.services.cards import keep_card, revoke_by_token, revoke_card
from payments.services.cases import open_case
from payments.states import OperationKind

_CASE_OF: dict[Kind, CaseKind] = {
    Kind.CAPTURE_FAILED: CaseKind.CAPTURE_FAILED,
    Kind.REFUND_FAILED: CaseKind.REFUND_FAILED,
    Kind.REFUND_REVERSED: CaseKind.REFUND_FAILED,
    Kind.DISPUTE_OPENED: CaseKind.CHARGEBACK,
    Kind.CHARGEBACK: CaseKind.CHARGEBACK,
}


def compare_figures(payment: Payment, stored: GatewayEvent, outcome: Outcome, now: datetime) -> None:
    """Show staff when the same fact is told again with another figure; the first word stays in the books."""
    if outcome.money is None or stored.amount_minor is None:
        return
    if (outcome.money.minor, outcome.money.currency) != (stored.amount_minor, stored.currency):
        told = Money(stored.amount_minor, stored.currency)
        open_case(
            payment=payment,
            kind=CaseKind.FIGURES_CONFLICT,
            detail=f"{stored.kind} {stored.event_key}: told {told} first, then {outcome.money}",
            now=now,
        )


def note_news(
    payment: Payment,
    transaction: Transaction | None,
    opening: Opening | None,
    event: GatewayEvent,
    outcome: Outcome,
    now: datetime,
) -> None:
    """Keep what the news says beside the money: the card, a dispute's stage, and what does not fit what we asked."""
    if transaction is not None and outcome.card is not None and (outcome.card.last4 or outcome.card.brand):
        card = outcome.card
        transaction.card_brand = card.brand[:40]
        transaction.card_last4 = card.last4
        if card.expiry_year and card.expiry_month:
            transaction.card_expiry = f"{card.expiry_year:04d}-{card.expiry_month:02d}"
    if (
        outcome.card is not None
        and outcome.card.token
        and outcome.kind in (Kind.AUTHORIZED, Kind.CAPTURED, Kind.CARD_STORED)
    ):
        keep_card(payment=payment, card=outcome.card, opening=opening, now=outcome.occurred_at)
    if outcome.card is not None and outcome.card.token and outcome.kind is Kind.CARD_REVOKED:
        revoke_by_token(account=payment.account, token=outcome.card.token, now=now)
    is_card_gone = outcome.decline is not None and outcome.decline.is_card_gone
    if is_card_gone and transaction is not None and transaction.card is not None:
        revoke_card(card=transaction.card, requested_by="gateway", now=now)
    if outcome.dispute is not None:
        _note_dispute(payment, transaction, outcome, outcome.dispute, now)
    if outcome.problem:
        open_case(payment=payment, kind=CaseKind.FIGURES_CONFLICT, detail=_words_for_staff(outcome), now=now)
    elif event.problem:
        open_case(
            payment=payment,
            kind=CaseKind.CURRENCY_DIFFERS,
            detail=f"{outcome.kind} of {outcome.money} on a payment in {payment.currency}",
            now=now,
        )
    elif opening is not None and outcome.money is not None and _is_about_the_whole(outcome, transaction):
        asked = Money(opening.amount_minor, opening.currency)
        if outcome.money != asked:
            detail = f"asked {asked}, was told {outcome.money}"
            open_case(payment=payment, kind=CaseKind.AMOUNT_DIFFERS, detail=detail, now=now)
    if outcome.kind in _CASE_OF:
        open_case(payment=payment, kind=_CASE_OF[outcome.kind], detail=_words_for_staff(outcome), now=now)


def _words_for_staff(outcome: Outcome) -> str:
    """Say what happened: to what, how much, why, and until when somebody may object."""
    dispute, decline = outcome.dispute, outcome.decline
    reason = (dispute.reason if dispute is not None else "") or (decline.raw_text if decline is not None else "")
    due_at = dispute.evidence_due_at if dispute is not None else None
    words = [
        " ".join(filter(None, (outcome.kind, outcome.reference.gateway))),
        outcome.problem,
        str(outcome.money or ""),
        reason,
        f"evidence is due by {due_at:%Y-%m-%d %H:%M} UTC" if due_at is not None else "",
    ]
    return "; ".join(filter(None, words))


def _is_about_the_whole(outcome: Outcome, transaction: Transaction | None) -> bool:
    """Say whether the news tells what a guest paid in an Opening: held, or taken at once."""
    is_sale = transaction is not None and transaction.kind == OperationKind.SALE
    return outcome.kind is Kind.AUTHORIZED or (outcome.kind is Kind.CAPTURED and is_sale)


def _note_dispute(
    payment: Payment, transaction: Transaction | None, outcome: Outcome, news: DisputeNews, now: datetime
) -> None:
    dispute, was_opened = Dispute.objects.get_or_create(
        payment=payment,
        gateway_reference=outcome.reference.gateway or outcome.event_key,
        defaults={
            "transaction": transaction,
            "stage": news.stage,
            "reason": news.reason[:200],
            "amount_minor": outcome.money.minor if outcome.money else None,
            "currency": outcome.money.currency if outcome.money else "",
            "evidence_due_at": news.evidence_due_at,
            "opened_at": outcome.occurred_at,
            "changed_at": outcome.occurred_at,
            "stages": [_stage(news.stage, news.evidence_due_at, now)],
        },
    )
    if not was_opened and outcome.occurred_at >= dispute.changed_at:
        dispute.stage = news.stage
        dispute.evidence_due_at = news.evidence_due_at or dispute.evidence_due_at
        dispute.changed_at = outcome.occurred_at
        dispute.stages.append(_stage(dispute.stage, dispute.evidence_due_at, now))
        dispute.save(update_fields=["stage", "evidence_due_at", "changed_at", "stages"])


def _stage(stage: str, evidence_due_at: datetime | None, now: datetime) -> dict[str, str | None]:
    return {
        "stage": stage,
        "evidence_due_at": evidence_due_at.isoformat() if evidence_due_at is not None else None,
        "recorded_at": now.isoformat(),
    }
