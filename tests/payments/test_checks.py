import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings import services as booking_services
from bookings.encryption import encrypt_text
from bookings.models import Booking, Gift, Order
from bookings.requests import OrderRequest
from gateways.protocol import OutcomeKind as Kind
from money import Money
from payments.checking import (
    findings_of,
    ledger_findings,
    ledger_findings_of,
    ledger_totals,
    payment_findings,
)
from payments.models import (
    Case,
    CaseKind,
    EventSource,
    GatewayEvent,
    LedgerEntry,
    Opening,
    Payment,
    Posting,
    Transaction,
    WebhookDelivery,
)
from payments.services import aftercare, cases, reserving
from payments.services.collecting import NO_REQUEST
from payments.services.transitions import apply_outcome
from tests.payments.gifts import held_gift, sold_gift, spend

pytestmark = pytest.mark.django_db


def found(house, **delta):
    """Check everything as it would look a while from now."""
    findings = payment_findings(now=house.clock() + timedelta(**delta))
    return [(finding.code, finding.subject) for finding in findings]


def faults_of_ledger():
    return [(finding.code, finding.subject) for finding in ledger_findings()]


def confirmed(house, payment):
    """Confirm the payment's order as the core does once it is paid."""
    return booking_services.confirm_order(order=payment.order, now=house.clock())


@pytest.fixture
def story(house):
    """A house with a history: paid, confirmed, refused, refunded in part, charged back and won, held and captured."""
    paid = house.paid(house.payment(), "STORY1")
    confirmed(house, paid)
    house.tell(paid, Kind.REFUNDED, "STORY1R", of="STORY1", minor=2500)
    house.tell(paid, Kind.CHARGEBACK, "STORY1C", of="STORY1", minor=1000)
    house.tell(paid, Kind.CHARGEBACK_REVERSED, "STORY1C", of="STORY1", minor=1000)
    refused = house.payment()
    house.opening(refused)
    house.tell(refused, Kind.DECLINED, "STORY2")
    held = house.paid(house.payment(account="adyen-us"), "STORY3")
    house.tell(held, Kind.CAPTURED, "STORY3C", of="STORY3", minor=10000)
    confirmed(house, held)
    released = house.paid(house.payment(account="adyen-us"), "STORY4")
    house.tell(released, Kind.VOIDED, "STORY4V", of="STORY4")
    return paid


def test_a_house_with_a_history_is_in_order(house, story):
    assert found(house) == []
    assert faults_of_ledger() == []
    assert findings_of(story) == []
    assert ledger_findings_of(story) == []
    totals = {(total.account, total.balance.currency): total.balance.minor for total in ledger_totals()}
    assert totals == {
        ("CLEARING", "EUR"): 6500,
        ("RECEIVABLE", "EUR"): -6500,
        ("DISPUTED", "EUR"): 0,
        ("CLEARING", "USD"): 10000,
        ("RECEIVABLE", "USD"): -10000,
    }


def test_a_cached_state_that_its_events_do_not_say_is_found(house, story):
    Payment.objects.filter(pk=story.pk).update(state="REFUNDED")

    assert found(house) == [("state_differs", story.reference)]
    assert [finding.code for finding in findings_of(story)] == ["state_differs"]


@pytest.mark.parametrize("name", ["authorized_minor", "captured_minor", "refunded_minor", "charged_back_minor"])
def test_a_cached_sum_that_its_events_do_not_say_is_found(house, story, name):
    Payment.objects.filter(pk=story.pk).update(**{name: 4711})

    assert ("sum_differs", story.reference) in found(house)


def test_an_operation_whose_status_its_events_do_not_say_is_found(house, story):
    sale = story.transactions.get(kind="SALE")
    Transaction.objects.filter(pk=sale.pk).update(status="PENDING")

    assert found(house) == [("status_differs", sale.reference)]


def test_an_operation_nothing_was_said_of_must_be_pending(house, story):
    silent = story.transactions.get(kind="SALE")
    silent.pk, silent.number, silent.reference, silent.gateway_reference = None, 1, "tx_silent", None
    silent._state.adding = True
    silent.save()

    assert ("status_differs", "tx_silent") in found(house)


