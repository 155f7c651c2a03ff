"""Match lines with the ledger, the bank with payouts, in PostgreSQL and set by set: each pass works on what those
before left, and all of them are one transaction.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from gateways.models import Environment
from gateways.protocol import Capability
from gateways.registry import gateway_class
from money import EXPONENTS
from payments.models import LedgerAccount
from reconciliation.models import (
    PAYMENT_KINDS,
    ReportState,
    SettlementLine,
    SettlementReport,
    SettlementSource,
    SourceKind,
)
from reconciliation.movements import UNPLACED
from reconciliation.own_tables import count_rows, range_of
from reconciliation.services.posting import open_from, post_batches
from reconciliation.statements import plan_for_many, run

_NAMING = ("open_lines", "by_our_reference", "by_payment_alone")
_KEEPING_IN_OWN = ("keep_sure_in_own", "attach_matches")
_PASSES = (
    "movements",
    "pairs",
    "sums",
    "ranks",
    "rules",
    "amounts",
    "nothing",
    "matches",
    "misstated",
    "findings",
    "discrepancies",
    "closing",
    "settled_after_all",
    "another_payout",
    "stakes",
    "tidy",
)
_BANK_PASSES = ("bank", "discrepancies", "closing", "settled_after_all", "tidy")
# Two runs without a common lock can only meet at what both take; the second to come sees it when it begins anew.
_TRIES = 3
# What refuses a movement that is taken, and a line that is matched, by whomever.
TAKEN_MEANWHILE = ("reconciliation_ledgerconsumed_pkey", "one_match_per_line")


def match_report(*, report: SettlementReport, now: datetime) -> None:
    """Match the lines of one file, and whatever of its source waits since earlier; post what its batches settled."""

    def match() -> None:
        report.refresh_from_db()
        _match(report.source, report, now)
        # What its batches settled was posted into days that are open, and its lines count where that does.
        report.state, report.matched_at, report.counts_from = ReportState.MATCHED, now, open_from(report.source)
        report.save(update_fields=["state", "matched_at", "counts_from"])
        count_rows("reconciliation_match", ("id", "line_id"), report=report)

    _anew_where_taken_meanwhile(match)


def match_what_is_loaded(*, source: SettlementSource, clock: Callable[[], datetime]) -> None:
    """Match files whose import died before that; call it under the lock of their source.

    Whoever takes lines back, or posts batches, takes for granted that all lines there are were matched.
    """
    for report in source.reports.filter(state=ReportState.LOADED).order_by("loaded_at", "pk"):
        match_report(report=report, now=clock())


def look_for_missing(*, source: SettlementSource, now: datetime) -> None:
    """Match again what waits, and open what should have been settled, or should have reached the bank, by now."""

    def look() -> None:
        _match(source, None, now)
        if source.account is not None:
            params = _params(source, None, now)
            run("matching/not_waited_for", params)
            run("matching/missing_there", params)
            has_banks = SettlementSource.objects.filter(kind=SourceKind.BANK).exists()
            if has_banks and source.account.environment == _bank_environment():
                run("matching/not_in_bank", params)

    _anew_where_taken_meanwhile(look)


def _anew_where_taken_meanwhile(work: Callable[[], None]) -> None:
    """Do in one transaction what another run may take something away from, and begin anew where that happens."""
    for left in reversed(range(_TRIES)):
        try:
            with transaction.atomic():
                work()
        except IntegrityError as error:
            if left == 0 or not any(name in str(error) for name in TAKEN_MEANWHILE):
                raise
        else:
            return


def _bank_environment() -> Environment:
    """Return of which accounts banks have payouts: live ones, and test ones only where there are no others."""
    live = SettlementSource.objects.filter(account__environment=Environment.LIVE)
    return Environment.LIVE if live.exists() else Environment.TEST


def money_account_of(source: SettlementSource) -> LedgerAccount:
    """Return where the money of a source's account waits to be settled: at the gateway, or in the operator's till."""
    assert source.account is not None, "a bank settles nothing"
    takes_elsewhere = Capability.CHARGE_EXTERNAL in gateway_class(source.account.gateway).capabilities
    return LedgerAccount.EXTERNAL if takes_elsewhere else LedgerAccount.CLEARING


def _match(source: SettlementSource, report: SettlementReport | None, now: datetime) -> None:
    plan_for_many()
    # Nobody writes off, or matches by hand, what a run is about to find a place for.
    SettlementSource.objects.select_for_update(no_key=True).get(pk=source.pk)
    params = _params(source, report, now)
    has_own_matches = params["is_new"] and params["first_line_id"] is not None
    if source.kind == SourceKind.BANK:
        if has_own_matches:
            _run_passes(("own_matches", "attach_matches"), params)
        _run_passes(_BANK_PASSES, params)
        return
    if report is not None and params["is_new"]:
        run("matching/sure", {**params, "last_settled_at": _last_settled_at(report)})
        if report.superseded_count:
            run("matching/leave_superseded", params)
        _run_passes(_NAMING, params)
        if run("matching/give_back", params):
            _run_passes(("begin_anew", *_NAMING), params)
        _run_passes(_KEEPING_IN_OWN if has_own_matches else ("keep_sure",), params)
    else:
        _run_passes(("unsure", *_NAMING), params)
    _run_passes(_PASSES, params)
    post_batches(source=source, report=report, money_account=money_account_of(source), now=now)


def _last_settled_at(report: SettlementReport) -> datetime | None:
    lines = SettlementLine.objects.filter(report=report, kind__in=PAYMENT_KINDS)
    last: datetime | None = lines.aggregate(last=Max("settled_at"))["last"]
    return last


def _run_passes(names: Iterable[str], params: Mapping[str, Any]) -> None:
    for name in names:
        run(f"matching/{name}", params)


def _params(source: SettlementSource, report: SettlementReport | None, now: datetime) -> dict[str, Any]:
    is_bank = source.kind == SourceKind.BANK
    return {
        "source": source.pk,
        "account": source.account_id,
        "report": report.pk if report else None,
        # Until its matching is committed, nothing can be known of its lines.
        "is_new": report is not None and report.state == ReportState.LOADED,
        **range_of(report),
        "money_account": None if is_bank else money_account_of(source).value,
        "payment_kinds": [kind.value for kind in PAYMENT_KINDS],
        "unplaced_kinds": [kind.value for kind in UNPLACED],
        "currencies": list(EXPONENTS),
        "minor_units": [10**decimals for decimals in EXPONENTS.values()],
        "bank_environment": _bank_environment().value if is_bank else None,
        "tolerance": source.tolerance_minor,
        "fee_tolerance": source.fee_tolerance_minor,
        "window_days": source.window_days,
        "sla_days": source.sla_days,
        "reconciled_from": source.reconciled_from,
        "zone": source.time_zone,
        "now": now,
    }
