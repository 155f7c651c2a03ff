"""Sell gift vouchers. A gift alone is an order of one; spending one is the business of payments."""

import json
from dataclasses import asdict
from datetime import datetime
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.utils.crypto import salted_hmac

from bookings.errors import (
    BookingError,
    CurrencyNotOffered,
    GiftHoldExpired,
    GiftNotNotifiable,
    GiftNotUpdatable,
    GiftUuidTaken,
    InvalidValue,
    SettlementMethodNotAllowed,
)
from bookings.free_text import LONGEST_REASON, clean_text
from bookings.models import (
    BookingStatus,
    Gift,
    MailKind,
    Order,
    OrderKind,
    OutgoingMail,
    Partner,
    Price,
    SettlementMethod,
)
from bookings.offers import uuid_from_text
from bookings.requests import GiftChanges, GiftRequest, OrderRequest
from bookings.rules import has_run_out, is_gift_sold
from bookings.services.carts import join_order, locked_order_to_join, new_order
from bookings.services.changes import touch_order, write_changes
from bookings.services.customers import customer_for
from bookings.services.gift_changes import apply_gift_changes, check_gift_amount, set_gift_contact, set_gift_text
from bookings.services.gift_holds import address_of, end_gifts, gifts_under_lock, language_of
from bookings.services.holds import hold_until
from bookings.services.mails import write_another_mail
from bookings.services.numbering import new_reference
from bookings.services.orders import bookings_under_lock, holds_of, lock_order, set_expiry, settle_status
from money import Money


def create_gift(*, partner: Partner, is_live: bool, request: GiftRequest, now: datetime) -> Gift:
    """Hold a gift for a partner until it is paid, on an order of its own or on the one that is named.

    Idempotent on `request.uuid` as a reservation is: a repeat returns the same gift as it stands now.

    :raises GiftUuidTaken: the partner used the uuid for other content.
    :raises BookingError: what is wrong with the wish; nothing was written.
    """
    uuid, fingerprint = gift_uuid_of(request), fingerprint_of_gift(request)
    try:
        with transaction.atomic():
            return _create(partner, is_live, request, uuid or uuid4(), fingerprint, now)
    except (BookingError, IntegrityError):
        made_earlier = _made_earlier(partner, is_live, uuid, fingerprint) if uuid else None
        if made_earlier is None:
            raise
        return made_earlier


@transaction.atomic
def update_gift(*, gift: Gift, changes: GiftChanges, now: datetime) -> Gift:
    """Change a gift; what it is worth only while it is on hold.

    :raises GiftHoldExpired: the hold's time is over.
    :raises GiftNotUpdatable: it is neither held nor confirmed, or its amount is fixed.
    :raises BookingError: what is wrong with the changes; nothing was changed.
    """
    order, _, gift = _locked(gift)
    before = gift.amount_minor
    if apply_gift_changes(order=order, gift=gift, changes=changes, now=now):
        gift.save()
        touch_order(order, now=now, fields=["return_url", "expires_at"])
        changed = {} if before == gift.amount_minor else {"amount_minor": before}
        write_changes(order=order, bookings=(), gifts=[gift], reason="updated", now=now, before=changed)
    return gift


@transaction.atomic
def extend_gift(*, gift: Gift, minutes: int, now: datetime) -> Gift:
    """Let a gift's hold run this many minutes from now, up to the house's cap; a hold is never made shorter.

    :raises GiftHoldExpired: the hold's time is over.
    :raises GiftNotUpdatable: it is not on hold.
    """
    order, _, gift = _locked(gift)
    until = hold_until(now=now, minutes=minutes)
    if has_run_out(gift, now=now):
        raise GiftHoldExpired(str(gift.uuid))
    if gift.status != BookingStatus.ON_HOLD or gift.expires_at is None:
        raise GiftNotUpdatable(str(gift.uuid), f"it is {gift.status} and holds nothing")
    if until > gift.expires_at:
        # All that an order holds runs out together.
        set_expiry(order, holds_of(bookings_under_lock(order)), until=until, now=now, reason="extended")
        gift.expires_at = until
    return gift


@transaction.atomic
def cancel_gift(*, gift: Gift, reason: str | None, now: datetime) -> Gift:
    """Cancel a gift nobody has paid with; its code is worth nothing from then on. The refund is payments' business.

    :raises GiftNotCancellable: it is neither held nor confirmed, or some of it is spent; nothing was changed.
    """
    cancellation_reason = clean_text("reason", reason or "", longest=LONGEST_REASON)
    order, gifts, gift = _locked(gift)
    was = {"status": str(gift.status)}
    end_gifts([gift], reason=cancellation_reason, now=now)
    touch_order(order, now=now, fields=settle_status(order, bookings_under_lock(order), gifts))
    write_changes(order=order, bookings=(), gifts=[gift], reason="cancelled", now=now, before=was)
    return gift


@transaction.atomic
def notify_gift(*, gift: Gift, to: str | None, language: str | None, now: datetime) -> OutgoingMail:
    """Mail a confirmed gift's code once more; while such a mail waits to go out, it is the one.

    :raises GiftNotNotifiable: there is no code to be mailed, or nobody to mail it to.
    """
    _, _, gift = _locked(gift)
    if not is_gift_sold(gift):
        raise GiftNotNotifiable(str(gift.uuid), f"it is {gift.status}")
    address = to or address_of(gift)
    if not address:
        raise GiftNotNotifiable(str(gift.uuid), "neither recipient nor contact has an e-mail address")
    return write_another_mail(
        kind=MailKind.GIFT_CODE,
        to=address,
        language=language or language_of(gift),
        order=gift.order,
        gift=gift,
        now=now,
    )


