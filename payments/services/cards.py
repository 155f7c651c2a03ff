from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction as database
from django.db.models import Exists, OuterRef, Q, QuerySet

from bookings.encryption import decrypt_text, encrypt_text, fingerprint
from bookings.models import Order, Partner
from gateways.models import GatewayAccount
from gateways.protocol import Card
from payments.errors import InvalidCard
from payments.models import CardConsent, CardRevocation, Opening, Payment, ReusableCard, RevokedToken, Transaction
from payments.services.consents import keep_consent

log = structlog.get_logger(__name__)
# A card is good until its last month is over everywhere on earth, and the last place is twelve hours behind UTC.
_LAST_ZONE_BEHIND_UTC = timedelta(hours=12)
# Banks send a new card some weeks before the old one's last month is over.
_RENEWED_BEFORE_ITS_END = timedelta(days=60)


@database.atomic
def keep_card(*, payment: Payment, card: Card, now: datetime, opening: Opening | None = None) -> None:
    """Keep a gateway's token for a card, and the guest's consent where one was asked for.

    A token we know stays one card: what was not known of it is filled in. Without a consent the card is kept for staff
    to see, and never charged. `now` is when the gateway made the token.
    """
    assert card.token is not None
    shopper_reference = (opening.shopper_reference if opening else "") or shopper_reference_of(payment)
    if card.shopper_reference not in (None, shopper_reference):
        log.warning("card_of_another_shopper", payment=payment.reference, account=payment.account.slug)
        return
    token = fingerprint(card.token)
    details = _details(card, payment)
    is_of_this_guest = shopper_reference == shopper_reference_of(payment)
    ReusableCard.objects.bulk_create(
        [
            ReusableCard(
                partner_id=payment.partner_id,
                account=payment.account,
                # The order went to another customer after the guest was asked: the card is this order's alone.
                customer_id=payment.order.customer_id if is_of_this_guest else None,
                order_id=payment.order_id,
                is_live=payment.is_live,
                token_encrypted=encrypt_text(card.token),
                token_fingerprint=token,
                # What a webhook says of the shopper is unsigned: a token swapped for another's must not work.
                shopper_reference=shopper_reference,
                created_at=now,
                revoked_at=RevokedToken.objects.filter(account=payment.account, token_fingerprint=token)
                .values_list("revoked_at", flat=True)
                .first(),
                **details,
            )
        ],
        ignore_conflicts=True,
    )
    kept = ReusableCard.objects.select_for_update(of=("self",)).get(
        partner_id=payment.partner_id, is_live=payment.is_live, account=payment.account, token_fingerprint=token
    )
    if kept.shopper_reference != shopper_reference:
        log.warning("card_of_another_shopper", payment=payment.reference, account=payment.account.slug)
        return
    _fill_in(kept, details)
    if opening is not None:
        keep_consent(card=kept, opening=opening, given_at=now)


def _details(card: Card, payment: Payment) -> dict[str, str | int | None]:
    """Return what is known of a card: as the news says, or as the gateway said of the payment it was used for."""
    found: dict[str, str | int | None] = {
        "brand": card.brand[:40],
        "bin": card.bin[:8],
        "last4": card.last4,
        "expiry_month": card.expiry_month,
        "expiry_year": card.expiry_year,
    }
    if card.last4:
        return found
    paid = Transaction.objects.filter(payment=payment, status="PROCESSED").exclude(card_last4="")
    seen = paid.order_by("-requested_at").values_list("card_brand", "card_last4", "card_expiry").first()
    if seen is not None:
        brand, last4, expiry = seen
        year, _, month = expiry.partition("-")
        found |= {
            "brand": brand or found["brand"],
            "last4": last4,
            "expiry_month": int(month) if month else None,
            "expiry_year": int(year) if year else None,
        }
    return found


