"""Invoices as the API writes them. Empty objects are written as empty lists, amounts as decimals in major units."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from api.callbacks.subscriptions import url_of
from api.invoices.cards import token_of
from api.invoices.sale_tokens import LIFETIME, sale_token
from api.invoices.standing import Standing
from api.invoices.statuses import OVER, RESOLUTION_OF_CODE, InvoiceStatus
from api.money_told import MoneyTold
from gateways.errors import ErrorCode
from money import Money
from payments.models import ReusableCard, Transaction
from payments.services.links import link_url
from payments.states import OperationKind, Status

INVOICES = "payment-invoices"
# A link that is the same below every address at which the API answers.
SELF = "/api/payment-invoices"
FLOW = "hpp"
PAYMENT_FLOW = "charge"
_OPERATION_WORDS: dict[Status, str] = {
    Status.PENDING: InvoiceStatus.PROCESS_PENDING,
    Status.PROCESSED: InvoiceStatus.PROCESSED,
    Status.FAILED: InvoiceStatus.PROCESS_FAILED,
}
_TOOK = (OperationKind.SALE, OperationKind.CAPTURE)


def document_of(standing: Standing, *, now: datetime, tells_sale_token: bool = True) -> dict[str, Any]:
    """Return the document of one invoice: the answer to every call about it, and the body of every callback."""
    return {"data": resource_of(standing, now=now, tells_sale_token=tells_sale_token)}


def resource_of(standing: Standing, *, now: datetime, tells_sale_token: bool = True) -> dict[str, Any]:
    """Return an invoice as documents and lists show it."""
    invoice, order, money = standing.invoice, standing.invoice.order, standing.money
    is_paid = money.paid_minor > 0
    surcharge_minor = standing.payment.surcharge_minor if standing.payment is not None else 0
    paid = _major(money.paid_minor, order.currency) if is_paid else None
    return {
        "type": INVOICES,
        "id": invoice.public_id,
        "attributes": {
            "serial_number": invoice.public_id.partition("_")[2],
            "status": standing.status,
            "resolution": standing.resolution,
            # Nothing of ours waits for a moderator before money moves.
            "moderation_required": False,
            "amount": _major(order.asked_minor, order.currency),
            "payment_amount": _major(order.asked_minor + surcharge_minor, order.currency),
            "currency": order.currency,
            "service_currency": order.currency,
            "reference_id": order.partner_reference,
            "test_mode": not order.is_live,
            # The guest pays a surcharge beside the amount, and the partner pays no fee: all of it is the partner's.
            "fee": 0,
            "deposit": _major(order.asked_minor, order.currency),
            "processed": _epoch(standing.decided_at(*_TOOK)) if is_paid else None,
            "processed_amount": paid,
            "refunded": _epoch(standing.decided_at(OperationKind.REFUND)),
            "refunded_amount": _major(money.refunded_minor, order.currency) if money.refunded_minor else None,
            "charged_back": _epoch(standing.decided_at(OperationKind.CHARGEBACK)),
            "charged_back_amount": _major(money.charged_back_minor, order.currency)
            if money.charged_back_minor
            else None,
            "processed_fee": 0 if is_paid else None,
            "processed_deposit": paid,
            "metadata": invoice.metadata or [],
            "flow_data": _flow_data(standing, now=now, tells_sale_token=tells_sale_token),
            "flow": FLOW,
            "payment_flow": PAYMENT_FLOW,
            "created": _epoch(order.created_at),
            "updated": _epoch(order.updated_at),
            "expires": _epoch(order.expires_at),
            "payload": _payload(standing) if is_paid else None,
            "description": order.description or None,
            "descriptor": f"{order.partner.name}:{order.partner_reference}",
            "callback_url": url_of(invoice.callback) or None if invoice.callback is not None else None,
            "return_url": order.return_url or None,
            "original_data": None,
            "rrn": None,
            "approval_code": None,
            "refunds": list(_refunds(standing)),
        },
        "relationships": _relationships(standing),
        "links": {"self": f"{SELF}/{invoice.public_id}"},
    }


def page_of_invoices(
    standings: Sequence[Standing], *, now: datetime, number: int, size: int, has_more: bool
) -> dict[str, Any]:
    """Return one page of a list, with the addresses of the pages around it."""

    def address(page: int) -> str:
        return f"{SELF}?page%5Bnumber%5D={page}&page%5Bsize%5D={size}"

    return {
        "data": [resource_of(standing, now=now) for standing in standings],
        "links": {
            "self": address(number),
            "prev": address(number - 1) if number > 1 else None,
            "next": address(number + 1) if has_more else None,
        },
    }


def sale_document(standing: Standing) -> dict[str, Any]:
    """Return the answer to a sale: how the charge of the invoice stands."""
    invoice, order, charge = standing.invoice, standing.invoice.order, standing.charge
    how = {"status": standing.status, "resolution": standing.resolution}
    return {
        "data": {
            "type": "sale-operation",
            "id": invoice.sale_id,
            "attributes": {
                "amount": _major(order.asked_minor, order.currency),
                "currency": order.currency,
                "service": invoice.service,
                "options": [],
                "customer": {"reference_id": order.customer.reference} if order.customer is not None else [],
                "repeatable": False,
                "flow": PAYMENT_FLOW,
                **how,
                "active_request": how,
                "active_payment": {
                    "status": _OPERATION_WORDS[Status(charge.status)],
                    "resolution": standing.resolution,
                }
                if charge is not None
                else [],
                "auto_repay": False,
            },
        }
    }


def money_block(told: MoneyTold) -> dict[str, Any]:
    """Return what became of the money, for the `meta` of an error; times are epoch seconds."""
    return {
        "moved": told.moved,
        "amount": told.amount.major if told.amount is not None else None,
        "currency": told.amount.currency if told.amount is not None else None,
        "retry_safe_until": _epoch(told.retry_safe_until),
        "ask_again_at": _epoch(told.ask_again_at),
    }


def _flow_data(standing: Standing, *, now: datetime, tells_sale_token: bool) -> dict[str, Any] | list[Any]:
    """Return where the guest pays, and what lets the invoice be sold without one; nothing once it is over."""
    invoice, made_at = standing.invoice, standing.invoice.order.created_at
    if standing.status in OVER:
        return []
    metadata = {"sid": invoice.sale_id}
    if invoice.is_instant and tells_sale_token and now < made_at + LIFETIME:
        metadata["token"] = sale_token(sale_id=invoice.sale_id, made_at=made_at)
    return {"action": link_url(invoice.link), "method": "GET", "params": [], "metadata": metadata}


def _payload(standing: Standing) -> dict[str, Any]:
    charge, card = standing.charge, standing.paid_with
    is_sent_by_partner = card is not None and card.pk == standing.invoice.card_id
    is_token_told = standing.invoice.tells_token or is_sent_by_partner
    return {
        "client_ip": "",
        "payment_card": _card(card) if card is not None else _card_of_charge(charge),
        "token": token_of(card) if card is not None and is_token_told else None,
    }


def _card(card: ReusableCard) -> dict[str, Any]:
    expiry = (
        (f"{card.expiry_year}"[-2:], f"{card.expiry_month:02d}") if card.expiry_year and card.expiry_month else None
    )
    return _card_fields(brand=card.brand, first=card.bin, last=card.last4, expiry=expiry)


def _card_of_charge(charge: Transaction | None) -> dict[str, Any]:
    if charge is None:
        return _card_fields(brand="", first="", last="", expiry=None)
    year, _, month = charge.card_expiry.partition("-")
    return _card_fields(
        brand=charge.card_brand, first="", last=charge.card_last4, expiry=(year[-2:], month) if month else None
    )


def _card_fields(*, brand: str, first: str, last: str, expiry: tuple[str, str] | None) -> dict[str, Any]:
    """Return a card by what is known of it; who holds it and who issued it is not kept."""
    return {
        "last": last or None,
        "mask": f"{first or '******'}******{last}" if last else None,
        "brand": brand or None,
        "first": first or None,
        "holder": None,
        "expiry_year": expiry[0] if expiry else None,
        "issuer_name": None,
        "expiry_month": expiry[1] if expiry else None,
        "issuer_country": None,
    }


def _refunds(standing: Standing) -> Iterator[dict[str, Any]]:
    """Yield what was asked back by the partner, under its own references, then what our staff gave back."""
    currency = standing.invoice.order.currency
    known = {row.pk: row for row in standing.operations}
    asked: set[Any] = set()
    for refund in standing.refunds:
        rows = [known[row.pk] for row in refund.operations.all() if row.pk in known]
        asked |= {row.pk for row in rows}
        yield _refund(refund.public_id, refund.reference, rows, currency)
    for row in standing.operations:
        if row.kind == OperationKind.REFUND and row.pk not in asked:
            yield _refund(f"rfd_{row.number}", None, [row], currency)


def _refund(public_id: str, reference: str | None, rows: Sequence[Transaction], currency: str) -> dict[str, Any]:
    statuses = {Status(row.status) for row in rows}
    # As long as a part of it is under way nothing is decided; a part that failed is a refund that failed.
    status = next(status for status in (Status.PENDING, Status.FAILED, Status.PROCESSED) if status in statuses)
    code = next((row.error_code for row in rows if row.error_code), "")
    return {
        "id": public_id,
        "reference_id": reference,
        "amount": _major(sum(row.amount_minor for row in rows), currency),
        "currency": currency,
        "status": _OPERATION_WORDS[status],
        "resolution": RESOLUTION_OF_CODE[ErrorCode(code)] if code else "ok",
        "created": _epoch(min(row.requested_at for row in rows)),
        "updated": _epoch(max(row.decided_at or row.requested_at for row in rows)),
    }


def _relationships(standing: Standing) -> dict[str, Any]:
    invoice, customer = standing.invoice, standing.invoice.order.customer
    found = {
        "payment-service": _related("payment-services", invoice.service),
        "payment-method": _related("payment-methods", "payment_card"),
    }
    if customer is not None:
        found["customer"] = _related("customers", f"cus_{customer.pk.hex}")
    if standing.charge is not None:
        found["active-payment"] = _related("payments", f"pay_{standing.charge.number}")
    return found


def _related(kind: str, name: str) -> dict[str, Any]:
    return {"data": {"type": kind, "id": name}}


def _major(minor: int, currency: str) -> Decimal:
    return Money(minor, currency).major


def _epoch(at: datetime | None) -> int | None:
    return int(at.timestamp()) if at is not None else None
