"""Payouts and the itemized payout reconciliation report: asked for by a report run, made a moment later, then a file.

Stripe pays out each currency by itself and tells of every payout. Source: Stripe docs, "Payout reconciliation report"
and "Report runs"; a file has exactly the columns that were asked for, in that order.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from gateways.sandbox import settling
from gateways.sandbox.processor import Answer
from gateways.sandbox.settling import Batch, Line, Movement, Report, major, table
from gateways.sandbox.store import Document
from gateways.sandbox.stripe import objects
from gateways.sandbox.stripe.books import CHARGES, DISPUTES, INTENTS, REFUNDS, Books
from gateways.sandbox.stripe.currencies import iso_minor
from gateways.sandbox.stripe.errors import malformed, missing
from gateways.sandbox.stripe.parameters import Parameters
from gateways.sandbox.stripe.question import Question

RUNS = "stripe.report_runs"
REPORT_TYPE = "payout_reconciliation.by_id.itemized.4"
# How long a report is being made; in the real world it is minutes.
_MADE_AFTER_SECONDS = 0.2
_ALL_COLUMNS = (
    "automatic_payout_id,automatic_payout_effective_at_utc,automatic_payout_effective_at,balance_transaction_id,"
    "created_utc,created,available_on_utc,available_on,currency,gross,fee,net,reporting_category,source_id,description,"
    "customer_facing_amount,customer_facing_currency,regulatory_tag,charge_id,payment_intent_id,charge_created_utc,"
    "payment_method_type,card_brand,card_funding,card_country,statement_descriptor,dispute_reason,"
    "payment_metadata[reference],refund_metadata[reference]"
)
COLUMNS = tuple(_ALL_COLUMNS.split(","))
_CATEGORIES = {
    settling.CAPTURE: "charge",
    settling.CAPTURE_REVERSED: "partial_capture_reversal",
    settling.REFUND: "refund",
    settling.REFUND_REVERSED: "refund_failure",
    settling.CHARGEBACK: "dispute",
    settling.CHARGEBACK_REVERSED: "dispute_reversal",
    settling.FEE: "fee",
    settling.RESERVE: "risk_reserved_funds",
}


def movements(books: Books, account: str, _: Callable[[str], bool]) -> Iterator[Movement]:
    """Return what intents of an account moved: a capture in part is the whole charge less what was let go."""
    for intent in books.store.all(INTENTS).values():
        api = intent["api"]
        if intent["account"] != account or not api["amount_received"]:
            continue
        charge = books.find(CHARGES, api["latest_charge"])["api"]
        yield _movement(intent, settling.CAPTURE, charge["id"], charge["amount"], charge["created"])
        if left := charge["amount"] - api["amount_received"]:
            yield _movement(intent, settling.CAPTURE_REVERSED, charge["id"], left, charge["created"])
        for refund in reversed(list(books.of_intent(REFUNDS, api["id"]))):
            made = refund["api"]
            given = made["metadata"].get("reference", "")
            yield _movement(intent, settling.REFUND, made["id"], made["amount"], made["created"], ours=given)
            if made["status"] == "failed":
                yield _movement(intent, settling.REFUND_REVERSED, made["id"], made["amount"], made["created"])
        for dispute in reversed(list(books.of_intent(DISPUTES, api["id"]))):
            for row in dispute["api"]["balance_transactions"]:
                kind = settling.CHARGEBACK if row["amount"] < 0 else settling.CHARGEBACK_REVERSED
                yield _movement(intent, kind, dispute["api"]["id"], abs(row["amount"]), row["created"], key=row["id"])


def report(batch: Batch) -> Report:
    """Write down a batch with every column."""
    return Report(file_name=f"{_payout_id(batch.number, batch.account)}.csv", content=_file(batch.lines, batch))


def label(batch: Batch) -> str:
    """Return what the bank writes beside a payout."""
    return "STRIPE " + " ".join(_payout_id(batch.number, currency) for currency in sorted(batch.payouts))


def announce(books: Books, batch: Batch, *_: object) -> list[str]:
    """Tell of every payout that its lines can be read now; nothing lies anywhere until somebody asks."""
    for payout in _payouts_of(books, batch):
        for event in ("payout.paid", "payout.reconciliation_completed"):
            books.tell(event, {"account": batch.account, "api": payout})
    return [payout["id"] for payout in _payouts_of(books, batch)]


def list_payouts(books: Books, question: Question) -> Answer:
    """Answer GET /v1/payouts, newest first."""
    given = Parameters(question.given, ("created", "limit"))
    wish = question.given.get("created")
    since = int(wish.get("gte") or 0) if isinstance(wish, dict) else 0
    rows = [
        payout
        for document in reversed(list(books.store.all(settling.BATCHES).values()))
        if (document["gateway"], document["account"]) == ("stripe", question.account.account)
        for payout in _payouts_of(books, settling.batch_in(document))
        if payout["created"] >= since
    ]
    return Answer(status=200, body=objects.listed(rows[: given.integer("limit") or 10], url="/v1/payouts"))


def _payouts_of(books: Books, batch: Batch) -> Iterator[Document]:
    for currency, minor in batch.payouts.items():
        arrival = int(batch.closed_at)
        yield {
            "id": _payout_id(batch.number, currency),
            "object": "payout",
            "amount": minor,
            "arrival_date": arrival,
            "automatic": True,
            "balance_transaction": books.new_id("txn"),
            "created": arrival,
            "currency": currency.lower(),
            "destination": "ba_sandbox",
            "failure_code": None,
            "livemode": False,
            "method": "standard",
            "reconciliation_status": "completed",
            "statement_descriptor": None,
            "status": "paid",
            "type": "bank_account",
        }


def create_run(books: Books, question: Question) -> Answer:
    """Answer POST /v1/reporting/report_runs, for one payout."""
    given = Parameters(question.given, ("report_type", "parameters"))
    if given.needed("report_type") != REPORT_TYPE:
        raise malformed(f"This sandbox makes {REPORT_TYPE} alone.", param="report_type")
    wish = question.given.get("parameters")
    payout = str(wish.get("payout") or "") if isinstance(wish, dict) else ""
    columns = wish.get("columns") if isinstance(wish, dict) else None
    if unknown := sorted(set(columns or []) - set(COLUMNS)):
        raise malformed(f"Invalid column: {unknown[0]}", param="parameters[columns]")
    if _lines_of(books, question.account.account, payout) is None:
        raise missing("payout", payout, param="parameters[payout]", status=400)
    now, name = time.time(), books.new_id("frr")
    run: Document = {
        "account": question.account.account,
        "columns": columns or list(COLUMNS[:15]),
        "payout": payout,
        "origin": question.call.origin,
        "api": {"id": name, "created": int(now), "made_at": now + _MADE_AFTER_SECONDS},
    }
    books.store.put(RUNS, name, run)
    books.tell("reporting.report_run.succeeded", {**run, "api": _shown(run)}, delay_seconds=_MADE_AFTER_SECONDS)
    return Answer(status=200, body=_shown(run))


def show_run(books: Books, question: Question) -> Answer:
    """Answer GET /v1/reporting/report_runs/{id}."""
    run = books.store.get(RUNS, question.name)
    if run is None or run["account"] != question.account.account:
        raise missing("report_run", question.name, param="id", status=404)
    return Answer(status=200, body=_shown(run))


def contents(books: Books, question: Question) -> Answer:
    """Answer GET /v1/files/{id}/contents, which lies on another host in the real world, under the same key."""
    run = books.store.get(RUNS, question.name.replace("file_", "frr_", 1))
    if run is None or run["account"] != question.account.account or _shown(run)["status"] != "succeeded":
        raise missing("file", question.name, param="id", status=404)
    found = _lines_of(books, run["account"], run["payout"])
    assert found is not None
    text = _file(found[1], found[0], columns=run["columns"])
    return Answer(status=200, content=text.encode(), headers={})


def _shown(run: Document) -> Document:
    api, is_made = run["api"], time.time() >= run["api"]["made_at"]
    file_id = api["id"].replace("frr_", "file_", 1)
    result = {
        "id": file_id,
        "object": "file",
        "created": api["created"],
        "expires_at": api["created"] + 365 * 24 * 3600,
        "filename": f"{REPORT_TYPE}.csv",
        "links": None,
        "purpose": "finance_report_run",
        "size": 0,
        "title": None,
        "type": "csv",
        "url": f"{run['origin']}/stripe/v1/files/{file_id}/contents",
    }
    return {
        "id": api["id"],
        "object": "reporting.report_run",
        "created": api["created"],
        "error": None,
        "livemode": False,
        "parameters": {"columns": run["columns"], "payout": run["payout"]},
        "report_type": REPORT_TYPE,
        "result": result if is_made else None,
        "status": "succeeded" if is_made else "pending",
        "succeeded_at": int(api["made_at"]) if is_made else None,
    }


def _movement(
    intent: Document, kind: str, source: str, amount: int, at: int, *, ours: str = "", key: str = ""
) -> Movement:
    api = intent["api"]
    return Movement(
        key=f"{key or source}:{kind}",
        kind=kind,
        payment=api["id"],
        operation=source,
        reference=api["metadata"].get("reference", ""),
        operation_reference=ours,
        currency=api["currency"].upper(),
        minor=iso_minor(amount, api["currency"]),
        at=float(at),
        method="visa",
        word=api["latest_charge"],
    )


def _payout_id(number: int, currency: str) -> str:
    return "po_" + hashlib.sha256(f"{number}:{currency}".encode()).hexdigest()[:24]


def _lines_of(books: Books, account: str, payout: str) -> tuple[Batch, list[Line]] | None:
    """Return the lines of one payout, without itself: the sum of the others is what it paid."""
    for document in books.store.all(settling.BATCHES).values():
        if (document["gateway"], document["account"]) != ("stripe", account):
            continue
        for currency in document["payouts"]:
            if _payout_id(document["number"], currency) == payout:
                batch = settling.batch_in(document)
                return batch, [line for line in batch.lines if line.settled_in == currency]
    return None


def _file(lines: Any, batch: Batch, *, columns: Any = COLUMNS) -> str:
    rows = [_row(batch, line) for line in lines if line.kind != settling.PAYOUT]
    return table(columns, [{name: row.get(name, "") for name in columns} for row in rows])


def _row(batch: Batch, line: Line) -> dict[str, str]:
    payout, at = _payout_id(batch.number, line.settled_in), _stamp(line.at)
    paid_at = _stamp(batch.closed_at)
    identity = hashlib.sha256(f"{batch.number}:{line.kind}:{line.operation}:{line.net}".encode()).hexdigest()[:24]
    row = {
        "automatic_payout_id": payout,
        "automatic_payout_effective_at_utc": paid_at,
        "automatic_payout_effective_at": paid_at,
        "balance_transaction_id": f"txn_{identity}",
        "created_utc": at,
        "created": at,
        "available_on_utc": paid_at,
        "available_on": paid_at,
        "currency": line.settled_in.lower(),
        "gross": major(line.converted, line.settled_in),
        "fee": major(line.rounded_fee, line.settled_in),
        "net": major(line.net, line.settled_in),
        "reporting_category": _CATEGORIES[line.kind],
        "source_id": line.operation,
        "description": "" if line.payment else "Billing - usage fee",
    }
    if line.payment:
        row.update(
            {
                "customer_facing_amount": major(line.gross, line.currency),
                "customer_facing_currency": line.currency.lower(),
                "charge_id": line.word,
                "payment_intent_id": line.payment,
                "payment_method_type": "card",
                "card_brand": "Visa",
                "payment_metadata[reference]": line.reference,
                "refund_metadata[reference]": line.operation_reference,
            }
        )
    if line.kind == settling.FEE:
        # A fee of the account is gross, negative, and has no fee of its own.
        row.update({"gross": major(line.net, line.settled_in), "fee": "0.00"})
    return row


def _stamp(moment: float) -> str:
    return f"{datetime.fromtimestamp(int(moment), UTC):%Y-%m-%d %H:%M:%S}"
