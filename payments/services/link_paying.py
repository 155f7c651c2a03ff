"""How a guest pays by a link: what is opened for the page, what the page brings back, and the order confirmed by it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction as database
from django.db.models import Exists, OuterRef, Q

from bookings import services as booking_services
from bookings.errors import BookingError
from bookings.models import BookingStatus
from bookings.pay_links import link_return_address
from bookings.requests import OrderChanges
from gateways.models import GatewayAccount
from gateways.partner_talk import Brought, CheckoutPage
from gateways.protocol import Capability, Source
from gateways.registry import gateway_for
from payments.errors import PaymentError
from payments.models import LinkEnd, Opening, OpeningStatus, PaymentLink, Transaction
from payments.selectors import CHARGE_KINDS, order_money
from payments.services.asking import ask_about_opening
from payments.services.charging import told_by, write_charge
from payments.services.collecting import NO_REQUEST, PaymentRequest, ensure_payment
from payments.services.confirming import confirm_order
from payments.services.draining import drain
from payments.services.evidence import note_report, take_evidence
from payments.services.link_pages import (
    ASKED_BY_GUEST,
    PageState,
    action_in,
    client_of,
    kept_card,
    state_of,
    waiting_for_the_guest,
)
from payments.services.links import expire_link, is_paid_by, openings_of
from payments.services.locking import tried_again_after_lock_timeout
from payments.services.online import page_account
from payments.services.openings import (
    CONSENT,
    PAGE,
    Place,
    claim_opening,
    close_openings,
    new_opening,
    open_at_gateway,
    usable_opening,
)
from payments.services.operations import Clock, perform_claimed
from payments.services.routing import is_set_up
from payments.services.viewing import country_code_of
from payments.states import Status

log = structlog.get_logger(__name__)
_OPEN_TO_THE_GUEST = (PageState.DUE, PageState.REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayStep:
    """Be what the guest's browser needs to pay: a form of the gateway's in our page, or its own page (`redirect_url`).

    `client` is what was opened, by the gateway's own names. `consent` is what a guest agrees to by having the card
    kept, "" where it is not. `action` is what a guest must do at the bank before a charge under way is decided.
    """

    account: str
    opening_reference: str
    page: CheckoutPage
    client: Mapping[str, Any] = field(repr=False)
    redirect_url: str = field(repr=False)
    consent: str
    action: Mapping[str, Any] | None = field(repr=False)


def open_to_pay(*, link: PaymentLink, locale: str, clock: Clock) -> PayStep | None:
    """Have something open that a guest can pay by a link, and return it; what is open is used again.

    None where there is nothing to pay by it now, no account has a page, or the gateway does not answer: the same call
    later asks with the same key.
    """
    now = clock()
    opening = _opening(link, locale, now)
    if opening is None:
        return None
    if opening.status == OpeningStatus.REQUESTED:
        claimed = opening if opening.created_at == now else claim_opening(opening_id=opening.pk, now=now)
        if claimed is None:
            return None
        if not open_at_gateway(opening=claimed, country_code=country_code_of(link.order), clock=clock):
            return None
        opening = claimed
    return _step(opening)


@tried_again_after_lock_timeout
def _opening(link: PaymentLink, locale: str, now: datetime) -> Opening | None:
    with database.atomic():
        order = booking_services.lock_order(order_id=link.order_id)
        link.refresh_from_db()
        state, _ = state_of(link=link, now=now)
        if state is PageState.PENDING:
            return waiting_for_the_guest(link)
        account = page_account(order) if state in _OPEN_TO_THE_GUEST else None
        if account is None:
            return None
        wish = PaymentRequest(gateway=account.gateway, source=Source.ECOM)
        payment, _ = ensure_payment(order=order, request=wish, money=order_money(order), now=now)
        page = gateway_for(payment.account).checkout_page() if payment is not None else None
        if payment is None or page is None:
            return None
        place = Place(link=link, is_hosted=not page.script)
        return usable_opening(payment, order=order, now=now, place=place) or new_opening(
            payment=payment, order=order, channel="Web", locale=locale, now=now, place=place
        )


def _step(opening: Opening) -> PayStep | None:
    page, client = gateway_for(opening.account).checkout_page(), client_of(opening)
    if page is None or not client:
        return None
    consent = client.get(CONSENT)
    return PayStep(
        account=opening.account.slug,
        opening_reference=opening.reference,
        page=page,
        client={name: value for name, value in client.items() if name not in (PAGE, CONSENT)},
        redirect_url=client.get(PAGE, ""),
        consent=consent["text"] if consent else "",
        action=action_in(client),
    )


def charge_what_was_entered(*, link: PaymentLink, brought: Mapping[Brought, str], clock: Clock) -> None:
    """Charge the card for which the gateway's form in our page got a token; what came of it is in the books.

    `brought` has what the form gave, by what it means.
    """
    opening = openings_of(link).filter(status=OpeningStatus.OPEN).first()
    if opening is None:
        return
    request = PaymentRequest(
        gateway=opening.account.gateway,
        source=Source.ECOM,
        opening_reference=opening.gateway_reference,
        payment_token=brought[Brought.PAYMENT_TOKEN],
        browser_info=brought.get(Brought.BROWSER),
        keeps_card=brought.get(Brought.KEEPS_CARD) == "true",
    )
    _charge(link, request, clock)


def charge_kept_card(*, link: PaymentLink, clock: Clock) -> None:
    """Charge the card that a link offers, as its guest asked for; what came of it is in the books."""
    card = kept_card(link, clock())
    if card is not None:
        wish = PaymentRequest(gateway=card.account.gateway, source=Source.ECOM, card_id=str(card.pk))
        _charge(link, wish, clock)


def _charge(link: PaymentLink, request: PaymentRequest, clock: Clock) -> None:
    charge = _write_charge(link, request, clock())
    if charge is None:
        return
    told = replace(told_by(request), return_url=link_return_address(link.pk))
    charge = perform_claimed(operation=charge, clock=clock, told=told)
    if charge.status == Status.FAILED:
        close_openings(order=link.order, link=link)
    elif charge.status == Status.PROCESSED:
        confirm_what_is_paid(link=link, clock=clock)


@tried_again_after_lock_timeout
def _write_charge(link: PaymentLink, request: PaymentRequest, now: datetime) -> Transaction | None:
    """Commit the row of a charge; None where nothing is to be paid by the link now, as in a second tab, or nothing can
    be by this card: revoked meanwhile, or not the guest's.
    """
    try:
        with database.atomic():
            order = booking_services.lock_order(order_id=link.order_id)
            link.refresh_from_db()
            state, _ = state_of(link=link, now=now)
            if state not in _OPEN_TO_THE_GUEST:
                return None
            return write_charge(
                order=order, request=request, money=order_money(order), now=now, requested_by=ASKED_BY_GUEST
            )
    except PaymentError as error:
        log.info("link_charged_nothing", link=link.pk, error=type(error).__name__)
        return None


def take_return(*, link: PaymentLink, brought: Mapping[Brought, str], is_refused: bool, clock: Clock) -> None:
    """Find out how it ended for a guest who comes back to a link, and confirm what is paid.

    `brought` has what the address says, by what it means; none of it is believed: the gateway is asked. `is_refused`
    is the word of the form in our page, which cannot be asked about everywhere: what was refused is offered no more.
    """
    opening = _came_from(link, brought)
    if opening is None:
        return
    evidence, named = brought.get(Brought.EVIDENCE, ""), opening.gateway_reference
    capabilities = gateway_for(opening.account).capabilities
    try:
        if evidence and named and Capability.COMPLETE in capabilities and not is_refused:
            take_evidence(order_id=link.order_id, opening_reference=named, evidence=evidence, clock=clock)
        elif Capability.FETCH in capabilities:
            is_answered = ask_about_opening(opening=opening, clock=clock)
            if not is_answered and not is_refused:
                note_report(link.order_id, PaymentRequest(opening_reference=named), clock())
    except PaymentError as error:
        # What is no word of the gateway's on this order changes nothing, and the books say so.
        log.info("return_without_evidence", opening=opening.reference, error=type(error).__name__)
    if is_refused:
        close_openings(order=link.order, link=link)
    confirm_what_is_paid(link=link, clock=clock)


def _came_from(link: PaymentLink, brought: Mapping[Brought, str]) -> Opening | None:
    openings = openings_of(link)
    named = brought.get(Brought.OPENING)
    return openings.filter(gateway_reference=named).first() if named else openings.first()


def page_of_newest(*, link: PaymentLink) -> CheckoutPage | None:
    """Return what is said of the gateway at which the guest of a link paid last: how its return is to be read."""
    opening = openings_of(link).first()
    return gateway_for(opening.account).checkout_page() if opening is not None else None


def returned_to(*, account_slug: str, read: Callable[[CheckoutPage], Mapping[Brought, str]]) -> Opening | None:
    """Return what a guest paid who comes back to the one address of an account; None where nothing of ours is named.

    `read` says what the address means, by what the account's gateway declares.
    """
    account = GatewayAccount.objects.filter(slug=account_slug).first()
    page = gateway_for(account).checkout_page() if account is not None and is_set_up(account) else None
    named = read(page).get(Brought.OPENING) if page is not None else None
    return Opening.objects.filter(account=account, gateway_reference=named).first() if named else None


def confirm_what_is_paid(*, link: PaymentLink, clock: Clock) -> None:
    """Confirm an order on hold that its guest has paid by a link, taking what is only held; close a link that is paid.

    A refusal leaves it to the partner and to staff, who see an order that is paid and not confirmed.
    """
    link.order.refresh_from_db()
    if not is_paid_by(link):
        return
    if link.order.status == BookingStatus.ON_HOLD:
        try:
            confirm_order(order=link.order, changes=OrderChanges(), request=NO_REQUEST, clock=clock)
        except (PaymentError, BookingError) as refusal:
            log.warning("paid_link_not_confirmed", order=link.order.reference, error=type(refusal).__name__)
            return
    expire_link(link=link, now=clock(), closed_as=LinkEnd.PAID)


def finish_links(*, clock: Clock, limit: int = 200) -> int:
    """Confirm what was paid by links while no guest came back, and close the links that are paid or over; return how
    many were looked at.
    """
    now = clock()
    paid = Transaction.objects.filter(
        order=OuterRef("order"), kind__in=CHARGE_KINDS, status=Status.PROCESSED, decided_at__gte=OuterRef("created_at")
    )
    waiting = PaymentLink.objects.filter(Q(expires_at__lte=now) | Exists(paid), closed_at__isnull=True)
    links = list(waiting.order_by("expires_at").values_list("pk", flat=True)[:limit])
    return drain(links, lambda link_id: _finish(link_id, clock), what="payment link", clock=clock)


def _finish(link_id: UUID, clock: Clock) -> bool:
    link = PaymentLink.objects.select_related("order__partner").get(pk=link_id)
    confirm_what_is_paid(link=link, clock=clock)
    if link.closed_at is None and link.expires_at <= clock():
        expire_link(link=link, now=clock(), closed_as=LinkEnd.EXPIRED)
    return True
