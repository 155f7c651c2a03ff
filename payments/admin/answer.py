"""Was I charged?", answered in one word and one sentence that a caller can be told: of a payment, and of an order.

A guest was charged for an order, which may have been tried by several payments: none of them says "no" while another
one took the money.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Sum
from django.utils import timezone

from bookings.models import Order
from bookings.rules import LIVE_STATUSES
from money import Money
from payments.admin.history import History
from payments.models import Payment, Transaction
from payments.selectors import CHARGE_KINDS, order_money
from payments.services.challenges import waits_for_guest
from payments.states import OperationKind, Status

_TAKES = (OperationKind.SALE, OperationKind.CAPTURE)
# Of an order that was tried to be paid more often, the older payments are looked at in the list.
_MOST_SHOWN = 20
_NO, _HELD, _YES, _BACK = (
    "No, not charged",
    "Not charged, but money is held",
    "Yes, charged",
    "Charged, and all of it came back",
)
_NOBODY_KNOWS, _BY_ANOTHER = "Nobody knows yet", "Yes, by another payment of the order"
_TONES = {_NO: "bad", _HELD: "warn", _YES: "good", _BACK: "good", _NOBODY_KNOWS: "warn", _BY_ANOTHER: "good"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Be what a caller is told; `tone` is good, bad or warn. `payments` are what it speaks of beside the page's own."""

    verdict: str
    sentence: str
    tone: str
    payments: tuple[Payment, ...] = ()


def answer_of(history: History) -> Answer:
    """Return the answer for one payment: what was taken, held and given back, when, on which card, and what is open;
    and what other payments of the same order took, hold or may have taken.

    Amounts are the payment's sums, which follow from what the gateway said; cards and days are its operations'.
    """
    payment, operations = history.payment, list(history.operations.values())
    is_open = any(row.kind in CHARGE_KINDS for row in history.undecided)
    said = [*_taken(history, operations), *_returned(history, operations), *_held(history, operations)]
    if not said and not is_open:
        said = ["nothing was taken", *_refused(history, operations)]
    elsewhere = {each: words for each in history.others if (words := _elsewhere(each, history.undecided_elsewhere))}
    sentence = "; ".join([*said, *(list(_undecided(history)) or ["nothing is undecided"])])
    verdict = _with_others(_verdict([payment], is_open=is_open), history)
    return Answer(
        verdict=verdict,
        sentence=". ".join(_begun(each) for each in (sentence, *elsewhere.values())) + ".",
        tone=_TONES[verdict],
        payments=tuple(elsewhere),
    )


def answer_of_order(order: Order) -> Answer:
    """Return the answer for all that was tried to pay an order by, newest payment first, and what is still due."""
    payments = list(Payment.objects.filter(order=order).select_related("account").order_by("-number"))
    undecided = dict(
        Transaction.objects.filter(order=order, status=Status.PENDING)
        .values_list("kind")
        .annotate(total=Sum("amount_minor"))
        .order_by("kind")
    )
    asked = sum(minor for kind, minor in undecided.items() if kind in CHARGE_KINDS)
    verdict = _verdict(payments, is_open=asked > 0)
    figures = (
        (sum(each.captured_minor for each in payments), "{} were taken"),
        (sum(each.refunded_minor for each in payments), "{} came back"),
        (undecided.get(OperationKind.REFUND, 0), "{} are on their way back"),
        (sum(each.charged_back_minor for each in payments), "the guest's bank took {} back"),
        (sum(each.authorized_minor for each in payments), "{} are held and were not taken"),
        (asked, "whether {} were taken is not decided"),
        (order_money(order).due_minor if order.status in LIVE_STATUSES else 0, "{} are still due"),
    )
    said = [words.format(Money(minor, order.currency)) for minor, words in figures if minor > 0]
    if verdict == _NO:
        said.insert(0, "nothing was taken")
    return Answer(
        verdict=verdict,
        sentence=f"{_begun('; '.join(said))}.",
        tone=_TONES[verdict],
        payments=tuple(payments[:_MOST_SHOWN]),
    )


def payments_with_open_charges(order_id: UUID) -> set[UUID]:
    """Return the payments of an order with a charge that nobody decided."""
    charges = Transaction.objects.filter(order_id=order_id, status=Status.PENDING, kind__in=CHARGE_KINDS)
    return set(charges.values_list("payment_id", flat=True))


def day_text(at: datetime) -> str:
    """Return a day as it is spoken: 3 Nov 2026, in the office's time zone."""
    local = timezone.localtime(at)
    return f"{local.day} {local:%b %Y}"


def _kept(payment: Payment) -> int:
    return payment.captured_minor - payment.refunded_minor - payment.charged_back_minor


def _verdict(payments: Iterable[Payment], *, is_open: bool) -> str:
    """Return the word for some payments of an order, taken together."""
    of_all = list(payments)
    if is_open:
        return _NOBODY_KNOWS
    if any(_kept(each) > 0 for each in of_all):
        return _YES
    if any(each.captured_minor > 0 for each in of_all):
        return _BACK
    return _HELD if any(each.authorized_minor > 0 for each in of_all) else _NO


def _with_others(verdict: str, history: History) -> str:
    """Return the word for a payment's page, where others of the order say more than the payment itself."""
    if verdict in (_YES, _NOBODY_KNOWS):
        return verdict
    others = _verdict(history.others, is_open=bool(history.undecided_elsewhere - {history.payment.pk}))
    if any(_kept(each) > 0 for each in history.others):
        return _BY_ANOTHER
    return others if others == _NOBODY_KNOWS or (verdict == _NO and others == _HELD) else verdict


def _elsewhere(payment: Payment, undecided: set[UUID]) -> str:
    """Say of another payment of the order what a caller must not be told without; empty where it has no money."""
    said = []
    if _kept(payment) > 0:
        said.append(f"took {Money(_kept(payment), payment.currency)}")
    if payment.authorized_minor > 0:
        said.append(f"holds {Money(payment.authorized_minor, payment.currency)}")
    if payment.pk in undecided:
        said.append("is not decided")
    return f"another payment of the order, {payment.reference}, {' and '.join(said)}" if said else ""


def _begun(sentence: str) -> str:
    return f"{sentence[:1].upper()}{sentence[1:]}"


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
