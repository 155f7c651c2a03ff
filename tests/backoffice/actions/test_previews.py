"""What a person is shown before a refund is what happens: to whom, how much of it surcharge, in every currency."""

from datetime import timedelta

import pytest
from django.utils import timezone

from backoffice.models import ReasonCode, Wanted
from backoffice.services.departure_batch import drain_departures
from backoffice.services.departures import settle_item
from backoffice.services.refunds import RefundWish, preview_refund, write_refund
from bookings.models import Customer, OrderKind
from bookings.services import cancel_booking, confirm_order, create_asked_order
from gateways.protocol import OutcomeKind as Kind
from money import Money
from payments.models import AccountRoute, LedgerEntry, Payment, SurchargeRule, Transaction
from payments.selectors import gift_balance, order_money
from payments.services.collecting import NO_REQUEST, prepare_payment
from payments.services.tenders import tenders_of
from tests.backoffice.actions.pressing import look, shown, written
from tests.backoffice.departures.desk import cancel
from tests.payments.credits import booked_for, topped_up
from tests.payments.credits import spend as spend_credit
from tests.payments.gifts import sold_gift, spend
from tests.payments.house import House

pytestmark = pytest.mark.django_db
RAIN = {"reason_code": ReasonCode.GOODWILL, "reason": "rain"}


def surcharge(house: House, account: str = "adyen-eu", **rule: int) -> None:
    route = AccountRoute.objects.get(partner=house.partner, account__slug=account, is_live=True)
    SurchargeRule.objects.create(route=route, **(rule or {"percent_basis_points": 300}))


def card(house):
    return house.paid(house.payment())


def card_with_surcharge(house):
    surcharge(house)
    return house.paid(house.payment())


def yen(house):
    booking = house.reserve(return_url=None, currency="JPY")
    return house.paid(Payment.objects.get(order=booking.order))


def dinar(house):
    """An invoice of 10.500 KWD and 1.5 percent of it, half a fils up."""
    account = house.accounts["adyen-eu"]
    account.currencies = [*account.currencies, "KWD"]
    account.save()
    surcharge(house, percent_basis_points=150)
    order = create_asked_order(
        partner=house.partner,
        is_live=True,
        kind=OrderKind.INVOICE,
        amount=Money(10_500, "KWD"),
        reference="INV-1",
        description="",
        customer=None,
        return_url="",
        expires_at=house.clock() + timedelta(hours=1),
        now=house.clock(),
    )
    prepare_payment(order_id=order.pk, payment_request=NO_REQUEST, clock=house.clock)
    return house.paid(Payment.objects.get(order=order))


def captured_in_part(house):
    payment = house.paid(house.payment(account="adyen-us"))
    house.tell(payment, Kind.CAPTURED, "PSP1C", of="PSP1", minor=6000)
    payment.refresh_from_db()
    return payment


PAYMENTS = [
    (card, 9000, (9000, 0)),
    (card, 1, (1, 0)),
    (card_with_surcharge, 9270, (9270, 270)),
    (card_with_surcharge, 9001, (9001, 1)),
    (card_with_surcharge, 5000, (5000, 0)),
    (yen, 15000, (15000, 0)),
    (yen, 1, (1, 0)),
    (dinar, 10_658, (10_658, 158)),
    (dinar, 10_501, (10_501, 1)),
    (captured_in_part, 6000, (6000, 0)),
]


def compared(wish: RefundWish, now) -> tuple[list, list]:
    """Return what was shown and what was done of a refund, in the same words."""
    before = {(each.gift_id, each.customer_id): each.amount_minor for each in tenders_of(wish.order)}
    rows = written()
    preview = preview_refund(wish, now=now)
    assert written() == rows
    returned = write_refund(wish, requested_by="ada", now=now, seen=None, noted=lambda _: None)
    done = [row.parts for row in Transaction.objects.filter(pk__in=[row.pk for row in returned.operations])]
    after = {(each.gift_id, each.customer_id): each.amount_minor for each in tenders_of(wish.order)}
    tendered = [before[key] - after.get(key, 0) for key in before if before[key] != after.get(key, 0)]
    shares = [share.parts for share in preview.shares]
    assert preview.total.minor == sum(each.amount_minor for each in done) + sum(tendered)
    assert preview.leaves.minor == sum(each.amount_minor for each in done)
    key = lambda parts: (parts.amount_minor, parts.surcharge_minor)  # noqa: E731
    return sorted(map(key, shares)), sorted([*map(key, done), *((minor, 0) for minor in tendered)])


@pytest.mark.parametrize(("paid_by", "minor", "parts"), PAYMENTS)
def test_a_refund_of_a_payment_is_what_was_shown(house, paid_by, minor, parts):
    payment = paid_by(house)
    wish = RefundWish(
        what=Wanted.PAYMENT_REFUND,
        order=payment.order,
        payment=payment,
        money=Money(minor, payment.currency),
        reason="rain",
    )

    before, after = compared(wish, house.clock())

    assert before == after == [parts]


def gift_and_card(house):
    """35.00 EUR by a gift, then 55.00 EUR and 3 percent by card."""
    surcharge(house)
    booking = house.reserve(return_url=None)
    spend(sold_gift(house, 3500), booking.order, now=house.clock.move(seconds=1))
    house.clock.move(seconds=1)
    prepare_payment(order_id=booking.order_id, payment_request=NO_REQUEST, clock=house.clock)
    return house.paid(Payment.objects.get(order=booking.order, superseded_at__isnull=True)).order


