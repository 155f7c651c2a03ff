"""What partners want to be told, and where."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from api.callbacks.addresses import looked_up_within, read_url
from api.callbacks.errors import SubscriptionExists, SubscriptionNotFound, TooManySubscriptions
from api.models import OPEN_CALLBACKS, SUBSCRIBED_EVENTS, CallbackEvent, CallbackStatus, Delivery, Subscription
from bookings.encryption import decrypt_text, encrypt_text, fingerprint
from bookings.models import Partner
from payments.encryption import decrypt_json, encrypt_json

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionWish:
    """Be what a partner asks of a subscription; None leaves a field as it is, or at its default."""

    event: str | None = None
    url: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    capabilities: tuple[str, ...] = ()
    retries_on_error: bool | None = None
    uses_contact_language: bool | None = None


def subscribe(*, partner: Partner, is_live: bool, wish: SubscriptionWish, now: datetime) -> Subscription:
    """Tell a partner of an event at an address from now on; the same event and address again are the same subscription.

    :raises AddressRefused: we do not connect there.
    :raises TooManySubscriptions: there are as many as one partner may have.
    """
    assert wish.event is not None
    assert wish.url is not None
    check_address(wish.url)
    digest = fingerprint(wish.url)
    mine = subscriptions_for_partner(partner=partner, is_live=is_live)
    known = mine.filter(event=wish.event, url_fingerprint=digest).first()
    if known is not None:
        # A repeat after a lost answer says everything again: what it leaves out is back at its default.
        return _changed(known, _with_defaults(wish), now=now)
    most = settings.CALLBACKS["MOST_SUBSCRIPTIONS"]
    if mine.count() >= most:
        raise TooManySubscriptions(most)
    subscription = Subscription(
        partner=partner, is_live=is_live, event=wish.event, created_at=now, updated_at=now, headers_encrypted=None
    )
    _apply(subscription, _with_defaults(wish), now=now)
    try:
        with transaction.atomic():
            subscription.save(force_insert=True)
    except IntegrityError:
        # The same call came twice at once; the other one made it.
        return mine.get(event=wish.event, url_fingerprint=digest)
    log.info(
        "callback_subscribed", subscription=str(subscription.pk), event_name=wish.event, host=subscription.url_host
    )
    return subscription


def subscription_of_invoices(*, partner: Partner, is_live: bool, url: str, now: datetime) -> Subscription:
    """Return the wish to be told of invoices at an address: one for all invoices that name it, so that a receiver that
    fails is left alone as a whole. Its address was checked by `check_address`.
    """
    wanted = {"partner": partner, "is_live": is_live, "event": CallbackEvent.INVOICE_UPDATE}
    known = Subscription.objects.filter(**wanted, url_fingerprint=fingerprint(url), ended_at__isnull=True)
    found = known.first()
    if found is not None:
        return found
    new = Subscription(**wanted, created_at=now, updated_at=now)
    _apply(new, _with_defaults(SubscriptionWish(url=url)), now=now)
    # Of two calls that name a new address at once, the second takes the first one's row.
    Subscription.objects.bulk_create([new], ignore_conflicts=True)
    return known.get()


def change_subscription(*, subscription: Subscription, wish: SubscriptionWish, now: datetime) -> Subscription:
    """Change what is told, where and how; its capabilities are those of this wish.

    :raises AddressRefused: we do not connect there.
    :raises SubscriptionExists: another one tells the same event at the same address.
    """
    if wish.url is not None:
        check_address(wish.url)
    return _changed(subscription, wish, now=now)


def end_subscription(*, subscription: Subscription, now: datetime) -> None:
    """Tell nothing any more, forget address and headers, and drop what was waiting; the log of deliveries stays.

    :raises SubscriptionNotFound: it was ended before.
    """
    with transaction.atomic():
        ended = Subscription.objects.filter(pk=subscription.pk, ended_at__isnull=True).update(
            ended_at=now, updated_at=now, url_encrypted=None, headers_encrypted=None
        )
        if not ended:
            raise SubscriptionNotFound(str(subscription.pk))
        Delivery.objects.filter(subscription=subscription, status__in=OPEN_CALLBACKS).update(
            status=CallbackStatus.DROPPED, next_attempt_at=None, ended_at=now, last_error="unsubscribed"
        )
    log.info("callback_unsubscribed", subscription=str(subscription.pk), host=subscription.url_host)


def end_subscriptions_at(
    *, partner: Partner, is_live: bool, url: str, event: str | None, now: datetime
) -> list[Subscription]:
    """End a partner's subscriptions at one address, of one event or of all, and return them.

    :raises SubscriptionNotFound: there is none.
    """
    found = subscriptions_for_partner(partner=partner, is_live=is_live).filter(url_fingerprint=fingerprint(url))
    ending = list(found.filter(event=event) if event else found)
    if not ending:
        raise SubscriptionNotFound(None)
    with transaction.atomic():
        for subscription in ending:
            end_subscription(subscription=subscription, now=now)
    return ending


def subscriptions_for_partner(*, partner: Partner, is_live: bool) -> QuerySet[Subscription]:
    """Return what a partner subscribed to in one mode, oldest first."""
    mine = Subscription.objects.filter(partner=partner, is_live=is_live, ended_at__isnull=True)
    return mine.filter(event__in=SUBSCRIBED_EVENTS).order_by("created_at", "pk")


def subscription_for_partner(*, partner: Partner, is_live: bool, subscription_id: str) -> Subscription:
    """Return one subscription of a partner in one mode.

    :raises SubscriptionNotFound: there is none; another partner's looks the same.
    """
    try:
        wanted = UUID(subscription_id)
    except ValueError:
        raise SubscriptionNotFound(subscription_id) from None
    found = subscriptions_for_partner(partner=partner, is_live=is_live).filter(pk=wanted).first()
    if found is None:
        raise SubscriptionNotFound(subscription_id)
    return found


def url_of(subscription: Subscription) -> str:
    """Return the address, with its password; empty once the subscription has ended."""
    return decrypt_text(subscription.url_encrypted) if subscription.url_encrypted is not None else ""


def headers_of(subscription: Subscription) -> dict[str, str]:
    """Return the partner's own headers, which are secrets."""
    return decrypt_json(subscription.headers_encrypted) if subscription.headers_encrypted is not None else {}


