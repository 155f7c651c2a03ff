"""A stored card's passport: what it may pay and why, when its guest was last there, and who used it."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from payments.admin.columns import link_to, money_text, page_of, when_text
from payments.admin.contributions import Section, sections_of
from payments.admin.words import OPERATIONS
from payments.models import CardConsent, ReusableCard, Transaction
from payments.services.card_uses import (
    Reach,
    good_until,
    last_with_the_guest,
    orders_for_card,
    reach_of,
    uses_of,
    why_unusable,
)
from payments.states import OperationKind

_MOST = 50


def passport_of(request: HttpRequest, card: ReusableCard) -> dict[str, Any]:
    """Return what a card's page shows above its fields."""
    consents = list(CardConsent.objects.filter(card=card).values_list("order_id", flat=True)[: _MOST + 1])
    reach = reach_of(card)
    unusable = why_unusable(card, has_consent=bool(consents), now=timezone.now())
    return {
        "unusable": unusable,
        "standing": _standing(card, unusable),
        "lines": [
            ("Bound to", f"{card.account} ({card.account.gateway}); no other account or gateway can charge it"),
            ("Mode", "live orders only" if card.is_live else "test orders only"),
            ("Whose", _whose(card)),
            ("Expiry", _expiry(card, reach)),
            ("Guest last there", _last_there(card)),
            ("At the gateway", _at_the_gateway(card)),
        ],
        "sections": [_orders(card, consents), _uses(card), *sections_of(card, request)],
    }


def _standing(card: ReusableCard, unusable: str) -> str:
    said = {
        "revoked": f"Revoked on {when_text(card.revoked_at)}. It stays listed, and nobody can charge it.",
        "no consent": "Nobody agreed to its being charged, and it never is.",
        "expired": "Its last month is over. It stays listed, and is not charged.",
    }
    return said.get(unusable, "It may be charged for the orders below, and for nothing else.")


def _whose(card: ReusableCard) -> str:
    if card.customer is None:
        return "a guest without an account: only the orders it was kept on"
    guest = f"{card.customer.full_name or 'unnamed'} ({card.customer})"
    named = f", whom {card.partner} calls {card.customer.reference}" if card.customer.reference else ""
    return f"{guest} of {card.partner}{named}: that guest's orders"


def _expiry(card: ReusableCard, reach: Reach) -> str:
    """Compare the card's last day with the last day it may be needed on."""
    until = good_until(card)
    needed = {"the latest departure": reach.departure, "the latest balance": reach.balance_due}
    if until is None:
        return "not known: the gateway decides"
    late = [f"{name} is on {day:%Y-%m-%d}, after that" for name, day in needed.items() if day and day > until]
    in_time = [f"{name} is on {day:%Y-%m-%d}" for name, day in needed.items() if day and day <= until]
    return "; ".join([f"good until {until:%Y-%m-%d}", *(late or in_time or ["no departure is waiting"])])


def _last_there(card: ReusableCard) -> str:
    row = last_with_the_guest(card)
    if row is None:
        return "never, as far as we know"
    how = (
        "sent to the bank to prove it (3-D Secure)"
        if getattr(row, "challenge", None) is not None
        else "at the gateway's form, which asks for 3-D Secure where the bank wants it"
    )
    told = f"{when_text(row.decided_at or row.requested_at)}, {how}, while paying "
    return format_html("{}{}", told, link_to(row.payment))


def _at_the_gateway(card: ReusableCard) -> str:
    """Say what became of a revoked card there, with what proves it."""
    if card.revoked_at is None:
        return "stored"
    revocation = getattr(card, "revocation", None)
    if revocation is None:
        return f"deleted: the gateway told us so on {when_text(card.revoked_at)}"
    asked = f"revoked by {revocation.requested_by} on {when_text(revocation.requested_at)}"
    if revocation.stays_there:
        return f"{asked}; stays there: the gateway deletes no cards, and nobody charges it from here"
    if revocation.done_at is not None:
        return f"{asked}; the gateway confirmed the deletion on {when_text(revocation.done_at)}"
    if revocation.next_attempt_at is None:
        return f"{asked}; still stored after {revocation.attempts} attempts ({revocation.last_error}): revoke it again"
    return f"{asked}; being deleted, next attempt at {when_text(revocation.next_attempt_at)}"


def _orders(card: ReusableCard, consents: list[Any]) -> Section:
    rows = list(orders_for_card(card).prefetch_related("bookings")[:_MOST])
    return Section(
        anchor="orders",
        title="May pay",
        headers=("order", "bookings", "stands", "why"),
        rows=tuple(
            (
                link_to(order),
                ", ".join(booking.reference for booking in order.bookings.all()) or "–",
                order.status,
                "kept while paying this order" if order.pk in consents else "the same guest's order",
            )
            for order in rows
        ),
        empty="No order: it may pay nothing.",
    )


def _uses(card: ReusableCard) -> Section:
    rows: list[Transaction] = list(uses_of(card)[:_MOST])
    return Section(
        anchor="uses",
        title="Who used it",
        headers=("when", "who asked", "what", "amount", "payment", "became"),
        rows=tuple(
            (
                when_text(row.requested_at),
                row.requested_by or "we",
                format_html('<a href="{}">{}</a>', page_of(row), OPERATIONS[OperationKind(row.kind)]),
                money_text(row.amount_minor, row.currency),
                link_to(row.payment),
                row.status.lower() + (f": {row.error_code}" if row.error_code else ""),
            )
            for row in rows
        ),
        empty="Nobody charged it since it is stored.",
        url=f"{reverse('admin:payments_transaction_changelist')}?card__exact={card.pk}",
    )
