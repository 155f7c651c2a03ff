"""What is held of a guest in bookings: found, told, and taken out; prices, dates and references stay."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import Exists, OuterRef, Q

from bookings.models import (
    Booking,
    BookingStatus,
    Change,
    Customer,
    Gift,
    MailStatus,
    Order,
    OutgoingMail,
    UnitItem,
)

CONTACT = (
    *("contact_full_name", "contact_first_name", "contact_last_name", "contact_email", "contact_phone"),
    *("contact_country", "contact_postal_code", "contact_notes", "contact_locales"),
)
_OF_BOOKING = (*CONTACT, "notes", "metadata", "cancellation_reason")
_OF_RECIPIENT = ("recipient_full_name", "recipient_email", "message")
_OF_GIFT = (*CONTACT, *_OF_RECIPIENT, "notes", "cancellation_reason")
_OF_CUSTOMER = ("reference", "full_name", "email", "phone")
_OF_ORDER = ("contact", "return_url")
_OF_ITEM = ("contact",)
_OF_MAIL = ("to", "context", "last_error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """Be the rows that are about one guest: orders with all that hangs on them, customers, and gifts and tickets that
    the guest got on somebody else's order.
    """

    order_ids: frozenset[UUID]
    customer_ids: frozenset[UUID]
    received_gift_ids: frozenset[UUID]
    ticket_ids: frozenset[int]

    def __bool__(self) -> bool:
        return bool(self.order_ids or self.customer_ids or self.received_gift_ids or self.ticket_ids)


def find_guest(term: str) -> Guest:
    """Return what is about the guest that an e-mail address, an order's reference or a customer's number names.

    The customer of an order belongs to it where all orders of that customer do: an agency is no guest.
    """
    term = term.strip()
    if "@" in term:
        return _by_email(term)
    if term.isascii() and term.isdigit() and len(term) <= 18:
        customers = Customer.objects.filter(number=int(term))
        orders = Order.objects.filter(customer__in=customers)
        return _guest(orders, customers)
    return _guest(Order.objects.filter(reference=term.upper()), Customer.objects.none())


def reasons_to_wait(guest: Guest, *, now: datetime) -> list[str]:
    """Return why what is held of a guest is still needed, in words; nothing when it is not."""
    orders = Order.objects.filter(pk__in=guest.order_ids)
    held = orders.filter(status=BookingStatus.ON_HOLD).values_list("reference", flat=True)
    coming = Booking.objects.filter(
        order__in=guest.order_ids,
        status=BookingStatus.CONFIRMED,
        redeemed_at__isnull=True,
        availability__ends_at__gt=now,
    ).values_list("reference", flat=True)
    mails = _mails(guest).filter(status=MailStatus.WAITING).count()
    return [
        *(f"Order {reference} is open." for reference in held.order_by("reference")),
        *(f"The visit of booking {reference} is still to come." for reference in coming.order_by("reference")),
        *([f"Mails wait to go out: {mails}."] if mails else []),
    ]


def personal_data_of(guest: Guest) -> dict[str, list[dict[str, Any]]]:
    """Return everything that is held of a guest in bookings, as plain data."""
    orders = Order.objects.filter(pk__in=guest.order_ids)
    return {
        "customers": _rows(Customer.objects.filter(pk__in=guest.customer_ids), "number", "created_at", *_OF_CUSTOMER),
        "orders": _rows(
            orders, "reference", "partner_reference", "description", "status", "currency", "created_at", *_OF_ORDER
        ),
        "bookings": _rows(
            Booking.objects.filter(order__in=guest.order_ids),
            *("reference", "reseller_reference", "status", "availability_reference", "retail_minor", "currency"),
            "created_at",
            *_OF_BOOKING,
        ),
        "tickets": _rows(_tickets(guest), "uuid", "ticket_code", "redeemed_at", *_OF_ITEM),
        "gifts": _rows(_gifts(guest), "reference", "status", "amount_minor", "currency", "created_at", *_OF_GIFT),
        "mails": _rows(_mails(guest), "kind", "status", "sent_at", "language", *_OF_MAIL),
    }


def names_of(guest: Guest) -> set[str]:
    """Return the names, addresses and phone numbers by which a text that is about others, too, may name a guest."""
    customers = Customer.objects.filter(pk__in=guest.customer_ids).values("full_name", "email", "phone")
    written = [
        *Order.objects.filter(pk__in=guest.order_ids).values_list("contact", flat=True),
        *_tickets(guest).values_list("contact", flat=True),
        *customers,
    ]
    for rows in (Booking.objects.filter(order__in=guest.order_ids), Gift.objects.filter(order__in=guest.order_ids)):
        for full, first, last, email, phone in rows.values_list(*CONTACT[:5]):
            written.append({"full_name": full, "first_name": first, "last_name": last, "email": email, "phone": phone})
    received = _gifts(guest).values_list("recipient_full_name", "recipient_email")
    written += [{"full_name": name, "email": email} for name, email in received]
    names: set[str] = set()
    for each in written:
        # What partners keep in a contact may be null, or no text.
        told = {key: str(value) for key, value in each.items() if value}
        names |= {told[key] for key in ("full_name", "email", "phone") if key in told}
        if "first_name" in told and "last_name" in told:
            names.add(f"{told['first_name']} {told['last_name']}")
    return names


def erase_guest(guest: Guest) -> dict[str, int]:
    """Take out who a guest is, and return how many rows of each kind were about it; again changes nothing.

    The caller's transaction holds the locks (`lock_guest`). Nothing that the books are made of is touched: ids,
    references of ours, prices, amounts, dates, states.
    """
    bookings = Booking.objects.filter(order__in=guest.order_ids)
    bought = Gift.objects.filter(order__in=guest.order_ids)
    return {
        "customers": Customer.objects.filter(pk__in=guest.customer_ids).update(**_blank(Customer, _OF_CUSTOMER)),
        "orders": Order.objects.filter(pk__in=guest.order_ids).update(**_blank(Order, _OF_ORDER)),
        "bookings": bookings.update(**_blank(Booking, _OF_BOOKING)),
        "tickets": _tickets(guest).update(**_blank(UnitItem, _OF_ITEM)),
        "gifts": bought.update(**_blank(Gift, _OF_GIFT)),
        "gifts received": Gift.objects.filter(pk__in=guest.received_gift_ids).update(**_blank(Gift, _OF_RECIPIENT)),
        "changes": Change.objects.filter(order__in=guest.order_ids).exclude(before={}).update(before={}),
        # The kind and key of a mail stay, so that it is not written anew.
        "mails": _mails(guest).update(**_blank(OutgoingMail, _OF_MAIL)),
    }


def lock_guest(guest: Guest) -> None:
    """Lock what is about a guest until the caller's transaction ends, in the order of all locks."""
    list(Customer.objects.select_for_update().filter(pk__in=guest.customer_ids).order_by("pk").values_list("pk"))
    list(Order.objects.select_for_update().filter(pk__in=guest.order_ids).order_by("pk").values_list("pk"))
    gifts = _gifts(guest).order_by("pk")
    list(gifts.select_for_update().values_list("pk"))


