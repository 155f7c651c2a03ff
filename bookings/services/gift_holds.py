"""What happens to the gifts of an order together with it; every function is called under the order's lock."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import QuerySet

from bookings.errors import GiftNotCancellable
from bookings.gift_codes import set_code
from bookings.mailing import mail_language
from bookings.models import BookingStatus, Gift, MailKind, MailStatus, Order, OutgoingMail
from bookings.rules import is_gift_cancellable, may_have_gifts
from bookings.services.mails import write_mail
from bookings.services.numbering import new_reference

# 16 characters out of 30: 78 bits, which nobody guesses at any speed we answer.
_RANDOM_CHARACTERS = 16
_GROUP = 4
_SAVED = ["status", "expires_at", "confirmed_at", "updated_at", "code_encrypted", "code_fingerprint", "code_suffix"]


def gifts_of(order: Order) -> Iterable[Gift]:
    """Return the gifts bought on an order by their ids alone, to tell of them; an order for one booking has none."""
    return order.gifts.only("pk", "order") if may_have_gifts(order) else ()


def gifts_under_lock(order: Order) -> list[Gift]:
    """Lock the gifts that were bought on a locked order, against those who spend them, and return them.

    An order made for one booking has none, and is not asked.
    """
    if not may_have_gifts(order):
        return []
    gifts = list(Gift.objects.select_for_update(of=("self",)).filter(order=order).order_by("pk"))
    for gift in gifts:
        gift.order = order
        gift.partner = order.partner
    return gifts


def held_gifts(gifts: Iterable[Gift]) -> list[Gift]:
    """Return those that are on hold."""
    return [gift for gift in gifts if gift.status == BookingStatus.ON_HOLD]


def confirm_gifts(gifts: Sequence[Gift], *, now: datetime) -> None:
    """Confirm gifts on hold, give them their codes, and write the mails that bring them."""
    for gift in gifts:
        gift.status = BookingStatus.CONFIRMED
        gift.confirmed_at = gift.updated_at = now
        gift.expires_at = None
        set_code(gift, _new_code(gift))
    save_gifts(gifts)
    for gift in gifts:
        if address_of(gift):
            # The code itself is read when the mail goes out.
            write_mail(
                kind=MailKind.GIFT_CODE,
                subject_key=f"gift:{gift.pk}",
                to=address_of(gift),
                language=language_of(gift),
                order=gift.order,
                gift=gift,
                now=now,
            )


def expire_gifts(gifts: Sequence[Gift], *, now: datetime) -> None:
    """End gifts on hold whose time is over."""
    _set(gifts, BookingStatus.EXPIRED, now=now)


def end_gifts(gifts: Sequence[Gift], *, reason: str, now: datetime) -> None:
    """Cancel gifts nobody has paid with; their codes are worth nothing from then on, and no mail brings them any more.

    :raises GiftNotCancellable: one is neither held nor confirmed, or some of it is spent; nothing was changed.
    """
    for gift in gifts:
        if not is_gift_cancellable(gift):
            raise GiftNotCancellable(str(gift.uuid), gift.status, is_spent=gift.spent_minor > 0)
    for gift in gifts:
        gift.status = BookingStatus.CANCELLED
        gift.cancelled_at = gift.updated_at = now
        gift.cancellation_reason = reason
        gift.cancellation_refund = "FULL"
        gift.expires_at = None
        gift.save()
    if gifts:
        OutgoingMail.objects.filter(gift__in=gifts, status=MailStatus.WAITING).delete()


def hold_gifts_until(gifts: Sequence[Gift], *, until: datetime, now: datetime) -> None:
    """Hold gifts until then, expired ones too: they have no seats that could be gone."""
    for gift in gifts:
        gift.expires_at = until
    _set(gifts, BookingStatus.ON_HOLD, now=now)


def address_of(gift: Gift) -> str:
    """Return where a gift's code goes: to the recipient, else to whoever bought it; empty when nobody is named."""
    return gift.recipient_email or gift.contact_email


def language_of(gift: Gift) -> str:
    """Return the language of the mails about a gift."""
    return mail_language(*gift.contact_locales, gift.language)


def save_gifts(gifts: Sequence[Gift]) -> None:
    """Save what holds change."""
    if gifts:
        Gift.objects.bulk_update(gifts, _SAVED)


def remember_gifts(order: Order, gifts: Sequence[Gift]) -> None:
    """Let the caller read the gifts that were just written, as if they had been prefetched."""
    prefetched: QuerySet[Gift] = order.gifts.get_queryset()
    # What Django's own prefetch_related_objects leaves behind, without asking the database for what we hold already.
    prefetched._result_cache = list(gifts)
    prefetched._prefetch_done = True  # type: ignore[attr-defined]
    cache = getattr(order, "_prefetched_objects_cache", {})
    order._prefetched_objects_cache = {**cache, "gifts": prefetched}  # type: ignore[attr-defined]


def _new_code(gift: Gift) -> str:
    """Return such as GIFT-7Q2K-MX4H-9ZPD-3RTW; a test gift's code says what it is, and pays for test orders only."""
    prefix, _, random = new_reference("GIFT" if gift.is_live else "TEST", length=_RANDOM_CHARACTERS).partition("-")
    return "-".join([prefix, *(random[start : start + _GROUP] for start in range(0, len(random), _GROUP))])


def _set(gifts: Sequence[Gift], status: BookingStatus, *, now: datetime) -> None:
    for gift in gifts:
        gift.status = status
        gift.updated_at = now
    save_gifts(gifts)
