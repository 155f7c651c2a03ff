"""Two places for 90.00 EUR, paid through each of the four APIs: the books cannot tell which one it was."""

from typing import Any

import httpx
from django.utils import timezone

from bookings.models import Booking, Dialect, Order
from bookings.services import mint_partner_key
from gateways.models import GatewayAccount
from payments.models import LedgerEntry, Opening
from tests.api.context.desk import plain
from tests.api.resource.desk import CARD
from tests.journeys.trip import Trip

PRICE = "90.00"


class Partner:
    """Have a key for each API, and speak plain HTTP."""

    def __init__(self, trip: Trip, url: str) -> None:
        self.trip = trip
        self._url = url
        self._partner = trip.house.partner

    def key(self, dialect: Dialect) -> str:
        """Return a new key that speaks one API."""
        return mint_partner_key(partner=self._partner, dialects=[dialect], is_live=True, label="", now=timezone.now())[
            1
        ]

    def post(self, path: str, body: Any, **how: Any) -> Any:
        """POST JSON and return what was made."""
        answer = httpx.post(f"{self._url}{path}", json=body, timeout=90, trust_env=False, **how)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def invoice(self) -> dict[str, Any]:
        """Ask for the price by an invoice and return its attributes."""
        attributes = {
            "reference_id": "four-ways",
            "amount": 90.0,
            "currency": "EUR",
            "service": "payment_card_eur_hpp",
            "description": "Kayak tour for two",
            "customer": {"reference_id": "ada", "name": "Ada Byron"},
        }
        made = self.post(
            "/payment-invoices",
            {"data": {"type": "payment-invoices", "attributes": attributes}},
            auth=(self._partner.slug, self.key(Dialect.INVOICES)),
        )
        shown: dict[str, Any] = made["data"]["attributes"]
        return shown


def by_octo(partner: Partner) -> Order:
    held = partner.trip.hold()
    session = held.session
    held.confirm(session, partner.trip.pay(session)["sessionResult"])
    return held.order


def by_payments_resource(partner: Partner) -> Order:
    booking = _booking(partner)
    wish = {
        "booking": {"id": str(booking.number)},
        "customer": {"id": str(booking.order.customer.number)},
        "amount": PRICE,
        "details": CARD,
    }
    partner.post("/payments/", wish, headers={"X-Application-Key": partner.key(Dialect.RESOURCE)})
    return booking.order


def by_context_payments(partner: Partner) -> Order:
    booking = _booking(partner)
    headers = {"X-Api-Key": partner.key(Dialect.CONTEXT)}
    partner.post(f"/bookings/{booking.number}/Payment", plain(float(PRICE)), headers=headers)
    return booking.order


def by_payment_invoices(partner: Partner) -> Order:
    page = partner.invoice()["flow_data"]["action"]
    shown = httpx.get(f"{page.rstrip('/')}/card/", timeout=90, trust_env=False)
    assert shown.status_code == 200, shown.text
    opening = Opening.objects.select_related("payment__order").latest("created_at")
    partner.trip.pay(opening.gateway_reference)
    return opening.payment.order


def _booking(partner: Partner) -> Any:
    held = partner.trip.hold(returnUrl=None)
    return Booking.objects.select_related("order__customer").get(uuid=held.uuid)


def entries(order: Order) -> list[tuple[Any, ...]]:
    """Return what the ledger holds for an order, but for which order, payment and transaction it was."""
    return list(
        LedgerEntry.objects.filter(order=order)
        .order_by("pk")
        .values_list(
            "posting__cause", "from_account", "to_account", "amount_minor", "currency", "gateway_account__slug",
            "partner__slug", "customer", "gift", "is_live",
        )
    )  # fmt: skip


def test_one_price_paid_through_each_of_the_four_apis_leaves_equal_entries(trip, live_server):
    GatewayAccount.objects.filter(gateway="adyen").update(takes_raw_cards=True)
    partner = Partner(trip, live_server.url)
    ways = (
        by_octo, by_payments_resource, by_context_payments, by_payment_invoices,
    )  # fmt: skip

    orders = [pay(partner) for pay in ways]

    for order in orders:
        trip.until(lambda: Order.objects.get(pk=order.pk).status == "CONFIRMED", "the confirmation")  # noqa: B023
    trip.settle()
    expected = [
        ("authorized", "RECEIVABLE", "CLEARING", 9000, "EUR", "adyen-eu", trip.house.partner.slug, None, None, True)
    ]
    for order in orders:
        assert entries(order) == expected, order.kind