def test_an_operation_of_another_payments_opening_is_found(house, story):
    other = Opening.objects.exclude(payment=story).first()
    sale = story.transactions.get(kind="SALE")
    Transaction.objects.filter(pk=sale.pk).update(opening=other)

    assert ("stray_operation", sale.reference) in found(house)


def test_an_event_that_speaks_of_another_payments_operation_is_found(house, story):
    other = Transaction.objects.exclude(payment=story).first()
    GatewayEvent.objects.create(
        account=story.account,
        payment=story,
        transaction=other,
        kind="NOTE",
        event_key="note",
        source="WEBHOOK",
        occurred_at=house.clock(),
        received_at=house.clock(),
    )

    assert found(house) == [("stray_event", story.reference)]


def test_money_bookings_were_told_of_and_the_ledger_does_not_hold_is_found(house, story):
    Order.objects.filter(pk=story.order_id).update(money_in_minor=1)

    assert ("money_in_differs", story.order.reference) in found(house)


def test_money_on_an_order_without_a_payment_is_found(house):
    booking = house.reserve(payment_request=None, return_url=None)
    Order.objects.filter(pk=booking.order_id).update(money_in_minor=500)

    assert found(house) == [("money_in_differs", booking.order.reference)]


def test_a_confirmed_order_that_was_not_paid_is_found_until_somebody_knows(house):
    payment = house.payment()
    confirmed(house, payment)

    assert found(house) == [("confirmed_unpaid", payment.order.reference)]

    cases.open_case(payment=payment, kind=CaseKind.CAPTURE_FAILED, detail="the bank said no", now=house.clock())
    assert found(house) == []


def test_what_people_give_back_afterwards_does_not_make_an_order_unpaid_but_what_we_do_does(house):
    payment = house.paid(house.payment())
    confirmed(house, payment)
    house.tell(payment, Kind.REFUNDED, "REF1", of="PSP1", minor=9000)
    Case.objects.update(closed_at=house.clock())
    assert found(house) == []

    Transaction.objects.filter(kind="REFUND").update(requested_by="system")

    assert found(house) == [("confirmed_unpaid", payment.order.reference)]


def test_money_kept_for_what_was_cancelled_too_late_does_not_pay_for_what_lives_on(house):
    wish = OrderRequest(bookings=(house.request(1, return_url=None), house.request(1, return_url=None)))
    order, _ = reserving.create_order(
        partner=house.partner, is_live=True, request=wish, payment_request=NO_REQUEST, clock=house.clock
    )
    confirmed(house, house.paid(Payment.objects.get(order=order)))
    late = order.bookings.earliest("number")
    booking_services.cancel_booking(booking=late, reason="ill", force=True, now=house.clock() + timedelta(days=4))
    assert (Order.objects.get(pk=order.pk).money_in_minor, found(house)) == (9000, [])

    Booking.objects.filter(pk=late.pk).update(retail_minor=9000)

    (finding,) = payment_findings(now=house.clock())
    assert (finding.code, finding.subject) == ("confirmed_unpaid", order.reference)
    assert finding.message == (
        "confirmed, 45.00 EUR to collect, 90.00 EUR paid, 90.00 EUR of it kept for what was cancelled too late, "
        "no open case"
    )


def test_orders_that_cards_do_not_pay_are_in_order_without_a_payment(house):
    booking = house.reserve(payment_request=None, settlement_method="DEFERRED", return_url=None)
    booking_services.confirm_order(order=booking.order, now=house.clock())

    assert found(house) == []


def test_more_given_back_than_was_taken_is_found_unless_it_was_shown_to_staff(house):
    payment = house.paid(house.payment())
    house.tell(payment, Kind.REFUNDED, "REF1", of="PSP1", minor=9000)
    house.tell(payment, Kind.CHARGEBACK, "CB1", of="PSP1", minor=9000)
    assert found(house) == []

    Case.objects.all().delete()

    assert found(house) == [("returned_too_much", payment.reference)]


