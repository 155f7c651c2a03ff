"""docs/adding-a-gateway.md, followed: a folder, a line of settings and an account, and nothing else knows of it."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.conf import settings as django_settings

from api.fields import Fields
from api.octo.payment_requests import read_payment
from api.octo.presenters.card_payments import card_payment_fields
from gateways.models import GatewayAccount
from payments.models import AccountRoute, Opening
from payments.services import janitor
from payments.services.collecting import PaymentRequest, describe_payment
from payments.services.confirming import confirm_booking
from tests.gateways.scripted_server import ScriptedServer
from tests.payments.house import House, books, build_house

SLUG, PATH = "penny", "tests.gateways.penny.gateway.PennyGateway"
SUITE = [f"tests/gateways/test_conformance{part}.py" for part in ("", "_trade", "_order")]


def test_the_conformance_suite_finds_it_and_is_content() -> None:
    found = subprocess.run(
        # Its books are below: another database would take longer than all the rest.
        [sys.executable, "-m", "pytest", *SUITE, "-q", "-n", "0", "-k", f"{SLUG} and not same_books"],
        cwd=django_settings.BASE_DIR,
        env={**os.environ, "EXTRA_GATEWAY": f"{SLUG}={PATH}", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert found.returncode == 0, found.stdout[-3000:]
    assert " passed" in found.stdout


@pytest.fixture
def house(db: None, settings, server: ScriptedServer) -> House:
    settings.GATEWAYS = {**settings.GATEWAYS, SLUG: PATH}
    settings.GATEWAY_CREDENTIALS = {
        **settings.GATEWAY_CREDENTIALS,
        "penny-eu": {"api_key": "penny-key-5uJ8", "base_url": server.url},
    }
    house = build_house()
    account = GatewayAccount.objects.create(
        slug="penny-eu", name="Penny", gateway=SLUG, environment="test", currencies=["EUR"], sources=["ECOM"]
    )
    AccountRoute.objects.create(partner=house.partner, account=account, is_live=True, rank=1)
    return house


@pytest.mark.django_db(transaction=True)
def test_a_booking_is_paid_through_it_and_shown_in_its_own_words(house: House, server: ScriptedServer) -> None:
    server.answers({"id": "PO1", "page": "https://penny.example.com/PO1"}, status=201)
    booking = house.reserve(payment_request=PaymentRequest(gateway=SLUG))
    opening = Opening.objects.get()
    view = describe_payment(order=booking.order, clock=house.clock)
    assert view is not None
    shown = card_payment_fields(view, order_id=booking.order_id)
    assert (shown["gateway"], shown["pennypay"]) == (
        "pennypay",
        {"order": "PO1", "page": "https://penny.example.com/PO1"},
    )

    server.answers({"id": "PO1", "reference": opening.reference, "state": "paid", "amount": 9000, "currency": "EUR"})
    brought = {"cardPayment": {"gateway": "pennypay", "pennypay": {"order": "PO1"}}}
    request = read_payment(Fields(brought), headers={}, locale="en")
    confirmation = confirm_booking(booking=booking, changes=None, request=request, clock=house.clock)

    assert confirmation.is_confirmed
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}


@pytest.mark.django_db(transaction=True)
def test_what_it_never_told_is_found_out(house: House, server: ScriptedServer) -> None:
    server.answers({"id": "PO1", "page": "https://penny.example.com/PO1"}, status=201)
    booking = house.reserve(payment_request=PaymentRequest(gateway=SLUG))
    opening = Opening.objects.get()
    server.answers({"id": "PO1", "reference": opening.reference, "state": "paid", "amount": 9000, "currency": "EUR"})

    house.clock.now = opening.expires_at + timedelta(seconds=31)
    janitor.resolve_unknown(clock=house.clock)

    assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}
