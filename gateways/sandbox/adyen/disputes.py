"""Chargebacks, and what the processor's own back office does to a payment."""

from datetime import UTC, datetime, timedelta

from gateways.sandbox.adyen.books import Books
from gateways.sandbox.adyen.modifications import refundable
from gateways.sandbox.adyen.notifications import modification
from gateways.sandbox.control import BadWish
from gateways.sandbox.store import Document

DEFAULT_REASON = "Fraudulent Processing of Transactions"
DEFENSE_PERIOD = timedelta(days=18)


def charge_back(books: Books, payment: Document, *, value: int | None, reason: str) -> Document:
    """Let the cardholder's bank take money back: NOTIFICATION_OF_CHARGEBACK, then CHARGEBACK."""
    amount = _amount(payment, value, most=refundable(payment))
    psp_reference = books.new_reference()
    payment["charged_back"] += amount["value"]
    payment["dispute"] = {"pspReference": psp_reference, "amount": amount, "reason": reason, "stage": "chargeback"}
    opened = _tell(books, payment, "NOTIFICATION_OF_CHARGEBACK", disputeStatus="Undefended")
    told = _tell(books, payment, "CHARGEBACK", after=opened, delay_seconds=0.1, disputeStatus="Lost")
    return _kept(books, payment, told)


def reverse_chargeback(books: Books, payment: Document, *, value: int | None) -> Document:
    """Give the money back to the merchant after a defense: CHARGEBACK_REVERSED."""
    dispute = _dispute(payment, stage="chargeback")
    amount = _amount(payment, value, most=dispute["amount"]["value"])
    payment["charged_back"] -= amount["value"]
    dispute.update({"stage": "reversed", "reversed": amount["value"]})
    return _kept(books, payment, _tell(books, payment, "CHARGEBACK_REVERSED", amount=amount, disputeStatus="Won"))


def charge_back_again(books: Books, payment: Document, *, value: int | None) -> Document:
    """Take the money away for the second time: SECOND_CHARGEBACK."""
    dispute = _dispute(payment, stage="reversed")
    amount = _amount(payment, value, most=dispute["reversed"])
    payment["charged_back"] += amount["value"]
    dispute["stage"] = "second"
    return _kept(books, payment, _tell(books, payment, "SECOND_CHARGEBACK", amount=amount, disputeStatus="Lost"))


def recapture(books: Books, payment: Document) -> Document:
    """Let a failed capture succeed after all: CAPTURE with the same pspReference, "Transaction Recaptured"."""
    failed = _last(payment, "capture", "failed")
    payment["captured"] += failed["amount"]["value"]
    failed["status"] = "success"
    item = modification(
        payment,
        event="CAPTURE",
        psp_reference=failed["pspReference"],
        amount=failed["amount"],
        success=True,
        reason="Transaction Recaptured",
    )
    return _kept(books, payment, books.notify(item, after=_now()))


def return_refund(books: Books, payment: Document) -> Document:
    """Let a refund bounce back from the cardholder's bank: REFUNDED_REVERSED with the refund's pspReference."""
    refund = _last(payment, "refund", "success")
    payment["refunded"] -= refund["amount"]["value"]
    refund["status"] = "returned"
    item = modification(
        payment,
        event="REFUNDED_REVERSED",
        psp_reference=refund["pspReference"],
        amount=refund["amount"],
        success=True,
        reason="Refund returned by the issuer",
    )
    return _kept(books, payment, books.notify(item, after=_now()))


def _tell(
    books: Books,
    payment: Document,
    event: str,
    *,
    amount: Document | None = None,
    after: Document | None = None,
    delay_seconds: float = 0.0,
    **extra: str,
) -> Document:
    dispute = payment["dispute"]
    captures = [row["pspReference"] for row in payment["modifications"] if row["type"] == "capture"]
    additional = {
        "chargebackReasonCode": "10.4",
        "chargebackSchemeCode": payment["card"]["brand"],
        "defendable": "true",
        "defensePeriodEndsAt": (datetime.now(UTC) + DEFENSE_PERIOD).isoformat(timespec="seconds"),
        **extra,
    }
    if captures:
        additional["capturePspReference"] = captures[-1]
    item = modification(
        payment,
        event=event,
        psp_reference=dispute["pspReference"],
        amount=amount or dispute["amount"],
        success=True,
        reason=dispute["reason"],
        extra=additional,
    )
    previous = after or ({"eventDate": dispute["toldAt"]} if "toldAt" in dispute else None)
    told = books.notify(item, after=previous, delay_seconds=delay_seconds)
    dispute["toldAt"] = told["eventDate"]
    return told


def _now() -> Document:
    return {"eventDate": datetime.now(UTC).isoformat(timespec="seconds")}


def _amount(payment: Document, value: int | None, *, most: int) -> Document:
    wanted = most if value is None else value
    if not 0 < wanted <= most:
        raise BadWish(f"the amount must be 1 to {most}", status=422)
    return {"currency": payment["amount"]["currency"], "value": wanted}


def _dispute(payment: Document, *, stage: str) -> Document:
    dispute: Document | None = payment.get("dispute")
    if dispute is None or dispute["stage"] != stage:
        raise BadWish("the payment has no dispute at that stage", status=422)
    return dispute


def _last(payment: Document, kind: str, status: str) -> Document:
    for row in reversed(payment["modifications"]):
        if (row["type"], row["status"]) == (kind, status):
            found: Document = row
            return found
    raise BadWish(f"the payment has no {kind} with status {status}", status=422)


def _kept(books: Books, payment: Document, told: Document) -> Document:
    books.keep_payment(payment)
    return told
