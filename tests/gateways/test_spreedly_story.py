"""What Spreedly says of charges, through our door down to the ledger: by answers, callbacks and look-ups."""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from gateways.adapters.spreedly import standin
from gateways.models import GatewayAccount
from gateways.protocol import ChargeRequest, Outcome, OutcomeKind, Source
from gateways.registry import gateway_for
from money import Money
from payments.encryption import decrypt_json
from payments.models import AccountRoute, Case, EventSource, Opening, Payment, ReusableCard, WebhookDelivery
from payments.selectors import Subject
from payments.services import aftercare, confirming, evidence, janitor
from payments.services.collecting import PaymentRequest
from payments.services.transitions import apply_outcome
from tests.payments.conftest import guest, house
from tests.payments.guest import Guest, opening_of
from tests.payments.house import House, books, operations
from tests.processes import Sandbox

__all__ = ["guest", "house"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account(house: House, sandbox: Sandbox) -> Iterator[GatewayAccount]:
    """Take the partners' euros by Spreedly."""
    fields = standin.credentials("spreedly-eu", lambda name: hashlib.sha256(name.encode()).hexdigest(), sandbox.url)
    described = standin.sandbox_account(fields, f"http://127.0.0.1:{settings.WEB_PORT}/webhooks/spreedly-eu/")
    sandbox.put(f"spreedly/accounts/{standin.account_name(described)}", **described)
    made = GatewayAccount.objects.create(
        slug="spreedly-eu",
        name="Spreedly",
        gateway="spreedly",
        environment="LIVE",
        currencies=["EUR"],
        sources=["ECOM"],
        captures_at_once=True,
        stores_cards=True,
    )
    AccountRoute.objects.filter(account=house.accounts["adyen-eu"]).update(account=made)
    with override_settings(GATEWAY_CREDENTIALS={**settings.GATEWAY_CREDENTIALS, "spreedly-eu": fields}):
        yield made


def charged(house: House, guest: Guest, opening: Opening, **card: Any) -> Outcome:
    """Charge the card that a guest entered on the page of an Opening, and take in the answer."""
    assert opening.client_encrypted is not None
    path, body = standin.guest_pays(decrypt_json(opening.client_encrypted), is_good=True)
    answer = guest.sandbox.post(path, **{**body, **card})
    outcome = gateway_for(opening.account).charge(
        ChargeRequest(
            reference=opening.reference,
            idempotency_key=opening.reference,
            money=Money(opening.amount_minor, opening.currency),
            source=Source.ECOM,
            captures_at_once=opening.payment.captures_at_once,
            payment_token=answer["token"],
            opening_reference=opening.reference,
            shopper_reference=opening.shopper_reference,
            stores_card=opening.consent_text_id is not None,
            return_url=opening.return_url,
            requested_at=house.clock(),
        )
    )
    subject = Subject(opening.payment, opening, None)
    apply_outcome(
        account=opening.account, outcome=outcome, source=EventSource.ANSWER, now=house.clock(), subject=subject
    )
    return outcome


@pytest.mark.usefixtures("account")
def test_a_charge_by_token_is_booked_and_a_refund_whose_answer_is_lost_is_found_and_sent_once(
    house: House, guest: Guest
) -> None:
    booking = house.reserve()
    opening = opening_of(booking)
    charged(house, guest, opening)
    assert confirming.confirm_booking(
        booking=booking, changes=None, request=PaymentRequest(), clock=house.clock
    ).is_confirmed
    payment = Payment.objects.get(order=booking.order)
    guest.sandbox.post("faults", gateway="spreedly", operation="credit", fault="answer_lost")
    aftercare.refund_payment(
        payment=payment, money=Money(2000, "EUR"), reason="", requested_by="ada", clock=house.clock
    )
    assert ("REFUND", "OURS", "PENDING", 2000) in operations(booking.order)
    house.clock.move(minutes=10)

    janitor.resolve_unknown(clock=house.clock)

    assert opening.gateway_reference == opening.reference
    assert sorted(operations(booking.order)) == [
        ("REFUND", "OURS", "PROCESSED", 2000),
        ("SALE", "GATEWAY", "PROCESSED", 9000),
    ]
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000, "CLEARING>RECEIVABLE": 2000}
    assert ReusableCard.objects.get().last4 == "1111"
    assert len(guest.sandbox.get("requests", gateway="spreedly", operation="credit")["requests"]) == 1
    (row,) = guest.sandbox.get("money")["money"]
    assert (row["captured"], row["refunded"], row["merchantReference"]) == (9000, 2000, opening.reference)
    assert not Case.objects.exists()


def test_a_held_charge_that_the_bank_asked_about_is_told_by_callback_and_captured(
    account: GatewayAccount, house: House, guest: Guest
) -> None:
    GatewayAccount.objects.filter(pk=account.pk).update(captures_at_once=False)
    booking = house.reserve()
    opening = opening_of(booking)
    asked = charged(house, guest, opening, number="4556761029983886", month=10, year=2029)
    payment = Payment.objects.get(order=booking.order)
    assert (asked.kind, payment.state) == (OutcomeKind.ACTION_REQUIRED, "ACTION_REQUIRED")
    assert asked.reference.gateway is not None
    guest.sandbox.post(f"spreedly/transactions/{asked.reference.gateway}/authenticate")
    guest.deliver()
    payment.refresh_from_db()
    assert (payment.state, payment.authorized_minor) == ("AUTHORIZED", 9000)
    assert not ReusableCard.objects.exists()
    evidence.take_evidence(
        order_id=booking.order_id,
        opening_reference=opening.reference,
        evidence=asked.reference.gateway,
        clock=house.clock,
    )

    assert confirming.confirm_booking(
        booking=booking, changes=None, request=PaymentRequest(), clock=house.clock
    ).is_confirmed

    assert sorted(operations(booking.order)) == [
        ("AUTHORIZATION", "GATEWAY", "PROCESSED", 9000),
        ("CAPTURE", "OURS", "PROCESSED", 9000),
    ]
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}
    assert ReusableCard.objects.get().last4 == "3886"
    assert set(WebhookDelivery.objects.values_list("status", flat=True)) == {"PROCESSED"}
    assert not Case.objects.exists()
