"""A payment's page answers "was I charged?" first, and proves it below."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bookings import services as booking_services
from bookings.encryption import encrypt_text
from gateways.errors import ErrorCode
from gateways.protocol import Decline
from gateways.protocol import OutcomeKind as Kind
from payments.admin import history
from payments.admin.answer import answer_of, day_text
from payments.admin.columns import page_of
from payments.admin.contributions import Section, _sections, add_sections
from payments.admin.timeline import history_of
from payments.models import EventSource, ExternalNote, LedgerEntry, Payment, PaymentLink, Transaction, WebhookDelivery
from payments.services.transitions import apply_outcome
from tests.payments.admin.reading import text_of

pytestmark = pytest.mark.django_db


def answer(payment):
    payment.refresh_from_db()
    found = answer_of(history_of(payment))
    return found.verdict, found.sentence


def explain(payment):
    return reverse("admin:payments_payment_explain", args=[payment.pk])


def refuse(house, payment, raw_code):
    """Have an attempt refused with one of the vendor's own codes."""
    word = house.word(payment, Kind.DECLINED, "PSP9")
    decline = Decline(code=ErrorCode.TRANSACTION_DECLINED, raw_code=raw_code, raw_text="the bank's own words")
    apply_outcome(
        account=payment.account,
        outcome=type(word)(**{name: getattr(word, name) for name in word.__slots__} | {"decline": decline}),
        source=EventSource.WEBHOOK,
        now=house.clock(),
    )


def test_a_guest_who_paid_is_told_how_much_from_which_card_and_when(house, paid):
    today = day_text(house.clock())

    assert answer(paid) == (
        "Yes, charged",
        f"90.00 EUR were taken from Visa ···· 1111 on {today}; nothing is undecided.",
    )


def test_what_came_back_and_what_a_bank_took_is_told_with_its_day(house, paid):
    today, after = day_text(house.clock()), house.clock() + timedelta(days=2)
    house.tell(paid, Kind.REFUNDED, "REF1", of="QFQTPCQ8HXSKGK82", minor=2500, occurred_at=after)
    house.tell(paid, Kind.CHARGEBACK, "CB1", of="QFQTPCQ8HXSKGK82", minor=1000, occurred_at=after)

    assert answer(paid) == (
        "Yes, charged",
        (
            f"90.00 EUR were taken from Visa ···· 1111 on {today}; 25.00 EUR came back on {day_text(after)}; "
            f"the guest's bank took 10.00 EUR back on {day_text(after)}; nothing is undecided."
        ),
    )


def test_all_of_it_back_is_told_in_one_word(house, paid):
    house.tell(paid, Kind.REFUNDED, "REF1", of="QFQTPCQ8HXSKGK82", minor=9000)

    assert answer(paid)[0] == "Charged, and all of it came back"


def test_a_refund_under_way_is_told_as_such(house, paid):
    sale = paid.transactions.get()
    Transaction.objects.create(
        payment=paid,
        order=paid.order,
        account=paid.account,
        parent=sale,
        kind="REFUND",
        origin="OURS",
        amount_minor=3000,
        currency="EUR",
        reference="tx_refund",
        idempotency_key="tx_refund",
        requested_at=house.clock(),
        requested_by="ada",
    )

    assert answer(paid)[1].endswith(f"; 30.00 EUR are on their way back, asked for on {day_text(house.clock())}.")


def test_a_hold_is_no_charge(house):
    payment = house.payment(account="adyen-us")
    house.opening(payment)
    house.tell(payment, Kind.AUTHORIZED, "PSP1")

    assert answer(payment) == (
        "Not charged, but money is held",
        (
            f"100.00 USD are held through adyen-us since {day_text(house.clock())} and were not taken; "
            "nothing is undecided."
        ),
    )


def test_a_lost_answer_is_nobodys_knowledge(house):
    payment = house.payment()
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

    assert answer(payment) == (
        "Nobody knows yet",
        (f"Whether 90.00 EUR were taken on {day_text(house.clock())} is unknown: the gateway's answer was lost."),
    )


