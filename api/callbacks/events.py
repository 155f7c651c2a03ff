"""What differs between the things partners are told of: when a receiver has taken one, and when to try again."""

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from rest_framework import status

from api.models import CallbackEvent, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """Say how an event is told: which statuses are a receipt, and which of the settings holds the schedule."""

    is_receipt: Callable[[int], bool]
    schedule: str

    @property
    def retry_seconds(self) -> list[int]:
        """Return how long to wait after each failed attempt, until the next one; after the last it is given up."""
        seconds: list[int] = settings.CALLBACKS[self.schedule]
        return seconds


_SUBSCRIBED = Manner(is_receipt=status.is_success, schedule="RETRY_SECONDS")
# Source: the vendor's "Callbacks": nothing but 200 is a receipt; again after 1 minute, 2 more, 3 more, and so on.
_INVOICE = Manner(is_receipt=lambda code: code == status.HTTP_200_OK, schedule="INVOICE_RETRY_SECONDS")
_MANNERS: dict[CallbackEvent, Manner] = {
    CallbackEvent.BOOKING_UPDATE: _SUBSCRIBED,
    CallbackEvent.ORDER_UPDATE: _SUBSCRIBED,
    CallbackEvent.INVOICE_UPDATE: _INVOICE,
}


def manner_of(subscription: Subscription) -> Manner:
    """Return how a subscription is told."""
    return _MANNERS[CallbackEvent(subscription.event)]
