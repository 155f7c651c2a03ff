"""The settlement details report: a file for each batch, announced by REPORT_AVAILABLE and fetched by the report user.

Source: Adyen docs, "Settlement details report"; the order of columns is the default, with the usual optional ones
behind. Card brands alternate between one blended commission and interchange++, as accounts have both.
"""

import hmac
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from aiohttp import web

from gateways.sandbox import settling
from gateways.sandbox.adyen.books import Books
from gateways.sandbox.adyen.currencies import DECIMALS
from gateways.sandbox.settling import Batch, Line, Movement, Report, decimals, major, table
from gateways.sandbox.store import Document

HEADER = (
    "Company Account,Merchant Account,Psp Reference,Merchant Reference,Payment Method,Creation Date,TimeZone,Type,"
    "Modification Reference,Gross Currency,Gross Debit (GC),Gross Credit (GC),Exchange Rate,Net Currency,"
    "Net Debit (NC),Net Credit (NC),Commission (NC),Markup (NC),Scheme Fees (NC),Interchange (NC),"
    "Payment Method Variant,Modification Merchant Reference,Batch Number,Reserved4,Reserved5,Reserved6,Reserved7,"
    "Reserved8,Reserved9,Reserved10,Booking Date,Booking Date TimeZone,Dispute Reference,ARN"
)
_TYPES = {
    settling.CAPTURE: "Settled",
    settling.REFUND: "Refunded",
    settling.REFUND_REVERSED: "RefundedReversed",
    settling.CHARGEBACK: "Chargeback",
    settling.CHARGEBACK_REVERSED: "ChargebackReversed",
    settling.FEE: "InvoiceDeduction",
    settling.RESERVE: "DepositCorrection",
    settling.PAYOUT: "MerchantPayout",
}
# Where Adyen's reports tell their times unless they are asked otherwise.
_ZONE = ZoneInfo("Europe/Amsterdam")
_DOWNLOAD = "/adyen/reports/download/MerchantAccount"


def movements(books: Books, account: str, is_settled: Callable[[str], bool]) -> Iterator[Movement]:
    """Return what payments of an account moved. A refund that failed before it was settled never left."""
    for payment in books.payments(merchant_account=account):
        for row in payment["modifications"]:
            name, status = row["pspReference"], row["status"]
            if row["type"] == "capture" and status == "success":
                yield _movement(payment, settling.CAPTURE, row)
            if row["type"] == "refund" and (status in ("success", "returned") or is_settled(f"{name}:refund")):
                yield _movement(payment, settling.REFUND, row)
                if status in ("returned", "failed"):
                    yield _movement(payment, settling.REFUND_REVERSED, row)
        yield from _of_dispute(payment)


def report(batch: Batch) -> Report:
    """Write down a batch."""
    rows = (_row(batch, line) for line in batch.lines)
    return Report(
        file_name=f"settlement_detail_report_batch_{batch.number}.csv", content=table(HEADER.split(","), rows)
    )


def announce(books: Books, batch: Batch, told: Report, origin: str) -> list[str]:
    """Tell of a report: its name is signed, its address in `reason` is not."""
    url = f"{origin}{_DOWNLOAD}/{batch.account}/{told.file_name}"
    books.notify(
        {
            "eventCode": "REPORT_AVAILABLE",
            "pspReference": told.file_name,
            "originalReference": "",
            "merchantAccountCode": batch.account,
            "merchantReference": "",
            "amount": {"currency": "EUR", "value": 0},
            "success": "true",
            "reason": url,
            "additionalData": {},
        }
    )
    return [told.file_name]


def download_routes(books: Books) -> list[web.RouteDef]:
    """Return where reports lie. Only the report user's password opens them."""

    async def download(request: web.Request) -> web.Response:
        account = books.account(request.match_info["account"])
        wanted = "" if account is None else f"{account.report_user}:{account.report_password}"
        given = request.headers.get("Authorization", "").encode()
        if len(wanted) < 2 or not hmac.compare_digest(given, b"Basic " + b64encode(wanted.encode())):
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="reports"'})
        for batch in books.store.all(settling.BATCHES).values():
            if (batch["account"], batch["fileName"]) == (request.match_info["account"], request.match_info["file"]):
                return web.Response(text=batch["content"], content_type="text/csv", charset="utf-8")
        return web.Response(status=404)

    return [web.get(f"{_DOWNLOAD}/{{account}}/{{file}}", download)]