ORDERS = [
    # The card paid last and goes first, with its share of the surcharge; then the gift.
    (5500, [(5665, 165)]),
    (5501, [(1, 0), (5665, 165)]),
    (9000, [(3500, 0), (5665, 165)]),
    (1000, [(1030, 30)]),
]


@pytest.mark.parametrize(("minor", "parts"), ORDERS)
def test_a_refund_of_an_order_goes_to_the_newest_tender_first_and_is_what_was_shown(house, minor, parts):
    order = gift_and_card(house)
    wish = RefundWish(what=Wanted.ORDER_REFUND, order=order, payment=None, money=Money(minor, "EUR"), reason="rain")

    before, after = compared(wish, house.clock.move(seconds=1))

    assert before == after == sorted(parts)


@pytest.mark.parametrize(("keeps", "parts"), [(True, [(5665, 165)]), (False, [(5500, 0)])])
def test_the_setting_says_whether_a_confirmed_orders_surcharge_goes_back(house, settings, keeps, parts):
    order = confirm_order(order=gift_and_card(house), now=house.clock())
    settings.PAYMENTS = {**settings.PAYMENTS, "REFUND_SURCHARGE": keeps}
    wish = RefundWish(what=Wanted.ORDER_REFUND, order=order, payment=None, money=Money(5500, "EUR"), reason="rain")

    assert compared(wish, house.clock.move(seconds=1)) == (parts, parts)


def test_credit_goes_back_to_the_guests_credit_and_leaves_us_not(house, desk):
    customer = Customer.objects.create(partner=house.partner, is_live=True, reference="C-1", created_at=house.clock())
    topped_up(house, customer)
    order = booked_for(house, customer, adults=1)
    spend_credit(house, order, 4500)
    order.refresh_from_db()

    lines = shown(desk, "refund-order", order, amount="45.00", **RAIN)

    assert lines == [
        ("the guest's credit", "45.00 EUR", "there at once"),
        ("The guest gets", "45.00 EUR", ""),
        ("Leaves us", "0.00 EUR", "45.00 EUR stays with us, owed to the guest"),
    ]


def test_the_page_says_who_gets_what_when_it_is_there_and_what_leaves_us(house, desk):
    order = gift_and_card(house)
    Transaction.objects.filter(order=order).update(card_brand="visa", card_last4="1111")
    rows = written()

    lines = shown(desk, "refund-order", order, amount="90.00", **RAIN)

    gift = LedgerEntry.objects.filter(order=order, gift__isnull=False).first().gift
    assert lines == [
        (
            "Visa ···· 1111, by adyen-eu",
            "56.65 EUR",
            "1.65 EUR of it surcharge · there within 40 business days, sooner where the guest's bank is quick",
        ),
        (f"gift ****-{gift.code_suffix}", "35.00 EUR", "there at once"),
        ("The guest gets", "91.65 EUR", ""),
        ("of it surcharge", "1.65 EUR", ""),
        ("Leaves us", "56.65 EUR", "35.00 EUR stays with us, owed to the guest"),
    ]
    assert written() == rows
    assert gift_balance(gift).minor == 0


def test_a_rehearsal_holds_no_lock_and_leaves_no_row_behind(house):
    payment = card(house)
    wish = RefundWish(
        what=Wanted.PAYMENT_REFUND, order=payment.order, payment=payment, money=Money(9000, "EUR"), reason="rain"
    )
    before = written()

    first, second = (preview_refund(wish, now=timezone.now()) for _ in range(2))

    assert first == second
    assert written() == before


def test_money_that_may_go_back_twice_is_said_before_it_does(house, desk, ada):
    payment = house.paid(house.payment())
    house.tell(payment, Kind.DISPUTE_OPENED, "DIS1", of="PSP1", minor=9000)
    cancellation = cancel(house, ada)
    drain_departures(clock=house.clock)
    item = cancellation.items.get()
    settle_item(item_id=item.pk, person=ada, note="sent to the guest's bank", now=house.clock())

    for name, row in (("refund", payment), ("refund-order", payment.order)):
        notes = look(desk, name, row, amount="90.00", **RAIN).context["preview"].notes
        assert notes[:2] == [
            "90.00 EUR was settled by hand by ada (sent to the guest's bank): the guest may have it already.",
            "A dispute is open: a refund beside it could pay the guest twice.",
        ]


def test_a_goodwill_refund_says_what_is_due_again_before_it_is_confirmed(house, desk):
    order = gift_and_card(house)
    confirm_order(order=order, now=house.clock())

    notes = look(desk, "refund-order", order, amount="10.00", **RAIN).context["preview"].notes

    assert notes[0].startswith("The price stays as it is: after this 10.00 EUR of the order is due again")
    wish = RefundWish(what=Wanted.ORDER_REFUND, order=order, payment=None, money=Money(1000, "EUR"), reason="rain")
    write_refund(wish, requested_by="ada", now=house.clock(), seen=None, noted=lambda _: None)
    assert order_money(order).due_minor == 1000


def test_what_goes_back_for_a_cancelled_order_is_not_due_again(house, desk):
    payment = house.paid(house.payment())
    cancel_booking(booking=payment.order.bookings.get(), reason="ill", force=False, now=house.clock())

    notes = look(desk, "refund", payment, amount="90.00", **RAIN).context["preview"].notes

    assert not any("due again" in note for note in notes)
