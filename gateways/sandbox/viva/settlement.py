"""The report of settled transactions, in the form that docs/viva.md asks an export to be brought into."""

from collections.abc import Callable, Iterator
from datetime import datetime

from gateways.sandbox import settling
from gateways.sandbox.settling import Batch, Line, Movement, Report, major, table
from gateways.sandbox.store import Document
from gateways.sandbox.viva import events
from gateways.sandbox.viva.books import CAPTURE, CHARGE, HOLD, REFUND, VOID, Books
from gateways.sandbox.viva.currencies import NUMBERS

HEADER = (
    "MerchantId,TransactionId,ParentId,OrderCode,MerchantTrns,TransactionTypeId,InsDate,CurrencyCode,Amount,TotalFee,"
    "NetAmount,ClearanceDate,PayoutId,SourceCode,CardTypeId,RetrievalReferenceNumber"
)
# What has no number in Viva's table of types.
_WORDS = {settling.PAYOUT: "19"}


def movements(books: Books, account: str, is_settled: Callable[[str], bool]) -> Iterator[Movement]:
    """Return what transactions of a merchant moved; a hold that was let go moved nothing."""
    for found in books.transactions(merchant_id=account):
        if found["status"] in ("E", "A"):
            continue
        if found["type"] in (CHARGE, CAPTURE):
            yield _movement(found, settling.CAPTURE, found["amount"], word=str(found["type"]))
            taken = found["charged_back"]
            key = f"{found['id']}:{settling.CHARGEBACK}"
            if taken or is_settled(key):
                yield _movement(found, settling.CHARGEBACK, taken, word="chargeback")
            if not taken and is_settled(key):
                yield _movement(found, settling.CHARGEBACK_REVERSED, found["amount"], word="chargeback_reversed")
        elif found["type"] in (REFUND, VOID):
            parent = books.transaction(found["parent"])
            if parent is not None and parent["type"] != HOLD:
                yield _movement(found, settling.REFUND, found["amount"], word=str(found["type"]))


def report(batch: Batch) -> Report:
    """Write down a batch."""
    day = datetime.fromtimestamp(batch.closed_at, events.ATHENS).date()
    return Report(
        file_name=f"sale_transactions_{day}_{batch.number}.csv",
        content=table(HEADER.split(","), (_row(batch, line) for line in batch.lines)),
    )


def label(batch: Batch) -> str:
    """Return what the bank writes beside a payout."""
    return f"VIVA PAYMENT SERVICES V-{batch.number}"


def _movement(found: Document, kind: str, minor: int, *, word: str) -> Movement:
    return Movement(
        key=f"{found['id']}:{kind}",
        kind=kind,
        payment=found["parent"] or found["id"],
        operation=found["id"],
        reference=found["merchant_trns"] or "",
        currency=found["currency"],
        minor=minor,
        at=found["at"],
        method=str(found["card"]["type_id"]),
        word=word,
    )


def _row(batch: Batch, line: Line) -> dict[str, str]:
    row = {
        "MerchantId": batch.account,
        "TransactionId": line.operation,
        "ParentId": line.payment if line.payment != line.operation else "",
        "MerchantTrns": line.reference,
        "TransactionTypeId": line.word or _WORDS.get(line.kind, line.kind),
        "InsDate": events.stamp(line.at),
        "CurrencyCode": NUMBERS[line.currency],
        "Amount": major(line.gross, line.currency),
        "NetAmount": major(line.net, line.settled_in),
        "ClearanceDate": events.stamp(batch.closed_at),
        "PayoutId": f"V-{batch.number}",
        "CardTypeId": line.method,
    }
    return {**row, "TotalFee": major(line.rounded_fee, line.settled_in)} if line.payment else row
