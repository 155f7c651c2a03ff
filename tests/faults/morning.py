"""The morning after: processors settle what they did, the files are imported, and nothing is left to explain."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Sum

from config.demo.settlement import BANK, BANK_SOURCE, TILL_MAP
from config.local_secrets import standin_of
from gateways.models import AnnouncedReport, GatewayAccount
from gateways.protocol import Capability
from gateways.registry import gateway_class
from money import Money
from payments import tasks as payment_tasks
from payments.models import LedgerAccount, LedgerEntry
from reconciliation import tasks
from reconciliation.importing.columns import map_of
from reconciliation.models import (
    Discrepancy,
    DiscrepancyState,
    LineKind,
    SettlementBatch,
    SettlementLine,
    SettlementReport,
    SettlementSource,
    SourceKind,
)
from reconciliation.services.importing import import_file, receive_file, source_for
from reconciliation.services.matching import look_for_missing
from tests.faults.tills import Receipt
from tests.processes import Sandbox, wait_until

# What is settled in another currency than it was paid in, where the gateway's report can say so.
INTO = {"JPY": "EUR", "GBP": "USD"}
_COLUMNS = {
    "captured": (LineKind.CAPTURE, LineKind.CAPTURE_REVERSED, LineKind.CAPTURE_FAILED),
    "refunded": (LineKind.REFUND, LineKind.REFUND_REVERSED),
    "charged_back": (LineKind.CHARGEBACK, LineKind.CHARGEBACK_REVERSED),
}
# Money by account at the processor and currency.
Sums = dict[tuple[str, str], dict[str, int]]


def source_of(account: GatewayAccount, *, now: datetime) -> SettlementSource:
    """Return an account's source, with the column map that an operator has to give it where the gateway has none."""
    source = source_for(account.slug, now=now)
    if Capability.CHARGE_EXTERNAL in gateway_class(account.gateway).capabilities:
        source.column_map = TILL_MAP
    else:
        source.column_map = getattr(standin_of(settings.GATEWAYS[account.gateway]), "SETTLEMENT_MAP", None)
    source.save(update_fields=["column_map"])
    return source


def bank_source(*, now: datetime) -> SettlementSource:
    """Return the source of the operator's bank account, whose statements are as many banks write them."""
    source, _ = SettlementSource.objects.get_or_create(
        slug=BANK, defaults={"kind": SourceKind.BANK, "reconciled_from": now.date(), **BANK_SOURCE}
    )
    return source


def accounts_at_processors() -> list[GatewayAccount]:
    """Return the accounts that a stand-in processor knows."""
    found = GatewayAccount.objects.filter(slug__in=settings.GATEWAY_CREDENTIALS).exclude(gateway__in=_tills())
    return list(found.order_by("pk"))


def settle(sandbox: Sandbox, account: GatewayAccount, *, now: datetime) -> list[dict[str, Any]]:
    """Let the processor of an account settle, abroad and with a reserve as far as its report can tell of them."""
    column_map, _ = map_of(source_of(account, now=now))
    fields = {column.field for column in column_map.columns}
    wish = {
        "account": _name_at_processor(account),
        "into": INTO if "net_currency" in fields else {},
        "reserve_percent": 5 if LineKind.RESERVE in column_map.types.values() else 0,
    }
    batches: list[dict[str, Any]] = sandbox.post(f"{account.gateway}/settle", **wish)["batches"]
    return batches


def take_in(source: SettlementSource, folder: Path, name: str, content: bytes, *, now: datetime) -> SettlementReport:
    """Import a file as it is."""
    path = folder / name
    path.write_bytes(content)
    report = receive_file(source=source, path=path, file_name=name, skips_bad_lines=False, received_by="grace", now=now)
    return import_file(report=report, path=path, clock=lambda: now).report


def settle_everywhere(sandbox: Sandbox, *, now: datetime) -> dict[SettlementSource, tuple[str, str]]:
    """Settle at every gateway; return name and content of the file of each source that has one."""
    return {
        source_of(account, now=now): (batch["fileName"], batch["content"])
        for account in accounts_at_processors()
        for batch in settle(sandbox, account, now=now)
    }


def take_in_everything(
    sandbox: Sandbox,
    files: Mapping[SettlementSource, tuple[str, str]],
    folder: Path,
    receipts: Sequence[Receipt],
    *,
    now: datetime,
) -> None:
    """Fetch what is announced, download the rest, and import all of it, the tills' list and the bank's statement."""
    fetch_what_is_announced(sandbox)
    for source, (name, content) in files.items():
        assert source.account is not None
        if not source.account.reports.exists():
            take_in(source, folder, name, content.encode(), now=now)
    for account in GatewayAccount.objects.filter(gateway__in=_tills()).order_by("pk"):
        if receipts:
            take_in(source_of(account, now=now), folder, "till.csv", till_file(receipts, now=now).encode(), now=now)
            for currency, minor in _sums_of(receipts).items():
                sandbox.post("bank/credit", text="cash deposit, till Z1", currency=currency, minor=minor)
    told = sandbox.post("bank/statement")
    take_in(bank_source(now=now), folder, told["fileName"], told["content"].encode("cp1252"), now=now)
    for source in SettlementSource.objects.order_by("pk"):
        look_for_missing(source=source, now=now)


