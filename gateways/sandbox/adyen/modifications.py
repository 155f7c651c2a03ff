"""What happens to a payment afterwards: capture, cancel, refund, reversal, adjustment.

Every request is answered with `received`; the outcome is decided at once and told by webhook.
"""

import time

from gateways.sandbox.adyen import requests
from gateways.sandbox.adyen.books import Books, stamp
from gateways.sandbox.adyen.notifications import modification
from gateways.sandbox.adyen.question import Question
from gateways.sandbox.adyen.validation import Shape, check
from gateways.sandbox.processor import Answer
from gateways.sandbox.store import Document

NO_BALANCE = "Insufficient balance on payment"
NOT_CAPTURED = "Transaction hasn't been captured, refund not possible"
# The scheme's later no follows the webhook that it contradicts at this distance.
FAILS_AFTER_SECONDS = 0.2


def capturable(payment: Document) -> int:
    """Return what can still be captured, in minor units."""
    held: int = payment["authorized"] - payment["captured"] - payment["cancelled"] - payment["released"]
    return held


def refundable(payment: Document) -> int:
    """Return what can still be refunded, in minor units."""
    left: int = payment["captured"] - payment["refunded"] - payment["charged_back"]
    return left


def capture(
    books: Books, payment: Document, *, amount: Document, reference: str = "", tells_success: bool = True
) -> str:
    """Capture, or refuse to, and return the capture's pspReference."""
    account = books.account(payment["merchantAccount"])
    psp_reference, value, reason = books.new_reference(), amount["value"], ""
    if payment["resultCode"] != "Authorised":
        reason = "Transaction hasn't been authorised, capture not possible"
    elif amount["currency"] != payment["amount"]["currency"]:
        reason = "Currency of the capture differs from the payment"
    elif payment["cancelled"]:
        reason = "Transaction has been cancelled, capture not possible"
    elif value > capturable(payment):
        reason = NO_BALANCE
    if not reason:
        payment["captured"] += value
        if account is None or not account.multiple_partial_captures:
            payment["released"] += capturable(payment)
    _note(payment, "capture", psp_reference, amount, reference, reason)
    item = modification(
        payment, event="CAPTURE", psp_reference=psp_reference, amount=amount, success=not reason, reason=reason
    )
    told = books.notify(item) if tells_success or reason else None
    if not reason and payment["trigger"] == "capture failed":
        payment["captured"] -= value
        payment["modifications"][-1]["status"] = "failed"
        failure = modification(
            payment,
            event="CAPTURE_FAILED",
            psp_reference=psp_reference,
            amount=amount,
            success=True,
            reason="Capture Failed",
        )
        books.notify(failure, after=told, delay_seconds=FAILS_AFTER_SECONDS)
    books.keep_payment(payment)
    return psp_reference


def cancel(books: Books, payment: Document, *, reference: str = "", event: str = "CANCELLATION") -> str:
    """Cancel the authorization, or refuse to, and return the cancel's pspReference."""
    psp_reference, reason = books.new_reference(), ""
    if payment["resultCode"] != "Authorised":
        reason = "Transaction hasn't been authorised, cancel not possible"
    elif payment["cancelled"]:
        reason = "Transaction has already been cancelled"
    elif payment["captured"] or payment["released"]:
        reason = "Transaction has already been captured"
    amount = dict(payment["authorizedAmount"] or payment["amount"])
    if not reason:
        payment["cancelled"] = capturable(payment)
    _note(payment, "cancel", psp_reference, amount, reference, reason)
    books.notify(
        modification(
            payment, event=event, psp_reference=psp_reference, amount=amount, success=not reason, reason=reason
        )
    )
    books.keep_payment(payment)
    return psp_reference


def refund(books: Books, payment: Document, *, amount: Document, reference: str = "", event: str = "REFUND") -> str:
    """Refund, or refuse to, and return the refund's pspReference."""
    psp_reference, value, reason = books.new_reference(), amount["value"], ""
    if not payment["captured"]:
        reason = NOT_CAPTURED
    elif amount["currency"] != payment["amount"]["currency"]:
        reason = "Currency of the refund differs from the payment"
    elif value > refundable(payment):
        reason = NO_BALANCE
    if not reason:
        payment["refunded"] += value
    _note(payment, "refund", psp_reference, amount, reference, reason)
    extra = {"modification.action": "refund"} if event == "CANCEL_OR_REFUND" else None
    told = books.notify(
        modification(
            payment,
            event=event,
            psp_reference=psp_reference,
            amount=amount,
            success=not reason,
            reason=reason,
            extra=extra,
        )
    )
    if not reason and payment["trigger"] == "refund failed":
        payment["refunded"] -= value
        payment["modifications"][-1]["status"] = "failed"
        failure = modification(
            payment,
            event="REFUND_FAILED",
            psp_reference=psp_reference,
            amount=amount,
            success=True,
            reason="Refund Failed",
        )
        books.notify(failure, after=told, delay_seconds=FAILS_AFTER_SECONDS)
    books.keep_payment(payment)
    return psp_reference


