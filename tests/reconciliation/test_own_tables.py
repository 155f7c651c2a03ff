"""The lines of a large file, and their matches, are in tables of their own, and nobody notices."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.db import IntegrityError, connection, transaction

from payments.models import LedgerEntry
from reconciliation import own_tables
from reconciliation.importing.loading import load
from reconciliation.models import LedgerConsumed, Match, SettlementBatch, SettlementLine
from reconciliation.services import resolving
from reconciliation.services.importing import import_file, receive_file, source_for
from reconciliation.services.matching import match_report
from tests.reconciliation.till import SETTLED, bank_statements, payout, settled, till_of, written
from tests.reconciliation.two_people import undo

pytestmark = pytest.mark.django_db
NOW = SETTLED + timedelta(days=1)
MIGRATION = import_module("reconciliation.migrations.0021_give_large_files_tables_of_their_own")


@pytest.fixture(autouse=True)
def any_file_is_large(monkeypatch):
    monkeypatch.setattr(own_tables, "LEAST_LINES", 1)


def batch_of(path, number, *rows):
    """Write a file of a batch that adds up."""
    return written(path / f"{number}.csv", [*rows, payout(rows, batch=number)])


def tables_of(report) -> list[str]:
    """Return the tables that are a file's own."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relname LIKE %s AND relispartition", [f"%{report.pk.hex}"])
        return sorted(name for (name,) in cursor.fetchall() if "pkey" not in name and "one_match" not in name)


def only_longer_files_are_large(monkeypatch):
    monkeypatch.setattr(own_tables, "LEAST_LINES", 1_000)


def test_each_large_file_has_its_own_and_small_ones_share(till, tmp_path, monkeypatch):
    for number in range(1, 4):
        till.books(1_000 * number, f"P{number}")
    till.save()
    reports = [
        till.imports(batch_of(tmp_path, f"{n}", settled(1_000 * n, f"P{n}", batch=f"{n}"))).report for n in (1, 2)
    ]
    only_longer_files_are_large(monkeypatch)
    reports.append(till.imports(batch_of(tmp_path, "3", settled(3_000, "P3", batch="3"))).report)

    for report in reports[:2]:
        lines, matches = f"reconciliation_settlementline_{report.pk.hex}", f"reconciliation_match_{report.pk.hex}"
        assert [name for name in tables_of(report) if "idx" not in name] == [matches, lines]
    assert (tables_of(reports[2]), reports[2].first_line_id) == ([], None)
    ids = {report: sorted(report.lines.values_list("id", flat=True)) for report in reports}
    assert [ids[report] for report in reports[:2]] == [[r.first_line_id + 2, r.first_line_id + 3] for r in reports[:2]]
    assert max(ids[reports[2]]) < reports[0].first_line_id < reports[1].first_line_id
    assert (Match.objects.count(), LedgerConsumed.objects.count(), till.found()) == (6, 3, {})
    assert till.balances() == {"RECEIVABLE EUR": -6_000, "BANK EUR": 6_000}


@pytest.mark.parametrize("first_is_large", [True, False])
def test_a_movement_is_taken_once_whichever_tables_the_files_have(till, tmp_path, monkeypatch, first_is_large):
    till.books(4_500, "P1")
    till.save()
    sizes = [1, 1_000] if first_is_large else [1_000, 1]
    for number, least_lines in zip("12", sizes, strict=True):
        monkeypatch.setattr(own_tables, "LEAST_LINES", least_lines)
        till.imports(batch_of(tmp_path, number, settled(4_500, "P1", batch=number)))

    assert (till.found(), LedgerConsumed.objects.count()) == ({"DUPLICATE": 1}, 1)


def test_the_database_alone_refuses_what_is_taken_and_what_is_matched(till, tmp_path):
    till.books(4_500, "P1")
    till.save()
    till.imports(batch_of(tmp_path, "1", settled(4_500, "P1", batch="1")))
    match = Match.objects.get(rule="PAYMENT")

    with pytest.raises(IntegrityError, match="reconciliation_ledgerconsumed_pkey"), transaction.atomic():
        LedgerConsumed.objects.bulk_create([LedgerConsumed(entry=LedgerEntry.objects.earliest("id"), match=match)])
    with pytest.raises(IntegrityError, match="one_match_per_line"), transaction.atomic():
        Match.objects.create(line=match.line, rule="HAND", matched_by="ada", matched_at=NOW)
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        SettlementLine.objects.update(gross_minor=1)
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM reconciliation_settlementline")


