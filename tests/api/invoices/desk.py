"""A partner in front of payment invoices, and a gateway behind them that says what a test tells it to. No wire."""

import base64
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

from django.test import Client

from api.invoices.models import Invoice
from bookings.services import mint_partner_key
from gateways.errors import AnswerLost, ErrorCode
from gateways.models import GatewayAccount
from gateways.protocol import (
    Capability,
    Card,
    ChargeRequest,
    Decline,
    Outcome,
    OutcomeKind,
    Reference,
    RefundRequest,
)
from payments.models import AccountRoute, Opening, Payment, ReusableCard
from payments.services.cards import keep_card, shopper_reference_of
from payments.services.collecting import NO_REQUEST, prepare_payment
from payments.services.consents import consent_text_for
from tests.payments.asked_gateway import AskedGateway
from tests.payments.house import House, build_house

SLUG = "till"
PATH = f"{__name__}.TillGateway"
SHOP = "https://shop.example.com"
JSON_API = "application/vnd.api+json"
GUEST_CARD = Card(brand="mastercard", bin="512381", last4="0000", expiry_month=12, expiry_year=2032, token="gw-token-1")


class TillGateway(AskedGateway):
    """Charge kept cards and give money back as it is told; what it was asked is kept."""

    slug: ClassVar[str] = SLUG
    capabilities = AskedGateway.capabilities | {
        Capability.CHARGE_STORED_CARD,
        Capability.STORE_CARD,
        Capability.REFUND,
        Capability.PARTIAL_REFUND,
    }
    charges: ClassVar[list[ChargeRequest]] = []
    refunds: ClassVar[list[RefundRequest]] = []
    charging: ClassVar[OutcomeKind | None] = OutcomeKind.CAPTURED
    refunding: ClassVar[OutcomeKind | None] = OutcomeKind.REFUNDED

    @classmethod
    def begin(cls) -> None:
        super().begin()
        cls.charges, cls.refunds = [], []
        cls.charging, cls.refunding = OutcomeKind.CAPTURED, OutcomeKind.REFUNDED

    def charge(self, request: ChargeRequest) -> Outcome:
        self.charges.append(request)
        return self._said(self.charging, request, "")

    def refund(self, request: RefundRequest) -> Outcome:
        self.refunds.append(request)
        return self._said(self.refunding, request, request.payment_reference)

    @staticmethod
    def _said(kind: OutcomeKind | None, request: Any, payment: str) -> Outcome:
        if kind is None:
            raise AnswerLost("till: no answer")
        name = f"at-{request.reference}"
        is_refusal = kind in (OutcomeKind.DECLINED, OutcomeKind.REFUND_FAILED)
        return Outcome(
            kind=kind,
            reference=Reference(ours=request.reference, gateway=name, payment=payment or name),
            event_key=f"{name}:{kind}",
            occurred_at=request.requested_at,
            money=request.money,
            decline=Decline(code=ErrorCode.CREDIT_LIMIT_EXCEEDED) if is_refusal else None,
        )


class Caller:
    """Speak to the API as one key does."""

    def __init__(self, user: str, password: str | None, *, prefix: str = "") -> None:
        self.client = Client(raise_request_exception=False)
        self._prefix = prefix
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.headers = {"Authorization": f"Basic {pair}"} if password is not None else {}

    def get(self, path: str = "", **headers: str) -> Any:
        """GET a path below /payment-invoices."""
        return self.client.get(f"{self._prefix}/payment-invoices{path}", headers=self._all(headers))

    def create(self, attributes: dict[str, Any], *, beside: dict[str, Any] | None = None, **headers: str) -> Any:
        """POST an invoice; what is `beside` its attributes goes into the resource."""
        data = {"type": "payment-invoices", "attributes": attributes, **(beside or {})}
        return self.send("/payment-invoices", {"data": data}, **headers)

    def refund(self, invoice_id: str, attributes: dict[str, Any] | None = None, **headers: str) -> Any:
        """POST a refund of an invoice."""
        data = {"type": "refund", "id": invoice_id, "attributes": attributes or {}}
        return self.send(f"/payment-invoices/{invoice_id}/refund", {"data": data}, **headers)

    def sell(self, token: str, attributes: dict[str, Any] | None = None) -> Any:
        """POST a sale under its own token."""
        data = {"type": "sale-operation", "attributes": attributes or {}}
        return self.send("/payment/sale", {"data": data}, Authorization=f"Bearer {token}")

    def send(self, path: str, body: Any, *, kind: str = "application/json", **headers: str) -> Any:
        """POST anything; text and bytes go as they are."""
        raw = body if isinstance(body, str | bytes) else json.dumps(body)
        return self.client.post(f"{self._prefix}{path}", raw, content_type=kind, headers=self._all(headers))

    def _all(self, headers: dict[str, str]) -> dict[str, str]:
        return {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}


