"""What gateways said: each fact is stored once, and read as `derive` wants it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from bookings.compiled import CompiledQuery
from bookings.prepared import insert_row
from gateways.models import GatewayAccount
from gateways.protocol import Outcome
from gateways.protocol import OutcomeKind as Kind
from payments.models import EventSource, GatewayEvent, Opening, Payment, Transaction
from payments.selectors import CHARGE_KINDS
from payments.states import Fact, OperationKind

_LONGEST_PROBLEM = GatewayEvent._meta.get_field("problem").max_length


_EVENTS = CompiledQuery(
    lambda payment, account, kind, first, corrected: GatewayEvent.objects.filter(
        Q(payment=payment) | Q(account=account, kind=kind, event_key__in=[first, corrected])
    ).order_by("id")
)


def events_of(account: GatewayAccount, payment: Payment, outcome: Outcome) -> list[GatewayEvent]:
    """Return what was said of a payment, and the fact of the news if it was told before: of whatever payment."""
    first, corrected = _keys_of(outcome)
    return _EVENTS.rows(
        payment=payment.pk, account=account.pk, kind=outcome.kind.value, first=first, corrected=corrected
    )


def _keys_of(outcome: Outcome) -> tuple[str, str]:
    """Return the keys under which a fact is stored: as it was told first, and as it was corrected."""
    return outcome.event_key, f"{outcome.event_key}:corrected"


def store_event(
    account: GatewayAccount,
    payment: Payment,
    opening: Opening | None,
    transaction: Transaction | None,
    outcome: Outcome,
    source: EventSource,
    now: datetime,
    events: Sequence[GatewayEvent],
) -> tuple[GatewayEvent, bool]:
    """Insert the event once; return the stored one and whether it is new."""
    # The order's lock is held, so nobody can store the same fact of this payment between the look and the insert; the
    # unique constraint is what holds if a caller ever forgets the lock.
    keys = _keys_of(outcome)
    told = [one for one in events if (one.account_id, one.kind) == (account.pk, outcome.kind) and one.event_key in keys]
    stored = told[-1] if told else None
    event = new_event(account, payment, opening, transaction, outcome, source, now)
    if stored is not None and (not stored.problem or event.problem):
        return stored, False
    if stored is not None:
        event.event_key = keys[1]  # what could not be summed was a wrong word on the same fact
    insert_row(event)
    return event, True


def new_event(
    account: GatewayAccount,
    payment: Payment,
    opening: Opening | None,
    transaction: Transaction | None,
    outcome: Outcome,
    source: EventSource,
    now: datetime,
) -> GatewayEvent:
    """Return what was said, not stored yet."""
    has_other_currency = outcome.money is not None and outcome.money.currency != payment.currency
    return GatewayEvent(
        account=account,
        payment=payment,
        transaction=transaction,
        opening=opening or (transaction.opening if transaction else None),
        kind=outcome.kind,
        event_key=outcome.event_key,
        source=source,
        gateway_reference=outcome.reference.gateway or "",
        amount_minor=outcome.money.minor if outcome.money else None,
        currency=outcome.money.currency if outcome.money else "",
        is_cumulative=outcome.cumulative,
        problem="currency differs" if has_other_currency else outcome.problem[:_LONGEST_PROBLEM],
        decline_code=outcome.decline.code if outcome.decline else "",
        raw_code=outcome.decline.raw_code[:40] if outcome.decline else "",
        raw_text=outcome.decline.raw_text[:300] if outcome.decline else "",
        raw=dict(outcome.raw),
        occurred_at=outcome.occurred_at,
        received_at=now,
    )


def fact_of(event: GatewayEvent, transactions: dict[str, Transaction], openings: dict[UUID, Opening]) -> Fact:
    """Return what an event says, as `derive` reads it; transactions and openings of its payment are given by id."""
    row = transactions.get(str(event.transaction_id)) if event.transaction_id else None
    opening = openings.get(event.opening_id) if event.opening_id else None
    is_charge = row is None or row.kind in CHARGE_KINDS
    attempt, attempted_at = "", None
    if opening is not None and is_charge:
        attempt, attempted_at = str(opening.id), opening.created_at
    elif row is not None and is_charge:
        attempt, attempted_at = str(row.id), row.requested_at
    return Fact(
        operation=str(row.id) if row else "",
        operation_kind=OperationKind(row.kind) if row else None,
        kind=Kind(event.kind),
        key=event.event_key,
        occurred_at=event.occurred_at,
        attempt=attempt,
        attempted_at=attempted_at,
        parent=str(row.parent_id) if row and row.parent_id else "",
        amount_minor=event.amount_minor if event.amount_minor is not None else (row.amount_minor if row else 0),
        is_cumulative=event.is_cumulative,
    )
