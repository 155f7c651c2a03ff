"""The client that partners have for such an API, as it is published, against ours over HTTP.

It sends no trailing slash, accepts anything, reads times in exactly one form, and takes no 200 for a 201.
"""

from datetime import datetime
from decimal import Decimal

import pytest
from gapipy import Client
from requests import HTTPError

from payments.models import Transaction
from tests.api.resource.desk import CARD

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def api(desk, guest, live_server) -> Client:
    return Client(api_root=live_server.url, application_key=desk.key)


def test_it_pays_for_a_booking_and_reads_all_of_it_back(api, desk):
    booking = desk.booking(resellerReference="R-1001")

    payment = api.payments.create(desk.wish(booking, "25.00"))

    charge = Transaction.objects.get(order=booking.order)
    assert (payment.id, payment.status, payment.error) == (str(charge.number), "PROCESSED", None)
    assert payment.amount == Decimal("25.00")
    assert payment.transaction_type == {"name": "Credit card", "code": "CREDIT_CARD"}
    assert isinstance(payment.date_created, datetime)
    assert payment.booking.id == str(booking.number)
    read = api.payments.get(payment.id)
    assert read.to_dict() == payment.to_dict()

    shown = api.bookings.get(str(booking.number))
    assert (shown.external_id, shown.currency) == ("R-1001", "EUR")
    assert (shown.amount_paid, shown.amount_owing, shown.amount_pending) == (
        Decimal("25.00"), Decimal("65.00"), Decimal("0.00"),
    )  # fmt: skip
    assert shown.date_of_first_travel == booking.availability.local_date
    assert shown.payments.count() == 1
    assert [each.id for each in shown.payments.all()] == [payment.id]
    assert [each.amount for each in shown.payments.all()] == [Decimal("25.00")]
    assert list(shown.refunds.all()) == []
    (customer,) = shown.customers.all()
    assert (customer.name["legal_last_name"], customer.account_email) == ("Byron", None)
    assert [each.id for each in customer.bookings.all()] == [str(booking.number)]


def test_it_understands_a_refused_card_and_refused_data(api, desk):
    booking = desk.booking()

    refused = api.payments.create(desk.wish(booking, details={**CARD, "name_on_card": "DECLINED"}))
    with pytest.raises(HTTPError) as wrong:
        api.payments.create(desk.wish(booking, "x"))

    assert (refused.status, refused.error["code"]) == ("FAILED", "TRANSACTION_DECLINED")
    assert wrong.value.response.status_code == 400
    assert wrong.value.response.json()["errors"][0]["field"] == "amount"
    assert api.payments.get("1") is None
    assert api.bookings.get("nothing") is None


def test_it_sends_a_key_that_charges_once(api, desk):
    wish = desk.wish(desk.booking(), "25.00")

    payments = [api.payments.create(wish, headers={"Idempotency-Key": "gapi-1"}) for _ in range(2)]

    assert payments[0].id == payments[1].id
    assert Transaction.objects.count() == 1


def test_it_walks_a_long_list(api, desk):
    booking = desk.booking()
    for _ in range(3):
        desk.pay(booking, "1.00")

    listed = api.bookings.get(str(booking.number)).payments.filter(max_per_page=2)

    assert listed.count() == 3
    assert [each.status for each in listed.all()] == ["PROCESSED"] * 3
