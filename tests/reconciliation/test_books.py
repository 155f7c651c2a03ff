"""What pages show of the ledger: running sums that miss nothing, and a drift of which every part has a name."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from payments.models import LedgerEntry
from reconciliation.models import BooksDay, BooksProgress, Discrepancy, DriftReading
from reconciliation.selectors import latest_drift_readings
from reconciliation.services import resolving
from reconciliation.services.adding_up import add_up
from reconciliation.services.drift import PARTS, read_drift
from reconciliation.services.importing import source_for
from reconciliation.services.matching import look_for_missing
from tests.bookings.racing import Racer
from tests.payments.house import build_house
from tests.reconciliation.till import NOON, SETTLED, account_row, payout, settled, till_of, written

LATER = SETTLED + timedelta(days=30)


def turns(count=2):
    return [add_up(now=timezone.now()) for _ in range(count)]


def sums():
    found = Counter()
    for row in BooksDay.objects.all():
        found[row.day.isoformat(), row.from_account, row.to_account, row.currency] += row.amount_minor
    return dict(found)


@pytest.mark.django_db(transaction=True)
def test_the_sums_are_the_ledgers_and_a_turn_later_than_what_they_hold():
    till = till_of(build_house().payment())
    till.books(4_500, "P1")
    till.books(1_500, "P2")
    till.books(-500, "R1", kind="REFUND", at=NOON + timedelta(hours=13))
    till.save()

    assert turns(1) == [0]
    assert (sums(), BooksProgress.objects.get().as_of) == ({}, None)
    till.books(900, "P3")
    till.save()
    assert turns(1) == [2]
    assert sums() == {
        ("2026-11-10", "RECEIVABLE", "CLEARING", "EUR"): 6_000,
        ("2026-11-11", "CLEARING", "RECEIVABLE", "EUR"): 500,
    }
    assert turns(2) == [1, 0]

    assert sums()["2026-11-10", "RECEIVABLE", "CLEARING", "EUR"] == 6_900
    progress = BooksProgress.objects.get()
    assert progress.last_entry_id == LedgerEntry.objects.latest("id").pk
    assert BooksDay.objects.get(amount_minor=6_900).entry_count == 3


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_is_committed_after_a_greater_one_was_seen_is_not_lost():
    till, slow = (till_of(build_house().payment()) for _ in range(2))
    slow.books(700, "SLOW")
    with transaction.atomic():
        slow.save()

        def meanwhile():
            till.books(4_500, "P1")
            till.save()
            return turns(3)

        # What was greater is committed and seen; it is not added up, for something smaller is still under way.
        assert Racer(meanwhile).start().finish() == [0, 0, 0]
        assert [entry.amount_minor for entry in LedgerEntry.objects.order_by("id")] == [700, 4_500]

    turns(3)

    assert sum(sums().values()) == 5_200


@pytest.mark.django_db(transaction=True)
def test_another_time_zone_makes_the_sums_anew(settings):
    till = till_of(build_house().payment())
    till.books(4_500, "P1", at=NOON + timedelta(hours=11, minutes=30))
    till.save()
    turns()
    assert [key[0] for key in sums()] == ["2026-11-10"]

    settings.OPERATOR_TIME_ZONE = "Europe/Berlin"
    turns(3)

    assert sums() == {("2026-11-11", "RECEIVABLE", "CLEARING", "EUR"): 4_500}


@pytest.mark.django_db
def test_there_is_one_progress_and_it_goes_forward():
    BooksProgress.objects.create(id=1, time_zone="UTC", last_entry_id=5, seen_entry_id=5)
    for wrong in ({"last_entry_id": 6}, {"id": 2}):
        with pytest.raises(IntegrityError), transaction.atomic():
            BooksProgress.objects.update(**wrong)


def drift(till, currency="EUR"):
    """Return balance, parts and what is unexplained of a reading made now."""
    source = source_for(till.account.slug, now=LATER)
    readings = {row.currency: row for row in read_drift(source=source, now=timezone.now())}
    row = readings[currency]
    assert set(row.parts) <= PARTS.keys()
    assert row.balance_minor == till.balances().get(f"CLEARING {currency}", 0)
    return row.balance_minor, row.parts, row.unexplained_minor


@pytest.mark.django_db
def test_every_part_of_a_drift_has_a_name_and_nothing_is_left(till, tmp_path):
    till.books(10_000, "P1")
    till.books(4_500, "P2")
    till.books(3_000, "P3", at=NOON - timedelta(days=20))
    till.books(2_000, "P4")
    till.books(1_000, "P5")
    till.save()
    good = [
        settled(10_000, "P1", fee="0.45"),
        settled(4_700, "P2", fee="0.20"),
        settled(900, "X9"),
        account_row("Balancetransfer", -1_500),
        account_row("Fee", -140),
        account_row("DepositCorrection", -300),
    ]
    till.imports(written(tmp_path / "good.csv", [*good, payout(good)]))
    broken = [settled(2_000, "P4", batch="43"), settled(50, "X8", batch="43")]
    till.imports(written(tmp_path / "broken.csv", [*broken, payout(broken[:1], batch="43")]))
    unpaid = [settled(1_000, "P5", batch="44", fee="0.10")]
    till.imports(written(tmp_path / "unpaid.csv", unpaid))
    look_for_missing(source=source_for(till.account.slug, now=SETTLED), now=SETTLED)

    balance, parts, unexplained = drift(till)

    assert parts == {
        "missing": 3_000,
        "unposted": 2_000,
        "not_paid_out": 990,
        "carried": 1_500,
        "unplaced": -900,
        "differences": -200,
    }
    assert (balance, unexplained) == (6_390, 0)

    for kind in ("MISSING_HERE", "AMOUNT"):
        discrepancy = Discrepancy.objects.filter(kind=kind).earliest("id")
        proposal = resolving.propose_write_off(discrepancy_id=discrepancy.pk, reason="small", by="ada", now=LATER)
        resolving.approve(proposal_id=proposal.pk, by="grace", now=LATER)
    missing = Discrepancy.objects.get(kind="MISSING_THERE")
    resolving.explain(discrepancy_id=missing.pk, reason="paid by hand", by="ada", now=LATER)

    balance, parts, unexplained = drift(till)
    assert (parts["written_off"], parts["unplaced_closed"], parts["missing_closed"]) == (1_100, -900, 3_000)
    assert (balance, unexplained) == (7_490, 0)


@pytest.mark.django_db
def test_a_drift_that_nothing_explains_is_told(till, tmp_path):
    till.books(4_500, "P1", currency="USD")
    till.save()
    rows = [settled(4_500, "P1", currency="USD", rate="0.9", net_minor=4_050)]
    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))
    assert read_drift(source=source_for(till.account.slug, now=LATER), now=timezone.now()) == []
    posting = till.books(700, "P2")
    till.save()
    # Somebody posts past everything: no operation, no batch, no proposal.
    entry = LedgerEntry.objects.get(transaction=posting)
    LedgerEntry.objects.create(
        posting=entry.posting,
        from_account="BANK",
        to_account="CLEARING",
        amount_minor=333,
        currency="EUR",
        gateway_account=till.account,
        is_live=False,
    )

    assert drift(till) == (1_033, {"waiting": 700}, 333)
    assert latest_drift_readings().get(source__account=till.account, currency="EUR").unexplained_minor == 333


@pytest.mark.django_db
def test_a_currency_that_came_to_nothing_is_told_once_more_and_no_more(till, tmp_path):
    till.books(4_500, "P1")
    till.save()
    assert drift(till) == (4_500, {"waiting": 4_500}, 0)
    rows = [settled(4_500, "P1")]
    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))
    assert drift(till) == (0, {}, 0)

    assert read_drift(source=source_for(till.account.slug, now=LATER), now=timezone.now()) == []

    assert DriftReading.objects.count() == 2


def test_what_was_posted_for_a_batch_explains_the_balance_when_it_adds_up_no_more(till, tmp_path):
    for number, minor in enumerate((4_500, 900)):
        till.books(minor, f"P{number}")
    till.save()
    rows = [settled(4_500, "P0", fee="0.45")]
    rows.append(payout(rows))
    till.imports(written(tmp_path / "adds-up.csv", rows))
    till.imports(written(tmp_path / "no-more.csv", [*rows, settled(900, "P1")]))

    (reading,) = read_drift(source=source_for(till.account.slug, now=LATER), now=LATER)

    assert (reading.balance_minor, reading.parts, reading.unexplained_minor) == (900, {"unposted": 900}, 0)
