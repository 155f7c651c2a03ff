from datetime import timedelta

import pytest

from bookings import errors
from bookings.models import Change, Order
from bookings.requests import OrderFilter
from bookings.selectors import amount_to_collect, order_for_partner, orders_for_partner
from bookings.services import cancel_order, create_asked_order, expire_order, lock_order, record_money, retake_seats
from bookings.services.orders import keep_hold
from money import Money
from tests.bookings.racing import overtaken_by
from tests.bookings.shop import NOW

pytestmark = pytest.mark.django_db
OVER = NOW + timedelta(days=2)


def ask(partner, **wish):
    asked = {
        "partner": partner,
        "is_live": True,
        "kind": "INVOICE",
        "amount": Money(10055, "EUR"),
        "reference": "ORDER1233",
        "description": "Kayak tour for four",
        "customer": None,
        "return_url": "",
        "expires_at": OVER,
        "now": NOW,
    }
    return create_asked_order(**{**asked, **wish})


def told(order):
    return list(Change.objects.filter(order=order).order_by("pk").values_list("topic", "reason", "version", "before"))


def money_comes(order, minor):
    record_money(order=lock_order(order_id=order.pk), money_in_minor=minor, now=NOW)
    order.refresh_from_db()
    return order


def test_an_invoice_asks_for_its_amount_until_it_is_paid(partner):
    order = ask(partner)

    assert (order.kind, order.status, order.expires_at, order.partner_reference) == (
        "INVOICE", "ON_HOLD", OVER, "ORDER1233",
    )  # fmt: skip
    assert amount_to_collect(order) == Money(10055, "EUR")
    assert told(order) == [("order", "asked", 1, {})]

    assert money_comes(order, 10054).status == "ON_HOLD"
    paid = money_comes(order, 10055)

    assert (paid.status, paid.confirmed_at, paid.expires_at, paid.version) == ("CONFIRMED", NOW, None, 3)
    assert amount_to_collect(paid) == Money(10055, "EUR")
    assert told(order)[1:] == [
        ("order", "money_recorded", 2, {"money_in_minor": 0}),
        ("order", "money_recorded", 3, {"money_in_minor": 10054, "status": "ON_HOLD"}),
    ]
    assert money_comes(order, 0).status == "CONFIRMED"


def test_a_reference_is_used_once_for_each_kind_mode_and_partner(partner, other_partner):
    ask(partner)

    with pytest.raises(errors.ReferenceTaken) as refused:
        ask(partner, amount=Money(1, "USD"), reference=" ORDER1233 ")
    assert refused.value.reference == "ORDER1233"
    assert Order.objects.count() == Change.objects.count() == 1

    others = [ask(partner, is_live=False), ask(partner, kind="TOP_UP"), ask(other_partner)]
    unnamed = [ask(partner, reference=""), ask(partner, reference="")]

    assert {order.partner_reference for order in others} == {"ORDER1233"}
    assert [order.partner_reference for order in unnamed] == [order.reference for order in unnamed]


@pytest.mark.django_db(transaction=True)
def test_of_two_that_use_a_reference_at_once_one_is_refused(partner):
    with overtaken_by(lambda: ask(partner)) as second:
        ask(partner)

    assert second.was_blocked
    with pytest.raises(errors.ReferenceTaken):
        second.finish()
    assert Order.objects.count() == Change.objects.count() == 1


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"amount": Money(0, "EUR")}, "amount"),
        ({"amount": Money(-1, "EUR")}, "amount"),
        ({"reference": "x" * 121}, "reference"),
        ({"reference": "4111111111111111"}, "reference"),
        ({"description": "\x00"}, "description"),
        ({"return_url": "javascript:alert(1)"}, "return_url"),
        ({"expires_at": NOW}, "expires_at"),
    ],
)
def test_what_cannot_be_asked_is_refused(partner, wish, field):
    with pytest.raises(errors.InvalidValue) as refused:
        ask(partner, **wish)

    assert refused.value.field == field
    assert Order.objects.count() == Change.objects.count() == 0


def test_card_numbers_are_masked_in_what_it_is_for(partner):
    assert "4111111111111111" not in ask(partner, description="card 4111111111111111").description


def test_an_invoice_that_expired_asks_for_nothing_and_a_late_payment_opens_it_again(partner):
    order = expire_order(order=ask(partner), now=OVER)
    assert (order.status, amount_to_collect(order)) == ("EXPIRED", Money(0, "EUR"))

    assert money_comes(order, 10055).status == "EXPIRED"
    assert retake_seats(order=order, now=OVER)

    order.refresh_from_db()
    assert (order.status, order.confirmed_at, order.expires_at) == ("CONFIRMED", OVER, None)
    assert told(order)[-1] == ("order", "reopened", 4, {"status": "EXPIRED"})


def test_an_invoice_that_expired_and_is_paid_in_part_waits_for_the_rest(partner):
    order = expire_order(order=ask(partner), now=OVER)
    money_comes(order, 55)

    assert retake_seats(order=order, now=OVER)

    order.refresh_from_db()
    assert (order.status, order.expires_at) == ("ON_HOLD", OVER + timedelta(minutes=30))
    assert amount_to_collect(order) == Money(10055, "EUR")


def test_an_invoice_without_an_end_waits(partner):
    order = ask(partner, expires_at=None)
    keep_hold(order=order, until=OVER, now=NOW)

    with pytest.raises(errors.NotExpirable):
        expire_order(order=order, now=OVER + timedelta(days=3650))
    order.refresh_from_db()
    assert (order.status, order.expires_at) == ("ON_HOLD", None)


def test_an_invoice_can_be_cancelled_and_asks_for_nothing_then(partner):
    order = cancel_order(order=ask(partner), reason="", force=False, now=NOW)

    assert (order.status, amount_to_collect(order)) == ("CANCELLED", Money(0, "EUR"))


def test_nothing_is_sold_on_an_invoice(partner):
    order = ask(partner)

    assert list(orders_for_partner(partner=partner, is_live=True, filters=OrderFilter())) == []
    with pytest.raises(errors.OrderNotFound):
        order_for_partner(partner=partner, is_live=True, order_id=str(order.uuid))
