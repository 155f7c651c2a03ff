"""What two people decided, two people undo: it stays as it is until the second one approves."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.db import IntegrityError, connection, transaction

from payments.models import Posting
from reconciliation.errors import NotResolvable
from reconciliation.models import Discrepancy, Proposal
from reconciliation.selectors import discrepancies_before_people
from reconciliation.services import resolving, undoing
from tests.reconciliation.till import SETTLED, payout, settled, written

pytestmark = pytest.mark.django_db

NOW = SETTLED + timedelta(days=30)


@pytest.fixture
def written_off(till, tmp_path):
    rows = [settled(900, "P9")]
    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))
    discrepancy = Discrepancy.objects.get(kind="MISSING_HERE")
    proposal = resolving.propose_write_off(discrepancy_id=discrepancy.pk, reason="small", by="ada", now=NOW)
    resolving.approve(proposal_id=proposal.pk, by="grace", now=NOW)
    return discrepancy


def propose(discrepancy, by="ada"):
    return undoing.propose_undo(discrepancy_id=discrepancy.pk, reason="the guest was found", by=by, now=NOW)


def nothing_is_undone(till):
    return (
        set(Discrepancy.objects.values_list("state", "resolution")) == {("CLOSED", "WRITTEN_OFF")}
        and not Posting.objects.filter(cause="write_off_undone").exists()
        and till.balances() == {"WRITE_OFF EUR": -900, "BANK EUR": 900}
    )


def test_one_person_does_not_undo_what_two_decided(written_off, till):
    with pytest.raises(NotResolvable, match="propose that it is undone"):
        undoing.undo(discrepancy_id=written_off.pk, reason="found", by="linus", now=NOW)
    proposal = propose(written_off)
    for refused, words in (
        (lambda: resolving.approve(proposal_id=proposal.pk, by="ada", now=NOW), "a second person"),
        (lambda: propose(written_off, by="linus"), "ada has proposed to undo it"),
        (lambda: resolving.withdraw(proposal_id=proposal.pk, by="linus", now=NOW), "reject it instead"),
    ):
        with pytest.raises(NotResolvable, match=words):
            refused()

    assert nothing_is_undone(till)
    assert list(discrepancies_before_people()) == [written_off]


@pytest.mark.parametrize("ends", ["rejected", "withdrawn"])
def test_what_is_rejected_or_withdrawn_leaves_it_closed_and_may_be_proposed_again(written_off, till, ends):
    proposal = propose(written_off)

    if ends == "rejected":
        resolving.reject(proposal_id=proposal.pk, reason="it was not", by="grace", now=NOW)
    else:
        resolving.withdraw(proposal_id=proposal.pk, by="ada", now=NOW)

    assert nothing_is_undone(till)
    assert list(discrepancies_before_people()) == []
    last = written_off.events.latest("id")
    assert (last.action, last.state_before, last.state_after) == (ends, "CLOSED", "CLOSED")
    resolving.approve(proposal_id=propose(written_off).pk, by="linus", now=NOW)
    assert till.found() == {"MISSING_HERE": 1}


def test_that_two_undo_it_is_the_databases_own(written_off):
    done = Proposal.objects.filter(kind="WRITE_OFF")
    propose(written_off)

    for refused in (
        {"undone_by": "linus", "undone_at": NOW},
        {"undone_by": "linus", "undone_at": NOW, "undo_proposed_by": "linus"},
        {"undoes": done.get()},
        {"kind": "UNDO"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            done.update(**refused)
    with pytest.raises(IntegrityError), transaction.atomic():
        Proposal.objects.create(
            discrepancy=Discrepancy.objects.get(),
            kind="UNDO",
            undoes=done.get(),
            reason="again",
            amount_minor=900,
            currency="EUR",
            proposed_by="grace",
            proposed_at=NOW,
        )


def test_what_one_person_undid_before_it_took_two_can_still_be_changed(written_off):
    migration = import_module("reconciliation.migrations.0017_name_who_undid_alone")
    done = Proposal.objects.filter(kind="WRITE_OFF")
    with connection.cursor() as cursor:
        cursor.execute("SELECT convalidated FROM pg_constraint WHERE conname = 'four_eyes_on_an_undo'")
        assert cursor.fetchall() == [(True,)]
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE reconciliation_proposal DROP CONSTRAINT four_eyes_on_an_undo")
        done.update(undone_by="linus", undone_at=NOW)

        cursor.execute(migration.NAME_WHO_PROPOSED)

    assert list(done.values_list("undo_proposed_by", "undone_by")) == [("migration", "linus")]


def test_what_one_person_explained_one_person_opens_again(till, tmp_path):
    rows = [settled(900, "P9")]
    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))
    discrepancy = Discrepancy.objects.get(kind="MISSING_HERE")
    resolving.explain(discrepancy_id=discrepancy.pk, reason="a test", by="ada", now=NOW)

    with pytest.raises(NotResolvable, match="Nothing that two people decided"):
        propose(discrepancy)
    undoing.undo(discrepancy_id=discrepancy.pk, reason="it was none", by="ada", now=NOW)

    assert till.found() == {"MISSING_HERE": 1}
