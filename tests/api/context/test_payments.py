"""The documented request and answer, and what each way a payment can end looks like."""

import json
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from api.context.models import ContextPreference
from api.models import IdempotentRequest
from bookings.models import Booking, BookingStatus, Order
from payments.checking import ledger_findings, payment_findings
from payments.models import LedgerEntry, Transaction
from payments.services import topping_up
from tests.api.context.desk import card, challenge, documented, plain
from tests.api.resource.desk import build_desk as build_resource_desk
from tests.payments.house import books
from tests.payments.races import meet, run_together

pytestmark = pytest.mark.django_db

# Names, order and types of the documented answer.
DOCUMENTED_ANSWER = {
    "paymentReference": str,
    "isSuccessfulPayment": bool,
    "amountPaid": Decimal,
    "currencyCode": str,
    "transactionDate": str,
    "errorCode": str,
    "message": str,
    "paymentId": str,
    "paymentProcessAuditId": str,
    "actionRequired": str,
    "redirectRequest": dict,
    "bookingId": int,
}


def exact(answer):
    """Return a body whose numbers are read digit by digit."""
    return json.loads(answer.content, parse_float=Decimal)


def test_the_documented_request_is_paid_and_answered_in_the_documented_shape(desk, caller, guest):
    answer = caller.post(f"{desk.at_booking}/Payment", documented(90.0))

    shown = exact(answer)
    charge = Transaction.objects.get()
    assert answer.status_code == 201
    assert list(shown) == list(DOCUMENTED_ANSWER)
    assert {name: type(value) for name, value in shown.items() if value is not None} == {
        name: kind for name, kind in DOCUMENTED_ANSWER.items() if name != "redirectRequest"
    }
    assert shown == {
        "paymentReference": charge.payment.reference,
        "isSuccessfulPayment": True,
        "amountPaid": Decimal("90.00"),
        "currencyCode": "EUR",
        "transactionDate": charge.decided_at.strftime("%Y-%m-%d %H:%M:%S"),
        "errorCode": "22053",
        "message": "Transaction accepted",
        "paymentId": str(charge.number),
        "paymentProcessAuditId": shown["paymentProcessAuditId"],
        "actionRequired": "None",
        "redirectRequest": None,
        "bookingId": desk.booking.number,
    }
    assert desk.fresh().status == BookingStatus.CONFIRMED
    assert books(desk.booking.order) == {"RECEIVABLE>CLEARING": 9000, "DONATION>CLEARING": 2500}


def test_the_documented_amount_is_paid_without_the_donation_in_it(desk, caller, guest):
    shown = exact(caller.post(f"{desk.at_booking}/Payment", documented(40)))

    assert shown["amountPaid"] == Decimal("40.00")
    assert desk.fresh().status == BookingStatus.ON_HOLD
    charge = Transaction.objects.get()
    assert (charge.amount_minor, charge.donation_minor) == (6500, 2500)
    assert caller.post(f"{desk.at_booking}/Payment", plain(50.00)).status_code == 201
    assert desk.fresh().status == BookingStatus.CONFIRMED


@pytest.mark.parametrize("path", ["/BOOKINGS/{}/payment/", "/Bookings/{}/PAYMENT", "/bookings/{}/Payment/"])
def test_a_path_is_the_same_in_any_case_with_and_without_a_slash(desk, caller, guest, path):
    answer = caller.post(path.format(desk.booking.number), plain())

    assert (answer.status_code, answer.json()["bookingId"]) == (201, desk.booking.number)


def test_a_partner_may_have_200_for_what_was_taken(desk, caller, guest):
    ContextPreference.objects.create(partner=desk.shop.partner, success_status=200)

    assert caller.post(f"{desk.at_booking}/Payment", plain()).status_code == 200


