import pytest
from django.db import connection
from django.db import transaction as database
from django.test.utils import CaptureQueriesContext

from bookings.gift_codes import masked_code
from bookings.models import Change, Gift
from bookings.requests import BookingChanges, GiftRequest, OrderRequest
from bookings.services import create_order, lock_order, tell_gift_uses, update_booking
from gateways.protocol import OutcomeKind
from money import Money
from payments.checking import ledger_findings
from payments.errors import GiftNotUsable, GiftUnknown
from payments.models import LedgerEntry
from payments.selectors import gift_balance, order_money
from payments.services import aftercare, confirming, holds, tenders
from payments.services.collecting import NO_REQUEST
from payments.services.returning import give_back
from tests.payments.gifts import code, held_gift, pay_with, sold_gift
from tests.payments.house import books
from tests.payments.races import meet, run_together, take_row_locks_away

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def gift(house):
    """A gift of 60.00 EUR that was bought on an order of its own."""
    return sold_gift(house, 6000)


def apply(house, order, text):
    pay_with(text, order, now=house.clock())


def test_a_gift_pays_in_part_and_the_rest_stays_due(house, gift):
    order = house.reserve(payment_request=None).order

    apply(house, order, code(gift))

    assert gift_balance(gift) == Money(0, "EUR")
    assert (order_money(order).due_minor, order_money(order).is_covered) == (3000, False)
    assert books(order) == {"RECEIVABLE>GIFT_LIABILITY": 6000}
    order.refresh_from_db()
    assert order.money_in_minor == 6000


def test_a_gift_pays_no_more_than_is_due_and_keeps_the_rest(house, gift):
    order = house.reserve(adults=1, payment_request=None).order

    for _ in range(2):
        apply(house, order, code(gift))

    assert gift_balance(gift) == Money(1500, "EUR")
    assert order_money(order).is_covered


def test_what_a_gift_paid_goes_back_to_it_once(house, gift):
    order = house.reserve(payment_request=None).order
    apply(house, order, code(gift))

    for _ in range(2):
        apply(house, order, "")

    assert books(order) == {"RECEIVABLE>GIFT_LIABILITY": 6000, "GIFT_LIABILITY>RECEIVABLE": 6000}
    assert gift_balance(gift) == Money(6000, "EUR")
    assert order_money(order).due_minor == 9000


@pytest.mark.parametrize(
    "change", [{"currency": "USD"}, {"is_live": False}, {"status": "ON_HOLD"}, {"amount_minor": 1}]
)
def test_a_gift_that_cannot_pay_writes_nothing(house, gift, change):
    first, order = house.reserve(payment_request=None).order, house.reserve(payment_request=None).order
    if "amount_minor" in change:
        apply(house, first, code(gift))
    else:
        Gift.objects.filter(pk=gift.pk).update(**change)
    before = LedgerEntry.objects.count()

    with pytest.raises(GiftNotUsable):
        apply(house, order, code(gift))

    assert LedgerEntry.objects.count() == before


def test_a_gift_of_another_partner_does_not_exist(house, gift):
    order = house.reserve(payment_request=None, partner=house.other_partner).order

    with pytest.raises(GiftNotUsable):
        apply(house, order, code(gift))


def race(house, gift, monkeypatch):
    orders = [house.reserve(payment_request=None).order for _ in range(2)]
    meet(monkeypatch, tenders, "gift_balance")
    return run_together(*[lambda order=order: apply(house, order, code(gift)) for order in orders])


def test_two_orders_that_spend_one_gift_at_once_never_take_it_below_zero(house, gift, monkeypatch):
    results = race(house, gift, monkeypatch)

    assert gift_balance(gift) == Money(0, "EUR")
    assert sorted(type(result).__name__ for result in results) == ["GiftEmpty", "NoneType"]


def test_control_without_the_gifts_lock_it_is_spent_twice(house, gift, monkeypatch):
    take_row_locks_away(monkeypatch)

    race(house, gift, monkeypatch)

    assert gift_balance(gift) == Money(-6000, "EUR")


def paid_by(order):
    return {one.gift_id: one.amount_minor for one in tenders.gift_tenders(order)}


