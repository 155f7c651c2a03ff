"""A file that comes after its month was closed is an adjustment of the open month, and of no other."""

from datetime import UTC, datetime, timedelta

import pytest

from payments.models import LedgerEntry
from payments.services.periods import close_month, reopen_month
from reconciliation.importing.loading import load
from reconciliation.models import FeeContract, SettlementBatch
from reconciliation.services.importing import source_for
from reconciliation.services.looking import look_everywhere
from tests.reconciliation.reports.asking import rows_of
from tests.reconciliation.till import payout, settled, written

pytestmark = pytest.mark.django_db

APRIL, MAY, JUNE = (datetime(2027, month, 1, tzinfo=UTC) for month in (4, 5, 6))
SETTLED_IN_MARCH = datetime(2027, 3, 30, 12, tzinfo=UTC)
IN_TIME = APRIL + timedelta(days=1)
CLOSED_AT = APRIL + timedelta(days=5, microseconds=250_000)
CLOSING = APRIL + timedelta(days=5, seconds=1)
LATE = APRIL + timedelta(days=9)
NOW = MAY + timedelta(days=2)


@pytest.fixture(autouse=True)
def _operator(settings):
    settings.OPERATOR_TIME_ZONE = "UTC"


@pytest.fixture
def loads(till, tmp_path):
    """Import a file at a moment."""

    def load(name, at, *rows):
        till.imports(written(tmp_path / f"{name}.csv", rows), clock=lambda: at)

    return load


def line(minor, psp, *, batch, fee="", at=SETTLED_IN_MARCH):
    return settled(minor, psp, batch=batch, fee=fee, at=at)


def told(slug, since, until, *, as_of=NOW):
    return rows_of(slug, as_of=as_of, since=since, until=until, is_live=False)


def close_march(till):
    till.books(10_000, "P1", at=SETTLED_IN_MARCH - timedelta(days=1))
    till.save()
    close_month(month=SETTLED_IN_MARCH.date().replace(day=1), by="ada", now=CLOSED_AT)


def batches(since, until, *, as_of=NOW):
    return [
        (
            *(row["batch"], row["counts_at"], row["lines"], row["fees_minor"], row["net_minor"]),
            *(row["payout_minor"], row["difference_minor"], row["state"]),
        )
        for row in told("settlement-by-payout", since, until, as_of=as_of)
    ]


def fees(since, until, *, as_of=NOW):
    return [(row["batch"], row["counts_at"], row["fee_minor"]) for row in told("fees", since, until, as_of=as_of)]


def test_a_batch_that_comes_late_counts_in_the_first_open_month(till, loads):
    march = APRIL - timedelta(days=31)
    rows = [line(10_000, "P1", batch="41", fee="0.20")]
    loads("in-time", IN_TIME, *rows, payout(rows, batch="41", at=SETTLED_IN_MARCH))
    close_march(till)
    late = [line(700, "P2", batch="42", fee="0.30")]

    loads("late", LATE, *late, payout(late, batch="42", at=SETTLED_IN_MARCH))

    in_march = ("41", SETTLED_IN_MARCH, 2, -20, 9_980, 9_980, 0, "BALANCED")
    in_april = ("42", APRIL, 2, -30, 670, 670, 0, "BALANCED")
    for as_of in (CLOSING, NOW):
        assert batches(march, APRIL, as_of=as_of) == [in_march]
        assert fees(march, APRIL, as_of=as_of) == [("41", SETTLED_IN_MARCH, 20)]
    assert batches(APRIL, MAY) == [in_april]
    assert fees(APRIL, MAY) == [("42", APRIL, 30)]
    assert batches(None, None) == [in_march, in_april]
    assert [row["settled_at"] for row in told("fees", APRIL, MAY)] == [SETTLED_IN_MARCH]
    assert batches(MAY, None) == fees(MAY, None) == []


