"""What a guest who follows a payment link sees: what it is for, how much, to whom, and how it stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import Q

from bookings.models import Booking, BookingStatus, Order, Supplier
from bookings.return_urls import is_return_allowed
from bookings.rules import is_asked, is_gift_bought, may_have_gifts, zone_of
from gateways.errors import ErrorCode
from gateways.protocol import OutcomeKind
from money import Money
from payments.encryption import decrypt_json
from payments.models import (
    GatewayEvent,
    LinkEnd,
    Opening,
    OpeningStatus,
    Origin,
    PaymentLink,
    ReusableCard,
    Transaction,
)
from payments.selectors import CHARGE_KINDS, OrderMoney, order_money
from payments.services.actions import ACTION
from payments.services.cards import usable_cards
from payments.services.links import PAYABLE, is_paid_by, live_bookings, locales_of, openings_of
from payments.services.online import asked_of_guest
from payments.states import Status

# Who asked for what a guest paid by in our page.
ASKED_BY_GUEST = "guest"


class PageState(StrEnum):
    """Say how what a link is for stands.

    REFUSED is DUE after an attempt that was refused. INACTIVE: the order is over and nothing is paid.
    """

    DUE = "due"
    REFUSED = "refused"
    PENDING = "pending"
    PAID = "paid"
    EXPIRED = "expired"
    INACTIVE = "inactive"


_ENDS = {PageState.PAID: "success", PageState.PENDING: "pending"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidFor:
    """Be one thing that is paid for; `starts_at` is local, None where no time was chosen. A voucher has no name."""

    name: str
    reference: str
    is_voucher: bool = False
    starts_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPage:
    """Be what a guest may see by a link: never more than a first name, what is paid for and the amount.

    `due` is what the guest will be asked for, with the `surcharge` in it. `refusal` says why the last attempt failed,
    once somebody has told. `card` is a kept one that the guest may pay by; `must_act` says that
    the bank waits for the guest. `return_url` is where the guest may be sent
    on to; "" where the guest stays.
    """

    state: PageState
    refusal: ErrorCode | None
    card: ReusableCard | None
    must_act: bool
    operator: str
    partner: str
    first_name: str
    paid_for: tuple[PaidFor, ...]
    due: Money
    surcharge: Money
    is_live: bool
    locales: tuple[str, ...]
    return_url: str


def link_page(*, link: PaymentLink, now: datetime) -> LinkPage:
    """Return what the books say of what a link is for."""
    order = link.order
    bookings, money = live_bookings(order), order_money(order)
    refusal = _refusal(link) if money.due_minor > 0 else None
    asked = asked_of_guest(order, Money(money.due_minor, order.currency))
    names = [order.contact.get("first_name"), *(booking.contact_first_name for booking in bookings)]
    state = _state(link, money, refusal, now)
    return LinkPage(
        state=state,
        refusal=refusal,
        card=kept_card(link, now),
        must_act=state is PageState.PENDING and waiting_for_the_guest(link) is not None,
        operator=_operator(bookings),
        partner=order.partner.name,
        first_name=str(next(filter(None, names), "")),
        paid_for=(*(_visit(booking) for booking in bookings), *_vouchers(order), *_asked(order)),
        due=Money(asked.amount_minor, order.currency),
        surcharge=Money(asked.surcharge_minor, order.currency),
        is_live=order.is_live,
        locales=tuple(locales_of(order, bookings)),
        return_url=return_url_for(link, state),
    )


def state_of(*, link: PaymentLink, now: datetime) -> tuple[PageState, ErrorCode | None]:
    """Return how what a link is for stands, and why the last attempt was refused: what a page asks for again."""
    money = order_money(link.order)
    refusal = _refusal(link) if money.due_minor > 0 else None
    return _state(link, money, refusal, now), refusal


def return_url_for(link: PaymentLink, state: PageState) -> str:
    """Return where a guest may be sent on to; "" where the partner named no address, or did not register its origin."""
    end = _ENDS.get(state, "fail")
    url: str = link.return_urls.get(end, "")
    return url if is_return_allowed(partner=link.order.partner, url=url) else ""


def kept_card(link: PaymentLink, now: datetime) -> ReusableCard | None:
    """Return the card that a guest may pay by; None once it is revoked, expired or another's."""
    if link.card is None:
        return None
    usable = usable_cards(order=link.order, account=link.card.account, now=now)
    return next((card for card in usable if card.pk == link.card_id), None)


