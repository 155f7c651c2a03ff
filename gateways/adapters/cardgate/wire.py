"""CardGate's JSON and our dataclasses: what we ask, and what an invoice says.

One resource tells everything: the payment invoice, which is answered to every call and sent in every callback. Amounts
are decimal major units in JSON numbers. Empty objects come as `[]`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from gateways.errors import AnswerLost, Rejected
from gateways.exponents import Exponents
from gateways.protocol import Action, Card, ChargeRequest, Opened, OpenRequest, RefundRequest
from gateways.scrubbing import mask_numbers, scrub
from money import Money, MoneyError

SLUG = "cardgate"
# Inferred from the vendor's samples; what is pasted into a path must be nothing else.
INVOICE_ID = re.compile(r"cpi_[0-9A-Za-z]{4,60}")
TOKEN = re.compile(r"[0-9A-Za-z._-]{8,255}")
# Amounts travel as decimals, so no table of decimals of the vendor's own is needed.
EXPONENTS = Exponents()

_BLANKED = """
authorization x-signature token card_number number cvv cvc card_holder holder name email phone address date_of_birth
client_ip ip params flow_data auth_payload callback_url return_url return_urls hpp_url
"""
SECRET_FIELDS = frozenset(_BLANKED.split())
_KEPT_NAMES = """
serial_number reference_id status resolution resolution_message original_data moderation_required test_mode amount
payment_amount currency service_currency service_amount exchange_rate fee deposit processed_amount processed_fee
refunded_amount refunded_fee charged_back_amount created updated processed failed refunded charged_back payment_flow rrn
arn approval_code refunds source
"""
_KEPT = tuple(_KEPT_NAMES.split())
_KEPT_OF_CARD = ("first", "last", "brand", "type", "expiry_month", "expiry_year", "issuer_name", "issuer_country")
# A sale's token works for an hour; an invoice that nobody could charge any more should not wait for longer.
_INSTANT_SECONDS = 60 * 60
_MOST_DIGITS, _MOST_DECIMALS = 15, 6
_REST_OF_A_SECOND = timedelta(microseconds=999_999)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Be what every invoice of an account says alike."""

    is_test: bool
    service: str
    callback_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Say where a guest pays; `token` lets the Cardgate host charge the invoice without one."""

    action: str = field(default="", repr=False)
    method: str = "GET"
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    page: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Be one refund as an invoice lists it. The vendor names the list and publishes no entry of it."""

    name: str
    reference: str | None
    status: str
    resolution: str
    money: Money | None
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """Be an invoice as CardGate tells it. An amount is None where it was not told, or cannot be held exactly."""

    id: str
    reference: str
    status: str
    resolution: str
    message: str
    money: Money | None
    processed: Money | None
    is_processed_told: bool
    refunded: Money | None
    charged_back: Money | None
    updated_at: datetime | None
    processed_at: datetime | None
    failed_at: datetime | None
    charged_back_at: datetime | None
    is_attempted: bool
    is_test: bool | None
    card: Card | None
    refunds: tuple[Refund, ...]
    flow: Flow = field(repr=False)
    raw: Mapping[str, Any] = field(repr=False)


def money_of(amount: object, currency: object) -> Money | None:
    """Return CardGate's amount as money; None when it is no amount, or one we cannot hold exactly."""
    if isinstance(amount, bool) or not isinstance(amount, (int, str, Decimal)) or not isinstance(currency, str):
        return None
    text = amount if isinstance(amount, str) else str(amount)
    if isinstance(amount, Decimal):
        exponent = amount.as_tuple().exponent
        # Written out, 1e999999 would be a megabyte.
        if not isinstance(exponent, int) or exponent < -_MOST_DECIMALS or amount.adjusted() >= _MOST_DIGITS:
            return None
        text = format(amount, "f")
    try:
        return Money.parse(text, currency)
    except MoneyError:
        return None


def opening_attributes(request: OpenRequest, account: Account) -> dict[str, Any]:
    """Build the invoice of something a guest pays; with a `card_token` the page has that card filled in."""
    if request.card_token is not None and not (TOKEN.fullmatch(request.card_token) and request.shopper_reference):
        raise Rejected("cardgate open: a kept card needs its token and the customer it was kept under")
    attributes = {
        **_attributes(request.reference, request.money, account, int(request.expires_at.timestamp())),
        "return_url": request.return_url,
        "return_urls": dict.fromkeys(("success", "pending", "fail"), request.return_url),
    }
    customer = {
        name: value for name, value in (("reference_id", request.shopper_reference), ("email", request.email)) if value
    }
    if customer:
        attributes["customer"] = customer
    if request.locale:
        attributes["locale"] = request.locale.replace("_", "-").partition("-")[0].lower()
    if request.card_token is not None:
        attributes["token"] = request.card_token
    elif request.stores_card and request.shopper_reference:
        attributes["gateway_options"] = {"cardgate": {"tokenize": True}}
    return attributes