def check_address(url: str) -> None:
    """Refuse where we do not connect to; it looks the host up, so call it outside of any transaction.

    :raises AddressRefused: we do not.
    """
    looked_up_within(read_url(url), seconds=settings.CALLBACKS["LOOK_UP_SECONDS"])


def _with_defaults(wish: SubscriptionWish) -> SubscriptionWish:
    return SubscriptionWish(
        event=wish.event,
        url=wish.url,
        headers=wish.headers or {},
        capabilities=wish.capabilities,
        retries_on_error=wish.retries_on_error is not False,
        uses_contact_language=wish.uses_contact_language is not False,
    )


def _apply(subscription: Subscription, wish: SubscriptionWish, *, now: datetime) -> None:
    if wish.event is not None:
        subscription.event = wish.event
    if wish.url is not None and fingerprint(wish.url) != subscription.url_fingerprint:
        subscription.url_encrypted = encrypt_text(wish.url)
        subscription.url_fingerprint = fingerprint(wish.url)
        subscription.url_host = read_url(wish.url).host
        # Another receiver has not failed yet.
        subscription.failures = 0
        subscription.rests_until = None
    if wish.headers is not None:
        subscription.headers_encrypted = encrypt_json(wish.headers) if wish.headers else None
    subscription.capabilities = list(wish.capabilities)
    if wish.retries_on_error is not None:
        subscription.retries_on_error = wish.retries_on_error
    if wish.uses_contact_language is not None:
        subscription.uses_contact_language = wish.uses_contact_language
    subscription.updated_at = now


_CHANGEABLE = [
    "event",
    "url_encrypted",
    "url_fingerprint",
    "url_host",
    "headers_encrypted",
    "capabilities",
    "retries_on_error",
    "uses_contact_language",
    "failures",
    "rests_until",
    "updated_at",
]


def _changed(subscription: Subscription, wish: SubscriptionWish, *, now: datetime) -> Subscription:
    try:
        with transaction.atomic():
            locked = Subscription.objects.select_for_update().filter(pk=subscription.pk, ended_at__isnull=True).first()
            if locked is None:
                raise SubscriptionNotFound(str(subscription.pk))
            event_before = locked.event
            _apply(locked, wish, now=now)
            locked.save(update_fields=_CHANGEABLE)
            if locked.event != event_before:
                # A booking's delivery cannot be told as an order's.
                Delivery.objects.filter(subscription=locked, status=CallbackStatus.WAITING).update(
                    status=CallbackStatus.DROPPED, next_attempt_at=None, ended_at=now, last_error="another event"
                )
    except IntegrityError:
        raise SubscriptionExists(subscription.url_host) from None
    return locked
