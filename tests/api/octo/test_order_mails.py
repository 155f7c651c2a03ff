"""What guests are mailed of their orders: receipts as they are confirmed, and a summary whenever a partner asks."""

import uuid

import pytest
from django.core import mail as mails
from django.utils import timezone

from bookings.models import OutgoingMail
from bookings.services import drain_mails
from tests.api.octo.shop import GIFTS_IN_CART, Octo, Shop
from tests.api.octo.test_orders import ok, refused

ADA = {"fullName": "Ada Byron", "emailAddress": "ada@example.com", "locales": ["de-AT"]}
GRACE = {"fullName": "Grace Hopper", "emailAddress": "grace@example.com"}


@pytest.fixture
def cart(shop) -> Octo:
    return shop.octo(GIFTS_IN_CART)


def order_of(cart: Octo, shop: Shop, *contacts: object, **fields: object) -> dict:
    wishes = [shop.wish(1, contact=contact) for contact in contacts]
    return ok(cart.post("/orders", {"bookings": wishes, "settlementMethod": "VOUCHER", **fields}))


def outbox() -> list[tuple[str, str]]:
    """Return readers and languages of the mails that were written."""
    return list(OutgoingMail.objects.order_by("created_at", "to").values_list("to", "language"))


def test_a_notify_mails_the_order_in_the_language_of_its_reader(shop, cart):
    order = order_of(cart, shop, GRACE, contact=ADA, gifts=[{"amount": 6000, "contact": GRACE}])
    ok(cart.post(f"/bookings/{order['bookings'][0]['uuid']}/confirm", {}))
    path = f"/orders/{order['id']}/notify"

    first = ok(cart.post(path, {}))
    again = ok(cart.post(path, {"contact": None}))

    row = OutgoingMail.objects.get()
    assert first == again == {"status": "accepted", "requestId": str(row.pk), "message": "The mail is on its way."}
    assert drain_mails(clock=timezone.now) == 1
    (mail,) = mails.outbox
    assert (mail.to, mail.subject) == (["ada@example.com"], f"Ihre Buchung {order['supplierReference']}")
    lines = [f"  {order['bookings'][0]['supplierReference']}, 45,00 EUR", "- Geschenkgutschein"]
    for text in (*lines, f"  {order['gifts'][0]['supplierReference']}, 60,00 EUR (reserviert, noch nicht bestätigt)"):
        assert text in mail.body.splitlines()
    assert ok(cart.post(path, {}))["requestId"] != first["requestId"]


def test_a_gifts_code_is_never_in_the_mail_about_its_order(shop, cart):
    order = order_of(cart, shop, ADA, gifts=[{"amount": 6000, "contact": GRACE}])
    sold = ok(cart.post(f"/orders/{order['id']}/confirm", {}))["gifts"][0]
    code = sold["voucher"]["deliveryOptions"][0]["deliveryValue"]

    ok(cart.post(f"/orders/{order['id']}/notify", {}))
    drain_mails(clock=timezone.now)

    assert [code in mail.body for mail in mails.outbox if mail.to == ["ada@example.com"]] == [False]
    assert [code in mail.body for mail in mails.outbox if mail.to == ["grace@example.com"]] == [True]


@pytest.mark.parametrize(
    ("body", "accepts", "mail"),
    [
        ({}, "de", ("grace@example.com", "de")),
        ({"contact": {"emailAddress": "eve@example.com"}}, "de", ("eve@example.com", "de")),
        ({"contact": {"emailAddress": "eve@example.com", "locales": ["de"]}}, "en", ("eve@example.com", "de")),
        ({"contact": {"locales": ["de"]}}, "en", ("grace@example.com", "de")),
        ({"contact": ADA, "useContactLanguage": False}, "en", ("ada@example.com", "en")),
    ],
)
def test_who_is_mailed_and_in_which_language(shop, cart, body, accepts, mail):
    order = order_of(cart, shop, None, GRACE)

    ok(cart.post(f"/orders/{order['id']}/notify", body, Accept_Language=accepts))

    assert outbox() == [mail]