def _movement(payment: Document, kind: str, row: Document, *, suffix: str = "", word: str = "") -> Movement:
    currency = row["amount"]["currency"]
    return Movement(
        key=f"{row['pspReference']}:{suffix or kind}",
        kind=kind,
        payment=payment["pspReference"],
        operation=row["pspReference"],
        reference=payment["merchantReference"],
        operation_reference=row.get("reference", ""),
        currency=currency,
        minor=row["amount"]["value"] // 10 ** (DECIMALS[currency] - decimals(currency)),
        at=datetime.fromisoformat(row["createdAt"]).timestamp(),
        method=payment["card"]["brand"],
        word=word,
    )


def _of_dispute(payment: Document) -> Iterator[Movement]:
    dispute = payment.get("dispute")
    if dispute is None:
        return
    row = {**dispute, "createdAt": dispute["toldAt"]}
    yield _movement(payment, settling.CHARGEBACK, row)
    if "reversed" in dispute:
        row["amount"] = {**dispute["amount"], "value": dispute["reversed"]}
        yield _movement(payment, settling.CHARGEBACK_REVERSED, row)
        if dispute["stage"] == "second":
            yield _movement(payment, settling.CHARGEBACK, row, suffix="second", word="SecondChargeback")


def _row(batch: Batch, line: Line) -> dict[str, str]:
    created, booked = (datetime.fromtimestamp(moment, _ZONE) for moment in (line.at, batch.closed_at))
    is_payment = bool(line.payment)
    is_dispute = line.kind in (settling.CHARGEBACK, settling.CHARGEBACK_REVERSED)
    row = {
        "Company Account": "SandboxTours",
        "Merchant Account": batch.account,
        "Psp Reference": line.payment,
        "Merchant Reference": line.reference,
        "Payment Method": line.method,
        "Creation Date": f"{created:%Y-%m-%d %H:%M:%S}",
        "TimeZone": created.tzname() or "",
        "Type": line.word or _TYPES[line.kind],
        "Modification Reference": line.operation or _text_of(batch, line),
        "Gross Currency": line.currency if is_payment else "",
        "Exchange Rate": line.rate if is_payment else "",
        "Net Currency": line.settled_in,
        "Modification Merchant Reference": line.operation_reference,
        "Batch Number": str(batch.number),
        "Booking Date": f"{booked:%Y-%m-%d %H:%M:%S}",
        "Booking Date TimeZone": booked.tzname() or "",
        "Dispute Reference": line.operation if is_dispute else "",
        f"Net {'Credit' if line.net >= 0 else 'Debit'} (NC)": major(abs(line.net), line.settled_in),
        **_fees(line),
    }
    if is_payment:
        side = "Credit" if line.gross >= 0 else "Debit"
        row[f"Gross {side} (GC)"] = major(abs(line.gross), line.currency)
    return row


def _fees(line: Line) -> dict[str, str]:
    fee = Decimal(line.fee)
    if not fee:
        return {}
    if line.method != "visa" or line.kind != settling.CAPTURE:
        return {"Commission (NC)": major(fee, line.settled_in)}
    interchange, scheme = (fee * 2 / 3).quantize(Decimal("0.01")), (fee / 5).quantize(Decimal("0.01"))
    parts = {"Interchange": interchange, "Scheme Fees": scheme, "Markup": fee - interchange - scheme}
    return {f"{name} (NC)": major(part, line.settled_in) for name, part in parts.items()}


def _text_of(batch: Batch, line: Line) -> str:
    """Return the free text of what belongs to no payment; a payout's is what the bank shows."""
    if line.kind == settling.PAYOUT:
        return label(batch)
    return f"{_TYPES[line.kind]} batch {batch.number}"


def label(batch: Batch) -> str:
    """Return what the bank writes beside the payout."""
    return f"TX{900_000_000 + batch.number}XT batch {batch.number}, {batch.account}"
