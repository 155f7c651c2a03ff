"""What a guest who follows a link sees of an order, and the gateway's own page to which the guest is sent to pay."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction as database

from bookings import services as booking_services
from bookings.models import Booking, BookingStatus, Order, SettlementMethod
from bookings.rules import zone_of
from gateways.protocol import Capability, OutcomeKind, Source
from money import Money
from payments.encryption import decrypt_json
from payments.models import Opening, OpeningStatus
from payments.selectors import order_money
from payments.services.balances import asked_of_guest, locales_of, online_accounts
from payments.services.collecting import PaymentRequest, country_code_of, ensure_payment
from payments.services.openings import PAGE, claim_opening, new_opening, open_at_gateway, usable_opening
from payments.services.operations import Clock
from payments.states import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Be one thing that is paid for; `starts_at` is local, None where no time was chosen."""

    product: str
    reference: str
    starts_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BalancePage:
    """Be what a guest may see by a link: never more than a first name, the visits and the amount.

    `due` is what the guest will be asked for, with the `surcharge` in it. `is_active` is False once nothing of the
    order is confirmed; `is_undecided` while a payment has no answer yet.
    """

    first_name: str
    visits: tuple[Visit, ...]
    due: Money
    surcharge: Money
    is_active: bool
    is_undecided: bool
    locales: tuple[str, ...]


def balance_page(*, order_id: UUID) -> BalancePage:
    """Return what the books say of an order, for its guest.

    :raises Order.DoesNotExist: there is none.
    """
    order = Order.objects.get(pk=order_id)
    bookings = list(
        order.bookings.filter(status=BookingStatus.CONFIRMED)
        .select_related("product", "availability")
        .order_by("number")
    )
    money = order_money(order)
    reported = Opening.objects.filter(payment__order=order, reported_paid_at__isnull=False)
    # A word that decides it is stronger than what the guest's browser brought back.
    reported = reported.exclude(transactions__status__in=[Status.PROCESSED, Status.FAILED])
    is_reported = reported.exclude(events__kind__in=[OutcomeKind.DECLINED, OutcomeKind.EXPIRED]).exists()
    asked = asked_of_guest(order, Money(money.due_minor, order.currency))
    names = [order.contact.get("first_name"), *(booking.contact_first_name for booking in bookings)]
    return BalancePage(
        first_name=str(next(filter(None, names), "")),
        visits=tuple(_visit(booking) for booking in bookings),
        due=Money(asked.amount_minor, order.currency),
        surcharge=Money(asked.surcharge_minor, order.currency),
        is_active=order.status == BookingStatus.CONFIRMED,
        is_undecided=is_reported or money.asked_minor > 0,
        locales=tuple(locales_of(order, bookings)),
    )


def open_balance_page(*, order_id: UUID, return_url: str, locale: str, clock: Clock) -> str | None:
    """Return the address of the gateway's own page on which a guest pays what the order owes, and from which the guest
    is sent back to `return_url`.

    One that is open is used again. None where nothing is due, no account has such a page, or the gateway does not
    answer: the same call later asks with the same key.
    """
    now = clock()
    with database.atomic():
        order = booking_services.lock_order(order_id=order_id)
        opening = _opening(order, return_url, locale, now)
    if opening is None:
        return None
    if opening.status == OpeningStatus.REQUESTED:
        claimed = opening if opening.created_at == now else claim_opening(opening_id=opening.pk, now=now)
        if claimed is None or not open_at_gateway(opening=claimed, country_code=country_code_of(order), clock=clock):
            return None
        opening = claimed
    if opening.client_encrypted is None:
        return None
    page: str | None = decrypt_json(opening.client_encrypted).get(PAGE)
    return page


def _opening(order: Order, return_url: str, locale: str, now: datetime) -> Opening | None:
    if order.status != BookingStatus.CONFIRMED or order.settlement_method != SettlementMethod.DEPOSIT:
        return None
    accounts = online_accounts(order, Capability.HOSTED_PAGE)
    if not accounts:
        return None
    wish = PaymentRequest(gateway=accounts[0].gateway, source=Source.ECOM)
    payment, _ = ensure_payment(order=order, request=wish, money=order_money(order), now=now)
    if payment is None:
        return None
    found = usable_opening(payment, order=order, now=now, hosted_return_url=return_url)
    return found or new_opening(
        payment=payment, order=order, channel="Web", locale=locale, now=now, hosted_return_url=return_url
    )


def _visit(booking: Booking) -> Visit:
    departure = booking.availability
    starts_at = departure.starts_at.astimezone(zone_of(booking.product)) if departure else None
    return Visit(
        product=booking.product.name,
        reference=booking.reference,
        starts_at=starts_at.replace(tzinfo=None) if starts_at else None,
    )
