"""What staff see of invoices."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from payments.models import Payment
from tests.api.callbacks.conftest import Beat
from tests.api.callbacks.receiver import receiver
from tests.backoffice.actions.pressing import carry_out

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def browser(db):
    user = get_user_model().objects.create_superuser("ada", "ada@example.com", "correct horse battery")
    client = Client()
    client.force_login(user)
    return client


def test_an_invoice_is_found_by_its_references_and_shows_how_it_stands(desk, browser):
    invoice = desk.made(reference_id="NW-77", metadata={"cart": "77"})
    desk.paid(invoice)
    desk.live.refund(invoice.public_id, {"amount": 30, "reference_id": "R-9"})

    for words in (invoice.public_id, "NW-77", "R-9"):
        listed = browser.get(reverse("admin:api_invoice_changelist"), {"q": words}).content.decode()
        assert invoice.public_id in listed
        assert "100.55" in listed
    assert (
        invoice.public_id not in browser.get(reverse("admin:api_invoice_changelist"), {"q": "nothing"}).content.decode()
    )
    page = browser.get(reverse("admin:api_invoice_change", args=[invoice.pk])).content.decode()
    assert "partially_refunded (ok)" in page
    assert "R-9" in page
    assert invoice.order.reference in page
    payment = Payment.objects.get(order=invoice.order)
    assert browser.get(reverse("admin:payments_payment_change", args=[payment.pk])).status_code == 200
    assert browser.get(reverse("admin:bookings_order_change", args=[invoice.order_id])).status_code == 200


def test_a_list_of_invoices_costs_the_same_for_any_number(desk, browser, django_assert_max_num_queries):
    for number in range(3):
        desk.made(reference_id=f"R-{number}")

    with django_assert_max_num_queries(9):
        assert browser.get(reverse("admin:api_invoice_changelist")).status_code == 200


def test_a_callback_is_sent_again_with_the_newest_state(desk, browser):
    with receiver() as partner:
        invoice = desk.made(callback_url=partner.url)
        beat = Beat()
        beat.tell()
        desk.paid(invoice)
        beat.tell()
        delivery = invoice.callback.deliveries.latest("created_at")

        told = carry_out(browser, "resend", delivery)
        beat.tell()

    assert told == ["Sent again within seconds."]
    assert [got.json["data"]["attributes"]["status"] for got in partner.got] == [
        "process_pending",
        "processed",
        "processed",
    ]
