"""Figures that say what is still to be paid: what is on its way, what is due, and what paying it would add."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from bookings.models import BookingStatus
from money import Money, exponent_of
from payments.reckoning.rows import Rows
from payments.reckoning.steps import Figure, Step
from payments.selectors import Flight, in_flight_among
from payments.services.surcharging import surcharge_by

_FLIGHTS: dict[Flight, tuple[str, int]] = {
    Flight.HELD: ("Held on {card}, not taken", 1),
    Flight.ASKED: ("Charged to {card} with no answer yet", 1),
    Flight.RETURNING: ("On its way back to {card}", -1),
}
_BASIS = 10_000


def pending(rows: Rows) -> Figure:
    """Explain what is neither money in nor nothing: held, asked for, or on its way back."""
    steps = []
    for flight, row, minor in in_flight_among(rows.operations):
        if flight in _FLIGHTS:
            words, sign = _FLIGHTS[flight]
            sentence = words.format(card=row.card_text or "the guest's card")
            steps.append(Step(sentence=sentence, minor=sign * minor, at=row.requested_at, about=row))
    return _figure(rows, "pending", "On its way, nobody has decided", "amount_pending (resource)", steps)


def money_in(rows: Rows, *, paid: Figure, surcharge: Figure, refunded: Figure, back: Figure, lost: Figure) -> Figure:
    """Explain what there is of the price: taken, and not given back."""
    steps = [
        Step(sentence="Taken in all", minor=paid.minor),
        Step(sentence="Of it surcharge, which pays nothing of the price", minor=-surcharge.minor),
        Step(sentence="Given back in all", minor=-refunded.minor),
        Step(sentence="Of that surcharge", minor=back.minor),
        Step(sentence="Charged back", minor=-lost.minor),
    ]
    kept = [step for step in steps if step.minor] or steps[:1]
    return _figure(rows, "moneyIn", "Money in, for the price", "amount_paid (resource)", kept)


def balance(rows: Rows, *, now: Figure, later: Figure, there: Figure, flight: Figure, kept: Figure) -> Figure:
    """Explain what is asked of the guest now."""
    steps = [Step(sentence="To be paid before the confirmation", minor=now.minor)]
    notes = []
    if rows.order.status == BookingStatus.CONFIRMED:
        steps.append(Step(sentence="The balance, which is asked for once the order is confirmed", minor=later.minor))
    elif later.minor:
        notes.append(f"{_money(rows, later.minor)} more are asked for once the order is confirmed.")
    steps += _less_what_is_there(there, flight, kept)
    steps += _not_below_nothing(steps, "More is there than is due, and nothing is asked for")
    return _figure(rows, "balance", "Still due", "balance (OCTO)", _said(steps), notes)


def owing(rows: Rows, *, now: Figure, later: Figure, there: Figure, flight: Figure, kept: Figure) -> Figure:
    """Explain what is owed in the end: of the whole price, what is not in yet, be it on its way or not."""
    steps = [
        Step(sentence="To be paid before the confirmation", minor=now.minor),
        Step(sentence="The balance", minor=later.minor),
        *_less_what_is_there(there, flight, kept),
    ]
    steps += _not_below_nothing(steps, "More is there than the whole price")
    steps.append(Step(sentence="On its way, and so not paid yet", minor=flight.minor))
    steps += _not_below_nothing(steps, "More is on its way back than is owed")
    return _figure(rows, "owing", "Owed in the end", "amount_owing (resource)", _said(steps))


def surcharge(rows: Rows, *, due_minor: int) -> Figure:
    """Explain what paying the balance now would add, with what is rounded."""
    terms, currency = rows.terms, rows.order.currency
    steps: list[Step] = []
    notes: list[str] = []
    if due_minor == 0:
        notes.append("Nothing is due, so nothing is added.")
    elif terms.waiting is not None and terms.waiting.parts.base_minor == due_minor:
        sentence = f"As it was fixed when {terms.waiting.reference} was asked for"
        steps.append(Step(sentence=sentence, minor=terms.waiting.surcharge_minor, about=terms.waiting))
    elif terms.rule is None:
        notes.append("No surcharge rule speaks of such a payment.")
    else:
        rule, base = terms.rule, _money(rows, due_minor)
        exact = Decimal(due_minor * rule.percent_basis_points).scaleb(-4 - exponent_of(currency)).normalize()
        whole = due_minor * rule.percent_basis_points // _BASIS
        total = surcharge_by(rule, due_minor, unit=terms.unit)
        if rule.percent_basis_points:
            percent = f"{Decimal(rule.percent_basis_points).scaleb(-2)} % of {base}"
            steps.append(Step(sentence=f"{percent} is exactly {exact:f} {currency}; of it whole units", minor=whole))
        if rule.fixed_minor:
            steps.append(Step(sentence="The rule's fixed amount", minor=rule.fixed_minor))
        if rounding := total - whole - rule.fixed_minor:
            steps.append(Step(sentence=f"Rounded half up to {_money(rows, terms.unit)}", minor=rounding))
    return _figure(rows, "surcharge", "Paying it now would add", "surcharge (OCTO)", steps, notes)


def outstanding(rows: Rows, *, due: Figure, added: Figure) -> Figure:
    """Explain what a guest who pays now pays."""
    steps = [Step(sentence="Still due", minor=due.minor), Step(sentence="Paying it now would add", minor=added.minor)]
    return _figure(rows, "outstandingBalance", "What the guest would pay now", "outstandingBalance (OCTO)", steps)


def _less_what_is_there(there: Figure, flight: Figure, kept: Figure) -> Iterator[Step]:
    """Take off what is there or coming; of it, what is kept of dead bookings pays for nothing that lives."""
    yield Step(sentence="Money in, for the price", minor=-there.minor)
    yield Step(sentence="On its way, nobody has decided", minor=-flight.minor)
    of_it = max(0, min(kept.minor, there.minor + flight.minor))
    yield Step(sentence="Of both, what is kept of what was cancelled too late pays nothing else", minor=of_it)


def _not_below_nothing(steps: Iterable[Step], sentence: str) -> list[Step]:
    total = sum(step.minor for step in steps)
    return [Step(sentence=sentence, minor=-total)] if total < 0 else []


def _said(steps: list[Step]) -> list[Step]:
    """Leave out what adds nothing, but for the first."""
    return [step for place, step in enumerate(steps) if step.minor or place == 0]


def _figure(rows: Rows, key: str, title: str, told_as: str, steps: Iterable[Step], notes: Iterable[str] = ()) -> Figure:
    return Figure(
        key=key, title=title, told_as=told_as, currency=rows.order.currency, steps=tuple(steps), notes=tuple(notes)
    )


def _money(rows: Rows, minor: int) -> Money:
    return Money(minor, rows.order.currency)
