"""Every figure is the sum of its steps, and the steps say in sentences what the books say in entries."""

from datetime import date

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from bookings.models import Installment
from money import Money
from payments.models import LedgerAccount
from payments.reckoning import reckon
from payments.reckoning.comparing import differences, told
from payments.reckoning.guest_text import guest_text
from payments.reckoning.rows import Terms
from payments.services.surcharging import Rule
from payments.states import OperationKind, Status
from tests.payments.reckoned import Ledger


def lines(ledger, key):
    """Return a figure as a person reads it: each step, and the sum."""
    figure = reckon(ledger.rows).figures[key]
    steps = [(step.sentence, str(Money(step.minor, figure.currency))) for step in figure.steps]
    return [*steps, ("=", str(Money(figure.minor, figure.currency)))]


def paid(minor=9000, **fields):
    ledger = Ledger(status="CONFIRMED", **fields)
    ledger.booking(9000, status="CONFIRMED")
    sale = ledger.operation("SALE", minor)
    ledger.post("RECEIVABLE>CLEARING", minor, transaction=sale)
    return ledger, sale


def test_a_paid_order_is_explained():
    ledger, _sale = paid()

    assert lines(ledger, "totalPaid") == [("Visa ···· 1111 paid of the price", "90.00 EUR"), ("=", "90.00 EUR")]
    assert lines(ledger, "toCollect") == [
        ("Booking BK-1 (Kayak tour on the Spree): its price", "90.00 EUR"),
        ("=", "90.00 EUR"),
    ]
    assert lines(ledger, "balance") == [
        ("To be paid before the confirmation", "90.00 EUR"),
        ("Money in, for the price", "-90.00 EUR"),
        ("=", "0.00 EUR"),
    ]
    surcharge = reckon(ledger.rows).figures["surcharge"]
    assert (surcharge.minor, surcharge.notes) == (0, ("Nothing is due, so nothing is added.",))


def test_what_was_paid_in_part_leaves_a_rest():
    ledger, _sale = paid(4000)

    assert lines(ledger, "balance") == [
        ("To be paid before the confirmation", "90.00 EUR"),
        ("Money in, for the price", "-40.00 EUR"),
        ("=", "50.00 EUR"),
    ]


def test_a_refund_is_told_with_its_reason_and_one_under_way_is_told_apart():
    ledger, _sale = paid()
    refund = ledger.operation("REFUND", 2500, reason="rain")
    ledger.post("CLEARING>RECEIVABLE", 2500, transaction=refund)
    ledger.operation("REFUND", 1000, status="PENDING")

    assert lines(ledger, "totalRefunded") == [
        ("Visa ···· 1111 got back of the price (rain)", "25.00 EUR"),
        ("=", "25.00 EUR"),
    ]
    assert lines(ledger, "moneyIn") == [
        ("Taken in all", "90.00 EUR"),
        ("Given back in all", "-25.00 EUR"),
        ("=", "65.00 EUR"),
    ]
    assert lines(ledger, "pending") == [("On its way back to Visa ···· 1111", "-10.00 EUR"), ("=", "-10.00 EUR")]
    assert lines(ledger, "balance") == [
        ("To be paid before the confirmation", "90.00 EUR"),
        ("Money in, for the price", "-65.00 EUR"),
        ("On its way, nobody has decided", "10.00 EUR"),
        ("=", "35.00 EUR"),
    ]


def test_a_refund_that_bounced_takes_itself_back():
    ledger, _sale = paid()
    refund = ledger.operation("REFUND", 2500, status="FAILED")
    ledger.post("CLEARING>RECEIVABLE", 2500, transaction=refund)
    ledger.post("RECEIVABLE>CLEARING", 2500, transaction=refund)

    assert lines(ledger, "totalRefunded") == [
        ("Visa ···· 1111 got back of the price", "25.00 EUR"),
        ("Visa ···· 1111: the refund did not arrive, and the money is with us again", "-25.00 EUR"),
        ("=", "0.00 EUR"),
    ]


def test_a_gift_and_a_card_are_told_apart():
    ledger, _sale = paid(4000)
    ledger.post("RECEIVABLE>GIFT_LIABILITY", 5000, gift=ledger.gift(5000), payment=None)

    assert lines(ledger, "totalPaid") == [
        ("Visa ···· 1111 paid of the price", "40.00 EUR"),
        ("Gift voucher ****-AB12 paid of the price", "50.00 EUR"),
        ("=", "90.00 EUR"),
    ]
    assert lines(ledger, "paid")[-1] == ("=", "40.00 EUR")
    assert lines(ledger, "gift")[-1] == ("=", "50.00 EUR")
    assert lines(ledger, "balance")[-1] == ("=", "0.00 EUR")


