"""Queues of cases: what the core put before a person, one queue to a kind or to kinds that ask for the same work."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from backoffice.queues.actions import payment_buttons
from backoffice.queues.queue import NEVER, OF_PAYMENT, CaseWork, Fact, Queue, Row, Source
from backoffice.queues.trips import NO_TRIP, Trip, departure_of, trips_of
from payments.admin.columns import money_text, moves_real_money, page_of, when_text
from payments.admin.words import CASES
from payments.models import Case, CaseKind, CaseStep, CaseStepKind, Dispute
from payments.services.case_work import holder_among, steps_of

SEES_CASES = "payments.view_case"
_STEPS = {
    CaseStepKind.TAKEN: "took it on",
    CaseStepKind.RELEASED: "let go of it",
    CaseStepKind.NOTED: "wrote",
    CaseStepKind.CLOSED: "closed it",
}
_ADVICE = {
    CaseKind.AMOUNT_DIFFERS: "The guest paid another amount than was asked for. Compare both, then refund or collect "
    "the difference.",
    CaseKind.CURRENCY_DIFFERS: "The gateway told an amount in another currency, which is in no sum. Look the payment "
    "up at the gateway.",
    CaseKind.FIGURES_CONFLICT: "The gateway told two figures for one thing. Look up there which of them is true.",
    CaseKind.OVERDRAWN: "More went back than was taken, usually by a refund and a chargeback. Contest the chargeback "
    "with the refund as evidence.",
    CaseKind.CAPTURE_FAILED: "Held money could not be taken, and the booking may be confirmed. Collect anew or cancel.",
    CaseKind.REFUND_FAILED: "Money that was to go back is still with us. Refund again, or by bank transfer.",
    CaseKind.BALANCE_UNPAID: "A balance is due and was not collected by itself. Ask the guest, or charge another card.",
    CaseKind.REJECTED_BY_GATEWAY: "The gateway did not understand us: a setting, or a bug. Read the detail and tell "
    "whoever looks after the account.",
    CaseKind.CARD_NOT_DELETED: "A revoked card is still stored at the gateway. Delete it in the gateway's back office.",
    CaseKind.CREDIT_OVERDRAWN: "A top-up went back to the card after its credit was spent. Contest the chargeback, or "
    "collect it from the customer.",
}
_DO = {
    CaseKind.PAID_UNCONFIRMED: ("confirm", "refund"),
    CaseKind.PAID_WITHOUT_SEATS: ("refund",),
    CaseKind.OVERPAID: ("return-overpayment",),
    CaseKind.AMOUNT_DIFFERS: ("refund", "send-link"),
    CaseKind.CAPTURE_FAILED: ("capture", "send-link"),
    CaseKind.REFUND_FAILED: ("refund",),
    CaseKind.BALANCE_REOPENED: ("send-link",),
    CaseKind.BALANCE_UNPAID: ("charge-card", "send-link"),
}


def open_cases(kinds: Iterable[CaseKind]) -> QuerySet[Case]:
    """Return the open cases of these kinds."""
    return Case.objects.filter(closed_at__isnull=True, kind__in=sorted(kinds))


def case_work(cases: Sequence[Case]) -> dict[int, CaseWork]:
    """Return what people have done about each of these cases, in one query."""
    steps = steps_of([case.pk for case in cases])
    return {
        case.pk: CaseWork(
            case_id=case.pk,
            holder=holder_among(steps.get(case.pk, [])),
            steps=tuple(_said(step) for step in steps.get(case.pk, [])),
        )
        for case in cases
    }


def _said(step: CaseStep) -> Fact:
    what = f"{step.by} {_STEPS[CaseStepKind(step.kind)]}"
    return Fact(name=when_text(step.at), value=f"{what}: {step.text}" if step.text else what)


def show_cases(cases: Sequence[Case], _now: datetime) -> list[Row]:
    """Return cases as they are shown."""
    trips, work = trips_of({case.payment.order_id for case in cases}), case_work(cases)
    return [_row(case, work[case.pk], trips.get(case.payment.order_id, NO_TRIP)) for case in cases]


def _row(case: Case, work: CaseWork, trip: Trip) -> Row:
    payment = case.payment
    return Row(
        name=payment.reference,
        url=page_of(payment),
        detail="; ".join(filter(None, (CASES[CaseKind(case.kind)], case.detail))),
        since=case.opened_at,
        amount=money_text(payment.amount_minor, payment.currency),
        guest=trip.guest,
        departs_at=trip.departs_at,
        is_live=moves_real_money(is_live=payment.is_live, account=payment.account),
        partner=str(payment.partner),
        account=payment.account.slug,
        buttons=payment_buttons(payment, *_DO.get(CaseKind(case.kind), ())),
        work=work,
    )


def _show_disputes(cases: Sequence[Case], now: datetime) -> list[Row]:
    """Return cases of chargebacks as they are shown, with what is disputed and until when we may answer."""
    disputes: dict[UUID, list[Dispute]] = {}
    for dispute in Dispute.objects.filter(payment__in=[case.payment_id for case in cases]).order_by("opened_at"):
        disputes.setdefault(dispute.payment_id, []).append(dispute)
    return [
        replace(
            row,
            due_at=case.due_at,  # type: ignore[attr-defined]  # annotated
            facts=tuple(_dispute_fact(each) for each in disputes.get(case.payment_id, [])),
        )
        for case, row in zip(cases, show_cases(cases, now), strict=True)
    ]


def _dispute_fact(dispute: Dispute) -> Fact:
    amount = money_text(dispute.amount_minor, dispute.currency) if dispute.amount_minor is not None else ""
    told = filter(None, (dispute.stage.replace("_", " ").lower(), amount, dispute.reason))
    return Fact(name=dispute.gateway_reference, value=" · ".join(told), url=page_of(dispute))


def _source(kinds: frozenset[CaseKind], *, urgency: Combinable | None = None) -> Source:
    def rows(_now: datetime) -> QuerySet[Case]:
        return open_cases(kinds).select_related("payment__order", "payment__partner", "payment__account")

    return Source(rows=rows, urgency=urgency or F("opened_at"), since="opened_at", paths=OF_PAYMENT, show=show_cases)


def _disputed_cases(_now: datetime) -> QuerySet[Case]:
    """Return the cases of chargebacks, with the next deadline of the payment's disputes."""
    deadlines = Dispute.objects.filter(payment=OuterRef("payment"), evidence_due_at__isnull=False)
    return (
        open_cases({CaseKind.CHARGEBACK})
        .select_related("payment__order", "payment__partner", "payment__account")
        .annotate(due_at=Subquery(deadlines.order_by("-evidence_due_at").values("evidence_due_at")[:1]))
    )


