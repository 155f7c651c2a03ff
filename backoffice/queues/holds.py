"""The queue of money that is held on guests' cards and will not be there any more when they travel."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F, QuerySet, Value

from backoffice.queues.actions import payment_buttons
from backoffice.queues.queue import OF_PAYMENT, Fact, Queue, Row, Source
from backoffice.queues.trips import NO_TRIP, departure_of, trips_of
from payments.admin.columns import money_text, moves_real_money, page_of, when_text
from payments.models import Transaction
from payments.services.surplus import unused_holds

_VALIDITY = ExpressionWrapper(F("account__authorization_days") * Value(timedelta(days=1)), output_field=DurationField())


def _lapsing(now: datetime) -> QuerySet[Transaction]:
    """Return the holds that lapse, by what their account says, before a departure that is still to come.

    One is as old as the wish for it: the gateway's own clock began then at the earliest.
    """
    holds = unused_holds(Transaction.objects.filter(payment__authorized_minor__gt=0))
    return (
        holds.annotate(
            lapses_at=ExpressionWrapper(F("requested_at") + _VALIDITY, output_field=DateTimeField()),
            departs_at=departure_of("order"),
        )
        .filter(departs_at__gt=now, departs_at__gte=F("lapses_at"))
        .select_related("payment__order", "payment__partner", "account")
    )


def _show(holds: Sequence[Transaction], _now: datetime) -> list[Row]:
    trips = trips_of({hold.order_id for hold in holds})
    return [
        Row(
            name=hold.payment.reference,
            url=page_of(hold.payment),
            detail=f"held {hold.account.authorization_days} days at most",
            since=hold.requested_at,
            due_at=hold.lapses_at,  # type: ignore[attr-defined]  # annotated
            amount=money_text(hold.amount_minor, hold.currency),
            guest=trips.get(hold.order_id, NO_TRIP).guest,
            departs_at=hold.departs_at,  # type: ignore[attr-defined]  # annotated
            is_live=moves_real_money(is_live=hold.payment.is_live, account=hold.account),
            partner=str(hold.payment.partner),
            account=hold.account.slug,
            facts=(Fact(name="Held since", value=when_text(hold.requested_at), url=page_of(hold)),),
            buttons=payment_buttons(hold.payment, "capture", "void"),
        )
        for hold in holds
    ]


LAPSING_HOLDS = Queue(
    slug="lapsing-holds",
    is_urgent=True,
    name="Holds that lapse before departure",
    sentence="Money is held on a card and the processor lets go of it before the guest travels: capture it in time, or "
    "collect anew.",
    permission="payments.view_payment",
    sources=(Source(rows=_lapsing, urgency=F("lapses_at"), since="requested_at", paths=OF_PAYMENT, show=_show),),
    due_label="Lapses",
)