def test_a_gift_bought_and_a_top_up_are_debts():
    ledger, _sale = paid(kind="TOP_UP", asked_minor=9000)
    ledger.bookings.clear()
    ledger.post("CUSTOMER_CREDIT>TOP_UPS", 9000, customer=ledger.customer())
    ledger.post("TOP_UPS>CUSTOMER_CREDIT", 2000, customer=ledger.customer())

    assert lines(ledger, "toCollect") == [("The top up asks for", "90.00 EUR"), ("=", "90.00 EUR")]
    assert lines(ledger, "toppedUp") == [
        ("Owed to the guest as credit", "90.00 EUR"),
        ("Owed to the guest as credit no more: it was taken off", "-20.00 EUR"),
        ("=", "70.00 EUR"),
    ]
    assert lines(ledger, "credit") == [("=", "0.00 EUR")]


def test_credit_that_paid_is_part_of_what_was_taken():
    ledger, _sale = paid(4000)
    ledger.post("RECEIVABLE>CUSTOMER_CREDIT", 5000, customer=ledger.customer(), payment=None)

    assert lines(ledger, "credit") == [("The guest's credit paid of the price", "50.00 EUR"), ("=", "50.00 EUR")]


def test_a_surcharge_that_was_paid_pays_nothing_of_the_price():
    ledger, sale = paid()
    ledger.post("SURCHARGE>CLEARING", 270, transaction=sale)

    assert lines(ledger, "totalPaid")[-1] == ("=", "92.70 EUR")
    assert lines(ledger, "moneyIn") == [
        ("Taken in all", "92.70 EUR"),
        ("Of it surcharge, which pays nothing of the price", "-2.70 EUR"),
        ("=", "90.00 EUR"),
    ]


@pytest.mark.parametrize(
    ("currency", "due", "rule", "unit", "steps"),
    [
        (
            "EUR", 9000, Rule(percent_basis_points=150, fixed_minor=30), 1,
            [("1.50 % of 90.00 EUR is exactly 1.35 EUR; of it whole units", "1.35 EUR"),
             ("The rule's fixed amount", "0.30 EUR"), ("=", "1.65 EUR")],
        ),
        (
            "EUR", 4990, Rule(percent_basis_points=150), 1,
            [("1.50 % of 49.90 EUR is exactly 0.7485 EUR; of it whole units", "0.74 EUR"),
             ("Rounded half up to 0.01 EUR", "0.01 EUR"), ("=", "0.75 EUR")],
        ),
        (
            "JPY", 7555, Rule(percent_basis_points=150), 1,
            [("1.50 % of 7555 JPY is exactly 113.325 JPY; of it whole units", "113 JPY"), ("=", "113 JPY")],
        ),
        (
            "KWD", 12345, Rule(percent_basis_points=150), 10,
            [("1.50 % of 12.345 KWD is exactly 0.185175 KWD; of it whole units", "0.185 KWD"),
             ("Rounded half up to 0.010 KWD", "0.005 KWD"), ("=", "0.190 KWD")],
        ),
    ],
)  # fmt: skip
def test_what_paying_now_would_add_is_told_with_its_rounding(currency, due, rule, unit, steps):
    ledger = Ledger(currency=currency, terms=Terms(account="adyen-eu", rule=rule, unit=unit))
    ledger.booking(due)

    assert lines(ledger, "surcharge") == steps
    assert reckon(ledger.rows).minor("outstandingBalance") == due + reckon(ledger.rows).minor("surcharge")


def test_the_surcharge_of_a_payment_that_waits_is_the_one_that_was_fixed():
    ledger = Ledger()
    ledger.booking(9000)
    ledger.payment.amount_minor, ledger.payment.surcharge_minor = 9200, 200
    ledger.terms = Terms(account="adyen-eu", waiting=ledger.payment, rule=Rule(percent_basis_points=500))

    assert lines(ledger, "surcharge") == [("As it was fixed when cp_1 was asked for", "2.00 EUR"), ("=", "2.00 EUR")]


