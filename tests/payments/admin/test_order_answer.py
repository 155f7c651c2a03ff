"""A guest is charged for an order: no payment of it says "no" while another one took the money."""

import pytest
from django.urls import reverse

from bookings import services as booking_services
from gateways.protocol import OutcomeKind as Kind
from gateways.protocol import Source
from payments.admin.answer import answer_of, answer_of_order
from payments.admin.columns import page_of
from payments.admin.timeline import history_of
from payments.models import Payment, Transaction
from payments.services.collecting import new_payment
from payments.splitting import Parts
from tests.payments.admin.reading import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def other(house, paid) -> Payment:
    """Another payment of the order that is paid, younger than the one that took the money."""
    return another(house, paid)


def another(house, payment: Payment) -> Payment:
    """Return a new try to pay the same, in the place of a payment."""
    made = new_payment(
        order=payment.order,
        account=payment.account,
        source=Source(payment.source),
        parts=Parts(payment.amount_minor, 0),
        captures_at_once=True,
        supersedes=payment,
        now=house.clock(),
    )
    made.refresh_from_db()  # its number is the database's
    return made


def told(payment: Payment) -> tuple[str, str, tuple[Payment, ...]]:
    payment.refresh_from_db()
    found = answer_of(history_of(payment))
    return found.verdict, found.sentence, found.payments


def told_of_order(order) -> tuple[str, str]:
    order.refresh_from_db()
    found = answer_of_order(order)
    return found.verdict, found.sentence


def lose_a_charge(house, payment: Payment) -> None:
    Transaction.objects.create(
        payment=payment,
        order=payment.order,
        account=payment.account,
        kind="SALE",
        origin="OURS",
        amount_minor=9000,
        currency="EUR",
        reference="tx_lost",
        idempotency_key="key-lost",
        requested_at=house.clock(),
        unknown_since_at=house.clock(),
    )


def test_a_payment_that_took_nothing_names_the_one_of_its_order_that_did(desk, paid, other):
    verdict, sentence, payments = told(other)

    assert verdict == "Yes, by another payment of the order"
    assert sentence == (
        f"Nothing was taken; nothing is undecided. Another payment of the order, {paid.reference}, took 90.00 EUR."
    )
    assert payments == (paid,)
    assert f'href="{page_of(paid)}">{paid.reference}</a>' in desk.get(page_of(other)).content.decode()


def test_the_payment_that_took_it_says_so_itself(paid, other):
    verdict, sentence, payments = told(paid)

    assert (verdict, payments) == ("Yes, charged", ())
    assert other.reference not in sentence


def test_a_payment_is_no_no_while_nobody_knows_of_another(house, paid, other):
    house.tell(paid, Kind.REFUNDED, "REF1", of="QFQTPCQ8HXSKGK82", minor=9000)
    last = another(house, other)
    lose_a_charge(house, other)

    verdict, sentence, payments = told(last)

    assert verdict == "Nobody knows yet"
    assert sentence.endswith(f"Another payment of the order, {other.reference}, is not decided.")
    assert payments == (other,)


def test_a_payment_that_came_back_names_the_one_that_was_kept(house, paid):
    younger = another(house, paid)
    house.paid(younger, "PSP-YOUNGER")
    house.tell(paid, Kind.REFUNDED, "REF1", of="QFQTPCQ8HXSKGK82", minor=9000)

    assert told(paid)[0] == "Yes, by another payment of the order"
    assert told(younger)[0] == "Yes, charged"


def test_an_order_is_answered_for_with_all_of_its_payments(house, paid, other):
    house.tell(paid, Kind.REFUNDED, "REF1", of="QFQTPCQ8HXSKGK82", minor=2500)

    assert told_of_order(paid.order) == (
        "Yes, charged",
        "90.00 EUR were taken; 25.00 EUR came back; 25.00 EUR are still due.",
    )


def test_an_order_is_answered_for_with_payments_too_old_to_be_listed(house, paid):
    newest = paid
    for _ in range(20):
        newest = another(house, newest)

    found = answer_of_order(paid.order)

    assert (found.verdict, len(found.payments), paid in found.payments) == ("Yes, charged", 20, False)


def test_an_order_that_nobody_paid_says_no_and_what_is_due(house):
    assert told_of_order(house.payment().order) == (
        "No, not charged",
        "Nothing was taken; 90.00 EUR are still due.",
    )


def test_an_order_with_a_lost_charge_is_nobodys_knowledge(house):
    payment = house.payment()
    lose_a_charge(house, payment)

    verdict, sentence = told_of_order(payment.order)

    assert verdict == "Nobody knows yet"
    assert sentence.startswith("Whether 90.00 EUR were taken is not decided")


def test_a_hold_of_an_order_is_no_charge(house):
    payment = house.payment(account="adyen-us")
    house.opening(payment)
    house.tell(payment, Kind.AUTHORIZED, "PSP1")

    verdict, sentence = told_of_order(payment.order)

    assert verdict == "Not charged, but money is held"
    assert sentence.startswith("100.00 USD are held and were not taken")


@pytest.mark.parametrize("page", ["order", "booking"])
def test_the_pages_that_callers_name_answer_first_and_lead_to_each_payment(page, desk, paid, other):
    row = paid.order if page == "order" else paid.order.bookings.get()

    shown = desk.get(page_of(row))

    assert "Was the guest charged? Yes, charged 90.00 EUR were taken" in text_of(shown)
    for payment in (paid, other):
        assert f'href="{page_of(payment)}"' in shown.content.decode()


def test_who_may_see_no_payments_is_told_nothing_of_them_on_an_orders_page(browser_of, paid):
    shown = browser_of("view_order").get(page_of(paid.order))

    assert shown.status_code == 200
    assert "Was the guest charged?" not in text_of(shown)


def test_an_order_without_payments_answers_too(desk, house):
    booking = house.reserve(return_url=None)
    booking_services.lock_order(order_id=booking.order_id)
    Payment.objects.filter(order=booking.order).delete()

    assert "No, not charged Nothing was taken" in text_of(desk.get(page_of(booking.order)))


def test_what_is_found_by_a_guests_name_leads_to_the_payment_that_took_the_money(desk, paid, other):
    shown = desk.get(reverse("admin:find"), {"q": "grace hopper"})

    assert f'href="{page_of(paid)}"' in shown.content.decode()
    assert f'href="{page_of(other)}"' not in shown.content.decode()
