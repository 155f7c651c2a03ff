"""Figures that are sums of ledger entries: what was taken, what went back, and by what."""

from collections.abc import Callable, Iterable, Iterator

from bookings.gift_codes import masked_code
from payments.models import LedgerAccount, LedgerEntry
from payments.reckoning.rows import Rows
from payments.reckoning.steps import Figure, Step
from payments.states import OperationKind

_PRICE, _SURCHARGE, _DONATION = LedgerAccount.RECEIVABLE, LedgerAccount.SURCHARGE, LedgerAccount.DONATION
_PARTS = {_PRICE: "the price", _SURCHARGE: "the surcharge", _DONATION: "the donation"}


def paid_by_this_payment(rows: Rows) -> Figure:
    """Explain what one payment took, surcharge and donation included."""
    own = [entry for entry in rows.entries if entry.payment_id == rows.payment.pk and _is_taking(entry)]
    return _figure(rows, "paid", "Taken by this payment", "paid (OCTO)", _steps(own, _PRICE, _SURCHARGE, _DONATION))


def total_paid(rows: Rows) -> Figure:
    """Explain what was taken in all."""
    taking = [entry for entry in rows.entries if _is_taking(entry)]
    donated = sum(step.minor for step in _steps(taking, _DONATION))
    notes = ("Donations pay nothing of the order and are left out.",) if donated else ()
    return _figure(
        rows, "totalPaid", "Taken in all", "totalPaid (OCTO)", _steps(taking, _PRICE, _SURCHARGE), notes=notes
    )


def paid_surcharge(rows: Rows) -> Figure:
    """Explain how much of what was taken is surcharge."""
    taking = [entry for entry in rows.entries if _is_taking(entry)]
    return _figure(rows, "paidSurcharge", "Surcharge taken", "paidSurcharge (OCTO)", _steps(taking, _SURCHARGE))


def total_refunded(rows: Rows) -> Figure:
    """Explain what went back."""
    refunds = [entry for entry in rows.entries if _kind(entry) == OperationKind.REFUND]
    steps = _steps(refunds, _PRICE, _SURCHARGE, is_return=True)
    return _figure(rows, "totalRefunded", "Given back in all", "totalRefunded (OCTO)", steps)


def refunded_surcharge(rows: Rows) -> Figure:
    """Explain how much of what went back is surcharge."""
    refunds = [entry for entry in rows.entries if _kind(entry) == OperationKind.REFUND]
    steps = _steps(refunds, _SURCHARGE, is_return=True)
    return _figure(rows, "refundedSurcharge", "Surcharge given back", "", steps)


def charged_back(rows: Rows) -> Figure:
    """Explain what guests' banks took back."""
    steps = []
    for entry in rows.entries:
        sign = (entry.to_account == LedgerAccount.DISPUTED) - (entry.from_account == LedgerAccount.DISPUTED)
        if sign:
            what = "took it back" if sign > 0 else "gave it to us again: the chargeback was withdrawn"
            steps.append(_step(entry, f"The bank behind {_who(entry)} {what}", sign))
    return _figure(rows, "chargedBack", "Charged back", "", steps)


def donation(rows: Rows) -> Figure:
    """Explain what was donated on top and not given back."""
    taking = [entry for entry in rows.entries if _is_taking(entry)]
    refunds = [entry for entry in rows.entries if _kind(entry) == OperationKind.REFUND]
    returned = [_negated(step) for step in _steps(refunds, _DONATION, is_return=True)]
    return _figure(
        rows, "donation", "Donated, on top", "donationAmount (context)", [*_steps(taking, _DONATION), *returned]
    )


def gift(rows: Rows) -> Figure:
    """Explain what gift vouchers paid and did not get back; it is part of what was taken."""
    return _tender(rows, "gift", "Paid by gift vouchers", "giftPayment (OCTO)", lambda entry: entry.gift_id is not None)


def credit(rows: Rows) -> Figure:
    """Explain what a customer's credit paid and did not get back; it is part of what was taken."""
    return _tender(
        rows, "credit", "Paid by the guest's credit", "Customer credit (context)", lambda e: e.customer_id is not None
    )


