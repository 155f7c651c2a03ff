"""Surcharges from rule to ledger: asked for on top, booked apart, never covering a price, given back with it."""

from datetime import timedelta
from itertools import permutations

import pytest
from django.db import IntegrityError, transaction

from bookings import services as booking_services
from bookings.requests import BookingChanges, UnitItemRequest
from gateways.protocol import ExternalCharge, Source
from gateways.protocol import OutcomeKind as Kind
from money import Money
from payments.checking import Severity, findings_of, ledger_findings, payment_findings
from payments.errors import AmountMismatch, PaymentDue, RefundTooLarge
from payments.models import AccountRoute, Case, LedgerEntry, Payment, SurchargeRule, Transaction
from payments.selectors import order_money
from payments.services import aftercare, changing, collecting
from payments.services.collecting import NO_REQUEST, PaymentRequest
from payments.services.confirming import confirm_booking
from payments.services.surcharging import Rule, surcharge_on
from payments.services.surplus import refundable_of_payment
from payments.splitting import Parts
from tests.payments.gifts import sold_gift, spend
from tests.payments.house import books

pytestmark = pytest.mark.django_db
# Two adults: 90.00 EUR and 3 percent on it.
PRICE, SURCHARGE = 9000, 270
WHOLE = PRICE + SURCHARGE


def rule_on(house, account="adyen-eu", partner=None, **rule):
    route = AccountRoute.objects.get(partner=partner or house.partner, account__slug=account, is_live=True)
    return SurchargeRule.objects.create(route=route, **(rule or {"percent_basis_points": 300}))


@pytest.fixture
def rule(house):
    return rule_on(house)


def in_parts(order):
    """Return kind, price and surcharge of an order's operations, sorted."""
    rows = Transaction.objects.filter(order=order)
    return sorted((row.kind, row.status, row.parts.base_minor, row.surcharge_minor) for row in rows)


def faults(house):
    found = [*payment_findings(now=house.clock() + timedelta(seconds=1)), *ledger_findings()]
    return [f"{one.code} {one.message}" for one in found if one.severity is Severity.FAULT]


def view_of(house, payment):
    return collecting.describe_payment(order=payment.order, clock=house.clock)


def current(order):
    return Payment.objects.get(order=order, superseded_at__isnull=True)


def confirm(house, payment):
    return booking_services.confirm_order(order=payment.order, now=house.clock())


def finish(house, payment, kind="REFUND", word=Kind.REFUNDED):
    """Let the gateway do what was asked of it."""
    for row in Transaction.objects.filter(order=payment.order, kind=kind, status="PENDING"):
        house.tell(
            payment, word, f"D-{row.reference}", of=row.parent.gateway_reference, ours=row.reference,
            minor=row.amount_minor,
        )  # fmt: skip


