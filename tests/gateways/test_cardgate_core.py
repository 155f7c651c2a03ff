"""CardGate's outcomes in the core's terms: paid, refunded, kept, charged once, expired; to the cent on both sides."""

from typing import Any

import pytest

from config.local_secrets import LocalSecrets
from gateways.adapters.cardgate import standin
from gateways.models import GatewayAccount
from money import Money
from payments.errors import PaymentPending
from payments.models import AccountRoute, CardRevocation, Case, Opening, Payment, ReusableCard, Transaction
from payments.services import aftercare, janitor, revoking
from payments.services.cards import revoke_card
from payments.services.collecting import PaymentRequest, describe_payment
from payments.services.confirming import confirm_booking
from tests.payments.guest import Guest, opening_of
from tests.payments.house import House, books, build_house, operations
from tests.processes import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)
SLUG = "cardgate-eu"
CARD = {"number": "5519283812030000", "expiryMonth": "12", "expiryYear": "2032", "cvc": "123"}


@pytest.fixture
def house(db: None, sandbox: Sandbox, live_server: Any, settings: Any) -> House:
    """The operator, whose euros are taken by CardGate first."""
    credentials = standin.credentials(SLUG, LocalSecrets(None).text, sandbox.url)
    settings.GATEWAY_CREDENTIALS = {**settings.GATEWAY_CREDENTIALS, SLUG: credentials}
    described = standin.sandbox_account(credentials, f"{live_server.url}/webhooks/{SLUG}/")
    # A refused card leaves an invoice payable, as it does at the vendor.
    sandbox.put(f"cardgate/accounts/{standin.account_name(described)}", **{**described, "attempt_limit": 5})
    found = build_house()
    account = GatewayAccount.objects.create(
        slug=SLUG,
        name=SLUG,
        gateway="cardgate",
        environment="test",
        currencies=["EUR"],
        sources=["ECOM", "MOTO"],
        stores_cards=True,
    )
    AccountRoute.objects.create(partner=found.partner, account=account, is_live=True, rank=1)
    return found


@pytest.fixture
def guest(house: House, sandbox: Sandbox) -> Guest:
    return Guest(house, sandbox)


def pay(guest: Guest, opening: Opening, **card: Any) -> None:
    guest.sandbox.post(f"cardgate/invoices/{opening.gateway_reference}/pay", **{**CARD, **card})


def money(guest: Guest, reference: str) -> tuple[int, int, int]:
    (row,) = [row for row in guest.sandbox.get("money")["money"] if row["merchantReference"] == reference]
    return row["captured"], row["refunded"], row["charged_back"]


def confirm(house: House, booking: Any, **request: Any) -> Any:
    return confirm_booking(booking=booking, changes=None, request=PaymentRequest(**request), clock=house.clock)


def open_cases() -> list[str]:
    return list(Case.objects.filter(closed_at__isnull=True).values_list("kind", flat=True))


def test_a_guest_pays_is_refunded_and_takes_the_rest_back(house: House, guest: Guest) -> None:
    booking = house.reserve()
    opening = opening_of(booking)
    view = describe_payment(order=booking.order, clock=house.clock)
    assert view is not None
    pay(guest, opening)
    guest.deliver()
    confirmed = confirm(house, booking)
    payment = Payment.objects.get(order=booking.order)
    assert (payment.state, payment.captured_minor) == ("CAPTURED", 9000)
    aftercare.refund_payment(
        payment=payment, money=Money(2550, "EUR"), reason="goodwill", requested_by="ada", clock=house.clock
    )
    guest.sandbox.post(f"cardgate/invoices/{opening.gateway_reference}/chargeback", amount=4000)
    guest.deliver()

    payment.refresh_from_db()
    assert view.client["invoiceId"] == opening.gateway_reference
    assert view.client["method"] == "GET"
    assert confirmed.is_confirmed
    assert (payment.refunded_minor, payment.charged_back_minor) == (2550, 4000)
    assert sorted(operations(booking.order)) == [
        ("CHARGEBACK", "GATEWAY", "PROCESSED", 4000),
        ("REFUND", "OURS", "PROCESSED", 2550),
        ("SALE", "GATEWAY", "PROCESSED", 9000),
    ]
    assert books(booking.order) == {
        "RECEIVABLE>CLEARING": 9000,
        "CLEARING>RECEIVABLE": 2550,
        "CLEARING>DISPUTED": 4000,
    }
    assert money(guest, opening.reference) == (9000, 2550, 4000)


