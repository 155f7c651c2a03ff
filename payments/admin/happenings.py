"""What happened to a payment, kind by kind, in the words of `words`; nothing here decides anything."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse

from bookings.models import Change
from gateways.protocol import OutcomeKind
from payments.admin.columns import money_text, page_of, when_text
from payments.admin.history import History, list_of
from payments.admin.moments import Moment, MomentKind, evidence
from payments.admin.words import BAD, CASES, GOOD, OPERATIONS, SOURCES, booking_sentence, event_sentence
from payments.models import (
    Case,
    CaseKind,
    Dispute,
    EventSource,
    ExternalNote,
    LedgerEntry,
    Opening,
    OpeningStatus,
    Origin,
    Transaction,
    WebhookDelivery,
)
from payments.states import OperationKind

_FRESH = timedelta(minutes=1)


def openings(rows: list[Opening]) -> Iterator[Moment]:
    """Tell which pages were asked for, and what became of the asking."""
    for opening in rows:
        asked = money_text(opening.amount_minor, opening.currency)
        yield Moment(
            at=opening.created_at,
            kind=MomentKind.ASKED,
            anchor=f"opening-{opening.pk}",
            who="we",
            what=f"A payment page was asked for; the guest may pay until {when_text(opening.expires_at)}",
            detail=" ".join(filter(None, [opening.reference, _parts_in(opening), opening.last_error])),
            amount=asked,
            tone="bad" if opening.status == OpeningStatus.FAILED else "",
            url=page_of(opening),
            evidence=evidence(
                idempotency_key=opening.idempotency_key,
                times_sent=opening.claim_number,
                the_gateway_calls_it=opening.gateway_reference,
                stands=opening.status.lower(),
            ),
            rank=1,
        )
        if opening.unknown_since_at is not None:
            yield Moment(
                at=opening.unknown_since_at,
                kind=MomentKind.POLLED,
                anchor=f"opening-unknown-{opening.pk}",
                who="we",
                what="The gateway did not answer: whether the page exists is unknown",
                detail=opening.reference,
                tone="warn",
                url=page_of(opening),
                evidence=evidence(asked_again_so_far=opening.checks_made, next_time=when_text(opening.next_check_at)),
            )
        if opening.reported_paid_at is not None:
            yield Moment(
                at=opening.reported_paid_at,
                kind=MomentKind.SAID,
                anchor=f"opening-reported-{opening.pk}",
                who="partner",
                what="The partner says the guest paid here; the gateway has said nothing since",
                detail=opening.reference,
                amount=asked,
                tone="warn",
                url=page_of(opening),
            )


def operations(rows: dict[UUID, Transaction]) -> Iterator[Moment]:
    """Tell what we asked for; what gateways tell of their own accord is told by their events."""
    for row in rows.values():
        name = OPERATIONS[OperationKind(row.kind)]
        amount = money_text(row.amount_minor, row.currency)
        if row.origin == Origin.OURS:
            yield Moment(
                at=row.requested_at,
                kind=MomentKind.ASKED,
                anchor=f"operation-{row.pk}",
                who=row.requested_by or "we",
                what=f"{name} asked for" + (f": {row.reason}" if row.reason else ""),
                detail=" ".join(filter(None, [row.reference, _parts_in(row)])),
                amount=amount,
                url=page_of(row),
                evidence=evidence(
                    idempotency_key=row.idempotency_key,
                    first_sent=when_text(row.first_sent_at),
                    times_sent=row.claim_number,
                    decided=when_text(row.decided_at),
                    the_gateway_calls_it=row.gateway_reference,
                    stored_card=row.card,
                ),
                rank=2,
            )
        challenge = getattr(row, "challenge", None)
        if challenge is not None:
            yield Moment(
                at=challenge.asked_at,
                kind=MomentKind.SAID,
                anchor=f"challenge-{row.pk}",
                who="we",
                what=f"The guest was sent to the bank, and may come back until {when_text(challenge.expires_at)}",
                detail=row.reference,
                url=page_of(row),
                rank=3,
            )
        if row.unknown_since_at is not None:
            again = f"; asked again at {when_text(row.next_check_at)}" if row.next_check_at else "; not asked again"
            yield Moment(
                at=row.unknown_since_at,
                kind=MomentKind.POLLED,
                anchor=f"unknown-{row.pk}",
                who="we",
                what=f"The answer to the {name.lower()} was lost: its outcome is unknown{again}",
                detail=row.reference,
                amount=amount,
                tone="warn",
                url=page_of(row),
                evidence=evidence(asked_again_so_far=row.checks_made),
            )


def events(history: History) -> Iterator[Moment]:
    """Tell what gateways said, by whichever way we heard it."""
    for event in history.events:
        operation = history.operations.get(event.transaction_id) if event.transaction_id else None
        kind = OutcomeKind(event.kind)
        parts = _parts_in(operation) if operation is not None and kind in GOOD | BAD else ""
        said = " ".join(filter(None, [event.decline_code, event.raw_code, event.raw_text, event.problem]))
        amount = event.amount_minor
        tone = "good" if kind in GOOD else "bad" if kind in BAD else ""
        # Gateways' clocks count whole seconds; news that is seconds old is told where it was heard, or an answer would
        # stand before its question.
        is_fresh = abs(event.received_at - event.occurred_at) < _FRESH
        heard = "" if is_fresh else f"heard {when_text(event.received_at)}"
        yield Moment(
            at=event.received_at if is_fresh else event.occurred_at,
            kind=MomentKind.POLLED if event.source == EventSource.POLL else MomentKind.SAID,
            anchor=f"event-{event.pk}",
            who=f"gateway ({SOURCES[EventSource(event.source)]})",
            what=event_sentence(event, operation) + (f": {said}" if said else ""),
            detail=" · ".join(filter(None, [event.gateway_reference, parts, heard])),
            amount=money_text(amount, event.currency) if amount is not None else "",
            tone="warn" if event.problem else tone,
            url=page_of(event),
            evidence=evidence(
                happened=when_text(event.occurred_at), heard=when_text(event.received_at), event_key=event.event_key
            ),
            raw=event.raw,
            rank=4,
        )


def _parts_in(row: Opening | Transaction) -> str:
    """Say how much of an amount is surcharge and how much donation; empty where there is neither."""
    parts = {"surcharge": row.parts.surcharge_minor, "donation": row.parts.donation_minor}
    told = [f"{name} {money_text(minor, row.currency)}" for name, minor in parts.items() if minor]
    return f"of it {' and '.join(told)}" if told else ""


def entries(history: History) -> Iterator[Moment]:
    """Tell what was booked."""
    payment = history.payment
    booked = LedgerEntry.objects.filter(payment=payment).select_related("posting")
    for entry in history.newest(booked, "-id", name="ledger entries", url=list_of(LedgerEntry, payment)):
        yield Moment(
            at=entry.posting.posted_at,
            kind=MomentKind.BOOKED,
            anchor=f"entry-{entry.pk}",
            who="ledger",
            what=booking_sentence(entry),
            amount=money_text(entry.amount_minor, entry.currency),
            tone="quiet",
            url=page_of(entry),
            evidence=evidence(
                cause=entry.posting.cause.replace("_", " "), happened=when_text(entry.posting.occurred_at)
            ),
            rank=6,
        )


def deliveries(history: History) -> Iterator[Moment]:
    """Tell which webhooks came in, and how they were handled."""
    rows = history.payment.deliveries.defer("body_encrypted")
    url = list_of(WebhookDelivery, history.payment)
    for delivery in history.newest(rows, "-received_at", name="webhooks", url=url):
        times = f", {delivery.times_received} times" if delivery.times_received > 1 else ""
        yield Moment(
            at=delivery.received_at,
            kind=MomentKind.WEBHOOK,
            anchor=f"webhook-{delivery.pk}",
            who="webhook",
            what=f"A webhook came in{times}: {delivery.status.lower()}",
            detail=delivery.last_error,
            tone="quiet" if not delivery.last_error else "warn",
            url=page_of(delivery),
            evidence=evidence(
                delivery_key=delivery.delivery_key,
                handled=when_text(delivery.processed_at),
                times_tried=delivery.attempts,
                next_try=when_text(delivery.next_attempt_at) if delivery.next_attempt_at else "",
            ),
            rank=3,
        )


def changes(history: History) -> Iterator[Moment]:
    """Tell what partners are to be told."""
    order_id = history.payment.order_id
    url = f"{reverse('admin:bookings_change_changelist')}?{urlencode({'order__exact': order_id})}"
    newest = history.newest(
        Change.objects.filter(order_id=order_id), "-version", "-id", name="changes of the booking", url=url
    )
    for (version, reason), of_version in groupby(newest, key=lambda change: (change.version, change.reason)):
        rows = list(of_version)
        told_at = [row.told_at for row in rows if row.told_at]
        told = f"told at {when_text(max(told_at))}" if len(told_at) == len(rows) else "not told yet"
        topics = " and ".join(sorted({row.topic for row in rows}, reverse=True)).capitalize()
        yield Moment(
            at=rows[-1].created_at,
            kind=MomentKind.TOLD,
            anchor=f"change-{rows[-1].pk}",
            who="booking",
            what=f"{topics}: {reason.replace('_', ' ')} (version {version})",
            detail=f"partner {told}",
            tone="quiet",
            rank=7,
        )


def cases(history: History) -> Iterator[Moment]:
    """Tell what was shown to staff."""
    payment = history.payment
    for case in history.newest(payment.cases.all(), "-id", name="cases", url=list_of(Case, payment)):
        words = CASES[CaseKind(case.kind)]
        yield Moment(
            at=case.opened_at,
            kind=MomentKind.STAFF,
            anchor=f"case-{case.pk}",
            who="case",
            what=f"Shown to staff: {words}",
            detail=case.detail,
            tone="quiet" if case.closed_at else "warn",
            url=page_of(case),
            rank=8,
        )
        if case.closed_at:
            yield Moment(
                at=case.closed_at,
                kind=MomentKind.STAFF,
                anchor=f"case-closed-{case.pk}",
                who=case.closed_by or "case",
                what=f"Closed: {words}",
                url=page_of(case),
                rank=8,
            )


def notes(rows: list[ExternalNote]) -> Iterator[Moment]:
    """Tell what was written of payments taken elsewhere."""
    for note in rows:
        yield Moment(
            at=note.written_at,
            kind=MomentKind.STAFF,
            anchor=f"note-{note.pk}",
            who=note.written_by,
            what=f"Note: {note.text}",
            url=page_of(note),
            rank=3,
        )


def disputes(history: History) -> Iterator[Moment]:
    """Tell how guests' objections stand."""
    payment = history.payment
    for dispute in history.newest(payment.disputes.all(), "-id", name="disputes", url=list_of(Dispute, payment)):
        due = f"; answer until {when_text(dispute.evidence_due_at)}" if dispute.evidence_due_at else ""
        yield Moment(
            at=dispute.changed_at,
            kind=MomentKind.SAID,
            anchor=f"dispute-{dispute.pk}",
            who="dispute",
            what=f"Dispute at stage {dispute.stage.replace('_', ' ').lower()}{due}",
            detail=dispute.reason,
            amount=money_text(dispute.amount_minor, dispute.currency) if dispute.amount_minor else "",
            tone="bad",
            url=page_of(dispute),
            rank=5,
        )
