"""People close what matching left: one explains, two write off or match by hand, and everything can be undone."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from payments.checking import ledger_findings
from payments.models import LedgerAccount, LedgerEntry, Posting
from reconciliation.errors import NotResolvable
from reconciliation.models import (
    Discrepancy,
    DiscrepancyEvent,
    LedgerConsumed,
    Match,
    Proposal,
    SettlementBatch,
    SettlementLine,
)
from reconciliation.movements import MOST_CANDIDATES, candidate_lines, movements_minor
from reconciliation.services import resolving, undoing
from reconciliation.services.importing import import_file, receive_file, source_for
from reconciliation.services.matching import look_for_missing
from tests.payments.races import run_together
from tests.reconciliation.till import NOON, SETTLED, bank_statements, payout, settled, till_of, written
from tests.reconciliation.two_people import undo

pytestmark = pytest.mark.django_db

NOW = SETTLED + timedelta(days=30)


def settles(till, path, *rows, batch="42"):
    """Import a batch of the rows that adds up."""
    till.imports(written(path / f"{batch}.csv", [*rows, payout(rows, batch=batch)]))


def only(kind):
    return Discrepancy.objects.get(kind=kind)


def stands(discrepancy):
    discrepancy.refresh_from_db()
    return (discrepancy.state, discrepancy.resolution, discrepancy.proposed_by, discrepancy.approved_by)


def told(discrepancy):
    """Return what its events say, in their order."""
    return [(each.actor, each.action) for each in discrepancy.events.order_by("id")]


def write_off(discrepancy, by="ada", approver="grace"):
    proposal = resolving.propose_write_off(discrepancy_id=discrepancy.pk, reason="too small to ask", by=by, now=NOW)
    return resolving.approve(proposal_id=proposal.pk, by=approver, now=NOW)


def propose(discrepancy, lines=(), entries=(), batches=(), by="ada"):
    return resolving.propose_match(
        discrepancy_id=discrepancy.pk,
        line_ids=[line.pk for line in lines],
        entry_ids=[entry.pk for entry in entries],
        batch_ids=[batch.pk for batch in batches],
        reason="the gateway says so",
        by=by,
        now=NOW,
    )


def entry_of(operation):
    return LedgerEntry.objects.filter(transaction=operation).earliest("id")


def look(till):
    source = source_for(till.account.slug, now=NOW)
    look_for_missing(source=source, now=NOW)


def test_what_is_settled_and_not_ours_is_written_off_by_two_and_undone_by_a_new_posting(till, tmp_path):
    settles(till, tmp_path, settled(900, "P9"))
    discrepancy = only("MISSING_HERE")
    assert till.balances() == {"CLEARING EUR": -900, "BANK EUR": 900}

    proposal = write_off(discrepancy)

    assert stands(discrepancy) == ("CLOSED", "WRITTEN_OFF", "ada", "grace")
    assert till.balances() == {"WRITE_OFF EUR": -900, "BANK EUR": 900}
    assert (proposal.posting.cause, proposal.amount_minor) == ("written_off", 900)
    look(till)
    assert till.found() == {}

    undone = undo(discrepancy, now=NOW, reason="the guest was found")

    assert stands(discrepancy) == ("OPEN", "", "", "")
    assert till.balances() == {"CLEARING EUR": -900, "BANK EUR": 900}
    assert sorted(Posting.objects.values_list("cause", flat=True)) == ["paid_out", "write_off_undone", "written_off"]
    assert told(discrepancy) == [
        *(("system", "opened"), ("ada", "proposed"), ("grace", "approved")),
        *(("linus", "proposed"), ("grace", "undone")),
    ]
    proposal.refresh_from_db()
    assert (undone.undoes, proposal.undo_proposed_by, proposal.undone_by) == (proposal, "linus", "grace")
    assert write_off(discrepancy).pk != proposal.pk
    assert not any("has no order" in finding.message for finding in ledger_findings())


@pytest.mark.parametrize(
    ("booked", "stated", "currency", "kind", "left"),
    [
        (4_500, 4_700, "EUR", "AMOUNT", {"WRITE_OFF EUR": -200}),
        (4_500, 4_450, "EUR", "AMOUNT", {"WRITE_OFF EUR": 50}),
        (4_500, 4_500, "USD", "CURRENCY", {"WRITE_OFF EUR": 4_500, "WRITE_OFF USD": -4_500}),
        (-4_500, -4_700, "EUR", "AMOUNT", {"WRITE_OFF EUR": 200}),
    ],
)
def test_a_write_off_leaves_clearing_at_nil(till, tmp_path, booked, stated, currency, kind, left):
    till.books(booked, "P1", kind="SALE" if booked > 0 else "REFUND")
    till.save()
    of_type = {} if booked > 0 else {"type": "Refunded", "modification": "P1"}
    settles(till, tmp_path, settled(stated, "P1", currency=currency, net_minor=stated, **of_type))

    write_off(only(kind))

    balances = till.balances()
    assert {name: minor for name, minor in balances.items() if name.startswith("WRITE_OFF")} == left
    assert [name for name in balances if name.startswith("CLEARING")] == []


def test_what_nobody_settled_is_written_off(till):
    till.books(4_500, "P1", surcharge_minor=120)
    till.save()
    look(till)

    write_off(only("MISSING_THERE"))

    assert till.balances() == {"RECEIVABLE EUR": -4_380, "SURCHARGE EUR": -120, "WRITE_OFF EUR": 4_500}


@pytest.mark.parametrize(("kind", "words"), [("FEE", "posted as they were taken"), ("LATE", "It was settled")])
def test_what_leaves_nothing_is_not_written_off_but_explained(till, tmp_path, kind, words):
    till.books(4_500, "P1", at=NOON - timedelta(days=20))
    till.save()
    settles(till, tmp_path, settled(4_500, "P1", fee="0.45", **{"Markup (NC)": "0.10"}))
    discrepancy = only(kind)

    with pytest.raises(NotResolvable, match=words):
        write_off(discrepancy)
    resolving.explain(discrepancy_id=discrepancy.pk, reason="agreed by mail", by="ada", now=NOW)

    assert stands(discrepancy) == ("CLOSED", "EXPLAINED", "", "")
    look(till)
    assert stands(discrepancy) == ("CLOSED", "EXPLAINED", "", "")
    undoing.undo(discrepancy_id=discrepancy.pk, reason="it was not", by="ada", now=NOW)
    assert stands(discrepancy) == ("OPEN", "", "", "")
    assert Proposal.objects.count() == 0


def test_several_lines_are_matched_with_several_movements_and_what_is_left_stays_open(
    till, tmp_path, django_assert_num_queries
):
    booked = [till.books(minor, f"P{minor}") for minor in (3_000, 2_000, 1_500)]
    till.save()
    look(till)
    settles(till, tmp_path, settled(4_000, "X1"), settled(2_600, "X2"))
    lines = list(SettlementLine.objects.filter(kind="CAPTURE").order_by("id"))
    entries = [entry_of(operation) for operation in booked]
    discrepancy = Discrepancy.objects.get(line=lines[0])

    proposal = propose(discrepancy, lines, entries)
    assert (proposal.amount_minor, stands(discrepancy)[0]) == (100, "PROPOSED")
    assert till.found() == {"MISSING_HERE": 2, "MISSING_THERE": 3}
    resolving.approve(proposal_id=proposal.pk, by="grace", now=NOW)

    assert stands(discrepancy) == ("CLOSED", "MATCHED_BY_HAND", "ada", "grace")
    assert till.found() == {"AMOUNT": 1}
    lead, follower = Match.objects.filter(rule="HAND").order_by("id")
    assert (lead.difference_minor, lead.matched_by, follower.lead_id) == (100, "ada", lead.pk)
    assert set(LedgerConsumed.objects.values_list("entry_id", "match_id")) == {(entry.pk, lead.pk) for entry in entries}
    with django_assert_num_queries(1):
        assert movements_minor(entries, LedgerAccount.CLEARING) == dict(
            zip([entry.pk for entry in entries], [3_000, 2_000, 1_500], strict=True)
        )
    look(till)
    assert till.found() == {"AMOUNT": 1}

    undo(discrepancy, now=NOW)

    assert till.found() == {"MISSING_HERE": 2, "MISSING_THERE": 3}
    assert LedgerConsumed.objects.count() == 0
    lead.refresh_from_db()
    assert (lead.undone_at, lead.released_entry_ids) == (NOW, sorted(entry.pk for entry in entries))
    # The same can be matched again, and what it leaves is open again.
    resolving.approve(proposal_id=propose(discrepancy, lines, entries).pk, by="grace", now=NOW)
    assert till.found() == {"AMOUNT": 1}
    assert (stands(only("AMOUNT")), only("AMOUNT").reason) == (("OPEN", "", "", ""), "")
    write_off(only("AMOUNT"))
    assert [name for name in till.balances() if name.startswith("CLEARING")] == []
    with pytest.raises(NotResolvable, match="written off: undo that first"):
        undo(discrepancy, now=NOW)


def test_what_does_not_belong_together_is_not_proposed(till, payment, tmp_path):
    till.books(4_500, "P1")
    till.save()
    entry = LedgerEntry.objects.latest("id")
    settles(till, tmp_path, settled(900, "X1"), settled(900, "X2", currency="USD", net_minor=800), settled(4_500, "P1"))
    first, second, matched = SettlementLine.objects.filter(kind="CAPTURE").order_by("id")
    other = till_of(payment)
    settles(other, tmp_path, settled(900, "X3"), batch="other")
    stranger = SettlementLine.objects.get(gateway_reference="MX3")
    discrepancy = Discrepancy.objects.get(line=first)

    for lines, entries, words in (
        ([], [], "at least one line"),
        ([first, second], [], "in one currency"),
        ([first, stranger], [], "of one account"),
        ([first, matched], [], "A line was matched"),
        ([first], [entry], "A movement was matched"),
        ([first], [], "come to nothing"),
        ([second], [], "come to nothing"),
    ):
        with pytest.raises(NotResolvable, match=words):
            propose(discrepancy, lines, entries)

    assert (Proposal.objects.count(), told(discrepancy)) == (0, [("system", "opened")])


def test_lines_that_cancel_each_other_are_matched_without_a_movement(till, tmp_path):
    settles(till, tmp_path, settled(900, "X1"), settled(-900, "X2", type="Refunded", modification="X2"))
    lines = list(SettlementLine.objects.exclude(kind="PAYOUT"))

    resolving.approve(proposal_id=propose(only_of(lines[0]), lines).pk, by="grace", now=NOW)

    assert (till.found(), till.balances()) == ({}, {})


def test_lines_that_give_a_name_are_offered_before_those_that_come_near(till, tmp_path):
    near = [settled(900 + number, f"NEAR{number}") for number in range(MOST_CANDIDATES)]
    settles(till, tmp_path, *near, settled(70_000, "FAR"))
    source = source_for(till.account.slug, now=NOW)

    named, unnamed = (
        candidate_lines(source_id=source.pk, currency="EUR", minor=900, references=references)
        for references in (["", "FAR"], [])
    )

    assert [line.gross_minor for line in named] == [70_000, *range(900, 919)]
    assert [line.gross_minor for line in unnamed] == list(range(900, 920))


def only_of(line):
    return Discrepancy.objects.get(line=line)


def test_a_line_of_the_bank_is_matched_with_payouts_and_given_back(till, tmp_path):
    bank = bank_statements()
    for batch, minor in (("1", 900), ("2", 700)):
        till.books(minor, f"P{batch}")
        till.save()
        settles(till, tmp_path, settled(minor, f"P{batch}", batch=batch), batch=batch)
    statement = tmp_path / "statement.csv"
    statement.write_text(f"Amount,Currency,Date,Text\n16.00,EUR,{SETTLED:%Y-%m-%d},unreadable\n")
    imports_statement(bank, statement)
    discrepancy, line = only("UNKNOWN_CREDIT"), SettlementLine.objects.get(kind="BANK")
    batches = list(SettlementBatch.objects.filter(state="BALANCED").order_by("reference"))

    with pytest.raises(NotResolvable, match="exactly the payouts"):
        propose(discrepancy, [line], batches=batches[:1])
    resolving.approve(proposal_id=propose(discrepancy, [line], batches=batches).pk, by="grace", now=NOW)

    assert {(each.state, each.bank_line_id) for each in SettlementBatch.objects.filter(source__kind="GATEWAY")} == {
        ("PAID", line.pk)
    }
    undo(discrepancy, now=NOW)
    assert {(each.state, each.bank_line_id) for each in SettlementBatch.objects.filter(source__kind="GATEWAY")} == {
        ("BALANCED", None)
    }
    assert stands(discrepancy)[0] == "OPEN"
    assert Match.objects.get(line=line).released_batch_ids == [each.pk for each in batches]


def imports_statement(source, path):
    report = receive_file(
        source=source, path=path, file_name=path.name, skips_bad_lines=False, received_by="test", now=timezone.now()
    )
    import_file(report=report, path=path, clock=timezone.now)


@pytest.fixture
def proposal(till, tmp_path):
    """A write-off that ada proposed."""
    settles(till, tmp_path, settled(900, "P9"))
    return resolving.propose_write_off(
        discrepancy_id=only("MISSING_HERE").pk, reason="too small to ask", by="ada", now=NOW
    )


def test_who_proposed_neither_approves_nor_rejects_and_only_they_withdraw(proposal, till):
    discrepancy = proposal.discrepancy
    for refused, words in (
        (lambda: resolving.approve(proposal_id=proposal.pk, by="ada", now=NOW), "a second person"),
        (lambda: resolving.reject(proposal_id=proposal.pk, reason="no", by="ada", now=NOW), "a second person"),
        (lambda: resolving.withdraw(proposal_id=proposal.pk, by="grace", now=NOW), "reject it instead"),
        (lambda: resolving.reject(proposal_id=proposal.pk, reason=" ", by="grace", now=NOW), "Say why"),
        (lambda: write_off(discrepancy), "decided or withdrawn first"),
        (
            lambda: resolving.explain(discrepancy_id=discrepancy.pk, reason="it is", by="grace", now=NOW),
            "decided or withdrawn first",
        ),
    ):
        with pytest.raises(NotResolvable, match=words):
            refused()
    assert stands(discrepancy) == ("PROPOSED", "", "ada", "")

    resolving.withdraw(proposal_id=proposal.pk, by="ada", now=NOW)
    assert stands(discrepancy) == ("OPEN", "", "", "")
    again = resolving.propose_write_off(discrepancy_id=discrepancy.pk, reason="small", by="ada", now=NOW)
    resolving.reject(proposal_id=again.pk, reason="ask them first", by="grace", now=NOW)

    assert stands(discrepancy) == ("OPEN", "", "", "")
    with pytest.raises(NotResolvable, match="rejected already, by grace"):
        resolving.approve(proposal_id=again.pk, by="grace", now=NOW)
    assert (Posting.objects.filter(cause="written_off").count(), till.balances()["CLEARING EUR"]) == (0, -900)
    assert told(discrepancy)[1:] == [
        ("ada", "proposed"),
        ("ada", "withdrawn"),
        ("ada", "proposed"),
        ("grace", "rejected"),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        "decision = 'APPROVED', decided_by = 'ada', decided_at = now(), posting_id = %(posting)s",
        "decision = 'APPROVED', decided_by = '', decided_at = now(), posting_id = %(posting)s",
        "decision = 'APPROVED', decided_by = 'grace', decided_at = now()",
        "decision = 'REJECTED'",
        "undone_by = 'grace', undone_at = now()",
    ],
)
def test_four_eyes_on_a_proposal_are_the_databases_own(proposal, changes):
    posting = Posting.objects.earliest("posted_at")
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE reconciliation_proposal SET {changes}", {"posting": posting.pk})

    with pytest.raises(IntegrityError), transaction.atomic():
        Proposal.objects.create(
            discrepancy=proposal.discrepancy,
            kind="WRITE_OFF",
            reason="again",
            amount_minor=900,
            currency="EUR",
            proposed_by="grace",
            proposed_at=NOW,
        )


def test_somebody_takes_it_on_and_says_what_they_found(till, tmp_path):
    settles(till, tmp_path, settled(900, "P9"))
    discrepancy = only("MISSING_HERE")
    ada = get_user_model().objects.create_user("ada")

    resolving.assign(discrepancy_id=discrepancy.pk, assignee=ada, by="grace", now=NOW)
    resolving.comment(discrepancy_id=discrepancy.pk, text="asked the gateway", by="ada", now=NOW)
    assert stands(discrepancy)[0] == "ASSIGNED"
    resolving.assign(discrepancy_id=discrepancy.pk, assignee=None, by="ada", now=NOW)

    assert stands(discrepancy)[0] == "OPEN"
    events = DiscrepancyEvent.objects.filter(discrepancy=discrepancy).order_by("id")
    assert [(each.actor, each.action, each.detail, each.state_after) for each in events][1:] == [
        ("grace", "assigned", "to ada", "ASSIGNED"),
        ("ada", "commented", "asked the gateway", "ASSIGNED"),
        ("ada", "assigned", "to nobody", "OPEN"),
    ]
    with pytest.raises(NotResolvable, match="Say why"):
        resolving.comment(discrepancy_id=discrepancy.pk, text="", by="ada", now=NOW)


def test_what_comes_right_by_itself_overtakes_a_proposal(till, tmp_path):
    settles(till, tmp_path, settled(900, "P9"))
    discrepancy = only("MISSING_HERE")
    proposal = resolving.propose_write_off(discrepancy_id=discrepancy.pk, reason="small", by="ada", now=NOW)
    till.books(900, "P9")
    till.save()

    look(till)

    assert stands(discrepancy)[:2] == ("CLOSED", "ARRIVED")
    proposal.refresh_from_db()
    assert (proposal.decision, proposal.decided_by) == ("OVERTAKEN", "system")
    with pytest.raises(NotResolvable, match="nothing to undo"):
        undoing.undo(discrepancy_id=discrepancy.pk, reason="no", by="ada", now=NOW)


@pytest.mark.django_db(transaction=True)
def test_a_write_off_that_two_approve_at_once_is_posted_once(proposal, till):
    def approving(by):
        return lambda: resolving.approve(proposal_id=proposal.pk, by=by, now=NOW)

    results = run_together(approving("grace"), approving("linus"))

    assert sorted(type(result).__name__ for result in results) == ["NotResolvable", "Proposal"]
    assert Posting.objects.filter(cause="written_off").count() == 1
    assert till.balances() == {"WRITE_OFF EUR": -900, "BANK EUR": 900}
