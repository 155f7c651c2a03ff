from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.db.models import Prefetch, prefetch_related_objects

from bookings.errors import AlreadyConfirmed, GiftNotUpdatable, HoldExpired, NotConfirmable, NotUpdatable
from bookings.models import Booking, BookingStatus, Gift, Order, UnitItem
from bookings.requests import BookingChanges, GiftChanges
from bookings.selectors import amount_to_collect
from bookings.services.changes import touch_order, write_changes
from bookings.services.gift_changes import apply_gift_changes
from bookings.services.gift_holds import confirm_gifts, gifts_under_lock, held_gifts, remember_gifts
from bookings.services.numbering import new_code
from bookings.services.orders import bookings_under_lock, lock_order, remember_bookings
from bookings.services.units import ticket_code_for
from bookings.services.updating import apply_changes
from money import Money

Check = Callable[[Order, Money], None]


@transaction.atomic
def confirm_order(*, order: Order, now: datetime) -> Order:
    """Confirm every hold of an order and fill its tickets and vouchers, whether or not the hold's time is over.

    It does not look at money.

    :raises AlreadyConfirmed: nothing is on hold any more.
    :raises HoldExpired: the seats were given back; see `retake_seats`.
    :raises NotConfirmable: the order was cancelled, or is in another state that cannot be confirmed.
    """
    return confirm_locked_order(order=lock_order(order_id=order.pk), now=now)


def confirm_locked_order(
    *,
    order: Order,
    now: datetime,
    booking: Booking | None = None,
    changes: BookingChanges | None = None,
    check: Check | None = None,
    gift: Gift | None = None,
    gift_changes: GiftChanges | None = None,
) -> Order:
    """Confirm an order as `confirm_order` does, in the transaction in which the caller locked it.

    `changes` to one `booking` of it, or `gift_changes` to one `gift`, are made with the confirmation or not at all.
    `check` is given the order and what cards must pay for it after the changes, and refuses by raising; without changes
    nothing was written by then.

    :raises NotUpdatable: the booking to change is no hold of the order.
    """
    bookings = bookings_under_lock(order)
    gifts = gifts_under_lock(order)
    held = [one for one in bookings if one.status == BookingStatus.ON_HOLD]
    bought = held_gifts(gifts)
    if not (held or bought) or order.status != BookingStatus.ON_HOLD:
        _refuse(order, bookings, gifts)
    changing: Booking | None = None
    changed: dict[str, object] = {}
    if booking is not None and changes is not None:
        changing = _held_one(bookings, booking)
        changed = apply_changes(order=order, booking=changing, changes=changes, now=now) or {}
    if gift is not None and gift_changes is not None:
        changing_gift = next((one for one in bought if one.pk == gift.pk), None)
        if changing_gift is None:
            raise GiftNotUpdatable(str(gift.uuid), "it is no hold of the order")
        apply_gift_changes(order=order, gift=changing_gift, changes=gift_changes, now=now)
        changing_gift.save()
    if check is not None:
        check(order, amount_to_collect(order, bookings, gifts))
    for one in held:
        one.status = BookingStatus.CONFIRMED
        one.confirmed_at = now
        one.expires_at = None
        one.updated_at = now
        if "VOUCHER" in one.product.delivery_methods:
            one.voucher_code = new_code(is_live=one.is_live)
    if changing is not None:
        changing.save()
    Booking.objects.bulk_update(
        [one for one in held if one is not changing],
        ["status", "confirmed_at", "expires_at", "voucher_code", "updated_at"],
    )
    _fill_tickets(held)
    confirm_gifts(bought, now=now)
    order.status = BookingStatus.CONFIRMED
    order.confirmed_at = now
    order.expires_at = None
    touch_order(order, now=now, fields=["status", "confirmed_at", "expires_at", "return_url"])
    before = {**changed, "status": str(BookingStatus.ON_HOLD)}
    write_changes(order=order, bookings=held, gifts=bought, reason="confirmed", now=now, before=before)
    remember_bookings(order, bookings)
    remember_gifts(order, gifts)
    return order


def _refuse(order: Order, bookings: list[Booking], gifts: list[Gift]) -> None:
    if order.status == BookingStatus.CONFIRMED:
        raise AlreadyConfirmed(str(order.pk))
    uuid = str(next(iter([*(one.uuid for one in bookings), *(one.uuid for one in gifts), order.pk])))
    if order.status == BookingStatus.EXPIRED:
        raise HoldExpired(uuid)
    raise NotConfirmable(uuid, order.status)


def _held_one(bookings: list[Booking], wanted: Booking) -> Booking:
    found = next((one for one in bookings if one.pk == wanted.pk), None)
    if found is None:
        raise NotUpdatable(str(wanted.uuid), "it is not of this order")
    if found.status != BookingStatus.ON_HOLD:
        raise NotUpdatable(str(found.uuid), f"it is {found.status}")
    return found


def _fill_tickets(bookings: list[Booking]) -> None:
    ticketed = [booking for booking in bookings if "TICKET" in booking.product.delivery_methods]
    if not ticketed:
        return
    items_in_order = UnitItem.objects.select_related("unit").order_by("pk")
    prefetch_related_objects(ticketed, Prefetch("unit_items", queryset=items_in_order))
    items = []
    for booking in ticketed:
        for item in booking.unit_items.all():
            item.ticket_code = ticket_code_for(booking)
            items.append(item)
    UnitItem.objects.bulk_update(items, ["ticket_code"])