def reverse(books: Books, payment: Document, *, reference: str = "") -> str:
    """Cancel what is not captured, or refund all that is, and return the reversal's pspReference."""
    if payment["captured"]:
        amount = {"currency": payment["amount"]["currency"], "value": payment["captured"]}
        return refund(books, payment, amount=amount, reference=reference, event="CANCEL_OR_REFUND")
    psp_reference, reason = books.new_reference(), ""
    if payment["resultCode"] != "Authorised" or not capturable(payment):
        reason = "Transaction cannot be cancelled or refunded"
    amount = dict(payment["authorizedAmount"] or payment["amount"])
    if not reason:
        payment["cancelled"] = capturable(payment)
    _note(payment, "reversal", psp_reference, amount, reference, reason)
    books.notify(
        modification(
            payment,
            event="CANCEL_OR_REFUND",
            psp_reference=psp_reference,
            amount=amount,
            success=not reason,
            reason=reason,
            extra={"modification.action": "cancel"},
        )
    )
    books.keep_payment(payment)
    return psp_reference


def adjust(books: Books, payment: Document, *, amount: Document, reference: str = "") -> str:
    """Change the authorized amount, or refuse to, and return the adjustment's pspReference."""
    psp_reference, reason = books.new_reference(), ""
    if payment["resultCode"] != "Authorised" or payment["captured"] or payment["cancelled"]:
        reason = "Transaction cannot be adjusted"
    elif amount["currency"] != payment["amount"]["currency"]:
        reason = "Currency of the adjustment differs from the payment"
    if not reason:
        payment["authorized"] = amount["value"]
        payment["authorizedAmount"] = dict(amount)
    _note(payment, "adjustment", psp_reference, amount, reference, reason)
    books.notify(
        modification(
            payment,
            event="AUTHORISATION_ADJUSTMENT",
            psp_reference=psp_reference,
            amount=amount,
            success=not reason,
            reason=reason,
        )
    )
    books.keep_payment(payment)
    return psp_reference


def capture_request(books: Books, question: Question) -> Answer:
    """Answer POST /payments/{psp}/captures."""
    payment, body = _payment_of(books, question, requests.CAPTURE)
    psp_reference = capture(books, payment, amount=body["amount"], reference=body.get("reference", ""))
    return _received(question, psp_reference, "amount", "lineItems", "reference", "splits", "subMerchants")


def cancel_request(books: Books, question: Question) -> Answer:
    """Answer POST /payments/{psp}/cancels."""
    payment, body = _payment_of(books, question, requests.CANCEL)
    return _received(question, cancel(books, payment, reference=body.get("reference", "")), "reference")


def refund_request(books: Books, question: Question) -> Answer:
    """Answer POST /payments/{psp}/refunds."""
    payment, body = _payment_of(books, question, requests.REFUND)
    psp_reference = refund(books, payment, amount=body["amount"], reference=body.get("reference", ""))
    names = ("amount", "capturePspReference", "lineItems", "merchantRefundReason", "reference", "splits", "store")
    return _received(question, psp_reference, *names)


def reversal_request(books: Books, question: Question) -> Answer:
    """Answer POST /payments/{psp}/reversals."""
    payment, body = _payment_of(books, question, requests.REVERSAL)
    return _received(question, reverse(books, payment, reference=body.get("reference", "")), "reference")


def adjust_request(books: Books, question: Question) -> Answer:
    """Answer POST /payments/{psp}/amountUpdates."""
    payment, body = _payment_of(books, question, requests.AMOUNT_UPDATE)
    psp_reference = adjust(books, payment, amount=body["amount"], reference=body.get("reference", ""))
    answer = _received(question, psp_reference, "amount", "industryUsage", "lineItems", "reference", "splits")
    assert answer.body is not None
    answer.body.setdefault("reference", payment["merchantReference"])
    return answer


def cancel_by_reference_request(books: Books, question: Question) -> Answer:
    """Answer POST /cancels: cancel by the merchant's own reference, which need not be known."""
    account = question.merchant()
    check(question.body, requests.CANCEL_BY_REFERENCE)
    body = question.body
    found = list(books.payments(merchant_account=account.merchant_account, reference=body["paymentReference"]))
    # Several attempts may bear one reference; the one that holds money is meant.
    found.sort(key=capturable)
    if found:
        psp_reference = cancel(books, found[-1], reference=body.get("reference", ""), event="TECHNICAL_CANCEL")
    else:
        psp_reference = books.new_reference()
        books.notify(
            {
                "eventCode": "TECHNICAL_CANCEL",
                "pspReference": psp_reference,
                "merchantAccountCode": account.merchant_account,
                "merchantReference": body["paymentReference"],
                "amount": {"currency": "EUR", "value": 0},
                "success": "false",
                "reason": "Original payment not found",
                "additionalData": {},
            }
        )
    answer = {
        "merchantAccount": account.merchant_account,
        "paymentReference": body["paymentReference"],
        "pspReference": psp_reference,
        "status": "received",
    }
    if "reference" in body:
        answer["reference"] = body["reference"]
    return Answer(status=201, body=answer)


def _payment_of(books: Books, question: Question, shape: Shape) -> tuple[Document, Document]:
    account = question.merchant()
    check(question.body, shape)
    return books.payment(question.call.parameters["psp"], account), question.body


def _received(question: Question, psp_reference: str, *echoed: str) -> Answer:
    body = {
        "merchantAccount": question.body["merchantAccount"],
        "paymentPspReference": question.call.parameters["psp"],
        "pspReference": psp_reference,
        "status": "received",
    }
    body.update({name: question.body[name] for name in echoed if name in question.body})
    return Answer(status=201, body=body)


def _note(payment: Document, kind: str, psp_reference: str, amount: Document, reference: str, reason: str) -> None:
    payment["modifications"].append(
        {
            "type": kind,
            "pspReference": psp_reference,
            "amount": dict(amount),
            "reference": reference,
            "status": "refused" if reason else "success",
            "reason": reason,
            "createdAt": stamp(time.time()),
        }
    )
