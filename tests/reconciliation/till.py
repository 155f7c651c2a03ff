"""What an account took, in our ledger, and the file its gateway would write of it."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.utils import timezone

from bookings.models import Order
from gateways.models import GatewayAccount
from money import Money, exponent_of
from payments.models import LedgerEntry, Payment, Posting, Transaction
from reconciliation.models import Discrepancy, DiscrepancyState, SettlementReport, SettlementSource
from reconciliation.services.importing import Imported, import_file, receive_file, source_for

NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
# Some days later, when the file comes; within what the gateway promised.
SETTLED = NOON + timedelta(days=2)
ADYEN = [
    "Company Account",
    "Merchant Account",
    "Psp Reference",
    "Merchant Reference",
    "Payment Method",
    "Creation Date",
    "TimeZone",
    "Type",
    "Modification Reference",
    "Gross Currency",
    "Gross Debit (GC)",
    "Gross Credit (GC)",
    "Exchange Rate",
    "Net Currency",
    "Net Debit (NC)",
    "Net Credit (NC)",
    "Commission (NC)",
    "Markup (NC)",
    "Scheme Fees (NC)",
    "Interchange (NC)",
    "Payment Method Variant",
    "Modification Merchant Reference",
    "Batch Number",
    "Booking Date",
    "Booking Date TimeZone",
]


@dataclass(kw_only=True)
class Till:
    """Be one account's side of the books, and write its file."""

    account: GatewayAccount
    order: Order
    payment: Payment
    transactions: list[Transaction] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    entries: list[LedgerEntry] = field(default_factory=list)

    def books(
        self,
        minor: int,
        reference: str,
        *,
        kind: str = "SALE",
        currency: str = "EUR",
        at: datetime = NOON,
        surcharge_minor: int = 0,
        of: Transaction | None = None,
    ) -> Transaction:
        """Book that an operation moved so much into the gateway's account; negative is out of it."""
        operation = of or Transaction(
            payment=self.payment,
            order=self.order,
            account=self.account,
            kind=kind,
            origin="GATEWAY",
            status="PROCESSED",
            amount_minor=abs(minor),
            currency=currency,
            reference=f"tx_{uuid4().hex}",
            gateway_reference=reference,
            requested_at=at,
            decided_at=at,
        )
        if of is None:
            self.transactions.append(operation)
        posting = Posting(cause="captured", occurred_at=at, posted_at=at)
        self.postings.append(posting)
        money = "EXTERNAL" if self.account.gateway == "external" else "CLEARING"
        other = "DISPUTED" if kind == "CHARGEBACK" else "RECEIVABLE"
        for counterpart, part in ((other, abs(minor) - surcharge_minor), ("SURCHARGE", surcharge_minor)):
            if part:
                ways = (counterpart, money) if minor > 0 else (money, counterpart)
                self.entries.append(
                    LedgerEntry(
                        posting=posting,
                        from_account=ways[0],
                        to_account=ways[1],
                        amount_minor=part,
                        currency=currency,
                        gateway_account=self.account,
                        order=self.order,
                        payment=self.payment,
                        transaction=operation,
                        partner=self.order.partner,
                        is_live=self.order.is_live,
                    )
                )
        return operation

    def save(self) -> None:
        """Write what was booked."""
        Transaction.objects.bulk_create(self.transactions)
        Posting.objects.bulk_create(self.postings)
        LedgerEntry.objects.bulk_create(self.entries)
        for written in (self.transactions, self.postings, self.entries):
            written.clear()

    def imports(self, path: Path, *, skips: bool = False, clock: Any = timezone.now) -> Imported:
        """Import a file for the account."""
        report = self.receives(path, skips=skips)
        return import_file(report=report, path=path, clock=clock)

    def receives(self, path: Path, *, skips: bool = False) -> SettlementReport:
        """Note a file for the account."""
        now = timezone.now()
        return receive_file(
            source=source_for(self.account.slug, now=now),
            path=path,
            file_name=path.name,
            skips_bad_lines=skips,
            received_by="test",
            now=now,
        )

    def found(self) -> dict[str, int]:
        """Count the open discrepancies by kind."""
        counts: dict[str, int] = {}
        open_ones = Discrepancy.objects.filter(source__account=self.account).exclude(state=DiscrepancyState.CLOSED)
        for kind in open_ones.values_list("kind", flat=True):
            counts[kind] = counts.get(kind, 0) + 1
        return counts

    def balances(self) -> dict[str, int]:
        """Return what the account's accounts hold, as `NAME CURRENCY`, where that is something."""
        held: dict[str, int] = {}
        for entry in LedgerEntry.objects.filter(gateway_account=self.account):
            for name, sign in ((entry.from_account, -1), (entry.to_account, 1)):
                key = f"{name} {entry.currency}"
                held[key] = held.get(key, 0) + sign * entry.amount_minor
        return {key: minor for key, minor in held.items() if minor}


