"""Webhooks: unsigned, one envelope for all of them. Source: Viva docs, "Webhooks for payments"."""

import time
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

from gateways.sandbox.store import Document
from gateways.sandbox.viva.currencies import NUMBERS, major

PAYMENT_CREATED, REVERSAL_CREATED, PAYMENT_FAILED, PRICE_CALCULATED, ORDER_UPDATED = 1796, 1797, 1798, 1799, 4865
SOMEBODY_ELSE = "11111111-2222-4333-8444-555555555555"
_FEE_PER_MILLE = 13
ATHENS = timezone(timedelta(hours=2))


def envelope(event: int, content: Document, *, merchant_id: str, url: str) -> Document:
    """Return the body around an event."""
    return {
        "Url": url,
        "EventData": content,
        "Created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z",
        "CorrelationId": f"20-{int(time.time()) % 366}-{uuid4().hex[:10].upper()}",
        "EventTypeId": event,
        "Delay": None,
        "RetryCount": 0,
        "RetryDelay": None,
        "RetryDelayInSeconds": None,
        "MessageId": str(uuid4()),
        "RecipientId": merchant_id,
        "MessageTypeId": 512,
    }


def of_transaction(transaction: Document, email: str | None) -> Document:
    """Return what 1796, 1797 and 1798 say of a transaction."""
    card = transaction["card"]
    return {
        "Moto": False,
        "Email": email,
        "Phone": None,
        "BankId": "NET_VISA",
        "Systemic": False,
        "Switching": False,
        "ParentId": transaction["parent"],
        "Amount": major(signed(transaction)),
        "MerchantId": transaction["merchant_id"],
        "OrderCode": transaction["order_code"],
        "StatusId": transaction["status"],
        "FullName": None,
        "InsDate": stamp(transaction["at"]),
        "TotalFee": major(_fee(transaction)),
        "CardToken": None,
        "CardNumber": card["number"],
        "TipAmount": major(0),
        "SourceCode": transaction["source_code"],
        "TransactionId": transaction["id"],
        "ReferenceNumber": transaction["reference_number"],
        "ResponseCode": "00" if transaction["status"] != "E" else f"{transaction['event_id'] % 100:02d}",
        "CurrencyCode": NUMBERS[transaction["currency"]],
        "MerchantTrns": transaction["merchant_trns"],
        "CustomerTrns": None,
        "IsManualRefund": False,
        "TransactionTypeId": transaction["type"],
        "AuthorizationId": str(transaction["reference_number"]),
        "TotalInstallments": 0,
        "CardCountryCode": "GB",
        "CardIssuingBank": None,
        "ClearanceDate": None,
        "CardUniqueReference": None,
        "CardExpirationDate": card["expires"],
        "RetrievalReferenceNumber": f"4326{transaction['reference_number']:08d}",
        "CardTypeId": card["type_id"],
        "ResponseEventId": str(transaction["event_id"]) if transaction["status"] == "E" else None,
        "ElectronicCommerceIndicator": "5",
        "Tags": [],
        "DigitalWalletId": None,
        "ConversionRate": 1.0,
    }


def of_price(transaction: Document) -> Document:
    """Return what 1799 says: what Viva took for a payment."""
    return {
        "OrderCode": transaction["order_code"],
        "MerchantId": transaction["merchant_id"],
        "SourceCode": transaction["source_code"],
        "TransactionId": transaction["id"],
        "CurrencyCode": NUMBERS[transaction["currency"]],
        "Interchange": major(_fee(transaction) // 5),
        "TotalCommission": major(_fee(transaction)),
    }


def of_order(order: Document) -> Document:
    """Return what 4865 says of a cancelled order."""
    return {
        "Email": (order.get("customer") or {}).get("email"),
        "Amount": major(order["amount"]),
        "OrderCode": order["code"],
        "MerchantId": order["merchant_id"],
        "FullName": None,
        "SourceCode": order["source_code"],
        "IsCancelled": True,
        "Tags": [],
    }


def signed(transaction: Document) -> int:
    """Return the amount with the sign Viva gives it: what goes back to the guest is negative."""
    amount: int = transaction["amount"]
    return -amount if transaction["type"] in (4, 7) else amount


def spoiled(item: Document, fault: str) -> Document:
    """Return the body for another merchant, or over an amount or a currency that never was."""
    if fault == "wrongly_signed":
        return {**item, "RecipientId": SOMEBODY_ELSE}
    content = dict(item["EventData"])
    if fault == "wrong_amount" and "Amount" in content:
        content["Amount"] = major(round(content["Amount"] * 100) + 100)
    if fault == "wrong_currency" and "CurrencyCode" in content:
        content["CurrencyCode"] = "978" if content["CurrencyCode"] != "978" else "826"
    return {**item, "EventData": content}


def _fee(transaction: Document) -> int:
    amount: int = transaction["amount"]
    return amount * _FEE_PER_MILLE // 1000


def stamp(moment: float) -> str:
    """Return a time as Viva writes it: Athens, seven digits of a second."""
    return datetime.fromtimestamp(moment, ATHENS).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0+02:00"


def day_of(moment: float) -> str:
    """Return Viva's calendar day of a time."""
    return datetime.fromtimestamp(moment, ATHENS).date().isoformat()
