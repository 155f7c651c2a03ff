"""What a payment's page shows: what a caller is told, whose it is, what it comes to, whether the books agree."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Sum
from django.http import HttpRequest
from django.urls import reverse

from bookings.models import Booking
from money import Money
from payments.admin.answer import answer_of
from payments.admin.columns import page_of, when_text
from payments.admin.contributions import sections_of
from payments.admin.history import History
from payments.admin.moments import KINDS
from payments.admin.refusals import last_refusal
from payments.admin.timeline import chosen
from payments.admin.words import CASES, STATES
from payments.checking import Finding, findings_of, ledger_findings_of
from payments.models import Case, CaseKind, ExternalNote, Payment, PaymentLink
from payments.selectors import order_money
from payments.states import OperationKind, State, Status

# More rows than this of what hangs on an order are in the lists.
_MOST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Be one figure or fact of the page."""

    name: str
    value: str
    url: str = ""
    is_strong: bool = False


def page_context(request: HttpRequest, payment: Payment, history: History) -> dict[str, Any]:
    """Return what the page of a payment shows.

    The address may say `show`, a kind of moments, and `order`, "oldest" or "newest".
    """
    findings: list[Finding] = [*findings_of(payment), *ledger_findings_of(payment)]
    kind, newest_first = request.GET.get("show", ""), request.GET.get("order") == "newest"
    return {
        "title": payment.reference,
        "subtitle": None,
        "payment": payment,
        "answer": answer_of(history),
        "refusal": last_refusal(history),
        "moments": chosen(history.moments, kind=kind, newest_first=newest_first),
        "choices": _choices(history, kind, newest_first=newest_first),
        "turned": _address(kind, newest_first=not newest_first),
        "newest_first": newest_first,
        "lists": history.lists,
        "notes": _chains(history.notes),
        "may_amend": request.user.has_perm("payments.add_externalnote"),
        "sections": sections_of(payment, request),
        "state_words": STATES[State(payment.state)],
        "open_cases": [
            Line(name=CASES[CaseKind(case.kind)], value=case.detail, url=page_of(case))
            for case in Case.objects.filter(payment=payment, closed_at__isnull=True).order_by("opened_at")
        ],
        "facts": _facts(payment, history),
        "bookings": _bookings(payment),
        "others": [
            Line(name=other.reference, value=standing_in_words(other), url=page_of(other))
            for other in history.others[:_MOST]
        ],
        "links": _links(payment),
        "payment_amounts": _payment_amounts(payment),
        "order_amounts": _order_amounts(payment),
        "findings": findings,
    }


def _facts(payment: Payment, history: History) -> list[Line]:
    order = payment.order
    cards = list(dict.fromkeys(row.card_text for row in history.operations.values() if row.card_text))
    stored = list(dict.fromkeys(row.card for row in history.operations.values() if row.card is not None))
    named = list(dict.fromkeys(row.gateway_reference for row in history.operations.values() if row.gateway_reference))
    facts = [
        Line(name="State", value=payment.state, is_strong=True),
        Line(name="Number", value=str(payment.number)),
        Line(name="Order", value=f"{order.reference} · {order.status}", url=page_of(order)),
        *_customer(payment),
        Line(name="Partner", value=str(payment.partner), url=page_of(payment.partner)),
        Line(name="Account", value=f"{payment.account} ({payment.account.gateway})", url=page_of(payment.account)),
        Line(name="Card", value=", ".join(cards) or "–"),
        *(Line(name="Stored card", value=str(card), url=page_of(card)) for card in stored),
        Line(name="At the gateway", value=", ".join(named) or "–"),
        Line(name="Where from", value=payment.source),
        Line(name="Created", value=when_text(payment.created_at)),
    ]
    if payment.superseded_at is not None:
        facts.append(Line(name="Superseded", value=when_text(payment.superseded_at)))
    return facts


def _customer(payment: Payment) -> list[Line]:
    customer = payment.order.customer
    return (
        []
        if customer is None
        else [Line(name="Guest", value=f"{customer.full_name or 'unnamed'} ({customer.number})", url=page_of(customer))]
    )


def standing_in_words(payment: Payment) -> str:
    """Say in a line how a payment of an order stands."""
    taken = f" · took {Money(payment.captured_minor, payment.currency)}" if payment.captured_minor else ""
    back = payment.refunded_minor + payment.charged_back_minor
    returned = f" · {Money(back, payment.currency)} went back" if back else ""
    return f"{payment.state}{taken}{returned}"


def _links(payment: Payment) -> list[Line]:
    """Return the payment links of the order, the newest first."""
    rows = PaymentLink.objects.filter(order_id=payment.order_id).order_by("-created_at")[:_MOST]
    return [
        Line(
            name=f"made {when_text(row.created_at)} by {row.created_by}",
            value=f"closed: {row.closed_as.lower()}" if row.closed_at else f"good until {when_text(row.expires_at)}",
            url=page_of(row),
        )
        for row in rows
    ]


def _choices(history: History, chosen_kind: str, *, newest_first: bool) -> list[dict[str, Any]]:
    """Return what the timeline can be narrowed to: all, and each kind there is something of."""
    counts = {kind: sum(moment.kind == kind for moment in history.moments) for kind in KINDS}
    return [
        {
            "words": words,
            "count": count,
            "url": _address(kind, newest_first=newest_first),
            "is_chosen": kind == chosen_kind or (not kind and chosen_kind not in counts),
        }
        for kind, words, count in [("", "All", len(history.moments)), *((k, KINDS[k], n) for k, n in counts.items())]
        if count
    ]


def _address(kind: str, *, newest_first: bool) -> str:
    wanted = {"show": kind, "order": "newest" if newest_first else ""}
    return f"?{urlencode({name: value for name, value in wanted.items() if value})}#timeline"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteChain:
    """Be a note with what amends it: what is said now, and what was said before, the newest first."""

    note: ExternalNote
    url: str
    amend_url: str
    earlier: list[ExternalNote]


def _chains(notes: list[ExternalNote]) -> list[NoteChain]:
    corrected = {note.amends_id for note in notes}
    latest = [note for note in notes if note.pk not in corrected]
    by_id: dict[int | None, ExternalNote] = {note.pk: note for note in notes}
    chains = []
    for note in latest:
        earlier, before = [], by_id.get(note.amends_id)
        while before is not None:
            earlier.append(before)
            before = by_id.get(before.amends_id)
        amend_url = reverse("admin:payments_externalnote_amend", args=[note.pk])
        chains.append(NoteChain(note=note, url=page_of(note), amend_url=amend_url, earlier=earlier))
    return chains


def _bookings(payment: Payment) -> list[Line]:
    found = Booking.objects.filter(order_id=payment.order_id).select_related("product").order_by("number")
    bookings = found[:_MOST]
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


def _payment_amounts(payment: Payment) -> list[Line]:
    def line(name: str, minor: int, *, is_strong: bool = False) -> Line:
        return Line(name=name, value=str(Money(minor, payment.currency)), is_strong=is_strong)

    returning = _returning(payment)
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


def _returning(payment: Payment) -> int:
    pending = payment.transactions.filter(kind=OperationKind.REFUND, status=Status.PENDING)
    found: int = pending.aggregate(total=Sum("amount_minor", default=0))["total"]
    return found


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
