"""Whatever happened, and up to whatever moment: reports add up to the ledger, and live never to test."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.models import LedgerEntry
from reconciliation.models import LedgerConsumed, Match
from reconciliation.services.matching import match_report
from tests.reconciliation.reports.asking import rows_of, sums_of
from tests.reconciliation.till import NOON, SETTLED, account_row, payout, settled, till_of, written

_DAY = timedelta(days=1)
_KINDS = ("SALE", "CAPTURE", "REFUND", "CHARGEBACK")
OPERATIONS = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(_KINDS),
            "minor": st.integers(1, 90_000),
            "currency": st.sampled_from(["EUR", "JPY", "KWD"]),
            "day": st.integers(0, 5),
            "is_reversed": st.booleans(),
            # What the gateway's file says of it: how much more, or nothing at all.
            "told": st.sampled_from([0, 0, 0, 7, -7, None]),
            "batch": st.sampled_from(["42", "43"]),
        }
    ),
    min_size=1,
    max_size=12,
)


def happen(till, operations, tmp_path):
    """Book operations, and what the gateway settled of them; the payout of batch 43 is not told."""
    rows = {"42": [], "43": []}
    for number, each in enumerate(operations):
        sign = 1 if each["kind"] in ("SALE", "CAPTURE") else -1
        name, at = f"{till.account.slug}-{number}", NOON + each["day"] * _DAY
        operation = till.books(sign * each["minor"], name, kind=each["kind"], currency=each["currency"], at=at)
        if each["is_reversed"]:
            till.books(-sign * each["minor"], name, kind=each["kind"], currency=each["currency"], at=at, of=operation)
        if each["told"] is not None and each["minor"] > 7:
            minor = sign * (each["minor"] + each["told"])
            words = {"SALE": "Settled", "CAPTURE": "Settled", "REFUND": "Refunded", "CHARGEBACK": "Chargeback"}
            rows[each["batch"]].append(
                settled(
                    minor,
                    name,
                    modification=name,
                    type=words[each["kind"]],
                    currency=each["currency"],
                    net_currency=each["currency"],
                    batch=f"{each['batch']}-{each['currency']}",
                )
            )
    till.save()
    lines = []
    for batch, of_batch in rows.items():
        lines += of_batch
        for currency in {row["Net Currency"] for row in of_batch}:
            cells = {"net_currency": currency, "batch": f"{batch}-{currency}"}
            own = [row for row in of_batch if row["Net Currency"] == currency]
            extra = [
                settled(500, "nobody's", currency=currency, **cells),
                *(account_row(word, minor, **cells) for word, minor in (("Fee", -20), ("ConfettiCharge", -3))),
            ]
            lines += extra
            if batch == "42":
                lines.append(payout([*own, *extra], **cells))
    if not lines:
        return None
    path = written(tmp_path / f"{till.account.slug}.csv", lines)
    return till.imports(path, clock=lambda: SETTLED + 2 * _DAY).report


def holds(accounts, *, as_of, is_live):
    """Return what some of the ledger's accounts hold, by currency, reckoned row by row."""
    held = {}
    for entry in LedgerEntry.objects.select_related("posting", "gateway_account"):
        account = entry.gateway_account
        is_real = entry.is_live and (account is None or account.environment == "live")
        if entry.posting.posted_at <= as_of and is_real is is_live:
            sign = (entry.to_account in accounts) - (entry.from_account in accounts)
            held[entry.currency] = held.get(entry.currency, 0) + sign * entry.amount_minor
    return {currency: minor for currency, minor in held.items() if minor}


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=OPERATIONS, tests=OPERATIONS, undone=st.integers(0, 3))
def test_every_report_adds_up_to_the_ledger_in_either_mode_and_at_any_watermark(
    payment, tmp_path, operations, tests, undone
):
    live, test = (till_of(payment, environment=environment) for environment in ("live", "test"))
    report = happen(live, operations, tmp_path)
    happen(test, tests, tmp_path)
    leads = Match.objects.filter(pk__in=LedgerConsumed.objects.values("match")).order_by("pk")[:undone]
    for match in leads:
        # As whoever undoes a match does it, a day after it was made.
        LedgerConsumed.objects.filter(match=match).delete()
        Match.objects.filter(pk=match.pk).update(undone_at=match.matched_at + _DAY)

    for as_of in (NOON + 2 * _DAY, SETTLED + _DAY, SETTLED + 2 * _DAY, SETTLED + 9 * _DAY):
        for is_live in (True, False):
            asked = {"as_of": as_of, "is_live": is_live}
            clearing = holds({"CLEARING"}, **asked)
            assert sums_of(rows_of("unmatched", **asked)) == clearing
            journal = rows_of("journal", **asked)
            assert sums_of(journal, "debit_minor") == sums_of(journal, "credit_minor")
            assert len(journal) == 2 * len({row["entry"] for row in journal})
            for row in rows_of("settlement-by-payout", **asked):
                parts = ("captures", "refunds", "chargebacks", "reserve", "others", "fees")
                assert sum(row[f"{part}_minor"] for part in parts) == row["net_minor"]
            held = {"RECEIVABLE", "GIFT_SALES", "TOP_UPS", "DISPUTED", "GIFT_LIABILITY", "CUSTOMER_CREDIT"}
            ours = {currency: -minor for currency, minor in holds(held, **asked).items()}
            assert sums_of(rows_of("trip-money", **asked), "held_minor") == ours
            for since, until in ((None, NOON + 3 * _DAY), (NOON + 3 * _DAY, None)):
                moved = [
                    row
                    for slug in ("payments", "refunds", "chargebacks")
                    for row in rows_of(slug, since=since, until=until, **asked)
                ]
                assert sums_of(moved) == movement(since, until, **asked)
    if report is not None and undone == 0:
        before = rows_of("unmatched", as_of=SETTLED + 9 * _DAY)
        match_report(report=report, now=SETTLED + 10 * _DAY)
        assert sums_of(rows_of("unmatched", as_of=SETTLED + 11 * _DAY)) == sums_of(before)


def movement(since, until, *, as_of, is_live):
    """Return what operations moved at gateways and tills in a period, by currency, reckoned row by row."""
    moved = {}
    entries = LedgerEntry.objects.filter(transaction__isnull=False).select_related("posting", "gateway_account")
    for entry in entries:
        posting = entry.posting
        is_in = (since is None or posting.counts_at >= since) and (until is None or posting.counts_at < until)
        is_real = entry.is_live and entry.gateway_account.environment == "live"
        if is_in and posting.posted_at <= as_of and is_real is is_live:
            sign = 1 if entry.to_account in ("CLEARING", "EXTERNAL") else -1
            moved[entry.currency] = moved.get(entry.currency, 0) + sign * entry.amount_minor
    return {currency: minor for currency, minor in moved.items() if minor}