def topped_up(rows: Rows) -> Figure:
    """Explain what this order added to its customer's credit."""
    steps = _owed(rows, LedgerAccount.CUSTOMER_CREDIT, LedgerAccount.TOP_UPS, "Owed to the guest as credit")
    return _figure(rows, "toppedUp", "Put on the guest's account", "", steps)


def gifts_sold(rows: Rows) -> Figure:
    """Explain what is owed to the holders of the gift vouchers sold on this order."""
    steps = _owed(rows, LedgerAccount.GIFT_LIABILITY, LedgerAccount.GIFT_SALES, "Owed to the holder of a gift voucher")
    return _figure(rows, "giftsSold", "Gift vouchers sold", "", steps)


def _figure(
    rows: Rows, key: str, title: str, told_as: str, steps: Iterable[Step], *, notes: tuple[str, ...] = ()
) -> Figure:
    return Figure(key=key, title=title, told_as=told_as, currency=rows.order.currency, steps=tuple(steps), notes=notes)


def _kind(entry: LedgerEntry) -> str | None:
    return entry.transaction.kind if entry.transaction is not None else None


def _is_taking(entry: LedgerEntry) -> bool:
    """Say whether an entry is about what was taken: what a refund or a chargeback moved is told apart."""
    return _kind(entry) not in (OperationKind.REFUND, OperationKind.CHARGEBACK)


def _steps(entries: Iterable[LedgerEntry], *parts: LedgerAccount, is_return: bool = False) -> Iterator[Step]:
    """Return a step for each entry that pays one of the parts, or gives it back where that is what is counted."""
    for entry in entries:
        for part in parts:
            sign = (entry.from_account == part) - (entry.to_account == part)
            if sign and is_return:
                yield _step(entry, _returned_sentence(entry, _PARTS[part], sign), -sign)
            elif sign:
                yield _step(entry, _taken_sentence(entry, _PARTS[part], sign), sign)


def _tender(rows: Rows, key: str, title: str, told_as: str, is_it: Callable[[LedgerEntry], bool]) -> Figure:
    return _figure(rows, key, title, told_as, _steps([entry for entry in rows.entries if is_it(entry)], _PRICE))


def _owed(rows: Rows, debt: LedgerAccount, sales: LedgerAccount, words: str) -> Iterator[Step]:
    for entry in rows.entries:
        ways = (entry.from_account, entry.to_account)
        if ways == (debt, sales):
            yield _step(entry, words, 1)
        elif ways == (sales, debt):
            yield _step(entry, f"{words} no more: it was taken off", -1)


def _taken_sentence(entry: LedgerEntry, part: str, sign: int) -> str:
    who = _who(entry)
    if sign > 0:
        return f"{who} paid of {part}"
    if entry.gift_id is not None or entry.customer_id is not None:
        return f"{who} got back of {part}"
    return f"{who}: booked out again, for the gateway took back what it had said"


def _returned_sentence(entry: LedgerEntry, part: str, sign: int) -> str:
    reason = f" ({entry.transaction.reason})" if entry.transaction is not None and entry.transaction.reason else ""
    if sign < 0:
        return f"{_who(entry)} got back of {part}{reason}"
    return f"{_who(entry)}: the refund did not arrive, and the money is with us again"


def _who(entry: LedgerEntry) -> str:
    """Name by what was paid: a gift, a credit, a card, or the account that took it."""
    if entry.gift is not None:
        return f"Gift voucher {masked_code(entry.gift)}"
    if entry.customer_id is not None:
        return "The guest's credit"
    row = entry.transaction
    if row is not None and row.card_text:
        return row.card_text
    return f"What {entry.gateway_account or 'an account'} took"


def _step(entry: LedgerEntry, sentence: str, sign: int) -> Step:
    return Step(sentence=sentence, minor=sign * entry.amount_minor, at=entry.posting.occurred_at, about=entry)


def _negated(step: Step) -> Step:
    return Step(sentence=step.sentence, minor=-step.minor, at=step.at, about=step.about)