_UNCONFIRMED = frozenset({CaseKind.PAID_UNCONFIRMED, CaseKind.PAID_WITHOUT_SEATS})
PAID_UNCONFIRMED = Queue(
    slug="paid-unconfirmed",
    is_urgent=True,
    name="Paid, not confirmed",
    sentence="The guest has paid and has no booking: confirm it, or give the money back, before the departure.",
    permission=SEES_CASES,
    sources=(_source(_UNCONFIRMED, urgency=Coalesce(departure_of("payment__order"), NEVER)),),
    kinds=_UNCONFIRMED,
)
OVERPAID = Queue(
    slug="overpaid",
    name="Overpaid",
    sentence="More came in than was due. What could go back by itself is on its way; see that it arrives, and return "
    "the rest.",
    permission=SEES_CASES,
    sources=(_source(frozenset({CaseKind.OVERPAID})),),
    kinds=frozenset({CaseKind.OVERPAID}),
)
DISPUTES = Queue(
    slug="disputes",
    is_urgent=True,
    name="Disputes",
    sentence="A guest's bank wants the money, or has taken it: answer in the gateway's back office in time.",
    permission=SEES_CASES,
    sources=(
        Source(
            rows=_disputed_cases,
            urgency=Coalesce("due_at", NEVER),
            since="opened_at",
            paths=OF_PAYMENT,
            show=_show_disputes,
        ),
    ),
    kinds=frozenset({CaseKind.CHARGEBACK}),
    due_label="Answer by",
)
BALANCE_REOPENED = Queue(
    slug="balance-reopened",
    name="Balance reopened",
    sentence="Money went back at the gateway and not by us, and the booking is still confirmed: cancel it, or collect "
    "anew.",
    permission=SEES_CASES,
    sources=(_source(frozenset({CaseKind.BALANCE_REOPENED}), urgency=Coalesce(departure_of("payment__order"), NEVER)),),
    kinds=frozenset({CaseKind.BALANCE_REOPENED}),
)


def queue_of_kind(kind: CaseKind) -> Queue:
    """Return the queue of the cases of one kind that no other queue has."""
    return Queue(
        slug=kind.lower().replace("_", "-"),
        name=CASES[kind],
        sentence=_ADVICE.get(kind, "The payment's page tells what happened; close the case when it is dealt with."),
        permission=SEES_CASES,
        sources=(_source(frozenset({kind})),),
        kinds=frozenset({kind}),
    )
