"""What was written off and comes after all is before people, until the write-off is undone."""

from datetime import timedelta

import pytest

from reconciliation.errors import NotResolvable
from reconciliation.models import Discrepancy, SettlementBatch
from reconciliation.services import resolving
from reconciliation.services.drift import read_drift
from reconciliation.services.importing import import_file, receive_file, source_for
from reconciliation.services.matching import look_for_missing
from tests.reconciliation.till import SETTLED, bank_statements, payout, settled, written
from tests.reconciliation.two_people import undo

pytestmark = pytest.mark.django_db

NOW = SETTLED + timedelta(days=30)


def look(till):
    look_for_missing(source=source_for(till.account.slug, now=NOW), now=NOW)


def write_off(discrepancy):
    proposal = resolving.propose_write_off(discrepancy_id=discrepancy.pk, reason="lost", by="ada", now=NOW)
    resolving.approve(proposal_id=proposal.pk, by="grace", now=NOW)


def stands(kind):
    found = Discrepancy.objects.get(kind=kind)
    return (found.state, found.resolution, found.amount_minor)


def test_a_movement_that_is_settled_after_it_was_written_off_is_told_until_that_is_undone(till, tmp_path):
    till.books(900, "P1", surcharge_minor=40)
    till.save()
    look(till)
    missing = Discrepancy.objects.get(kind="MISSING_THERE")
    write_off(missing)
    rows = [settled(900, "P1")]

    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))
    look(till)

    assert till.found() == {"SETTLED_AFTER_ALL": 1}
    assert stands("SETTLED_AFTER_ALL") == ("OPEN", "", 900)
    came = Discrepancy.objects.get(kind="SETTLED_AFTER_ALL")
    assert (came.entry_id, came.opened_on) == (missing.entry_id, SETTLED.date())
    assert list(came.events.values_list("actor", "action", "amount_minor")) == [("system", "opened", 900)]
    assert till.balances()["CLEARING EUR"] == -900
    assert {reading.unexplained_minor for reading in read_drift(source=missing.source, now=NOW)} == {0}
    with pytest.raises(NotResolvable, match="undo the write-off"):
        resolving.propose_write_off(discrepancy_id=came.pk, reason="twice", by="ada", now=NOW)

    undo(missing, now=NOW)

    assert till.found() == {}
    assert stands("SETTLED_AFTER_ALL") == ("CLOSED", "ARRIVED", 900)
    assert stands("MISSING_THERE") == ("CLOSED", "ARRIVED", 900)
    assert "CLEARING EUR" not in till.balances()
    look(till)
    assert till.found() == {}


def test_a_payout_that_the_bank_has_after_it_was_written_off_is_told_until_that_is_undone(till, tmp_path):
    bank = bank_statements()
    till.books(900, "P1")
    till.save()
    rows = [settled(900, "P1", batch="B42")]
    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows, batch="B42")]))
    look(till)
    missing = Discrepancy.objects.get(kind="NOT_IN_BANK")
    write_off(missing)
    statement = tmp_path / "statement.csv"
    statement.write_text(f"Amount,Currency,Date,Text\n9.00,EUR,{NOW:%Y-%m-%d},B42\n")

    report = receive_file(
        source=bank, path=statement, file_name="s.csv", skips_bad_lines=False, received_by="test", now=NOW
    )
    import_file(report=report, path=statement)

    assert SettlementBatch.objects.get(reference="B42").state == "PAID"
    came = Discrepancy.objects.get(kind="SETTLED_AFTER_ALL")
    assert (came.batch_id, came.amount_minor, came.source_id) == (missing.batch_id, 900, missing.source_id)
    assert till.found() == {"SETTLED_AFTER_ALL": 1}

    undo(missing, now=NOW)

    assert till.found() == {}
    assert till.balances() == {"RECEIVABLE EUR": -900, "BANK EUR": 900}


def test_who_leaves_a_write_off_as_it_is_says_why_once(till, tmp_path):
    till.books(900, "P1")
    till.save()
    look(till)
    write_off(Discrepancy.objects.get(kind="MISSING_THERE"))
    rows = [settled(900, "P1")]
    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))
    came = Discrepancy.objects.get(kind="SETTLED_AFTER_ALL")

    resolving.explain(discrepancy_id=came.pk, reason="booked as income by hand", by="ada", now=NOW)
    look(till)

    assert stands("SETTLED_AFTER_ALL") == ("CLOSED", "EXPLAINED", 900)


def test_a_payout_that_grows_after_it_was_written_off_is_told_until_that_is_undone(till, tmp_path):
    bank_statements()
    till.books(900, "P1")
    till.books(300, "P2")
    till.books(50, "P3")
    till.save()
    rows = [settled(900, "P1", batch="B42"), settled(300, "P2", batch="B42"), settled(50, "P3", batch="B42")]
    till.imports(written(tmp_path / "first.csv", [rows[0], payout(rows[:1], batch="B42")]))
    look(till)
    missing = Discrepancy.objects.get(kind="NOT_IN_BANK")
    write_off(missing)

    till.imports(written(tmp_path / "anew.csv", [*rows[:2], payout(rows[:2], batch="B42")]))
    look(till)

    assert stands("ANOTHER_PAYOUT") == ("OPEN", "", 300)
    another = Discrepancy.objects.get(kind="ANOTHER_PAYOUT")
    assert (another.batch_id, another.currency) == (missing.batch_id, "EUR")
    assert till.balances()["BANK EUR"] == 300
    with pytest.raises(NotResolvable, match="Undo the write-off"):
        resolving.propose_write_off(discrepancy_id=another.pk, reason="more", by="ada", now=NOW)
    resolving.explain(discrepancy_id=another.pk, reason="it comes tomorrow", by="ada", now=NOW)
    look(till)
    assert stands("ANOTHER_PAYOUT") == ("CLOSED", "EXPLAINED", 300)

    till.imports(written(tmp_path / "last.csv", [*rows, payout(rows, batch="B42")]))
    assert stands("ANOTHER_PAYOUT") == ("OPEN", "", 350)

    undo(missing, now=NOW)
    look(till)

    assert stands("ANOTHER_PAYOUT") == ("CLOSED", "ARRIVED", 350)
    assert stands("NOT_IN_BANK") == ("OPEN", "", 1_250)
    write_off(missing)
    look(till)
    assert "BANK EUR" not in till.balances()
    assert set(Discrepancy.objects.values_list("state", flat=True)) == {"CLOSED"}


def test_a_payout_that_is_what_was_written_off_again_is_told_no_more(till, tmp_path):
    bank_statements()
    till.books(900, "P1")
    till.save()
    rows = [settled(900, "P1", batch="B42"), settled(-300, "P2", batch="B42")]
    for name, told in (("first", rows[:1]), ("anew", rows), ("last", rows[:1])):
        told = [row | {"Company Account": name} for row in (*told, payout(told, batch="B42"))]
        till.imports(written(tmp_path / f"{name}.csv", told))
        look(till)
        if name == "first":
            write_off(Discrepancy.objects.get(kind="NOT_IN_BANK"))
        elif name == "anew":
            assert stands("ANOTHER_PAYOUT") == ("OPEN", "", 300)

    assert stands("ANOTHER_PAYOUT") == ("CLOSED", "ARRIVED", 300)
    assert stands("NOT_IN_BANK") == ("CLOSED", "WRITTEN_OFF", 900)
