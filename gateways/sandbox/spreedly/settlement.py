"""The settlement of the processor behind Spreedly, who moves no money: a report of an acquirer's own making.

It knows nothing of Spreedly's tokens, only its own references and the order's name that a charge brought along.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from gateways.sandbox import settling
from gateways.sandbox.settling import Batch, Line, Movement, Report, major, table
from gateways.sandbox.spreedly.books import Books
from gateways.sandbox.spreedly.currencies import iso_minor
from gateways.sandbox.store import Document

HEADER = (
    "Merchant ID,Transaction ID,Merchant Order,Type,Date,Currency,Amount,Fee,Rate,Settlement Currency,"
    "Settlement Amount,Batch"
)
_TYPES = {settling.CAPTURE: "SALE", settling.REFUND: "CREDIT", settling.PAYOUT: "DEPOSIT"}


def movements(books: Books, account: str, _: Callable[[str], bool]) -> Iterator[Movement]:
    """Return what transactions of an environment moved; a purchase that was undone was never settled."""
    for found in books.transactions(account=account):
        kind, is_done = found["transaction_type"], found["succeeded"]
        if (kind == "Purchase" and found["captured"]) or (kind == "Capture" and is_done):
            yield _movement(found, settling.CAPTURE)
        elif kind == "Credit" and is_done:
            yield _movement(found, settling.REFUND)


def report(batch: Batch) -> Report:
    """Write down a batch."""
    rows = (_row(batch, line) for line in batch.lines)
    return Report(file_name=f"acquirer-{batch.number}.csv", content=table(HEADER.split(","), rows))


def label(batch: Batch) -> str:
    """Return what the bank writes beside a payout."""
    return f"ACQUIRER DEPOSIT A-{batch.number}"


def _movement(found: Document, kind: str) -> Movement:
    created = datetime.strptime(found["created_at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return Movement(
        key=f"{found['token']}:{kind}",
        kind=kind,
        payment=found["gateway_transaction_id"] or found["token"][:8],
        operation=found["gateway_transaction_id"] or found["token"][:8],
        operation_reference=found["order_id"] or "",
        currency=found["currency_code"],
        minor=iso_minor(found["amount"], found["currency_code"]),
        at=created.timestamp(),
    )


def _row(batch: Batch, line: Line) -> dict[str, str]:
    return {
        "Merchant ID": batch.account,
        "Transaction ID": line.operation,
        "Merchant Order": line.operation_reference,
        "Type": _TYPES.get(line.kind, line.kind.upper()),
        "Date": f"{datetime.fromtimestamp(line.at, UTC):%Y-%m-%d %H:%M:%S}",
        "Currency": line.currency,
        "Amount": major(line.gross, line.currency),
        "Fee": major(line.rounded_fee, line.settled_in) if line.payment else "",
        "Rate": line.rate,
        "Settlement Currency": line.settled_in,
        "Settlement Amount": major(line.net, line.settled_in),
        "Batch": f"A-{batch.number}",
    }