def _fill_in(kept: ReusableCard, details: dict[str, str | int | None]) -> None:
    """Take over what was not known of a card, and a later expiry: the bank gave out a new card under the same token."""
    if not details["last4"] or kept.last4 not in ("", details["last4"]):
        return
    expiry = (details["expiry_year"] or 0, details["expiry_month"] or 0)
    is_later = expiry > (kept.expiry_year or 0, kept.expiry_month or 0)
    changed = {
        name: value
        for name, value in details.items()
        if value and (not getattr(kept, name) or (name.startswith("expiry_") and is_later))
    }
    if not kept.last4 and details["brand"]:
        changed["brand"] = details["brand"]
    if changed:
        ReusableCard.objects.filter(pk=kept.pk).update(**changed)


def shopper_reference_of(payment: Payment) -> str:
    """Return the name under which a gateway keeps this guest's cards: the customer's, or the order's own."""
    customer_id = payment.order.customer_id
    return f"c-{customer_id}" if customer_id else f"o-{payment.order_id}"


def usable_cards(*, order: Order, account: GatewayAccount, now: datetime) -> list[ReusableCard]:
    """Return the cards that may pay an order: kept on it, or on another order of the same customer, with consent; never
    revoked, expired or another's.
    """
    return [card for card in _cards_of(order, account).order_by("created_at") if not is_expired(card, now=now)]


def card_for_order(*, order: Order, account: GatewayAccount, card_id: str, now: datetime) -> ReusableCard:
    """Return the card of that id if it may pay the order, locked: it cannot be revoked before the caller commits.

    :raises InvalidCard: no such card of this gateway, partner and mode, or it has expired, was revoked, or nobody
        agreed to its being charged.
    """
    wanted = _uuid(card_id)
    found = _cards_of(order, account).select_for_update(of=("self",)).filter(pk=wanted).first() if wanted else None
    if found is None or is_expired(found, now=now):
        raise InvalidCard("The card is not one that can be used for this order.")
    return found


def check_payment_token(*, order: Order, account: GatewayAccount, token: str) -> None:
    """Refuse a token, sent as that of a card just entered, that stands for a card which was kept for somebody else.

    Whoever had a guest enter a card knows its token, and it charges that card for as long as it is kept.

    :raises InvalidCard: it was kept, and may not pay this order: another guest's or partner's, revoked, or without
        consent.
    """
    key = fingerprint(token)
    is_kept = ReusableCard.objects.filter(account=account, token_fingerprint=key).exists()
    is_revoked = RevokedToken.objects.filter(account=account, token_fingerprint=key).exists()
    if is_revoked or (is_kept and not _cards_of(order, account).filter(token_fingerprint=key).exists()):
        raise InvalidCard("The card is not one that can be used for this order.")


def card_for_partner(*, partner: Partner, is_live: bool, card_id: str) -> ReusableCard:
    """Return a partner's card of one mode, revoked or not.

    :raises InvalidCard: there is none; another partner's looks the same.
    """
    wanted = _uuid(card_id)
    cards = ReusableCard.objects.filter(partner=partner, is_live=is_live, consents__isnull=False).distinct()
    found = cards.select_related("account").filter(pk=wanted).first() if wanted else None
    if found is None:
        raise InvalidCard("There is no such card.")
    return found


def follow_customer(*, order: Order, previous_id: UUID | None) -> None:
    """Let the cards of a guest who had no name go to the customer that the order was given to.

    A card of a named customer stays with that customer: it may pay this order, as before, and no other of the new one.
    """
    if previous_id is None or previous_id == order.customer_id:
        return
    ReusableCard.objects.filter(customer_id=previous_id, customer__reference="").update(customer_id=order.customer_id)


def card_token(card: ReusableCard) -> str:
    """Return the token to charge; it must go nowhere but to the gateway."""
    return decrypt_text(card.token_encrypted)


