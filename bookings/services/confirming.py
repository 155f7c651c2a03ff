from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn

from django.db import transaction

from bookings.errors import (
    AlreadyConfirmed,
    GiftHoldExpired,
    GiftNotConfirmable,
    HoldExpired,
    NotConfirmable,
    NotUpdatable,
    OrderNotOpen,
)
from bookings.free_text import CONTACT_FIELDS
from bookings.models import Booking, BookingStatus, Gift, Order
from bookings.prepared import prepared_cursor
from bookings.requests import BookingChanges, GiftChanges, OrderChanges
from bookings.rules import SOLD_GIFT_STATUSES
from bookings.services.carts import ORDER_TEXTS, apply_order_changes
from bookings.services.changes import stored_fields, touch_order, write_changes
from bookings.services.gift_changes import apply_gift_changes
from bookings.services.gift_holds import confirm_gifts, gifts_under_lock, held_gifts, remember_gifts
from bookings.services.numbering import new_code
from bookings.services.orders import bookings_under_lock, holds_of, lock_order, remember_bookings, settle_status
from bookings.services.summaries import write_receipts
from bookings.services.units import read_unit_items, save_ticket_codes, ticket_code_for
from bookings.services.updating import apply_changes


@transaction.atomic
def confirm_order(*, order: Order, now: datetime) -> Order:
    """Confirm every hold of an order and fill its tickets and vouchers, whether or not the hold's time is over.

    It does not look at money.

    :raises AlreadyConfirmed: nothing is on hold any more.
    :raises OrderNotOpen: it expired (see `retake_seats`), was cancelled, or holds nothing.
    """
    return confirm_locked_order(order=lock_order(order_id=order.pk), now=now)


def confirm_locked_order(
    *, order: Order, now: datetime, bookings: list[Booking] | None = None, money_in_minor: int | None = None
) -> Order:
    """Confirm an order as `confirm_order` does, in the transaction in which the caller locked it.

    A caller that has read the order's `bookings` under its lock passes them; `money_in_minor` as in `complete`.
    """
    begun = begin_confirmation(order=order, now=now, bookings=bookings)
    return begun.complete(now=now, money_in_minor=money_in_minor)


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunConfirmation:
    """Be a confirmation of a locked order that is possible, with its changes made and, until it is complete, not saved.

    `bookings` are all of the order's, as the changes leave them: by these its money is measured. `held` and `bought`
    are those to be confirmed, `stored` is what the booking that is `changing` held before, and `changed` what partners
    were told of that.
    """

    order: Order
    bookings: list[Booking]
    gifts: list[Gift]
    held: list[Booking]
    bought: list[Gift]
    changes_texts: bool
    changing: Booking | None = None
    stored: Mapping[str, object] = field(default_factory=dict)
    changed: dict[str, object] = field(default_factory=dict)

    def complete(self, *, now: datetime, money_in_minor: int | None = None) -> Order:
        """Confirm, fill tickets and vouchers, and tell partners, in the transaction in which it was begun.

        With `money_in_minor` what `record_money` would note is one version with the confirmation.
        """
        order, held, changing = self.order, self.held, self.changing
        for one in held:
            one.status = BookingStatus.CONFIRMED
            one.confirmed_at = now
            one.expires_at = None
            one.updated_at = now
            if "VOUCHER" in one.product.delivery_methods:
                one.voucher_code = new_code(is_live=one.is_live)
        if changing is not None:
            changing.save(update_fields=[name for name, was in self.stored.items() if getattr(changing, name) != was])
        others = [one for one in held if one is not changing]
        if self.changes_texts:
            Booking.objects.bulk_update(others, CONTACT_FIELDS)
        _save_confirmed(others, now)
        _fill_tickets(held)
        confirm_gifts(self.bought, now=now)
        was: dict[str, object] = {"status": str(BookingStatus.ON_HOLD)}
        fields = {"expires_at", *settle_status(order, self.bookings, self.gifts), *ORDER_TEXTS}
        if money_in_minor is not None and money_in_minor != order.money_in_minor:
            was["money_in_minor"] = order.money_in_minor
            order.money_in_minor = money_in_minor
            fields.add("money_in_minor")
        touch_order(order, now=now, fields=fields)
        before_of = {changing.pk: self.changed} if changing is not None else None
        write_changes(
            order=order, bookings=held, gifts=self.bought, reason="confirmed", now=now, before=was, before_of=before_of
        )
        write_receipts(order, bookings=held, gifts=self.bought, now=now)
        remember_bookings(order, self.bookings)
        remember_gifts(order, self.gifts)
        return order


