"""Where each kind of term is looked for: every look is by an index, and leads to an order."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import Model, Q
from django.db.models.expressions import BaseExpression
from django.db.models.functions import Collate, Upper

from bookings.models import Booking, Gift, Order, OrderKind, Partner, UnitItem
from gateways.models import GatewayAccount
from payments.finding.terms import Kind, Term
from payments.models import Dispute, ExternalNote, Opening, Payment, PaymentLink, Transaction
from payments.models.note import note_words
from payments.states import State

Condition = Callable[[Term], Q | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """Say in which rows a term is looked for, and the way from such a row to its order and payment.

    A term that narrows what another finds is looked for as what it is first of all: only by lookups of its `kind`.
    `position` is a path to a number by which newer rows come first, empty where a term names a handful of rows at
    most. `said` is a path to the text that matched, for people, empty where the term says it all. `needs` are
    expressions that `where` speaks of. A lookup that `is_exact` names one thing; one that `is_personal` finds by a
    guest's data or card, which is recorded. Where a row `says_it_all`, a term that narrows may stand in it as well.
    """

    name: str
    label: str
    model: type[Model]
    where: Condition
    kind: Kind = Kind.CODE
    order: str = "order_id"
    payment: str = ""
    position: str = ""
    said: str = "reference"
    is_exact: bool = True
    is_personal: bool = False
    says_it_all: bool = False
    needs: Callable[[], dict[str, BaseExpression]] = dict


def spelled(path: str) -> Condition:
    """Match what is spelled in one of the term's ways."""
    return lambda term: Q(**{f"{path}__in": term.spellings}) if term.spellings else None


def _in_any_case(path: str) -> Condition:
    """Match whatever the case; the index is of the text in capitals."""

    def condition(term: Term) -> Q | None:
        capitals = {spelling.upper() for spelling in term.spellings}
        return Q(**{f"{path}__in": sorted(capitals)}) if capitals else None

    return condition


def _numbered(path: str) -> Condition:
    return lambda term: Q(**{path: term.number}) if term.number else None


def _at_a_gateway(term: Term) -> Q | None:
    if not term.spellings:
        return None
    # The indexes of what gateways call things begin with the account.
    return Q(account__in=GatewayAccount.objects.values("pk"), gateway_reference__in=term.spellings)


def _by_uuid(*paths: str) -> Condition:
    return lambda term: reduce(or_, (Q(**{path: term.uuid}) for path in paths)) if term.uuid else None


def _by_partners_uuid(term: Term) -> Q | None:
    """Match a partner's own uuid; the index of those begins with partner and mode."""
    if term.uuid is None:
        return None
    return Q(partner__in=Partner.objects.values("pk"), is_live__in=[True, False], uuid=term.uuid)


def _addressed(path: str) -> Condition:
    """Match an address that begins like the term; the index is of the text in capitals."""
    return lambda term: Q(**{f"{path}__startswith": term.email.upper()}) if term.email else None


def _worded(path: str) -> Condition:
    """Match texts with words that begin like each of the term's; two letters are a whole word, or every third guest."""

    def condition(term: Term) -> Q | None:
        return _has_words(path, term.words)

    return condition


def _noted(path: str) -> Condition:
    """Match notes with the words of a term, or with the parts of a number or reference."""

    def condition(term: Term) -> Q | None:
        if term.amounts or term.email:
            return None
        return _has_words(path, term.words or tuple(filter(None, re.split(r"[\W_]+", term.text.lower()))))

    return condition


def _has_words(path: str, words: Sequence[str]) -> Q | None:
    if not words:
        return None
    query = " & ".join(f"'{word}':*" if len(word) > 2 else f"'{word}'" for word in words)
    return Q(**{path: SearchQuery(query, config="simple", search_type="raw")})


def _of_amount(term: Term) -> Q | None:
    if not term.amounts:
        return None
    return reduce(or_, (Q(amount_minor=each.minor, currency__in=each.currencies) for each in term.amounts))


