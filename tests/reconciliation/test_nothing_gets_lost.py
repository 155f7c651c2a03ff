"""What is wrong stays before people, whatever was written off, undone, paid or imported in between."""

from datetime import timedelta

import pytest
from django.db import transaction

from payments.models import LedgerEntry
from reconciliation.errors import NotResolvable
from reconciliation.models import Discrepancy, Match, SettlementBatch, SettlementLine
from reconciliation.services import resolving
from reconciliation.services.importing import import_file, receive_file, source_for
from reconciliation.services.matching import look_for_missing
from tests.bookings.racing import Racer
from tests.reconciliation.till import SETTLED, bank_statements, payout, settled, till_of, written
from tests.reconciliation.two_people import undo

pytestmark = pytest.mark.django_db

NOW = SETTLED + timedelta(days=30)


def settles(till, path, *rows, batch="42"):
    """Import a batch of the rows that adds up; return its lines of payments."""
    till.imports(written(path / f"{batch}.csv", [*rows, payout(rows, batch=batch)]))
    return list(SettlementLine.objects.exclude(kind="PAYOUT").order_by("id"))


def about(line, kind="MISSING_HERE"):
    return Discrepancy.objects.get(line=line, kind=kind)


def entry_of(operation):
    return LedgerEntry.objects.filter(transaction=operation).earliest("id")


def look(till):
    look_for_missing(source=source_for(till.account.slug, now=NOW), now=NOW)


def propose(discrepancy, lines, entries):
    return resolving.propose_match(
        discrepancy_id=discrepancy.pk,
        line_ids=[line.pk for line in lines],
        entry_ids=[entry.pk for entry in entries],
        batch_ids=[],
        reason="the gateway says so",
        by="ada",
        now=NOW,
    )


def match(discrepancy, lines, entries):
    proposal = propose(discrepancy, lines, entries)
    resolving.approve(proposal_id=proposal.pk, by="grace", now=NOW)


def write_off(discrepancy):
    proposal = resolving.propose_write_off(discrepancy_id=discrepancy.pk, reason="small", by="ada", now=NOW)
    resolving.approve(proposal_id=proposal.pk, by="grace", now=NOW)


def test_a_line_that_was_written_off_since_is_not_matched_as_well(till, tmp_path):
    operation = till.books(2_000, "P1")
    till.save()
    lines = settles(till, tmp_path, settled(900, "X1"), settled(1_100, "X2"))
    proposal = propose(about(lines[0]), lines, [entry_of(operation)])
    write_off(about(lines[1]))

    with pytest.raises(NotResolvable, match="written off: undo that first"):
        resolving.approve(proposal_id=proposal.pk, by="grace", now=NOW)

    # What is left, 1,100 that the ledger has and the line of 900, is before people.
    assert (till.balances()["CLEARING EUR"], till.found()) == (1_100, {"MISSING_HERE": 1})
    undo(about(lines[1]), now=NOW)
    resolving.approve(proposal_id=proposal.pk, by="grace", now=NOW)
    assert (till.balances(), till.found()) == ({"RECEIVABLE EUR": -2_000, "BANK EUR": 2_000}, {})


def test_a_movement_that_was_written_off_is_not_matched_as_well(till, tmp_path):
    operation = till.books(900, "P1")
    till.save()
    look(till)
    (line,) = settles(till, tmp_path, settled(900, "X1"))
    write_off(Discrepancy.objects.get(entry=entry_of(operation)))

    with pytest.raises(NotResolvable, match="written off: undo that first"):
        propose(about(line), [line], [entry_of(operation)])

    assert till.found() == {"MISSING_HERE": 1}


def test_a_line_that_is_added_to_a_batch_the_bank_has_unbalances_it(till, tmp_path):
    bank = bank_statements()
    till.books(900, "P1")
    till.books(50, "P2")
    till.save()
    rows = [settled(900, "P1", batch="B42")]
    rows.append(payout(rows, batch="B42"))
    till.imports(written(tmp_path / "first.csv", rows))
    statement = tmp_path / "statement.csv"
    statement.write_text(f"Amount,Currency,Date,Text\n9.00,EUR,{SETTLED:%Y-%m-%d},B42\n")
    report = receive_file(
        source=bank, path=statement, file_name="s.csv", skips_bad_lines=False, received_by="test", now=NOW
    )
    import_file(report=report, path=statement)
    assert (till.found(), till.balances()) == ({}, {"RECEIVABLE EUR": -950, "CLEARING EUR": 50, "BANK EUR": 900})

    added = settled(50, "P2", batch="B42")
    till.imports(written(tmp_path / "second.csv", [*rows, added]))
    assert till.found() == {"UNBALANCED_BATCH": 1}
    # Nor does a payout that the bank has not received make it right.
    till.imports(written(tmp_path / "third.csv", [*rows, added, payout([added], batch="B42")]))

    assert (till.found(), Discrepancy.objects.get(kind="UNBALANCED_BATCH").amount_minor) == (
        {"UNBALANCED_BATCH": 1},
        50,
    )
    assert till.balances() == {"RECEIVABLE EUR": -950, "CLEARING EUR": 50, "BANK EUR": 900}
    returned = settled(-50, "P2", type="Refunded", modification="R2", batch="B42")
    till.imports(written(tmp_path / "fourth.csv", [*rows, added, payout([added], batch="B42"), returned]))
    assert till.found() == {"MISSING_HERE": 1}