def instant_attributes(request: ChargeRequest, account: Account) -> dict[str, Any]:
    """Build the invoice of a charge by token, without the guest. It moves no money before its sale is asked for."""
    return {
        **_attributes(
            request.reference, request.money, account, int(request.requested_at.timestamp()) + _INSTANT_SECONDS
        ),
        "token": request.card_token,
        "customer": {"reference_id": request.shopper_reference},
        "gateway_options": {"cardgate": {"instant": True}},
    }


def refund_attributes(request: RefundRequest) -> dict[str, Any]:
    """Build a refund."""
    return {"amount": request.money.major, "reference_id": request.reference}


def opened_of(invoice: Invoice, request: OpenRequest) -> Opened:
    """Read an invoice as something that a guest can pay.

    :raises AnswerLost: it is not the one we asked for, or does not say where it is paid.
    """
    if invoice.reference != request.reference or invoice.money != request.money:
        raise AnswerLost("cardgate open: the answer is about another payment")
    flow = invoice.flow
    if not flow.action:
        raise AnswerLost("cardgate open: the answer does not say where the guest pays")
    link = flow.page or (flow.action if flow.method == "GET" and not flow.params else "")
    if request.is_hosted and not link:
        raise AnswerLost("cardgate open: no link leads to the page of the invoice")
    return Opened(
        gateway_reference=invoice.id,
        expires_at=request.expires_at,
        client={"invoiceId": invoice.id, "action": flow.action, "method": flow.method, "params": dict(flow.params)},
        redirect_url=link if request.is_hosted else "",
        raw=invoice.raw,
    )


def invoice_of(document: Mapping[str, Any]) -> Invoice | None:
    """Read a document; None when it is no invoice that can be told apart from others."""
    resource = _object(document.get("data"))
    attributes = _object(resource.get("attributes"))
    invoice_id, reference, status = resource.get("id"), attributes.get("reference_id"), attributes.get("status")
    if (
        resource.get("type") != "payment-invoices"
        or not isinstance(invoice_id, str)
        or not INVOICE_ID.fullmatch(invoice_id)
        or not isinstance(reference, str)
        or not reference
        or not isinstance(status, str)
    ):
        return None
    currency = attributes.get("currency")
    payload = _object(attributes.get("payload"))
    relationships = _object(resource.get("relationships"))
    active = _object(_object(relationships.get("active-payment")).get("data"))
    is_test = attributes.get("test_mode")
    return Invoice(
        id=invoice_id,
        reference=reference,
        status=status,
        resolution=str(attributes.get("resolution") or ""),
        message=str(attributes.get("resolution_message") or ""),
        money=money_of(attributes.get("amount"), currency),
        processed=money_of(attributes.get("processed_amount"), currency),
        is_processed_told=attributes.get("processed_amount") is not None,
        refunded=money_of(attributes.get("refunded_amount"), currency),
        charged_back=money_of(attributes.get("charged_back_amount"), currency),
        updated_at=moment_of(attributes.get("updated")),
        processed_at=moment_of(attributes.get("processed")),
        failed_at=moment_of(attributes.get("failed")),
        charged_back_at=moment_of(attributes.get("charged_back")),
        is_attempted=bool(active.get("id") or _object(payload.get("payment_card"))),
        is_test=is_test if isinstance(is_test, bool) else None,
        card=_card_of(payload, _customer_of(document, relationships)),
        refunds=_refunds_of(attributes, currency),
        flow=_flow_of(attributes),
        raw=_kept(invoice_id, attributes, payload),
    )


def guest_needed(answer: Mapping[str, Any]) -> Action | None:
    """Return what the guest would have to do, where a sale's answer says that the bank asks for the guest."""
    wanted = _object(answer.get("auth_payload"))
    active = _object(_object(_object(answer.get("data")).get("attributes")).get("active_payment"))
    if not wanted and active.get("status") != "authorize_required":
        return None
    return Action(
        type="authorize",
        url=str(wanted.get("action") or ""),
        method=str(wanted.get("method") or "POST"),
        fields=_texts(wanted.get("params")),
    )


