"""Money going back: refunds, asked for or made in the portal, and what banks take back.

How an entry of an invoice's `refunds` looks is not published; this is the sandbox's guess. docs/sandbox.md says so.
"""

import time
from collections.abc import Mapping

from gateways.sandbox.cardgate.accounts import Account
from gateways.sandbox.cardgate.books import Books, new_id
from gateways.sandbox.cardgate.currencies import minor_of
from gateways.sandbox.cardgate.documents import answer_with, document_of
from gateways.sandbox.cardgate.errors import ApiError, invalid
from gateways.sandbox.cardgate.question import Question
from gateways.sandbox.processor import Answer
from gateways.sandbox.store import Document

DONE, UNDER_WAY, FAILED = "processed", "process_pending", "process_failed"
# Which way the name on the card sends a refund.
_BY_TRIGGER: Mapping[str, str] = {"refund pending": UNDER_WAY, "refund failed": FAILED}


def refund_request(books: Books, question: Question) -> Answer:
    """Answer POST /payment-invoices/{id}/refund."""
    account, wish = question.account, question.attributes("refund")
    invoice = books.invoice(question.call.parameters["id"], account)
    amount = minor_of(wish.get("amount"), invoice["currency"])
    if amount is None:
        raise invalid("amount", "The amount is invalid.")
    reference = wish.get("reference_id")
    if reference is not None and not isinstance(reference, str):
        raise invalid("reference_id", "The reference_id is invalid.")
    refund(books, invoice, amount=amount, reference=reference, account=account)
    return answer_with(document_of(invoice, account.private_key))


def refund(books: Books, invoice: Document, *, amount: int, reference: str | None, account: Account) -> None:
    """Give money back.

    :raises ApiError: 422 or 429: nothing was taken, this is more than is left, or the reference was used before.
    """
    if invoice["processed_amount"] is None:
        raise invalid("status", "The invoice is not paid.")
    if reference is not None and books.is_taken(account, "refund", reference):
        if account.duplicate_status == 429:
            raise ApiError(429, "Too many or duplicate requests.")
        raise invalid("reference_id", "The reference_id has already been taken.")
    if amount > refundable(invoice):
        raise invalid("amount", "The amount is larger than what can be refunded.")
    if reference is not None:
        books.take_reference(account, "refund", reference)
    now = int(time.time())
    status = _BY_TRIGGER.get(invoice["trigger"], DONE)
    entry: Document = {
        "id": new_id("rfd"),
        "reference_id": reference,
        "amount": amount,
        "currency": invoice["currency"],
        "status": status,
        "resolution": "provider_error" if status == FAILED else "ok",
        "created": now,
        "updated": now,
    }
    _keep(books, invoice, [*invoice["refunds"], entry])


def settle(books: Books, invoice: Document, *, is_yes: bool) -> None:
    """Decide all refunds that are under way.

    :raises ApiError: 422, none is.
    """
    if not any(entry["status"] == UNDER_WAY for entry in invoice["refunds"]):
        raise invalid("status", "No refund is pending.")
    told: Document = {"status": DONE if is_yes else FAILED, "resolution": "ok" if is_yes else "provider_error"}
    told["updated"] = int(time.time())
    _keep(
        books,
        invoice,
        [{**entry, **told} if entry["status"] == UNDER_WAY else entry for entry in invoice["refunds"]],
    )


def charge_back(books: Books, invoice: Document, amount: int | None) -> None:
    """Let the bank take money back, all that is left unless told how much.

    :raises ApiError: 422, there is not that much.
    """
    left = (invoice["processed_amount"] or 0) - _given(invoice, DONE) - (invoice["charged_back_amount"] or 0)
    taken = left if amount is None else amount
    if not 0 < taken <= left:
        raise invalid("amount", "The amount is larger than what can be charged back.")
    total = (invoice["charged_back_amount"] or 0) + taken
    now = int(time.time())
    entries = [*invoice.get("chargebacks", []), {"amount": taken, "at": now}]
    books.change(invoice, status="charged_back", charged_back_amount=total, charged_back=now, chargebacks=entries)


def refundable(invoice: Document) -> int:
    """Return what can still be given back, less what is on its way."""
    gone = _given(invoice, DONE, UNDER_WAY) + (invoice["charged_back_amount"] or 0)
    return int((invoice["processed_amount"] or 0) - gone)


def _given(invoice: Document, *statuses: str) -> int:
    return sum(entry["amount"] for entry in invoice["refunds"] if entry["status"] in statuses)


def _keep(books: Books, invoice: Document, entries: list[Document]) -> None:
    given = sum(entry["amount"] for entry in entries if entry["status"] == DONE)
    if any(entry["status"] == UNDER_WAY for entry in entries):
        status = "refund_pending"
    elif given:
        status = "refunded" if given == invoice["processed_amount"] else "partially_refunded"
    else:
        status = "refund_failed"
    changes: Document = {"status": status, "refunds": entries, "refunded_amount": given or None}
    if given:
        changes["refunded"] = int(time.time())
    books.change(invoice, **changes)