def test_a_deposit_is_due_now_and_its_balance_once_confirmed():
    ledger = Ledger(method="DEPOSIT")
    ledger.installments.append(Installment(order=ledger.order, kind="DEPOSIT", amount_minor=1800))
    booking = ledger.booking(9000, deposit_minor=1800, balance_due_date=date(2027, 5, 1))

    assert lines(ledger, "toCollect") == [
        ("The deposit, as it was fixed with the price", "18.00 EUR"),
        ("=", "18.00 EUR"),
    ]
    assert lines(ledger, "later") == [
        ("Booking BK-1 (Kayak tour on the Spree): its price less its deposit, due by 2027-05-01", "72.00 EUR"),
        ("=", "72.00 EUR"),
    ]
    assert reckon(ledger.rows).figures["balance"].notes == (
        "72.00 EUR more are asked for once the order is confirmed.",
    )
    ledger.order.status = booking.status = "CONFIRMED"
    assert lines(ledger, "balance") == [
        ("To be paid before the confirmation", "18.00 EUR"),
        ("The balance, which is asked for once the order is confirmed", "72.00 EUR"),
        ("=", "90.00 EUR"),
    ]


def test_a_chargeback_reopens_what_is_due():
    ledger, _sale = paid()
    ledger.post("CLEARING>DISPUTED", 9000, transaction=ledger.operation("CHARGEBACK", 9000))

    assert lines(ledger, "chargedBack") == [
        ("The bank behind Visa ···· 1111 took it back", "90.00 EUR"),
        ("=", "90.00 EUR"),
    ]
    assert lines(ledger, "balance")[-1] == ("=", "90.00 EUR")


def test_a_donation_covers_nothing():
    ledger, sale = paid()
    ledger.post("DONATION>CLEARING", 500, transaction=sale)

    assert lines(ledger, "donation") == [("Visa ···· 1111 paid of the donation", "5.00 EUR"), ("=", "5.00 EUR")]
    assert lines(ledger, "paid")[-1] == ("=", "95.00 EUR")
    assert lines(ledger, "totalPaid")[-1] == ("=", "90.00 EUR")
    assert reckon(ledger.rows).figures["totalPaid"].notes == ("Donations pay nothing of the order and are left out.",)


def test_what_is_kept_of_a_late_cancellation_pays_for_nothing_that_lives():
    ledger, _sale = paid()
    ledger.bookings[0].status, ledger.bookings[0].cancellation_refund = "CANCELLED", "NONE"
    ledger.booking(4500, status="CONFIRMED")

    assert lines(ledger, "balance") == [
        ("To be paid before the confirmation", "45.00 EUR"),
        ("Money in, for the price", "-90.00 EUR"),
        ("Of both, what is kept of what was cancelled too late pays nothing else", "90.00 EUR"),
        ("=", "45.00 EUR"),
    ]


def test_more_than_is_due_is_nothing_due():
    ledger, _sale = paid(10000)

    assert lines(ledger, "balance")[-2:] == [
        ("More is there than is due, and nothing is asked for", "10.00 EUR"),
        ("=", "0.00 EUR"),
    ]


@pytest.mark.parametrize(
    ("currency", "gateway_decimals", "said"),
    [
        ("JPY", 0, "Amounts are kept as whole minor units of JPY, which has no decimals (ISO 4217)."),
        ("KWD", 3, "Amounts are kept as whole minor units of KWD, which has 3 decimals (ISO 4217)."),
        (
            "ISK", 2,
            (
                "Amounts are kept as whole minor units of ISK, which has no decimals (ISO 4217). "
                "adyen-eu is told them with 2 decimals."
            ),
        ),
    ],
)  # fmt: skip
def test_decimals_are_told_where_the_gateway_counts_otherwise(currency, gateway_decimals, said):
    ledger = Ledger(currency=currency, terms=Terms(account="adyen-eu", gateway_decimals=gateway_decimals))

    assert reckon(ledger.rows).decimals == said


def test_the_guest_reads_the_same_in_the_guests_language():
    ledger, sale = paid(4000)
    ledger.post("SURCHARGE>CLEARING", 120, transaction=sale)
    ledger.entries[1].posting = ledger.entries[0].posting
    ledger.post("RECEIVABLE>GIFT_LIABILITY", 1000, gift=ledger.gift(1000), payment=None)
    refund = ledger.operation("REFUND", 500)
    ledger.post("CLEARING>RECEIVABLE", 500, transaction=refund)

    english = guest_text(ledger.rows, reckon(ledger.rows), language="en")

    assert english == (
        "Hello,\n\n"
        "this is how the payments of your order OR-7KQ2 come together.\n\n"
        "You booked:\n"
        "- Kayak tour on the Spree, BK-1: 90.00 EUR\n\n"
        "Paid:\n"
        "- Nov. 3, 2026: 41.20 EUR, Visa ···· 1111\n"
        "- Nov. 5, 2026: 10.00 EUR, gift voucher ****-AB12\n\n"
        "Given back:\n"
        "- Nov. 6, 2026: 5.00 EUR, Visa ···· 1111\n\n"
        "Still to pay: 45.00 EUR.\n"
    )
    german = guest_text(ledger.rows, reckon(ledger.rows), language="de")
    assert "41,20 EUR, Visa ···· 1111" in german
    assert "Noch zu zahlen: 45,00 EUR." in german
    assert translation.get_language() == "en"