def _never_paid(term: Term) -> Q | None:
    amount = _of_amount(term)
    return None if amount is None else amount & Q(state__in=NEVER_TRIED)


def _with_other_guests(condition: Condition) -> Condition:
    """Look at customers only where no booking names the guest: every booking has a customer called like its guest."""

    def narrowed(term: Term) -> Q | None:
        found = condition(term)
        return None if found is None else found & ~Q(kind=OrderKind.BOOKING)

    return narrowed


# Payments of which nothing but the asked amount is there to be found by.
NEVER_TRIED = (State.CREATED, State.ACTION_REQUIRED, State.EXPIRED)


def _upper(field: str) -> Callable[[], dict[str, BaseExpression]]:
    return lambda: {"capitals": Upper(field)}


def _address(field: str) -> Callable[[], dict[str, BaseExpression]]:
    """In this collation, and in no other, an index also finds how a text begins."""
    return lambda: {"capitals": Collate(Upper(field), "C")}


def _vector(*fields: str) -> Callable[[], dict[str, BaseExpression]]:
    return lambda: {"vector": SearchVector(*fields, config="simple")}


_PAYMENT: dict[str, Any] = {"model": Payment, "payment": "pk", "position": "number"}
_BOOKING: dict[str, Any] = {"model": Booking, "position": "number"}
_OPERATION: dict[str, Any] = {"model": Transaction, "payment": "payment_id", "position": "number"}
_OPENING: dict[str, Any] = {"model": Opening, "order": "payment__order_id", "payment": "payment_id"}
_GUEST: dict[str, Any] = {"model": Order, "order": "pk", "position": "customer__number"}
_PERSONAL: dict[str, Any] = {"is_exact": False, "is_personal": True}
_EMAIL: dict[str, Any] = {"kind": Kind.EMAIL, **_PERSONAL}
_NAME: dict[str, Any] = {"kind": Kind.NAME, **_PERSONAL}
_AMOUNT: dict[str, Any] = {"kind": Kind.AMOUNT, "is_exact": False, "said": ""}

