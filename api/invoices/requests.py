"""Turn documents of this API into what our services take; every refusal names its field, which becomes a pointer."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from django.utils.translation import gettext as _
from rest_framework.request import Request

from api.fields import LARGEST_AMOUNT, Fields
from bookings.free_text import (
    LONGEST_CUSTOMER_REFERENCE,
    LONGEST_DESCRIPTION,
    LONGEST_METADATA_KEY,
    LONGEST_METADATA_VALUE,
    LONGEST_PARTNER_REFERENCE,
    LONGEST_RETURN_URL,
    MOST_METADATA,
)
from money import Money, MoneyError

INVOICES, REFUND, SALE = "payment-invoices", "refund", "sale-operation"
# The wire's word for what is wished of the card, in `gateway_options`; no gateway of ours is meant.
CARD_OPTIONS = "cardgate"
A_PAGE, MOST_A_PAGE, LAST_PAGE = 20, 100, 100_000
_LONGEST_TOKEN = 255
_MOST_DIGITS, _MOST_DECIMALS = 15, 6
# As api.callbacks.addresses takes them.
_LONGEST_CALLBACK_URL = 1_024
_LAST_SECOND = 253_402_300_799
_RETURNS = ("success", "pending", "fail")


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerWish:
    """Be who an invoice is for; without a reference of the partner's nobody is recognized."""

    reference: str | None
    name: str | None
    email: str | None
    phone: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceWish:
    """Be what a partner asks an invoice for; empty texts were not sent."""

    amount: Money
    reference: str
    description: str
    service: str
    is_test: bool | None
    customer: CustomerWish | None
    token: str
    tells_token: bool
    is_instant: bool
    expires_at: datetime | None
    return_url: str
    return_urls: dict[str, str]
    callback_url: str
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundWish:
    """Be what a partner asks back; no amount: all that is left."""

    amount: Money | None
    reference: str
    description: str


def read_invoice(body: dict[str, object]) -> InvoiceWish:
    """Read POST /payment-invoices."""
    document = _resource(body, INVOICES)
    fields = _attributes(document, is_required=True)
    currency = fields.currency("currency", is_required=True) or ""
    service = fields.text("service", longest=40, is_required=True) or ""
    if service != f"payment_card_{currency.lower()}_hpp":
        words = _("must be payment_card_%(currency)s_hpp") % {"currency": currency.lower()}
        raise fields.refuse("service", words)
    fields.choice("flow", ("charge",))
    options = _child(_child(fields, "gateway_options"), CARD_OPTIONS)
    wish = InvoiceWish(
        amount=_amount(fields, currency, is_required=True) or Money(0, currency),
        reference=fields.text("reference_id", longest=LONGEST_PARTNER_REFERENCE) or "",
        description=fields.text("description", longest=LONGEST_DESCRIPTION) or "",
        service=service,
        is_test=fields.boolean("test_mode"),
        customer=_customer(fields),
        token=fields.text("token", longest=_LONGEST_TOKEN) or "",
        tells_token=options.boolean("tokenize") or False,
        is_instant=options.boolean("instant") or False,
        expires_at=_moment(fields, "expires"),
        return_url=fields.text("return_url", longest=LONGEST_RETURN_URL) or "",
        return_urls=_return_urls(fields),
        callback_url=_callback_url(document, fields),
        metadata=_metadata(fields),
    )
    if wish.is_instant and not wish.token:
        raise fields.refuse("token", _("is required for an instant invoice"))
    names_customer = wish.customer is not None and (wish.customer.reference or "").strip() != ""
    if (wish.token or wish.tells_token) and not names_customer:
        raise fields.refuse("customer.reference_id", _("is required where a card is kept or charged again"))
    return wish


def read_refund(body: dict[str, object], *, invoice_id: str, currency: str) -> RefundWish:
    """Read POST /payment-invoices/{id}/refund."""
    document = _resource(body, REFUND)
    named = document.text("id", longest=40)
    if named not in (None, invoice_id):
        raise document.refuse("id", _("must be that of the invoice"))
    fields = _attributes(document)
    return RefundWish(
        amount=_amount(fields, currency),
        reference=fields.text("reference_id", longest=LONGEST_PARTNER_REFERENCE) or "",
        description=fields.text("description", longest=200) or "",
    )


