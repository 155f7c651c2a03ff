"""Surcharges on orders of several bookings: one for all the card pays, given back for the part that is cancelled."""

from datetime import timedelta

import pytest
from django.utils import timezone

from bookings.models import Booking
from payments.checking import ledger_findings, payment_findings
from payments.models import AccountRoute, Payment, SurchargeRule, Transaction
from payments.services import aftercare
from tests.api.octo.shop import RETURN_URL
from tests.api.octo.test_orders import ALL, ok, refused, two
from tests.faults.agreement import money_of_the_ledger, money_of_the_sandbox
from tests.payments.house import books

pytestmark = pytest.mark.django_db(transaction=True)
# 1.5 percent of 135.00 EUR are 2.025, half up; 0.68 of it are the second booking's.
PRICES, SURCHARGE, OF_THE_SECOND = (9000, 4500), 203, 68
PRICE = sum(PRICES)
WHOLE = PRICE + SURCHARGE


@pytest.fixture
def cart(shop):
    return shop.octo(ALL)


@pytest.fixture
def rule(shop):
    return rule_on(shop, "adyen-eu")


def rule_on(shop, account, **fields):
    route = AccountRoute.objects.get(partner=shop.partner, account__slug=account, is_live=True)
    return SurchargeRule.objects.create(route=route, percent_basis_points=150, **fields)


def held(shop, cart, **fields):
    return ok(cart.post("/orders", two(shop, returnUrl=RETURN_URL, **fields)))


def confirmed(cart, guest, order):
    guest.pay(order)
    guest.deliver()
    session = order["cardPayment"]["adyen"]["session"]["id"]
    body = {"cardPayment": {"adyen": {"sessionId": session}}}
    shown = ok(cart.post(f"/orders/{order['id']}/confirm", body))
    assert shown["status"] == "CONFIRMED"
    return shown


def amounts(order):
    names = ("balance", "surcharge", "outstandingBalance", "amount", "totalPaid", "totalRefunded", "paidSurcharge")
    return tuple(order["cardPayment"][name] for name in names)


def refunds():
    rows = Transaction.objects.filter(kind="REFUND").order_by("requested_at")
    return [(row.parts.base_minor, row.surcharge_minor) for row in rows]


def agree(guest):
    """See that the processor's own record and our books say the same."""
    guest.deliver()
    assert money_of_the_sandbox(guest.sandbox) == money_of_the_ledger()
    assert [*payment_findings(now=timezone.now()), *ledger_findings()] == []


def test_one_of_two_is_cancelled_and_then_the_order(shop, cart, guest, rule):
    order = held(shop, cart)
    assert amounts(order) == (PRICE, SURCHARGE, WHOLE, WHOLE, 0, 0, 0)
    path = f"/orders/{order['id']}"
    assert refused(cart.post(f"{path}/confirm", {}), "UNPROCESSABLE_ENTITY")["amount"] == WHOLE

    paid = confirmed(cart, guest, order)
    assert amounts(paid) == (0, 0, 0, WHOLE, WHOLE, 0, SURCHARGE)
    ok(cart.post(f"/bookings/{order['bookings'][1]['uuid']}/cancel", {}))
    assert refunds() == [(PRICES[1], OF_THE_SECOND)]
    agree(guest)
    shown = ok(cart.get(path))
    assert shown["status"] == "CONFIRMED"
    assert amounts(shown) == (0, 0, 0, WHOLE, WHOLE, PRICES[1] + OF_THE_SECOND, SURCHARGE)

    cancelled = ok(cart.post(f"{path}/cancel", {"reason": "Storm"}))

    assert cancelled["status"] == "CANCELLED"
    assert refunds() == [(PRICES[1], OF_THE_SECOND), (PRICES[0], SURCHARGE - OF_THE_SECOND)]
    agree(guest)
    assert amounts(ok(cart.get(path))) == (0, 0, 0, WHOLE, WHOLE, WHOLE, SURCHARGE)
    assert books(shop.stored(order["bookings"][0]).order) == {
        "RECEIVABLE>CLEARING": PRICE,
        "SURCHARGE>CLEARING": SURCHARGE,
        "CLEARING>RECEIVABLE": PRICE,
        "CLEARING>SURCHARGE": SURCHARGE,
    }