def revoke_card(*, card: ReusableCard, requested_by: str, now: datetime) -> CardRevocation:
    """Make a card unusable here at once, and write down that it is to be deleted at the gateway.

    Whatever happens there leaves it unusable here. Revoking again lets a deletion that was given up be tried anew.
    """
    with database.atomic():
        locked = ReusableCard.objects.select_for_update(of=("self",)).get(pk=card.pk)
        if locked.revoked_at is None:
            locked.revoked_at = now
            locked.save(update_fields=["revoked_at"])
        revocation, is_new = CardRevocation.objects.get_or_create(
            card=locked,
            defaults={"requested_by": requested_by[:150], "requested_at": now, "next_attempt_at": now},
        )
        if not is_new and revocation.done_at is None and revocation.next_attempt_at is None:
            revocation.attempts, revocation.next_attempt_at = 0, now
            revocation.save(update_fields=["attempts", "next_attempt_at"])
    return revocation


def revoke_by_token(*, account: GatewayAccount, token: str, now: datetime) -> None:
    """Mark a card the gateway says it has deleted; one we have not heard of yet will be no use when we do."""
    key = fingerprint(token)
    with database.atomic():
        RevokedToken.objects.bulk_create(
            [RevokedToken(account=account, token_fingerprint=key, revoked_at=now)], ignore_conflicts=True
        )
        gone = ReusableCard.objects.filter(account=account, token_fingerprint=key)
        gone.filter(revoked_at__isnull=True).update(revoked_at=now)
        CardRevocation.objects.filter(card__in=gone, done_at__isnull=True).update(done_at=now, next_attempt_at=None)


def take_card_news(
    *, account: GatewayAccount, kind_is_deletion: bool, card: Card, is_waiting_over: bool, now: datetime
) -> bool:
    """Take in news of a token that names no payment we know; False when a payment of ours may still come to it.

    A deletion is the card's whoever asked for it. A card that changed and names no payment was renewed by its bank, and
    what the news says of it is taken over. Where it says no expiry, the one we know holds unless it is about to run
    out: then it is what was renewed, of the new one we know nothing, and the gateway decides.
    """
    if card.token is None:
        return True
    if kind_is_deletion:
        revoke_by_token(account=account, token=card.token, now=now)
        return True
    asked = Opening.objects.filter(account=account, shopper_reference=card.shopper_reference or "-")
    if not is_waiting_over and asked.exists():
        return False
    known = ReusableCard.objects.filter(account=account, token_fingerprint=fingerprint(card.token))
    if card.last4:
        known.update(last4=card.last4)
    if card.expiry_year and card.expiry_month:
        known.update(expiry_year=card.expiry_year, expiry_month=card.expiry_month)
    else:
        soon = now + _RENEWED_BEFORE_ITS_END
        runs_out = Q(expiry_year__lt=soon.year) | Q(expiry_year=soon.year, expiry_month__lte=soon.month)
        known.filter(runs_out).update(expiry_year=None, expiry_month=None)
    return True


def is_expired(card: ReusableCard, *, now: datetime) -> bool:
    """Say whether the card's last month is over everywhere on earth; a card without an expiry never expires here."""
    if card.expiry_year is None or card.expiry_month is None:
        return False
    last_place = now - _LAST_ZONE_BEHIND_UTC
    return (card.expiry_year, card.expiry_month) < (last_place.year, last_place.month)


def _cards_of(order: Order, account: GatewayAccount) -> QuerySet[ReusableCard]:
    consents = CardConsent.objects.filter(card=OuterRef("pk"))
    whose = Exists(consents.filter(order=order)) | (
        Q(customer_id=order.customer_id) if order.customer_id else Q(pk__in=[])
    )
    return ReusableCard.objects.filter(
        whose,
        Exists(consents),
        ~Exists(RevokedToken.objects.filter(account=account, token_fingerprint=OuterRef("token_fingerprint"))),
        partner_id=order.partner_id,
        is_live=order.is_live,
        account=account,
        revoked_at__isnull=True,
    )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
