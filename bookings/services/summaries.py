"""Mail what an order holds: to who asked for a receipt, as it is confirmed, and once more whenever a partner asks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import transaction

from bookings.errors import OrderNotNotifiable, OrderWithoutAddress
from bookings.mailing import mail_language
from bookings.models import Booking, Gift, MailKind, Order, OutgoingMail
from bookings.services.gift_holds import gifts_under_lock
from bookings.services.mails import write_another_mail, write_mail
from bookings.services.orders import bookings_under_lock, lock_order

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Be somebody a mail can go to, and the languages they read."""

    email: str
    locales: tuple[str, ...]


@transaction.atomic
def notify_order(
    *, order: Order, to: str | None, locales: Sequence[str], follows_contact: bool, language: str, now: datetime
) -> OutgoingMail:
    """Mail what an order holds as it stands when the mail goes out; while such a mail waits, it is the one.

    It goes `to` the address that is given, else to the order's contact, else to the first in it who has one: in one of
    `locales`, else in one of theirs, else in `language`; in `language` alone unless it `follows_contact`.

    :raises OrderNotNotifiable: there is nothing in it to tell of.
    :raises OrderWithoutAddress: nobody is known to mail it to; nothing was written.
    """
    order = lock_order(order_id=order.pk)
    bookings, gifts = bookings_under_lock(order), gifts_under_lock(order)
    if not (bookings or gifts):
        raise OrderNotNotifiable(str(order.uuid), "it holds nothing")
    reader = Reader(email=to, locales=()) if to else _first(_of_order(order), *_of_items(bookings, gifts))
    if reader is None:
        raise OrderWithoutAddress(str(order.uuid))
    spoken = (*(locales or reader.locales), language) if follows_contact else (language,)
    return write_another_mail(
        kind=MailKind.ORDER_SUMMARY, to=reader.email, language=mail_language(*spoken), order=order, now=now
    )


def write_receipts(order: Order, *, bookings: Sequence[Booking], gifts: Sequence[Gift], now: datetime) -> None:
    """Write the receipts that an order, or one of the `bookings` just confirmed in it, asks for.

    Nobody gets two for one confirmation. Nothing is confirmed twice, and so nothing is receipted twice.
    """
    wanted: list[tuple[str, Reader | None]] = []
    confirmed = [item.pk for item in (*bookings, *gifts)]
    if order.email_receipt and confirmed:
        first = min(confirmed)
        wanted.append((f"order:{order.pk}:{first}", _first(_of_order(order), *_of_items(bookings, gifts))))
    wanted += [
        (f"booking:{booking.pk}", _first(*_of_items([booking], ()), _of_order(order)))
        for booking in bookings
        if booking.email_receipt
    ]
    told: set[str] = set()
    for key, reader in wanted:
        if reader is None:
            log.info("receipt_without_address", order=str(order.pk), about=key)
        elif reader.email.lower() not in told:
            told.add(reader.email.lower())
            write_mail(
                kind=MailKind.ORDER_SUMMARY,
                subject_key=key,
                to=reader.email,
                language=mail_language(*reader.locales),
                order=order,
                now=now,
            )


def _of_order(order: Order) -> Reader:
    return Reader(email=order.contact.get("email", ""), locales=tuple(order.contact.get("locales", ())))


def _of_items(bookings: Sequence[Booking], gifts: Sequence[Gift]) -> Iterator[Reader]:
    """Yield the guests of bookings in the order they were made, then who bought the gifts: never a gift's recipient."""
    items: list[Booking | Gift] = [*sorted(bookings, key=lambda each: each.number), *gifts]
    for item in items:
        yield Reader(email=item.contact_email, locales=tuple(item.contact_locales))


def _first(*readers: Reader) -> Reader | None:
    return next((reader for reader in readers if reader.email), None)