@pytest.mark.parametrize(
    ("holder", "code"),
    [
        ("DECLINED", "22060"),
        ("NOT_ENOUGH_BALANCE", "22063"),
        ("CARD_EXPIRED", "22061"),
        ("INVALID_CARD_NUMBER", "22066"),
    ],
)
def test_a_refusal_is_an_answer_and_takes_nothing(desk, caller, guest, holder, code):
    answer = caller.post(f"{desk.at_booking}/Payment", plain(paymentMethodDetails=card(holder=holder)))

    shown = exact(answer)
    assert answer.status_code == 200
    assert (shown["isSuccessfulPayment"], shown["errorCode"], shown["amountPaid"]) == (False, code, Decimal("0.00"))
    assert (shown["actionRequired"], shown["redirectRequest"], shown["paymentId"]) == ("None", None, None)
    assert shown["message"] != "Transaction accepted"
    assert not LedgerEntry.objects.exists()
    assert desk.fresh().status == BookingStatus.ON_HOLD


def test_what_a_gateway_did_not_answer_is_unknown(desk, caller, guest):
    guest.fail("webhook", "dropped", times=-1)
    guest.fail("payments", "answer_lost")

    answer = caller.post(f"{desk.at_booking}/Payment", plain())

    shown = answer.json()
    assert (answer.status_code, shown["errorCode"], shown["isSuccessfulPayment"]) == (202, "22099", False)
    assert shown["paymentId"] == str(Transaction.objects.get().number)


def test_what_did_not_reach_the_gateway_is_refused(desk, caller, guest, nobody_listens):
    answer = caller.post(f"{desk.at_booking}/Payment", plain())

    assert (answer.status_code, answer.json()["errorCode"], answer.json()["paymentId"]) == (200, "22070", None)


def test_while_a_payment_is_undecided_another_one_waits(desk, caller, guest):
    guest.fail("webhook", "dropped", times=-1)
    guest.fail("payments", "answer_lost")
    caller.post(f"{desk.at_booking}/Payment", plain())

    answer = caller.post(f"{desk.at_booking}/Payment", plain())

    assert (answer.status_code, answer.json()["errorType"]) == (409, "Undecided")
    assert answer.json()["money"]["moved"] == "unknown"
    assert int(answer["Retry-After"]) > 0
    assert Transaction.objects.count() == 1


def test_a_card_whose_bank_asks_is_redirected_with_key_value_pairs(desk, caller, guest):
    shown = challenge(desk.at_booking, caller)

    assert (shown["actionRequired"], shown["errorCode"], shown["isSuccessfulPayment"]) == ("Redirect", "22054", False)
    assert (shown["amountPaid"], shown["paymentId"]) == (0, None)
    redirect = shown["redirectRequest"]
    pairs = {pair["key"]: pair["value"] for pair in json.loads(redirect["data"])}
    assert (pairs["url"], pairs["method"], pairs["paymentData"]) == (
        redirect["url"],
        redirect["method"],
        redirect["paymentData"],
    )
    ContextPreference.objects.create(partner=desk.shop.partner, lists_redirect_data=True)
    again = caller.get(f"{desk.at_booking}/Payment")
    assert again.json() == {"payments": []}


def test_a_partner_may_have_the_pairs_as_an_array(desk, caller, guest):
    ContextPreference.objects.create(partner=desk.shop.partner, lists_redirect_data=True)

    shown = challenge(desk.at_booking, caller)

    assert {"key": "url", "value": shown["redirectRequest"]["url"]} in shown["redirectRequest"]["data"]


def test_a_payment_on_account_credits_the_customer_and_credit_pays_the_booking(desk, caller, guest):
    topped_up = caller.post(f"{desk.at_customer}/Payment", plain(120))
    assert (topped_up.status_code, topped_up.json()["bookingId"]) == (201, None)
    assert books(Order.objects.get(kind="TOP_UP")) == {"RECEIVABLE>CLEARING": 12000, "CUSTOMER_CREDIT>TOP_UPS": 12000}
    methods = exact(caller.get(f"{desk.at_booking}/PaymentMethods"))["methods"]
    assert [(each["id"], each["availableAmount"]) for each in methods] == [("32", None), ("40", Decimal("120.00"))]

    paid = caller.post(f"{desk.at_booking}/Payment", {"paymentMethodId": 40, "amount": 90.0, "currencyCode": "eur"})

    shown = exact(paid)
    assert paid.status_code == 201
    assert (shown["amountPaid"], shown["errorCode"], shown["isSuccessfulPayment"]) == (Decimal("90.00"), "22053", True)
    assert (shown["paymentId"], shown["paymentProcessAuditId"]) == (None, None)
    assert desk.fresh().status == BookingStatus.CONFIRMED
    assert books(desk.booking.order) == {"RECEIVABLE>CUSTOMER_CREDIT": 9000}
    assert exact(caller.get(f"{desk.at_booking}/PaymentMethods"))["methods"][1]["availableAmount"] == Decimal("30.00")
    assert [*ledger_findings(), *payment_findings(now=timezone.now())] == []