def test_a_refused_guest_was_not_charged(house):
    payment = house.payment()
    house.opening(payment)
    house.tell(payment, Kind.DECLINED, "PSP1")

    assert answer(payment) == (
        "No, not charged",
        (
            f"Nothing was taken; the last attempt, 90.00 EUR, was refused on {day_text(house.clock())}; "
            "nothing is undecided."
        ),
    )


def test_the_answer_stands_above_everything_else(desk, paid):
    page = text_of(desk.get(page_of(paid)))

    asked = page.index("Was the guest charged? Yes, charged 90.00 EUR were taken")
    assert asked < page.index("Explain this balance") < page.index("What happened")


def test_a_refusal_is_told_with_what_to_say_what_to_try_and_what_to_leave(house, desk):
    payment = house.payment()
    house.opening(payment)
    refuse(house, payment, "5")

    page = text_of(desk.get(page_of(payment)))

    for words in (
        "Why it was refused: 90.00 EUR on",
        "Tell the guest The bank declined the payment. Nothing was taken. Try Another card, or another way to pay.",
        "Do not Do not tell the guest more than this: whoever holds the card may not be its owner.",
        "Our code TRANSACTION_DECLINED The gateway said 5 the bank's own words",
    ):
        assert words in page


def test_a_refusal_before_the_payment_asks_for_nothing_any_more(house, desk):
    payment = house.payment()
    house.opening(payment)
    house.tell(payment, Kind.DECLINED, "PSP1")
    house.tell(payment, Kind.AUTHORIZED, "PSP2")

    page = text_of(desk.get(page_of(payment)))

    assert "It has been paid or held since; nothing is to be tried any more." in page


def test_evidence_is_folded_below_each_moment(house, desk, paid):
    WebhookDelivery.objects.create(
        account=paid.account,
        payment=paid,
        delivery_key="QFQTPCQ8HXSKGK82:AUTHORISATION",
        body_encrypted=encrypt_text("{}"),
        status="PROCESSED",
        attempts=2,
        received_at=house.clock(),
        processed_at=house.clock(),
    )
    page = text_of(desk.get(page_of(paid)))

    opening = paid.openings.get()
    assert f"idempotency key {opening.idempotency_key}" in page
    assert "delivery key QFQTPCQ8HXSKGK82:AUTHORISATION handled" in page
    assert "times tried 2" in page
    assert "event key QFQTPCQ8HXSKGK82:AUTHORIZED" in page
    entry = LedgerEntry.objects.get(payment=paid)
    assert f'id="entry-{entry.pk}"' in desk.get(page_of(paid)).content.decode()


def test_what_happened_is_narrowed_by_kind_and_turned(desk, paid):
    ledger = desk.get(page_of(paid), {"show": "booked"}).context
    assert {moment.who for moment in ledger["moments"]} == {"ledger"}
    assert [choice["words"] for choice in ledger["choices"] if choice["is_chosen"]] == ["Ledger"]

    newest = desk.get(page_of(paid), {"order": "newest"}).context["moments"]
    oldest = desk.get(page_of(paid)).context["moments"]
    assert [moment.anchor for moment in newest] == [moment.anchor for moment in oldest[::-1]]

    odd = desk.get(page_of(paid), {"show": "' or 1=1"}).context["moments"]
    assert len(odd) == len(oldest)


def test_a_long_history_is_cut_and_leads_to_its_lists(house, desk, paid, monkeypatch):
    monkeypatch.setattr(history, "MOST", 2)
    for number in range(4):
        house.tell(paid, Kind.NOTE, "QFQTPCQ8HXSKGK82", key=f"note-{number}")

    response = desk.get(page_of(paid))

    page = text_of(response)
    lists = dict(response.context["lists"])
    assert "Only the newest of each kind are here. All of them: words of the gateway" in page
    url = lists["words of the gateway"]
    assert len(desk.get(url).context["cl"].result_list) == paid.events.count() == 6
    assert "Yes, charged" in page


