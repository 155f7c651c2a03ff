from datetime import datetime

from django.db.models import Q

from bookings.models import Order
from gateways.errors import Unsupported
from gateways.models import GatewayAccount
from gateways.protocol import Card, RevokeCardRequest
from gateways.registry import gateway_for
from payments.encryption import decrypt_text, encrypt_text, fingerprint
from payments.errors import InvalidCard
from payments.metrics import gateway_call
from payments.models import Payment, ReusableCard


def keep_card(*, payment: Payment, card: Card, now: datetime) -> None:
    """Keep a gateway's token for a card a guest agreed to use again; a token we know already changes nothing."""
    assert card.token is not None
    ReusableCard.objects.bulk_create(
        [
            ReusableCard(
                partner_id=payment.partner_id,
                account=payment.account,
                customer_id=payment.order.customer_id,
                order_id=payment.order_id,
                is_live=payment.is_live,
                token_encrypted=encrypt_text(card.token),
                token_fingerprint=fingerprint(card.token),
                # What a webhook says of the shopper is unsigned: a token swapped for another shopper's must not work.
                shopper_reference=shopper_reference_of(payment),
                brand=card.brand[:40],
                bin=card.bin[:8],
                last4=card.last4,
                expiry_month=card.expiry_month,
                expiry_year=card.expiry_year,
                created_at=now,
            )
        ],
        ignore_conflicts=True,
    )


def shopper_reference_of(payment: Payment) -> str:
    """Return the name under which a gateway keeps this guest's cards: the customer's, or the order's own."""
    customer_id = payment.order.customer_id
    return f"c-{customer_id}" if customer_id else f"o-{payment.order_id}"


def usable_cards(*, order: Order, account: GatewayAccount, now: datetime) -> list[ReusableCard]:
    """Return the cards that may pay an order: used on it, or the same customer's; never revoked, expired or
    another's.
    """
    whose = Q(order=order) | (Q(customer_id=order.customer_id) if order.customer_id else Q())
    cards = ReusableCard.objects.filter(
        whose, partner_id=order.partner_id, is_live=order.is_live, account=account, revoked_at__isnull=True
    ).order_by("created_at")
    return [card for card in cards if not _is_expired(card, now)]


def card_for_order(*, order: Order, account: GatewayAccount, card_id: str, now: datetime) -> ReusableCard:
    """Return the card of that id if it may pay the order.

    :raises InvalidCard: no such card of this gateway, partner and mode, or it has expired or was revoked.
    """
    for card in usable_cards(order=order, account=account, now=now):
        if str(card.id) == card_id.lower():
            return card
    raise InvalidCard("The card is not one that can be used for this order.")


def card_token(card: ReusableCard) -> str:
    """Return the token to charge; it must go nowhere but to the gateway."""
    return decrypt_text(card.token_encrypted)


def revoke_card(*, card: ReusableCard, now: datetime) -> None:
    """Make a card unusable here and at the gateway; here first, so that no fault there leaves it usable.

    :raises GatewayError: the gateway did not take it; the card is revoked here and the call may be repeated.
    """
    ReusableCard.objects.filter(pk=card.pk, revoked_at__isnull=True).update(revoked_at=now)
    try:
        with gateway_call(gateway=card.account.gateway, operation="revoke_card"):
            gateway_for(card.account).revoke_card(
                RevokeCardRequest(card_token=card_token(card), shopper_reference=card.shopper_reference)
            )
    except Unsupported:
        return


def revoke_by_token(*, account: GatewayAccount, token: str, now: datetime) -> None:
    """Mark a card the gateway says it has deleted."""
    ReusableCard.objects.filter(account=account, token_fingerprint=fingerprint(token), revoked_at__isnull=True).update(
        revoked_at=now
    )


def _is_expired(card: ReusableCard, now: datetime) -> bool:
    if card.expiry_year is None or card.expiry_month is None:
        return False
    return (card.expiry_year, card.expiry_month) < (now.year, now.month)