def test_people_match_and_undo_what_is_in_tables_of_its_own(till, tmp_path):
    operation = till.books(4_500, "P1")
    till.save()
    till.imports(batch_of(tmp_path, "1", settled(4_500, "X1", batch="1")))
    line = SettlementLine.objects.get(kind="CAPTURE")
    discrepancy = line.discrepancies.get(kind="MISSING_HERE")

    for _ in range(2):
        proposal = resolving.propose_match(
            discrepancy_id=discrepancy.pk,
            line_ids=[line.pk],
            entry_ids=[operation.ledger_entries.get().pk],
            batch_ids=[],
            reason="the gateway says so",
            by="ada",
            now=NOW,
        )
        resolving.approve(proposal_id=proposal.pk, by="grace", now=NOW)
        assert (till.found(), LedgerConsumed.objects.get().match.line) == ({}, line)
        undo(discrepancy, now=NOW)
        assert (till.found(), LedgerConsumed.objects.count()) == ({"MISSING_HERE": 1}, 0)

    assert line.matches.filter(undone_at=None).count() == 0
    assert [match.released_entry_ids for match in line.matches.all()] == [[operation.ledger_entries.get().pk]] * 2


def test_who_dies_between_the_lines_and_their_matches_goes_on_there(till, tmp_path):
    till.books(4_500, "P1")
    till.save()
    path = batch_of(tmp_path, "1", settled(4_500, "P1", batch="1"))
    report = till.receives(path)
    load(report=report, path=path, clock=lambda: NOW, progress=None)
    assert (report.state, report.lines.count(), Match.objects.count()) == ("LOADED", 2, 0)

    match_report(report=report, now=NOW)

    assert (report.state, Match.objects.count(), till.found()) == ("MATCHED", 2, {})
    assert not import_file(report=report, path=path).is_new


def test_a_bank_statement_may_be_large_too(till, tmp_path):
    till.books(4_500, "P1")
    till.save()
    till.imports(batch_of(tmp_path, "1", settled(4_500, "P1", batch="1")))
    path = tmp_path / "bank.csv"
    path.write_text(f"Date,Amount,Currency,Text\n{SETTLED:%Y-%m-%d},45.00,EUR,payout 1\n")

    bank = bank_statements()
    report = receive_file(
        source=bank, path=path, file_name="bank.csv", skips_bad_lines=False, received_by="test", now=NOW
    )
    import_file(report=report, path=path)

    assert SettlementBatch.objects.get(reference="1").bank_line == report.lines.get()
    assert report.lines.get().matches.get().rule == "BANK"


def test_going_back_keeps_every_line_and_match_and_coming_again_too(till, tmp_path, monkeypatch):
    till.books(4_500, "P1")
    till.books(900, "P2")
    till.save()
    till.imports(batch_of(tmp_path, "1", settled(4_500, "P1", batch="1")))
    only_longer_files_are_large(monkeypatch)
    till.imports(batch_of(tmp_path, "2", settled(900, "P2", batch="2")))
    before = [list(model.objects.order_by("id").values()) for model in (SettlementLine, Match)]

    connection.check_constraints()
    with connection.cursor() as cursor:
        for way in (MIGRATION.BACKWARD, MIGRATION.FORWARD):
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(way)
            assert [list(model.objects.order_by("id").values()) for model in (SettlementLine, Match)] == before

    till.books(100, "P3")
    till.save()
    till.imports(batch_of(tmp_path, "3", settled(100, "P3", batch="3")))
    assert (till.found(), Match.objects.count()) == ({}, 6)
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        SettlementLine.objects.update(gross_minor=1)
    assert source_for(till.account.slug, now=NOW).batches.count() == 3


def test_a_till_of_another_account_shares_no_range(payment, tmp_path):
    firsts = []
    for number in (1, 2):
        till = till_of(payment)
        till.books(4_500, f"P{number}")
        till.save()
        firsts.append(till.imports(batch_of(tmp_path, f"{number}", settled(4_500, f"P{number}"))).report.first_line_id)

    assert abs(firsts[0] - firsts[1]) >= 2**32


@pytest.mark.parametrize(("is_large", "of"), [(True, ""), (False, "_common")])
def test_a_small_file_counts_no_large_one_again(till, tmp_path, monkeypatch, is_large, of):
    for number in range(1, 3):
        till.books(4_500, f"P{number}")
    till.save()
    till.imports(batch_of(tmp_path, "1", settled(4_500, "P1", batch="1")))
    if not is_large:
        only_longer_files_are_large(monkeypatch)

    analyzed = []

    def note(execute, sql, params, many, context):
        if "ANALYZE" in str(sql):
            analyzed.append(sql if isinstance(sql, str) else sql.as_string(connection.connection))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        till.imports(batch_of(tmp_path, "2", settled(4_500, "P2", batch="2")))

    assert analyzed[-1] == f'ANALYZE "reconciliation_match{of}" ("id", "line_id")'
    assert f'ANALYZE "reconciliation_settlementline{of}" ("report_id", "batch_id", "kind")' in analyzed
