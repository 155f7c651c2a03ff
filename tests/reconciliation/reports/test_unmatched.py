"""What CLEARING holds is told item by item, through write-offs, matches by hand and their undoing."""

from datetime import timedelta

import pytest
from django.utils import timezone

from payments.models import LedgerEntry
from reconciliation.models import Discrepancy, SettlementLine
from reconciliation.services import resolving
from tests.reconciliation.reports.asking import rows_of, sums_of
from tests.reconciliation.reports.test_sums import holds
from tests.reconciliation.till import payout, settled, written
from tests.reconciliation.two_people import undo

pytestmark = pytest.mark.django_db


def told():
    """Return what is told now: each item's status and amount; the sum is CLEARING's, or it is no report."""
    as_of = timezone.now() + timedelta(seconds=1)
    rows = rows_of("unmatched", as_of=as_of, is_live=False)
    assert sums_of(rows) == holds({"CLEARING"}, as_of=as_of, is_live=False)
    return sorted((row["status"], row["amount_minor"]) for row in rows)


def test_what_is_written_off_leaves_the_list_and_comes_back_when_that_is_undone(till, tmp_path):
    till.books(5_000, "P1")
    till.books(700, "P7")
    till.save()
    rows = [settled(5_040, "P1"), settled(900, "P9")]
    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))
    everything = [("NOT_IN_OUR_BOOKS", -900), ("NOT_SETTLED", 700), ("SETTLED_OTHERWISE", -40)]
    assert told() == everything

    for discrepancy in Discrepancy.objects.order_by("kind"):
        now = timezone.now()
        proposal = resolving.propose_write_off(discrepancy_id=discrepancy.pk, reason="too small", by="ada", now=now)
        resolving.approve(proposal_id=proposal.pk, by="grace", now=now)

    assert told() == [("NOT_SETTLED", 700)]

    for discrepancy in Discrepancy.objects.order_by("kind"):
        undo(discrepancy, now=timezone.now())

    assert [row for row in told() if row[0] != "POSTED_BY_HAND"] == everything
    assert sum(minor for status, minor in told() if status == "POSTED_BY_HAND") == 0


def test_a_match_by_hand_takes_the_line_and_the_movement_off_the_list_and_its_undoing_brings_both_back(till, tmp_path):
    sale = till.books(700, "P7")
    till.save()
    rows = [settled(700, "P9")]
    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))
    before = timezone.now()
    assert told() == [("NOT_IN_OUR_BOOKS", -700), ("NOT_SETTLED", 700)]

    discrepancy = Discrepancy.objects.get()
    proposal = resolving.propose_match(
        discrepancy_id=discrepancy.pk,
        line_ids=[SettlementLine.objects.get(kind="CAPTURE").pk],
        entry_ids=[LedgerEntry.objects.filter(transaction=sale).earliest("id").pk],
        batch_ids=[],
        reason="the gateway says so",
        by="ada",
        now=timezone.now(),
    )
    resolving.approve(proposal_id=proposal.pk, by="grace", now=timezone.now())

    assert told() == []
    matched = timezone.now()
    settled_at = rows_of("payments", as_of=matched, is_live=False)[0]["settled_at"]
    assert settled_at is not None

    undo(discrepancy, now=timezone.now())

    assert told() == [("NOT_IN_OUR_BOOKS", -700), ("NOT_SETTLED", 700)]
    assert rows_of("payments", as_of=timezone.now(), is_live=False)[0]["settled_at"] is None
    for moment, at in ((before, None), (matched, settled_at)):
        assert rows_of("payments", as_of=moment, is_live=False)[0]["settled_at"] == at
