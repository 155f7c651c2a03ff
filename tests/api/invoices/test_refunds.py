"""Money of invoices going back: asked for by partners, given by staff, and taken by banks."""

from decimal import Decimal

import pytest

from api.invoices.models import InvoiceRefund
from gateways.protocol import OutcomeKind
from money import Money
from payments.models import Transaction
from payments.services.aftercare import refund_payment
from tests.api.invoices.desk import TillGateway, read
from tests.bookings.racing import overtaken_by
from tests.payments.house import books

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def paid(desk):
    invoice = desk.made()
    desk.paid(invoice)
    return invoice


def told(document):
    attributes = document["data"]["attributes"]
    return attributes["status"], attributes["resolution"], attributes["refunded_amount"]


def refunds():
    return list(Transaction.objects.filter(kind="REFUND").values_list("status", "amount_minor"))


def test_parts_go_back_under_references_of_their_own_and_then_the_rest(desk, paid):
    first = desk.live.refund(paid.public_id, {"amount": 30, "reference_id": "R-1", "description": "Rain"})
    assert first.status_code == 200, first.content
    assert told(read(first)) == ("partially_refunded", "ok", 30)

    rest = read(desk.live.refund(paid.public_id, {"reference_id": "R-2"}))

    assert told(rest) == ("refunded", "ok", Decimal("100.55"))
    attributes = rest["data"]["attributes"]
    assert [
        (one["reference_id"], one["amount"], one["status"], one["resolution"]) for one in attributes["refunds"]
    ] == [
        ("R-1", 30, "processed", "ok"),
        ("R-2", Decimal("70.55"), "processed", "ok"),
    ]
    assert attributes["processed_amount"] == Decimal("100.55")
    assert attributes["refunded"] is not None
    assert [request.money.minor for request in TillGateway.refunds] == [3000, 7055]
    assert books(paid.order) == {"RECEIVABLE>CLEARING": 10055, "CLEARING>RECEIVABLE": 10055}
    assert list(Transaction.objects.filter(kind="REFUND").order_by("number").values_list("reason")) == [
        ("Rain",),
        ("",),
    ]


@pytest.mark.parametrize(
    ("attributes", "code", "pointer"),
    [
        ({"amount": 100.56}, "REFUND_TOO_LARGE", "/data/attributes/amount"),
        ({"amount": 0}, "INVALID_VALUE", "/data/attributes/amount"),
        ({"amount": "30"}, "INVALID_VALUE", "/data/attributes/amount"),
        ({"reference_id": "x" * 121}, "INVALID_VALUE", "/data/attributes/reference_id"),
    ],
)
def test_what_cannot_go_back_is_refused_and_nothing_is_written(desk, paid, attributes, code, pointer):
    answer = desk.live.refund(paid.public_id, attributes)

    assert answer.status_code == 422
    document = read(answer)
    assert (document["errors"][0]["code"], document["errors"][0]["source"]) == (code, {"pointer": pointer})
    assert document["meta"]["money"]["moved"] == "yes"
    assert document["meta"]["money"]["amount"] == Decimal("100.55")
    assert (refunds(), InvoiceRefund.objects.count(), TillGateway.refunds) == ([], 0, [])


def test_an_invoice_nobody_paid_gives_nothing_back(desk):
    answer = desk.live.refund(desk.made().public_id)

    assert (answer.status_code, read(answer)["errors"][0]["code"]) == (422, "REFUND_TOO_LARGE")
    assert refunds() == []


def test_a_document_about_another_invoice_is_refused(desk, paid):
    body = {"data": {"type": "refund", "id": "cpi_other", "attributes": {"amount": 1}}}

    answer = desk.live.send(f"/payment-invoices/{paid.public_id}/refund", body)

    assert (answer.status_code, read(answer)["errors"][0]["source"]) == (422, {"pointer": "/data/id"})
    assert refunds() == []


def test_a_reference_is_used_once(desk, paid):
    desk.live.refund(paid.public_id, {"amount": 30, "reference_id": "R-1"})

    again = desk.live.refund(paid.public_id, {"amount": 30, "reference_id": "R-1"})

    assert again.status_code == 422
    assert read(again)["errors"][0]["code"] == "REFERENCE_TAKEN"
    assert read(again)["errors"][0]["source"] == {"pointer": "/data/attributes/reference_id"}
    assert refunds() == [("PROCESSED", 3000)]


def test_of_two_refunds_at_once_under_one_reference_one_is_refused(desk, paid):
    wish = {"amount": 30, "reference_id": "R-1"}
    with overtaken_by(lambda: desk.live.refund(paid.public_id, wish)) as second:
        assert desk.live.refund(paid.public_id, wish).status_code == 200

    answer = second.finish()
    assert second.was_blocked
    assert (answer.status_code, read(answer)["errors"][0]["code"]) == (422, "REFERENCE_TAKEN")
    assert refunds() == [("PROCESSED", 3000)]


def test_an_idempotency_key_refunds_once(desk, paid):
    for _ in range(2):
        answer = desk.live.refund(paid.public_id, {"amount": 30}, Idempotency_Key="k-1")
        assert (answer.status_code, told(read(answer))[2]) == (200, 30)

    assert refunds() == [("PROCESSED", 3000)]


@pytest.mark.parametrize(
    ("kind", "status", "resolution", "listed"),
    [
        (OutcomeKind.REFUND_FAILED, "refund_failed", "insufficient_funds", "process_failed"),
        (OutcomeKind.PENDING, "refund_pending", "ok", "process_pending"),
        (None, "refund_pending", "ok", "process_pending"),
    ],
)
def test_a_refund_that_is_refused_or_undecided_is_told_as_such(desk, paid, kind, status, resolution, listed):
    TillGateway.refunding = kind

    document = read(desk.live.refund(paid.public_id, {"amount": 30, "reference_id": "R-1"}))

    assert told(document) == (status, resolution, None)
    (one,) = document["data"]["attributes"]["refunds"]
    assert (one["status"], one["reference_id"], one["amount"]) == (listed, "R-1", 30)


def test_while_a_refund_is_unknown_nothing_more_is_asked(desk, paid):
    TillGateway.refunding = None
    desk.live.refund(paid.public_id, {"amount": 30})

    answer = desk.live.refund(paid.public_id, {"amount": 1})

    assert answer.status_code == 409
    assert answer["Retry-After"] == "10"
    document = read(answer)
    assert document["errors"][0]["code"] == "PAYMENT_PENDING"
    assert document["meta"]["money"]["moved"] == "unknown"
    assert len(TillGateway.refunds) == 1


def test_what_staff_gave_back_is_listed_too(desk, paid):
    payment = Transaction.objects.get().payment
    refund_payment(
        payment=payment, money=Money(500, "EUR"), reason="goodwill", requested_by="grace", clock=desk.house.clock
    )

    shown = desk.shown(paid)

    assert (shown["status"], shown["refunded_amount"]) == ("partially_refunded", 5)
    (one,) = shown["refunds"]
    row = Transaction.objects.get(kind="REFUND")
    assert (one["id"], one["reference_id"], one["amount"]) == (f"rfd_{row.number}", None, 5)


def test_what_a_bank_takes_back_is_told(desk, paid):
    payment = Transaction.objects.get().payment
    desk.house.tell(payment, OutcomeKind.CHARGEBACK, "DISPUTE1", of="PSP1", minor=10055)

    shown = desk.shown(paid)

    assert (shown["status"], shown["charged_back_amount"]) == ("charged_back", Decimal("100.55"))
    assert shown["charged_back"] is not None