def test_real_money_at_the_bank_is_no_payout_of_a_test_system(till, payment, tmp_path):
    bank, live = bank_statements(), till_of(payment, environment="live")
    for each in (till, live):
        each.books(900, each.account.slug)
        each.save()
        settles(each, tmp_path, settled(900, each.account.slug, batch=each.account.slug), batch=each.account.slug)
    statement = tmp_path / "statement.csv"
    statement.write_text(f"Amount,Currency,Date,Text\n9.00,EUR,{SETTLED:%Y-%m-%d},unreadable\n")
    report = receive_file(
        source=bank, path=statement, file_name="s.csv", skips_bad_lines=False, received_by="test", now=NOW
    )

    import_file(report=report, path=statement)
    look(till)
    look(live)

    states = dict(SettlementBatch.objects.filter(source__kind="GATEWAY").values_list("reference", "state"))
    assert states == {till.account.slug: "BALANCED", live.account.slug: "PAID"}
    assert not Discrepancy.objects.exclude(state="CLOSED").exists()


def test_a_batch_that_is_taken_back_from_the_bank_stands_as_its_lines_say(till, tmp_path):
    bank = bank_statements()
    for name in ("P1", "P2"):
        till.books(900, name)
    till.save()
    rows = [settled(900, "P1", batch="B42"), settled(900, "P2", batch="B42")]
    till.imports(written(tmp_path / "first.csv", [rows[0], payout(rows[:1], batch="B42")]))
    statement = tmp_path / "statement.csv"
    statement.write_text("Amount,Currency,Date,Text\n9.00,EUR,2025-01-01,unreadable\n")
    report = receive_file(
        source=bank, path=statement, file_name="s.csv", skips_bad_lines=False, received_by="test", now=NOW
    )
    import_file(report=report, path=statement)
    credit = Discrepancy.objects.get(kind="UNKNOWN_CREDIT")
    batch = SettlementBatch.objects.get(reference="B42")
    proposal = resolving.propose_match(
        discrepancy_id=credit.pk,
        line_ids=[credit.line_id],
        entry_ids=[],
        batch_ids=[batch.pk],
        reason="so it is",
        by="ada",
        now=NOW,
    )
    resolving.approve(proposal_id=proposal.pk, by="grace", now=NOW)
    added = [*rows, payout(rows[:1], batch="B42"), payout(rows[1:], batch="B42")]
    till.imports(written(tmp_path / "second.csv", added))
    assert till.found() == {"UNBALANCED_BATCH": 1}

    undo(credit, now=NOW)
    look(till)

    batch.refresh_from_db()
    assert (batch.state, batch.payout_minor, batch.difference_minor) == ("BALANCED", 1_800, 0)
    assert till.found() == {"NOT_IN_BANK": 1}
    assert till.balances() == {"RECEIVABLE EUR": -1_800, "BANK EUR": 1_800}


def test_a_batch_that_added_up_once_and_does_not_any_more_is_open_again(till, tmp_path):
    rows = [settled(900, f"P{number}") for number in (1, 2, 3)]
    for number in (1, 2, 3):
        till.books(900, f"P{number}")
    till.save()
    paid = payout(rows[:2])

    found = []
    for count in (1, 2, 3):
        till.imports(written(tmp_path / f"{count}.csv", [*rows[:count], paid]))
        found.append(till.found())

    assert found == [{"UNBALANCED_BATCH": 1}, {}, {"UNBALANCED_BATCH": 1}]
    told = Discrepancy.objects.get().events.order_by("id").values_list("action", "state_before", "state_after")
    assert list(told) == [("opened", "", "OPEN"), ("closed", "OPEN", "CLOSED"), ("opened", "CLOSED", "OPEN")]