class TestRules:
    @pytest.mark.parametrize(
        ("rules", "source", "base", "surcharge"),
        [
            ([], "ECOM", Money(9000, "EUR"), 0),
            ([Rule(percent_basis_points=300)], "ECOM", Money(9000, "EUR"), 270),
            ([Rule(percent_basis_points=300)], "ECOM", Money(0, "EUR"), 0),
            ([Rule(source="MOTO", percent_basis_points=300)], "ECOM", Money(9000, "EUR"), 0),
            ([Rule(currency="EUR", fixed_minor=30)], "ECOM", Money(9000, "USD"), 0),
            ([Rule(currency="EUR", fixed_minor=30, percent_basis_points=150)], "ECOM", Money(9000, "EUR"), 165),
            pytest.param([Rule(percent_basis_points=150)], "ECOM", Money(33, "EUR"), 0, id="0.495 is down"),
            pytest.param([Rule(percent_basis_points=50)], "ECOM", Money(100, "EUR"), 1, id="0.5 is up"),
            pytest.param([Rule(percent_basis_points=150)], "ECOM", Money(7500, "JPY"), 113, id="112.5 yen are 113"),
            pytest.param([Rule(percent_basis_points=150)], "ECOM", Money(10500, "KWD"), 158, id="157.5 fils are 158"),
            pytest.param(
                [Rule(percent_basis_points=150)], "ECOM", Money(1_000_050, "IDR"), 15_000,
                id="Adyen has no decimals for IDR: whole rupiah",
            ),
            pytest.param([Rule(percent_basis_points=150)], "ECOM", Money(990, "ISK"), 15, id="Adyen has more for ISK"),
            pytest.param([Rule(percent_basis_points=150)], "ECOM", Money(990, "BIF"), 15, id="decimals not known"),
            pytest.param(
                [Rule(percent_basis_points=100), Rule(source="MOTO", percent_basis_points=400)],
                "MOTO", Money(9000, "EUR"), 360, id="a source comes before all sources",
            ),
            pytest.param(
                [Rule(percent_basis_points=100), Rule(currency="EUR", fixed_minor=50)],
                "ECOM", Money(9000, "EUR"), 50, id="a currency comes before all currencies",
            ),
            pytest.param(
                [Rule(source="ECOM", percent_basis_points=0), Rule(currency="EUR", fixed_minor=50)],
                "ECOM", Money(9000, "EUR"), 0, id="a source comes before a currency, and may say nothing",
            ),
        ],
    )  # fmt: skip
    def test_what_paying_adds(self, rules, source, base, surcharge):
        assert surcharge_on(base, rules, source=Source(source), gateway="adyen") == surcharge

    def test_three_decimals_are_told_in_steps_of_ten_where_the_processor_wants_them(self):
        rules = [Rule(percent_basis_points=300)]

        assert surcharge_on(Money(10_500, "KWD"), rules, source=Source.ECOM, gateway="stripe") == 320
        assert surcharge_on(Money(10_500, "KWD"), rules, source=Source.ECOM, gateway="adyen") == 315

    @pytest.mark.parametrize(
        "rule", [{"fixed_minor": 30}, {"fixed_minor": -1, "currency": "EUR"}, {"percent_basis_points": 10_001}]
    )
    def test_the_database_refuses_what_means_nothing(self, house, rule):
        with pytest.raises(IntegrityError), transaction.atomic():
            rule_on(house, **rule)

    def test_only_the_partners_own_active_rule_counts(self, house):
        rule_on(house, partner=house.other_partner)
        rule_on(house, percent_basis_points=300, is_active=False)

        assert house.payment().parts == Parts(PRICE, 0)

    def test_the_rule_of_the_source_that_is_asked_for(self, house):
        rule_on(house, source="MOTO", percent_basis_points=200)
        payment = house.payment()
        assert payment.parts == Parts(PRICE, 0)

        collecting.prepare_payment(
            order_id=payment.order_id, payment_request=PaymentRequest(source="MOTO"), clock=house.clock
        )

        assert current(payment.order).parts == Parts(PRICE, 180)
        assert current(payment.order).reference != payment.reference

    def test_a_changed_rule_makes_a_new_payment_and_changes_none_that_was_made(self, house, rule):
        payment = house.payment()
        house.opening(payment)
        SurchargeRule.objects.filter(pk=rule.pk).update(percent_basis_points=100)

        view = view_of(house, payment)

        assert (view.balance_minor, view.surcharge_minor, view.amount_minor) == (PRICE, 90, 9090)
        assert view.reference != payment.reference
        payment.refresh_from_db()
        assert (payment.parts, payment.superseded_at is not None) == (Parts(PRICE, SURCHARGE), True)

    def test_nothing_changes_while_the_rule_stays(self, house, rule):
        payment = house.payment()

        assert view_of(house, payment).reference == payment.reference
        assert Payment.objects.filter(order=payment.order).count() == 1

    def test_a_payment_in_an_opening_of_the_old_rule_is_booked_as_it_was_agreed(self, house, rule):
        payment = house.payment()
        house.opening(payment)
        SurchargeRule.objects.filter(pk=rule.pk).update(percent_basis_points=100)
        view_of(house, payment)

        house.tell(payment, Kind.AUTHORIZED, "PSP1")

        assert books(payment.order) == {"RECEIVABLE>CLEARING": PRICE, "SURCHARGE>CLEARING": SURCHARGE}
        assert order_money(payment.order).is_covered
        assert faults(house) == []

    @pytest.mark.parametrize("amount", [PRICE, WHOLE + 1])
    def test_an_amount_without_the_surcharge_is_refused(self, house, rule, amount):
        payment = house.payment()

        with pytest.raises(AmountMismatch) as refusal:
            collecting.prepare_payment(
                order_id=payment.order_id, payment_request=PaymentRequest(amount_minor=amount), clock=house.clock
            )

        assert refusal.value.due == Money(WHOLE, "EUR")

    def test_what_a_dearer_change_leaves_to_pay_is_named_with_its_surcharge(self, house, rule):
        payment = paid_with_surcharge(house)
        booking = payment.order.bookings.get()
        confirm_booking(booking=booking, changes=None, request=NO_REQUEST, clock=house.clock)
        third = UnitItemRequest(unit_id=str(house.adult.pk))
        kept = tuple(
            UnitItemRequest(unit_id=str(house.adult.pk), uuid=str(item.uuid)) for item in booking.unit_items.all()
        )

        with pytest.raises(PaymentDue) as refusal:
            changing.update_booking(
                booking=booking,
                changes=BookingChanges(unit_items=(*kept, third)),
                payment_request=None,
                clock=house.clock,
            )

        assert refusal.value.due == Money(4500 + 135, "EUR")