def test_a_kept_card_is_charged_once_though_every_answer_is_lost(house: House, guest: Guest) -> None:
    first = house.reserve(customer_reference="ada")
    pay(guest, opening_of(first))
    guest.deliver()
    card = ReusableCard.objects.get()
    guest.sandbox.post("faults", gateway="cardgate", operation="webhook", fault="dropped", times=-1)
    guest.sandbox.post("faults", gateway="cardgate", operation="invoices", fault="answer_lost", match="instant")
    guest.sandbox.post("faults", gateway="cardgate", operation="sale", fault="answer_lost")
    guest.sandbox.post("faults", gateway="cardgate", operation="invoice", fault="unavailable")
    second = house.reserve(customer_reference="ada")

    with pytest.raises(PaymentPending):
        confirm(house, second, card_id=str(card.id))
    for _ in range(2):
        house.clock.move(seconds=700)
        janitor.resolve_unknown(clock=house.clock)
    charge = Transaction.objects.get(order=second.order)

    assert (card.last4, card.expiry_year) == ("0000", 2032)
    assert (charge.status, charge.kind, charge.amount_minor) == ("PROCESSED", "SALE", 9000)
    assert money(guest, charge.reference) == (9000, 0, 0)
    assert open_cases() == []


def test_a_refund_whose_answer_is_lost_is_made_once(house: House, guest: Guest) -> None:
    booking = house.reserve()
    pay(guest, opening_of(booking))
    guest.deliver()
    payment = Payment.objects.get(order=booking.order)
    guest.sandbox.post("faults", gateway="cardgate", operation="webhook", fault="dropped", times=-1)
    guest.sandbox.post("faults", gateway="cardgate", operation="refund", fault="answer_lost")
    (lost,) = aftercare.refund_payment(
        payment=payment, money=Money(3000, "EUR"), reason="goodwill", requested_by="ada", clock=house.clock
    )
    assert lost.unknown_since_at is not None

    house.clock.move(seconds=60)
    janitor.resolve_unknown(clock=house.clock)

    payment.refresh_from_db()
    assert (payment.refunded_minor, open_cases()) == (3000, [])
    assert money(guest, opening_of(booking).reference) == (9000, 3000, 0)


def test_a_refund_that_waits_in_the_portal_takes_nothing_until_it_is_done(house: House, guest: Guest) -> None:
    booking = house.reserve()
    opening = opening_of(booking)
    pay(guest, opening, holderName="refund pending")
    guest.deliver()
    confirm(house, booking)
    guest.sandbox.post(f"cardgate/invoices/{opening.gateway_reference}/refund", amount=1500)
    guest.deliver()
    assert operations(booking.order) == [("SALE", "GATEWAY", "PROCESSED", 9000)]

    guest.sandbox.post(f"cardgate/invoices/{opening.gateway_reference}/settle_refund")
    guest.deliver()

    assert sorted(operations(booking.order)) == [
        ("REFUND", "GATEWAY", "PROCESSED", 1500),
        ("SALE", "GATEWAY", "PROCESSED", 9000),
    ]
    assert money(guest, opening.reference) == (9000, 1500, 0)


def test_an_invoice_nobody_pays_leaves_nothing_undecided(house: House, guest: Guest) -> None:
    booking = house.reserve()
    opening = opening_of(booking)
    pay(guest, opening, number="4302912837020000")
    guest.deliver()
    assert not Transaction.objects.filter(order=booking.order).exists()
    guest.sandbox.post(f"cardgate/invoices/{opening.gateway_reference}/expire")
    guest.deliver()

    assert Payment.objects.get(order=booking.order).state == "EXPIRED"
    assert not Transaction.objects.filter(order=booking.order).exists()
    assert books(booking.order) == {}


def test_a_revoked_card_is_not_asked_to_be_deleted_for_ever(house: House, guest: Guest) -> None:
    pay(guest, opening_of(house.reserve(customer_reference="ada")))
    guest.deliver()
    revoke_card(card=ReusableCard.objects.get(), requested_by="ada", now=house.clock())

    assert revoking.send_revocations(clock=house.clock) == 1
    revocation = CardRevocation.objects.get()
    assert (revocation.done_at is not None, revocation.stays_there) == (True, True)
    assert open_cases() == []
