"""The objects of Stripe's API, with every field that its own fixtures show.

Source: github.com/stripe/openapi, fixtures3.json. A test holds each of them against it where it lies beside the
checkout.
"""

from typing import Any

from gateways.sandbox.store import Document

API_VERSION = "2026-10-28.endive"
_NO_ADDRESS = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}


def customer(*, name: str, at: int, live: bool, metadata: dict[str, str]) -> Document:
    """Compose a customer."""
    return {
        "id": name,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": at,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": name[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": live,
        "metadata": metadata,
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def payment_method(
    *, name: str, at: int, live: bool, brand: str, last4: str, month: int, year: int, holder: str, fingerprint: str
) -> Document:
    """Compose a payment method of the type card."""
    return {
        "id": name,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": dict(_NO_ADDRESS),
            "email": None,
            "name": holder or None,
            "phone": None,
            "tax_id": None,
        },
        "card": {
            "brand": brand,
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
            "country": "US",
            "display_brand": brand,
            "exp_month": month,
            "exp_year": year,
            "fingerprint": fingerprint,
            "funding": "credit",
            "generated_from": None,
            "last4": last4,
            "networks": {"available": [brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": at,
        "customer": None,
        "customer_account": None,
        "livemode": live,
        "metadata": {},
        "type": "card",
    }


def payment_intent(
    *,
    name: str,
    secret: str,
    at: int,
    live: bool,
    amount: int,
    currency: str,
    capture_method: str,
    customer_name: str | None,
    future_usage: str | None,
    description: str | None,
    metadata: dict[str, str],
) -> Document:
    """Compose a payment intent that nobody has tried to pay."""
    return {
        "id": name,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": capture_method,
        "client_secret": secret,
        "confirmation_method": "automatic",
        "created": at,
        "currency": currency,
        "customer": customer_name,
        "customer_account": None,
        "description": description,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": live,
        "managed_payments": None,
        "metadata": metadata,
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": future_usage,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }


def charge(
    *, name: str, at: int, intent: Document, method: Document, outcome: Document, failure: tuple[str, str] | None
) -> Document:
    """Compose the charge of an attempt: with `failure`, its code and text, one that was refused."""
    card, amount = method["card"], intent["amount"]
    is_paid = failure is None
    return {
        "id": name,
        "object": "charge",
        "amount": amount,
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "STRIPE SANDBOX",
        "captured": False,
        "created": at,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None if failure is None else failure[0],
        "failure_message": None if failure is None else failure[1],
        "fraud_details": {},
        "livemode": intent["livemode"],
        # Copied when the attempt is made; what the intent is given later the charge never has.
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": outcome,
        "paid": is_paid,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {"card": _charged_card(card, amount, at, is_paid=is_paid), "type": "card"},
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "refunds": None,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded" if is_paid else "failed",
        "transfer_data": None,
        "transfer_group": None,
    }


def _charged_card(card: Document, amount: int, at: int, *, is_paid: bool) -> dict[str, Any]:
    return {
        "amount_authorized": amount if is_paid else None,
        "authorization_code": "831000" if is_paid else None,
        "brand": card["brand"],
        "capture_before": at + 7 * 24 * 3600 if is_paid else None,
        "checks": card["checks"],
        "country": card["country"],
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "extended_authorization": {"status": "disabled"},
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
        "regulated_status": card["regulated_status"],
        "three_d_secure": None,
        "transaction_link_id": None,
        "wallet": None,
    }


def refund(
    *,
    name: str,
    at: int,
    intent: Document,
    amount: int,
    status: str,
    reason: str | None,
    balance_transaction: str | None,
    metadata: dict[str, str],
) -> Document:
    """Compose a refund."""
    return {
        "id": name,
        "object": "refund",
        "amount": amount,
        "balance_transaction": balance_transaction,
        "charge": intent["latest_charge"],
        "created": at,
        "currency": intent["currency"],
        "customer": None,
        "customer_account": None,
        "destination_details": {
            "card": {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"},
            "type": "card",
        },
        "metadata": metadata,
        "payment_intent": intent["id"],
        "payment_method": None,
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": status,
        "transfer_reversal": None,
    }


def dispute(
    *, name: str, at: int, intent: Document, amount: int, reason: str, is_inquiry: bool, brand: str
) -> Document:
    """Compose a dispute that has just been opened."""
    return {
        "id": name,
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": intent["latest_charge"],
        "created": at,
        "currency": intent["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {
            "due_by": at + 9 * 24 * 3600,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": is_inquiry,
        "livemode": intent["livemode"],
        "metadata": {},
        "payment_intent": intent["id"],
        "payment_method_details": {
            "card": {
                "brand": brand,
                "case_type": "inquiry" if is_inquiry else "chargeback",
                "network": brand,
                "network_reason_code": "10.4" if reason == "fraudulent" else "13.1",
            },
            "type": "card",
        },
        "reason": reason,
        "status": "warning_needs_response" if is_inquiry else "needs_response",
    }


def balance_transaction(*, name: str, at: int, amount: int, currency: str, source: str, category: str) -> Document:
    """Compose what a dispute moved on the balance."""
    return {
        "id": name,
        "object": "balance_transaction",
        "amount": amount,
        "available_on": at,
        "balance_type": "payments",
        "created": at,
        "currency": currency,
        "description": None,
        "exchange_rate": None,
        "fee": 0,
        "fee_details": [],
        "net": amount,
        "reporting_category": category,
        "source": source,
        "status": "pending",
        "type": "adjustment",
    }


def event(*, name: str, at: int, live: bool, kind: str, thing: Document, before: Document | None) -> Document:
    """Compose an event; `before` are the attributes that a change replaced."""
    content: Document = {"object": thing}
    if before is not None:
        content["previous_attributes"] = before
    return {
        "id": name,
        "object": "event",
        "api_version": API_VERSION,
        "created": at,
        "data": content,
        "livemode": live,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }


def listed(rows: list[Document], *, url: str, kind: str = "list") -> Document:
    """Compose a list, or the result of a search."""
    found: Document = {"object": kind, "data": rows, "has_more": False, "url": url}
    return {**found, "next_page": None} if kind == "search_result" else found
