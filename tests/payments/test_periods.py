from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from gateways.protocol import OutcomeKind as Kind
from payments.checking import ledger_findings
from payments.errors import PeriodRefused
from payments.models import ClosedPeriod, LedgerEntry, Posting
from payments.services.periods import close_month, next_to_close, reopen_month
from tests.bookings.racing import Racer
from tests.payments.races import without

pytestmark = pytest.mark.django_db(transaction=True)

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
IN_OCTOBER = datetime(2026, 10, 20, 12, tzinfo=UTC)
IN_DECEMBER = datetime(2026, 12, 3, 9, tzinfo=UTC)


def post(payment, at=IN_OCTOBER, minor=100, **fields):
    """Post by hand what something moved, as any program could."""
    posting = Posting.objects.create(cause="by hand", occurred_at=at, posted_at=at, **fields)
    add_entry(payment, posting, minor)
    posting.refresh_from_db()
    return posting


def add_entry(payment, posting, minor=100):
    return LedgerEntry.objects.create(
        posting=posting,
        from_account="RECEIVABLE",
        to_account="CLEARING",
        amount_minor=minor,
        currency="EUR",
        gateway_account=payment.account,
        order=payment.order,
        payment=payment,
        is_live=True,
    )


def close(month=OCTOBER, by="ada", now=IN_DECEMBER):
    return close_month(month=month, by=by, now=now)


def period_faults():
    return [(each.code, each.subject) for each in ledger_findings() if "period" in each.code]


def test_a_month_is_closed_with_what_it_moved_and_later_facts_count_in_the_next(house, settings):
    settings.OPERATOR_TIME_ZONE = "Europe/Berlin"
    payment = house.payment()
    # Berlin's October ends at 23:00 UTC: the first of these is the last second of it, the second the first of November.
    last_second = post(payment, datetime(2026, 10, 31, 22, 59, 59, tzinfo=UTC), 4_500)
    post(payment, datetime(2026, 10, 31, 23, tzinfo=UTC), 700)

    closed = close()

    assert (closed.starts_at.isoformat(), closed.ends_at.isoformat()) == (
        "2026-10-01T00:00:00+02:00",
        "2026-11-01T00:00:00+01:00",
    )
    assert closed.totals == {"live CLEARING EUR": 4_500, "live RECEIVABLE EUR": -4_500}
    assert (closed.posting_count, closed.watermark) == (1, LedgerEntry.objects.latest("id").pk)
    late = post(payment, IN_OCTOBER, 900)
    assert (late.occurred_at, late.counts_at) == (IN_OCTOBER, closed.ends_at)
    last_second.refresh_from_db()
    assert last_second.counts_at == last_second.occurred_at
    assert period_faults() == []


def test_what_the_gateway_tells_late_counts_in_the_first_open_month(house):
    payment = house.paid(house.payment())
    now = house.clock()
    month = now.date().replace(day=1)
    close(month, now=now + timedelta(days=40))

    house.tell(payment, Kind.REFUNDED, "R1", of="PSP1", minor=2_500)

    refund = Posting.objects.get(cause="refunded")
    closing = ClosedPeriod.objects.get()
    assert closing.starts_at <= refund.occurred_at < closing.ends_at == refund.counts_at
    assert ledger_findings() == []


def test_the_database_refuses_to_post_into_a_closed_month(house):
    payment = house.payment()
    old = post(payment)
    closed = close()
    before = (Posting.objects.count(), LedgerEntry.objects.count())

    for refused in (
        lambda: post(payment, counts_at=closed.ends_at - timedelta(microseconds=1)),
        # Everything before is closed, too.
        lambda: post(payment, counts_at=IN_OCTOBER - timedelta(days=400)),
        lambda: add_entry(payment, old),
    ):
        with pytest.raises(IntegrityError, match="closed period"), transaction.atomic():
            refused()

    assert (Posting.objects.count(), LedgerEntry.objects.count()) == before
    assert post(payment, counts_at=closed.ends_at).counts_at == closed.ends_at


def test_months_are_closed_in_order_and_once_they_are_over(house):
    assert next_to_close(now=IN_DECEMBER) is None
    payment = house.payment()
    post(payment)
    post(payment, IN_DECEMBER)

    for month, now, words in (
        (NOVEMBER, IN_DECEMBER, "2026-11 cannot be closed now; 2026-10 comes first"),
        (OCTOBER, datetime(2026, 10, 31, 23, tzinfo=UTC), "the month that is next is not over yet"),
    ):
        with pytest.raises(PeriodRefused, match=words):
            close(month, now=now)
    close(OCTOBER)
    with pytest.raises(PeriodRefused, match="2026-11 comes first"):
        close(OCTOBER)
    # Nothing was posted in it; it is closed all the same.
    assert close(NOVEMBER).totals == {}
    assert next_to_close(now=IN_DECEMBER) is None


