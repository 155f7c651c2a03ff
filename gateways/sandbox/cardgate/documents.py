"""An invoice as the vendor writes it: JSON with exact decimals, which json.dumps would take for floats."""

import json
from decimal import Decimal
from typing import Any

from gateways.sandbox.cardgate.currencies import major_of
from gateways.sandbox.cardgate.sale_tokens import sale_token
from gateways.sandbox.processor import Answer
from gateways.sandbox.store import Document


def document_of(invoice: Document, private_key: str) -> Document:
    """Return the document of an invoice, which is both the answer to every call and the body of every callback."""
    resource = resource_of(invoice, private_key)
    customer = invoice["customer"]
    return {"data": resource, "included": [_customer(invoice)]} if customer else {"data": resource}


def resource_of(invoice: Document, private_key: str) -> Document:
    """Return the invoice itself, as a list shows it too. Empty objects are written as empty lists."""
    currency, customer = invoice["currency"], invoice["customer"]

    def major(name: str) -> Any:
        return major_of(invoice[name], currency)

    relationships: Document = {
        "payment-service": {"data": {"type": "payment-services", "id": invoice["service"]}},
        "payment-method": {"data": {"type": "payment-methods", "id": "payment_card"}},
    }
    if customer:
        relationships["customer"] = {"data": {"type": "customers", "id": customer["id"]}}
    if invoice["active_payment"]:
        relationships["active-payment"] = {"data": {"type": "payments", "id": invoice["active_payment"]}}
    is_open = invoice["processed"] is None and invoice["failed"] is None
    return {
        "type": "payment-invoices",
        "id": invoice["id"],
        "attributes": {
            "serial_number": invoice["id"].partition("_")[2],
            "status": invoice["status"],
            "resolution": invoice["resolution"],
            "resolution_message": None,
            "moderation_required": False,
            "amount": major("amount"),
            "payment_amount": major("amount"),
            "currency": currency,
            "service_currency": currency,
            "reference_id": invoice["reference_id"],
            "test_mode": invoice["test_mode"],
            "fee": 0,
            "deposit": major("amount"),
            "processed": invoice["processed"],
            "processed_amount": major("processed_amount"),
            "processed_fee": None if invoice["processed"] is None else 0,
            "processed_deposit": major("processed_amount"),
            "failed": invoice["failed"],
            "refunded": invoice["refunded"],
            "refunded_amount": major("refunded_amount"),
            "charged_back": invoice["charged_back"],
            "charged_back_amount": major("charged_back_amount"),
            "metadata": [],
            "flow_data": _flow(invoice, private_key) if is_open else [],
            "flow": "hpp",
            "payment_flow": "charge",
            "created": invoice["created"],
            "updated": invoice["updated"],
            "payload": _payload(invoice),
            "description": invoice["description"],
            "descriptor": f"SANDBOX:{invoice['reference_id']}",
            "callback_url": invoice["callback_url"] or None,
            "return_url": invoice["return_url"] or None,
            "original_data": None,
            "rrn": invoice["rrn"],
            "approval_code": invoice["approval_code"],
            "refunds": [{**refund, "amount": major_of(refund["amount"], currency)} for refund in invoice["refunds"]],
        },
        "relationships": relationships,
        "links": {"self": f"/cardgate/payment-invoices/{invoice['id']}"},
    }


def answer_with(document: Document, status: int = 200) -> Answer:
    """Return a document as an answer."""
    return Answer(status=status, content=encode(document).encode())


def encode(value: Any) -> str:
    """Write JSON with exact decimals."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{encode(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(encode(item) for item in value) + "]"
    return json.dumps(value)


def _flow(invoice: Document, private_key: str) -> Document:
    metadata = {"sid": invoice["sid"]}
    if invoice["instant"]:
        metadata["token"] = sale_token(invoice, private_key)
    return {
        "action": f"{invoice['origin']}/cardgate/hpp/{invoice['sid']}",
        "method": "GET",
        "params": [],
        "metadata": metadata,
    }


def _payload(invoice: Document) -> Document | None:
    if invoice["card"] is None:
        return None
    return {
        "client_ip": "",
        "auth_type": invoice["auth_type"],
        "payment_card": invoice["card"],
        "token": invoice["new_token"],
    }


def _customer(invoice: Document) -> Document:
    customer = invoice["customer"]
    attributes = {name: value for name, value in customer.items() if name != "id"}
    return {"type": "customers", "id": customer["id"], "attributes": {**attributes, "metadata": []}}
