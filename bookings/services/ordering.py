from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction

from bookings.errors import BookingError, BookingUuidTaken, GiftUuidTaken, InvalidValue
from bookings.models import Booking, Gift, Order, OrderKind, Partner
from bookings.offers import Offer
from bookings.requests import OrderRequest, ReserveRequest
from bookings.services.carts import (
    fingerprint_of_order,
    new_order,
    order_made_earlier,
    settlement_method_of_order,
)
from bookings.services.changes import write_changes
from bookings.services.customers import customer_for
from bookings.services.gift_holds import remember_gifts
from bookings.services.gifts import draft_gift, fingerprint_of_gift, gift_uuid_of
from bookings.services.orders import remember_bookings
from bookings.services.reserving import (
    Draft,
    draft_booking,
    fingerprint_of,
    offer_for,
    save_drafts,
    settlement_method_for,
    take_seats,
    uuid_of,
)


def create_order(*, partner: Partner, is_live: bool, request: OrderRequest, now: datetime) -> Order:
    """Hold an order with all the bookings and gifts that were asked for, or nothing; without any an empty one.

    Idempotent on `request.order_id`, as `reserve_booking` is on a booking's uuid.

    :raises OrderUuidTaken: the partner used the id for other content.
    :raises BookingUuidTaken, GiftUuidTaken: one of the bookings' or gifts' uuids was used before.
    :raises BookingError: what is wrong with the wish; nothing was written.
    """
    fingerprint = fingerprint_of_order(request)
    try:
        with transaction.atomic():
            return _create(partner, is_live, request, fingerprint, now)
    except (BookingError, IntegrityError) as error:
        made_earlier = order_made_earlier(partner, is_live, request, fingerprint)
        if made_earlier is not None:
            return made_earlier
        if not isinstance(error, IntegrityError):
            raise
        taken = _taken_uuid(partner, is_live, request)
        if taken is not None:
            raise BookingUuidTaken(taken) from None
        gift_taken = _taken_gift_uuid(partner, is_live, request)
        if gift_taken is not None:
            raise GiftUuidTaken(gift_taken) from None
        raise


def _create(partner: Partner, is_live: bool, request: OrderRequest, fingerprint: str, now: datetime) -> Order:
    wishes = [replace(wish, currency=wish.currency or request.currency) for wish in request.bookings]
    uuids = [uuid_of(wish) or uuid4() for wish in wishes]
    for index, uuid in enumerate(uuids):
        if uuid in uuids[:index]:
            raise InvalidValue(f"bookings[{index}].uuid", "is used twice")
    offers = _offers(wishes)
    order = new_order(
        partner=partner,
        is_live=is_live,
        request=request,
        currency=_currency(request, offers),
        settlement_method=_settlement_method(partner, request, offers),
        kind=OrderKind.CART,
        now=now,
    )
    order.request_fingerprint = fingerprint
    drafts: list[Draft] = []
    for wish, uuid, offer in zip(wishes, uuids, offers, strict=True):
        settlement_method_for(partner, offer.product, order.settlement_method)
        if wish.settlement_method not in (None, order.settlement_method):
            raise InvalidValue("settlement_method", f"must be that of the order, {order.settlement_method}")
        draft = draft_booking(order, wish, offer, uuid=uuid, fingerprint=fingerprint_of(wish), now=now)
        draft.booking.is_primary = not drafts
        drafts.append(draft)
    gifts = _gifts(order, request, now)
    order.customer = customer_for(
        partner=partner,
        is_live=is_live,
        booking=drafts[0].booking if drafts else None,
        reference=request.customer_reference,
        now=now,
        contact=order.contact,
    )
    order.save(force_insert=True)
    order.was_just_made = True
    save_drafts(order, drafts, siblings=[])
    for gift in gifts:
        gift.save(force_insert=True)
    bookings = [draft.booking for draft in drafts]
    write_changes(order=order, bookings=bookings, gifts=gifts, reason="reserved", now=now)
    take_seats(drafts)
    remember_bookings(order, bookings)
    remember_gifts(order, gifts)
    return order


def _gifts(order: Order, request: OrderRequest, now: datetime) -> list[Gift]:
    """Return the gifts that were asked for; all of them are in the order's currency and paid with it."""
    gifts: list[Gift] = []
    used: set[UUID] = set()
    for index, wish in enumerate(request.gifts):
        if wish.currency not in (None, order.currency):
            raise InvalidValue(f"gifts[{index}].currency", f"must be that of the order, {order.currency}")
        if wish.settlement_method not in (None, order.settlement_method):
            raise InvalidValue("settlement_method", f"must be that of the order, {order.settlement_method}")
        uuid = gift_uuid_of(wish) or uuid4()
        if uuid in used:
            raise InvalidValue(f"gifts[{index}].uuid", "is used twice")
        used.add(uuid)
        gifts.append(draft_gift(order, wish, uuid=uuid, fingerprint=fingerprint_of_gift(wish), now=now))
    return gifts


def _offers(wishes: Sequence[ReserveRequest]) -> list[Offer]:
    """Return what each wish names, all in the currency of the first where none was asked for."""
    offers: list[Offer] = []
    for wish in wishes:
        currency = wish.currency or (offers[0].currency if offers else None)
        offers.append(offer_for(replace(wish, currency=currency)))
    return offers


def _settlement_method(partner: Partner, request: OrderRequest, offers: Sequence[Offer]) -> str:
    """Return how the order is settled: as asked for it, else as its first booking would be alone."""
    if not offers:
        return settlement_method_of_order(partner, request.settlement_method)
    wanted = request.settlement_method or request.bookings[0].settlement_method
    return settlement_method_for(partner, offers[0].product, wanted)


def _currency(request: OrderRequest, offers: Sequence[Offer]) -> str:
    currency = request.currency or (offers[0].currency if offers else None)
    if currency is None:
        raise InvalidValue("currency", "is required for an order without bookings")
    for offer in offers:
        if offer.currency != currency:
            raise InvalidValue("currency", f"must be that of the order, {currency}")
    return currency


def _taken_uuid(partner: Partner, is_live: bool, request: OrderRequest) -> str | None:
    uuids: list[UUID] = [uuid for wish in request.bookings if (uuid := uuid_of(wish)) is not None]
    taken = Booking.objects.filter(partner=partner, is_live=is_live, uuid__in=uuids).values_list("uuid", flat=True)
    return next(map(str, taken), None)


def _taken_gift_uuid(partner: Partner, is_live: bool, request: OrderRequest) -> str | None:
    uuids: list[UUID] = [uuid for wish in request.gifts if (uuid := gift_uuid_of(wish)) is not None]
    taken = Gift.objects.filter(partner=partner, is_live=is_live, uuid__in=uuids).values_list("uuid", flat=True)
    return next(map(str, taken), None)