def begin_confirmation(
    *,
    order: Order,
    now: datetime,
    booking: Booking | None = None,
    changes: BookingChanges | None = None,
    order_changes: OrderChanges | None = None,
    gift: Gift | None = None,
    gift_changes: GiftChanges | None = None,
    bookings: list[Booking] | None = None,
) -> BegunConfirmation:
    """Begin to confirm an order in the transaction in which the caller locked it; between this and `complete` the
    caller may look at the money, and give it up.

    With a `booking` or a `gift` only that one is confirmed. `changes` to it, and to the order, are made with the
    confirmation or not at all; where none of them is one that `writes_at_once` names, nothing is written here. A caller
    that has read the order's `bookings` under its lock passes them.

    :raises NotUpdatable: the booking to change is no hold of the order.
    :raises BookingError: it cannot be confirmed, as `confirm_order` says.
    """
    bookings = bookings_under_lock(order) if bookings is None else bookings
    gifts = gifts_under_lock(order)
    held, bought = holds_of(bookings), held_gifts(gifts)
    if booking is not None and any(one.pk == booking.pk and one.status != BookingStatus.ON_HOLD for one in bookings):
        _refuse(order, bookings, booking)
    if gift is not None and not any(one.pk == gift.pk for one in bought):
        _refuse_gift(order, gifts, gift)
    if not (held or bought) or order.status != BookingStatus.ON_HOLD:
        _refuse(order, bookings, booking)
    changing: Booking | None = None
    stored: dict[str, object] = {}
    changed: dict[str, object] = {}
    if booking is not None and changes is not None:
        changing = _held_one(bookings, booking)
        stored = stored_fields(changing)
        changed = apply_changes(order=order, booking=changing, bookings=bookings, changes=changes, now=now) or {}
    if order_changes is not None:
        apply_order_changes(order, held, order_changes, now=now)
    if booking is not None:
        held, bought = [one for one in held if one.pk == booking.pk], []
    if gift is not None:
        held, bought = [], [one for one in bought if one.pk == gift.pk]
    if gift_changes is not None:
        for each in bought:
            apply_gift_changes(order=order, gift=each, changes=gift_changes, now=now)
            each.save()
    return BegunConfirmation(
        order=order,
        bookings=bookings,
        gifts=gifts,
        held=held,
        bought=bought,
        changes_texts=order_changes is not None,
        changing=changing,
        stored=stored,
        changed=changed,
    )


def _refuse(order: Order, bookings: list[Booking], booking: Booking | None) -> NoReturn:
    """Say why nothing can be confirmed, in the words of what was asked for."""
    asked = next((one for one in bookings if booking is not None and one.pk == booking.pk), None)
    status = asked.status if asked is not None else order.status
    if status == BookingStatus.CONFIRMED:
        raise AlreadyConfirmed(str(order.pk))
    if asked is None:
        words = "it holds nothing" if status == BookingStatus.ON_HOLD else f"it is {status}"
        raise OrderNotOpen(str(order.uuid), words)
    if status == BookingStatus.EXPIRED:
        raise HoldExpired(str(asked.uuid))
    raise NotConfirmable(str(asked.uuid), status)


def _refuse_gift(order: Order, gifts: list[Gift], gift: Gift) -> NoReturn:
    status = next((one.status for one in gifts if one.pk == gift.pk), gift.status)
    if status in SOLD_GIFT_STATUSES:
        raise AlreadyConfirmed(str(order.pk))
    if status == BookingStatus.EXPIRED:
        raise GiftHoldExpired(str(gift.uuid))
    raise GiftNotConfirmable(str(gift.uuid), status)


def _held_one(bookings: list[Booking], wanted: Booking) -> Booking:
    found = next((one for one in bookings if one.pk == wanted.pk), None)
    if found is None:
        raise NotUpdatable(str(wanted.uuid), "it is not of this order")
    return found


def _save_confirmed(bookings: Sequence[Booking], now: datetime) -> None:
    """Write that bookings are confirmed, with their vouchers: their values differ in these alone, and Django builds a
    CASE of every column of every row.
    """
    if not bookings:
        return
    with prepared_cursor() as cursor:
        cursor.execute(
            """
            UPDATE bookings_booking AS booking
            SET status = %s, confirmed_at = %s, updated_at = %s, expires_at = NULL, voucher_code = given.code
            FROM unnest(%s::uuid[], %s::text[]) AS given (id, code) WHERE booking.id = given.id
            """,
            [
                BookingStatus.CONFIRMED.value,
                now,
                now,
                [booking.pk for booking in bookings],
                [booking.voucher_code for booking in bookings],
            ],
        )


def _fill_tickets(bookings: list[Booking]) -> None:
    read_unit_items(bookings)
    ticketed = [booking for booking in bookings if "TICKET" in booking.product.delivery_methods]
    items = []
    for booking in ticketed:
        for item in booking.unit_items.all():
            item.ticket_code = ticket_code_for(booking)
            items.append(item)
    if items:
        save_ticket_codes(items)