def paid_with_surcharge(house, psp="PSP1"):
    payment = house.payment()
    pay_again(house, payment, psp)
    payment.refresh_from_db()
    return payment


def pay_again(house, payment, psp, **fields):
    house.opening(payment, reference=f"CS-{psp}")
    house.tell(payment, Kind.AUTHORIZED, psp, **fields)


class TestBooks:
    def test_price_and_surcharge_are_booked_apart_in_one_posting(self, house, rule):
        payment = paid_with_surcharge(house)

        assert books(payment.order) == {"RECEIVABLE>CLEARING": PRICE, "SURCHARGE>CLEARING": SURCHARGE}
        assert LedgerEntry.objects.filter(order=payment.order).values("posting").distinct().count() == 1
        payment.order.refresh_from_db()
        assert (payment.captured_minor, payment.order.money_in_minor) == (WHOLE, PRICE)
        view = view_of(house, payment)
        assert (view.paid_minor, view.total_paid_minor, view.paid_surcharge_minor) == (WHOLE, WHOLE, SURCHARGE)
        assert (view.balance_minor, view.surcharge_minor, view.amount_minor) == (0, 0, WHOLE)
        assert faults(house) == []

    def test_a_surcharge_never_covers_a_price(self, house, rule):
        payment = house.payment()
        pay_again(house, payment, "PSP1", minor=PRICE - 1)

        money = order_money(payment.order)

        assert (money.due_minor, money.is_covered, money.paid_surcharge_minor) == (1, False, 0)
        assert books(payment.order) == {"RECEIVABLE>CLEARING": PRICE - 1}
        assert faults(house) == []

    def test_what_was_told_beyond_is_no_surcharge(self, house, rule):
        payment = house.payment()
        pay_again(house, payment, "PSP1", minor=WHOLE + 100)

        assert books(payment.order) == {"RECEIVABLE>CLEARING": PRICE + 100, "SURCHARGE>CLEARING": SURCHARGE}
        assert list(Case.objects.values_list("kind", flat=True)) == ["AMOUNT_DIFFERS"]
        assert faults(house) == []

    def test_a_back_office_refund_is_price_first(self, house, rule):
        payment = paid_with_surcharge(house)

        house.tell(payment, Kind.REFUNDED, "REF1", of="PSP1", minor=2500)
        house.tell(payment, Kind.REFUNDED, "REF2", of="PSP1", minor=6600)

        assert books(payment.order) == {
            "RECEIVABLE>CLEARING": PRICE,
            "SURCHARGE>CLEARING": SURCHARGE,
            "CLEARING>RECEIVABLE": PRICE,
            "CLEARING>SURCHARGE": 100,
        }
        money = order_money(payment.order)
        assert (money.refunded_minor, money.refunded_surcharge_minor, money.money_in_minor) == (PRICE, 100, 0)
        assert faults(house) == []

    @pytest.mark.parametrize(
        ("arrival", "booked"),
        [
            (["REF1", "REF2"], {"CLEARING>RECEIVABLE": PRICE, "CLEARING>SURCHARGE": SURCHARGE}),
            (
                ["REF2", "REF1"],
                {
                    "RECEIVABLE>CLEARING": PRICE + SURCHARGE,
                    "CLEARING>RECEIVABLE": PRICE + SURCHARGE,
                    "CLEARING>SURCHARGE": SURCHARGE,
                },
            ),
        ],
    )
    def test_refunds_told_of_one_second_are_split_by_their_names(self, house, rule, arrival, booked):
        payment = paid_with_surcharge(house)
        of_both = house.clock() + timedelta(hours=1)
        minor = {"REF1": 2500, "REF2": WHOLE - 2500}

        for name in arrival:
            house.tell(payment, Kind.REFUNDED, name, of="PSP1", minor=minor[name], occurred_at=of_both)

        assert in_parts(payment.order)[:2] == [
            ("REFUND", "PROCESSED", 2500, 0),
            ("REFUND", "PROCESSED", PRICE - 2500, SURCHARGE),
        ]
        paid = {"RECEIVABLE>CLEARING": PRICE, "SURCHARGE>CLEARING": SURCHARGE}
        assert books(payment.order) == {**paid, **booked}
        money = order_money(payment.order)
        assert (money.refunded_minor, money.refunded_surcharge_minor) == (PRICE, SURCHARGE)
        assert faults(house) == []

    def test_a_chargeback_and_its_reversal_take_and_bring_both(self, house, rule):
        payment = paid_with_surcharge(house)
        house.tell(payment, Kind.CHARGEBACK, "CB1", of="PSP1", minor=WHOLE)
        assert order_money(payment.order).charged_back_minor == PRICE
        assert faults(house) == []

        house.tell(payment, Kind.CHARGEBACK_REVERSED, "CB1", of="PSP1", minor=WHOLE)

        assert books(payment.order) == {
            "RECEIVABLE>CLEARING": PRICE,
            "SURCHARGE>CLEARING": SURCHARGE * 2,
            "CLEARING>SURCHARGE": SURCHARGE,
            "CLEARING>DISPUTED": PRICE,
            "DISPUTED>CLEARING": PRICE,
        }
        assert order_money(payment.order).is_covered
        assert faults(house) == []

    def test_a_capture_told_before_its_authorization_has_its_surcharge_and_nothing_goes_back(self, house):
        rule_on(house, "adyen-us")
        payment = house.payment(account="adyen-us")
        house.opening(payment)

        house.tell(payment, Kind.CAPTURED, "CAP", of="PSP")

        assert (payment.amount_minor, payment.surcharge_minor) == (10_300, 300)
        assert books(payment.order) == {"RECEIVABLE>CLEARING": 10_000, "SURCHARGE>CLEARING": 300}
        assert in_parts(payment.order) == [
            ("AUTHORIZATION", "PENDING", 10_000, 300),
            ("CAPTURE", "PROCESSED", 10_000, 300),
        ]

    def test_every_order_of_arrival_ends_in_the_same_books(self, house, rule):
        story = [
            (Kind.AUTHORIZED, "PSP", {"minor": WHOLE}),
            (Kind.REFUNDED, "REF", {"of": "PSP", "minor": 9100}),
            (Kind.CHARGEBACK, "CB", {"of": "PSP", "minor": 60}),
        ]
        results = set()
        for arrival in permutations(range(len(story))):
            payment = house.payment()
            house.opening(payment)
            start = house.clock()
            for index in arrival:
                kind, name, fields = story[index]
                told = {key: f"{value}{payment.number}" if key == "of" else value for key, value in fields.items()}
                at = start + timedelta(minutes=index)
                house.tell(payment, kind, f"{name}{payment.number}", occurred_at=at, **told)
            money = order_money(payment.order)
            results.add(
                (
                    money.paid_minor, money.paid_surcharge_minor, money.refunded_minor, money.refunded_surcharge_minor,
                    tuple(in_parts(payment.order)),
                )
            )  # fmt: skip

        assert results == {
            (
                PRICE, SURCHARGE, PRICE, 100,
                (
                    ("CHARGEBACK", "PROCESSED", 0, 60),
                    ("REFUND", "PROCESSED", PRICE, 100),
                    ("SALE", "PROCESSED", PRICE, SURCHARGE),
                ),
            )
        }  # fmt: skip
        assert faults(house) == []

    def test_a_part_that_is_not_what_the_events_say_is_found(self, house, rule):
        payment = paid_with_surcharge(house)
        payment.transactions.update(surcharge_minor=1)

        assert [finding.code for finding in findings_of(payment)] == ["surcharge_differs"]


