"""The settlement file, in the form that docs/cardgate.md asks an export of the vendor's portal to be brought into."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from gateways.sandbox import settling
from gateways.sandbox.cardgate.books import Books
from gateways.sandbox.cardgate.refunds import DONE
from gateways.sandbox.settling import Batch, Line, Movement, Report, major, table
from gateways.sandbox.store import Document

HEADER = (
    "account_id,invoice_id,reference_id,type,operation_id,operation_reference_id,occurred_at,currency,debit,credit,"
    "exchange_rate,payout_currency,payout_debit,payout_credit,fee,payment_method,payout_id,arn"
)
_TYPES = {settling.CAPTURE: "payment"}


def movements(books: Books, account: str, _: Callable[[str], bool]) -> Iterator[Movement]:
    """Return what invoices of an account moved. A chargeback has no name: it goes by its invoice."""
    for invoice in books.invoices():
        if invoice["account"] != account or invoice["processed_amount"] is None:
            continue
        yield _movement(
            invoice, settling.CAPTURE, invoice["processed_amount"], invoice["processed"], name=invoice["rrn"]
        )
        for entry in invoice["refunds"]:
            if entry["status"] == DONE:
                yield _movement(
                    invoice,
                    settling.REFUND,
                    entry["amount"],
                    entry["created"],
                    name=entry["id"],
                    ours=entry["reference_id"] or "",
                )
        for place, taken in enumerate(invoice.get("chargebacks", [])):
            yield _movement(invoice, settling.CHARGEBACK, taken["amount"], taken["at"], key=f"chargeback {place}")


def report(batch: Batch) -> Report:
    """Write down a batch."""
    rows = (_row(batch, line) for line in batch.lines)
    return Report(file_name=f"payout-{batch.number}.csv", content=table(HEADER.split(","), rows))


def label(batch: Batch) -> str:
    """Return what the bank writes beside a payout."""
    return f"CardGate payout-{batch.number} {batch.account}"


def _movement(
    invoice: Document, kind: str, minor: int, at: float, *, name: str = "", ours: str = "", key: str = ""
) -> Movement:
    return Movement(
        key=f"{invoice['id']}:{key or name}:{kind}",
        kind=kind,
        payment=invoice["id"],
        operation=name,
        reference=invoice["reference_id"],
        operation_reference=ours,
        currency=invoice["currency"],
        minor=minor,
        at=float(at),
        method="payment_card",
    )


def _row(batch: Batch, line: Line) -> dict[str, str]:
    is_release = line.kind == settling.RESERVE and line.net > 0
    row = {
        "account_id": batch.account,
        "invoice_id": line.payment,
        "reference_id": line.reference,
        "type": "unreserve" if is_release else _TYPES.get(line.kind, line.kind),
        "operation_id": line.operation,
        "operation_reference_id": line.operation_reference,
        "occurred_at": datetime.fromtimestamp(line.at, UTC).isoformat(timespec="seconds"),
        "currency": line.currency,
        "exchange_rate": line.rate,
        "payout_currency": line.settled_in,
        "payment_method": line.method,
        "payout_id": f"payout-{batch.number}",
        "credit" if line.gross >= 0 else "debit": major(abs(line.gross), line.currency),
        "payout_credit" if line.net >= 0 else "payout_debit": major(abs(line.net), line.settled_in),
    }
    return {**row, "fee": major(line.rounded_fee, line.settled_in)} if line.payment else row