def _by_email(email: str) -> Guest:
    customers = Customer.objects.filter(email__iexact=email)
    bookings = Booking.objects.filter(contact_email__iexact=email)
    gifts = Gift.objects.filter(contact_email__iexact=email)
    orders = Order.objects.filter(
        Q(customer__in=customers)
        | Q(pk__in=bookings.values("order"))
        | Q(pk__in=gifts.values("order"))
        | Q(contact__email__iexact=email)
    )
    return _guest(
        orders,
        customers,
        received=Gift.objects.filter(recipient_email__iexact=email).exclude(order__in=orders),
        tickets=UnitItem.objects.filter(contact__email__iexact=email).exclude(booking__order__in=orders),
    )


def _guest(
    orders: models.QuerySet[Order],
    customers: models.QuerySet[Customer],
    *,
    received: Iterable[Gift] = (),
    tickets: Iterable[UnitItem] = (),
) -> Guest:
    order_ids = frozenset(orders.values_list("pk", flat=True))
    elsewhere = Order.objects.filter(customer=OuterRef("pk")).exclude(pk__in=order_ids)
    theirs = Customer.objects.filter(orders__in=order_ids).exclude(Exists(elsewhere))
    return Guest(
        order_ids=order_ids,
        customer_ids=frozenset(customers.values_list("pk", flat=True)) | frozenset(theirs.values_list("pk", flat=True)),
        received_gift_ids=frozenset(gift.pk for gift in received),
        ticket_ids=frozenset(ticket.pk for ticket in tickets),
    )


def _gifts(guest: Guest) -> models.QuerySet[Gift]:
    return Gift.objects.filter(Q(order__in=guest.order_ids) | Q(pk__in=guest.received_gift_ids))


def _tickets(guest: Guest) -> models.QuerySet[UnitItem]:
    return UnitItem.objects.filter(Q(booking__order__in=guest.order_ids) | Q(pk__in=guest.ticket_ids))


def _mails(guest: Guest) -> models.QuerySet[OutgoingMail]:
    return OutgoingMail.objects.filter(
        Q(order__in=guest.order_ids)
        | Q(booking__order__in=guest.order_ids)
        | Q(gift__order__in=guest.order_ids)
        | Q(gift__in=guest.received_gift_ids)
    )


def _blank(model: type[models.Model], names: Iterable[str]) -> dict[str, Any]:
    """Return the empty value of each column: as of a row of which nothing was ever known."""
    empty: dict[str, Any] = {}
    for name in names:
        field = model._meta.get_field(name)
        empty[name] = field.get_default() if isinstance(field, models.Field) and field.has_default() else ""
    return empty


def _rows(queryset: models.QuerySet[Any], *names: str) -> list[dict[str, Any]]:
    return list(queryset.order_by("pk").values(*names))