def report(house, payment, request):
    """Let the partner tell of money it took elsewhere, without confirming."""
    changing.update_booking(
        booking=payment.order.bookings.get(), changes=BookingChanges(), payment_request=request, clock=house.clock
    )


class TestGivenBack:
    def test_a_booking_cancelled_in_time_gives_back_both(self, house, rule):
        payment = paid_with_surcharge(house)
        confirm(house, payment)

        cancel(house, payment)

        assert ("REFUND", "PENDING", PRICE, SURCHARGE) in in_parts(payment.order)
        finish(house, payment)
        assert books(payment.order)["CLEARING>SURCHARGE"] == SURCHARGE
        view = view_of(house, payment)
        assert (view.total_paid_minor, view.total_refunded_minor, view.paid_surcharge_minor) == (WHOLE, WHOLE, 270)
        assert faults(house) == []

    @pytest.mark.parametrize(("is_confirmed", "surcharge"), [(True, 0), (False, SURCHARGE)])
    def test_the_operator_may_keep_that_of_a_booking_that_was_confirmed(
        self, house, rule, settings, is_confirmed, surcharge
    ):
        settings.PAYMENTS = {**settings.PAYMENTS, "REFUND_SURCHARGE": False}
        payment = paid_with_surcharge(house)
        if is_confirmed:
            confirm(house, payment)

        cancel(house, payment)

        assert ("REFUND", "PENDING", PRICE, surcharge) in in_parts(payment.order)
        finish(house, payment)
        assert order_money(payment.order).certain_surplus_minor == 0
        assert faults(house) == []

    def test_after_part_refunds_by_staff_cancelling_gives_back_what_is_left_of_both(self, house, rule):
        payment = paid_with_surcharge(house)
        confirm(house, payment)
        refund(house, payment, 2000)
        finish(house, payment)

        cancel(house, payment)

        assert ("REFUND", "PENDING", 7000, SURCHARGE) in in_parts(payment.order)
        finish(house, payment)
        payment.refresh_from_db()
        assert (payment.state, payment.refunded_minor) == ("REFUNDED", WHOLE)
        assert faults(house) == []

    def test_a_surcharge_whose_price_staff_gave_back_before_goes_with_the_cancellation(self, house, rule):
        payment = paid_with_surcharge(house)
        confirm(house, payment)
        refund(house, payment, PRICE)
        finish(house, payment)
        payment.order.refresh_from_db()
        assert payment.order.money_in_minor == 0

        cancel(house, payment)

        assert ("REFUND", "PENDING", 0, SURCHARGE) in in_parts(payment.order)

    def test_staff_give_back_the_price_first_and_all_there_is_at_most(self, house, rule):
        payment = paid_with_surcharge(house)
        assert refundable_of_payment(payment) == Money(WHOLE, "EUR")

        refund(house, payment, 9100)

        assert ("REFUND", "PENDING", PRICE, 100) in in_parts(payment.order)
        with pytest.raises(RefundTooLarge):
            refund(house, payment, 171)
        refund(house, payment, 170)
        assert ("REFUND", "PENDING", 0, 170) in in_parts(payment.order)

    def test_a_second_payment_goes_back_with_its_own_surcharge(self, house, rule):
        payment = paid_with_surcharge(house)

        pay_again(house, payment, "PSP2")

        assert in_parts(payment.order) == [
            ("REFUND", "PENDING", PRICE, SURCHARGE),
            ("SALE", "PROCESSED", PRICE, SURCHARGE),
            ("SALE", "PROCESSED", PRICE, SURCHARGE),
        ]
        assert Transaction.objects.get(kind="REFUND").parent.gateway_reference == "PSP2"
        finish(house, payment)
        assert order_money(payment.order).money_in_minor == PRICE
        assert faults(house) == []

    def test_of_a_payment_that_is_needed_in_part_the_share_goes_back(self, house, rule):
        payment = house.payment()
        external = PaymentRequest(
            gateway="external", amount_minor=4500, notes="cash", external=ExternalCharge(is_approved=True)
        )
        report(house, payment, external)

        pay_again(house, payment, "PSP1")

        assert ("REFUND", "PENDING", 4500, 135) in in_parts(payment.order)

    def test_a_refund_that_fails_leaves_both_with_us(self, house, rule):
        payment = paid_with_surcharge(house)
        confirm(house, payment)
        cancel(house, payment)
        finish(house, payment)

        row = Transaction.objects.get(kind="REFUND")
        house.tell(payment, Kind.REFUND_FAILED, row.gateway_reference, of="PSP1", ours=row.reference, minor=WHOLE)

        assert refundable_of_payment(payment) == Money(WHOLE, "EUR")
        money = order_money(payment.order)
        assert (money.refunded_minor, money.refunded_surcharge_minor) == (0, 0)
        assert faults(house) == []


