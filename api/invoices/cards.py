"""Cards as this API names them: by an opaque token of ours that stands for a kept card, never the gateway's own."""

from datetime import datetime
from uuid import UUID

from bookings.models import Customer
from payments.errors import InvalidCard
from payments.models import ReusableCard
from payments.services.cards import card_for_partner, is_expired


def token_of(card: ReusableCard) -> str:
    """Return the token of a card: good for its partner and customer alone, so that it opens nothing elsewhere."""
    return card.pk.hex


def card_of_token(token: str, *, customer: Customer, now: datetime) -> ReusableCard:
    """Return the card a token stands for, if it is this customer's and can be charged.

    :raises InvalidCard: it is none, is another customer's, has expired or was revoked.
    """
    try:
        card_id = UUID(hex=token)
    except ValueError:
        raise InvalidCard("There is no such card.") from None
    card = card_for_partner(partner=customer.partner, is_live=customer.is_live, card_id=str(card_id))
    if card.customer_id != customer.pk or card.revoked_at is not None or is_expired(card, now=now):
        raise InvalidCard("The card is not one that can be charged for this customer.")
    return card
