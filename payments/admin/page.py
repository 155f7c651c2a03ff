"""What a payment's page shows beside what happened: whose it is, what it comes to, whether the books agree."""

from dataclasses import dataclass
from typing import Any

from bookings.models import Booking
from money import Money
from payments.admin.columns import page_of, when_text
from payments.admin.timeline import History
from payments.admin.words import CASES, STATES
from payments.checking import Finding, findings_of, ledger_findings_of
from payments.models import Case, CaseKind, Payment
from payments.selectors import order_money
from payments.states import OperationKind, State, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Be one figure or fact of the page."""

    name: str
    value: str
    url: str = ""
    is_strong: bool = False


def page_context(payment: Payment, history: History) -> dict[str, Any]:
    """Return what the page of a payment shows."""
    findings: list[Finding] = [*findings_of(payment), *ledger_findings_of(payment)]
    others = Payment.objects.filter(order_id=payment.order_id).exclude(pk=payment.pk).order_by("number")
    return {
        "title": payment.reference,
        "subtitle": None,
        "payment": payment,
        "moments": history.moments,
        "state_words": STATES[State(payment.state)],
        "open_cases": [
            Line(name=CASES[CaseKind(case.kind)], value=case.detail, url=page_of(case))
            for case in Case.objects.filter(payment=payment, closed_at__isnull=True).order_by("opened_at")
        ],
        "facts": _facts(payment, history),
        "bookings": _bookings(payment),
        "others": [Line(name=other.reference, value=other.state, url=page_of(other)) for other in others],
        "payment_amounts": _payment_amounts(payment, history),
        "order_amounts": _order_amounts(payment),
        "findings": findings,
    }


def _facts(payment: Payment, history: History) -> list[Line]:
    order = payment.order
    cards = list(
        dict.fromkeys(
            f"{row.card_brand} ···· {row.card_last4}" for row in history.operations.values() if row.card_last4
        )
    )
    named = list(dict.fromkeys(row.gateway_reference for row in history.operations.values() if row.gateway_reference))
    facts = [
        Line(name="State", value=payment.state, is_strong=True),
        Line(name="Number", value=str(payment.number)),
        Line(name="Order", value=f"{order.reference} · {order.status}", url=page_of(order)),
        Line(name="Partner", value=str(payment.partner), url=page_of(payment.partner)),
        Line(name="Account", value=f"{payment.account} ({payment.account.gateway})", url=page_of(payment.account)),
        Line(name="Card", value=", ".join(cards) or "–"),
        Line(name="At the gateway", value=", ".join(named) or "–"),
        Line(name="Where from", value=payment.source),
        Line(name="Created", value=when_text(payment.created_at)),
    ]
    if payment.superseded_at is not None:
        facts.append(Line(name="Superseded", value=when_text(payment.superseded_at)))
    return facts


def _bookings(payment: Payment) -> list[Line]:
    bookings = Booking.objects.filter(order_id=payment.order_id).select_related("product").order_by("number")
    return [
        Line(
            name=booking.reference,
            value=" · ".join(
                filter(
                    None,
                    [
                        booking.status,
                        booking.product.name,
                        booking.availability_reference,
                        booking.contact_full_name,
                        booking.contact_email,
                        booking.reseller_reference and f"reseller {booking.reseller_reference}",
                    ],
                )
            ),
            url=page_of(booking),
        )
        for booking in bookings
    ]


def _payment_amounts(payment: Payment, history: History) -> list[Line]:
    def line(name: str, minor: int, *, is_strong: bool = False) -> Line:
        return Line(name=name, value=str(Money(minor, payment.currency)), is_strong=is_strong)

    returning = _returning(history)
    left = payment.captured_minor - payment.refunded_minor - payment.charged_back_minor - returning
    surcharge = [line("of it surcharge", payment.surcharge_minor)] if payment.surcharge_minor else []
    donation = [line("of it donation", payment.donation_minor)] if payment.donation_minor else []
    return [
        line("Asked for", payment.amount_minor, is_strong=True),
        *surcharge,
        *donation,
        line("Held on the card", payment.authorized_minor),
        line("Taken", payment.captured_minor, is_strong=True),
        line("Given back", payment.refunded_minor),
        line("Being given back", returning),
        line("Charged back", payment.charged_back_minor),
        line("Still ours", left, is_strong=True),
    ]


def _returning(history: History) -> int:
    return sum(
        row.amount_minor
        for row in history.operations.values()
        if row.kind == OperationKind.REFUND and row.status == Status.PENDING
    )


def _order_amounts(payment: Payment) -> list[Line]:
    money = order_money(payment.order)

    def line(name: str, minor: int, *, is_strong: bool = False) -> Line:
        return Line(name=name, value=str(Money(minor, money.currency)), is_strong=is_strong)

    on_top = []
    if money.paid_surcharge_minor:
        on_top = [
            line("Surcharge taken, on top", money.paid_surcharge_minor),
            line("Surcharge given back", money.refunded_surcharge_minor),
        ]
    if money.paid_donation_minor:
        on_top += [
            line("Donation taken, on top", money.paid_donation_minor),
            line("Donation given back", money.refunded_donation_minor),
        ]
    return [
        line("Cards must pay", money.to_collect_minor),
        line("Money in, all payments", money.money_in_minor, is_strong=True),
        *on_top,
        line("Held", money.held_minor),
        line("Undecided", money.asked_minor),
        line("Still due", money.due_minor, is_strong=True),
    ]
