"""Open something a guest can pay: row first, then the wire, then the door; the same key for every retry."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction as database
from django.db.models import Case, F, When
from django.db.models.functions import Coalesce

from bookings.models import Order
from bookings.pay_links import link_return_address
from gateways.errors import AnswerLost, GatewayError, NotSent
from gateways.protocol import Capability, Gateway, Opened, OpenRequest, Outcome, OutcomeKind, Reference, Source
from gateways.registry import gateway_for
from money import Money
from payments.encryption import encrypt_json
from payments.metrics import gateway_call
from payments.models import CaseKind, Opening, OpeningStatus, Payment, PaymentLink
from payments.models.claims import claim_row, lease_end
from payments.references import new_reference
from payments.services.cards import shopper_reference_of
from payments.services.cases import open_case
from payments.services.consents import consent_text_for
from payments.services.operations import Clock, next_check
from payments.services.outages import note_not_sent
from payments.services.transitions import record_opened

log = structlog.get_logger(__name__)
# Where what a client needs holds the address of the gateway's own page; no gateway has a name with a colon.
PAGE = "our:page"
# Where it holds what a guest is told who may have a card kept.
CONSENT = "our:consent"
# A session with less than this left is no use to a guest who has to find a card first.
_LEAST_USEFUL = timedelta(seconds=60)
# What a gateway refused to open it would refuse again: a read asks no sooner, however often it is repeated.
_REFUSED_RESTS = timedelta(seconds=60)
# A gateway may take a moment longer than we to let something expire.
LAST_WORD_GRACE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Say by which link a guest pays, and whether the gateway's own page is where the guest does."""

    link: PaymentLink
    is_hosted: bool = False


def usable_opening(payment: Payment, *, order: Order, now: datetime, place: Place | None = None) -> Opening | None:
    """Return the Opening a guest can be sent to now, or the one whose opening was never answered: it keeps its key.

    It is one of the partner's page, or of the `place`. One that is nearly over is used on when a new one could not last
    longer, because the hold ends too.
    """
    newest = (
        Opening.objects.filter(
            payment=payment,
            status__in=[OpeningStatus.REQUESTED, OpeningStatus.OPEN],
            amount_minor=payment.amount_minor,
            surcharge_minor=payment.surcharge_minor,
            return_url="" if place is not None else order.return_url,
            link=place.link if place is not None else None,
            is_hosted=place is not None and place.is_hosted,
            # One that was opened for another customer would show, and keep, another guest's cards.
            shopper_reference__in=["", shopper_reference_of(payment)],
            expires_at__gt=now,
        )
        .order_by("-created_at")
        .first()
    )
    if newest is None or newest.expires_at > now + _LEAST_USEFUL:
        return newest
    lasts_as_long_as_the_hold = order.expires_at is not None and newest.expires_at >= order.expires_at - _LEAST_USEFUL
    return newest if lasts_as_long_as_the_hold else None


def was_just_refused(payment: Payment, now: datetime) -> bool:
    """Say whether the gateway refused a moment ago to open something for a payment: our fault, and a case for staff."""
    recent = payment.openings.filter(status=OpeningStatus.FAILED, created_at__gt=now - _REFUSED_RESTS)
    return recent.exists()


def new_opening(
    *,
    payment: Payment,
    order: Order,
    channel: str,
    locale: str,
    now: datetime,
    place: Place | None = None,
) -> Opening:
    """Write the row of something to open, claimed by the caller, who commits and then calls `open_at_gateway`.

    It never outlives the order's hold. The guest pays on the partner's page, or at the `place`.
    """
    longest = gateway_for(payment.account).longest_opening_seconds or settings.PAYMENTS["SESSION_LIFETIME_SECONDS"]
    expires_at = now + timedelta(seconds=min(longest, settings.PAYMENTS["SESSION_LIFETIME_SECONDS"]))
    if order.expires_at is not None:
        expires_at = min(expires_at, order.expires_at)
    reference = new_reference("cpo")
    account = payment.account
    is_storing = account.stores_cards and Capability.STORE_CARD in gateway_for(account).capabilities
    return Opening.objects.create(
        payment=payment,
        account=payment.account,
        reference=reference,
        idempotency_key=reference,
        amount_minor=payment.amount_minor,
        surcharge_minor=payment.surcharge_minor,
        currency=payment.currency,
        return_url="" if place is not None else order.return_url,
        link=place.link if place is not None else None,
        is_hosted=place is not None and place.is_hosted,
        channel=channel,
        locale=locale,
        shopper_reference=shopper_reference_of(payment) if is_storing else "",
        consent_text=consent_text_for(account=account, locale=locale, now=now) if is_storing else None,
        expires_at=expires_at,
        claim_number=1,
        claimed_until=lease_end(now),
        created_at=now,
    )


def claim_opening(*, opening_id: UUID, now: datetime) -> Opening | None:
    """Take an Opening that nobody is sending; None when somebody is."""
    if not claim_row(Opening.objects.filter(pk=opening_id, status=OpeningStatus.REQUESTED), now):
        return None
    return Opening.objects.select_related("payment", "account", "consent_text").get(pk=opening_id)


