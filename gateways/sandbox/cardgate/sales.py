"""The Cardgate host: the sale of an invoice that was made with a kept card."""

from gateways.sandbox.cardgate import attempts
from gateways.sandbox.cardgate.books import TOKENS, Books
from gateways.sandbox.cardgate.cards import NEEDS_GUEST, from_token
from gateways.sandbox.cardgate.currencies import major_of
from gateways.sandbox.cardgate.documents import answer_with
from gateways.sandbox.cardgate.errors import invalid
from gateways.sandbox.cardgate.question import Question
from gateways.sandbox.processor import Answer
from gateways.sandbox.store import Document


def sell(books: Books, question: Question) -> Answer:
    """Answer POST /payment/sale. The answer is never final: it says that the payment is under way, whatever the bank
    has said meanwhile.
    """
    question.attributes("sale-operation")
    invoice = books.invoice_of_sid(question.sid)
    attempts.check_open(invoice)
    kept = books.store.get(TOKENS, invoice["token"])
    if kept is None:
        raise invalid("token", "The token is invalid.")
    attempts.begin(books, invoice, from_token(kept))
    needs_guest = invoice["resolution"] == NEEDS_GUEST
    operation: Document = {
        "type": "sale-operation",
        "id": invoice["sid"],
        "attributes": {
            "amount": major_of(invoice["amount"], invoice["currency"]),
            "currency": invoice["currency"],
            "service": invoice["service"],
            "options": [],
            "customer": {"reference_id": invoice["customer"]["reference_id"]},
            "repeatable": False,
            "flow": "charge",
            "status": "process_pending",
            "resolution": "ok",
            "active_request": {"status": "process_pending", "resolution": "ok"},
            "active_payment": {
                "status": "authorize_required" if needs_guest else "invoked",
                "resolution": invoice["resolution"] if needs_guest else "ok",
            },
            "auto_repay": False,
        },
    }
    if not needs_guest:
        return answer_with({"data": operation})
    page = f"{invoice['origin']}/cardgate/hpp/{invoice['sid']}"
    return answer_with({"data": operation, "auth_payload": {"action": page, "method": "POST", "params": {"creq": "-"}}})
