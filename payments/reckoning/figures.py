"""All figures of an order's money, in the order in which one follows from the others."""

from dataclasses import dataclass

from payments.reckoning import dues, entries, prices
from payments.reckoning.rows import Rows, decimals_note
from payments.reckoning.steps import Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoning:
    """Be every figure of an order, by its key, with what is to be known of its amounts."""

    figures: dict[str, Figure]
    decimals: str

    def minor(self, key: str) -> int:
        """Return one figure, in minor units."""
        return self.figures[key].minor


def reckon(rows: Rows) -> Reckoning:
    """Explain every figure; pure, and the same rows always give the same sentences."""
    paid, surcharged = entries.total_paid(rows), entries.paid_surcharge(rows)
    refunded, surcharge_back = entries.total_refunded(rows), entries.refunded_surcharge(rows)
    lost, flight = entries.charged_back(rows), dues.pending(rows)
    now, later, kept = prices.to_collect(rows), prices.later(rows), prices.kept(rows)
    there = dues.money_in(rows, paid=paid, surcharge=surcharged, refunded=refunded, back=surcharge_back, lost=lost)
    due = dues.balance(rows, now=now, later=later, there=there, flight=flight, kept=kept)
    added = dues.surcharge(rows, due_minor=due.minor)
    figures = [
        entries.paid_by_this_payment(rows),
        paid,
        surcharged,
        entries.gift(rows),
        entries.credit(rows),
        refunded,
        surcharge_back,
        lost,
        entries.donation(rows),
        there,
        flight,
        now,
        later,
        kept,
        due,
        added,
        dues.outstanding(rows, due=due, added=added),
        dues.owing(rows, now=now, later=later, there=there, flight=flight, kept=kept),
        entries.topped_up(rows),
        entries.gifts_sold(rows),
    ]
    return Reckoning(figures={figure.key: figure for figure in figures}, decimals=decimals_note(rows))
