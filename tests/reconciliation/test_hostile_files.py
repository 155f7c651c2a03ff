"""What a file may do to us: formulas, marks, amounts beyond all books, another's account, lines out of turn."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from reconciliation.errors import BadLines, UnreadableFile
from reconciliation.models import Match, SettlementBatch, SettlementLine, SettlementReport
from reconciliation.services.importing import source_for
from tests.reconciliation.till import ADYEN, NOON, SETTLED, account_row, payout, settled, till_of, written

pytestmark = pytest.mark.django_db

FORMULA = '=HYPERLINK("https://example.com";"Click")'


def lines_without_an_end():
    """Return the lines that are neither matched nor before people nor ended by them: there must be none."""
    return SettlementLine.objects.exclude(matches__in=Match.objects.filter(undone_at=None)).filter(discrepancies=None)


@pytest.mark.parametrize("formula", [FORMULA, "+1+cmd|' /C calc'!A0", "@SUM(A1:A9)", "-2+3", "\t=1+1"])
def test_a_formula_in_a_text_is_kept_as_a_text_and_finds_nothing(till, tmp_path, formula):
    till.books(4_500, "P1")
    till.save()
    rows = [settled(4_500, formula, modification=formula) | {"Merchant Reference": formula}]

    till.imports(written(tmp_path / "batch.csv", [*rows, payout(rows)]))

    line = SettlementLine.objects.get(kind="CAPTURE")
    assert {line.gateway_reference, line.payment_reference, line.our_reference} == {formula.strip()}
    assert till.found() == {"MISSING_HERE": 1}


@pytest.mark.parametrize("formula", ["=45", "+45=", "@45", "=1+1"])
def test_a_formula_is_no_amount_and_no_time(till, tmp_path, formula):
    row = settled(4_500, "P1") | {"Gross Credit (GC)": formula, "Creation Date": formula}
    path = written(tmp_path / "batch.csv", [row])

    with pytest.raises(CommandError, match=r"is no amount; Creation Date: .* is no time"):
        call_command("import_settlement", str(path), account=till.account.slug)

    assert not SettlementLine.objects.exists()


def test_marks_line_ends_quotations_formulas_and_unknown_columns_in_one_file(till, tmp_path):
    till.books(4_500, "P1")
    till.save()
    header = ["Reserved", *reversed(ADYEN), "Metadata (JSON)"]
    rows = [
        settled(4_500, "P1") | {"Metadata (JSON)": 'a "quoted"\r\nline, with a comma', "Reserved": FORMULA},
        settled(900, "X1", modification='a\nb"c') | {"Merchant Reference": "4111 1111 1111 1111"},
    ]
    path = written(tmp_path / "b.csv", [*rows, payout(rows)], header=header, line_end="\r\n", encoding="utf-8-sig")

    till.imports(path)

    assert till.found() == {"MISSING_HERE": 1}
    assert list(lines_without_an_end()) == []
    odd = SettlementLine.objects.get(payment_reference="X1")
    assert (odd.gateway_reference, odd.our_reference, odd.line_number) == ('a\nb"c', "**** **** **** 1111", 3)


# Those of full width, those of Arabic and of Persian, and mathematical ones, which take four bytes.
@pytest.mark.parametrize("zero", ["0", "\uff10", "\u0660", "\u06f0", "\U0001d7ce"])
@pytest.mark.parametrize("separator", ["", "\u2009\u2013\u2009", " - "])
def test_a_card_number_in_digits_of_any_script_is_masked(till, tmp_path, zero, separator):
    groups = ["".join(chr(ord(zero) + int(digit)) for digit in group) for group in ("4111", "1111", "1111", "1111")]
    mixed = ["4111", *groups[1:]]
    rows = [
        settled(4_500, name) | {"Merchant Reference": f"{before}{separator.join(number)}"}
        for name, before, number in (("P1", "", groups), ("P2", "für Käthe ", groups), ("P3", "card ", mixed))
    ]

    till.imports(written(tmp_path / "batch.csv", rows))

    masked = separator.join(["****"] * 3 + groups[-1:])
    assert list(SettlementLine.objects.order_by("line_number").values_list("our_reference", flat=True)) == [
        masked,
        f"für Käthe {masked}",
        f"card {masked}",
    ]


@pytest.mark.parametrize("amount", ["999999999999999", "-999999999999999"])
def test_amounts_that_no_books_hold_refuse_the_file(till, tmp_path, amount):
    side = "Debit" if amount.startswith("-") else "Credit"
    row = settled(100, "P1", currency="KWD", net_currency="KWD")
    row |= {f"{name} Credit ({name[0]}C)": "" for name in ("Gross", "Net")}
    row |= {f"{name} {side} ({name[0]}C)": amount.strip("-") for name in ("Gross", "Net")}
    path = written(tmp_path / "batch.csv", [row | {"Psp Reference": f"P{number}"} for number in range(20)])

    with pytest.raises(UnreadableFile, match="more than"):
        till.imports(path)

    assert SettlementReport.objects.get().state == "REJECTED"
    assert not SettlementLine.objects.exists()


def test_a_file_that_was_refused_for_another_account_may_be_given_for_its_own(till, payment, tmp_path):
    other = till_of(payment, gateway="stripe")
    path = written(tmp_path / "batch.csv", [settled(4_500, "P1")])
    with pytest.raises(UnreadableFile, match="columns are missing"):
        other.imports(path)

    till.imports(path)

    report = SettlementReport.objects.get()
    assert (report.source.slug, report.state, report.line_count) == (till.account.slug, "MATCHED", 1)
    with pytest.raises(UnreadableFile, match=f"the very same file was given for {till.account.slug}"):
        other.imports(path)


def test_a_file_under_another_name_is_the_same_file(till, tmp_path):
    rows = [settled(4_500, "P1")]
    path = written(tmp_path / "batch.csv", [*rows, payout(rows)])
    till.imports(path)

    again = till.imports(path.rename(tmp_path / "again.csv"))

    assert not again.is_new
    assert SettlementReport.objects.get().file_name == "batch.csv"


def test_a_refund_may_be_settled_before_its_capture(till, tmp_path):
    till.books(10_000, "C1", kind="CAPTURE")
    till.books(-2_500, "R1", kind="REFUND")
    till.save()
    refunds = [settled(-2_500, "P1", type="Refunded", modification="R1", batch="41")]
    till.imports(written(tmp_path / "41.csv", [*refunds, account_row("MerchantPayout", 2_500, batch="41")]))
    early = till.found()
    captures = [settled(10_000, "P1", modification="C1", batch="42", at=SETTLED + timedelta(days=1))]

    till.imports(written(tmp_path / "42.csv", [*captures, payout(captures, batch="42")]))

    assert (early, till.found()) == ({}, {})
    assert till.balances() == {"RECEIVABLE EUR": -7_500, "BANK EUR": 7_500}


@pytest.mark.parametrize(
    ("written_at", "instant"),
    [
        ("2026-03-29 01:59:59", "2026-03-29T00:59:59+00:00"),
        ("2026-03-29 03:00:00", "2026-03-29T01:00:00+00:00"),
        ("2026-10-25 01:59:59", "2026-10-24T23:59:59+00:00"),
        ("2026-10-25 03:00:00", "2026-10-25T02:00:00+00:00"),
    ],
)
def test_a_time_without_a_zone_is_its_sources_on_both_sides_of_a_change_of_clocks(till, tmp_path, written_at, instant):
    source = source_for(till.account.slug, now=NOON)
    type(source).objects.filter(pk=source.pk).update(time_zone="Europe/Berlin")
    row = settled(100, "P1") | {"TimeZone": "", "Creation Date": written_at}

    till.imports(written(tmp_path / "batch.csv", [row]))

    assert SettlementLine.objects.get().occurred_at.isoformat() == instant


def test_yen_have_no_decimals_and_dinars_three(till, tmp_path):
    rows = [
        settled(5_000, "P1", currency="JPY", net_currency="JPY", batch="J") | {"Gross Credit (GC)": "5000.00"},
        settled(1_234_567, "P2", currency="KWD", net_currency="KWD", batch="K"),
        settled(-1, "P3", currency="KWD", net_currency="KWD", batch="K", type="Refunded", modification="R3"),
    ]
    bad = [
        settled(5_000, "P4", currency="JPY", net_currency="JPY", batch="J") | {"Gross Credit (GC)": "5000.5"},
        settled(1, "P5", currency="KWD", net_currency="KWD", batch="K") | {"Gross Credit (GC)": "0.0001"},
    ]

    report = till.imports(written(tmp_path / "batch.csv", [*rows, *bad]), skips=True).report

    assert list(SettlementLine.objects.order_by("line_number").values_list("gross_minor", flat=True)) == [
        *(5_000, 1_234_567, -1)
    ]
    assert list(report.bad_lines.order_by("line_number").values_list("line_number", "reason")) == [
        (5, "an amount has more decimals than its currency"),
        (6, "an amount has more decimals than its currency"),
    ]
    assert dict(SettlementBatch.objects.values_list("reference", "net_minor")) == {"J": 5_000, "K": 1_234_566}


def test_every_line_has_an_end_whatever_it_is(till, tmp_path):
    of_payments = ["Settled", "Refunded", "Chargeback", "ChargebackReversed", "SecondChargeback", "RefundedReversed"]
    of_payments += ["SettledReversed", "Confetti", "", "settled"]
    of_account = ["Fee", "MerchantPayout", "Balancetransfer", "DepositCorrection", "InvoiceDeduction", "Confetti", ""]
    rows = [
        settled(minor, f"{word}{number}", type=word)
        for number, (word, minor) in enumerate((word, minor) for word in of_payments for minor in (0, 7, -7))
    ]
    rows += [account_row(word, minor) for word in of_account for minor in (0, 7, -7)]

    till.imports(written(tmp_path / "batch.csv", rows))

    assert SettlementLine.objects.count() == len(rows) == 51
    assert list(lines_without_an_end()) == []


def test_a_line_of_a_payment_that_does_not_say_what_was_paid_is_a_bad_line(till, tmp_path):
    row = settled(4_500, "P1") | {"Gross Credit (GC)": ""}

    with pytest.raises(BadLines) as refusal:
        till.imports(written(tmp_path / "batch.csv", [row]))

    assert refusal.value.first == [(2, "it does not say what was paid")]
