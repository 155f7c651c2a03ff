"""A payment is made whatever became of it, and shown as it was made; card details rest nowhere."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from api.resource.payment_requests import read_payment
from api.resource.presenters.payments import DETAILS, STATUS_WORDS
from bookings.models import Booking
from gateways.errors import ErrorCode
from gateways.models import GatewayAccount
from money import Money
from payments.models import LedgerEntry, Transaction
from payments.services import aftercare
from payments.states import State
from tests.api.resource.desk import CARD, XML, build_desk
from tests.faults.bait import SECURITY_CODE, found_in, messages_of_the_broker, rows_of_the_database
from tests.payments.house import books

pytestmark = pytest.mark.django_db(transaction=True)

UNDEFINED = (
    "An error was encountered while processing your payment. Please check the information entered, and if all details "
    "have been entered correctly try again. If the problem persists, you will be contacted by a sales representative "
    "in the next 48 hours. Error code: {number}."
)


def path_of(href: str) -> str:
    return "/" + href.split("/", 3)[3]


def shown(answer):
    """Return a payment that was made; reading it says the same."""
    assert answer.status_code == 201, answer.content
    return answer.json()


class TestACharge:
    def test_pays_the_booking_confirms_it_and_is_read_back_as_it_was_made(self, desk, guest):
        booking = desk.booking()

        payment = shown(desk.pay(booking, note="Paid by phone, card 4111 1111 1111 1111"))

        charge = Transaction.objects.get(order=booking.order)
        assert payment == {
            "id": str(charge.number),
            "href": f"{desk.base}/payments/{charge.number}",
            "status": "PROCESSED",
            "error": None,
            "date_created": charge.requested_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "date_last_modified": charge.decided_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "transaction_type": {"name": "Credit card", "code": "CREDIT_CARD"},
            "booking": {"id": str(booking.number), "href": f"{desk.base}/bookings/{booking.number}"},
            "amount": "90.00",
            "customer": {
                "id": str(booking.order.customer.number),
                "href": f"{desk.base}/customers/{booking.order.customer.number}",
            },
            "capture": True,
            "note": "Paid by phone, card **** **** **** 1111",
            "is_online_payment": True,
        }
        booking.refresh_from_db()
        assert booking.status == "CONFIRMED"
        assert books(booking.order) == {"RECEIVABLE>CLEARING": 9000}
        for slash in ("", "/"):
            again = desk.get(path_of(payment["href"]) + slash)
            assert (again.status_code, again.json()) == (200, payment)

    def test_by_xml_says_the_same_as_by_json(self, desk, guest):
        booking = desk.booking()
        details = "".join(f"<{name}>{value}</{name}>" for name, value in CARD.items())
        body = (
            f"<payment><booking><id>{booking.number}</id></booking>"
            f"<customer><href>{desk.base}/customers/{booking.order.customer.number}</href></customer>"
            f"<amount>40.00</amount><capture>false</capture><details>{details}</details></payment>"
        )

        answer = desk.send("POST", "/payments", body, kind="application/xml; charset=utf-8", Accept=XML)

        charge = Transaction.objects.get(order=booking.order)
        assert (answer.status_code, answer.headers["Content-Type"]) == (201, "application/xml; charset=utf-8")
        assert answer.content.startswith(
            f"<?xml version='1.0' encoding='utf-8'?>\n<payment><id>{charge.number}</id>".encode()
        )
        assert b"<status>PENDING</status><error /><date_created>" in answer.content
        assert b"<amount>40.00</amount>" in answer.content
        assert (
            b"<capture>false</capture><note /><is_online_payment>true</is_online_payment></payment>" in answer.content
        )
        assert (charge.kind, charge.status, charge.amount_minor) == ("AUTHORIZATION", "PROCESSED", 4000)

    def test_that_only_holds_money_is_pending_until_it_is_captured_or_released(self, desk, guest):
        booking, other = desk.booking(), desk.booking()
        held, released = (shown(desk.pay(each, capture=False)) for each in (booking, other))
        assert (held["status"], held["capture"], held["error"]) == ("PENDING", False, None)
        assert money_of(desk, booking) == ("0.00", "90.00", "90.00")

        def payment_of(each: Booking):
            return Transaction.objects.get(order=each.order, kind="AUTHORIZATION").payment

        charge = Transaction.objects.get(order=booking.order)
        aftercare.capture_payment(
            payment=payment_of(booking), money=payment_money(charge), requested_by="maria", clock=timezone.now
        )
        aftercare.void_payment(
            payment=payment_of(other), reason="changed plans", requested_by="maria", clock=timezone.now
        )
        guest.deliver()

        captured = desk.get(f"/payments/{held['id']}").json()
        assert (captured["status"], captured["error"], captured["capture"]) == ("PROCESSED", None, False)
        assert captured["date_last_modified"] >= held["date_last_modified"]
        ended = desk.get(f"/payments/{released['id']}").json()
        number = released["id"]
        assert (ended["status"], ended["error"]) == (
            "FAILED",
            {"code": "UNDEFINED_CARD_ERROR", "detail": UNDEFINED.format(number=number)},
        )

    def test_in_parts_is_several_payments_and_the_booking_tells_their_sum(self, desk, guest):
        booking = desk.booking()
        assert money_of(desk, booking) == ("0.00", "90.00", "0.00")

        first = shown(desk.pay(booking, "25.00"))
        assert money_of(desk, booking) == ("25.00", "65.00", "0.00")
        refused = shown(desk.pay(booking, "65.00", holder="NOT_ENOUGH_BALANCE"))
        last = shown(desk.pay(booking, "65.00"))

        assert money_of(desk, booking) == ("90.00", "0.00", "0.00")
        listed = desk.get(f"/bookings/{booking.number}/payments").json()
        assert [(row["id"], row["status"], row["amount"]) for row in listed["results"]] == [
            (first["id"], "PROCESSED", "25.00"),
            (refused["id"], "FAILED", "65.00"),
            (last["id"], "PROCESSED", "65.00"),
        ]
        assert desk.get(f"/payments/{refused['id']}").json() == refused

    def test_of_a_currency_without_cents_has_none(self, desk, guest):
        booking = desk.booking(currency="JPY")

        assert shown(desk.pay(booking, "15000"))["amount"] == "15000"
        assert money_of(desk, booking) == ("15000", "0", "0")

    def test_made_in_test_mode_is_seen_in_test_mode_alone(self, shop, desk, guest):
        GatewayAccount.objects.filter(slug="adyen-test").update(takes_raw_cards=True)
        test_desk = build_desk(shop, is_live=False)
        booking = test_desk.booking(octo_env="test")

        payment = shown(test_desk.pay(booking))

        assert test_desk.get(f"/payments/{payment['id']}").status_code == 200
        assert desk.get(f"/payments/{payment['id']}").status_code == 404
        assert desk.get(f"/bookings/{booking.number}").status_code == 404
        assert desk.pay(booking, "1.00").json()["errors"][0]["detail"] == "there is no such booking"


DECLINES = [
    ("ACQUIRER ERROR", {"name_on_card": "ERROR"}, ErrorCode.PROCESSOR_UNAVAILABLE),
    ("refused", {"name_on_card": "DECLINED"}, ErrorCode.TRANSACTION_DECLINED),
    ("wrong code", {"name_on_card": "CVC_DECLINED"}, ErrorCode.INVALID_CARD_NUMBER),
    ("bad Luhn", {"number": "4111111111111112"}, ErrorCode.INVALID_CARD_NUMBER),
    ("expired", {"expiry_year": "2020"}, ErrorCode.INVALID_CARD_EXPIRY),
    ("limit", {"name_on_card": "NOT_ENOUGH_BALANCE"}, ErrorCode.CREDIT_LIMIT_EXCEEDED),
    ("unknown", {"name_on_card": "UNKNOWN"}, ErrorCode.UNDEFINED_CARD_ERROR),
]


class TestARefusal:
    @pytest.mark.parametrize(("details", "code"), [row[1:] for row in DECLINES], ids=[row[0] for row in DECLINES])
    def test_is_a_payment_that_failed_for_one_of_six_reasons(self, desk, guest, details, code):
        booking = desk.booking()

        payment = shown(desk.post("/payments/", desk.wish(booking, details={**CARD, **details})))

        assert payment["status"] == "FAILED"
        detail = str(DETAILS[code]) % {"number": payment["id"]}
        assert payment["error"] == {"code": code.value, "detail": detail}
        assert desk.get(f"/payments/{payment['id']}").json() == payment
        assert not LedgerEntry.objects.exists()

    def test_ends_with_a_number_that_our_staff_can_find(self, desk, guest):
        payment = shown(desk.pay(desk.booking(), holder="UNKNOWN"))

        assert payment["error"]["detail"] == UNDEFINED.format(number=payment["id"])

    def test_is_told_in_the_language_that_was_asked_for(self, desk, guest):
        booking = desk.booking()
        payment = shown(desk.pay(booking, holder="DECLINED"))

        for language, told in (("de", "Die Zahlung wurde abgelehnt,"), ("fr", "The transaction was declined,")):
            answer = desk.get(f"/payments/{payment['id']}", Accept_Language=language)
            assert answer.json()["error"]["detail"].startswith(told)
            assert answer.headers["Content-Language"] == ("de" if language == "de" else "en")


class TestAGatewayThatDoesNotAnswer:
    def test_and_got_nothing_is_a_failure_and_the_booking_can_be_paid(self, desk, guest, settings):
        booking = desk.booking()
        known = settings.GATEWAY_CREDENTIALS
        nobody_there = {**known["adyen-eu"], "checkout_base_url": "http://127.0.0.1:9/adyen/v72"}
        settings.GATEWAY_CREDENTIALS = {**known, "adyen-eu": nobody_there}

        payment = shown(desk.pay(booking))

        assert (payment["status"], payment["error"]["code"]) == ("FAILED", "PROCESSOR_UNAVAILABLE")
        settings.GATEWAY_CREDENTIALS = known
        assert shown(desk.pay(booking))["status"] == "PROCESSED"

    def test_and_may_have_charged_is_pending_and_nothing_else_is_charged(self, desk, guest):
        booking = desk.booking()
        guest.fail("payments", "answer_lost")

        payment = shown(desk.pay(booking))

        assert (payment["status"], payment["error"]) == ("PENDING", None)
        refused = desk.pay(booking, "10.00")
        assert (refused.status_code, refused.headers["Retry-After"]) == (409, "2")
        assert refused.json()["money"]["moved"] == "unknown"
        guest.deliver()
        assert desk.get(f"/payments/{payment['id']}").json()["status"] == "PROCESSED"


def test_the_same_key_charges_once_and_shows_what_came_of_it(desk, guest):
    booking = desk.booking()
    wish = desk.wish(booking, "30.00")

    first = desk.post("/payments/", wish, Idempotency_Key="desk-1")
    second = desk.post("/payments", wish, Idempotency_Key="desk-1")
    other = desk.post("/payments", {**wish, "amount": "31.00"}, Idempotency_Key="desk-1")

    assert (first.status_code, second.status_code, second.json()) == (201, 201, first.json())
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["message"]) == (
        400,
        "This Idempotency-Key was used for another request before.",
    )
    assert Transaction.objects.count() == 1


def test_a_request_that_breaks_after_its_part_was_taken_charges_no_second_one_under_its_key(desk, guest, monkeypatch):
    booking = desk.booking()
    wish = desk.wish(booking, "30.00")

    def broken(**_: object) -> None:
        raise OperationalError("canceling statement due to lock timeout")

    with monkeypatch.context() as patched:
        patched.setattr("payments.services.card_charges.describe_card_charge", broken)
        assert desk.post("/payments", wish, Idempotency_Key="desk-1").status_code == 500
    again = desk.post("/payments", wish, Idempotency_Key="desk-1")

    assert (shown(again)["status"], again.headers["Idempotent-Replayed"]) == ("PROCESSED", "true")
    assert Transaction.objects.count() == 1
    assert books(booking.order) == {"RECEIVABLE>CLEARING": 3000}


def test_nothing_of_a_card_rests_anywhere(desk, guest, caplog, capfd):
    booking = desk.booking()
    details = {**CARD, "cvv": SECURITY_CODE}
    notes = {"note": "Card 4111-1111-1111-1111"}
    answers = [
        desk.post("/payments/", desk.wish(booking, "10.00", details=details, **notes), Idempotency_Key="k-1"),
        desk.post("/payments/", desk.wish(booking, "10.00", details={**details, "number": "4111 1111 1111 1111"})),
        desk.post("/payments/", desk.wish(booking, "4111111111111111", details=details)),
        desk.post("/payments/", desk.wish(booking, "10.00", details=details["number"], **notes)),
        desk.post("/payments/", {**details, "note": details}),
        desk.post(f"/payments/{details['number']}", details),
    ]
    guest.deliver()

    assert [answer.status_code for answer in answers] == [201, 400, 400, 400, 400, 405]
    written = "\n".join([*(answer.content.decode() for answer in answers), caplog.text, *capfd.readouterr()])
    assert found_in(written, [SECURITY_CODE]) == []
    for where, text in [*rows_of_the_database(), *messages_of_the_broker()]:
        assert found_in(text, []) == [], where


def test_a_wish_says_nothing_of_its_card(desk, db):
    wish = read_payment({**desk.wish(desk.booking()), "note": "by phone"})

    assert CARD["number"] not in repr(wish)
    # In quotes, as a value of its own: its digits may be those of a booking's number by chance.
    assert repr(CARD["cvv"]) not in repr(wish)


def test_every_state_has_a_word():
    assert set(STATUS_WORDS) == set(State)
    assert set(DETAILS) == set(ErrorCode)


def test_what_is_given_back_is_listed_and_shown(desk, guest):
    booking = desk.booking()
    shown(desk.pay(booking))
    guest.deliver()
    charge = Transaction.objects.get(order=booking.order)

    aftercare.refund_payment(
        payment=charge.payment,
        money=payment_money(charge, 2000),
        reason="rain",
        requested_by="maria",
        clock=timezone.now,
    )
    refund = Transaction.objects.get(order=booking.order, kind="REFUND")

    listed = desk.get(f"/bookings/{booking.number}/refunds/").json()
    assert listed["results"] == [
        {
            "id": str(refund.number),
            "href": f"{desk.base}/refunds/{refund.number}",
            "status": "PENDING",
            "amount": "20.00",
        }
    ]
    assert money_of(desk, booking) == ("90.00", "0.00", "-20.00")
    guest.deliver()
    told = desk.get(f"/refunds/{refund.number}").json()
    assert (told["status"], told["amount"], told["error"], told["commission"]) == ("PROCESSED", "20.00", None, False)
    assert told["booking"] == {"id": str(booking.number), "href": f"{desk.base}/bookings/{booking.number}"}
    assert desk.get(f"/refunds/{charge.number}").status_code == 404
    assert desk.get(f"/payments/{refund.number}").status_code == 404


def test_an_attempt_of_a_guest_is_a_payment_like_others(desk, guest):
    shop = desk.shop
    octo = shop.octo("octo/pricing, octo/cardPayments")
    booking = shop.reserve(octo, returnUrl="https://shop.example.com/return")
    guest.pay(booking, holder="DECLINED")
    guest.pay(booking)
    guest.deliver()
    number = shop.stored(booking).number

    # Two attempts within one second of the processor's clock have no order.
    rows = sorted(desk.get(f"/bookings/{number}/payments").json()["results"], key=lambda row: row["status"])

    assert [row["status"] for row in rows] == ["FAILED", "PROCESSED"]
    assert len({row["id"] for row in rows}) == 2
    assert desk.get(f"/payments/{rows[0]['id']}").json()["error"]["code"] == "TRANSACTION_DECLINED"


def test_an_expired_hold_is_not_charged(desk, guest):
    booking = desk.booking()
    past = timezone.now() - timedelta(minutes=1)
    Booking.objects.filter(pk=booking.pk).update(expires_at=past)
    type(booking.order).objects.filter(pk=booking.order_id).update(expires_at=past)

    answer = desk.pay(booking)

    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {
            "code": "INVALID_DATA",
            "detail": "was cancelled, or its hold is over",
            "field": "booking",
            "value": str(booking.number),
        }
    ]
    assert not Transaction.objects.exists()


def money_of(desk, booking) -> tuple[str, str, str]:
    told = desk.get(f"/bookings/{booking.number}").json()
    return told["amount_paid"], told["amount_owing"], told["amount_pending"]


def payment_money(charge: Transaction, minor: int | None = None) -> Money:
    return Money(minor or charge.amount_minor, charge.currency)