def test_whoever_stands_around_a_payment_is_linked(house, desk, paid):
    link = PaymentLink.objects.create(
        order=paid.order, expires_at=house.clock() + timedelta(days=7), created_by="ada", created_at=house.clock()
    )

    page = desk.get(page_of(paid)).content.decode()

    for row in (paid.order, paid.order.bookings.get(), paid.partner, paid.account, link):
        assert page_of(row) in page


def test_another_payment_of_the_order_is_told_with_what_it_took(house, desk, paid):
    Payment.objects.filter(pk=paid.pk).update(superseded_at=house.clock())
    other = Payment.objects.get(pk=paid.pk)
    other.pk, other.reference, other.number, other.superseded_at = None, "cp_other", paid.number + 1, None
    other.captured_minor, other.refunded_minor = 2000, 500
    other._state.adding = True
    other.save()

    assert "cp_other CAPTURED · took 20.00 EUR · 5.00 EUR went back" in text_of(desk.get(page_of(paid)))


def test_other_apps_add_sections_without_being_known(desk, paid):
    def settled(payment, request):
        yield Section(
            anchor="settled",
            title="Settled",
            headers=("when", "what"),
            rows=(("2026-11-05", f"<b>{payment.reference}</b>"),),
            empty="",
        )

    add_sections(Payment, settled)
    add_sections(Payment, settled)
    try:
        page = desk.get(page_of(paid)).content.decode()
    finally:
        _sections[Payment].remove(settled)

    assert page.count('id="settled"') == 1
    assert f"&lt;b&gt;{paid.reference}&lt;/b&gt;" in page


def test_the_explanation_adds_up_and_is_written_for_the_guest(house, desk, paid):
    booking_services.confirm_order(order=paid.order, now=house.clock())
    house.tell(paid, Kind.REFUNDED, "REF1", of="QFQTPCQ8HXSKGK82", minor=2500)

    page = text_of(desk.get(explain(paid)))

    assert "Every figure is the sum of its steps, and is what the APIs tell." in page
    assert "Amounts are kept as whole minor units of EUR, which has 2 decimals (ISO 4217)." in page
    assert "Given back in all: 25.00 EUR totalRefunded (OCTO)" in page
    assert "Still due: 25.00 EUR balance (OCTO)" in page
    assert "Still to pay: 25.00 EUR." in page
    assert "Noch zu zahlen: 25,00 EUR." in text_of(desk.get(explain(paid), {"language": "de"}))


def test_an_explanation_that_does_not_add_up_says_so(desk, paid, monkeypatch):
    monkeypatch.setattr("payments.admin.explain.differences", lambda *_: ["Still due"])

    assert "These steps do not add up to what the APIs tell: Still due." in text_of(desk.get(explain(paid)))


def test_an_explanation_costs_the_same_queries_however_much_happened(house, desk, paid):
    desk.get(explain(paid))
    with CaptureQueriesContext(connection) as little:
        desk.get(explain(paid))
    for number in range(5):
        house.tell(paid, Kind.REFUNDED, f"REF{number}", of="QFQTPCQ8HXSKGK82", minor=100)

    with CaptureQueriesContext(connection) as much:
        desk.get(explain(paid))

    assert len(much) == len(little)
    assert len(much) <= 30


def test_who_may_not_see_payments_reads_no_explanation(browser_of, paid):
    assert browser_of("view_order").get(explain(paid)).status_code == 403


def test_a_note_is_shown_with_what_it_corrects(desk, paid):
    first = ExternalNote.objects.get()
    ExternalNote.objects.create(
        payment=paid, amends=first, text="paid at till 4", written_by="ben", written_at=first.written_at
    )

    page = text_of(desk.get(page_of(paid)))

    assert "paid at till 4" in page
    assert "before: paid at the kiosk (partner," in page