@pytest.mark.parametrize("is_forced_first", [True, False])
def test_what_is_cancelled_too_late_keeps_its_surcharge(shop, cart, guest, rule, is_forced_first):
    order = held(shop, cart)
    confirmed(cart, guest, order)
    late, in_time = (Booking.objects.get(pk=order["bookings"][index]["id"]) for index in (1, 0))

    def cancel_late():
        aftercare.cancel_booking(
            booking=late, reason="no show", force=True, clock=lambda: timezone.now() + timedelta(days=30)
        )

    if is_forced_first:
        cancel_late()
    ok(cart.post(f"/bookings/{in_time.uuid}/cancel", {}))
    if not is_forced_first:
        cancel_late()

    assert refunds() == [(PRICES[0], SURCHARGE - OF_THE_SECOND)]
    agree(guest)
    shown = ok(cart.get(f"/orders/{order['id']}"))["cardPayment"]
    assert (shown["balance"], shown["totalPaid"] - shown["totalRefunded"]) == (0, PRICES[1] + OF_THE_SECOND)


def test_a_hold_is_captured_with_the_surcharge_on_all_of_it(shop, cart, guest):
    rule_on(shop, "adyen-us", currency="USD", fixed_minor=30)
    order = held(shop, cart, currency="USD")
    price = order["pricing"]["retail"]
    surcharge = (2 * price * 150 + 10_000) // 20_000 + 30

    confirmed(cart, guest, order)

    (capture,) = Transaction.objects.filter(kind="CAPTURE")
    assert (capture.parts.base_minor, capture.surcharge_minor) == (price, surcharge)
    agree(guest)
    assert amounts(ok(cart.get(f"/orders/{order['id']}")))[4:] == (price + surcharge, 0, surcharge)
    assert Transaction.objects.filter(status="PENDING").count() == 0


def test_a_booking_that_joins_is_asked_for_with_its_surcharge(shop, cart, rule):
    order = ok(cart.post("/orders", {"currency": "EUR", "returnUrl": RETURN_URL}))

    for adults, price, surcharge in ((2, 9000, 135), (1, PRICE, SURCHARGE)):
        ok(cart.post("/bookings", shop.wish(adults, orderId=order["id"])))
        shown = ok(cart.get(f"/orders/{order['id']}"))
        assert amounts(shown) == (price, surcharge, price + surcharge, price + surcharge, 0, 0, 0)
    assert Payment.objects.filter(superseded_at__isnull=True).count() == 1


def test_a_preview_shows_the_surcharge_of_the_source_and_writes_nothing(shop, cart, rule):
    SurchargeRule.objects.create(route=rule.route, source="MOTO", percent_basis_points=200)
    order = held(shop, cart)
    wish = {"cardPayment": {"source": "MOTO"}}
    before = list(Payment.objects.values())

    shown = ok(cart.patch(f"/orders/{order['id']}/preview", wish))

    assert (shown["cardPayment"]["source"], shown["cardPayment"]["cardPaymentId"]) == ("MOTO", None)
    assert amounts(shown) == (PRICE, 270, PRICE + 270, PRICE + 270, 0, 0, 0)
    assert list(Payment.objects.values()) == before
    assert amounts(ok(cart.patch(f"/orders/{order['id']}", wish))) == amounts(shown)
    same = ok(cart.patch(f"/orders/{order['id']}/preview", wish))["cardPayment"]
    assert same["cardPaymentId"] == Payment.objects.get(superseded_at__isnull=True).reference