def test_what_is_added_to_a_batch_of_a_closed_month_says_by_how_much_it_is_another(till, loads):
    march = APRIL - timedelta(days=31)
    rows = [line(10_000, "P1", batch="41", fee="0.20")]
    rows.append(payout(rows, batch="41", at=SETTLED_IN_MARCH))
    loads("in-time", IN_TIME, *rows)
    close_march(till)
    # Its time would have the whole batch be of April.
    rows.append(line(500, "P2", batch="41", fee="0.10", at=APRIL + timedelta(days=2)))
    loads("late", LATE, *rows)
    in_march = ("41", SETTLED_IN_MARCH, 2, -20, 9_980, 9_980, 0, "BALANCED")
    in_april = ("41", APRIL + timedelta(days=2), 1, -10, 490, 0, 490, "UNBALANCED")
    assert (batches(march, APRIL), batches(APRIL, MAY)) == ([in_march], [in_april])

    close_month(month=APRIL.date(), by="ada", now=MAY + timedelta(days=1))
    rows.append(payout([rows[-1]], batch="41", at=APRIL + timedelta(days=2)))
    loads("later", NOW, *rows)

    as_of = NOW + timedelta(days=1)
    in_may = ("41", MAY, 1, 0, 0, 490, -490, "BALANCED")
    assert batches(march, APRIL, as_of=as_of) == [in_march]
    assert batches(APRIL, MAY, as_of=as_of) == [in_april]
    assert batches(MAY, JUNE, as_of=as_of) == [in_may]
    assert batches(None, None, as_of=as_of) == [in_march, in_april, in_may]


def test_a_report_made_anew_leaves_the_closed_month_and_adjusts_the_open_one(till, loads):
    march = APRIL - timedelta(days=31)
    recorded = {"recorded_by": "ada", "recorded_at": march, "valid_from": march.date()}
    FeeContract.objects.create(
        account=till.account, currency="EUR", card_brand="visa", percent="0.2", fixed_minor=5, **recorded
    )
    sale = till.books(10_000, "P1", at=SETTLED_IN_MARCH - timedelta(days=1))
    sale.card_brand = "visa"
    till.save()
    rows = [line(10_000, "P1", batch="41", fee="0.20")]
    loads("in-time", IN_TIME, *rows, payout(rows, batch="41", at=SETTLED_IN_MARCH))
    close_month(month=march.date(), by="ada", now=CLOSED_AT)
    before = [told(slug, march, APRIL, as_of=CLOSING) for slug in ("settlement-by-payout", "fees", "payments")]

    anew = [line(10_000, "P1", batch="41", fee="0.30")]
    loads("anew", LATE, *anew, payout(anew, batch="41", at=SETTLED_IN_MARCH))

    after = [told(slug, march, APRIL, as_of=CLOSING) for slug in ("settlement-by-payout", "fees", "payments")]
    assert after == before
    # Two lines that are taken back, by two, and the two that stand instead.
    assert batches(APRIL, MAY) == [("41", APRIL, 4, -10, -10, -10, 0, "BALANCED")]
    in_april = [
        (row["fee_minor"], row["settled_minor"], row["expected_minor"], row["operation"], row["line"])
        for row in told("fees", APRIL, MAY)
    ]
    assert in_april == [(-20, -10_000, -25, sale.reference, 4), (30, 10_000, 25, sale.reference, 2)]
    assert fees(march, APRIL) == [("41", SETTLED_IN_MARCH, 20)]
    assert [row["expected_minor"] for row in told("fees", march, APRIL)] == [25]
    assert told("unmatched", None, None) == []
    adjusted = LedgerEntry.objects.filter(posting__settlement_batch__batch__reference="41", posting__counts_at=APRIL)
    assert sorted(adjusted.values_list("from_account", "to_account", "amount_minor")) == [
        ("BANK", "CLEARING", 10),
        ("CLEARING", "FEES", 10),
    ]


