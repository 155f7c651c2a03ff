"""What happened to a payment, in one table: read in a constant number of queries."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType

from bookings.models import Change
from gateways.protocol import OutcomeKind
from payments.admin.columns import money_text, page_of, when_text
from payments.admin.words import (
    BAD,
    CASES,
    GOOD,
    OPERATIONS,
    SOURCES,
    booking_sentence,
    event_sentence,
)
from payments.models import (
    CaseKind,
    EventSource,
    LedgerEntry,
    Opening,
    OpeningStatus,
    Origin,
    Payment,
    Transaction,
)
from payments.states import OperationKind

_FRESH = timedelta(minutes=1)
# More of one kind than this is noise for a page; the lists have the rest.
_MOST = 500


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Be one line: when, who said or did it, what it means, how much, and where to read on."""

    at: datetime
    who: str
    what: str
    detail: str = ""
    amount: str = ""
    tone: str = ""
    url: str = ""
    raw: Any = None
    rank: int = 5

    @property
    def when(self) -> str:
        """Return the moment to the second, with its zone."""
        return when_text(self.at)

    @property
    def raw_text(self) -> str:
        """Return what was kept of the gateway's own words."""
        return json.dumps(self.raw, indent=2, sort_keys=True, ensure_ascii=False)


@dataclass(kw_only=True)
class History:
    """Be everything a payment's page reads of it."""

    payment: Payment
    openings: list[Opening] = field(default_factory=list)
    operations: dict[UUID, Transaction] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)


def history_of(payment: Payment) -> History:
    """Read what happened to a payment, oldest first."""
    history = History(payment=payment)
    history.openings = list(payment.openings.defer("client_encrypted").order_by("created_at")[:_MOST])
    operations = payment.transactions.select_related("challenge").defer("challenge__action_encrypted")
    history.operations = {row.id: row for row in operations.order_by("requested_at")[:_MOST]}
    moments = [
        *_openings(history.openings),
        *_operations(history.operations),
        *_events(history),
        *_entries(payment),
        *_deliveries(payment),
        *_changes(payment),
        *_cases(payment),
        *_notes(payment),
        *_disputes(payment),
        *_pressed(payment),
    ]
    history.moments = sorted(moments, key=lambda moment: (moment.at, moment.rank))
    return history


def _openings(openings: list[Opening]) -> Iterator[Moment]:
    for opening in openings:
        asked = money_text(opening.amount_minor, opening.currency)
        yield Moment(
            at=opening.created_at,
            who="we",
            what=f"A payment page was asked for; the guest may pay until {when_text(opening.expires_at)}",
            detail=" ".join(filter(None, [opening.reference, _parts_in(opening), opening.last_error])),
            amount=asked,
            tone="bad" if opening.status == OpeningStatus.FAILED else "",
            url=page_of(opening),
            rank=1,
        )
        if opening.unknown_since_at is not None:
            yield Moment(
                at=opening.unknown_since_at,
                who="we",
                what="The gateway did not answer: whether the page exists is unknown",
                detail=opening.reference,
                tone="warn",
                url=page_of(opening),
            )
        if opening.reported_paid_at is not None:
            yield Moment(
                at=opening.reported_paid_at,
                who="partner",
                what="The partner says the guest paid here; the gateway has said nothing since",
                detail=opening.reference,
                amount=asked,
                tone="warn",
                url=page_of(opening),
            )


def _operations(operations: dict[UUID, Transaction]) -> Iterator[Moment]:
    """Tell what we asked for; what gateways tell of their own accord is told by their events."""
    for row in operations.values():
        name = OPERATIONS[OperationKind(row.kind)]
        amount = money_text(row.amount_minor, row.currency)
        if row.origin == Origin.OURS:
            yield Moment(
                at=row.requested_at,
                who=row.requested_by or "we",
                what=f"{name} asked for" + (f": {row.reason}" if row.reason else ""),
                detail=" ".join(filter(None, [row.reference, _parts_in(row)])),
                amount=amount,
                url=page_of(row),
                rank=2,
            )
        challenge = getattr(row, "challenge", None)
        if challenge is not None:
            yield Moment(
                at=challenge.asked_at,
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
                who="we",
                what=f"The answer to the {name.lower()} was lost: its outcome is unknown{again}",
                detail=row.reference,
                amount=amount,
                tone="warn",
                url=page_of(row),
            )


