"""Reads of gifts; all filter by partner first and cost a constant number of queries."""

from django.db.models import Q, QuerySet

from bookings.errors import GiftNotFound
from bookings.models import Gift, Partner
from bookings.offers import uuid_from_text
from bookings.requests import GiftFilter
from card_numbers import mask_card_numbers


def gift_for_partner(*, partner: Partner, is_live: bool, uuid: str) -> Gift:
    """Return a partner's gift of one mode.

    :raises GiftNotFound: the text is no uuid, or none of this partner's gifts has it.
    """
    wanted = uuid_from_text(uuid)
    # The partner's uuid is unique, so that there is nothing to sort by.
    found = list(_with_order(Gift.objects.filter(partner=partner, is_live=is_live, uuid=wanted))) if wanted else []
    if not found:
        raise GiftNotFound(uuid)
    return found[0]


def gifts_for_partner(*, partner: Partner, is_live: bool, filters: GiftFilter) -> QuerySet[Gift]:
    """Return a partner's gifts of one mode that pass every filter, newest first."""
    condition = Q()
    if filters.reseller_reference is not None:
        # Card numbers were masked when it was saved, so what is looked for is masked alike.
        condition &= Q(reseller_reference=mask_card_numbers(filters.reseller_reference))
    if filters.statuses:
        condition &= Q(status__in=filters.statuses)
    for path, value in (
        ("reference", filters.supplier_reference),
        ("created_at__gte", filters.created_from),
        ("created_at__lte", filters.created_to),
        ("updated_at__gte", filters.updated_from),
        ("updated_at__lte", filters.updated_to),
        ("contact_email__iexact", filters.contact_email),
    ):
        if value is not None:
            condition &= Q(**{path: value})
    gifts = Gift.objects.filter(partner=partner, is_live=is_live).filter(condition)
    return _with_order(gifts).order_by("-created_at", "-pk")


def _with_order(gifts: QuerySet[Gift]) -> QuerySet[Gift]:
    return gifts.select_related("order__customer", "order__partner", "partner")
