"""Both ends of one contract: our adapter for payment invoices, pointed at our own payment-invoices API.

A merchant uses the adapter; the API is a partner's; behind it a guest pays at the sandbox of another processor. What
the adapter makes of our answers and callbacks is what it makes of the vendor's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
from django.utils import timezone

from api.callbacks import delivering
from api.callbacks.signing import mint_signing_secret
from api.invoices.models import Invoice
from api.tasks import render
from bookings.services import mint_partner_key
from gateways.adapters.cardgate.gateway import CardgateGateway
from gateways.errors import ErrorCode, InvalidSignature
from gateways.models import GatewayAccount
from gateways.protocol import (
    ChargeRequest,
    CompleteRequest,
    Delivery,
    Opened,
    OpenRequest,
    Outcome,
    OutcomeKind,
    Reference,
    RefundRequest,
    Source,
)
from money import Money
from payments.checking import ledger_findings, payment_findings
from payments.models import Opening, ReusableCard, Transaction
from payments.services.cards import card_token
from tests.api.callbacks.receiver import Receiver, receiver
from tests.payments.guest import Guest
from tests.payments.house import House, books, build_house

PRICE = Money(10055, "EUR")
BACK = "https://shop.example.com/back"
SHOPPER = "c-1204"


@dataclass(kw_only=True)
class Merchant:
    """Be who uses the adapter, with a receiver for what the API tells."""

    gateway: CardgateGateway
    partner: Receiver
    guest: Guest
    house: House

    def open(self, reference: str, **more: object) -> Opened:
        """Ask for something a guest can pay."""
        request = OpenRequest(
            reference=reference,
            idempotency_key=reference,
            money=PRICE,
            return_url=BACK,
            source=Source.ECOM,
            captures_at_once=True,
            expires_at=timezone.now() + timedelta(hours=1),
            locale="en",
            shopper_reference=SHOPPER,
            **more,  # type: ignore[arg-type]
        )
        return self.gateway.open(request)

    def charge(self, reference: str, token: str) -> Outcome:
        """Charge a kept card without its guest."""
        return self.gateway.charge(
            ChargeRequest(
                reference=reference,
                idempotency_key=reference,
                money=PRICE,
                source=Source.ECOM,
                captures_at_once=True,
                card_token=token,
                shopper_reference=SHOPPER,
                requested_at=timezone.now(),
            )
        )

    def refund(self, invoice_id: str, reference: str, minor: int) -> Outcome:
        """Give some of an invoice back."""
        return self.gateway.refund(
            RefundRequest(
                payment_reference=invoice_id,
                reference=reference,
                idempotency_key=reference,
                money=Money(minor, "EUR"),
                requested_at=timezone.now(),
            )
        )

    def complete(self, opened: Opened, reference: str) -> tuple[Outcome, ...]:
        """Ask how it ended for the guest, who is back."""
        request = CompleteRequest(
            opening_reference=opened.gateway_reference, reference=reference, money=PRICE, requested_at=timezone.now()
        )
        return self.gateway.complete(request)

    def pay(self, opened: Opened, holder: str = "Ada Byron") -> None:
        """Let the guest follow the link, see what is asked, and pay in the processor's form."""
        page = opened.client["action"]
        seen = httpx.get(page, trust_env=False)
        assert seen.status_code == 200
        assert "100.55" in seen.text
        assert httpx.get(f"{page}card/", trust_env=False).status_code == 200
        opening = Opening.objects.latest("created_at")
        self.guest.pay(opening, holder, storePaymentMethod=True)
        self.deliver()

    def deliver(self) -> None:
        """Let what the processor sends arrive."""
        self.house.clock.now = timezone.now()
        self.guest.deliver()

    def hear(self, invoice_id: str) -> tuple[Outcome, ...]:
        """Let the callbacks that wait be sent, prove the last one about an invoice, and return what it says."""
        before = len(self.partner.got)
        delivering.tell_partners(clock=lambda: timezone.now() + timedelta(minutes=1), render=render)
        got = [one for one in self.partner.got[before:] if one.json["data"]["id"] == invoice_id][-1]
        delivery = Delivery(headers=got.headers, body=got.body, received_at=timezone.now())
        assert self.gateway.verify_webhook(delivery).status == 200
        return self.gateway.read_webhook(delivery)


