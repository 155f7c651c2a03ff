import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.utils.crypto import salted_hmac

from bookings.deposits import takes_deposit
from bookings.errors import (
    BookingError,
    BookingUuidTaken,
    CutoffPassed,
    InvalidValue,
    SettlementMethodNotAllowed,
    SoldOut,
)
from bookings.free_text import (
    LONGEST_NOTE,
    LONGEST_REFERENCE,
    clean_contact,
    clean_metadata,
    clean_text,
    set_contact,
)
from bookings.models import Booking, Order, OrderKind, Partner, Product, SettlementMethod, Unit, UnitItem
from bookings.offers import Offer, check_units, find_offer, uuid_from_text
from bookings.requests import OrderRequest, ReserveRequest
from bookings.rules import SlotStatus, slot_of
from bookings.selectors import with_what_was_sold
from bookings.services.carts import join_order, locked_order_to_join, new_order
from bookings.services.changes import touch_order, write_changes
from bookings.services.customers import customer_for, give_order_to_customer
from bookings.services.numbering import new_reference
from bookings.services.orders import bookings_under_lock, remember_bookings
from bookings.services.seats import move_seats
from bookings.services.units import (
    check_expected_price,
    fill_unit_item,
    item_uuids,
    new_unit_item,
    price_booking,
    price_unit_item,
    remember_unit_items,
    write_installments,
)


def reserve_booking(*, partner: Partner, is_live: bool, request: ReserveRequest, now: datetime) -> Booking:
    """Hold seats for a partner until the hold runs out; a test booking holds none.

    Idempotent on `request.uuid`: the first call books, a repeat of it returns the same booking as it stands now. The
    unique constraint decides a race, so the happy path pays for no look-up; whatever goes wrong, a booking that the
    same call made earlier is the answer.

    :raises BookingUuidTaken: the partner used the uuid for other content.
    :raises BookingError: what is wrong with the wish; nothing was written.
    """
    uuid = uuid_of(request)
    fingerprint = fingerprint_of(request)
    try:
        with transaction.atomic():
            return _reserve(partner, is_live, request, uuid or uuid4(), fingerprint, now)
    except (BookingError, IntegrityError):
        made_earlier = _made_earlier(partner, is_live, uuid, fingerprint) if uuid else None
        if made_earlier is None:
            raise
        return made_earlier


def check_departure(offer: Offer, *, seats: int, now: datetime) -> None:
    """Check that a departure is on sale and has room, as far as a reader can see; the seats' UPDATE decides.

    :raises CutoffPassed: sales have ended.
    :raises SoldOut: too few seats, or closed.
    """
    if offer.availability is None:
        return
    slot = slot_of(offer.availability, offer.option, offer.product, now=now, seats=seats)
    if now >= slot.cutoff_at:
        raise CutoffPassed(slot.reference)
    if slot.status == SlotStatus.CLOSED or not slot.is_available:
        raise SoldOut(slot.reference)


def settlement_method_for(partner: Partner, product: Product, wanted: str | None) -> str:
    """Return how the booking is settled: as asked, else the partner's default, else what both sides allow.

    :raises SettlementMethodNotAllowed: the partner or the product does not allow it.
    """
    allowed = tuple(
        method
        for method in product.settlement_methods
        if method in partner.settlement_methods and (method != SettlementMethod.DEPOSIT or takes_deposit(product))
    )
    if wanted is None:
        wanted = partner.default_settlement_method
        if wanted not in allowed and allowed:
            wanted = allowed[0]
    if wanted not in allowed:
        raise SettlementMethodNotAllowed(wanted, allowed)
    return wanted


def _reserve(
    partner: Partner, is_live: bool, request: ReserveRequest, uuid: UUID, fingerprint: str, now: datetime
) -> Booking:
    if request.order_id is not None:
        order = locked_order_to_join(partner, is_live, request.order_id, now)
        return _join(order, request, uuid, fingerprint, now)
    offer = offer_for(request)
    wish = OrderRequest(return_url=request.return_url, expiration_minutes=request.expiration_minutes)
    order = new_order(
        partner=partner,
        is_live=is_live,
        request=wish,
        currency=offer.currency,
        settlement_method=settlement_method_for(partner, offer.product, request.settlement_method),
        kind=OrderKind.BOOKING,
        now=now,
    )
    draft = draft_booking(order, request, offer, uuid=uuid, fingerprint=fingerprint, now=now)
    order.customer = customer_for(
        partner=partner, is_live=is_live, booking=draft.booking, reference=request.customer_reference, now=now
    )
    order.save(force_insert=True)
    order.was_just_made = True
    save_drafts(order, [draft], siblings=[])
    write_changes(order=order, bookings=[draft.booking], reason="reserved", now=now)
    take_seats([draft])
    return draft.booking


