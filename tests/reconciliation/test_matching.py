"""Every line ends matched, explained or as a discrepancy of a named kind, and the ledger follows what was settled."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from payments.checking import ledger_findings
from payments.models import LedgerEntry, Posting
from reconciliation.models import (
    Discrepancy,
    DiscrepancyEvent,
    LedgerConsumed,
    Match,
    SettlementBatch,
    SettlementLine,
    SettlementSource,
)
from reconciliation.services.importing import import_file, receive_file, source_for
from reconciliation.services.matching import look_for_missing
from tests.reconciliation.till import NOON, SETTLED, account_row, payout, settled, till_of, written


def test_a_file_that_agrees_leaves_nothing_open_and_clearing_at_nil(till, tmp_path):
    till.books(12_000, "P1", surcharge_minor=250)
    till.books(-3_000, "R1", kind="REFUND")
    dispute = till.books(-5_000, "D1", kind="CHARGEBACK")
    till.books(5_000, "D1", kind="CHARGEBACK", of=dispute)
    till.books(8_000, "C2", kind="CAPTURE")
    till.save()
    rows = [
        settled(12_000, "P1", fee="0.45"),
        settled(-3_000, "P1", type="Refunded", modification="R1"),
        settled(-5_000, "P1", type="Chargeback", modification="D1", fee="7.50"),
        settled(5_000, "P1", type="ChargebackReversed", modification="D1"),
        settled(8_000, "P2", modification="C2", fee="0.304"),
        account_row("Fee", -140),
        account_row("DepositCorrection", -1_000),
    ]
    rows[4]["Net Credit (NC)"] = "79.70"

    imported = till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))

    assert (imported.report.state, imported.report.line_count, till.found()) == ("MATCHED", 8, {})
    assert till.balances() == {
        "RECEIVABLE EUR": -16_750,
        "SURCHARGE EUR": -250,
        "FEES EUR": 45 + 750 + 30 + 140,
        "RESERVE EUR": 1_000,
        "BANK EUR": 17_000 - 45 - 750 - 30 - 140 - 1_000,
    }
    batch = SettlementBatch.objects.get()
    assert (batch.state, batch.difference_minor, batch.payout_minor) == ("BALANCED", 0, 15_035)
    assert Match.objects.count() == 8
    assert LedgerConsumed.objects.count() == 5
    assert SettlementLine.objects.get(gateway_reference="C2").stated_fee == Decimal("0.304")
    assert not any("has no order" in finding.message for finding in ledger_findings())


def test_money_in_another_currency_passes_through_conversion(till, tmp_path):
    till.books(8_000, "P1", currency="USD")
    till.books(5_000, "P2", currency="JPY")
    till.books(1_234_567, "P3", currency="KWD")
    till.save()
    rows = [
        settled(8_000, "P1", currency="USD", rate="0.92", fee="1.03", net_minor=7_257),
        settled(5_000, "P2", currency="JPY", rate="0.0061", fee="0.5", net_minor=3_000),
        settled(1_234_567, "P3", currency="KWD", rate="3", net_minor=370_370),
    ]

    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))

    assert till.found() == {}
    assert till.balances() == {
        "RECEIVABLE USD": -8_000,
        "CONVERSION USD": 8_000,
        "RECEIVABLE JPY": -5_000,
        "CONVERSION JPY": 5_000,
        "RECEIVABLE KWD": -1_234_567,
        "CONVERSION KWD": 1_234_567,
        "CONVERSION EUR": -(7_257 + 103 + 3_000 + 50 + 370_370),
        "FEES EUR": 153,
        "BANK EUR": 7_257 + 3_000 + 370_370,
    }


def test_several_lines_of_one_capture_are_matched_by_their_sum(till, tmp_path):
    sale = till.books(6_000, "P1")
    till.books(2_000, "P1", of=sale)
    till.save()
    rows = [settled(5_000, "P1", modification="X1"), settled(3_000, "P1", modification="X2")]

    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))

    assert till.found() == {}
    assert list(Match.objects.filter(rule="SUM").values_list("difference_minor", flat=True)) == [0, 0]
    lead = Match.objects.get(rule="SUM", lead=None)
    assert lead.consumed.count() == 2


def test_a_line_that_names_a_movement_surely_shares_it_with_one_that_names_it_otherwise(till, tmp_path):
    sale = till.books(6_000, "P1")
    till.books(2_000, "P2")
    till.save()
    rows = [
        settled(6_000, "", modification="X1", **{"Modification Merchant Reference": sale.reference}),
        settled(6_000, "P1"),
        settled(2_000, "P2"),
    ]

    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))

    assert till.found() == {"DUPLICATE": 1}
    assert sorted(Match.objects.exclude(rule="BATCH").values_list("rule", "line__line_number")) == [
        ("OURS", 2),
        ("PAYMENT", 4),
    ]


def test_a_second_chargeback_has_a_movement_of_its_own(till, tmp_path):
    dispute = till.books(-5_500, "D1", kind="CHARGEBACK")
    till.books(5_500, "D1", kind="CHARGEBACK", of=dispute)
    till.books(-5_500, "D1", kind="CHARGEBACK", of=dispute)
    till.save()
    rows = [
        settled(-5_500, "P1", type="Chargeback", modification="D1"),
        settled(5_500, "P1", type="ChargebackReversed", modification="D1"),
        settled(-5_500, "P1", type="SecondChargeback", modification="D1"),
    ]

    till.imports(written(tmp_path / "batch.csv", [*rows, account_row("MerchantPayout", 5_500)]))

    assert till.found() == {}
    assert LedgerConsumed.objects.count() == 3


def test_what_comes_before_its_webhook_is_matched_once_that_is_here(till, tmp_path):
    rows = [settled(4_500, "P1")]
    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))
    before = till.found()
    till.books(4_500, "P1")
    till.save()

    look_for_missing(source=source_for(till.account.slug, now=SETTLED), now=SETTLED)

    assert before == {"MISSING_HERE": 1}
    assert till.found() == {}
    closed = Discrepancy.objects.get()
    assert (closed.state, closed.resolution) == ("CLOSED", "ARRIVED")
    assert [event.action for event in closed.events.order_by("id")] == ["opened", "closed"]


def test_nothing_is_missing_before_the_gateway_had_its_time(till, tmp_path):
    till.books(4_500, "P1")
    till.save()
    source = source_for(till.account.slug, now=NOON)

    look_for_missing(source=source, now=NOON + timedelta(days=source.sla_days))
    before = till.found()
    look_for_missing(source=source, now=NOON + timedelta(days=source.sla_days, seconds=1))
    look_for_missing(source=source, now=NOON + timedelta(days=40))

    assert (before, till.found()) == ({}, {"MISSING_THERE": 1})
    rows = [settled(4_500, "P1", at=NOON + timedelta(days=41))]
    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))
    assert till.found() == {"LATE": 1}


def test_a_batch_that_does_not_add_up_posts_nothing(till, tmp_path):
    till.books(4_500, "P1")
    till.save()

    till.imports(written(tmp_path / "b.csv", [settled(4_500, "P1", fee="0.50"), account_row("MerchantPayout", -4_300)]))

    assert till.found() == {"UNBALANCED_BATCH": 1}
    assert Discrepancy.objects.get().amount_minor == 150
    assert till.balances() == {"RECEIVABLE EUR": -4_500, "CLEARING EUR": 4_500}


def test_a_line_settled_again_in_another_batch_is_a_duplicate(till, tmp_path):
    till.books(4_500, "P1")
    till.save()
    for batch in ("42", "43"):
        rows = [settled(4_500, "P1", batch=batch)]
        till.imports(written(tmp_path / f"{batch}.csv", [*rows, payout(rows, batch=batch)]))

    assert till.found() == {"DUPLICATE": 1}
    assert till.balances() == {"RECEIVABLE EUR": -4_500, "CLEARING EUR": -4_500, "BANK EUR": 9_000}


def test_matching_again_changes_nothing(till, tmp_path):
    till.books(4_500, "P1")
    till.save()
    rows = [settled(4_500, "P1", fee="0.45"), settled(900, "P9")]
    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))
    counted = [Match, LedgerConsumed, Discrepancy, DiscrepancyEvent, LedgerEntry, Posting]
    before = [model.objects.count() for model in counted]

    for _ in range(2):
        look_for_missing(source=source_for(till.account.slug, now=SETTLED), now=SETTLED)

    assert [model.objects.count() for model in counted] == before


def test_what_is_settled_for_a_locked_day_counts_on_the_first_open_one(till, tmp_path):
    till.books(4_500, "P1")
    till.save()
    source = source_for(till.account.slug, now=SETTLED)
    SettlementSource.objects.filter(pk=source.pk).update(locked_through="2026-11-30", time_zone="Europe/Berlin")
    rows = [settled(4_500, "P1")]

    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))

    paid_out = Posting.objects.get(cause="paid_out")
    assert paid_out.occurred_at == SETTLED
    assert paid_out.counts_at.isoformat() == "2026-11-30T23:00:00+00:00"


def test_four_eyes_are_the_databases_own(till, tmp_path):
    rows = [settled(4_500, "P1")]
    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))
    open_one = Discrepancy.objects.filter(kind="MISSING_HERE")
    closed = {"state": "CLOSED", "resolution": "WRITTEN_OFF", "closed_at": timezone.now(), "proposed_by": "ada"}

    for refused in ({**closed, "approved_by": "ada"}, {**closed, "approved_by": ""}, {"state": "CLOSED"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            open_one.update(**refused)

    assert open_one.update(**closed, approved_by="grace") == 1


def test_lines_and_events_are_never_changed(till, tmp_path):
    till.imports(written(tmp_path / "batch.csv", [settled(4_500, "P1")]))

    for table in ("settlementline", "discrepancyevent"):
        for change in (f"UPDATE reconciliation_{table} SET id = id", f"DELETE FROM reconciliation_{table}"):
            with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(change)


def test_a_till_is_settled_by_what_it_takes_to_the_bank(payment, tmp_path):
    till = till_of(payment, gateway="external")
    till.books(4_500, "", at=NOON)
    till.books(-500, "", kind="REFUND", at=NOON)
    till.save()
    source = source_for(till.account.slug, now=NOON)
    columns = {
        "type": {"header": "Kind"},
        "gross": {"header": "Amount"},
        "gross_currency": {"header": "Currency"},
        "occurred_at": {"header": "Day", "unit": "YYYY-MM-DD"},
    }
    types = {"Sale": "CAPTURE", "Return": "REFUND", "Deposit": "PAYOUT"}
    SettlementSource.objects.filter(pk=source.pk).update(column_map={"columns": columns, "types": types})
    path = tmp_path / "till.csv"
    rows = ["Kind,Amount,Currency,Day", "Sale,45.00,EUR,2026-11-10", "Return,-5.00,EUR,2026-11-10"]
    path.write_text("\n".join([*rows, "Deposit,-40.00,EUR,2026-11-10"]))

    till.imports(path)

    assert till.found() == {}
    assert till.balances() == {"RECEIVABLE EUR": -4_000, "BANK EUR": 4_000}
    assert sorted(Match.objects.values_list("rule", flat=True)) == ["AMOUNT", "AMOUNT", "BATCH"]
    assert not any("has no order" in finding.message for finding in ledger_findings())


@pytest.mark.parametrize(
    ("first_at", "second_at"),
    [
        pytest.param("2026-10-24T21:59:59+00:00", "2026-10-25T22:59:59+00:00", id="when-summer-ends"),
        pytest.param("2026-03-28T22:59:59+00:00", "2026-03-29T21:59:59+00:00", id="when-summer-begins"),
    ],
)
def test_the_last_second_of_a_day_is_of_that_day_on_both_sides_of_a_change_of_clocks(
    payment, tmp_path, first_at, second_at
):
    till = till_of(payment, gateway="external")
    columns = {
        "gross": {"header": "Amount"},
        "gross_currency": {"header": "Currency"},
        "occurred_at": {"header": "Day", "unit": "YYYY-MM-DD"},
    }
    source = source_for(till.account.slug, now=NOON)
    SettlementSource.objects.filter(pk=source.pk).update(
        column_map={"columns": columns}, time_zone="Europe/Berlin", window_days=0, sla_days=400
    )
    moments = [datetime.fromisoformat(first_at), datetime.fromisoformat(second_at)]
    operations = [till.books(4_500, f"SLIP-{moment:%d}", at=moment) for moment in moments]
    till.save()
    path = tmp_path / "till.csv"
    path.write_text("Day,Amount,Currency\n" + "".join(f"{at[:10]},45.00,EUR\n" for at in (first_at, second_at)))

    till.imports(path)

    assert till.found() == {}
    consumed = LedgerConsumed.objects.order_by("match__line__line_number")
    assert [taken.entry.transaction for taken in consumed.select_related("entry__transaction")] == operations


def test_a_fee_may_be_more_than_what_it_is_taken_from(till, tmp_path):
    till.books(30, "P1")
    till.books(-5_000, "D1", kind="CHARGEBACK")
    till.books(1_000_000, "P2", currency="KWD")
    till.save()
    rows = [
        settled(30, "P1", fee="0.4567", net_minor=-16),
        settled(-5_000, "P9", type="Chargeback", modification="D1", fee="15"),
        settled(1_000_000, "P2", currency="KWD", rate="2.98", fee="1.5", net_minor=297_850)
        | {"Markup (NC)": "0.25", "Scheme Fees (NC)": "0.125", "Interchange (NC)": "0.125", "Commission (NC)": "1"},
    ]

    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))

    assert till.found() == {}
    assert list(SettlementLine.objects.filter(kind="CAPTURE").order_by("line_number").values_list("fee_minor")) == [
        (46,),
        (150,),
    ]
    assert till.balances()["FEES EUR"] == 46 + 1_500 + 150


def test_the_bank_closes_the_circle(till, tmp_path):
    bank = SettlementSource.objects.create(
        slug="house-bank",
        kind="BANK",
        reconciled_from=NOON.date(),
        column_map={
            "columns": {
                "net": {"header": "Amount"},
                "net_currency": {"header": "Currency"},
                "booked_at": {"header": "Day", "unit": "YYYY-MM-DD"},
                "description": {"header": "Text", "is_required": False},
            }
        },
    )
    for batch, minor in (("B-42", 4_500), ("B-43", 700), ("B-44", 900), ("B-45", 1_100), ("B 46", 600)):
        till.books(minor, batch)
        till.save()
        rows = [settled(minor, batch, batch=batch)]
        till.imports(written(tmp_path / f"{batch}.csv", [*rows, payout(rows, batch=batch)]))
    look_for_missing(source=source_for(till.account.slug, now=NOON), now=NOON + timedelta(days=30))
    before = till.found()
    path = tmp_path / "statement.csv"
    lines = ["Day,Amount,Currency,Text", '2026-11-13,52.00,EUR,"TX1XT batch B-42, and B-43"', "2026-11-14,9.00,EUR,"]
    lines += ["2026-11-14,11.01,EUR,B-45", "2026-12-24,6.00,EUR,Your batch B 46.", "2026-11-14,45.00,EUR,B-422 B-4"]
    path.write_text("\n".join(lines))
    report = receive_file(
        source=bank, path=path, file_name=path.name, skips_bad_lines=False, received_by="ada", now=NOON
    )

    import_file(report=report, path=path)

    assert before == {"NOT_IN_BANK": 5}
    assert till.found() == {"NOT_IN_BANK": 1}
    assert dict(SettlementBatch.objects.filter(source__account=till.account).values_list("reference", "state")) == {
        "B-42": "PAID",
        "B-43": "PAID",
        "B-44": "PAID",
        "B-45": "BALANCED",
        "B 46": "PAID",
    }
    unknown = Discrepancy.objects.filter(source=bank).order_by("amount_minor")
    assert list(unknown.values_list("kind", "amount_minor")) == [("UNKNOWN_CREDIT", 1_101), ("UNKNOWN_CREDIT", 4_500)]
