"""Every night each source has its turn, whatever becomes of the others."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections

from gateways.models import GatewayAccount
from payments.models import Transaction
from reconciliation.models import Discrepancy, DriftReading, LedgerConsumed
from reconciliation.services.importing import source_for
from reconciliation.services.matching import look_for_missing
from reconciliation.services.resolving import explain
from reconciliation.tasks import look_for_missing as look_everywhere
from tests.payments.races import take_row_locks_away
from tests.processes import wait_until
from tests.reconciliation.test_faults import locked, waiting_for
from tests.reconciliation.till import NOON, SETTLED, payout, settled, till_of, written


def test_a_source_that_fails_is_told_of_and_those_behind_it_are_looked_at(till, payment):
    other = till_of(payment)
    for each in (till, other):
        each.books(4_500, each.account.slug)
        each.save()
        source_for(each.account.slug, now=NOON)
    GatewayAccount.objects.filter(pk=till.account.pk).update(gateway="unplugged")

    with pytest.raises(ExceptionGroup, match="some sources were not looked at") as told:
        look_everywhere()

    assert [failure.__notes__ for failure in told.value.exceptions] == [[f"while looking at {till.account.slug}"]]
    assert (till.found(), other.found()) == ({}, {"MISSING_THERE": 1})
    assert DriftReading.objects.get().source.account == other.account


def test_what_was_missing_and_is_taken_back_is_not_waited_for_any_more(till):
    operation = till.books(4_500, "P1", kind="CAPTURE")
    till.save()
    source, later = source_for(till.account.slug, now=NOON), NOON + timedelta(days=20)
    look_for_missing(source=source, now=later)
    before = till.found()
    till.books(-4_500, "P1", kind="CAPTURE", of=operation, at=later)
    till.save()

    look_for_missing(source=source, now=later + timedelta(days=20))

    assert (before, till.found()) == ({"MISSING_THERE": 1}, {})
    closed = Discrepancy.objects.get()
    assert (closed.state, closed.resolution) == ("CLOSED", "ARRIVED")
    assert [event.action for event in closed.events.order_by("id")] == ["opened", "closed"]


def test_what_is_waited_for_again_is_missing_again(till):
    operation = till.books(4_500, "P1", kind="CAPTURE")
    till.books(-4_500, "P1", kind="CAPTURE", of=operation, at=NOON + timedelta(days=1))
    till.books(900, "P2")
    till.save()
    source = source_for(till.account.slug, now=NOON)
    look_for_missing(source=source, now=NOON + timedelta(days=20))
    assert till.found() == {"MISSING_THERE": 1}
    till.books(-900, "P2", of=Transaction.objects.get(gateway_reference="P2"), at=NOON + timedelta(days=21))
    till.save()
    look_for_missing(source=source, now=NOON + timedelta(days=22))
    assert till.found() == {}

    till.books(900, "P2", of=Transaction.objects.get(gateway_reference="P2"), at=NOON + timedelta(days=23))
    till.save()
    for days in (24, 25):
        look_for_missing(source=source, now=NOON + timedelta(days=days))

    again = Discrepancy.objects.get(entry__posting__occurred_at=NOON)
    assert (again.state, again.resolution, again.closed_at, again.amount_minor) == ("OPEN", "", None, 900)
    events = again.events.order_by("id").values_list("action", "state_before", "state_after", "amount_minor")
    assert list(events) == [
        ("opened", "", "OPEN", 900),
        ("closed", "OPEN", "CLOSED", None),
        ("opened", "CLOSED", "OPEN", 900),
    ]


def test_what_people_explained_is_not_missing_again(till):
    till.books(900, "P2")
    till.save()
    source = source_for(till.account.slug, now=NOON)
    look_for_missing(source=source, now=NOON + timedelta(days=20))
    explain(discrepancy_id=Discrepancy.objects.get().pk, reason="paid in cash", by="ada", now=NOON + timedelta(days=21))

    look_for_missing(source=source, now=NOON + timedelta(days=22))

    assert till.found() == {}


def test_a_line_that_a_newer_report_takes_back_leaves_its_movement_missing_again(till, tmp_path):
    till.books(4_500, "P1")
    till.save()
    source, later = source_for(till.account.slug, now=NOON), NOON + timedelta(days=20)
    look_for_missing(source=source, now=later)
    rows = [settled(4_500, "P1"), settled(900, "P9")]
    till.imports(written(tmp_path / "first.csv", [*rows, payout(rows)]), clock=lambda: later)
    before = till.found()

    till.imports(written(tmp_path / "anew.csv", [rows[1], payout(rows[1:])]), clock=lambda: later)
    look_for_missing(source=source, now=later + timedelta(days=1))

    assert before == {"MISSING_HERE": 1}
    assert till.found() == {"MISSING_HERE": 1, "MISSING_THERE": 1}


def test_an_amount_in_another_currency_makes_up_for_nothing(till):
    operation = till.books(4_500, "P1", kind="CAPTURE")
    till.save()
    source = source_for(till.account.slug, now=NOON)
    look_for_missing(source=source, now=NOON + timedelta(days=20))
    till.books(-4_500, "P1", kind="CAPTURE", currency="USD", of=operation, at=NOON + timedelta(days=1))
    till.save()

    look_for_missing(source=source, now=NOON + timedelta(days=21))

    missing = Discrepancy.objects.order_by("currency").values_list("kind", "currency", "amount_minor", "state")
    assert list(missing) == [("MISSING_THERE", "EUR", 4_500, "OPEN"), ("MISSING_THERE", "USD", 4_500, "OPEN")]


def test_what_was_booked_before_the_books_begin_does_not_make_up_for_what_is_missing(till):
    dispute = till.books(-4_500, "D1", kind="CHARGEBACK", at=NOON - timedelta(days=40))
    till.books(4_500, "D1", kind="CHARGEBACK", of=dispute)
    till.save()
    source = source_for(till.account.slug, now=NOON)
    source.reconciled_from = NOON.date()
    source.save()

    for days in (20, 21):
        look_for_missing(source=source, now=NOON + timedelta(days=days))

    assert till.found() == {"MISSING_THERE": 1}
    assert list(Discrepancy.objects.get().events.values_list("action", flat=True)) == ["opened"]


@pytest.mark.django_db(transaction=True)
def test_a_look_that_another_overtakes_begins_anew(till, tmp_path, monkeypatch):
    take_row_locks_away(monkeypatch)
    rows = [settled(4_500, "P1")]
    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))
    till.books(4_500, "P1")
    till.save()

    def look() -> None:
        try:
            look_for_missing(source=source_for(till.account.slug, now=SETTLED), now=SETTLED)
        finally:
            connections.close_all()

    # Both have found the place of the line before either can write; no lock of ours is held.
    with ThreadPoolExecutor(2) as pool:
        with locked("reconciliation_match", "SHARE"):
            looks = [pool.submit(look) for _ in range(2)]
            wait_until(lambda: waiting_for("reconciliation_match") == 2, what="both looks meeting")
        for each in looks:
            each.result()

    assert LedgerConsumed.objects.count() == 1
    assert till.found() == {}