def test_a_notify_is_done_once_under_its_key(shop, cart):
    order = order_of(cart, shop, ADA)
    path = f"/orders/{order['id']}/notify"

    first = cart.post(path, {}, Idempotency_Key="notify-1")
    drain_mails(clock=timezone.now)
    again = cart.post(path, {}, Idempotency_Key="notify-1")

    assert (ok(again), again.headers["Idempotent-Replayed"]) == (ok(first), "true")
    assert (OutgoingMail.objects.count(), drain_mails(clock=timezone.now)) == (1, 0)


def test_a_notify_that_can_reach_nobody_is_refused_and_nothing_is_written(shop, cart):
    order, empty = order_of(cart, shop, None), ok(cart.post("/orders", {"currency": "EUR", "contact": ADA}))
    stranger = Octo(shop.other_key, capabilities=GIFTS_IN_CART)

    for body in ({}, {"contact": {"fullName": "Ada"}}, {"contact": {"emailAddress": "ada"}}, {"useContactLanguage": 1}):
        refused(cart.post(f"/orders/{order['id']}/notify", body), "BAD_REQUEST")
    assert refused(cart.post(f"/orders/{empty['id']}/notify", {}), "UNPROCESSABLE_ENTITY")["orderId"] == empty["id"]
    for who, name in ((stranger, order["id"]), (cart, "nothing"), (cart, str(uuid.uuid4()))):
        assert refused(who.post(f"/orders/{name}/notify", {"contact": ADA}), "BAD_REQUEST")["orderId"] == name
    refused(shop.octo("octo/gifts").post(f"/orders/{order['id']}/notify", {"contact": ADA}), "BAD_REQUEST")

    assert outbox() == []


def test_an_order_that_asks_for_a_receipt_mails_one_when_it_is_confirmed(shop, cart):
    order = order_of(cart, shop, ADA, GRACE, emailReceipt=True)
    path = f"/orders/{order['id']}/confirm"
    assert outbox() == []

    for _ in range(2):
        ok(cart.post(path, {}))

    assert outbox() == [("ada@example.com", "de")]
    ok(cart.post(f"/orders/{order['id']}/cancel", {}))
    assert len(outbox()) == 1


def test_a_booking_that_asks_for_a_receipt_mails_its_own_guest(shop, cart):
    order = order_of(cart, shop, ADA, GRACE, contact=ADA)
    first, second = (f"/bookings/{booking['uuid']}/confirm" for booking in order["bookings"])

    ok(cart.post(first, {}))
    for _ in range(2):
        ok(cart.post(second, {"emailReceipt": True}))

    assert outbox() == [("grace@example.com", "en")]


def test_nobody_gets_two_receipts_for_one_confirmation(shop, cart):
    wishes = [shop.wish(1, contact=who, emailReceipt=True) for who in (ADA, ADA, GRACE)]
    order = ok(cart.post("/orders", {"bookings": wishes, "settlementMethod": "VOUCHER", "emailReceipt": True}))

    ok(cart.post(f"/orders/{order['id']}/confirm", {}))

    assert outbox() == [("ada@example.com", "de"), ("grace@example.com", "en")]


def test_a_receipt_waits_for_the_money_and_needs_an_address(shop):
    cart = shop.octo(GIFTS_IN_CART)
    paid = {"cardPayment": {"gateway": "external", "notes": "Till 3 slip 88121"}}
    unpaid, nobody = (ok(cart.post("/bookings", shop.wish(1, emailReceipt=True, contact=who))) for who in (ADA, None))

    refused(cart.post(f"/bookings/{unpaid['uuid']}/confirm", {}), "UNPROCESSABLE_ENTITY")
    assert ok(cart.post(f"/bookings/{nobody['uuid']}/confirm", paid))["status"] == "CONFIRMED"
    assert outbox() == []
    ok(cart.post(f"/bookings/{unpaid['uuid']}/confirm", paid))

    assert outbox() == [("ada@example.com", "de")]