def fetch_what_is_announced(sandbox: Sandbox) -> None:
    """Let the gateways tell of their reports, fetch these and import them, as beat would have it."""
    sandbox.post("webhooks/flush", lost=True)
    payment_tasks.drain_deliveries()
    wait_until(_everything_is_fetched, what="the reports being made and fetched")


def _everything_is_fetched() -> bool:
    tasks.fetch_reports()
    return not AnnouncedReport.objects.filter(fetched_at__isnull=True).exists()


def till_file(receipts: Iterable[Receipt], *, now: datetime) -> str:
    """Return a till's list of what it took and gave back, and what was carried to the bank of it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["Closing", "Kind", "Receipt", "At", "Amount", "Currency"], restval="")
    writer.writeheader()
    row, rows = {"Closing": "Z1", "At": now.isoformat()}, list(receipts)
    for reference, currency, minor in rows:
        kind = "Sale" if minor > 0 else "Return"
        amount = Money(minor, currency).format()
        writer.writerow({**row, "Kind": kind, "Receipt": reference, "Amount": amount, "Currency": currency})
    for currency, minor in _sums_of(rows).items():
        writer.writerow({**row, "Kind": "Deposit", "Amount": Money(-minor, currency).format(), "Currency": currency})
    return text.getvalue()


def what_is_left() -> dict[str, Any]:
    """Return all that a good morning leaves nothing of: what differs, lines, money in between, payouts."""
    unmatched = SettlementLine.objects.exclude(matches__undone_at__isnull=True, matches__isnull=False)
    open_ones = Discrepancy.objects.exclude(state=DiscrepancyState.CLOSED).select_related("line", "entry__transaction")
    return {
        "discrepancies": [
            (d.kind, d.amount_minor, d.currency, d.line and (d.line.vendor_type, d.line.payment_reference))
            for d in open_ones
        ],
        "lines": list(unmatched.values_list("kind", "vendor_type", "gateway_reference", "gross_minor")),
        "in_between": in_between(),
        "batches": list(
            SettlementBatch.objects.filter(source__kind=SourceKind.GATEWAY)
            .exclude(state="PAID")
            .exclude(net_minor=0)
            .values_list("source__slug", "reference", "currency", "state")
        ),
    }


def in_between() -> dict[tuple[str, str, str], int]:
    """Return what is still at gateways and in tills by the books, by account and currency, where that is something."""
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    for name in (LedgerAccount.CLEARING, LedgerAccount.EXTERNAL):
        for side, sign in (("to_account", 1), ("from_account", -1)):
            rows = LedgerEntry.objects.filter(**{side: name}).values("gateway_account__slug", "currency")
            for row in rows.annotate(minor=Sum("amount_minor")):
                sums[name.value, row["gateway_account__slug"], row["currency"]] += sign * row["minor"]
    return {key: minor for key, minor in sums.items() if minor}


def money_of_the_files() -> Sums:
    """Return what the imported reports say was taken, given back and charged back."""
    sums: Sums = defaultdict(lambda: dict.fromkeys(_COLUMNS, 0))
    lines = SettlementLine.objects.filter(batch__source__account__isnull=False).exclude(
        batch__source__account__gateway__in=_tills()
    )
    accounts = {account.pk: _name_at_processor(account) for account in accounts_at_processors()}
    for column, kinds in _COLUMNS.items():
        rows = lines.filter(kind__in=kinds).values("batch__source__account", "gross_currency")
        for row in rows.annotate(minor=Sum("gross_minor")):
            sign = 1 if column == "captured" else -1
            sums[accounts[row["batch__source__account"]], row["gross_currency"]][column] += sign * row["minor"]
    return {key: moved for key, moved in sums.items() if any(moved.values())}


def money_of_the_processors(sandbox: Sandbox) -> Sums:
    """Return the same from the processors' own record."""
    sums: Sums = defaultdict(lambda: dict.fromkeys(_COLUMNS, 0))
    for row in sandbox.get("money")["money"]:
        for column in _COLUMNS:
            sums[row["merchantAccount"], row["currency"]][column] += row[column]
    return {key: moved for key, moved in sums.items() if any(moved.values())}


def _sums_of(receipts: Iterable[Receipt]) -> Mapping[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for _, currency, minor in receipts:
        sums[currency] += minor
    return {currency: minor for currency, minor in sums.items() if minor}


def _tills() -> list[str]:
    return [slug for slug in settings.GATEWAYS if Capability.CHARGE_EXTERNAL in gateway_class(slug).capabilities]


def _name_at_processor(account: GatewayAccount) -> str:
    standin = standin_of(settings.GATEWAYS[account.gateway])
    name: str = standin.account_name(standin.sandbox_account(settings.GATEWAY_CREDENTIALS[account.slug], ""))
    return name