def test_a_cancelled_booking_takes_no_money_for_the_others_of_its_cart(desk, caller, guest):
    octo = desk.shop.octo("octo/pricing, octo/cart, octo/cardPayments")
    other = desk.shop.reserve(octo, 1, orderId=str(desk.booking.order.uuid))
    assert octo.post(f"/bookings/{desk.booking.uuid}/cancel", {"reason": "rain"}).status_code == 200
    resource = build_resource_desk(desk.shop)

    by_context = caller.post(f"{desk.at_booking}/Payment", plain(45))
    by_resource = resource.pay(desk.fresh(), "45.00")

    assert (by_context.status_code, by_context.json()["errorType"]) == (403, "AlreadySet")
    assert (by_resource.status_code, by_resource.json()["errors"][0]["field"]) == (400, "booking")
    assert not Transaction.objects.exists()
    rest = Booking.objects.get(pk=other["id"])
    assert caller.post(f"/bookings/{rest.number}/Payment", plain(45)).status_code == 201


def test_while_a_top_up_is_undecided_the_same_customer_is_not_charged_again(desk, caller, guest):
    guest.fail("webhook", "dropped", times=-1)
    guest.fail("payments", "answer_lost")
    assert caller.post(f"{desk.at_customer}/Payment", plain(120)).json()["errorCode"] == "22099"

    answer = caller.post(f"{desk.at_customer}/Payment", plain(120))

    assert (answer.status_code, answer.json()["errorType"]) == (409, "Undecided")
    assert answer.json()["money"]["moved"] == "unknown"
    assert (Order.objects.filter(kind="TOP_UP").count(), Transaction.objects.count()) == (1, 1)
    # A booking of the customer's is another matter: what is due bounds what it can be charged.
    assert caller.post(f"{desk.at_booking}/Payment", plain()).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_of_two_top_ups_at_once_whose_answers_are_lost_one_is_sent(desk, guest, monkeypatch):
    guest.fail("webhook", "dropped", times=-1)
    guest.fail("payments", "answer_lost", times=-1)
    meet(monkeypatch, topping_up.booking_services, "create_asked_order")

    def top_up():
        return desk.caller.post(f"{desk.at_customer}/Payment", plain(120)).status_code

    assert sorted(run_together(top_up, top_up)) == [202, 409]
    assert (Order.objects.filter(kind="TOP_UP").count(), Transaction.objects.count()) == (1, 1)


def killed(*_args, **_fields):
    raise RuntimeError("the process is gone")


@pytest.mark.parametrize("pays", ["card", "credit"])
def test_a_request_that_dies_after_a_part_was_paid_pays_no_second_one_under_its_key(
    desk, caller, guest, monkeypatch, pays
):
    if pays == "credit":
        caller.post(f"{desk.at_customer}/Payment", plain(120))
    part = plain(30) if pays == "card" else {"paymentMethodId": 40, "amount": 30, "currencyCode": "EUR"}

    with monkeypatch.context() as patched:
        patched.setattr("api.idempotency.finish_request", killed)
        assert caller.post(f"{desk.at_booking}/Payment", part, Idempotency_Key="k-1").status_code == 500
    assert caller.post(f"{desk.at_booking}/Payment", part, Idempotency_Key="k-1").status_code == 409
    IdempotentRequest.objects.update(claimed_until=timezone.now())
    again = caller.post(f"{desk.at_booking}/Payment", part, Idempotency_Key="k-1")

    assert (again.status_code, again["Idempotent-Replayed"]) == (201, "true")
    assert again.json()["amountPaid"] == 30
    assert sum(books(desk.booking.order).values()) == 3000


