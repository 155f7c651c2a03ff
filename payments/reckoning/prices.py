"""Figures that follow from what was booked: the price that cards must pay, now and later, and what is kept."""

from collections.abc import Iterator

from bookings.models import Booking, BookingStatus, InstallmentKind, SettlementMethod
from bookings.rules import LIVE_STATUSES, is_asked, is_gift_bought, may_have_gifts
from payments.reckoning.rows import Rows
from payments.reckoning.steps import Figure, Step

_BY_INVOICE = (SettlementMethod.VOUCHER, SettlementMethod.DEFERRED)


def to_collect(rows: Rows) -> Figure:
    """Explain what cards must pay before the order is confirmed: all of it, the net price, or the deposit."""
    return Figure(
        key="toCollect",
        title="To be paid before the confirmation",
        told_as="",
        currency=rows.order.currency,
        steps=tuple(_price_steps(rows)),
        notes=tuple(_price_notes(rows)),
    )


def later(rows: Rows) -> Figure:
    """Explain the balance: what is left of a price of which only the deposit is due at once."""
    steps = []
    if rows.order.settlement_method == SettlementMethod.DEPOSIT:
        for booking in _live(rows):
            by = f", due by {booking.balance_due_date:%Y-%m-%d}" if booking.balance_due_date else ""
            minor = booking.retail_minor - booking.deposit_minor
            steps.append(_of(booking, f"{_named(booking)}: its price less its deposit{by}", minor))
    return Figure(
        key="later",
        title="The balance: to be paid after the confirmation",
        told_as="",
        currency=rows.order.currency,
        steps=tuple(steps),
    )


def kept(rows: Rows) -> Figure:
    """Explain what stays with the operator of what was cancelled too late."""
    method = rows.order.settlement_method
    steps = []
    for booking in rows.bookings:
        if booking.status != BookingStatus.CANCELLED or booking.cancellation_refund != "NONE" or method in _BY_INVOICE:
            continue
        words, minor = {
            SettlementMethod.WHOLESALE: ("its net price", booking.net_minor),
            SettlementMethod.DEPOSIT: ("its deposit, and what was paid of its balance", booking.kept_minor),
        }.get(SettlementMethod(method), ("its price", booking.retail_minor))
        steps.append(_of(booking, f"{_named(booking)} was cancelled too late: {words} stays", minor))
    return Figure(
        key="kept",
        title="Kept of what was cancelled too late",
        told_as="",
        currency=rows.order.currency,
        steps=tuple(steps),
    )


def _price_steps(rows: Rows) -> Iterator[Step]:
    order = rows.order
    if is_asked(order):
        if order.status in LIVE_STATUSES:
            yield Step(sentence=f"The {order.kind.lower().replace('_', ' ')} asks for", minor=order.asked_minor)
        return
    if order.settlement_method in _BY_INVOICE:
        return
    live = _live(rows)
    if order.settlement_method == SettlementMethod.DEPOSIT:
        for installment in rows.installments:
            if live and installment.kind == InstallmentKind.DEPOSIT:
                yield Step(sentence="The deposit, as it was fixed with the price", minor=installment.amount_minor)
    else:
        is_net = order.settlement_method == SettlementMethod.WHOLESALE
        for booking in live:
            minor = booking.net_minor if is_net else booking.retail_minor
            yield _of(booking, f"{_named(booking)}: its {'net ' if is_net else ''}price", minor)
    for gift in rows.gifts if may_have_gifts(order) else ():
        if is_gift_bought(gift):
            yield Step(sentence=f"Gift voucher {gift.reference}: its value", minor=gift.amount_minor, about=gift)


def _price_notes(rows: Rows) -> Iterator[str]:
    order = rows.order
    if is_asked(order):
        if order.status not in LIVE_STATUSES:
            yield f"The order is {order.status.lower()} and asks for nothing."
        return
    if order.settlement_method in _BY_INVOICE:
        yield f"The order is settled by {order.settlement_method.lower()}: the partner pays, and cards pay nothing."
    for booking in rows.bookings:
        if booking.status not in LIVE_STATUSES:
            yield f"{booking.reference} is {booking.status.lower().replace('_', ' ')} and costs nothing any more."


def _live(rows: Rows) -> list[Booking]:
    return [booking for booking in rows.bookings if booking.status in LIVE_STATUSES]


def _named(booking: Booking) -> str:
    return f"Booking {booking.reference} ({booking.product.name})"


def _of(booking: Booking, sentence: str, minor: int) -> Step:
    return Step(sentence=sentence, minor=minor, about=booking)