def refund_row(house, payment, **fields):
    (refund,) = aftercare.request_refund(
        payment_id=payment.pk,
        money=Money(1000, payment.currency),
        reason="guest asked",
        requested_by="ada",
        now=house.clock(),
    )
    Transaction.objects.filter(pk=refund.pk).update(**fields)
    return refund


@pytest.mark.parametrize(
    ("why", "fields"),
    [
        ("was written and is not sent", {}),
        ("was claimed until", {"claimed_until": timedelta(minutes=1)}),
        ("nobody asks again", {"unknown_since_at": timedelta(0)}),
        ("was to be asked about", {"unknown_since_at": timedelta(0), "next_check_at": timedelta(minutes=1)}),
    ],
)
def test_an_operation_nobody_goes_on_with_is_stuck_after_a_while(house, why, fields):
    payment = house.paid(house.payment())
    moments = {name: house.clock() + delta for name, delta in fields.items()}
    refund = refund_row(house, payment, **moments)

    assert found(house, minutes=5) == []
    findings = payment_findings(now=house.clock() + timedelta(minutes=20))

    assert [(finding.code, finding.subject) for finding in findings] == [("stuck_operation", refund.reference)]
    assert why in findings[0].message


def test_an_unknown_operation_with_a_case_is_a_persons_and_not_stuck(house):
    payment = house.paid(house.payment())
    refund_row(house, payment, unknown_since_at=house.clock())
    cases.open_case(payment=payment, kind=CaseKind.OUTCOME_UNKNOWN, detail="", now=house.clock())

    assert found(house, minutes=20) == []


def test_an_accepted_operation_waits_for_its_result_for_days_before_it_is_stuck(house):
    payment = house.paid(house.payment())
    refund = refund_row(house, payment, gateway_reference="REF1")

    assert found(house, hours=71)[-1:] != [("stuck_operation", refund.reference)]
    assert ("stuck_operation", refund.reference) in found(house, hours=74)


def test_a_hold_that_ran_out_and_was_not_swept_is_stuck(house):
    booking = house.reserve(payment_request=None, return_url=None)

    assert found(house, minutes=20) == []
    assert found(house, minutes=60) == [("stuck_hold", booking.order.reference)]


def test_an_unprocessed_delivery_is_a_fault_and_an_orphan_a_notice(house):
    for status in ("RECEIVED", "FAILED", "ORPHAN"):
        WebhookDelivery.objects.create(
            account=house.accounts["adyen-eu"],
            delivery_key=status,
            body_encrypted=encrypt_text("{}"),
            status=status,
            next_attempt_at=house.clock(),
            received_at=house.clock(),
        )

    findings = payment_findings(now=house.clock() + timedelta(minutes=20))

    assert sorted((finding.severity, finding.code, finding.subject) for finding in findings) == [
        ("FAULT", "stuck_delivery", "FAILED"),
        ("FAULT", "stuck_delivery", "RECEIVED"),
        ("NOTICE", "orphan_delivery", "ORPHAN"),
    ]


def test_an_opening_that_was_reported_paid_and_is_silent_needs_a_case(house):
    payment = house.payment()
    opening = house.opening(payment)
    Opening.objects.filter(pk=opening.pk).update(reported_paid_at=house.clock())

    assert found(house, minutes=26) == [("stuck_opening", opening.reference)]

    cases.open_case(payment=payment, kind=CaseKind.WEBHOOK_MISSING, detail="", now=house.clock())
    assert found(house, minutes=26) == []


def extra_entry(owner, **fields):
    posting = Posting.objects.create(cause="by hand", occurred_at=owner.created_at, posted_at=owner.created_at)
    wish = {
        "posting": posting,
        "from_account": "RECEIVABLE",
        "to_account": "CLEARING",
        "amount_minor": 1,
        "currency": owner.currency,
        "gateway_account": owner.account,
        "order": owner.order,
        "payment": owner,
        "transaction": owner.transactions.filter(kind="SALE").first(),
        "partner": owner.partner,
        "is_live": owner.is_live,
        **fields,
    }
    return LedgerEntry.objects.create(**wish)


