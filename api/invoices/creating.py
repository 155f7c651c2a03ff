"""Make an invoice: the order that is owed, the guest's page, and who is told; all of it or nothing."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from api.callbacks.subscriptions import check_address, subscription_of_invoices
from api.invoices.cards import card_of_token
from api.invoices.models import Invoice
from api.invoices.requests import InvoiceWish
from bookings import services as booking_services
from bookings.free_text import clean_contact, clean_metadata, clean_return_url
from bookings.models import Customer, OrderKind, Partner
from bookings.requests import ContactDetails
from bookings.return_urls import is_return_allowed
from gateways.protocol import Source
from payments.services.links import create_link
from payments.services.routing import Wish, choose_account

OTHER_MODE = "OTHER_MODE"
RETURN_NOT_ALLOWED = "RETURN_NOT_ALLOWED"


class InvoiceRefused(Exception):
    """Say that an invoice cannot be made as it was asked for; `field` is the attribute, `code` one stable word."""

    def __init__(self, field: str, code: str) -> None:
        super().__init__(f"{field}: {code}")
        self.field = field
        self.code = code


def create_invoice(*, partner: Partner, key_is_live: bool, wish: InvoiceWish, now: datetime) -> Invoice:
    """Ask for an amount, and let a guest pay it.

    With a live key `is_test` makes it a test; a key for tests makes nothing else.

    :raises InvoiceRefused: a key for tests asks for a live invoice, or a guest would be sent to a strange place.
    :raises AddressRefused: we do not connect to where it is to be told.
    :raises ReferenceTaken: the partner used the reference before.
    :raises InvalidCard: the token is no card of the customer's that can be charged.
    :raises InvalidValue: a value cannot be used.
    :raises PaymentError: nothing is set up to take this money.
    """
    if wish.is_test is False and not key_is_live:
        raise InvoiceRefused("test_mode", OTHER_MODE)
    for field, url in _returns(wish):
        if not is_return_allowed(partner=partner, url=clean_return_url(url)):
            raise InvoiceRefused(field, RETURN_NOT_ALLOWED)
    if wish.callback_url:
        check_address(wish.callback_url)
    return _write(partner, key_is_live and not wish.is_test, wish, now)


def _returns(wish: InvoiceWish) -> Iterator[tuple[str, str]]:
    """Yield where a guest may be sent back to, with the attribute that says so."""
    if wish.return_url:
        yield "return_url", wish.return_url
    for name, url in wish.return_urls.items():
        yield f"return_urls/{name}", url


@transaction.atomic
def _write(partner: Partner, is_live: bool, wish: InvoiceWish, now: datetime) -> Invoice:
    customer = _customer(partner, is_live, wish, now)
    card = card_of_token(wish.token, customer=customer, now=now) if wish.token and customer is not None else None
    expires_at = wish.expires_at or now + timedelta(hours=settings.API["INVOICE_LIFETIME_HOURS"])
    order = booking_services.create_asked_order(
        partner=partner,
        is_live=is_live,
        kind=OrderKind.INVOICE,
        amount=wish.amount,
        reference=wish.reference,
        description=wish.description,
        customer=customer,
        return_url=wish.return_url or next(iter(wish.return_urls.values()), ""),
        expires_at=expires_at,
        now=now,
    )
    choose_account(order=order, wish=Wish(gateway=card.account.gateway if card else None, source=Source.ECOM))
    link = create_link(
        order=order,
        expires_at=expires_at,
        now=now,
        created_by=f"partner {partner.slug}",
        return_url=order.return_url,
        return_urls=wish.return_urls,
        card=card,
    )
    callback = (
        subscription_of_invoices(partner=partner, is_live=is_live, url=wish.callback_url, now=now)
        if wish.callback_url
        else None
    )
    return Invoice.objects.create(
        order=order,
        link=link,
        card=card,
        callback=callback,
        service=wish.service,
        tells_token=wish.tells_token,
        is_instant=wish.is_instant,
        metadata=clean_metadata(wish.metadata),
    )


def _customer(partner: Partner, is_live: bool, wish: InvoiceWish, now: datetime) -> Customer | None:
    asked = wish.customer
    if asked is None:
        return None
    contact = ContactDetails(full_name=asked.name, email=asked.email, phone=asked.phone)
    return booking_services.customer_for(
        partner=partner,
        is_live=is_live,
        booking=None,
        reference=asked.reference,
        now=now,
        contact=clean_contact("customer", contact),
    )