def test_a_batch_that_is_told_anew_with_earlier_times_counts_where_it_was_posted(till, loads):
    march, in_april = APRIL - timedelta(days=31), APRIL + timedelta(hours=1)
    till.books(10_000, "P1", at=SETTLED_IN_MARCH - timedelta(days=1))
    till.save()
    rows = [line(10_000, "P1", batch="41", at=in_april)]
    loads("first", IN_TIME, *rows, payout(rows, batch="41", at=in_april))

    anew = [line(10_000, "P1", batch="41", fee="0.20")]
    loads("anew", IN_TIME + timedelta(hours=1), *anew, payout(anew, batch="41", at=SETTLED_IN_MARCH))

    batch = SettlementBatch.objects.get()
    assert (batch.line_count, batch.settled_at) == (2, SETTLED_IN_MARCH)
    # Two lines that were taken back, by two, and the two that stand instead.
    assert batches(APRIL, MAY) == [("41", in_april, 6, -20, 9_980, 9_980, 0, "BALANCED")]
    assert batches(march, APRIL) == []
    posted = LedgerEntry.objects.filter(posting__settlement_batch__batch=batch)
    assert set(posted.values_list("posting__counts_at", flat=True)) == {in_april}


@pytest.mark.parametrize(("was_payout", "type_told_late"), [(True, "Payout"), (False, "Sale")])
def test_what_is_its_own_payout_stays_so_in_a_closed_month(till, tmp_path, was_payout, type_told_late):
    march, header = APRIL - timedelta(days=31), ["Amount", "Currency", "Day", "Batch", "Kind"]
    source = source_for(till.account.slug, now=IN_TIME)

    def loads(name, at, rows, *, batch_is_payout):
        source.column_map = {
            "columns": {
                "gross": {"header": "Amount"},
                "gross_currency": {"header": "Currency"},
                "occurred_at": {"header": "Day", "unit": "YYYY-MM-DD"},
                "batch_number": {"header": "Batch"},
                "type": {"header": "Kind"},
            },
            "types": {"Sale": "CAPTURE", "Payout": "PAYOUT"},
            "batch_is_payout": batch_is_payout,
        }
        source.save()
        cells = [dict(zip(header, row, strict=True)) for row in rows]
        till.imports(written(tmp_path / f"{name}.csv", cells, header=header), clock=lambda: at)

    loads("in-time", IN_TIME, [("100.00", "EUR", "2027-03-30", "41", "Sale")], batch_is_payout=was_payout)
    close_march(till)
    before = told("settlement-by-payout", march, APRIL, as_of=CLOSING)
    assert [row["payout_minor"] for row in before] == [10_000 if was_payout else None]

    late = "-100.00" if type_told_late == "Payout" else "5.00"
    loads("late", LATE, [(late, "EUR", "2027-03-30", "41", type_told_late)], batch_is_payout=True)

    assert told("settlement-by-payout", march, APRIL, as_of=CLOSING) == before
    in_april = [row["payout_minor"] for row in told("settlement-by-payout", APRIL, MAY)]
    assert in_april == [0 if was_payout else 10_500]


def test_a_file_that_is_matched_after_the_closing_counts_where_its_postings_do(till, tmp_path):
    march = APRIL - timedelta(days=31)
    till.books(10_000, "P1", at=SETTLED_IN_MARCH - timedelta(days=1))
    till.save()
    rows = [line(10_000, "P1", batch="41", fee="0.20")]
    path = written(tmp_path / "batch.csv", [*rows, payout(rows, batch="41", at=SETTLED_IN_MARCH)])
    # Its import dies between the two.
    load(report=till.receives(path), path=path, clock=lambda: IN_TIME, progress=None)
    close_month(month=march.date(), by="ada", now=CLOSED_AT)
    before = [told(slug, march, APRIL, as_of=CLOSING) for slug in ("settlement-by-payout", "fees")]

    till.imports(path, clock=lambda: LATE)

    assert before == [[], []]
    assert [told(slug, march, APRIL, as_of=CLOSING) for slug in ("settlement-by-payout", "fees")] == before
    assert (fees(march, APRIL), batches(march, APRIL)) == ([], [])
    assert fees(APRIL, MAY) == [("41", APRIL, 20)]
    assert batches(APRIL, MAY) == [("41", APRIL, 2, -20, 9_980, 9_980, 0, "BALANCED")]
    posted = LedgerEntry.objects.filter(posting__settlement_batch__batch__reference="41")
    assert set(posted.values_list("posting__counts_at", flat=True)) == {APRIL}


