"""Reads of what is sold and booked; all filter by partner first and cost a constant number of queries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from bookings.compiled import CompiledQuery
from bookings.errors import BookingNotFound, OptionNotFound, OrderNotFound, ProductNotFound, UnitNotFound
from bookings.key_hash import hash_of_key
from bookings.models import (
    ASKED_KINDS,
    Availability,
    Booking,
    BookingStatus,
    Gift,
    InstallmentKind,
    Option,
    Order,
    Partner,
    PartnerKey,
    Product,
    SettlementMethod,
    Supplier,
    Unit,
    UnitItem,
)
from bookings.offers import uuid_from_text
from bookings.requests import BookingFilter, OrderFilter
from bookings.rules import LIVE_STATUSES, Slot, is_asked, is_gift_bought, may_have_gifts, slot_of, start_from_reference
from card_numbers import mask_card_numbers
from money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarDay:
    """Hold a day on which an option can be visited, with its departures by start."""

    local_date: date
    slots: tuple[Slot, ...]


_KEY_BY_HASH = CompiledQuery(
    lambda key_hash: PartnerKey.objects.select_related("partner").filter(
        key_hash=key_hash, revoked_at__isnull=True, partner__is_active=True
    )
)


def partner_key_for_secret(secret: str) -> PartnerKey | None:
    """Return the key that this text is, with its partner, while neither was closed down."""
    return _KEY_BY_HASH.first(key_hash=hash_of_key(secret))


def supplier_for_partner(partner: Partner) -> Supplier:
    """Return the brand a partner buys from: the one whose product comes first in the catalogue.

    :raises Supplier.DoesNotExist: nothing is on sale yet.
    """
    first = _products_for(partner).select_related("supplier").order_by("position", "name", "pk").first()
    if first is None:
        raise Supplier.DoesNotExist
    return first.supplier


def products_for_partner(partner: Partner) -> list[Product]:
    """Return what a partner can sell, with options, units and prices."""
    return list(_with_options(_products_for(partner)).order_by("position", "name", "pk"))


def product_for_partner(partner: Partner, product_id: str) -> Product:
    """Return one product with options, units and prices.

    :raises ProductNotFound: there is none on sale.
    """
    uuid = uuid_from_text(product_id)
    product = _with_options(_products_for(partner)).filter(pk=uuid).first() if uuid else None
    if product is None:
        raise ProductNotFound(product_id)
    return product


def option_of(product: Product, option_id: str | None) -> Option:
    """Return an option of a product that was read with its options, the default one where none is named.

    :raises OptionNotFound: the product has none.
    """
    for option in product.options.all():
        if option.is_default if option_id is None else str(option.pk) == option_id.lower():
            option.product = product
            return option
    raise OptionNotFound(option_id)


def seats_for(option: Option, quantities: Iterable[tuple[str, int]]) -> int:
    """Return the seats that (unit id, quantity) pairs take.

    :raises UnitNotFound: the option has no such unit.
    """
    units = {str(unit.pk): unit for unit in option.units.all()}
    seats = 0
    for unit_id, quantity in quantities:
        unit = units.get(unit_id.lower())
        if unit is None:
            raise UnitNotFound(unit_id)
        seats += unit.pax_count * quantity
    return seats


def availabilities(
    *,
    product: Product,
    option: Option,
    now: datetime,
    local_date_start: date | None = None,
    local_date_end: date | None = None,
    availability_ids: Sequence[str] | None = None,
    seats: int = 1,
) -> list[Slot]:
    """Return departures by start, in a range of dates (inclusive) or by id, sold out ones among them.

    An id that names no departure of the option is left out.
    """
    found = Availability.objects.filter(option=option)
    if local_date_start is not None:
        found = found.filter(local_date__gte=local_date_start)
    if local_date_end is not None:
        found = found.filter(local_date__lte=local_date_end)
    if availability_ids is not None:
        starts = {start for start in map(start_from_reference, availability_ids) if start is not None}
        found = found.filter(starts_at__in=starts)
    slots = [slot_of(each, option, product, now=now, seats=seats) for each in found.order_by("starts_at")]
    return [slot for slot in slots if availability_ids is None or slot.reference in availability_ids]


def calendar_days(
    *,
    product: Product,
    option: Option,
    local_date_start: date,
    local_date_end: date,
    now: datetime,
    seats: int = 1,
) -> list[CalendarDay]:
    """Return the days of a range (inclusive) that have departures, each with them; other days are left out."""
    slots = availabilities(
        product=product,
        option=option,
        now=now,
        local_date_start=local_date_start,
        local_date_end=local_date_end,
        seats=seats,
    )
    return [
        CalendarDay(local_date=day, slots=tuple(of_day))
        for day, of_day in groupby(slots, key=lambda slot: slot.availability.local_date)
    ]


def with_what_was_sold(bookings: QuerySet[Booking]) -> QuerySet[Booking]:
    """Read bookings with their order, product, option, departure and tickets: two queries for any number of them."""
    tickets = UnitItem.objects.select_related("unit").order_by("pk")
    return bookings.select_related("order__customer", "partner", "product", "option", "availability").prefetch_related(
        Prefetch("unit_items", queryset=tickets)
    )


def booking_for_partner(*, partner: Partner, is_live: bool, uuid: str) -> Booking:
    """Return a partner's booking of one mode, with what it sells.

    :raises BookingNotFound: the text is no uuid, or none of this partner's bookings has it.
    """
    return _only_booking(with_what_was_sold(Booking.objects.all()), partner, is_live, uuid)


_BOOKING_WITH_ORDER = CompiledQuery(lambda **named: Booking.objects.select_related("order").filter(**named))


def booking_to_change(*, partner: Partner, is_live: bool, uuid: str) -> Booking:
    """Return a partner's booking of one mode with its order alone: a service reads the rest under the order's lock.

    :raises BookingNotFound: the text is no uuid, or none of this partner's bookings has it.
    """
    wanted = uuid_from_text(uuid)
    found = _BOOKING_WITH_ORDER.first(partner=partner.pk, is_live=is_live, uuid=wanted) if wanted else None
    if found is None:
        raise BookingNotFound(uuid)
    return found


def bookings_for_partner(*, partner: Partner, is_live: bool, filters: BookingFilter) -> QuerySet[Booking]:
    """Return a partner's bookings of one mode that pass every filter, newest first."""
    bookings = Booking.objects.filter(partner=partner, is_live=is_live).filter(_condition(filters))
    return with_what_was_sold(bookings).order_by("-created_at", "-pk")