def test_an_entry_no_operation_explains_is_found(house, story):
    sale = story.transactions.get(kind="SALE")
    extra_entry(story)

    assert faults_of_ledger() == [("ledger_differs", sale.reference)]
    assert "the ledger holds 90.01 EUR against RECEIVABLE, the events say 90.00 EUR" in ledger_findings()[0].message
    assert ("money_in_differs", story.order.reference) in found(house)


@pytest.mark.django_db(transaction=True)
def test_an_operation_without_its_entries_is_found(house, story):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE payments_ledgerentry DISABLE TRIGGER ledger_entries_stay")
        LedgerEntry.objects.filter(payment=story, transaction__kind="REFUND").delete()
        cursor.execute("ALTER TABLE payments_ledgerentry ENABLE TRIGGER ledger_entries_stay")

    assert set(faults_of_ledger()) == {
        ("ledger_differs", story.transactions.get(kind="REFUND").reference),
        ("empty_posting", str(Posting.objects.get(entries__isnull=True).pk)),
    }


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("order", "has another order"),
        ("partner", "has another partner"),
        ("gateway_account", "has another gateway account"),
        ("currency", "has another currency"),
        ("is_live", "has another mode"),
        ("transaction", "has no operation"),
        ("payment", "has neither payment nor gift"),
    ],
)
def test_an_entry_that_does_not_fit_its_payment_is_found(house, story, field, words):
    others = {
        "order": Order.objects.exclude(pk=story.order_id).first(),
        "partner": house.other_partner,
        "gateway_account": house.accounts["external"],
        "currency": "USD",
        "is_live": False,
        "transaction": None,
        "payment": None,
    }
    entry = extra_entry(story, **{field: others[field]})

    strays = [finding.message for finding in ledger_findings() if finding.code == "stray_entry"]

    assert len(strays) == 1
    assert strays[0].startswith(f"ledger entry {entry.pk} ")
    assert words in strays[0]


@pytest.fixture
def spent(house):
    """A gift of 100.00 EUR of which an order took 90.00."""
    gift = sold_gift(house, 10000)
    booking = house.reserve(payment_request=None, return_url=None)
    spend(gift, booking.order, now=house.clock())
    booking_services.confirm_order(order=booking.order, now=house.clock())
    assert (found(house), faults_of_ledger()) == ([], [])
    return gift


def test_what_is_owed_to_holders_is_the_unspent_value_of_their_gifts(house, spent):
    sold_gift(house, 2500)
    held_gift(house, 7000)
    aftercare.cancel_gift(gift=sold_gift(house, 4000), reason="", clock=house.clock)

    totals = {total.account: total.balance for total in ledger_totals()}
    assert totals["GIFT_LIABILITY"] == Money(-1000 - 2500, "EUR")
    assert totals["GIFT_SALES"] == Money(10000 + 2500, "EUR")
    assert faults_of_ledger() == []


def test_a_gift_that_paid_more_than_it_is_worth_is_found(house, spent):
    entry = LedgerEntry.objects.get(gift=spent, from_account="RECEIVABLE")
    entry.pk, entry.amount_minor = None, 1001
    entry.save(force_insert=True)

    assert faults_of_ledger() == [("gift_overspent", spent.reference)]


@pytest.mark.parametrize(
    ("tampering", "code"),
    [
        ({"spent_minor": 8999}, "gift_spent_differs"),
        ({"amount_minor": 11000}, "gift_liability_differs"),
        ({"status": "CANCELLED"}, "gift_liability_differs"),
    ],
)
def test_a_gift_whose_books_say_something_else_is_found(house, spent, tampering, code):
    Gift.objects.filter(pk=spent.pk).update(**tampering)

    assert faults_of_ledger() == [(code, spent.reference)]


def test_a_debt_to_nobody_is_found(house, spent):
    entry = LedgerEntry.objects.get(gift=spent, from_account="RECEIVABLE")
    entry.pk, entry.gift = None, None
    entry.save(force_insert=True)

    strays = [finding.message for finding in ledger_findings() if finding.code == "stray_entry"]
    assert len(strays) == 1
    assert "has no gift" in strays[0]