def refund(house, payment, minor):
    return aftercare.request_refund(
        payment_id=payment.id, money=Money(minor, "EUR"), reason="goodwill", requested_by="ada", now=house.clock()
    )


def cancel(house, payment):
    """Cancel as far as rows go: what is asked of the gateway stays undone."""
    booking = payment.order.bookings.get()
    calls = iter([house.clock(), house.clock()])

    def no_time_left():
        return next(calls, house.clock() + timedelta(hours=1))

    return aftercare.cancel_booking(booking=booking, reason="rain", force=False, clock=no_time_left)


class TestHolds:
    def test_what_is_held_is_measured_by_the_price_and_captured_with_the_surcharge(self, house):
        rule_on(house, "adyen-us")
        payment = house.payment(account="adyen-us")
        pay_again(house, payment, "PSP1")
        money = order_money(payment.order)
        assert (money.held_minor, money.due_minor, money.surplus_minor) == (10_000, 0, 0)

        house.tell(payment, Kind.CAPTURED, "CAP1", of="PSP1", minor=10_300)

        assert books(payment.order) == {"RECEIVABLE>CLEARING": 10_000, "SURCHARGE>CLEARING": 300}
        assert faults(house) == []

    def test_a_short_capture_in_the_back_office_is_the_price_first(self, house):
        rule_on(house, "adyen-us")
        payment = house.payment(account="adyen-us")
        pay_again(house, payment, "PSP1")

        house.tell(payment, Kind.CAPTURED, "CAP1", of="PSP1", minor=10_100)

        assert books(payment.order) == {"RECEIVABLE>CLEARING": 10_000, "SURCHARGE>CLEARING": 100}
        assert faults(house) == []

    def test_a_second_hold_is_released_whole(self, house):
        rule_on(house, "adyen-us")
        payment = house.payment(account="adyen-us")
        pay_again(house, payment, "PSP1")

        pay_again(house, payment, "PSP2")

        assert ("VOID", "PENDING", 10_000, 300) in in_parts(payment.order)