def with_what_was_ordered(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Read orders with their bookings, what these sell, and their gifts: four queries for any number of them."""
    tickets = UnitItem.objects.select_related("unit").order_by("pk")
    bookings = (
        Booking.objects.select_related("product__supplier", "option", "availability")
        .prefetch_related(Prefetch("unit_items", queryset=tickets))
        .order_by("number")
    )
    gifts = Prefetch("gifts", queryset=Gift.objects.order_by("number"))
    return orders.select_related("partner").prefetch_related(Prefetch("bookings", queryset=bookings), gifts)


def order_for_partner(*, partner: Partner, is_live: bool, order_id: str) -> Order:
    """Return a partner's order of one mode, with what is in it; nothing is sold on an invoice or a top-up.

    :raises OrderNotFound: the text is no uuid, or none of this partner's orders has it.
    """
    return _only_order(with_what_was_ordered(_selling_orders()), partner, is_live, order_id)


def order_to_change(*, partner: Partner, is_live: bool, order_id: str) -> Order:
    """Return a partner's order of one mode alone: a service reads the rest under its lock.

    :raises OrderNotFound: the text is no uuid, or none of this partner's orders has it.
    """
    return _only_order(_selling_orders(), partner, is_live, order_id)


def orders_for_partner(*, partner: Partner, is_live: bool, filters: OrderFilter) -> QuerySet[Order]:
    """Return a partner's orders of one mode that pass every filter, newest first."""
    orders = _selling_orders().filter(partner=partner, is_live=is_live).filter(_order_condition(filters))
    return with_what_was_ordered(orders).order_by("-created_at", "-pk")


def order_of(sold: Booking | Gift | Order) -> Order:
    """Return the order that owes what something sold costs: its own, or itself."""
    return sold if isinstance(sold, Order) else sold.order


def amount_to_collect(order: Order, bookings: Iterable[Booking] | None = None) -> Money:
    """Return what cards must pay in all for the order's live bookings and gifts, by how the order is settled; for an
    invoice or a top-up that lives, what it asks for.

    A gift earns no commission and has no deposit: whoever collects pays all of it, and one that was spent was bought
    all the same. A caller that has the order's bookings in hand, all of them, passes them.
    """
    if is_asked(order):
        return Money(order.asked_minor if order.status in LIVE_STATUSES else 0, order.currency)
    known = order.bookings.all() if bookings is None else bookings
    live = [booking for booking in known if booking.status in LIVE_STATUSES]
    method = order.settlement_method
    if method in (SettlementMethod.VOUCHER, SettlementMethod.DEFERRED):
        return Money(0, order.currency)
    if not live:
        minor = 0
    elif method == SettlementMethod.WHOLESALE:
        minor = sum(booking.net_minor for booking in live)
    elif method == SettlementMethod.DEPOSIT:
        deposits = [each for each in order.installments.all() if each.kind == InstallmentKind.DEPOSIT]
        minor = sum(deposit.amount_minor for deposit in deposits)
    else:
        minor = sum(booking.retail_minor for booking in live)
    gifts = order.gifts.all() if may_have_gifts(order) else ()
    minor += sum(gift.amount_minor for gift in gifts if is_gift_bought(gift))
    return Money(minor, order.currency)


def amount_due_later(order: Order, bookings: Iterable[Booking] | None = None) -> Money:
    """Return what is to be paid after the confirmation, for the order's live bookings: the rest of a deposit."""
    minor = 0
    if order.settlement_method == SettlementMethod.DEPOSIT:
        known = order.bookings.all() if bookings is None else bookings
        live = [booking for booking in known if booking.status in LIVE_STATUSES]
        minor = sum(booking.retail_minor - booking.deposit_minor for booking in live)
    return Money(minor, order.currency)


def amount_kept(order: Order, bookings: Iterable[Booking] | None = None) -> Money:
    """Return what stays with the operator of bookings that were cancelled too late: nobody gives it back by itself."""
    known = order.bookings.all() if bookings is None else bookings
    kept = [each for each in known if each.status == BookingStatus.CANCELLED and each.cancellation_refund == "NONE"]
    method = order.settlement_method
    if method in (SettlementMethod.VOUCHER, SettlementMethod.DEFERRED):
        minor = 0
    elif method == SettlementMethod.WHOLESALE:
        minor = sum(booking.net_minor for booking in kept)
    elif method == SettlementMethod.DEPOSIT:
        minor = sum(booking.kept_minor for booking in kept)
    else:
        minor = sum(booking.retail_minor for booking in kept)
    return Money(minor, order.currency)


def _only_booking(bookings: QuerySet[Booking], partner: Partner, is_live: bool, uuid: str) -> Booking:
    wanted = uuid_from_text(uuid)
    # The partner's uuid is unique, so that there is nothing to sort by.
    found = list(bookings.filter(partner=partner, is_live=is_live, uuid=wanted)) if wanted else []
    if not found:
        raise BookingNotFound(uuid)
    return found[0]


def _selling_orders() -> QuerySet[Order]:
    return Order.objects.exclude(kind__in=ASKED_KINDS)


def _only_order(orders: QuerySet[Order], partner: Partner, is_live: bool, order_id: str) -> Order:
    wanted = uuid_from_text(order_id)
    found = list(orders.filter(partner=partner, is_live=is_live, uuid=wanted)) if wanted else []
    if not found:
        raise OrderNotFound(order_id)
    return found[0]


def _order_condition(filters: OrderFilter) -> Q:
    condition = Q()
    for path, value in (
        ("reference", filters.supplier_reference),
        ("created_at__gte", filters.created_from),
        ("created_at__lte", filters.created_to),
        ("updated_at__gte", filters.updated_from),
        ("updated_at__lte", filters.updated_to),
    ):
        if value is not None:
            condition &= Q(**{path: value})
    for of_order, of_booking, value in (
        ("contact__email__iexact", "contact_email__iexact", filters.contact_email),
        ("contact__phone", "contact_phone", filters.contact_phone),
        ("contact__last_name__istartswith", "contact_last_name__istartswith", filters.contact_last_name),
    ):
        if value is not None:
            named = Booking.objects.filter(order=OuterRef("pk"), **{of_booking: value})
            condition &= Q(**{of_order: value}) | Q(Exists(named))
    return condition


def _products_for(partner: Partner) -> QuerySet[Product]:
    """Return what a partner may see: today every partner is shown the same catalogue."""
    return Product.objects.filter(is_active=True) if partner.is_active else Product.objects.none()


def _with_options(products: QuerySet[Product]) -> QuerySet[Product]:
    units = Unit.objects.order_by("position", "pk").prefetch_related("prices")
    options = Option.objects.order_by("position", "pk").prefetch_related(Prefetch("units", queryset=units))
    return products.select_related("supplier").prefetch_related(Prefetch("options", queryset=options))


def _condition(filters: BookingFilter) -> Q:
    condition = Q()
    if filters.reseller_reference is not None:
        # Card numbers were masked when it was saved, so what is looked for is masked alike.
        condition &= Q(reseller_reference=mask_card_numbers(filters.reseller_reference))
    if filters.statuses:
        condition &= Q(status__in=filters.statuses)
    for path, value in (
        ("reference", filters.supplier_reference),
        ("availability__local_date__gte", filters.local_date_start),
        ("availability__local_date__lte", filters.local_date_end),
        ("created_at__gte", filters.created_from),
        ("created_at__lte", filters.created_to),
        ("updated_at__gte", filters.updated_from),
        ("updated_at__lte", filters.updated_to),
        ("contact_email__iexact", filters.contact_email),
        ("contact_phone", filters.contact_phone),
        ("contact_last_name__istartswith", filters.contact_last_name),
        ("availability_reference", filters.availability_id),
    ):
        if value is not None:
            condition &= Q(**{path: value})
    for path, text in (("product", filters.product_id), ("option", filters.option_id)):
        if text is not None:
            uuid = uuid_from_text(text)
            condition &= Q(**{path: uuid}) if uuid else Q(pk__in=[])
    return condition