def test_a_second_person_reopens_the_last_closed_month_and_it_is_closed_anew(house):
    payment = house.payment()
    post(payment)
    close(OCTOBER)
    close(NOVEMBER)

    for refused, words in (
        ({"month": OCTOBER, "by": "grace", "because": "a fee"}, "not the last month"),
        ({"month": NOVEMBER, "by": "ada", "because": "a fee"}, "a second person"),
        ({"month": NOVEMBER, "by": "grace", "because": " "}, "Say why"),
    ):
        with pytest.raises(PeriodRefused, match=words):
            reopen_month(**refused, now=IN_DECEMBER)
    reopen_month(month=NOVEMBER, by="grace", because="a fee came late", now=IN_DECEMBER)
    forgotten = post(payment, datetime(2026, 11, 9, tzinfo=UTC), 900)

    assert forgotten.counts_at == forgotten.occurred_at
    assert close(NOVEMBER, by="grace").totals == {"live CLEARING EUR": 900, "live RECEIVABLE EUR": -900}
    assert ClosedPeriod.objects.filter(month=NOVEMBER).count() == 2


def test_a_closing_is_never_changed_and_its_eyes_are_four_by_sql(house):
    post(house.payment())
    closing = close()
    rows = ClosedPeriod.objects.filter(pk=closing.pk)
    reopening = {"reopened_at": IN_DECEMBER, "reopened_by": "grace", "reopened_because": "a fee"}

    for change in (
        {"watermark": 0},
        {"totals": {}},
        {**reopening, "ends_at": IN_DECEMBER},
        {**reopening, "reopened_by": "ada"},
        {**reopening, "reopened_because": ""},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.delete()
    rows.update(**reopening)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(reopened_at=None, reopened_by="", reopened_because="")


def test_check_ledger_finds_what_changed_a_closed_month(house):
    payment = house.payment()
    post(payment)
    closing = close()
    with without(
        "ALTER TABLE payments_posting DISABLE TRIGGER postings_count_in_open_periods",
        "ALTER TABLE payments_posting ENABLE TRIGGER postings_count_in_open_periods",
    ):
        assert period_faults() == []
        assert ("guard_off", "postings_count_in_open_periods") in [
            (each.code, each.subject) for each in ledger_findings()
        ]
        Posting.objects.create(cause="by hand", occurred_at=IN_OCTOBER, posted_at=IN_OCTOBER, counts_at=IN_OCTOBER)
    with without(
        "ALTER TABLE payments_ledgerentry DISABLE TRIGGER entries_count_in_open_periods",
        "ALTER TABLE payments_ledgerentry ENABLE TRIGGER entries_count_in_open_periods",
    ):
        add_entry(payment, Posting.objects.get(entries__isnull=True))

    assert period_faults() == [("closed_period_grew", str(closing)), ("closed_period_differs", str(closing))]


def test_who_began_to_post_before_a_closing_counts_in_it_and_who_comes_later_does_not(house):
    payment = house.payment()
    with transaction.atomic():
        begun = post(payment, minor=4_500)
        closing = Racer(close).start()
        assert closing.wait_until_blocked_or_done() is True
    closed = closing.finish()

    assert closed.totals == {"live CLEARING EUR": 4_500, "live RECEIVABLE EUR": -4_500}
    assert begun.counts_at == IN_OCTOBER

    with transaction.atomic():
        close(NOVEMBER)
        posting = Racer(lambda: post(payment)).start()
        assert posting.wait_until_blocked_or_done() is True
    # Its own transaction began before the closing was there to be seen.
    assert posting.finish().counts_at == datetime(2026, 12, 1, tzinfo=UTC)


def reopen(month=OCTOBER):
    return reopen_month(month=month, by="grace", because="a fee came late", now=IN_DECEMBER)


@pytest.mark.parametrize(
    ("first", "second", "refusal", "standing"),
    [
        (close, close, "2026-11 comes first", [OCTOBER]),
        (lambda: (close(), close(NOVEMBER)), reopen, "2026-10 is not the last month", [OCTOBER, NOVEMBER]),
        (lambda: (close(), reopen()), lambda: close(NOVEMBER), "2026-10 comes first", []),
    ],
    ids=["close twice", "reopen what is not the last any more", "close what is not the next any more"],
)
def test_who_closes_or_reopens_beside_another_sees_what_the_other_did(house, first, second, refusal, standing):
    post(house.payment())

    with transaction.atomic():
        first()
        racer = Racer(second).start()
        assert racer.wait_until_blocked_or_done() is True
    with pytest.raises(PeriodRefused, match=refusal):
        racer.finish()

    closed = ClosedPeriod.objects.filter(reopened_at__isnull=True).order_by("month")
    assert list(closed.values_list("month", flat=True)) == standing


def test_a_closing_that_cannot_have_the_books_to_itself_changes_nothing(house):
    payment = house.payment()
    post(payment)

    def impatient():
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = 50")
        return close()

    with transaction.atomic():
        post(payment)
        with pytest.raises(PeriodRefused, match="Somebody else has the books"):
            Racer(impatient).start().finish()

    assert ClosedPeriod.objects.count() == 0
