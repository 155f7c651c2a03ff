"""A surcharge on its way to the processor and back: its books and ours agree to the cent, in price and surcharge."""

import pytest

from money import Money
from payments.models import AccountRoute, SurchargeRule
from payments.selectors import order_money
from payments.services import aftercare

PRICE, SURCHARGE = 9000, 270
WHOLE = PRICE + SURCHARGE
PAID = {"RECEIVABLE>CLEARING": PRICE, "SURCHARGE>CLEARING": SURCHARGE}


@pytest.fixture
def rule(trip):
    route = AccountRoute.objects.get(partner=trip.house.partner, account__slug="adyen-eu", is_live=True)
    return SurchargeRule.objects.create(route=route, percent_basis_points=300)


def confirmed(trip):
    held = trip.hold()
    session = held.session
    paid = trip.pay(session)
    held.confirm(session, paid["sessionResult"])
    trip.settle()
    return held, paid["pspReference"]


def test_paid_given_back_in_part_by_staff_then_cancelled(trip, rule):
    held, _ = confirmed(trip)
    assert held.books == PAID
    assert held.at_processor["captured"] == WHOLE

    aftercare.refund_payment(
        payment=held.payment, money=Money(2000, "EUR"), reason="late start", requested_by="ada", clock=trip.now
    )
    trip.settle()
    held.cancel()

    trip.until(lambda: held.read()["cardPayment"]["totalRefunded"] == WHOLE, "all of it going back")
    trip.settle()
    assert held.books == {**PAID, "CLEARING>RECEIVABLE": PRICE, "CLEARING>SURCHARGE": SURCHARGE}
    assert held.at_processor["refunded"] == WHOLE
    assert [request["body"]["amount"]["value"] for request in trip.requests("refund")] == [2000, WHOLE - 2000]
    assert held.payment.state == "REFUNDED"


def test_given_back_in_the_processors_own_back_office(trip, rule):
    held, psp_reference = confirmed(trip)
    assert held.books == PAID

    trip.back_office(psp_reference, "refund", amount=2500)
    trip.until(lambda: held.books.get("CLEARING>RECEIVABLE") == 2500, "the refund being booked")
    trip.back_office(psp_reference, "refund", amount=WHOLE - 2500)
    trip.until(lambda: held.payment.state == "REFUNDED", "the rest being booked")

    trip.settle()
    # The processor tells its times by the second: two refunds of one second may be split anew, by further entries.
    money = order_money(held.order)
    assert (money.paid_minor, money.paid_surcharge_minor) == (PRICE, SURCHARGE)
    assert (money.refunded_minor, money.refunded_surcharge_minor) == (PRICE, SURCHARGE)
    assert held.at_processor["refunded"] == WHOLE
    assert held.cases == {"BALANCE_REOPENED"}


def test_paid_twice_because_the_rule_changed_in_between(trip, rule):
    held = trip.hold()
    first = held.session
    SurchargeRule.objects.filter(pk=rule.pk).update(percent_basis_points=100)
    second = held.session
    assert first != second

    paid = trip.pay(first)
    trip.until(lambda: held.books == PAID, "what the first session asked for being booked")
    trip.pay(second)
    trip.until(lambda: held.at_processor["refunded"] == PRICE + 90, "the second payment going back with its surcharge")
    held.confirm(first, paid["sessionResult"])

    trip.settle()
    assert held.books == {
        "RECEIVABLE>CLEARING": 2 * PRICE,
        "SURCHARGE>CLEARING": SURCHARGE + 90,
        "CLEARING>RECEIVABLE": PRICE,
        "CLEARING>SURCHARGE": 90,
    }
    assert held.at_processor["captured"] == WHOLE + PRICE + 90
    shown = held.read()["cardPayment"]
    assert (shown["totalPaid"], shown["totalRefunded"], shown["balance"]) == (WHOLE + PRICE + 90, PRICE + 90, 0)
    assert held.cases == {"OVERPAID"}