def waiting_for_the_guest(link: PaymentLink) -> Opening | None:
    """Return the Opening in which the guest must act at the bank before a charge of ours is decided."""
    waiting = openings_of(link).filter(status=OpeningStatus.OPEN, transactions__status=Status.PENDING)
    return next((opening for opening in waiting if action_in(client_of(opening))), None)


def action_in(client: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what a guest must do, from what the browser was given; a gateway may have a word of its own there."""
    found = client.get(ACTION)
    return found if isinstance(found, Mapping) else None


def client_of(opening: Opening) -> dict[str, Any]:
    """Return what the guest's browser was given of an Opening; empty once it is closed."""
    return decrypt_json(opening.client_encrypted) if opening.client_encrypted is not None else {}


def _state(link: PaymentLink, money: OrderMoney, refusal: ErrorCode | None, now: datetime) -> PageState:
    order = link.order
    if link.closed_as == LinkEnd.PAID or is_paid_by(link, money):
        return PageState.PAID
    if money.asked_minor > 0 or (money.due_minor > 0 and is_reported(order)):
        return PageState.PENDING
    has_run_out = order.expires_at is not None and order.expires_at <= now
    if order.status not in PAYABLE or (order.status == BookingStatus.ON_HOLD and has_run_out):
        return PageState.INACTIVE
    if money.due_minor == 0:
        return PageState.PAID
    if link.closed_at is not None or link.expires_at <= now:
        return PageState.EXPIRED
    return PageState.REFUSED if refusal is not None else PageState.DUE


def is_reported(order: Order) -> bool:
    """Say whether a guest is said to have paid somewhere of which nobody else has said anything that decides it."""
    reported = Opening.objects.filter(payment__order=order, reported_paid_at__isnull=False)
    # A word that decides it is stronger than what the guest's browser brought back.
    reported = reported.exclude(transactions__status__in=[Status.PROCESSED, Status.FAILED])
    return reported.exclude(events__kind__in=[OutcomeKind.DECLINED, OutcomeKind.EXPIRED]).exists()


def _refusal(link: PaymentLink) -> ErrorCode | None:
    """Return why the last attempt by this link was refused; None where it was not, or nobody told yet."""
    attempts = Transaction.objects.filter(order_id=link.order_id, kind__in=CHARGE_KINDS)
    by_links = attempts.filter(Q(opening__link=link) | Q(origin=Origin.OURS, requested_by=ASKED_BY_GUEST))
    last = by_links.order_by("-requested_at", "-id").first()
    if last is not None:
        return ErrorCode(last.error_code) if last.status == Status.FAILED else None
    word = GatewayEvent.objects.filter(
        payment__order_id=link.order_id, opening__link=link, transaction__isnull=True, kind=OutcomeKind.DECLINED
    ).last()
    return ErrorCode(word.decline_code or ErrorCode.TRANSACTION_DECLINED) if word is not None else None


def _operator(bookings: list[Booking]) -> str:
    """Return the brand that the guest visits; of an order without visits the operator's first one."""
    if bookings:
        return bookings[0].product.supplier.name
    return Supplier.objects.order_by("pk").values_list("name", flat=True).first() or ""


def _visit(booking: Booking) -> PaidFor:
    departure = booking.availability
    starts_at = departure.starts_at.astimezone(zone_of(booking.product)) if departure else None
    return PaidFor(
        name=booking.product.name,
        reference=booking.reference,
        starts_at=starts_at.replace(tzinfo=None) if starts_at else None,
    )


def _asked(order: Order) -> list[PaidFor]:
    return [PaidFor(name=order.description, reference=order.partner_reference)] if is_asked(order) else []


def _vouchers(order: Order) -> list[PaidFor]:
    gifts = order.gifts.order_by("created_at", "pk") if may_have_gifts(order) else ()
    return [PaidFor(name="", reference=gift.reference, is_voucher=True) for gift in gifts if is_gift_bought(gift)]