def moment_of(value: object) -> datetime | None:
    """Read a time in whole epoch seconds, as of the end of that second; None when it is none.

    Taken as of its beginning, it would precede what we saw ourselves within the same second and before it.
    """
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return None
    try:
        return datetime.fromtimestamp(int(value), UTC) + _REST_OF_A_SECOND
    except (OverflowError, ValueError, OSError):
        return None


def _attributes(reference: str, money: Money, account: Account, expires: int) -> dict[str, Any]:
    attributes = {
        "test_mode": account.is_test,
        "reference_id": reference,
        "amount": money.major,
        "currency": money.currency,
        "service": account.service.replace("{currency}", money.currency.lower()),
        "flow": "charge",
        "expires": expires,
    }
    # Beside the other attributes, as all samples but one have it.
    return {**attributes, "callback_url": account.callback_url} if account.callback_url else attributes


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _texts(value: object) -> dict[str, str]:
    return {str(name): str(item) for name, item in _object(value).items()}


def _flow_of(attributes: Mapping[str, Any]) -> Flow:
    flow = _object(attributes.get("flow_data"))
    token = _object(flow.get("metadata")).get("token")
    return Flow(
        action=_address(flow.get("action")),
        method="POST" if str(flow.get("method")).upper() == "POST" else "GET",
        params=_texts(flow.get("params")),
        page=_address(attributes.get("hpp_url")),
        token=token if isinstance(token, str) and re.fullmatch(r"[\x21-\x7e]+", token) else "",
    )


def _address(value: object) -> str:
    return value if isinstance(value, str) and value.startswith(("https://", "http://")) else ""


def _customer_of(document: Mapping[str, Any], relationships: Mapping[str, Any]) -> str | None:
    """Return the name under which we made the customer, where the document includes it."""
    wanted = _object(_object(relationships.get("customer")).get("data")).get("id")
    included = document.get("included")
    for entry in included if isinstance(included, list) else ():
        resource = _object(entry)
        if resource.get("type") == "customers" and wanted is not None and resource.get("id") == wanted:
            reference = _object(resource.get("attributes")).get("reference_id")
            return reference if isinstance(reference, str) and reference else None
    return None


def _card_of(payload: Mapping[str, Any], customer: str | None) -> Card | None:
    told, token = _object(payload.get("payment_card")), payload.get("token")
    has_token = isinstance(token, str) and TOKEN.fullmatch(token) is not None
    last4, bin_number = str(told.get("last") or ""), str(told.get("first") or "")
    month, year = str(told.get("expiry_month") or ""), str(told.get("expiry_year") or "")
    has_expiry = re.fullmatch(r"0?[1-9]|1[0-2]", month) and re.fullmatch(r"[0-9]{2}|20[0-9]{2}", year)
    brand = told.get("brand") or told.get("network")
    card = Card(
        brand=mask_numbers(brand)[:40] if isinstance(brand, str) else "",
        last4=last4 if re.fullmatch(r"[0-9]{4}", last4) else "",
        bin=bin_number if re.fullmatch(r"[0-9]{6,8}", bin_number) else "",
        expiry_month=int(month) if has_expiry else None,
        expiry_year=2000 + int(year) % 100 if has_expiry else None,
        token=str(token) if has_token else None,
        shopper_reference=customer if has_token else None,
    )
    return card if card != Card() else None


def _refunds_of(attributes: Mapping[str, Any], currency: object) -> tuple[Refund, ...]:
    listed = attributes.get("refunds")
    found = []
    for entry in listed if isinstance(listed, list) else ():
        told = {**_object(_object(entry).get("attributes")), **_object(entry)}
        reference = told.get("reference_id")
        named = told.get("id") or reference
        if not isinstance(named, str):
            continue
        found.append(
            Refund(
                name=mask_numbers(named)[:80],
                reference=reference if isinstance(reference, str) and reference else None,
                status=str(told.get("status") or ""),
                resolution=str(told.get("resolution") or ""),
                money=money_of(told.get("amount"), told.get("currency") or currency),
                at=moment_of(told.get("updated")) or moment_of(told.get("created")),
            )
        )
    return tuple(found)


def _kept(invoice_id: str, attributes: Mapping[str, Any], payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return what may be stored: the names we know to be harmless, and no address that opens a guest's page."""
    card = {name: value for name, value in _object(payload.get("payment_card")).items() if name in _KEPT_OF_CARD}
    found: dict[str, Any] = {name: attributes[name] for name in _KEPT if attributes.get(name) is not None}
    if card:
        found["payment_card"] = card
    kept: dict[str, Any] = scrub({"id": invoice_id, **found}, SECRET_FIELDS)
    return kept