class TestElsewhere:
    def report(self, house, payment, amount):
        request = PaymentRequest(
            gateway="external", amount_minor=amount, notes="till", external=ExternalCharge(is_approved=True)
        )
        report(house, payment, request)

    def test_without_a_rule_of_its_own_the_price_is_all(self, house, rule):
        payment = house.payment()

        self.report(house, payment, None)

        assert books(payment.order) == {"RECEIVABLE>EXTERNAL": PRICE}
        assert order_money(payment.order).is_covered
        assert faults(house) == []

    @pytest.mark.parametrize(
        ("amount", "booked"),
        [
            (None, {"RECEIVABLE>EXTERNAL": PRICE, "SURCHARGE>EXTERNAL": 90}),
            (PRICE, {"RECEIVABLE>EXTERNAL": PRICE}),
            (4000, {"RECEIVABLE>EXTERNAL": 4000}),
        ],
    )
    def test_with_one_what_is_reported_pays_the_price_first(self, house, amount, booked):
        rule_on(house, "external", percent_basis_points=100)
        payment = house.payment()

        self.report(house, payment, amount)

        assert books(payment.order) == booked
        assert order_money(payment.order).due_minor == PRICE - booked["RECEIVABLE>EXTERNAL"]
        assert faults(house) == []

    def test_a_gift_pays_the_price_and_the_rest_has_the_surcharge_of_the_rest(self, house, rule):
        payment = house.payment()

        spend(sold_gift(house, 6000), payment.order, now=house.clock())

        view = view_of(house, payment)

        assert (view.balance_minor, view.surcharge_minor, view.amount_minor) == (3000, 90, 3090)
        assert (view.paid_minor, view.total_paid_minor, view.paid_surcharge_minor) == (0, 6000, 0)
        pay_again(house, current(payment.order), "PSP1")
        assert order_money(payment.order).is_covered
        assert view_of(house, payment).total_paid_minor == 9090
        assert faults(house) == []


def test_the_price_changes_and_the_surcharge_with_it(house, rule):
    payment = house.payment()
    booking = payment.order.bookings.get()
    booking.retail_minor = 4500
    booking.save()

    collecting.prepare_payment(order_id=payment.order_id, payment_request=NO_REQUEST, clock=house.clock)

    assert current(payment.order).parts == Parts(4500, 135)
