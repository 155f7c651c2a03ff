"""Find payments by whatever a support person may paste; every look-up but those of notes and e-mail is by an index."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from bookings.models import Booking, Customer, Order, Partner
from card_numbers import mask_card_numbers
from gateways.models import GatewayAccount
from payments.models import ExternalNote, Opening, Payment, Transaction

# A term that fits more is no reference: the page says so by its length.
_MOST = 200


def without_card_number(term: str) -> str:
    """Return the term, or only the last four digits of a card number somebody pasted."""
    masked = mask_card_numbers(term)
    return term if masked == term else "".join(filter(str.isdigit, masked))[-4:]


def matching(payments: QuerySet[Payment], term: str) -> QuerySet[Payment]:
    """Return the payments a term names: by any reference of ours, the partner's, the guest's or the gateway's."""
    found = Q(pk__in=[])
    for condition in _conditions(term.strip()):
        found |= condition
    return payments.filter(found)


def _conditions(term: str) -> Iterator[Q]:
    spellings = list(dict.fromkeys([term, term.upper(), term.lower()]))
    yield Q(reference__in=spellings)
    yield Q(order_id__in=_ids(Order.objects.filter(reference__in=spellings).values_list("pk", flat=True)))
    booking = Q(reference__in=spellings) | Q(reseller_reference__in=spellings, **_any_partner())
    if _is_uuid(term):
        yield Q(pk=UUID(term)) | Q(order_id=UUID(term))
        booking |= Q(uuid=UUID(term), **_any_partner()) | Q(pk=UUID(term))
    if term.isascii() and term.isdigit() and len(term) <= 18:
        yield Q(number=int(term))
        booking |= Q(number=int(term))
        yield Q(pk__in=_ids(Transaction.objects.filter(number=int(term)).values_list("payment_id", flat=True)))
        if len(term) == 4:
            yield Q(pk__in=_ids(Transaction.objects.filter(card_last4=term).values_list("payment_id", flat=True)))
    if "@" in term:
        booking |= Q(contact_email__iexact=term)
        guests = Customer.objects.filter(email__iexact=term)
        yield Q(order__customer__in=_ids(guests.values_list("pk", flat=True)))
    yield Q(order_id__in=_ids(Booking.objects.filter(booking).values_list("order_id", flat=True)))
    yield from _at_the_gateway(spellings)
    if len(term) >= 3:
        notes = ExternalNote.objects.filter(text__icontains=term).values_list("payment_id", flat=True)
        yield Q(pk__in=_ids(notes))


def _at_the_gateway(spellings: list[str]) -> Iterator[Q]:
    accounts = list(GatewayAccount.objects.values_list("pk", flat=True))
    named = Q(account__in=accounts, gateway_reference__in=spellings) | Q(reference__in=spellings)
    yield Q(pk__in=_ids(Transaction.objects.filter(named).values_list("payment_id", flat=True)))
    yield Q(pk__in=_ids(Opening.objects.filter(named).values_list("payment_id", flat=True)))


def _any_partner() -> dict[str, object]:
    """Name every partner and mode: the indexes of what partners call things begin with them."""
    return {"partner__in": Partner.objects.values("pk"), "is_live__in": [True, False]}


def _ids(found: QuerySet[Any, Any]) -> list[Any]:
    return list(found[:_MOST])


def _is_uuid(term: str) -> bool:
    try:
        UUID(term)
    except ValueError:
        return False
    return True
