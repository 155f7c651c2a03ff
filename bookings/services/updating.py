from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from bookings.errors import HoldExpired, InvalidValue, NotUpdatable
from bookings.free_text import (
    LONGEST_NOTE,
    LONGEST_REFERENCE,
    clean_contact,
    clean_metadata,
    clean_return_url,
    clean_text,
    set_contact,
)
from bookings.models import Booking, BookingStatus, Order, UnitItem
from bookings.offers import Offer, check_units, find_offer
from bookings.requests import BookingChanges, UnitItemRequest
from bookings.rules import has_run_out, is_updatable
from bookings.services.changes import touch_order, write_changes
from bookings.services.customers import give_order_to_customer
from bookings.services.holds import hold_until
from bookings.services.orders import bookings_under_lock, holds_of, lock_order, move_expiry, set_expiry
from bookings.services.reserving import check_departure, settlement_method_for
from bookings.services.seats import move_seats
from bookings.services.units import (
    check_expected_price,
    fill_unit_item,
    item_uuids,
    new_unit_item,
    price_booking,
    price_unit_item,
    read_unit_items,
    remember_unit_items,
    ticket_code_for,
    write_installments,
)


@transaction.atomic
def update_booking(*, booking: Booking, changes: BookingChanges, now: datetime) -> Booking:
    """Change a hold, or a confirmed booking before its cutoff; units, departure, product and price move together.

    `unit_items` replaces the list: a ticket whose uuid is sent stays, at the price it was sold for while its unit
    stays; the others go, and new ones cost what they cost today. The caller may hold the order's lock already.

    :raises HoldExpired: the hold's time is over.
    :raises NotUpdatable: it is neither held nor confirmed, or it is too late.
    :raises BookingError: what is wrong with the changes; nothing was changed.
    """
    order = lock_order(order_id=booking.order_id)
    bookings = bookings_under_lock(order)
    booking = next(one for one in bookings if one.pk == booking.pk)
    changed = apply_changes(order=order, booking=booking, bookings=bookings, changes=changes, now=now)
    read_unit_items([booking])
    if changed is not None:
        booking.updated_at = now
        booking.save()
        touch_order(order, now=now, fields=["return_url", "expires_at", "customer"])
        write_changes(order=order, bookings=[booking], reason="updated", now=now, before=changed)
    return booking


def apply_changes(
    *, order: Order, booking: Booking, bookings: Sequence[Booking], changes: BookingChanges, now: datetime
) -> dict[str, object] | None:
    """Change a booking of a locked order in memory, its tickets and seats in the database; the caller saves both.
    Nothing but what `writes_at_once` names is written here.

    `bookings` are all of the order's: their holds run out together, and a deposit is for all of them. Returns what
    partners were told before and is different now, or None when nothing changed.
    """
    _check_updatable(booking, now)
    if changes.currency not in (None, booking.currency):
        raise InvalidValue("currency", f"cannot be changed; the booking is in {booking.currency}")
    before = _facts_of(booking, order)
    _change_texts(booking, order, changes)
    if changes.customer_reference:
        give_order_to_customer(order=order, booking=booking, reference=changes.customer_reference, now=now)
    if _changes_what_is_sold(changes):
        items = list(booking.unit_items.select_related("unit").order_by("pk"))
        remember_unit_items(booking, _change_what_is_sold(booking, order, items, changes, now))
        write_installments(order, bookings)
    if changes.expiration_minutes is not None:
        _extend(booking, order, bookings, minutes=changes.expiration_minutes, now=now)
    check_expected_price(booking, changes.expected_retail)
    after = _facts_of(booking, order)
    if before == after and changes.unit_items is None:
        return None
    return {name: value for name, value in before.items() if value != after[name] and name in _TOLD}


@transaction.atomic
def extend_booking(*, booking: Booking, minutes: int, now: datetime) -> Booking:
    """Let a hold run this many minutes from now, up to the house's cap; a hold is never made shorter.

    :raises InvalidValue: not a positive whole number of minutes.
    :raises HoldExpired: the hold's time is over.
    :raises NotUpdatable: it is not on hold.
    """
    order = lock_order(order_id=booking.order_id)
    bookings = bookings_under_lock(order)
    booking = next(one for one in bookings if one.pk == booking.pk)
    _check_updatable(booking, now)
    until = _extended(booking, minutes=minutes, now=now)
    if until != booking.expires_at:
        set_expiry(order, holds_of(bookings), until=until, now=now, reason="extended")
    return booking


# What a delivery's diff may need; guests' details are never copied into the outbox.
_TOLD = frozenset({"retail_minor", "net_minor", "original_minor", "availability_reference", "product_id", "option_id"})


def _facts_of(booking: Booking, order: Order) -> dict[str, object]:
    own = {field.attname: getattr(booking, field.attname) for field in booking._meta.concrete_fields}
    facts = {name: str(value) if isinstance(value, UUID) else value for name, value in own.items()}
    return facts | {"return_url": order.return_url, "customer_id": str(order.customer_id)}


def _check_updatable(booking: Booking, now: datetime) -> None:
    if has_run_out(booking, now=now):
        raise HoldExpired(str(booking.uuid))
    if booking.status not in (BookingStatus.ON_HOLD, BookingStatus.CONFIRMED):
        raise NotUpdatable(str(booking.uuid), f"it is {booking.status}")
    if not is_updatable(booking, now=now):
        raise NotUpdatable(str(booking.uuid), "it was redeemed" if booking.redeemed_at else "it is too late")