@pytest.mark.parametrize("written", [str, str.lower, lambda text: text.replace("-", " "), lambda text: f" {text} "])
def test_a_code_is_found_however_people_write_it(house, gift, written):
    order = house.reserve(payment_request=None).order

    apply(house, order, written(code(gift)))

    assert paid_by(order) == {gift.pk: 6000}


def test_the_same_code_again_pays_only_what_became_due_since(house, gift):
    big, order = sold_gift(house, 20000), house.reserve(payment_request=None).order
    for text in (code(big), code(big), masked_code(big)):
        apply(house, order, text)
    assert paid_by(order) == {big.pk: 9000}

    booking = order.bookings.get()
    dearer = BookingChanges(unit_items=house.request(3).unit_items)
    update_booking(booking=booking, changes=dearer, now=house.clock())
    apply(house, order, code(big))

    assert paid_by(order) == {big.pk: 13500}


def test_two_gifts_pay_one_order_and_an_empty_code_gives_both_back(house, gift):
    second, order = sold_gift(house, 9000), house.reserve(payment_request=None).order
    apply(house, order, code(gift))
    house.clock.move(seconds=1)
    apply(house, order, code(second))

    shown = tenders.gift_payments([order.pk])[order.pk]
    assert (shown.amount, shown.masked_code) == (Money(9000, "EUR"), masked_code(second))
    assert paid_by(order) == {gift.pk: 6000, second.pk: 3000}
    apply(house, order, " ")

    assert paid_by(order) == {}
    assert tenders.gift_payments([order.pk]) == {}
    assert [gift_balance(one).minor for one in (gift, second)] == [6000, 9000]


def test_a_gift_is_redeemed_when_all_of_it_is_spent_and_not_before(house, gift):
    order = house.reserve(adults=1, payment_request=None).order
    apply(house, order, code(gift))
    gift.refresh_from_db()
    assert (gift.status, gift.spent_minor, gift.redeemed_at) == ("CONFIRMED", 4500, None)

    apply(house, house.reserve(payment_request=None).order, code(gift))
    gift.refresh_from_db()
    assert (gift.status, gift.spent_minor, gift.redeemed_at) == ("REDEEMED", 6000, house.clock())

    apply(house, order, "")
    gift.refresh_from_db()
    assert (gift.status, gift.spent_minor, gift.redeemed_at) == ("CONFIRMED", 1500, None)


def test_codes_that_open_nothing_look_alike(house, gift):
    order = house.reserve(payment_request=None).order
    cancelled = sold_gift(house)
    aftercare.cancel_gift(gift=cancelled, reason="", clock=house.clock)
    other, test = sold_gift(house), sold_gift(house, is_live=False)
    Gift.objects.filter(pk=other.pk).update(partner=house.other_partner)
    before = LedgerEntry.objects.count()

    said = set()
    for text in ("GIFT-2222-2222-2222-2222", "nonsense", code(cancelled), code(other), code(test), masked_code(gift)):
        with pytest.raises(GiftUnknown) as refusal:
            apply(house, order, text)
        said.add(str(refusal.value))

    assert said == {"There is no such gift."}
    assert LedgerEntry.objects.count() == before


def test_a_hold_that_runs_out_gives_the_gift_its_money_back(house, gift):
    order = house.reserve(payment_request=None).order
    apply(house, order, code(gift))

    house.clock.move(minutes=31)
    assert holds.expire_holds(now=house.clock()) == 1

    order.refresh_from_db()
    assert (order.status, order.money_in_minor) == ("EXPIRED", 0)
    assert gift_balance(gift) == Money(6000, "EUR")
    assert ledger_findings() == []


def test_a_hold_that_a_gift_and_a_card_paid_is_kept(house, gift):
    payment = house.payment()
    apply(house, payment.order, code(gift))
    house.opening(payment, amount_minor=3000)
    house.tell(payment, OutcomeKind.AUTHORIZED, "PSP1", minor=3000)

    house.clock.move(minutes=120)
    holds.expire_holds(now=house.clock())

    payment.order.refresh_from_db()
    assert payment.order.status == "ON_HOLD"
    assert gift_balance(gift) == Money(0, "EUR")