def _events(history: History) -> Iterator[Moment]:
    for event in history.payment.events.order_by("id")[:_MOST]:
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
            who=f"gateway ({SOURCES[EventSource(event.source)]})",
            what=event_sentence(event, operation) + (f": {said}" if said else ""),
            detail=" · ".join(filter(None, [event.gateway_reference, parts, heard])),
            amount=money_text(amount, event.currency) if amount is not None else "",
            tone="warn" if event.problem else tone,
            url=page_of(event),
            raw=event.raw,
            rank=4,
        )


def _parts_in(row: Opening | Transaction) -> str:
    """Say how much of an amount is surcharge and how much donation; empty where there is neither."""
    parts = {"surcharge": row.parts.surcharge_minor, "donation": row.parts.donation_minor}
    told = [f"{name} {money_text(minor, row.currency)}" for name, minor in parts.items() if minor]
    return f"of it {' and '.join(told)}" if told else ""


def _entries(payment: Payment) -> Iterator[Moment]:
    entries = LedgerEntry.objects.filter(payment=payment).select_related("posting").order_by("id")
    for entry in entries[:_MOST]:
        yield Moment(
            at=entry.posting.posted_at,
            who="ledger",
            what=booking_sentence(entry),
            amount=money_text(entry.amount_minor, entry.currency),
            tone="quiet",
            url=page_of(entry),
            rank=6,
        )


def _deliveries(payment: Payment) -> Iterator[Moment]:
    for delivery in payment.deliveries.defer("body_encrypted").order_by("received_at")[:_MOST]:
        times = f", {delivery.times_received} times" if delivery.times_received > 1 else ""
        yield Moment(
            at=delivery.received_at,
            who="webhook",
            what=f"A webhook came in{times}: {delivery.status.lower()}",
            detail=delivery.last_error,
            tone="quiet" if not delivery.last_error else "warn",
            url=page_of(delivery),
            rank=3,
        )


def _changes(payment: Payment) -> Iterator[Moment]:
    changes = Change.objects.filter(order_id=payment.order_id).order_by("version", "id")[:_MOST]
    for (version, reason), of_version in groupby(changes, key=lambda change: (change.version, change.reason)):
        rows = list(of_version)
        told_at = [row.told_at for row in rows if row.told_at]
        told = f"told at {when_text(max(told_at))}" if len(told_at) == len(rows) else "not told yet"
        topics = " and ".join(dict.fromkeys(row.topic for row in rows)).capitalize()
        yield Moment(
            at=rows[0].created_at,
            who="booking",
            what=f"{topics}: {reason.replace('_', ' ')} (version {version})",
            detail=f"partner {told}",
            tone="quiet",
            rank=7,
        )


def _cases(payment: Payment) -> Iterator[Moment]:
    for case in payment.cases.order_by("id")[:_MOST]:
        words = CASES[CaseKind(case.kind)]
        yield Moment(
            at=case.opened_at,
            who="case",
            what=f"Shown to staff: {words}",
            detail=case.detail,
            tone="quiet" if case.closed_at else "warn",
            url=page_of(case),
            rank=8,
        )
        if case.closed_at:
            yield Moment(
                at=case.closed_at, who=case.closed_by or "case", what=f"Closed: {words}", url=page_of(case), rank=8
            )


def _notes(payment: Payment) -> Iterator[Moment]:
    for note in payment.external_notes.order_by("id")[:_MOST]:
        yield Moment(at=note.written_at, who=note.written_by, what=f"Note: {note.text}", url=page_of(note), rank=3)


def _disputes(payment: Payment) -> Iterator[Moment]:
    for dispute in payment.disputes.order_by("id")[:_MOST]:
        due = f"; answer until {when_text(dispute.evidence_due_at)}" if dispute.evidence_due_at else ""
        yield Moment(
            at=dispute.changed_at,
            who="dispute",
            what=f"Dispute at stage {dispute.stage.replace('_', ' ').lower()}{due}",
            detail=dispute.reason,
            amount=money_text(dispute.amount_minor, dispute.currency) if dispute.amount_minor else "",
            tone="bad",
            url=page_of(dispute),
            rank=5,
        )


def _pressed(payment: Payment) -> Iterator[Moment]:
    content_type = ContentType.objects.get_for_model(Payment)
    entries = LogEntry.objects.filter(content_type=content_type, object_id=str(payment.pk)).select_related("user")
    for entry in entries.order_by("action_time")[:_MOST]:
        yield Moment(at=entry.action_time, who=str(entry.user), what=entry.get_change_message(), rank=9)