def _change_texts(booking: Booking, order: Order, changes: BookingChanges) -> None:
    if changes.contact is not None and (contact := clean_contact("contact", changes.contact)):
        set_contact(booking, contact)
    if changes.notes is not None:
        booking.notes = clean_text("notes", changes.notes, longest=LONGEST_NOTE)
    if changes.reseller_reference is not None:
        booking.reseller_reference = clean_text(
            "reseller_reference", changes.reseller_reference, longest=LONGEST_REFERENCE
        )
    if changes.email_receipt is not None:
        booking.email_receipt = changes.email_receipt
    if changes.metadata is not None:
        booking.metadata = clean_metadata(changes.metadata)
    if changes.return_url is not None:
        order.return_url = clean_return_url(changes.return_url)


def _extended(booking: Booking, *, minutes: int, now: datetime) -> datetime:
    until = hold_until(now=now, minutes=minutes)
    if booking.status != BookingStatus.ON_HOLD or booking.expires_at is None:
        raise NotUpdatable(str(booking.uuid), f"it is {booking.status} and holds nothing")
    return max(until, booking.expires_at)


def _extend(booking: Booking, order: Order, bookings: Sequence[Booking], *, minutes: int, now: datetime) -> None:
    if booking.status == BookingStatus.CONFIRMED:
        # Clients send their whole form again; a confirmed booking has no expiry left to move.
        hold_until(now=now, minutes=minutes)
        return
    until = booking.expires_at = order.expires_at = _extended(booking, minutes=minutes, now=now)
    move_expiry(order, [each for each in holds_of(bookings) if each.pk != booking.pk], until=until, now=now)


def writes_at_once(changes: BookingChanges) -> bool:
    """Say whether making these changes writes anything before the booking and its order are saved."""
    moves_more = changes.customer_reference or changes.expiration_minutes is not None
    return bool(moves_more) or _changes_what_is_sold(changes)


def _changes_what_is_sold(changes: BookingChanges) -> bool:
    sold = (changes.product_id, changes.option_id, changes.availability_id, changes.unit_items)
    return changes.takes_default_option or any(wish is not None for wish in sold)


def _change_what_is_sold(
    booking: Booking, order: Order, items: list[UnitItem], changes: BookingChanges, now: datetime
) -> list[UnitItem]:
    requests = changes.unit_items
    if requests is None:
        requests = tuple(UnitItemRequest(unit_id=str(item.unit_id), uuid=str(item.uuid)) for item in items)
    uuids = item_uuids(requests)
    offer = _offer_for(booking, changes, requests)
    units = [offer.prices[UUID(request.unit_id)].unit for request in requests]
    check_units(offer.option, units)
    seats = sum(unit.pax_count for unit in units)
    _check_move(booking, offer, seats=seats, now=now)
    is_same_product = offer.product.pk == booking.product_id
    _move_booking(booking, offer, seats=seats)
    if not is_same_product:
        # What was agreed for this product holds, even if the partner may not choose it for new bookings any more.
        settlement_method_for(order.partner, offer.product, order.settlement_method)
        booking.tax_name = offer.product.tax_name
        booking.tax_basis_points = offer.product.tax_basis_points
    kept = {item.uuid: item for item in items}
    wanted: list[UnitItem] = []
    for index, (request, unit, uuid) in enumerate(zip(requests, units, uuids, strict=True)):
        item = kept.pop(uuid, None) if uuid else None
        if item is None:
            item = new_unit_item(booking, unit, uuid=uuid)
            price_unit_item(item, offer)
        elif item.unit_id != unit.pk:
            item.unit = unit
            price_unit_item(item, offer)
        if not item.ticket_code:
            item.ticket_code = ticket_code_for(booking)
        fill_unit_item(item, request, index=index)
        wanted.append(item)
    _save_items(booking, wanted, gone=list(kept.values()))
    price_booking(booking, wanted)
    return wanted


def _offer_for(booking: Booking, changes: BookingChanges, requests: tuple[UnitItemRequest, ...]) -> Offer:
    product_id = changes.product_id or str(booking.product_id)
    is_same_product = product_id.lower() == str(booking.product_id)
    keeps_option = changes.option_id is None and is_same_product and not changes.takes_default_option
    return find_offer(
        product_id=product_id,
        option_id=str(booking.option_id) if keeps_option else changes.option_id,
        availability_id=changes.availability_id or booking.availability_reference or None,
        unit_ids=[request.unit_id for request in requests],
        currency=booking.currency,
    )


def _check_move(booking: Booking, offer: Offer, *, seats: int, now: datetime) -> None:
    """Check what the booking needs beyond what it has: a booking that shrinks or stays asks for nothing."""
    is_same_departure = offer.availability is not None and offer.availability.pk == booking.availability_id
    held = booking.seats_held if is_same_departure else 0
    if not is_same_departure or (booking.is_live and seats > held):
        check_departure(offer, seats=seats - held, now=now)


def _move_booking(booking: Booking, offer: Offer, *, seats: int) -> None:
    deltas: dict[UUID, int] = {}
    if booking.availability_id:
        deltas[booking.availability_id] = -booking.seats_held
    booking.seats_held = seats if booking.is_live and offer.availability else 0
    if offer.availability:
        deltas[offer.availability.pk] = deltas.get(offer.availability.pk, 0) + booking.seats_held
    move_seats(deltas)
    booking.product = offer.product
    booking.option = offer.option
    booking.availability = offer.availability
    booking.availability_reference = offer.availability_reference


def _save_items(booking: Booking, wanted: list[UnitItem], *, gone: list[UnitItem]) -> None:
    if gone:
        booking.unit_items.filter(pk__in=[item.pk for item in gone]).delete()
    UnitItem.objects.bulk_create([item for item in wanted if item.pk is None])
    kept = [item for item in wanted if item.pk is not None]
    if kept:
        UnitItem.objects.bulk_update(
            kept,
            ["unit", "reseller_reference", "contact", "original_minor", "retail_minor", "net_minor", "ticket_code"],
        )