def _locked(gift: Gift) -> tuple[Order, list[Gift], Gift]:
    order = lock_order(order_id=gift.order_id)
    gifts = gifts_under_lock(order)
    return order, gifts, next(one for one in gifts if one.pk == gift.pk)


def _create(partner: Partner, is_live: bool, request: GiftRequest, uuid: UUID, fingerprint: str, now: datetime) -> Gift:
    if request.order_id is not None:
        order = locked_order_to_join(partner, is_live, request.order_id, now)
        return _join(order, request, uuid, fingerprint, now)
    wish = OrderRequest(return_url=request.return_url, expiration_minutes=request.expiration_minutes)
    order = new_order(
        partner=partner,
        is_live=is_live,
        request=wish,
        currency=_currency_for(request.currency),
        settlement_method=_settlement_method_for(partner, request.settlement_method),
        kind=OrderKind.GIFT,
        now=now,
    )
    gift = draft_gift(order, request, uuid=uuid, fingerprint=fingerprint, now=now)
    words = ("full_name", "first_name", "last_name", "email", "phone")
    buyer = {word: getattr(gift, f"contact_{word}") for word in words}
    order.customer = customer_for(
        partner=partner, is_live=is_live, booking=None, reference=None, now=now, contact=buyer
    )
    order.save(force_insert=True)
    order.was_just_made = True
    gift.save(force_insert=True)
    write_changes(order=order, bookings=(), gifts=[gift], reason="reserved", now=now)
    return gift


def _join(order: Order, request: GiftRequest, uuid: UUID, fingerprint: str, now: datetime) -> Gift:
    """Add a gift to a locked order."""
    join_order(order, bookings_under_lock(order), request, currency=request.currency or order.currency, now=now)
    gift = draft_gift(order, request, uuid=uuid, fingerprint=fingerprint, now=now)
    gift.save(force_insert=True)
    touch_order(order, now=now, fields=["expires_at", "return_url", "kind"])
    write_changes(order=order, bookings=(), gifts=[gift], reason="reserved", now=now, order_reason="gift_added")
    return gift


def draft_gift(order: Order, request: GiftRequest, *, uuid: UUID, fingerprint: str, now: datetime) -> Gift:
    """Return the gift a wish asks for, held until the order's hold ends; nothing is saved.

    :raises BookingError: what is wrong with the wish.
    """
    check_gift_amount(Money(request.amount_minor, order.currency))
    gift = Gift(
        uuid=uuid,
        reference=new_reference("GF"),
        order=order,
        partner=order.partner,
        is_live=order.is_live,
        amount_minor=request.amount_minor,
        currency=order.currency,
        request_fingerprint=fingerprint,
        language=request.language,
        expires_at=order.expires_at,
        created_at=now,
        updated_at=now,
    )
    for word in ("message", "notes", "reseller_reference", "recipient_full_name", "recipient_email"):
        set_gift_text(gift, word, getattr(request, word))
    set_gift_contact(gift, request.contact)
    return gift


def gift_uuid_of(request: GiftRequest) -> UUID | None:
    """Return the uuid a partner gave a gift.

    :raises InvalidValue: it is none.
    """
    uuid = None if request.uuid is None else uuid_from_text(request.uuid)
    if request.uuid is not None and uuid is None:
        raise InvalidValue("uuid", "is not a uuid")
    return uuid


def fingerprint_of_gift(request: GiftRequest) -> str:
    """Return a keyed digest of the call: names must not be guessable from it."""
    content = json.dumps(asdict(request) | {"uuid": None, "language": None}, sort_keys=True, separators=(",", ":"))
    return salted_hmac("bookings.create_gift", content, algorithm="sha256").hexdigest()


def _currency_for(wanted: str | None) -> str:
    """Return the currency of a gift: one in which something is sold, else nobody could spend it."""
    offered = sorted(
        Price.objects.filter(unit__option__product__is_active=True).values_list("currency", flat=True).distinct()
    )
    if wanted is None and len(offered) == 1:
        return str(offered[0])
    if wanted is None:
        raise InvalidValue("currency", f"is needed; one of {', '.join(offered)}")
    if wanted not in offered:
        raise CurrencyNotOffered(wanted, tuple(offered))
    return wanted


def _settlement_method_for(partner: Partner, wanted: str | None) -> str:
    """Return how a gift is settled: as a booking's is, but never by a deposit."""
    allowed = tuple(method for method in partner.settlement_methods if method != SettlementMethod.DEPOSIT)
    if wanted is None:
        default = partner.default_settlement_method
        wanted = default if default in allowed or not allowed else allowed[0]
    if wanted not in allowed:
        raise SettlementMethodNotAllowed(wanted, allowed)
    return wanted


def _made_earlier(partner: Partner, is_live: bool, uuid: UUID, fingerprint: str) -> Gift | None:
    gift = (
        Gift.objects.filter(partner=partner, is_live=is_live, uuid=uuid)
        .select_related("order__customer", "order__partner", "partner")
        .first()
    )
    if gift is not None and gift.request_fingerprint != fingerprint:
        raise GiftUuidTaken(str(uuid))
    return gift