def till_of(payment: Payment, **account: Any) -> Till:
    """Return an empty till at a new account of the payment's gateway."""
    name = f"till-{uuid4().hex[:8]}"
    fields = {"gateway": "adyen", "environment": "test", "currencies": ["EUR"], "sources": ["ECOM"], **account}
    made = GatewayAccount.objects.create(slug=name, name=name, **fields)
    GatewayAccount.objects.filter(pk=made.pk).update(created_at=NOON - timedelta(days=30))
    made.refresh_from_db()
    return Till(account=made, order=payment.order, payment=payment)


def settled(
    minor: int,
    psp: str,
    *,
    type: str = "Settled",  # noqa: A002, the report's word
    modification: str = "",
    fee: str = "",
    net_minor: int | None = None,
    currency: str = "EUR",
    net_currency: str = "EUR",
    rate: str = "1",
    batch: str = "42",
    at: datetime = SETTLED,
    **cells: str,
) -> dict[str, str]:
    """Return a row of an Adyen report: so much gross, less its fee unless `net_minor` says what came of it."""
    scale = Decimal(10) ** exponent_of(net_currency)
    if net_minor is None:
        net_minor = int(minor - Decimal(fee or 0) * scale)
    row = {
        "Merchant Account": "SpreeKanalEU",
        "Psp Reference": psp,
        "Modification Reference": modification or f"M{psp}",
        "Creation Date": f"{at:%Y-%m-%d %H:%M:%S}",
        "TimeZone": "UTC",
        "Type": type,
        "Gross Currency": currency,
        "Exchange Rate": rate,
        "Net Currency": net_currency,
        "Commission (NC)": fee,
        "Batch Number": batch,
    }
    for name, amount, code in (("Gross", minor, currency), ("Net", net_minor, net_currency)):
        side = "Credit" if amount >= 0 else "Debit"
        row[f"{name} {side} ({name[0]}C)"] = Money(abs(amount), code).format()
    return row | cells


def account_row(type: str, net_minor: int, **cells: Any) -> dict[str, str]:  # noqa: A002, the report's word
    """Return a row that belongs to no payment."""
    row = settled(0, "", type=type, modification=type, net_minor=net_minor, **cells)
    return row | {"Gross Currency": "", "Gross Credit (GC)": "", "Exchange Rate": ""}


def payout(rows: Iterable[dict[str, str]], **cells: Any) -> dict[str, str]:
    """Return the row that pays the others out."""
    net = sum(Decimal(row.get("Net Credit (NC)") or 0) - Decimal(row.get("Net Debit (NC)") or 0) for row in rows)
    scale = 10 ** exponent_of(cells.get("net_currency", "EUR"))
    return account_row("MerchantPayout", -int(net * scale), **cells)


def written(path: Path, rows: Iterable[dict[str, str]], *, header: list[str] = ADYEN, **options: Any) -> Path:
    """Write rows as a file and return it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, header, lineterminator=options.get("line_end", "\n"))
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode(options.get("encoding", "utf-8")))
    return path


def bank_statements() -> SettlementSource:
    """Make the source of the operator's bank account, whose statements have four columns."""
    return SettlementSource.objects.create(
        slug="bank",
        kind="BANK",
        reconciled_from=NOON.date(),
        column_map={
            "columns": {
                "net": {"header": "Amount", "unit": "major"},
                "net_currency": {"header": "Currency"},
                "occurred_at": {"header": "Date", "unit": "YYYY-MM-DD"},
                "description": {"header": "Text"},
            }
        },
    )
