"""Was I charged?", answered in one word and one sentence that a caller can be told."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from money import Money
from payments.admin.history import History
from payments.models import Payment, Transaction
from payments.selectors import CHARGE_KINDS
from payments.services.challenges import waits_for_guest
from payments.states import OperationKind, Status

_TAKES = (OperationKind.SALE, OperationKind.CAPTURE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Be what a caller is told; `tone` is good, bad or warn."""

    verdict: str
    sentence: str
    tone: str


def answer_of(history: History) -> Answer:
    """Return the answer for one payment: what was taken, held and given back, when, on which card, and what is open.

    Amounts are the payment's sums, which follow from what the gateway said; cards and days are its operations'.
    """
    payment, operations = history.payment, list(history.operations.values())
    is_open = any(row.kind in CHARGE_KINDS for row in history.undecided)
    said = [*_taken(history, operations), *_returned(history, operations), *_held(history, operations)]
    if not said and not is_open:
        said = ["nothing was taken", *_refused(history, operations)]
    sentence = "; ".join([*said, *(list(_undecided(history)) or ["nothing is undecided"])])
    verdict, tone = _verdict(payment, is_open=is_open)
    return Answer(verdict=verdict, sentence=f"{sentence[0].upper()}{sentence[1:]}.", tone=tone)


def day_text(at: datetime) -> str:
    """Return a day as it is spoken: 3 Nov 2026, in the office's time zone."""
    local = timezone.localtime(at)
    return f"{local.day} {local:%b %Y}"


def _verdict(payment: Payment, *, is_open: bool) -> tuple[str, str]:
    kept = payment.captured_minor - payment.refunded_minor - payment.charged_back_minor
    if is_open:
        return "Nobody knows yet", "warn"
    if kept > 0:
        return "Yes, charged", "good"
    if payment.captured_minor > 0:
        return "Charged, and all of it came back", "good"
    if payment.authorized_minor > 0:
        return "Not charged, but money is held", "warn"
    return "No, not charged", "bad"


def _taken(history: History, operations: list[Transaction]) -> Iterator[str]:
    payment = history.payment
    rows = [row for row in operations if row.kind in _TAKES and row.status == Status.PROCESSED]
    if payment.captured_minor > 0:
        amount = Money(payment.captured_minor, payment.currency)
        yield f"{amount} were taken {_from(payment, operations)} {_on(history, rows, payment)}"


def _returned(history: History, operations: list[Transaction]) -> Iterator[str]:
    payment = history.payment
    for kind, minor, words in (
        (OperationKind.REFUND, payment.refunded_minor, "{} came back {}"),
        (OperationKind.CHARGEBACK, payment.charged_back_minor, "the guest's bank took {} back {}"),
    ):
        rows = [row for row in operations if row.kind == kind and row.status == Status.PROCESSED]
        if minor > 0:
            yield words.format(Money(minor, payment.currency), _on(history, rows, payment))


def _held(history: History, operations: list[Transaction]) -> Iterator[str]:
    payment = history.payment
    rows = [row for row in operations if row.kind == OperationKind.AUTHORIZATION and row.status == Status.PROCESSED]
    if payment.authorized_minor > 0:
        amount = Money(payment.authorized_minor, payment.currency)
        since = day_text(min((history.told_at(row) for row in rows), default=payment.updated_at))
        yield f"{amount} are held {_from(payment, operations, 'on')} since {since} and were not taken"


def _refused(history: History, operations: list[Transaction]) -> Iterator[str]:
    """Tell of the last attempt, where it was refused."""
    charges = [row for row in operations if row.kind in CHARGE_KINDS]
    last = max(charges, key=lambda row: row.requested_at, default=None)
    if last is not None and last.status == Status.FAILED:
        card = f" on {last.card_text}" if last.card_text else ""
        amount = Money(last.amount_minor, last.currency)
        yield f"the last attempt, {amount}{card}, was refused on {day_text(history.told_at(last))}"


def _undecided(history: History) -> Iterator[str]:
    """Tell what nobody knows, the oldest first, and what becomes of it."""
    for row in sorted(history.undecided, key=lambda each: each.requested_at):
        amount, since = Money(row.amount_minor, row.currency), day_text(row.requested_at)
        match row.kind:
            case OperationKind.REFUND:
                yield f"{amount} are on their way back, asked for on {since}"
            case OperationKind.VOID:
                yield f"the hold of {amount} is being released, asked for on {since}"
            case OperationKind.CAPTURE:
                yield f"taking {amount} of the hold was asked for on {since} and is not decided"
            case _ if row.unknown_since_at is not None:
                yield f"whether {amount} were taken on {since} is unknown: the gateway's answer was lost"
            case _ if waits_for_guest(row):
                yield f"{amount} wait for the guest, who is at the bank since {since}"
            case _:
                yield f"{amount} were asked for on {since}, and the gateway has not decided"
    if any(opening.reported_paid_at is not None for opening in history.openings):
        yield "the partner says that the guest paid, and the gateway has said nothing of it"


def _from(payment: Payment, operations: Iterable[Transaction], word: str = "from") -> str:
    """Say from which card; where no card is known, through which account."""
    charged = [row for row in operations if row.status == Status.PROCESSED and row.kind in (*CHARGE_KINDS, *_TAKES)]
    cards = dict.fromkeys(row.card_text for row in charged if row.card_text)
    return f"{word} {' and '.join(cards)}" if cards else f"through {payment.account}"


def _on(history: History, rows: list[Transaction], payment: Payment) -> str:
    """Say on which day, or between which days."""
    moments = sorted(history.told_at(row) for row in rows) or [payment.updated_at]
    first, last = day_text(moments[0]), day_text(moments[-1])
    return f"on {first}" if first == last else f"between {first} and {last}"