def read_sale(body: dict[str, object]) -> None:
    """Read POST /payment/sale: it says nothing that is not in its token. Card details are refused, not passed over.

    :raises FieldRefused: it is no sale, or brings attributes.
    """
    fields = _attributes(_resource(body, SALE))
    for name in fields.values:
        raise fields.refuse(name[:80], _("is not taken; a kept card is charged by its token alone"))


def read_page(request: Request) -> tuple[int, int]:
    """Return number and size of the page that is asked for."""
    query = Fields(_whole_numbers(request))
    number = query.integer("page[number]", least=1, most=LAST_PAGE)
    size = query.integer("page[size]", least=1, most=MOST_A_PAGE)
    return number or 1, size or A_PAGE


def _whole_numbers(request: Request) -> dict[str, object]:
    """Return the parameters of a query, those that are written as whole numbers as such."""
    sent = request.query_params.dict().items()
    return {name: int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text for name, text in sent}


def _resource(body: dict[str, object], kind: str) -> Fields:
    fields = Fields(body)
    data = fields.child("data")
    if data is None:
        raise fields.refuse("data", _("is required"))
    data.choice("type", (kind,), is_required=True)
    return data


def _attributes(resource: Fields, *, is_required: bool = False) -> Fields:
    if resource.values.get("attributes") is None and is_required:
        raise resource.refuse("attributes", _("is required"))
    return _child(resource, "attributes")


def _child(fields: Fields, name: str) -> Fields:
    """Return an object inside another; one that is absent, or sent as `[]`, has nothing in it."""
    if fields.values.get(name) == []:
        return Fields({}, fields.name_of(name))
    return fields.child(name) or Fields({}, fields.name_of(name))


def _amount(fields: Fields, currency: str, *, is_required: bool = False) -> Money | None:
    """Return an amount in major units, a JSON number with no more decimals than its currency has."""
    value = fields.values.get("amount")
    if value is None and not is_required:
        return None
    if value is None:
        raise fields.refuse("amount", _("is required"))
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise fields.refuse("amount", _("must be a number"))
    number = Decimal(value)
    # Written out, 1e999999 would be a megabyte.
    is_writable = number.is_finite() and number.adjusted() < _MOST_DIGITS and _decimals(number) <= _MOST_DECIMALS
    try:
        money = Money.parse(format(number, "f"), currency) if is_writable else None
    except MoneyError:
        money = None
    if money is None or not 0 < money.minor <= LARGEST_AMOUNT:
        raise fields.refuse(
            "amount", _("must be more than 0, with no more decimals than %(currency)s has") % {"currency": currency}
        )
    return money


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else _MOST_DECIMALS + 1


def _moment(fields: Fields, name: str) -> datetime | None:
    seconds = fields.integer(name, least=0, most=_LAST_SECOND)
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None


def _customer(fields: Fields) -> CustomerWish | None:
    sent = _child(fields, "customer")
    if not sent.values:
        return None
    return CustomerWish(
        reference=sent.text("reference_id", longest=LONGEST_CUSTOMER_REFERENCE),
        name=sent.text("name", longest=200),
        email=sent.text("email", longest=254),
        phone=sent.text("phone", longest=40),
    )


def _return_urls(fields: Fields) -> dict[str, str]:
    sent = _child(fields, "return_urls")
    found = {name: sent.text(name, longest=LONGEST_RETURN_URL) for name in _RETURNS}
    return {name: url for name, url in found.items() if url}


def _callback_url(document: Fields, fields: Fields) -> str:
    """Return where to tell: among the attributes, or beside them as one of the vendor's examples has it."""
    holder = fields if fields.has("callback_url") else document
    return holder.text("callback_url", longest=_LONGEST_CALLBACK_URL) or ""


def _metadata(fields: Fields) -> dict[str, str]:
    if fields.values.get("metadata") == []:
        return {}
    return (
        fields.text_map(
            "metadata", most=MOST_METADATA, longest_key=LONGEST_METADATA_KEY, longest=LONGEST_METADATA_VALUE
        )
        or {}
    )