def test_what_goes_back_goes_where_it_came_from_newest_first(house, gift):
    payment = house.payment()
    apply(house, payment.order, code(gift))
    house.clock.move(seconds=5)
    house.opening(payment, amount_minor=3000)
    house.tell(payment, OutcomeKind.AUTHORIZED, "PSP1", minor=3000)

    # The card paid last, and so all of its 30.00 goes back first.
    assert give_back_of(house, payment.order, 4500) == [3000]
    assert gift_balance(gift) == Money(1500, "EUR")
    assert give_back_of(house, payment.order, 4500) == []
    assert gift_balance(gift) == Money(6000, "EUR")
    assert give_back_of(house, payment.order, 4500) == []
    assert gift_balance(gift) == Money(6000, "EUR")


def test_a_gift_that_paid_last_has_its_money_back_first(house, gift):
    payment = house.payment()
    house.opening(payment, amount_minor=3000)
    house.tell(payment, OutcomeKind.AUTHORIZED, "PSP1", minor=3000)
    house.clock.move(minutes=1)
    apply(house, payment.order, code(gift))

    assert give_back_of(house, payment.order, 4500) == []
    assert gift_balance(gift) == Money(4500, "EUR")
    assert give_back_of(house, payment.order, 2000) == [500]
    assert gift_balance(gift) == Money(6000, "EUR")


def test_a_gift_may_buy_a_gift_but_never_itself(house, gift):
    held = held_gift(house, 5000, settlement_method="DIRECT")
    apply(house, held.order, code(gift))
    bought = confirming.confirm_gift(gift=held, changes=None, request=NO_REQUEST, clock=house.clock).gift

    with pytest.raises(GiftUnknown):
        apply(house, bought.order, code(bought))

    assert gift_balance(gift) == Money(1000, "EUR")
    aftercare.cancel_gift(gift=bought, reason="", clock=house.clock)
    assert gift_balance(gift) == Money(6000, "EUR")
    assert ledger_findings() == []


def give_back_of(house, order, minor):
    """Return the refunds that cards are asked for."""
    with database.atomic():
        operations = give_back(
            order=lock_order(order_id=order.pk), amount_minor=minor, reason="x", requested_by="us", now=house.clock()
        )
    return [operation.amount_minor for operation in operations]


def test_the_order_a_gift_was_bought_on_learns_of_its_use_once(house, gift):
    order = house.reserve(payment_request=None).order
    bought_on = gift.order
    bought_on.refresh_from_db()
    apply(house, order, code(gift))

    assert [tell_gift_uses(now=house.clock()) for _ in range(2)] == [1, 0]
    told = Change.objects.filter(order=bought_on, reason="gift_used").order_by("topic")
    assert [(one.topic, one.version, one.before) for one in told] == [
        ("gift", bought_on.version + 1, {"status": "CONFIRMED"}),
        ("order", bought_on.version + 1, {}),
    ]

    apply(house, order, "")
    apply(house, order, code(gift))
    apply(house, order, "")
    assert [tell_gift_uses(now=house.clock()) for _ in range(2)] == [1, 0]
    assert told.filter(topic="gift").latest("version").before == {"status": "REDEEMED"}


def test_an_order_or_gift_that_somebody_has_locked_is_told_of_the_next_time(house, gift):
    apply(house, house.reserve(payment_request=None).order, code(gift))

    for locked in (gift.order, gift):
        with database.atomic():
            type(locked).objects.select_for_update().get(pk=locked.pk)
            assert run_together(lambda: tell_gift_uses(now=house.clock())) == [0]

    assert tell_gift_uses(now=house.clock()) == 1


def test_giving_back_to_and_selling_many_gifts_costs_what_one_does(house):
    costs = []
    for count in (1, 3):
        order = house.reserve(payment_request=None).order
        paying = [sold_gift(house, 1000) for _ in range(count)]
        for gift in paying:
            apply(house, order, code(gift))
        with CaptureQueriesContext(connection) as giving:
            apply(house, order, "")
        assert paid_by(order) == {}

        request = OrderRequest(gifts=(GiftRequest(amount_minor=1000),) * count, currency="EUR")
        cart = create_order(partner=house.partner, is_live=True, request=request, now=house.clock())
        cart.gifts.update(status="CONFIRMED")
        with CaptureQueriesContext(connection) as selling:
            tenders.settle_gift_sales(order=cart, now=house.clock())
        assert books(cart) == {"GIFT_LIABILITY>GIFT_SALES": 1000 * count}
        costs.append((len(giving), len(selling)))

    assert costs[0] == costs[1]