def _join(order: Order, request: ReserveRequest, uuid: UUID, fingerprint: str, now: datetime) -> Booking:
    """Add a booking to a locked order."""
    siblings = bookings_under_lock(order)
    offer = offer_for(replace(request, currency=request.currency or order.currency))
    join_order(order, siblings, request, currency=offer.currency, now=now)
    settlement_method_for(order.partner, offer.product, order.settlement_method)
    draft = draft_booking(order, request, offer, uuid=uuid, fingerprint=fingerprint, now=now)
    draft.booking.is_primary = not siblings
    if request.customer_reference is not None:
        give_order_to_customer(order=order, booking=draft.booking, reference=request.customer_reference, now=now)
    save_drafts(order, [draft], siblings=siblings)
    touch_order(order, now=now, fields=["expires_at", "return_url", "kind", "customer"])
    write_changes(order=order, bookings=[draft.booking], reason="reserved", now=now, order_reason="booking_added")
    take_seats([draft])
    remember_bookings(order, [*siblings, draft.booking])
    return draft.booking


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Be a booking that is priced and not saved yet, with its tickets and what it sells."""

    booking: Booking
    items: list[UnitItem]
    offer: Offer


def offer_for(request: ReserveRequest) -> Offer:
    """Return what a wish to book names.

    :raises BookingError: the first thing of it that does not exist.
    """
    item_uuids(request.unit_items)  # a wish for no tickets is refused for that, whatever else it lacks
    return find_offer(
        product_id=request.product_id,
        option_id=request.option_id,
        availability_id=request.availability_id,
        unit_ids=[item.unit_id for item in request.unit_items],
        currency=request.currency,
    )


def draft_booking(
    order: Order, request: ReserveRequest, offer: Offer, *, uuid: UUID, fingerprint: str, now: datetime
) -> Draft:
    """Return the booking a wish asks for, priced and held until the order's hold ends; nothing is saved.

    :raises BookingError: what is wrong with the wish.
    """
    uuids = item_uuids(request.unit_items)
    units = [offer.prices[UUID(item.unit_id)].unit for item in request.unit_items]
    check_units(offer.option, units)
    seats = sum(unit.pax_count for unit in units)
    check_departure(offer, seats=seats, now=now)
    booking = _new_booking(order, request, offer, uuid, fingerprint, now)
    items = _new_items(booking, request, units, uuids, offer)
    price_booking(booking, items)
    check_expected_price(booking, request.expected_retail)
    booking.seats_held = seats if order.is_live and offer.availability else 0
    return Draft(booking=booking, items=items, offer=offer)


def save_drafts(order: Order, drafts: Sequence[Draft], *, siblings: Sequence[Booking]) -> None:
    """Insert bookings with their tickets into an order that is saved; `siblings` are what it has already."""
    for draft in drafts:
        draft.booking.save(force_insert=True)
        remember_unit_items(draft.booking, draft.items)
    UnitItem.objects.bulk_create([item for draft in drafts for item in draft.items])
    write_installments(order, [*siblings, *(draft.booking for draft in drafts)])


def take_seats(drafts: Sequence[Draft]) -> None:
    """Take the seats of bookings that were just saved.

    Last, so that everybody else who wants these departures waits for these statements and a commit only.

    :raises SoldOut: a departure has too few.
    """
    deltas: dict[UUID, int] = {}
    for draft in drafts:
        if draft.offer.availability and draft.booking.seats_held:
            pk = draft.offer.availability.pk
            deltas[pk] = deltas.get(pk, 0) + draft.booking.seats_held
    move_seats(deltas)
    for draft in drafts:
        if draft.offer.availability:
            draft.offer.availability.reserved += draft.booking.seats_held


def _new_booking(
    order: Order, request: ReserveRequest, offer: Offer, uuid: UUID, fingerprint: str, now: datetime
) -> Booking:
    booking = Booking(
        uuid=uuid,
        reference=new_reference("BK"),
        order=order,
        partner=order.partner,
        is_live=order.is_live,
        product=offer.product,
        option=offer.option,
        availability=offer.availability,
        availability_reference=offer.availability_reference,
        currency=offer.currency,
        tax_name=offer.product.tax_name,
        tax_basis_points=offer.product.tax_basis_points,
        request_fingerprint=fingerprint,
        reseller_reference=clean_text(
            "reseller_reference", request.reseller_reference or "", longest=LONGEST_REFERENCE
        ),
        notes=clean_text("notes", request.notes or "", longest=LONGEST_NOTE),
        email_receipt=bool(request.email_receipt),
        metadata=clean_metadata(request.metadata or {}),
        expires_at=order.expires_at,
        created_at=now,
        updated_at=now,
    )
    contact = clean_contact("contact", request.contact) if request.contact else None
    if contact:
        set_contact(booking, contact)
    return booking


def _new_items(
    booking: Booking, request: ReserveRequest, units: Sequence[Unit], uuids: Sequence[UUID | None], offer: Offer
) -> list[UnitItem]:
    items = []
    for index, (item_request, unit, uuid) in enumerate(zip(request.unit_items, units, uuids, strict=True)):
        item = new_unit_item(booking, unit, uuid=uuid)
        fill_unit_item(item, item_request, index=index)
        price_unit_item(item, offer)
        items.append(item)
    return items


def uuid_of(request: ReserveRequest) -> UUID | None:
    if request.uuid is None:
        return None
    uuid = uuid_from_text(request.uuid)
    if uuid is None:
        raise InvalidValue("uuid", "is not a uuid")
    return uuid


def fingerprint_of(request: ReserveRequest) -> str:
    """Return a keyed digest of the call: guests' names must not be guessable from it."""
    content = asdict(request) | {"uuid": None, "metadata": dict(request.metadata or {})}
    if request.order_id is None:
        del content["order_id"]  # bookings made before orders could be joined are told from other ones as they were
    if request.customer_reference is None:
        # A call that was made before there was such a field is still the same call.
        del content["customer_reference"]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return salted_hmac("bookings.reserve_booking", text, algorithm="sha256").hexdigest()


def _made_earlier(partner: Partner, is_live: bool, uuid: UUID, fingerprint: str) -> Booking | None:
    booking = with_what_was_sold(Booking.objects.filter(partner=partner, is_live=is_live, uuid=uuid)).first()
    if booking is None:
        return None
    if booking.request_fingerprint != fingerprint:
        raise BookingUuidTaken(str(uuid))
    return booking
