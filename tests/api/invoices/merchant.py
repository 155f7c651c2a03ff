"""Who uses payment invoices through an adapter that speaks them: one contract, and both of its ends are ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
from django.utils import timezone

from api.callbacks import delivering
from api.callbacks.signing import mint_signing_secret
from api.tasks import render
from bookings.services import mint_partner_key
from gateways.adapters.cardgate.gateway import CardgateGateway
from gateways.models import GatewayAccount
from gateways.protocol import (
    ChargeRequest,
    CompleteRequest,
    Delivery,
    Opened,
    OpenRequest,
    Outcome,
    RefundRequest,
    Source,
)
from money import Money
from payments.checking import ledger_findings, payment_findings
from payments.models import Opening
from tests.api.callbacks.receiver import Receiver, receiver
from tests.payments.guest import Guest
from tests.payments.house import House, build_house
from tests.processes import Sandbox

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

    def open(self, reference: str, *, back: str = BACK, **more: object) -> Opened:
        """Ask for something a guest can pay."""
        request = OpenRequest(
            reference=reference,
            idempotency_key=reference,
            money=PRICE,
            return_url=back,
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


@contextmanager
def trading(live_server: Any, sandbox: Sandbox, settings: Any) -> Iterator[Merchant]:
    """Open a shop of a house's partner; in the end the books must be in order."""
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