@dataclass(kw_only=True)
class Desk:
    """Be a partner with keys, and the house that takes its money."""

    house: House
    live: Caller
    test: Caller
    other: Caller
    account: GatewayAccount

    def wish(self, **changes: Any) -> dict[str, Any]:
        """Return the attributes of an invoice over 100.55 EUR; Ellipsis leaves one out."""
        attributes = {
            "reference_id": "ORDER1233",
            "amount": 100.55,
            "currency": "EUR",
            "service": "payment_card_eur_hpp",
            "description": "Kayak tour for four",
            "customer": {"reference_id": "my_customer_1", "name": "John Doe"},
            **changes,
        }
        return {name: value for name, value in attributes.items() if value is not ...}

    def made(self, **changes: Any) -> Invoice:
        """Create an invoice and return it."""
        answer = self.live.create(self.wish(**changes))
        assert answer.status_code == 201, answer.content
        # What is told by the house's clock comes after what was asked by the real one.
        self.house.clock.now = max(self.house.clock.now, datetime.now(UTC))
        return self.stored(read(answer))

    def shown(self, invoice: Invoice) -> dict[str, Any]:
        """Return the attributes of an invoice as they are told now."""
        found: dict[str, Any] = read(self.live.get(f"/{invoice.public_id}"))["data"]["attributes"]
        return found

    @staticmethod
    def stored(document: dict[str, Any]) -> Invoice:
        """Return the row of an invoice that was answered."""
        return Invoice.objects.select_related("order").get(public_id=document["data"]["id"])

    def begun(self, invoice: Invoice) -> Opening:
        """Let a guest go to pay an invoice, and return what was opened for them."""
        prepare_payment(order_id=invoice.order_id, payment_request=NO_REQUEST, clock=self.house.clock)
        payment = Payment.objects.select_related("account").get(order=invoice.order_id, superseded_at__isnull=True)
        return self.house.opening(payment)

    def paid(self, invoice: Invoice, psp: str = "PSP1") -> Payment:
        """Let a guest pay an invoice."""
        opening = self.begun(invoice)
        self.house.tell(opening.payment, OutcomeKind.CAPTURED, psp)
        return opening.payment

    def kept_card(self, reference: str = "my_customer_1", *, is_live: bool = True, **changes: Any) -> ReusableCard:
        """Return a card that a customer of the partner's agreed to have kept, while paying an invoice."""
        caller = self.live if is_live else self.test
        wish = self.wish(reference_id=f"first of {reference}", customer={"reference_id": reference})
        invoice = self.stored(read(caller.create(wish)))
        payment = self.paid(invoice, psp=f"PSP-{invoice.public_id}")
        opening = payment.openings.get()
        now = self.house.clock()
        opening.consent_text = consent_text_for(account=self.account, locale="en", now=now)
        opening.shopper_reference = shopper_reference_of(payment)
        opening.save()
        keep_card(payment=payment, card=replace(GUEST_CARD, token=f"gw-{invoice.public_id}"), now=now, opening=opening)
        card = ReusableCard.objects.get(order=invoice.order)
        ReusableCard.objects.filter(pk=card.pk).update(**changes)
        return card


def read(answer: Any) -> dict[str, Any]:
    """Return the document of an answer, its amounts as exact decimals."""
    document: dict[str, Any] = json.loads(answer.content, parse_float=Decimal)
    return document


def build_desk() -> Desk:
    """Build a house whose card payments a till takes, and the keys of its partners."""
    house = build_house()
    TillGateway.begin()
    account = GatewayAccount.objects.create(
        slug="till-eu",
        name="Till",
        gateway=SLUG,
        environment="test",
        currencies=["EUR", "USD", "JPY"],
        sources=["ECOM"],
        stores_cards=True,
    )
    for partner in (house.partner, house.other_partner):
        for is_live in (True, False):
            AccountRoute.objects.create(partner=partner, account=account, is_live=is_live, rank=1)
    house.partner.return_origins = [SHOP]
    house.partner.save()
    live, test, other = (
        mint_partner_key(partner=partner, dialects=["invoices"], is_live=is_live, label="", now=house.clock())[1]
        for partner, is_live in ((house.partner, True), (house.partner, False), (house.other_partner, True))
    )
    return Desk(
        house=house,
        live=Caller(house.partner.slug, live),
        test=Caller(house.partner.slug, test),
        other=Caller(house.other_partner.slug, other),
        account=account,
    )
