"""A report that was made anew replaces what was told of its batches: as if the newer one alone had come."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.volume.books import Books
from payments.models import LedgerEntry
from reconciliation import own_tables
from reconciliation.errors import NotResolvable, UnreadableFile
from reconciliation.importing.columns import map_of
from reconciliation.importing.loading import load
from reconciliation.models import (
    Discrepancy,
    LedgerConsumed,
    Match,
    Proposal,
    SettlementBatch,
    SettlementLine,
    SettlementReport,
    SupersededLine,
)
from reconciliation.services import resolving, undoing
from reconciliation.services.drift import read_drift
from reconciliation.services.importing import source_for
from reconciliation.services.matching import look_for_missing
from tests.reconciliation.till import NOON, SETTLED, bank_statements, payout, settled, till_of, written
from tests.reconciliation.two_people import undo

pytestmark = pytest.mark.django_db

NOW = SETTLED + timedelta(days=30)
# What a batch may be told to consist of, again and again; P8 is settled in two parts, and P9 is no payment of ours.
POOL = [
    settled(4_500, "P1", fee="0.45"),
    settled(4_500, "P1", fee="0.60"),
    settled(4_400, "P1"),
    settled(-900, "P2", type="Refunded"),
    settled(300, "P8"),
    settled(500, "P8"),
    settled(700, "P9", at=SETTLED + timedelta(hours=9)),
    settled(1_000, "P3", batch="43"),
]


def books(till):
    till.books(4_500, "P1")
    till.books(-900, "MP2", kind="REFUND")
    till.books(800, "P8")
    till.books(1_000, "P3")
    till.save()


def whole(rows):
    """Return rows with the payout of each of their batches."""
    batches = sorted({row["Batch Number"] for row in rows})
    paid = [payout([row for row in rows if row["Batch Number"] == batch], batch=batch) for batch in batches]
    return [*rows, *paid]


def brings(till, folder, name, rows, **options):
    return till.imports(written(folder / f"{name}.csv", rows), **options).report


def standing(till):
    lines = SettlementLine.objects.filter(
        batch__source__account=till.account, superseded__isnull=True, supersedes__isnull=True
    )
    return Counter(lines.values_list("batch__reference", "payment_reference", "gross_minor", "net_minor"))


def outcome(till):
    """Return all that the files of an account come to."""
    batches = SettlementBatch.objects.filter(source__account=till.account).exclude(net_minor=0, state="BALANCED")
    taken = LedgerConsumed.objects.filter(entry__gateway_account=till.account)
    drift = read_drift(source=till.account.settlement_source, now=timezone.now())
    return {
        "lines": standing(till),
        "batches": sorted(
            batches.values_list(
                "reference", "state", "net_minor", "fee_minor", "payout_minor", "line_count", "settled_at"
            )
        ),
        "balances": till.balances(),
        "open": till.found(),
        "taken": sorted(taken.values_list("entry__transaction__gateway_reference", "match__difference_minor")),
        "unexplained": [reading.unexplained_minor for reading in drift if reading.unexplained_minor],
    }


def test_a_corrected_line_replaces_the_one_before(till, tmp_path):
    books(till)
    brings(till, tmp_path, "first", whole([POOL[0], POOL[3]]))

    report = brings(till, tmp_path, "anew", whole([POOL[1], POOL[3]]))

    assert (report.line_count, report.known_count, report.superseded_count) == (2, 1, 2)
    assert till.balances() == {"RECEIVABLE EUR": -5_400, "CLEARING EUR": 1_800, "FEES EUR": 60, "BANK EUR": 3_540}
    batch = SettlementBatch.objects.get()
    assert (batch.net_minor, batch.fee_minor, batch.payout_minor, batch.state) == (3_540, 60, 3_540, "BALANCED")
    assert till.found() == {}
    taken = LedgerConsumed.objects.get(entry__transaction__gateway_reference="P1")
    assert (taken.match.line.report, taken.match.line.fee_minor) == (report, 60)
    told_first = SettlementLine.objects.get(report__file_name="first.csv", payment_reference="P1")
    back = told_first.superseded.taken_back_by
    assert (back.report, back.gross_minor, back.fee_minor, back.net_minor) == (report, -4_500, -45, -4_455)
    assert told_first.superseded.entry_id == taken.entry_id
    assert list(told_first.matches.order_by("pk").values_list("rule", "released_entry_ids", "undone_at")) == [
        ("PAYMENT", [taken.entry_id], report.loaded_at),
        ("SUPERSEDED", None, None),
    ]


@pytest.mark.parametrize("least_lines", [(1, 1), (1, 1_000), (1_000, 1)])
def test_a_large_file_and_a_small_one_replace_each_other(till, payment, tmp_path, monkeypatch, least_lines):
    once = till_of(payment)
    for each in (till, once):
        books(each)
    for name, rows, least in zip(("first", "anew"), ([POOL[0], POOL[4], POOL[5]], POOL[1:6]), least_lines, strict=True):
        monkeypatch.setattr(own_tables, "LEAST_LINES", least)
        brings(till, tmp_path, name, whole(rows))
    brings(once, tmp_path, "once", [row | {"Company Account": "once"} for row in whole(POOL[1:6])])

    assert outcome(till) == outcome(once)
    assert SupersededLine.objects.count() == 2


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(st.lists(st.integers(0, len(POOL) - 1), min_size=1, max_size=7), min_size=2, max_size=3))
def test_after_reports_made_anew_all_stands_as_if_the_last_alone_had_come(payment, tmp_path, told):
    files = [whole([POOL[at] for at in rows]) for rows in told]
    # A batch that the last one does not name stands as it was told last.
    named = {row["Batch Number"] for row in files[-1]}
    with transaction.atomic():
        again, once = till_of(payment), till_of(payment)
        for till in (again, once):
            books(till)
        for turn, rows in enumerate(files):
            kept = [row for row in rows if row["Batch Number"] in named] or files[-1]
            brings(again, tmp_path, "again", [row | {"Company Account": f"again {turn}"} for row in kept])
        brings(once, tmp_path, "once", [row | {"Company Account": "once"} for row in files[-1]])

        assert outcome(again) == outcome(once)
        transaction.set_rollback(True)


def test_a_line_that_is_told_no_more_takes_what_was_found_about_it_along(till, tmp_path):
    books(till)
    brings(till, tmp_path, "first", whole([POOL[0], POOL[6]]))
    missing = Discrepancy.objects.get(kind="MISSING_HERE")
    proposal = resolving.propose_write_off(discrepancy_id=missing.pk, reason="small", by="ada", now=NOW)

    brings(till, tmp_path, "anew", whole([POOL[0]]))

    missing.refresh_from_db()
    proposal.refresh_from_db()
    assert (missing.state, missing.resolution, proposal.decision) == ("CLOSED", "ARRIVED", "OVERTAKEN")
    assert missing.events.latest("pk").detail == "a newer report has the line otherwise"
    assert till.found() == {}
    assert till.balances()["BANK EUR"] == 4_455


def test_what_was_explained_of_a_line_that_is_told_no_more_stays_so(till, tmp_path):
    brings(till, tmp_path, "first", whole([POOL[0], POOL[6]]))
    missing = Discrepancy.objects.get(line__payment_reference="P9")
    resolving.explain(discrepancy_id=missing.pk, reason="of another shop", by="ada", now=NOW)
    brings(till, tmp_path, "anew", whole([POOL[0]]))

    with pytest.raises(NotResolvable, match="newer report has its line otherwise"):
        undoing.undo(discrepancy_id=missing.pk, reason="it is ours", by="ada", now=NOW)

    missing.refresh_from_db()
    assert (missing.state, missing.resolution) == ("CLOSED", "EXPLAINED")


def write_off(till):
    missing = Discrepancy.objects.get(kind="MISSING_HERE")
    proposal = resolving.propose_write_off(discrepancy_id=missing.pk, reason="small", by="ada", now=NOW)
    resolving.approve(proposal_id=proposal.pk, by="grace", now=NOW)
    return missing


def match_by_hand(till):
    till.books(700, "P7")
    till.save()
    missing = Discrepancy.objects.get(kind="MISSING_HERE")
    entry = LedgerEntry.objects.get(transaction__gateway_reference="P7")
    proposal = resolving.propose_match(
        discrepancy_id=missing.pk,
        line_ids=[missing.line_id],
        entry_ids=[entry.pk],
        batch_ids=[],
        reason="the same guest",
        by="ada",
        now=NOW,
    )
    resolving.approve(proposal_id=proposal.pk, by="grace", now=NOW)
    return missing


@pytest.mark.parametrize("decide", [write_off, match_by_hand])
def test_what_two_people_decided_about_a_line_is_undone_by_two_before_it_goes(till, tmp_path, decide):
    books(till)
    brings(till, tmp_path, "first", whole([POOL[0], POOL[6]]))
    missing = decide(till)
    before = (outcome(till), SettlementLine.objects.count(), Match.objects.count(), Proposal.objects.count())
    anew = written(tmp_path / "anew.csv", whole([POOL[0]]))

    with pytest.raises(UnreadableFile, match=r"batch 42 is told otherwise .* about line 3 of first\.csv"):
        till.imports(anew)

    assert SettlementReport.objects.get(file_name="anew.csv").state == "REJECTED"
    assert (outcome(till), SettlementLine.objects.count(), Match.objects.count(), Proposal.objects.count()) == before
    undo(missing, now=NOW)
    assert till.imports(anew).report.superseded_count == 2
    assert outcome(till)["open"] == {}


def test_a_file_with_bad_lines_takes_no_line_back(till, tmp_path):
    books(till)
    brings(till, tmp_path, "first", whole([POOL[0], POOL[6]]))
    before = outcome(till)
    bad = POOL[6] | {"Gross Credit (GC)": "7e0"}

    with pytest.raises(UnreadableFile, match="batch 42 is known with lines that this file does not tell"):
        brings(till, tmp_path, "anew", whole([POOL[0], bad]), skips=True)

    assert outcome(till) == before
    assert SupersededLine.objects.count() == 0


def test_a_part_in_another_batch_finds_its_place_again(till, tmp_path):
    books(till)
    other = settled(500, "P8", batch="44")
    brings(till, tmp_path, "first", [*whole([POOL[4]]), *whole([other])])
    assert set(Match.objects.exclude(rule="BATCH").values_list("rule", flat=True)) == {"SUM"}

    brings(till, tmp_path, "anew", whole([settled(300, "P8", **{"Merchant Reference": "corrected"})]))

    places = Match.objects.filter(undone_at__isnull=True, line__payment_reference="P8").exclude(rule="SUPERSEDED")
    assert sorted(places.values_list("line__gross_minor", "rule", "line__batch__reference")) == [
        (300, "SUM", "42"),
        (500, "SUM", "44"),
    ]
    assert LedgerConsumed.objects.count() == 1
    assert till.found() == {}
    assert [event.action for event in Discrepancy.objects.get().events.order_by("pk")] == ["opened", "closed"]


def test_a_currency_that_a_batch_is_settled_in_no_more_comes_to_nothing(till, tmp_path):
    books(till)
    in_dollars = settled(4_500, "P1", net_currency="USD", net_minor=5_000, rate="1.1111")
    brings(till, tmp_path, "first", [in_dollars, payout([in_dollars], net_currency="USD")])

    brings(till, tmp_path, "anew", whole([POOL[0]]))

    assert {batch.currency: (batch.net_minor, batch.payout_minor) for batch in SettlementBatch.objects.all()} == {
        "USD": (0, 0),
        "EUR": (4_455, 4_455),
    }
    assert till.balances() == {"RECEIVABLE EUR": -5_400, "CLEARING EUR": 900, "FEES EUR": 45, "BANK EUR": 4_455}


def test_a_batch_says_how_many_lines_stand_and_when_they_were_settled(till, tmp_path):
    in_dollars = settled(4_500, "P1", net_currency="USD", net_minor=5_000, rate="1.1111")
    in_dollars_again = settled(4_500, "P1", net_currency="USD", net_minor=5_100, rate="1.1333")
    for name, rows, euros, dollars in (
        ("first", [in_dollars, payout([in_dollars], net_currency="USD")], None, 2),
        ("with P9", whole([POOL[0], POOL[6]]), (3, SETTLED + timedelta(hours=9)), 0),
        ("without P9", whole([POOL[0]]), (2, SETTLED), 0),
        # Nothing stands of what was settled in euros, which is told by the last time that anything did.
        (
            "in dollars",
            [in_dollars_again, payout([in_dollars_again], net_currency="USD")],
            (0, SETTLED + timedelta(hours=9)),
            2,
        ),
    ):
        brings(till, tmp_path, name, rows)

        told = {batch.currency: (batch.line_count, batch.settled_at) for batch in SettlementBatch.objects.all()}
        assert told == {"USD": (dollars, SETTLED)} | ({"EUR": euros} if euros else {}), name


def test_a_batch_whose_payout_is_told_no_more_does_not_add_up(till, tmp_path):
    books(till)
    brings(till, tmp_path, "first", whole([POOL[0]]))

    brings(till, tmp_path, "anew", [POOL[1]])

    told = outcome(till)
    assert (told["open"], told["unexplained"]) == ({"UNBALANCED_BATCH": 1}, [])
    assert told["batches"] == [("42", "UNBALANCED", 4_440, 60, 0, 1, SETTLED)]
    assert told["balances"]["BANK EUR"] == 4_455

    brings(till, tmp_path, "mended", whole([POOL[1]]))

    assert (till.found(), till.balances()["BANK EUR"]) == ({}, 4_440)


def test_a_payout_that_comes_to_nothing_is_not_missed_at_the_bank(till, tmp_path):
    bank_statements()
    books(till)
    in_dollars = settled(4_500, "P1", net_currency="USD", net_minor=5_000, rate="1.1111")
    brings(till, tmp_path, "first", [in_dollars, payout([in_dollars], net_currency="USD")])
    look_for_missing(source=till.account.settlement_source, now=NOW)
    assert till.found() == {"NOT_IN_BANK": 1, "MISSING_THERE": 3}

    brings(till, tmp_path, "anew", whole([POOL[0]]))

    assert till.found() == {"MISSING_THERE": 3}


@pytest.mark.parametrize("least_lines", [1, 1_000])
def test_what_was_killed_before_its_matching_is_matched_before_it_is_superseded(
    till, tmp_path, monkeypatch, least_lines
):
    monkeypatch.setattr(own_tables, "LEAST_LINES", least_lines)
    books(till)
    path = written(tmp_path / "first.csv", whole([POOL[0], POOL[3]]))
    load(report=till.receives(path), path=path, clock=timezone.now, progress=None)

    brings(till, tmp_path, "anew", whole([POOL[1]]))

    assert not till.imports(path).is_new
    assert (outcome(till)["open"], outcome(till)["unexplained"]) == ({}, [])
    assert till.balances() == {"RECEIVABLE EUR": -5_400, "CLEARING EUR": 900, "FEES EUR": 60, "BANK EUR": 4_440}


def test_what_was_killed_between_loading_and_matching_goes_on(till, tmp_path):
    books(till)
    brings(till, tmp_path, "first", whole([POOL[0]]))
    path = written(tmp_path / "anew.csv", whole([POOL[1]]))
    load(report=till.receives(path), path=path, clock=timezone.now, progress=None)

    assert till.imports(path).report.superseded_count == 2

    assert till.found() == {}
    assert till.balances()["FEES EUR"] == 60


def test_a_till_that_lists_what_is_new_adds_to_its_day(payment, tmp_path):
    till = till_of(payment)
    source = till.receives(written(tmp_path / "none.csv", [])).source
    source.column_map = {
        "columns": {
            "gross": {"header": "Amount"},
            "gross_currency": {"header": "Currency"},
            "occurred_at": {"header": "Day", "unit": "YYYY-MM-DD"},
        }
    }
    source.save()
    header = ["Amount", "Currency", "Day"]
    for name, amount in (("morning", "45.00"), ("evening", "9.00")):
        row = {"Amount": amount, "Currency": "EUR", "Day": "2026-11-12"}
        till.imports(written(tmp_path / f"{name}.csv", [row], header=header))

    assert SettlementBatch.objects.get().net_minor == 5_400
    assert SupersededLine.objects.count() == 0


def test_a_map_says_that_batches_are_whole_only_where_it_names_them(till, tmp_path):
    path = written(tmp_path / "day.csv", [{"Amount": "1.00", "Currency": "EUR"}], header=["Amount", "Currency", "Day"])
    report = till.receives(path)
    report.source.column_map = {
        "columns": {
            "gross": {"header": "Amount"},
            "gross_currency": {"header": "Currency"},
            "occurred_at": {"header": "Day", "unit": "YYYY-MM-DD"},
        },
        "batch_is_whole": True,
    }
    report.source.save()

    with pytest.raises(UnreadableFile, match=r"batch_is_whole is for reports .* batch_number"):
        till.imports(path)


@pytest.mark.parametrize(
    "change", ["DELETE FROM reconciliation_supersededline", "UPDATE reconciliation_supersededline SET entry_id = NULL"]
)
def test_nobody_changes_that_a_line_was_taken_back(till, tmp_path, change):
    brings(till, tmp_path, "first", whole([POOL[0]]))
    brings(till, tmp_path, "anew", whole([POOL[1]]))

    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)

    assert SupersededLine.objects.count() == 2


def test_of_a_large_report_made_anew_the_lines_that_it_tells_again_stay(payment, tmp_path, monkeypatch):
    monkeypatch.setattr(own_tables, "LEAST_LINES", 5_000)
    till = till_of(payment)
    books = Books(account=till.account, operations=10_000, plants={}, begun_at=NOON)
    books.enter()
    first, anew = tmp_path / "first.csv", tmp_path / "anew.csv"
    books.write(first, map_of(source_for(till.account.slug, now=NOON))[0])
    header, *lines = first.read_text().splitlines()
    told = [line for number, line in enumerate(lines) if number % 100]
    anew.write_text("\n".join([header, *reversed(told)]))
    till.imports(first)

    report = till.imports(anew).report

    assert (report.known_count, report.line_count, report.superseded_count) == (len(told), 0, len(lines) - len(told))
    taken_back = SupersededLine.objects.values_list("line__line_number", flat=True)
    assert sorted(taken_back) == [number + 2 for number in range(0, len(lines), 100)]