@pytest.fixture
def merchant(transactional_db: None, live_server, sandbox, settings) -> Iterator[Merchant]:
    settings.PUBLIC_BASE_URL = live_server.url
    house = build_house()
    GatewayAccount.objects.filter(slug="adyen-eu").update(stores_cards=True)
    house.partner.return_origins = ["https://shop.example.com"]
    house.partner.save()
    key = mint_partner_key(partner=house.partner, dialects=["invoices"], is_live=True, label="", now=timezone.now())[1]
    secret = mint_signing_secret(partner=house.partner)[1]
    with receiver() as partner:
        gateway = CardgateGateway(
            {
                "account_id": house.partner.slug,
                "api_key": key,
                "private_keys": secret,
                "environment": "live",
                "api_base_url": f"{live_server.url}/api",
                "cardgate_base_url": live_server.url,
                "callback_url": partner.url,
                "timeout_seconds": "12",
            }
        )
        yield Merchant(gateway=gateway, partner=partner, guest=Guest(house, sandbox), house=house)
    assert [*payment_findings(now=timezone.now()), *ledger_findings()] == []


def test_a_guest_pays_the_card_is_kept_and_charged_again_without_the_guest_and_money_goes_back(merchant):
    opened = merchant.open("op-1", stores_card=True)
    again = merchant.open("op-1", stores_card=True)
    assert again.gateway_reference == opened.gateway_reference
    assert opened.client["method"] == "GET"
    assert merchant.complete(opened, "op-1") == ()

    merchant.pay(opened)

    (paid,) = merchant.hear(opened.gateway_reference)
    assert (paid.kind, paid.money, paid.reference.ours) == (OutcomeKind.CAPTURED, PRICE, "op-1")
    card = ReusableCard.objects.get()
    assert paid.card is not None
    assert (paid.card.token, paid.card.brand, paid.card.last4) == (card.pk.hex, "visa", "1111")
    assert [one.event_key for one in merchant.complete(opened, "op-1")] == [paid.event_key]
    assert [one.event_key for one in merchant.gateway.fetch(Reference(ours="op-1"))] == [paid.event_key]

    charged = merchant.charge("tx-2", card.pk.hex)
    assert (charged.kind, charged.money, charged.reference.ours) == (OutcomeKind.CAPTURED, PRICE, "tx-2")
    sold = Invoice.objects.get(is_instant=True)
    assert charged.reference.gateway == sold.public_id

    refunded = merchant.refund(sold.public_id, "rf-3", 3000)
    assert refunded.kind is OutcomeKind.PENDING
    merchant.deliver()
    told = {one.kind: one for one in merchant.hear(sold.public_id)}
    assert (told[OutcomeKind.REFUNDED].money, told[OutcomeKind.REFUNDED].reference.ours) == (Money(3000, "EUR"), "rf-3")
    repeated = merchant.refund(sold.public_id, "rf-3", 3000)
    assert (repeated.kind, repeated.money) == (OutcomeKind.REFUNDED, Money(3000, "EUR"))

    assert books(sold.order) == {"RECEIVABLE>CLEARING": 10055, "CLEARING>RECEIVABLE": 3000}
    assert Transaction.objects.filter(order=sold.order, kind="SALE").count() == 1


def test_a_refused_guest_leaves_the_invoice_open_and_a_refused_sale_ends_it(merchant):
    opened = merchant.open("op-1", stores_card=True)
    merchant.pay(opened, holder="NOT_ENOUGH_BALANCE")

    (news,) = merchant.hear(opened.gateway_reference)
    assert (news.kind, news.reference.opening) == (OutcomeKind.PENDING, opened.gateway_reference)
    merchant.pay(opened)
    (paid,) = merchant.hear(opened.gateway_reference)
    assert paid.kind is OutcomeKind.CAPTURED

    card = ReusableCard.objects.get()
    merchant.guest.sandbox.post(f"adyen/tokens/{card_token(card)}/holder", holderName="NOT_ENOUGH_BALANCE")
    charged = merchant.charge("tx-2", card.pk.hex)
    assert (charged.kind, charged.decline and charged.decline.code) == (
        OutcomeKind.DECLINED,
        ErrorCode.CREDIT_LIMIT_EXCEEDED,
    )
    again = merchant.charge("tx-2", card.pk.hex)
    assert (again.kind, again.event_key) == (OutcomeKind.DECLINED, charged.event_key)
    assert Transaction.objects.filter(order__invoice__is_instant=True).count() == 1


def test_a_callback_of_another_secret_is_not_believed(merchant):
    merchant.open("op-1")
    delivering.tell_partners(clock=timezone.now, render=render)
    (got,) = merchant.partner.got

    forged = Delivery(headers=got.headers, body=got.body + b" ", received_at=timezone.now())
    with pytest.raises(InvalidSignature):
        merchant.gateway.verify_webhook(forged)
