"""Turn the tickets a partner asks for into unit items, and say what they cost in all."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from django.db.models import QuerySet

from bookings.compiled import CompiledQuery
from bookings.deposits import deposit_of
from bookings.errors import InvalidValue, PriceDiffers, UnitItemsMissing, UnitRestriction
from bookings.free_text import LONGEST_REFERENCE, clean_contact, clean_text
from bookings.models import Booking, Installment, InstallmentKind, Order, SettlementMethod, Unit, UnitItem
from bookings.offers import Offer, uuid_from_text
from bookings.prepared import prepared_cursor
from bookings.requests import MOST_UNIT_ITEMS, UnitItemRequest
from bookings.rules import LIVE_STATUSES
from bookings.services.numbering import new_code, new_reference
from money import Money


def item_uuids(requests: Sequence[UnitItemRequest]) -> list[UUID | None]:
    """Return the uuids a partner gave its tickets, None where it gave none.

    :raises UnitItemsMissing: there are no tickets.
    :raises UnitRestriction: there are absurdly many.
    :raises InvalidValue: a text is no uuid, or two tickets share one.
    """
    if not requests:
        raise UnitItemsMissing
    if len(requests) > MOST_UNIT_ITEMS:
        raise UnitRestriction(f"At most {MOST_UNIT_ITEMS} units are allowed.")
    uuids: list[UUID | None] = []
    for index, request in enumerate(requests):
        parsed = uuid_from_text(request.uuid) if request.uuid is not None else None
        if request.uuid is not None and parsed is None:
            raise InvalidValue(f"unit_items[{index}].uuid", "is not a uuid")
        if parsed is not None and parsed in uuids:
            raise InvalidValue(f"unit_items[{index}].uuid", "is used twice")
        uuids.append(parsed)
    return uuids


def new_unit_item(booking: Booking, unit: Unit, *, uuid: UUID | None) -> UnitItem:
    """Return a ticket that is not saved yet, with a code when the booking is confirmed already."""
    return UnitItem(
        uuid=uuid or uuid4(),
        booking=booking,
        unit=unit,
        reference=new_reference("UN"),
        ticket_code=ticket_code_for(booking),
    )


def ticket_code_for(booking: Booking) -> str:
    """Return a new ticket code where the product delivers tickets and the booking is confirmed, else nothing."""
    if booking.confirmed_at is None or "TICKET" not in booking.product.delivery_methods:
        return ""
    return new_code(is_live=booking.is_live)


def fill_unit_item(item: UnitItem, request: UnitItemRequest, *, index: int) -> None:
    """Set what the partner sent about a ticket; what was not sent stays."""
    field = f"unit_items[{index}]"
    if request.reseller_reference is not None:
        item.reseller_reference = clean_text(
            f"{field}.reseller_reference", request.reseller_reference, longest=LONGEST_REFERENCE
        )
    if request.contact is not None:
        item.contact = clean_contact(f"{field}.contact", request.contact) or item.contact


def price_unit_item(item: UnitItem, offer: Offer) -> None:
    """Fix what a ticket costs."""
    price = offer.prices[item.unit_id]
    item.original_minor = price.original_minor
    item.retail_minor = price.retail_minor
    item.net_minor = price.net_minor


def price_booking(booking: Booking, items: Sequence[UnitItem]) -> None:
    """Fix what a booking costs, the sum of its tickets, and what of it is due when."""
    booking.original_minor = sum(item.original_minor for item in items)
    booking.retail_minor = sum(item.retail_minor for item in items)
    booking.net_minor = sum(item.net_minor for item in items)
    booking.deposit_minor, booking.balance_due_date = deposit_of(booking)


def check_expected_price(booking: Booking, expected: Money | None) -> None:
    """Refuse a price the partner did not expect.

    :raises PriceDiffers: names what the booking costs.
    """
    retail = Money(booking.retail_minor, booking.currency)
    if expected is not None and expected != retail:
        raise PriceDiffers(retail)


def installments_for(order: Order, bookings: Sequence[Booking]) -> list[Installment]:
    """Return the deposits that are due at once, and the balances that are due when the first of them is."""
    live = [booking for booking in bookings if booking.status in LIVE_STATUSES]
    deposit = sum(booking.deposit_minor for booking in live)
    balance = sum(booking.retail_minor for booking in live) - deposit
    dates = [
        booking.balance_due_date
        for booking in live
        if booking.balance_due_date is not None and booking.deposit_minor < booking.retail_minor
    ]
    return [
        Installment(order=order, kind=kind, amount_minor=amount, currency=order.currency, due_date=due)
        for kind, amount, due in (
            (InstallmentKind.DEPOSIT, deposit, None),
            (InstallmentKind.BALANCE, balance, min(dates, default=None)),
        )
    ]


def write_installments(order: Order, bookings: Sequence[Booking]) -> None:
    """Write a locked order's installments anew from its bookings; only a deposit is paid in parts."""
    if order.settlement_method != SettlementMethod.DEPOSIT:
        return
    Installment.objects.bulk_create(
        installments_for(order, bookings),
        update_conflicts=True,
        unique_fields=["order", "kind"],
        update_fields=["amount_minor", "currency", "due_date"],
    )


def show_installments(order: Order, bookings: Sequence[Booking]) -> None:
    """Let the caller read the installments that would be written from these bookings, as if they had been."""
    order._prefetched_objects_cache = {  # type: ignore[attr-defined]
        **getattr(order, "_prefetched_objects_cache", {}),
        "installments": installments_for(order, bookings),
    }


_UNIT_ITEMS = CompiledQuery(
    lambda bookings: UnitItem.objects.filter(booking__in=bookings).select_related("unit").order_by("pk")
)


def read_unit_items(bookings: Sequence[Booking]) -> None:
    """Read the tickets of bookings with what they are for, in one query; those at hand stay as they are."""
    missing = {booking.pk: booking for booking in bookings if not has_unit_items(booking)}
    items_of: dict[UUID, list[UnitItem]] = {booking_id: [] for booking_id in missing}
    if missing:
        for item in _UNIT_ITEMS.rows(bookings=tuple(missing)):
            item.booking = missing[item.booking_id]
            items_of[item.booking_id].append(item)
    for booking_id, items in items_of.items():
        remember_unit_items(missing[booking_id], items)


def save_ticket_codes(items: Sequence[UnitItem]) -> None:
    """Write the codes of tickets in one statement, which costs the same to build for one ticket or a busload."""
    with prepared_cursor() as cursor:
        cursor.execute(
            """
            UPDATE bookings_unititem AS item SET ticket_code = given.code
            FROM unnest(%s::bigint[], %s::text[]) AS given (id, code) WHERE item.id = given.id
            """,
            [[item.pk for item in items], [item.ticket_code for item in items]],
        )


def has_unit_items(booking: Booking) -> bool:
    """Say whether the tickets of a booking are at hand."""
    return "unit_items" in getattr(booking, "_prefetched_objects_cache", {})


def remember_unit_items(booking: Booking, items: Sequence[UnitItem]) -> None:
    """Let the caller read the tickets that were just written, as if they had been prefetched."""
    prefetched: QuerySet[UnitItem] = booking.unit_items.get_queryset()
    # What Django's own prefetch_related_objects leaves behind, without asking the database for what we hold already.
    prefetched._result_cache = list(items)
    prefetched._prefetch_done = True  # type: ignore[attr-defined]
    booking._prefetched_objects_cache = {"unit_items": prefetched}  # type: ignore[attr-defined]