def test_what_is_at_stake_of_a_batch_follows_the_batch_also_where_people_explained_another_amount(till, tmp_path):
    rows = [settled(900, f"P{number}") for number in (1, 2, 3)]
    for number in (1, 2, 3):
        till.books(900, f"P{number}")
    till.save()
    paid = payout([settled(905, "")])
    till.imports(written(tmp_path / "1.csv", [rows[0], paid]))
    discrepancy = Discrepancy.objects.get(kind="UNBALANCED_BATCH")
    amounts = [discrepancy.amount_minor]

    till.imports(written(tmp_path / "2.csv", [*rows[:2], paid]))
    discrepancy.refresh_from_db()
    amounts.append(discrepancy.amount_minor)
    resolving.explain(discrepancy_id=discrepancy.pk, reason="the gateway corrects it", by="ada", now=NOW)
    look(till)
    assert "UNBALANCED_BATCH" not in till.found()
    till.imports(written(tmp_path / "3.csv", [*rows, paid]))

    discrepancy.refresh_from_db()
    assert ([*amounts, discrepancy.amount_minor], discrepancy.state) == ([5, 895, 1_795], "OPEN")
    told = discrepancy.events.order_by("id").values_list("action", "state_before", "state_after", "amount_minor")
    assert list(told) == [
        ("opened", "", "OPEN", 5),
        ("changed", "OPEN", "OPEN", 895),
        ("explained", "OPEN", "CLOSED", None),
        ("opened", "CLOSED", "OPEN", 1_795),
    ]


def test_a_payout_that_grows_is_missing_at_the_bank_as_it_is_now(till, tmp_path):
    bank_statements()
    rows = [settled(900, "P1"), settled(50, "P2")]
    till.books(900, "P1")
    till.books(50, "P2")
    till.save()
    till.imports(written(tmp_path / "1.csv", [rows[0], payout(rows[:1])]))
    look(till)
    missing = Discrepancy.objects.get(kind="NOT_IN_BANK")
    proposal = resolving.propose_write_off(discrepancy_id=missing.pk, reason="lost", by="ada", now=NOW)

    till.imports(written(tmp_path / "2.csv", [*rows, payout(rows[:1]), payout(rows[1:])]))

    missing.refresh_from_db()
    assert (missing.amount_minor, missing.state) == (950, "PROPOSED")
    with pytest.raises(NotResolvable, match="Another amount is left by now"):
        resolving.approve(proposal_id=proposal.pk, by="grace", now=NOW)


def test_a_line_whose_fee_was_explained_still_finds_its_place(till, tmp_path):
    (line,) = settles(till, tmp_path, settled(4_500, "P1", fee="0.45", **{"Markup (NC)": "0.10"}))
    resolving.explain(discrepancy_id=about(line, "FEE").pk, reason="agreed by mail", by="ada", now=NOW)

    till.books(4_500, "P1")
    till.save()
    look(till)

    assert till.found() == {}


def test_a_line_whose_match_by_hand_was_undone_matches_by_itself_and_tells_what_is_left(till, tmp_path):
    stranger = till.books(1_000, "Q")
    till.save()
    look(till)
    (line,) = settles(till, tmp_path, settled(900, "X1"))
    match(about(line), [line], [entry_of(stranger)])
    resolving.explain(discrepancy_id=about(line, "AMOUNT").pk, reason="a rebate", by="ada", now=NOW)
    undo(about(line), now=NOW)
    assert till.found() == {"MISSING_HERE": 1, "MISSING_THERE": 1}

    till.books(850, "X1")
    till.save()
    look(till)

    assert till.found() == {"AMOUNT": 1, "MISSING_THERE": 1}
    assert about(line, "AMOUNT").amount_minor == 50


def test_a_line_is_before_people_however_often_its_kind_changes(till, tmp_path):
    booked = [till.books(900, "Q1"), till.books(900, "Q2")]
    till.save()
    nameless = settled(900, "") | {"Modification Reference": ""}
    line, *others = settles(till, tmp_path, nameless, settled(901, "X1"), settled(902, "X2"))
    kinds = [open_kinds(line)]
    for other, operation in zip(others, booked, strict=True):
        match(about(other), [other], [entry_of(operation)])
    look(till)
    kinds.append(open_kinds(line))

    for other in others:
        undo(about(other), now=NOW)
    look(till)

    assert [*kinds, open_kinds(line)] == [["AMBIGUOUS"], ["MISSING_HERE"], ["AMBIGUOUS"]]
    assert about(line, "MISSING_HERE").resolution == "ARRIVED"


def open_kinds(line):
    return sorted(Discrepancy.objects.filter(line=line).exclude(state="CLOSED").values_list("kind", flat=True))


@pytest.mark.django_db(transaction=True)
def test_a_line_that_is_being_written_off_is_not_matched_meanwhile(till, tmp_path):
    (line,) = settles(till, tmp_path, settled(900, "P9"))
    proposal = resolving.propose_write_off(discrepancy_id=about(line).pk, reason="small", by="ada", now=NOW)
    till.books(900, "P9")
    till.save()

    with transaction.atomic():
        resolving.approve(proposal_id=proposal.pk, by="grace", now=NOW)
        matching = Racer(lambda: look(till)).start()
        assert matching.wait_until_blocked_or_done() is True
    matching.finish()

    # The movement is still to be settled, and the write-off that was in haste can be undone.
    assert (about(line).resolution, Match.objects.filter(line=line).count()) == ("WRITTEN_OFF", 0)
    assert till.found() == {"MISSING_THERE": 1}