def test_money_of_one_payment_in_two_places_is_found(house, story):
    extra_entry(story, to_account="EXTERNAL")

    assert ("two_money_accounts", story.reference) in faults_of_ledger()


def test_a_guard_that_was_switched_off_is_found(house):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE payments_gatewayevent DISABLE TRIGGER gateway_events_stay")

    assert faults_of_ledger() == [("guard_off", "gateway_events_stay")]


def test_checks_cost_the_same_queries_for_one_payment_or_many(house):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert found(house) == []
            assert faults_of_ledger() == []
        return len(captured)

    confirmed(house, house.paid(house.payment(), "ONE"))
    one = queries()
    for number in range(5):
        confirmed(house, house.paid(house.payment(), f"MANY{number}"))

    assert queries() == one


@pytest.mark.django_db(transaction=True)
def test_every_chunk_is_read_in_a_snapshot_that_cannot_write(house, monkeypatch):
    from payments.checking import reading

    monkeypatch.setattr(reading, "CHUNK", 2)
    for number in range(5):
        house.paid(house.payment(), f"PSP{number}")
    Payment.objects.update(captured_minor=1)
    levels = []

    def look(chunk):
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')")
            levels.append((len(chunk), *cursor.fetchone()))
        return []

    list(reading.in_chunks(Payment.objects.all(), look))

    assert levels == [(2, "repeatable read", "on"), (2, "repeatable read", "on"), (1, "repeatable read", "on")]
    assert [finding.code for finding in payment_findings(now=house.clock())] == ["sum_differs"] * 5


def run(command, *arguments):
    out = StringIO()
    try:
        call_command(command, *arguments, stdout=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


def test_the_commands_say_that_all_is_well_and_exit_0(house, story):
    code, report = run("check_payments")
    assert code == 0
    assert report.endswith("payments are in order\n")
    assert "4 payments" in report

    code, report = run("check_ledger")
    assert code == 0
    assert "live  CLEARING                    65.00 EUR" in report
    assert report.endswith("the ledger is in order\n")


def test_the_commands_name_what_is_wrong_and_exit_1(house, story):
    Payment.objects.filter(pk=story.pk).update(state="FAILED")
    extra_entry(story)

    code, report = run("check_payments")
    assert code == 1
    assert f"state_differs           {story.reference}  says FAILED, its events say CAPTURED" in report
    assert report.endswith("2 faults, 0 notices\n")
    assert run("check_ledger")[0] == 1


def test_the_commands_report_as_json(house, story):
    Payment.objects.filter(pk=story.pk).update(state="FAILED")

    code, report = run("check_payments", "--json")

    told = json.loads(report)
    assert (code, told["ok"], told["checked"]["payments"]) == (1, False, 4)
    assert told["findings"] == [
        {
            "code": "state_differs",
            "subject": story.reference,
            "message": "says FAILED, its events say CAPTURED",
            "severity": "FAULT",
        }
    ]
    code, report = run("check_ledger", "--json")
    told = json.loads(report)
    assert (code, told["ok"]) == (0, True)
    assert {"account": "CLEARING", "is_live": True, "currency": "EUR", "balance_minor": 6500, "balance": "65.00"} in (
        told["totals"]
    )


def test_findings_are_cut_off_where_the_caller_says(house):
    for number in range(4):
        house.paid(house.payment(), f"PSP{number}")
    Payment.objects.update(state="FAILED")

    assert len(payment_findings(now=house.clock(), limit=3)) == 3


def test_a_word_that_was_told_but_could_not_be_summed_takes_no_part(house):
    payment = house.payment()
    house.opening(payment)
    apply_outcome(
        account=payment.account,
        outcome=house.word(payment, Kind.AUTHORIZED, "PSP1", currency="USD"),
        source=EventSource.WEBHOOK,
        now=house.clock(),
    )

    assert found(house) == []
    assert faults_of_ledger() == []