def open_at_gateway(*, opening: Opening, country_code: str, clock: Clock) -> bool:
    """Ask the gateway to open what the caller has claimed; say whether a guest can pay it now."""
    payment = opening.payment
    gateway = gateway_for(opening.account)
    request = OpenRequest(
        reference=opening.reference,
        idempotency_key=opening.idempotency_key,
        money=Money(opening.amount_minor, opening.currency),
        return_url=link_return_address(opening.link_id) if opening.link_id is not None else opening.return_url,
        source=Source(payment.source),
        captures_at_once=payment.captures_at_once,
        expires_at=opening.expires_at,
        channel=opening.channel,
        country_code=country_code,
        locale=opening.locale,
        shopper_reference=opening.shopper_reference,
        stores_card=opening.consent_text is not None,
        is_hosted=opening.is_hosted,
    )
    try:
        with gateway_call(gateway=gateway.slug, operation="open"):
            opened = gateway.open(request)
    except (NotSent, AnswerLost) as error:
        _postpone(opening, error, clock())
        if isinstance(error, NotSent):
            note_not_sent(account=opening.account, now=clock())
        return False
    except GatewayError as error:
        _give_up(opening, error, clock())
        return False
    now = clock()
    answer = Outcome(
        kind=OutcomeKind.ACTION_REQUIRED,
        reference=Reference(ours=opening.reference, opening=opened.gateway_reference),
        event_key=opened.gateway_reference,
        occurred_at=now,
        raw=opened.raw,
    )
    learned: dict[str, Any] = {
        "status": OpeningStatus.OPEN,
        "gateway_reference": opened.gateway_reference,
        "client_encrypted": encrypt_json({**opened.client, **_page_of(opened), **_consent_of(opening)}),
        "expires_at": min(opening.expires_at, opened.expires_at),
        "claimed_until": None,
        "unknown_since_at": None,
        # Where the gateway can be asked, what ends without a word is asked about.
        "next_check_at": _first_look_at(gateway, min(opening.expires_at, opened.expires_at)),
        "checks_made": 0,
        "last_error": "",
    }
    with database.atomic():
        record_opened(opening=opening, answer=answer, now=now)
        # Another worker may have sent it with the same key after this claim ran out: both got the same answer.
        is_open = Opening.objects.filter(pk=opening.pk, status=OpeningStatus.REQUESTED).update(**learned) == 1
    if is_open:
        for name, value in learned.items():
            setattr(opening, name, value)
    else:
        opening.refresh_from_db()
    return opening.status == OpeningStatus.OPEN


def _page_of(opened: Opened) -> dict[str, Any]:
    return {PAGE: opened.redirect_url} if opened.redirect_url else {}


def _consent_of(opening: Opening) -> dict[str, Any]:
    """Return what the guest's page must show beside the wish to keep the card; nothing where cards are not kept."""
    text = opening.consent_text
    return {CONSENT: {"text": text.text, "language": text.language}} if text is not None else {}


def _first_look_at(gateway: Gateway, expires_at: datetime) -> datetime | None:
    return expires_at + LAST_WORD_GRACE if Capability.FETCH in gateway.capabilities else None


def close_openings(*, order: Order, link: PaymentLink | None = None) -> None:
    """Stop offering what a guest could still pay on an order, or only by one link; a payment that comes all the same is
    booked by the door.
    """
    openings = Opening.objects.filter(payment__order=order)
    if link is not None:
        openings = openings.filter(link=link)
    openings.filter(status__in=[OpeningStatus.REQUESTED, OpeningStatus.OPEN]).update(
        status=OpeningStatus.CLOSED,
        client_encrypted=None,
        # What is open at the gateway is asked about all the same once it has ended there.
        next_check_at=Case(When(status=OpeningStatus.OPEN, then=F("next_check_at"))),
    )


def _postpone(opening: Opening, error: GatewayError, now: datetime) -> None:
    """Keep the Opening for another try with the same key; unknown when the gateway may have opened it."""
    log.warning("opening_postponed", opening=opening.reference, error=type(error).__name__)
    changes: dict[str, object] = {
        "claimed_until": None,
        "last_error": str(error)[:300],
        "next_check_at": next_check(opening.checks_made, now),
        "checks_made": F("checks_made") + 1,
    }
    if isinstance(error, AnswerLost):
        changes["unknown_since_at"] = Coalesce("unknown_since_at", now)
    Opening.objects.filter(pk=opening.pk, claim_number=opening.claim_number, status=OpeningStatus.REQUESTED).update(
        **changes
    )


def _give_up(opening: Opening, error: GatewayError, now: datetime) -> None:
    log.error("opening_rejected", opening=opening.reference, error=str(error)[:200])
    open_case(
        payment=opening.payment,
        kind=CaseKind.REJECTED_BY_GATEWAY,
        detail=f"opening {opening.reference}: {error}",
        now=now,
    )
    Opening.objects.filter(pk=opening.pk, claim_number=opening.claim_number).update(
        status=OpeningStatus.FAILED, claimed_until=None, next_check_at=None, last_error=str(error)[:300]
    )