WAYS = [
    "RECEIVABLE>CLEARING", "CLEARING>RECEIVABLE", "SURCHARGE>CLEARING", "CLEARING>SURCHARGE", "DONATION>CLEARING",
    "CLEARING>DONATION", "CLEARING>DISPUTED", "DISPUTED>CLEARING", "RECEIVABLE>EXTERNAL", "EXTERNAL>RECEIVABLE",
    "RECEIVABLE>GIFT_LIABILITY", "GIFT_LIABILITY>RECEIVABLE", "RECEIVABLE>CUSTOMER_CREDIT",
    "CUSTOMER_CREDIT>RECEIVABLE", "GIFT_LIABILITY>GIFT_SALES", "GIFT_SALES>GIFT_LIABILITY",
    "CUSTOMER_CREDIT>TOP_UPS", "TOP_UPS>CUSTOMER_CREDIT",
]  # fmt: skip
MINOR = st.integers(min_value=1, max_value=10_000_000)
STATUSES = ["ON_HOLD", "CONFIRMED", "CANCELLED", "EXPIRED", "REJECTED", "REDEEMED"]


@st.composite
def histories(draw):
    """Draw an order with whatever may have happened to it, and more."""
    kind = draw(st.sampled_from(["BOOKING", "CART", "GIFT", "INVOICE", "TOP_UP"]))
    ledger = Ledger(
        currency=draw(st.sampled_from(["EUR", "JPY", "KWD", "ISK"])),
        method=draw(st.sampled_from(["DIRECT", "WHOLESALE", "VOUCHER", "DEFERRED", "DEPOSIT"])),
        kind=kind,
        status=draw(st.sampled_from(STATUSES)),
        asked_minor=draw(MINOR) if kind in ("INVOICE", "TOP_UP") else 0,
    )
    for retail in draw(st.lists(MINOR, max_size=3)):
        ledger.booking(
            retail,
            status=draw(st.sampled_from(STATUSES)),
            cancellation_refund=draw(st.sampled_from(["", "FULL", "PARTIAL", "NONE"])),
            deposit_minor=draw(st.integers(min_value=0, max_value=retail)),
            kept_minor=draw(st.integers(min_value=0, max_value=retail)),
        )
    if draw(st.booleans()):
        deposit = Installment(order=ledger.order, kind="DEPOSIT", amount_minor=draw(MINOR))
        ledger.installments.append(deposit)
    for minor in draw(st.lists(MINOR, max_size=2)):
        ledger.gifts.append(ledger.gift(minor, status=draw(st.sampled_from(STATUSES))))
    for minor in draw(st.lists(MINOR, max_size=5)):
        surcharge = draw(st.integers(min_value=0, max_value=minor))
        ledger.operation(
            draw(st.sampled_from(list(OperationKind))),
            minor,
            status=draw(st.sampled_from(list(Status))),
            surcharge_minor=surcharge,
            parent=draw(st.sampled_from([None, *ledger.operations])),
            gateway_reference=draw(st.sampled_from([None, "PSP1"])),
            origin=draw(st.sampled_from(["OURS", "GATEWAY"])),
        )
    for minor in draw(st.lists(MINOR, max_size=8)):
        way = draw(st.sampled_from(WAYS))
        is_gift, is_credit = LedgerAccount.GIFT_LIABILITY in way, LedgerAccount.CUSTOMER_CREDIT in way
        ledger.post(
            way,
            minor,
            transaction=None if is_gift or is_credit else draw(st.sampled_from([None, *ledger.operations])),
            payment=draw(st.sampled_from([None, ledger.payment])),
            gift=ledger.gift(minor) if is_gift else None,
            customer=ledger.customer() if is_credit else None,
        )
    return ledger


@settings(max_examples=150)
@given(histories())
def test_the_steps_of_every_figure_add_up_to_what_the_apis_tell(ledger):
    money, reckoning = ledger.money(), reckon(ledger.rows)

    assert differences(reckoning, money, ledger.payment.pk) == []
    assert {key: reckoning.minor(key) for key in told(money, ledger.payment.pk)} == told(money, ledger.payment.pk)
    assert guest_text(ledger.rows, reckoning, language="de")