def test_a_top_up_that_is_refused_credits_nothing(desk, caller, guest):
    answer = caller.post(f"{desk.at_customer}/Payment", plain(120, paymentMethodDetails=card(holder="DECLINED")))

    assert (answer.status_code, answer.json()["errorCode"]) == (200, "22060")
    assert not LedgerEntry.objects.exists()
    assert [each["id"] for each in caller.get(f"{desk.at_booking}/PaymentMethods").json()["methods"]] == ["32"]


def test_the_list_shows_what_was_paid_and_how(desk, caller, guest):
    caller.post(f"{desk.at_customer}/Payment", plain(30))
    caller.post(f"{desk.at_booking}/Payment", plain(40, donationAmount=2.5))
    caller.post(f"{desk.at_booking}/Payment", plain(10, paymentMethodDetails=card(holder="DECLINED")))
    caller.post(f"{desk.at_booking}/Payment", {"paymentMethodId": "40", "amount": 30, "currencyCode": "EUR"})

    by_card, by_credit = exact(caller.get(f"{desk.at_booking}/Payment"))["payments"]
    charge = Transaction.objects.get(order=desk.booking.order, status="PROCESSED")
    number = desk.booking.number
    assert by_card == {
        "currencyCode": "EUR",
        "totalAmount": Decimal("42.50"),
        "amount": Decimal("40.00"),
        "donationAmount": Decimal("2.50"),
        "paymentDate": f"{charge.requested_at:%Y-%m-%d}",
        "paymentMethod": "Adyen",
        "creditCardFeeAmount": Decimal("0.00"),
        "contextType": "Booking",
        "contextId": number,
        "id": charge.number,
        "href": f"bookings/{number}/payment/{charge.number}",
        "sequence": by_card["sequence"],
    }
    assert by_credit == {
        **by_card,
        "totalAmount": Decimal("30.00"),
        "amount": Decimal("30.00"),
        "donationAmount": Decimal("0.00"),
        "paymentMethod": "Customer credit",
        "id": None,
        "href": None,
        "sequence": by_credit["sequence"],
    }
    assert len(by_card["sequence"]) == 18
    assert by_card["sequence"] < by_credit["sequence"]
    (top_up,) = caller.get(f"{desk.at_customer}/Payment").json()["payments"]
    assert (top_up["contextType"], top_up["contextId"], top_up["amount"]) == ("Customer", desk.customer.number, 30)
    assert exact(caller.get(f"/{by_card['href']}")) == by_card
    assert caller.get(f"/{by_card['href']}0").status_code == 404


def test_the_ways_to_pay_in_a_currency(desk, caller):
    query = {"agentId": "12345", "currencyCode": "eur", "salesModel": "Agent"}

    assert caller.get("/paymentmethods/", query).json() == {
        "methods": [
            {
                "id": "32",
                "name": "Adyen",
                "currencyCode": "EUR",
                "sellingAgentId": 12345,
                "paymentCards": [{"id": "32", "name": "Card", "uniquePaymentMethodCode": "scheme"}],
                "onlineFlag": True,
                "availableAmount": None,
            }
        ]
    }
    assert caller.get("/PaymentMethods", {**query, "currencyCode": "GBP"}).json() == {"methods": []}


def queries_of(ask):
    with CaptureQueriesContext(connection) as captured:
        assert ask().status_code == 200
    return len(captured)


def test_reads_cost_the_same_for_one_payment_and_for_many(desk, caller, guest):
    caller.post(f"{desk.at_booking}/Payment", plain(1))
    reads = [f"{desk.at_booking}/Payment", f"{desk.at_booking}/PaymentMethods"]
    for_one = [queries_of(lambda path=path: caller.get(path)) for path in reads]

    for _ in range(3):
        caller.post(f"{desk.at_booking}/Payment", plain(1))

    assert [queries_of(lambda path=path: caller.get(path)) for path in reads] == for_one
    assert max(for_one) <= 8
