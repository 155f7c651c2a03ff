"""What the partner edges hold of a guest; what they told is never kept, and of what they were told only keys are."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from api.invoices.models import Invoice
from api.models import IdempotentRequest
from bookings.models import Booking, Gift, Order
from payments.models import Payment


def personal_data_of(*, order_ids: Collection[UUID]) -> dict[str, list[dict[str, Any]]]:
    """Return what is held of a guest here, as plain data."""
    return {
        "invoices": _rows(Invoice.objects.filter(order__in=order_ids), "public_id", "service", "metadata"),
        "requests of partners": _rows(_requests(order_ids), "created_at", "method", "path", "key_text"),
    }


def erase_guest(*, order_ids: Collection[UUID]) -> dict[str, int]:
    """Take out what could name a guest, and return how many rows of each kind were about it.

    A request's fingerprints stay, so that a partner's repeat is still known for one.
    """
    return {
        "invoices": Invoice.objects.filter(order__in=order_ids).exclude(metadata={}).update(metadata={}),
        "requests of partners": _requests(order_ids).exclude(key_text="").update(key_text=""),
    }


def _requests(order_ids: Collection[UUID]) -> QuerySet[IdempotentRequest]:
    """Return the requests that were answered with something of these orders, by the id it has for its partner."""
    subjects = [
        *Order.objects.filter(pk__in=order_ids).values_list("uuid", flat=True),
        *Booking.objects.filter(order__in=order_ids).values_list("uuid", flat=True),
        *Gift.objects.filter(order__in=order_ids).values_list("uuid", flat=True),
        *Payment.objects.filter(order__in=order_ids).values_list("reference", flat=True),
        *Invoice.objects.filter(order__in=order_ids).values_list("public_id", flat=True),
    ]
    return IdempotentRequest.objects.filter(subject__in=[str(subject) for subject in subjects])


def _rows(queryset: QuerySet[Any], *names: str) -> list[dict[str, Any]]:
    return list(queryset.order_by("pk").values(*names))
