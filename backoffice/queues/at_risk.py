"""The money-at-risk board: every outcome that nobody knows, what was sent and said, and what is safe to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import BooleanField, Count, Exists, ExpressionWrapper, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from backoffice.queues.actions import button, payment_buttons
from backoffice.queues.cases import SEES_CASES, case_work, open_cases
from backoffice.queues.queue import NEVER, OF_PAYMENT, Button, CaseWork, Fact, Queue, Row, Source, countdown
from backoffice.queues.trips import NO_TRIP, Trip, departure_of, trips_of
from money import Money
from payments.admin.columns import moves_real_money, page_of, real_money, when_text
from payments.admin.words import OPERATIONS, event_sentence
from payments.models import CaseKind, GatewayEvent, Opening, Origin, Transaction
from payments.services.outlook import Outlook, SafeStep, outlook_of_opening, outlook_of_operation
from payments.states import OperationKind, Status

UNKNOWN_KINDS = frozenset({CaseKind.OUTCOME_UNKNOWN, CaseKind.WEBHOOK_MISSING})
_WORDS = {
    SafeStep.ASK: "Ask the gateway again: it repeats nothing that could act twice.",
    SafeStep.LOOK_UP: "Look the key up in the gateway's back office. If it is there, have the webhook sent again; if "
    "not, say on the operation's page that it was not done. Never ask for the same thing before.",
    SafeStep.RESEND: "The gateway has it: have it send its webhook again from its back office.",
    SafeStep.WAIT: "Wait: somebody has it in hand.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """Be one outcome that nobody knows, with all that is known about it."""

    subject: Transaction | Opening
    trip: Trip
    sent: str
    sent_at: datetime | None
    key: str
    last_event: GatewayEvent | None
    outlook: Outlook
    since: datetime
    work: CaseWork | None

    @property
    def money(self) -> Money:
        """Return what is at risk."""
        return Money(self.subject.amount_minor, self.subject.currency)

    @property
    def is_real(self) -> bool:
        """Say whether real money is at risk."""
        return moves_real_money(is_live=self.subject.payment.is_live, account=self.subject.account)

    @property
    def was_said(self) -> str:
        """Return what the gateway said last."""
        if self.last_event is None:
            return "nothing"
        event = self.last_event
        said = event_sentence(event, event.transaction)
        return f"{said} ({event.raw_text})" if event.raw_text else said


def undecided_operations(_now: datetime) -> QuerySet[Transaction]:
    """Return the operations whose outcome nobody knows; a dispute takes weeks, and has a queue of its own."""
    has_case = Exists(open_cases(UNKNOWN_KINDS).filter(payment=OuterRef("payment")))
    return (
        Transaction.objects.filter(Q(unknown_since_at__isnull=False) | has_case, status=Status.PENDING)
        .exclude(kind=OperationKind.CHARGEBACK)
        .select_related("payment__order", "payment__partner", "account", "challenge")
    )


def silent_openings(now: datetime) -> QuerySet[Opening]:
    """Return what partners said was paid, and the gateway has said nothing about for too long."""
    silent_since = now - timedelta(minutes=settings.PAYMENTS["WEBHOOK_OVERDUE_MINUTES"])
    silent = Opening.objects.filter(reported_paid_at__lte=silent_since).defer("client_encrypted")
    return silent.select_related("payment__order", "payment__partner", "account")


def risks_of_operations(operations: Sequence[Transaction], now: datetime) -> list[Risk]:
    """Return what is known about undecided operations, in a constant number of queries."""
    known = _Known(operations)
    return [
        Risk(
            subject=row,
            trip=known.trip(row),
            sent=OPERATIONS[OperationKind(row.kind)],
            sent_at=row.first_sent_at if row.origin == Origin.OURS else None,
            key=row.idempotency_key or row.gateway_reference or row.reference,
            last_event=known.events.get(row.payment_id),
            outlook=outlook_of_operation(row, now=now),
            since=row.unknown_since_at or row.requested_at,
            work=known.work.get(row.payment_id),
        )
        for row in operations
    ]


def risks_of_openings(openings: Sequence[Opening], _now: datetime) -> list[Risk]:
    """Return what is known about Openings that are said to be paid, in a constant number of queries."""
    known = _Known(openings)
    return [
        Risk(
            subject=row,
            trip=known.trip(row),
            sent="Payment page, which the partner says was paid",
            sent_at=row.created_at,
            key=row.gateway_reference or row.idempotency_key,
            last_event=known.events.get(row.payment_id),
            outlook=outlook_of_opening(row),
            since=row.reported_paid_at or row.created_at,
            work=known.work.get(row.payment_id),
        )
        for row in openings
    ]


class _Known:
    """Hold what is known about the payments of some rows: whose trip, what was said last, and who works on it."""

    def __init__(self, rows: Sequence[Transaction | Opening]) -> None:
        payments = {row.payment_id for row in rows}
        self._trips = trips_of({row.payment.order_id for row in rows})
        last = GatewayEvent.objects.filter(payment__in=payments).order_by("payment_id", "-id").distinct("payment_id")
        self.events: dict[UUID, GatewayEvent] = {
            event.payment_id: event for event in last.select_related("transaction").defer("raw")
        }
        cases = list(open_cases(UNKNOWN_KINDS).filter(payment__in=payments).order_by("-opened_at"))
        work = case_work(cases)
        # Where a payment has a case of each kind, the older one is worked on first.
        self.work: dict[UUID, CaseWork] = {case.payment_id: work[case.pk] for case in cases}

    def trip(self, row: Transaction | Opening) -> Trip:
        return self._trips.get(row.payment.order_id, NO_TRIP)


def _row(risk: Risk, now: datetime) -> Row:
    payment, outlook = risk.subject.payment, risk.outlook
    sent = f"{risk.sent} of {risk.money}" if isinstance(risk.subject, Transaction) else risk.sent
    when = when_text(risk.sent_at) if risk.sent_at is not None else "by the gateway itself"
    return Row(
        name=payment.reference,
        url=page_of(payment),
        detail=_WORDS[outlook.step],
        since=risk.since,
        amount=str(risk.money),
        guest=risk.trip.guest,
        departs_at=risk.trip.departs_at,
        is_live=risk.is_real,
        partner=str(payment.partner),
        account=risk.subject.account.slug,
        facts=(
            Fact(name="Sent", value=f"{sent}, {when}"),
            Fact(name="Key", value=risk.key, url=page_of(risk.subject)),
            Fact(name="The gateway said last", value=risk.was_said),
            Fact(name="Safe to repeat with this key", value=_until(outlook.key_safe_until, now)),
            Fact(name="Asked again by itself", value=_next_check(outlook.next_check_at, now)),
        ),
        buttons=_buttons(risk),
        work=risk.work,
        told=_told(risk),
    )


def _buttons(risk: Risk) -> tuple[Button, ...]:
    """Return the safe step as a button, where it is one here."""
    if risk.outlook.step is SafeStep.ASK:
        return payment_buttons(risk.subject.payment, "ask")
    is_persons_to_say = risk.outlook.step is SafeStep.LOOK_UP and risk.outlook.next_check_at is None
    return (button("rule-out", risk.subject),) if is_persons_to_say else ()


def _told(risk: Risk) -> dict[str, Any]:
    """Return one outcome that nobody knows for a program."""
    payment, outlook, event = risk.subject.payment, risk.outlook, risk.last_event
    return {
        "payment": payment.reference,
        "isLive": risk.is_real,
        "partner": payment.partner.slug,
        "account": risk.subject.account.slug,
        "amountMinor": risk.money.minor,
        "currency": risk.money.currency,
        "guest": risk.trip.guest,
        "departsAt": _iso(risk.trip.departs_at),
        "unknownSince": _iso(risk.since),
        "sent": {"what": risk.sent, "at": _iso(risk.sent_at), "key": risk.key},
        "gatewaySaid": {"what": event.kind, "at": _iso(event.occurred_at), "text": event.raw_text} if event else None,
        "keySafeUntil": _iso(outlook.key_safe_until),
        "nextCheckAt": _iso(outlook.next_check_at),
        "safeStep": {"code": outlook.step.value, "words": _WORDS[outlook.step]},
        "holder": risk.work.holder if risk.work is not None else "",
    }


def _until(at: datetime | None, now: datetime) -> str:
    if at is None:
        return "no: it could act twice"
    return f"until {when_text(at)}" if at > now else f"no longer, since {when_text(at)}"


def _next_check(at: datetime | None, now: datetime) -> str:
    return f"{when_text(at)} ({countdown(at, now)})" if at is not None else "no more"


def _show_operations(operations: Sequence[Transaction], now: datetime) -> list[Row]:
    return [_row(risk, now) for risk in risks_of_operations(operations, now)]


def _show_openings(openings: Sequence[Opening], now: datetime) -> list[Row]:
    return [_row(risk, now) for risk in risks_of_openings(openings, now)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """Be what is at risk in one currency, of real money (`is_live`) or not; amounts of several are never added up."""

    money: Money
    count: int
    is_live: bool


def totals_at_risk(now: datetime) -> list[Total]:
    """Return what is at risk in all, real money first."""
    sums: dict[tuple[bool, str], tuple[int, int]] = {}
    for rows in (undecided_operations(now), silent_openings(now)):
        is_real = real_money(is_live="payment__is_live", account="account")
        told = rows.order_by().annotate(is_real=ExpressionWrapper(is_real, output_field=BooleanField()))
        grouped = told.values_list("is_real", "currency")
        for is_live, currency, minor, count in grouped.annotate(minor=Sum("amount_minor"), count=Count("pk")):
            known_minor, known_count = sums.get((is_live, currency), (0, 0))
            sums[is_live, currency] = known_minor + minor, known_count + count
    return [
        Total(money=Money(minor, currency), count=count, is_live=is_live)
        for (is_live, currency), (minor, count) in sorted(sums.items(), key=lambda each: (not each[0][0], each[0][1]))
    ]


def total_json(total: Total) -> dict[str, Any]:
    """Return what is at risk in one currency as JSON."""
    return {
        "amountMinor": total.money.minor,
        "currency": total.money.currency,
        "count": total.count,
        "isLive": total.is_live,
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


_BY_DEPARTURE = Coalesce(departure_of("payment__order"), NEVER)
AT_RISK = Queue(
    slug="outcome-unknown",
    name="Money at risk",
    sentence="Nobody knows what the gateway did. Do the one safe step of each card, the next departure first; never "
    "ask for the same thing anew.",
    permission=SEES_CASES,
    sources=(
        Source(
            rows=undecided_operations,
            urgency=_BY_DEPARTURE,
            since="requested_at",
            paths=OF_PAYMENT,
            show=_show_operations,
        ),
        Source(
            rows=silent_openings,
            urgency=_BY_DEPARTURE,
            since="reported_paid_at",
            paths=OF_PAYMENT,
            show=_show_openings,
        ),
    ),
    kinds=UNKNOWN_KINDS,
    is_urgent=True,
    template="admin/backoffice/queues/at_risk.html",
)
