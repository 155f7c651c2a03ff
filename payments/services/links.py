"""Payment links: made for an order that is to be paid, mailed to its guest, and closed when paid, withdrawn or over."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from uuid import uuid4

import structlog
from django.db import transaction as database
from django.db.models import QuerySet

from bookings import services as booking_services
from bookings.mailing import mail_language
from bookings.models import Booking, BookingStatus, MailKind, MailStatus, Order, OutgoingMail
from bookings.pay_links import LinkInvalid, link_address, link_id_of
from bookings.rules import LIVE_STATUSES
from money import Money
from payments.errors import LinkUnknown, NotPayableByLink
from payments.models import LinkEnd, Opening, PaymentLink, ReusableCard
from payments.selectors import OrderMoney, order_money
from payments.services.guarding import order_version, refuse_after_change
from payments.services.online import asked_of_guest
from payments.services.openings import close_openings
from payments.splitting import Parts

log = structlog.get_logger(__name__)
NOWHERE: Mapping[str, str] = MappingProxyType({})
# How it ended for a guest who is sent back to a partner.
ENDS = ("success", "pending", "fail")
PAYABLE = (BookingStatus.ON_HOLD, BookingStatus.CONFIRMED)


def create_link(
    *,
    order: Order,
    expires_at: datetime,
    now: datetime,
    created_by: str,
    return_url: str = "",
    return_urls: Mapping[str, str] = NOWHERE,
    card: ReusableCard | None = None,
) -> PaymentLink:
    """Make an address at which a guest pays what an order owes, whenever that is until `expires_at`.

    An order may have several. Afterwards the guest is sent to `return_url`, or to one of `return_urls` by how it ended
    ("success", "pending", "fail"), but only where its origin is one the partner registered. The guest may pay by the
    `card`, a kept one that this order may be charged on.

    :raises NotPayableByLink: the order is over, or the time is; nothing was written.
    """
    if order.status not in PAYABLE:
        raise NotPayableByLink(f"An order that is {order.status} cannot be paid.")
    if expires_at <= now:
        raise NotPayableByLink("A link must end in the future.")
    ends = dict.fromkeys(ENDS, return_url) if return_url else {}
    link = PaymentLink.objects.create(
        order=order,
        card=card,
        return_urls={**ends, **return_urls},
        expires_at=expires_at,
        created_by=created_by,
        created_at=now,
    )
    log.info("payment_link_made", order=order.reference, link=str(link.pk), by=created_by)
    return link


def send_new_link(
    *,
    order: Order,
    expires_at: datetime,
    created_by: str,
    is_mailed: bool,
    now: datetime,
    links_seen: int,
    version_seen: int,
) -> tuple[PaymentLink, OutgoingMail | None]:
    """Make a link as `create_link` does and, where `is_mailed`, mail it to the guest: both or neither.

    `links_seen` is how many the order had when the person looked, and `version_seen` its `order_version`.

    :raises NotPayableByLink: the order is over, or nobody knows an address; nothing was written.
    :raises PaymentChanged: somebody made a link, or money moved, since; nothing was written.
    """
    with database.atomic():
        order = booking_services.lock_order(order_id=order.pk)
        refuse_after_change(links_seen, order.payment_links.count())
        refuse_after_change(version_seen, order_version(order))
        link = create_link(order=order, expires_at=expires_at, now=now, created_by=created_by)
        return link, send_link_again(link=link, now=now) if is_mailed else None


def link_url(link: PaymentLink) -> str:
    """Return the address of a link."""
    return link_address(link.pk)


def find_link(*, token: str) -> PaymentLink:
    """Return the link of an address, with its order and partner.

    :raises LinkUnknown: no link of ours reads so.
    """
    try:
        return PaymentLink.objects.select_related("order__partner", "order__customer", "card__account").get(
            pk=link_id_of(token)
        )
    except (LinkInvalid, PaymentLink.DoesNotExist):
        raise LinkUnknown("There is no such link.") from None


def expire_link(*, link: PaymentLink, now: datetime, closed_as: LinkEnd = LinkEnd.WITHDRAWN) -> bool:
    """Close a link for good, with what a guest could still pay by it; say whether it was open.

    A payment that comes all the same, from a page that was open already, is booked like any other.
    """
    with database.atomic():
        order = booking_services.lock_order(order_id=link.order_id)
        is_closed = PaymentLink.objects.filter(pk=link.pk, closed_at__isnull=True).update(
            closed_at=now, closed_as=closed_as
        )
        if is_closed:
            # Also where it is paid: what another tab still shows could be paid once more.
            close_openings(order=order, link=link)
            # What can be asked about can perhaps be closed there, too: a worker sees to it now.
            openings_of(link).filter(next_check_at__isnull=False).update(next_check_at=now)
    link.refresh_from_db(fields=["closed_at", "closed_as"])
    if is_closed:
        log.info("payment_link_closed", link=str(link.pk), closed_as=closed_as)
    return bool(is_closed)


def withdraw_links(*, order: Order, now: datetime) -> None:
    """Close all links of a locked order, with what a guest could still pay by them; the caller's transaction does it.

    What is open at a gateway that can close it is closed there by a worker.
    """
    links = list(PaymentLink.objects.filter(order=order, closed_at__isnull=True).values_list("pk", flat=True))
    PaymentLink.objects.filter(pk__in=links).update(closed_at=now, closed_as=LinkEnd.WITHDRAWN)
    close_openings(order=order)
    Opening.objects.filter(link__in=links, next_check_at__isnull=False).update(next_check_at=now)


def send_link_again(*, link: PaymentLink, now: datetime, to: str = "") -> OutgoingMail:
    """Mail a link to the guest, or to the address given; while the same mail waits to go out, that is the one.

    :raises NotPayableByLink: the link is closed or over, or nobody knows an address; nothing was written.
    """
    if link.closed_at is not None or link.expires_at <= now:
        raise NotPayableByLink("The link is closed.")
    with database.atomic():
        order = booking_services.lock_order(order_id=link.order_id)
        bookings = live_bookings(order)
        address = to or guest_address(order, bookings)
        if not address:
            raise NotPayableByLink("There is no address to mail a link to.")
        waiting = OutgoingMail.objects.filter(
            kind=MailKind.PAYMENT_LINK, order=order, to=address, context__link=str(link.pk), status=MailStatus.WAITING
        ).first()
        asked = asked_of_guest(order, Money(order_money(order).due_minor, order.currency))
        return waiting or booking_services.write_mail(
            kind=MailKind.PAYMENT_LINK,
            subject_key=f"link:{link.pk}:{uuid4()}",
            to=address,
            language=mail_language(*locales_of(order, bookings)),
            now=now,
            order=order,
            context=mail_facts(link, asked, order.currency),
        )


def mail_facts(link: PaymentLink, asked: Parts, currency: str) -> dict[str, str | int]:
    """Return what the mail with a link is rendered from: where it leads, and what is `asked` there."""
    return {
        "link": str(link.pk),
        "amount_minor": asked.amount_minor,
        "surcharge_minor": asked.surcharge_minor,
        "currency": currency,
    }


def is_paid_by(link: PaymentLink, money: OrderMoney | None = None) -> bool:
    """Say whether all that the order asks for is there; a hold of money counts, a charge without an answer does not.

    A caller that has just read the order's `money` passes it.
    """
    money = money or order_money(link.order)
    return money.wanted_minor > 0 and money.due_minor == 0 and money.asked_minor == 0


def live_bookings(order: Order) -> list[Booking]:
    """Return what an order books and is not over, in the order it was booked."""
    found = order.bookings.filter(status__in=LIVE_STATUSES).select_related("product__supplier", "availability")
    return list(found.order_by("number"))


def guest_address(order: Order, bookings: list[Booking]) -> str:
    """Return the address at which a guest of an order reads mail; "" where nobody knows one."""
    customer = order.customer.email if order.customer is not None else ""
    found = filter(None, [order.contact.get("email"), *(each.contact_email for each in bookings), customer])
    return str(next(found, ""))


def locales_of(order: Order, bookings: list[Booking]) -> list[str]:
    """Return the languages a guest named, best first."""
    named = [*(order.contact.get("locales") or ()), *(locale for each in bookings for locale in each.contact_locales)]
    return [str(locale) for locale in named]


def openings_of(link: PaymentLink) -> QuerySet[Opening]:
    """Return what was opened for guests who paid by a link, newest first."""
    return Opening.objects.filter(link=link).select_related("payment", "account").order_by("-created_at")
