"""Two people work on one payout at once, from the gateway's side and from the bank's: one of them wins."""

from datetime import timedelta

import pytest
from django.db import transaction

from payments.models import LedgerEntry, Posting
from reconciliation.errors import NotResolvable
from reconciliation.models import Discrepancy, LedgerConsumed, Match, Proposal, SettlementBatch, SettlementLine
from reconciliation.services import resolving, undoing
from reconciliation.services.importing import import_file, receive_file, source_for
from reconciliation.services.matching import look_for_missing
from tests.bookings.racing import Racer
from tests.payments.races import meet, run_together
from tests.reconciliation.till import SETTLED, bank_statements, payout, settled, written

NOW = SETTLED + timedelta(days=30)


@pytest.fixture
def bank():
    return bank_statements()


@pytest.fixture
def credit(till, bank, tmp_path):
    """A payout of 9.00 EUR that the bank does not have in time, and 9.00 EUR of last year that it has."""
    till.books(900, "P1")
    till.save()
    rows = [settled(900, "P1")]
    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))
    look_for_missing(source=source_for(till.account.slug, now=NOW), now=NOW)
    statement = tmp_path / "statement.csv"
    statement.write_text(f"Amount,Currency,Date,Text\n9.00,EUR,{SETTLED - timedelta(days=300):%Y-%m-%d},unreadable\n")
    report = receive_file(
        source=bank, path=statement, file_name="s.csv", skips_bad_lines=False, received_by="test", now=NOW
    )
    import_file(report=report, path=statement)
    return Discrepancy.objects.get(kind="UNKNOWN_CREDIT")


def proposed_match(credit):
    return resolving.propose_match(
        discrepancy_id=credit.pk,
        line_ids=[credit.line_id],
        entry_ids=[],
        batch_ids=[SettlementBatch.objects.get(state="BALANCED").pk],
        reason="the gateway says so",
        by="ada",
        now=NOW,
    )


def approving(proposal):
    return lambda: resolving.approve(proposal_id=proposal.pk, by="grace", now=NOW)


@pytest.mark.django_db(transaction=True)
def test_a_match_with_the_bank_that_is_undone_from_both_sides_at_once_is_undone_once(credit, monkeypatch):
    approving(proposed_match(credit))()
    missing = Discrepancy.objects.get(kind="NOT_IN_BANK")
    assert missing.resolution == "MATCHED_BY_HAND"
    meet(monkeypatch, undoing, "_approved_proposal")

    def proposing(discrepancy):
        wish = {"discrepancy_id": discrepancy.pk, "reason": "another bank", "by": "linus", "now": NOW}
        return lambda: undoing.propose_undo(**wish)

    proposed = run_together(proposing(credit), proposing(missing))
    assert sorted(type(result).__name__ for result in proposed) == ["NotResolvable", "Proposal"]
    undo = Proposal.objects.get(kind="UNDO")
    approved = run_together(approving(undo), approving(undo))

    assert sorted(type(result).__name__ for result in approved) == ["NotResolvable", "Proposal"]
    assert list(Match.objects.filter(rule="HAND").values_list("undone_at", flat=True)) == [NOW]
    assert set(Discrepancy.objects.values_list("kind", "state")) == {
        ("UNKNOWN_CREDIT", "OPEN"),
        ("NOT_IN_BANK", "OPEN"),
    }
    batch = SettlementBatch.objects.get(source__kind="GATEWAY")
    assert (batch.state, batch.bank_line_id) == ("BALANCED", None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_first", ["the write-off", "the match"])
def test_a_payout_is_written_off_or_matched_with_the_bank_and_never_both(credit, till, is_first):
    missing = Discrepancy.objects.get(kind="NOT_IN_BANK")
    write_off = resolving.propose_write_off(discrepancy_id=missing.pk, reason="lost", by="ada", now=NOW)
    proposals = [write_off, proposed_match(credit)]
    first, second = proposals if is_first == "the write-off" else reversed(proposals)

    with transaction.atomic():
        approving(first)()
        late = Racer(approving(second)).start()
        assert late.wait_until_blocked_or_done() is True
    with pytest.raises(NotResolvable):
        late.finish()

    is_written_off = first == write_off
    assert Posting.objects.filter(cause="written_off").count() == is_written_off
    assert SettlementBatch.objects.get(source__kind="GATEWAY").state == ("BALANCED" if is_written_off else "PAID")
    assert till.balances() == {"RECEIVABLE EUR": -900, ("WRITE_OFF EUR" if is_written_off else "BANK EUR"): 900}


@pytest.mark.django_db
def test_a_write_off_in_two_currencies_is_refused_where_either_amount_changed(till, tmp_path):
    operation = till.books(4_500, "P1", currency="USD")
    till.save()
    rows = [settled(900, "P1")]
    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))
    discrepancy = Discrepancy.objects.get(kind="CURRENCY")
    proposal = resolving.propose_write_off(discrepancy_id=discrepancy.pk, reason="converted", by="ada", now=NOW)
    till.books(500_000, "P1", currency="USD", of=operation)
    till.save()
    match = Match.objects.get(line=SettlementLine.objects.get(kind="CAPTURE"))
    LedgerConsumed.objects.create(entry=LedgerEntry.objects.latest("id"), match=match)

    with pytest.raises(NotResolvable, match="Another amount is left by now"):
        resolving.approve(proposal_id=proposal.pk, by="grace", now=NOW)

    assert Posting.objects.filter(cause="written_off").count() == 0


@pytest.fixture
def proposed_of_old(till, tmp_path):
    """A line that is not ours, of which a write-off was proposed before all of it was kept."""
    rows = [settled(900, "P1")]
    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))
    discrepancy = Discrepancy.objects.get(kind="MISSING_HERE")
    proposal = resolving.propose_write_off(discrepancy_id=discrepancy.pk, reason="small", by="ada", now=NOW)
    Proposal.objects.filter(pk=proposal.pk).update(transfers=[])
    return proposal


@pytest.mark.django_db
def test_what_was_proposed_before_all_of_it_was_kept_can_still_be_approved(till, proposed_of_old):
    resolving.approve(proposal_id=proposed_of_old.pk, by="grace", now=NOW)

    assert till.balances() == {"WRITE_OFF EUR": -900, "BANK EUR": 900}


@pytest.mark.django_db
@pytest.mark.parametrize("changed", [{"amount_minor": 901}, {"currency": "USD"}])
def test_of_what_was_proposed_before_all_of_it_was_kept_another_amount_is_refused(till, proposed_of_old, changed):
    Proposal.objects.filter(pk=proposed_of_old.pk).update(**changed)

    with pytest.raises(NotResolvable, match="Another amount is left by now"):
        resolving.approve(proposal_id=proposed_of_old.pk, by="grace", now=NOW)

    assert Posting.objects.filter(cause="written_off").count() == 0


@pytest.mark.django_db
def test_what_was_proposed_in_two_currencies_before_both_were_kept_is_proposed_anew(till, tmp_path):
    till.books(4_500, "P1", currency="USD")
    till.save()
    rows = [settled(900, "P1")]
    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))
    discrepancy = Discrepancy.objects.get(kind="CURRENCY")
    proposal = resolving.propose_write_off(discrepancy_id=discrepancy.pk, reason="converted", by="ada", now=NOW)
    Proposal.objects.filter(pk=proposal.pk).update(transfers=[])

    with pytest.raises(NotResolvable, match="does not say all"):
        resolving.approve(proposal_id=proposal.pk, by="grace", now=NOW)

    assert Posting.objects.filter(cause="written_off").count() == 0
