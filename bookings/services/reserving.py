import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.utils.crypto import salted_hmac

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
    clean_return_url,
    clean_text,
    set_contact,
)
from bookings.models import Booking, Order, Partner, Product, SettlementMethod, Unit, UnitItem
from bookings.offers import Offer, check_units, find_offer, uuid_from_text
from bookings.requests import ReserveRequest
from bookings.rules import SlotStatus, slot_of
from bookings.selectors import with_what_was_sold
from bookings.services.changes import write_changes
from bookings.services.customers import customer_for
from bookings.services.holds import hold_until
from bookings.services.numbering import new_reference
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
    uuid = _uuid_of(request)
    fingerprint = _fingerprint_of(request)
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
        if method in partner.settlement_methods
        and (method != SettlementMethod.DEPOSIT or product.deposit_percent is not None)
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
    uuids = item_uuids(request.unit_items)
    expires_at = hold_until(now=now, minutes=request.expiration_minutes)
    offer = find_offer(
        product_id=request.product_id,
        option_id=request.option_id,
        availability_id=request.availability_id,
        unit_ids=[item.unit_id for item in request.unit_items],
        currency=request.currency,
    )
    units = [offer.prices[UUID(item.unit_id)].unit for item in request.unit_items]
    check_units(offer.option, units)
    seats = sum(unit.pax_count for unit in units)
    check_departure(offer, seats=seats, now=now)
    order = _new_order(partner, is_live, request, offer, expires_at, now)
    booking = _new_booking(order, request, offer, uuid, fingerprint, now)
    items = _new_items(booking, request, units, uuids, offer)
    price_booking(booking, items)
    check_expected_price(booking, request.expected_retail)
    booking.seats_held = seats if is_live and offer.availability else 0
    order.customer = customer_for(
        partner=partner, is_live=is_live, booking=booking, reference=request.customer_reference, now=now
    )
    order.save(force_insert=True)
    booking.save(force_insert=True)
    UnitItem.objects.bulk_create(items)
    write_installments(booking, settlement_method=order.settlement_method)
    write_changes(order=order, bookings=[booking], reason="reserved", now=now)
    if offer.availability and booking.seats_held:
        # Last, so that everybody else who wants this departure waits for one statement and a commit only.
        move_seats({offer.availability.pk: booking.seats_held})
        offer.availability.reserved += booking.seats_held
    remember_unit_items(booking, items)
    return booking


def _new_order(
    partner: Partner, is_live: bool, request: ReserveRequest, offer: Offer, expires_at: datetime, now: datetime
) -> Order:
    return Order(
        reference=new_reference("OR"),
        partner=partner,
        is_live=is_live,
        currency=offer.currency,
        settlement_method=settlement_method_for(partner, offer.product, request.settlement_method),
        return_url=clean_return_url(request.return_url) if request.return_url else "",
        expires_at=expires_at,
        created_at=now,
        updated_at=now,
    )


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


def _uuid_of(request: ReserveRequest) -> UUID | None:
    if request.uuid is None:
        return None
    uuid = uuid_from_text(request.uuid)
    if uuid is None:
        raise InvalidValue("uuid", "is not a uuid")
    return uuid


def _fingerprint_of(request: ReserveRequest) -> str:
    """Return a keyed digest of the call: guests' names must not be guessable from it."""
    content = asdict(request) | {"uuid": None, "metadata": dict(request.metadata or {})}
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
