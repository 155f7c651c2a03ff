"""Attempts to pay an invoice: by a guest on the page, or by a kept card without one."""

import secrets
import time
from typing import Any

from gateways.sandbox.cardgate.books import CHALLENGES, OPEN, TOKENS, Books, new_id
from gateways.sandbox.cardgate.cards import APPROVED, OK, PENDING, REFUSED, Instrument, from_token, read_card
from gateways.sandbox.cardgate.errors import ApiError, invalid
from gateways.sandbox.store import Document

NOT_AUTHENTICATED = "client_auth_failed"


def pay(books: Books, invoice: Document, fields: dict[str, Any], *, may_challenge: bool) -> None:
    """Let a guest try to pay, with a card or with the kept one that the invoice was made with.

    A card that asks for 3-D Secure leads to a challenge only where a person can answer it.

    :raises ApiError: 422, the invoice cannot be paid any more, or the card details cannot be.
    """
    check_open(invoice)
    kept = None
    if not fields.get("number") and invoice["token"]:
        kept = books.store.get(TOKENS, invoice["token"])
        if kept is None:
            raise invalid("token", "The token is invalid.")
    instrument = from_token(kept) if kept is not None else read_card(fields)
    begin(books, invoice, instrument, is_challenged=may_challenge and instrument.asks_3ds)


def begin(books: Books, invoice: Document, instrument: Instrument, *, is_challenged: bool = False) -> None:
    """Make an attempt. It is decided at once, unless the guest must first pass a challenge."""
    invoice.update(
        attempts=invoice["attempts"] + 1,
        active_payment=new_id("pay"),
        card=instrument.card,
        trigger=instrument.trigger,
        auth_type="3ds" if instrument.asks_3ds else None,
    )
    if is_challenged:
        challenge = secrets.token_urlsafe(24)
        books.store.put(
            CHALLENGES,
            challenge,
            {"invoice": invoice["id"], "verdict": instrument.verdict, "resolution": instrument.resolution},
        )
        books.change(invoice, status="process_pending", challenge=challenge)
        return
    decide(books, invoice, instrument.verdict, instrument.resolution, by_token=instrument.token is not None)


def finish_challenge(books: Books, challenge: str, *, passed: bool) -> Document:
    """Decide an attempt whose guest answered the challenge, and return its invoice.

    :raises ApiError: 404 or 422, the challenge or the invoice is over; nothing is charged.
    """
    waiting = books.store.get(CHALLENGES, challenge)
    if waiting is None:
        raise ApiError(404, "There is no such challenge.")
    invoice = books.invoice(waiting["invoice"])
    books.store.remove(CHALLENGES, challenge)
    if invoice["challenge"] != challenge:
        raise invalid("status", "The invoice can no longer be paid.")
    invoice["challenge"] = None
    if passed:
        decide(books, invoice, waiting["verdict"], waiting["resolution"])
    else:
        decide(books, invoice, REFUSED, NOT_AUTHENTICATED)
    return invoice


def decide(books: Books, invoice: Document, verdict: str, resolution: str, *, by_token: bool = False) -> None:
    """Write down what the bank said, and tell the merchant."""
    if verdict == PENDING:
        books.change(invoice, status="process_pending", resolution=resolution)
    elif verdict == APPROVED:
        paid = invoice["amount"] // 2 if invoice["trigger"] == "paid in part" else invoice["amount"]
        books.change(
            invoice,
            status="processed" if paid == invoice["amount"] else "partially_processed",
            resolution=OK,
            processed=int(time.time()),
            processed_amount=paid,
            approval_code=f"{secrets.randbelow(1_000_000):06d}",
            rrn=f"{secrets.randbelow(10**12):012d}",
            new_token=None if by_token else _kept(books, invoice),
        )
    else:
        account = books.account(invoice["account"])
        assert account is not None
        # Nobody is there to try again where no guest is.
        is_last = invoice["instant"] or invoice["attempts"] >= account.attempt_limit
        changes: Document = {"status": "process_error", "resolution": resolution}
        if is_last:
            changes = {"status": "process_failed", "resolution": resolution, "failed": int(time.time())}
        books.change(invoice, **changes)


def settle(books: Books, invoice: Document, *, is_yes: bool) -> None:
    """Decide an attempt that stayed pending.

    :raises ApiError: 422, none is.
    """
    if not is_pending(invoice):
        raise invalid("status", "No attempt is pending.")
    decide(books, invoice, APPROVED if is_yes else REFUSED, OK if is_yes else "declined")


def is_pending(invoice: Document) -> bool:
    """Say whether an attempt is under way."""
    return invoice["status"] == "process_pending" and invoice["active_payment"] is not None


def check_open(invoice: Document) -> None:
    """Make sure that an invoice can be paid.

    :raises ApiError: 422.
    """
    if invoice["status"] not in OPEN:
        raise invalid("status", f"The invoice can no longer be paid: it is {invoice['status']}.")
    if is_pending(invoice):
        raise invalid("status", "An attempt to pay the invoice is under way.")


def _kept(books: Books, invoice: Document) -> str | None:
    """Keep the card that just paid, where the merchant asked for a token; any that we had stays as it is."""
    if not invoice["tokenize"] or invoice["customer"] is None:
        return None
    token = new_id("", 32)
    books.store.put(
        TOKENS,
        token,
        {
            "token": token,
            "account": invoice["account"],
            "customer": invoice["customer"]["reference_id"],
            "card": invoice["card"],
            "resolution": OK,
            "trigger": invoice["trigger"],
        },
    )
    return token