LOOKUPS: tuple[Lookup, ...] = (
    Lookup(name="payment", label="payment", where=spelled("reference"), **_PAYMENT),
    Lookup(name="order", label="order", model=Order, order="pk", where=spelled("reference")),
    Lookup(name="booking", label="booking", where=spelled("reference"), **_BOOKING),
    Lookup(
        name="voucher", label="voucher of a booking", said="voucher_code", where=spelled("voucher_code"), **_BOOKING
    ),
    Lookup(
        name="ticket",
        label="ticket",
        model=UnitItem,
        order="booking__order_id",
        said="ticket_code",
        where=spelled("ticket_code"),
    ),
    Lookup(name="gift", label="gift voucher", model=Gift, position="number", where=spelled("reference")),
    Lookup(name="operation", label="our reference of an operation", where=spelled("reference"), **_OPERATION),
    Lookup(name="opening", label="our reference of a session", where=spelled("reference"), **_OPENING),
    Lookup(
        name="gateway", label="the gateway's reference", said="gateway_reference", where=_at_a_gateway, **_OPERATION
    ),
    Lookup(name="session", label="the gateway's session", said="gateway_reference", where=_at_a_gateway, **_OPENING),
    Lookup(
        name="dispute",
        label="dispute",
        model=Dispute,
        order="payment__order_id",
        payment="payment_id",
        position="pk",
        said="gateway_reference",
        where=spelled("gateway_reference"),
    ),
    Lookup(
        name="reseller",
        label="the partner's reference of a booking",
        said="reseller_reference",
        needs=_upper("reseller_reference"),
        where=_in_any_case("capitals"),
        **_BOOKING,
    ),
    Lookup(
        name="partner-order",
        label="the partner's reference of an invoice or a top-up",
        model=Order,
        order="pk",
        said="partner_reference",
        needs=_upper("partner_reference"),
        where=_in_any_case("capitals"),
    ),
    Lookup(
        name="partner-guest",
        label="the partner's reference of a guest",
        said="customer__reference",
        needs=_upper("customer__reference"),
        where=_in_any_case("capitals"),
        is_exact=False,
        is_personal=True,
        **_GUEST,
    ),
    Lookup(name="payment-number", label="payment number", where=_numbered("number"), **_PAYMENT),
    Lookup(name="operation-number", label="operation number", where=_numbered("number"), **_OPERATION),
    Lookup(name="booking-number", label="booking number", where=_numbered("number"), **_BOOKING),
    Lookup(
        name="guest-number",
        label="customer number",
        said="customer__full_name",
        where=_numbered("customer__number"),
        **{**_GUEST, **_PERSONAL},
    ),
    Lookup(name="payment-id", label="id of a payment", where=_by_uuid("pk"), **_PAYMENT),
    Lookup(name="order-id", label="id of an order", model=Order, order="pk", where=_by_uuid("pk")),
    Lookup(name="order-uuid", label="the partner's uuid", model=Order, order="pk", where=_by_partners_uuid),
    Lookup(name="booking-id", label="id of a booking", where=_by_uuid("pk"), **_BOOKING),
    Lookup(name="booking-uuid", label="the partner's uuid of a booking", where=_by_partners_uuid, **_BOOKING),
    Lookup(name="operation-id", label="id of an operation", where=_by_uuid("pk"), **_OPERATION),
    Lookup(name="link", label="payment link", model=PaymentLink, said="", where=_by_uuid("pk")),
    Lookup(
        name="email",
        label="guest's e-mail",
        said="contact_email",
        needs=_address("contact_email"),
        where=_addressed("capitals"),
        **{**_BOOKING, **_EMAIL},
    ),
    Lookup(
        name="account-email",
        label="customer's e-mail",
        said="customer__email",
        needs=_address("customer__email"),
        where=_with_other_guests(_addressed("capitals")),
        **{**_GUEST, **_EMAIL},
    ),
    Lookup(
        name="gift-email",
        label="recipient's e-mail",
        model=Gift,
        position="number",
        said="recipient_email",
        needs=_address("recipient_email"),
        where=_addressed("capitals"),
        **_EMAIL,
    ),
    Lookup(
        name="guest",
        label="guest's name",
        said="contact_full_name",
        needs=_vector("contact_full_name", "contact_first_name", "contact_last_name"),
        where=_worded("vector"),
        **{**_BOOKING, **_NAME},
    ),
    Lookup(
        name="account-name",
        label="customer's name",
        said="customer__full_name",
        needs=_vector("customer__full_name"),
        where=_with_other_guests(_worded("vector")),
        **{**_GUEST, **_NAME},
    ),
    Lookup(
        name="gift-recipient",
        label="recipient of a gift voucher",
        model=Gift,
        position="number",
        said="recipient_full_name",
        needs=_vector("recipient_full_name"),
        where=_worded("vector"),
        **_NAME,
    ),
    Lookup(
        name="note",
        label="external note",
        model=ExternalNote,
        order="payment__order_id",
        payment="payment_id",
        position="pk",
        said="text",
        needs=lambda: {"vector": note_words()},
        where=_noted("vector"),
        kind=Kind.NAME,
        is_exact=False,
        says_it_all=True,
    ),
    Lookup(
        name="last4",
        label="card that ends in",
        said="card_last4",
        kind=Kind.LAST4,
        where=lambda term: Q(card_last4=term.last4) if term.last4 else None,
        **{**_OPERATION, **_PERSONAL},
    ),
    Lookup(name="amount", label="amount of an operation", where=_of_amount, **{**_OPERATION, **_AMOUNT}),
    Lookup(
        name="amount-asked",
        label="amount that nobody tried to pay",
        where=_never_paid,
        **{**_PAYMENT, **_AMOUNT},
    ),
)