def test_two_files_of_one_batch_are_one_row_while_its_month_is_open(till, loads):
    rows = [line(10_000, "P1", batch="41", at=APRIL + timedelta(hours=1))]
    loads("first", IN_TIME, *rows)
    close_march(till)
    rows.append(line(500, "P2", batch="41", at=APRIL + timedelta(hours=2)))

    loads("second", LATE, *rows, payout(rows, batch="41", at=APRIL + timedelta(hours=2)))

    assert batches(APRIL, MAY) == [("41", APRIL + timedelta(hours=2), 3, 0, 10_500, 10_500, 0, "BALANCED")]


def test_what_came_while_a_month_was_closed_stays_in_the_month_it_counted_in(till, loads):
    march = APRIL - timedelta(days=31)
    close_march(till)
    late = [line(700, "P2", batch="42", fee="0.30")]
    loads("late", LATE, *late)

    reopen_month(month=march.date(), by="grace", because="a mistake", now=LATE + timedelta(days=1))
    loads("after", LATE + timedelta(days=2), line(800, "P3", batch="43", fee="0.40"))

    assert fees(march, APRIL) == [("43", SETTLED_IN_MARCH, 40)]
    assert fees(APRIL, MAY) == [("42", APRIL, 30)]
    assert [row[:2] for row in batches(APRIL, MAY)] == [("42", APRIL)]


def test_what_was_settled_on_a_day_that_is_locked_counts_where_its_postings_do(till, loads):
    till.books(10_000, "P1", at=SETTLED_IN_MARCH - timedelta(days=1))
    till.save()
    march = APRIL - timedelta(days=31)
    loads("of-another-batch", IN_TIME, line(500, "P2", batch="40"))
    till.account.settlement_source.locked_through = APRIL.date() - timedelta(days=1)
    till.account.settlement_source.save(update_fields=["locked_through"])
    rows = [line(10_000, "P1", batch="41", fee="0.20")]

    loads("late", LATE, *rows, payout(rows, batch="41", at=SETTLED_IN_MARCH))

    assert fees(march, APRIL) == [("40", SETTLED_IN_MARCH, 0)]
    assert fees(APRIL, MAY) == [("41", APRIL, 20)]
    assert batches(APRIL, MAY) == [("41", APRIL, 2, -20, 9_980, 9_980, 0, "BALANCED")]
    posted = LedgerEntry.objects.filter(posting__settlement_batch__batch__reference="41")
    assert set(posted.values_list("posting__counts_at", flat=True)) == {APRIL}


def test_what_died_before_its_matching_is_matched_before_anybody_posts_for_it(till, tmp_path):
    march = APRIL - timedelta(days=31)
    till.books(10_000, "P1", at=SETTLED_IN_MARCH - timedelta(days=1))
    till.save()
    rows = [line(10_000, "P1", batch="41", fee="0.20")]
    path = written(tmp_path / "batch.csv", [*rows, payout(rows, batch="41", at=SETTLED_IN_MARCH)])
    load(report=till.receives(path), path=path, clock=lambda: IN_TIME, progress=None)

    look_everywhere(clock=lambda: IN_TIME + timedelta(hours=1))
    close_month(month=march.date(), by="ada", now=CLOSED_AT)
    till.imports(path, clock=lambda: LATE)

    assert fees(march, APRIL, as_of=CLOSING) == fees(march, APRIL) == [("41", SETTLED_IN_MARCH, 20)]
    posted = LedgerEntry.objects.filter(posting__settlement_batch__batch__reference="41")
    assert set(posted.values_list("posting__counts_at", flat=True)) == {SETTLED_IN_MARCH}
