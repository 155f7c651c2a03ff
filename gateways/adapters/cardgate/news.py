"""What an invoice's status means for us. One invoice is one payment: its attempts are not told apart.

An invoice is a snapshot, not an event: whatever it implies is told every time, under the same keys, so that a callback
that was lost or overtaken by a later one leaves nothing out. The vendor orders snapshots by `updated`.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from gateways.adapters.cardgate.refusals import decline_of, text_of
from gateways.adapters.cardgate.wire import Invoice, Refund
from gateways.errors import AnswerLost
from gateways.protocol import DisputeNews, Outcome, OutcomeKind, Reference, RefundRequest

_Kind = OutcomeKind


class Meaning(StrEnum):
    """Name what a status says of the payment."""

    OPEN = "OPEN"
    PAID = "PAID"
    REFUSED = "REFUSED"
    OVER = "OVER"
    NO_PAYMENT = "NO_PAYMENT"


# Every status the vendor documents. `resolution` explains one and decides nothing: "ok" accompanies any of them.
# Source: "Payment invoices", statuses. An error is not final: more attempts follow, by the platform or by the guest.
STATUSES: Mapping[str, Meaning] = MappingProxyType(
    {
        "created": Meaning.OPEN,
        "processing": Meaning.OPEN,
        "process_pending": Meaning.OPEN,
        "process_error": Meaning.OPEN,
        "processed": Meaning.PAID,
        "partially_processed": Meaning.PAID,
        "process_failed": Meaning.REFUSED,
        "expired": Meaning.OVER,
        "terminated": Meaning.OVER,
        "verified": Meaning.NO_PAYMENT,
        "verify_failed": Meaning.NO_PAYMENT,
        "refunding": Meaning.PAID,
        "refund_pending": Meaning.PAID,
        "refund_error": Meaning.PAID,
        "refunded": Meaning.PAID,
        "partially_refunded": Meaning.PAID,
        "refund_failed": Meaning.PAID,
        "charged_back": Meaning.PAID,
    }
)
# What an invoice, or an entry of its refunds, says of a refund. Everything else is not decided yet.
_REFUND_WORDS: Mapping[str, OutcomeKind] = MappingProxyType(
    {
        **dict.fromkeys(("processed", "refunded", "partially_refunded"), _Kind.REFUNDED),
        **dict.fromkeys(("process_failed", "refund_failed", "failed", "rejected", "terminated"), _Kind.REFUND_FAILED),
    }
)
_REFUND_STATUSES = frozenset(
    {"refunding", "refund_pending", "refund_error", "refunded", "partially_refunded", "refund_failed"}
)


def news_of(invoice: Invoice, told_at: datetime) -> tuple[Outcome, ...]:
    """Return all that an invoice says; empty where nothing has happened yet. `told_at` is when we heard it."""
    match STATUSES.get(invoice.status, Meaning.NO_PAYMENT):
        case Meaning.PAID:
            return (_paid(invoice, told_at), *_refunds(invoice, told_at), *_charged_back(invoice, told_at))
        case Meaning.REFUSED:
            at = invoice.failed_at or invoice.updated_at
            outcome = _of_payment(invoice, _Kind.DECLINED, "process_failed", at, told_at)
            return (replace(outcome, decline=decline_of(invoice.resolution, invoice.message)),)
        case Meaning.OVER:
            # Said of the opening: nobody's attempt ended with it.
            return (_of_opening(invoice, _Kind.EXPIRED, invoice.status, invoice.updated_at, told_at),)
        case Meaning.OPEN if invoice.is_attempted:
            # Said of the opening too: an attempt that may still be followed by another must bind nothing.
            return (_of_opening(invoice, _Kind.PENDING, invoice.status, invoice.updated_at, told_at),)
        case _:
            return ()


def note_of(invoice: Invoice, told_at: datetime) -> Outcome:
    """Return the note of an invoice of which nothing is to be done."""
    at = invoice.updated_at
    return _of_opening(invoice, _Kind.NOTE, f"{text_of(invoice.status)[:40]}:{at and int(at.timestamp())}", at, told_at)


def pending_charge(invoice: Invoice, told_at: datetime) -> Outcome:
    """Return that a charge of ours is under way."""
    return _of_payment(invoice, _Kind.PENDING, text_of(invoice.status)[:40], invoice.updated_at, told_at)


def refund_of(
    invoice: Invoice, request: RefundRequest, told_at: datetime, *, was_just_made: bool = True
) -> Outcome | None:
    """Return what an invoice says of one refund of ours; None where it speaks of none.

    Where it does not list it, the invoice's own status is about the refund that was just made; of an earlier one only
    where nothing is listed at all, for what is listed may have been given back in the portal.

    :raises AnswerLost: the invoice says that less was given back than this refund alone.
    """
    for refund in invoice.refunds:
        if refund.reference == request.reference:
            return _refund(invoice, refund, told_at)
    if invoice.status not in _REFUND_STATUSES or (invoice.refunds and not was_just_made):
        return None
    kind = _REFUND_WORDS.get(invoice.status, _Kind.PENDING)
    if kind is _Kind.REFUNDED and (invoice.refunded is None or invoice.refunded.minor < request.money.minor):
        raise AnswerLost("cardgate refund: the invoice does not say that this much was given back")
    alone = Refund(
        name=request.reference,
        reference=request.reference,
        status=invoice.status,
        resolution=invoice.resolution,
        money=request.money,
        at=invoice.updated_at,
    )
    return _refund(invoice, alone, told_at)


def _paid(invoice: Invoice, told_at: datetime) -> Outcome:
    """Say how much was taken; short of the invoice it is a fact of its own, which the rest may follow."""
    money = invoice.processed if invoice.is_processed_told else invoice.money
    at = invoice.processed_at or invoice.updated_at
    if money is None:
        # Nothing may be booked from an amount that cannot be held, and somebody must look.
        return _note(invoice, "processed:unreadable", at, told_at, problem="the amount cannot be read")
    is_short = invoice.money is not None and money.minor < invoice.money.minor
    outcome = _of_payment(invoice, _Kind.CAPTURED, "partially_processed" if is_short else "processed", at, told_at)
    return replace(outcome, money=money, card=invoice.card)


def _refunds(invoice: Invoice, told_at: datetime) -> tuple[Outcome, ...]:
    told = tuple(_refund(invoice, refund, told_at) for refund in invoice.refunds)
    explained = sum(each.money.minor for each in told if each.kind is _Kind.REFUNDED and each.money is not None)
    if invoice.refunded is None or invoice.refunded.minor <= explained:
        return told
    # `refunded_amount` is a total. What no entry explains may be a refund that we know already: a person looks.
    problem = "the refunds do not add up to what went back"
    word = f"refunded:{invoice.refunded.minor}"
    return (*told, _note(invoice, word, invoice.updated_at, told_at, problem=problem))


def _refund(invoice: Invoice, refund: Refund, told_at: datetime) -> Outcome:
    kind = _REFUND_WORDS.get(refund.status or invoice.status, _Kind.PENDING)
    problem = ""
    if kind is _Kind.REFUNDED and refund.money is None:
        kind, problem = _Kind.NOTE, "the amount of a refund cannot be read"
    return Outcome(
        kind=kind,
        reference=Reference(ours=refund.reference, gateway=refund.name, payment=invoice.id, opening=invoice.id),
        event_key=f"{invoice.id}:refund:{refund.reference or refund.name}:{kind.lower()}"[:160],
        occurred_at=_not_later(refund.at or invoice.updated_at, told_at),
        money=refund.money,
        decline=decline_of(refund.resolution or invoice.resolution, invoice.message)
        if kind is _Kind.REFUND_FAILED
        else None,
        problem=problem,
        raw=invoice.raw,
    )


def _charged_back(invoice: Invoice, told_at: datetime) -> tuple[Outcome, ...]:
    """Say what the banks took back, in all: the vendor gives one total, and no dispute a name."""
    money = invoice.charged_back
    if money is None and invoice.status == "charged_back":
        money = invoice.processed or invoice.money
    if money is None or money.minor <= 0:
        return ()
    at = invoice.charged_back_at or invoice.updated_at
    outcome = _of_opening(invoice, _Kind.CHARGEBACK, f"charged_back:{money.minor}", at, told_at)
    reference = replace(outcome.reference, payment=invoice.id)
    dispute = DisputeNews(stage="charged_back", reason=text_of(invoice.resolution))
    return (replace(outcome, reference=reference, money=money, dispute=dispute),)


def _of_payment(invoice: Invoice, kind: OutcomeKind, word: str, at: datetime | None, told_at: datetime) -> Outcome:
    """Say something of the payment, whose name is the invoice's."""
    outcome = _of_opening(invoice, kind, word, at, told_at)
    return replace(outcome, reference=replace(outcome.reference, gateway=invoice.id, payment=invoice.id))


def _of_opening(invoice: Invoice, kind: OutcomeKind, word: str, at: datetime | None, told_at: datetime) -> Outcome:
    """Say something that binds no attempt."""
    return Outcome(
        kind=kind,
        reference=Reference(ours=invoice.reference, opening=invoice.id),
        event_key=f"{invoice.id}:{word}"[:160],
        occurred_at=_not_later(at, told_at),
        raw=invoice.raw,
    )


def _note(invoice: Invoice, word: str, at: datetime | None, told_at: datetime, *, problem: str) -> Outcome:
    outcome = _of_payment(invoice, _Kind.NOTE, word, at, told_at)
    return replace(outcome, problem=problem)


def _not_later(happened_at: datetime | None, told_at: datetime) -> datetime:
    """Return when something happened; a clock that runs ahead must not make its word the last one for good."""
    return min(happened_at or told_at, told_at)
