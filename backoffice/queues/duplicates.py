"""The queue of charges that look like one wish paid twice."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import F, Q, QuerySet

from backoffice.models import ProbableDuplicate
from backoffice.queues.actions import payment_buttons
from backoffice.queues.queue import Fact, Paths, Queue, Row, Source
from backoffice.queues.trips import NO_TRIP, trips_of
from payments.admin.columns import money_text, moves_real_money, page_of, when_text
from payments.models import Transaction

MAY_DISMISS = "backoffice.change_probableduplicate"


def _open(_now: datetime) -> QuerySet[ProbableDuplicate]:
    """Return the pairs that nobody put aside and that both still have the guest's money, or hold it."""
    return ProbableDuplicate.objects.filter(
        _has_money("charge"), _has_money("twin"), dismissed_at__isnull=True
    ).select_related(
        "charge__payment__order", "charge__payment__partner", "charge__account", "twin__payment__order", "twin__account"
    )


def _has_money(charge: str) -> Q:
    payment = f"{charge}__payment__"
    left = F(f"{payment}refunded_minor") + F(f"{payment}charged_back_minor")
    return Q(**{f"{payment}captured_minor__gt": left}) | Q(**{f"{payment}authorized_minor__gt": 0})


def _show(duplicates: Sequence[ProbableDuplicate], _now: datetime) -> list[Row]:
    trips = trips_of({each.charge.order_id for each in duplicates})
    rows = []
    for each in duplicates:
        charge, payment = each.charge, each.charge.payment
        trip = trips.get(charge.order_id, NO_TRIP)
        rows.append(
            Row(
                name=payment.reference,
                url=page_of(payment),
                detail="The younger of two charges that look like one wish paid twice",
                since=each.found_at,
                amount=money_text(charge.amount_minor, charge.currency),
                guest=trip.guest,
                departs_at=trip.departs_at,
                is_live=moves_real_money(is_live=payment.is_live, account=charge.account),
                partner=str(payment.partner),
                account=charge.account.slug,
                facts=(_fact("Younger", charge), _fact("Older", each.twin)),
                buttons=payment_buttons(payment, "refund", "void"),
                dismissible_id=each.pk,
            )
        )
    return rows


def _fact(name: str, charge: Transaction) -> Fact:
    card = f" · {charge.card_text}" if charge.card_text else ""
    told = f"{when_text(charge.requested_at)} · {charge.account.slug} · {charge.payment.reference}"
    return Fact(name=name, value=f"{told} · order {charge.payment.order.reference}{card}", url=page_of(charge.payment))


PROBABLE_DUPLICATES = Queue(
    slug="probable-duplicates",
    is_urgent=True,
    name="Probable duplicates",
    sentence="The same guest paid the same amount twice within minutes, through payments that no key connects. Ask, "
    "give the younger one back, or put it aside and say why.",
    permission="backoffice.view_probableduplicate",
    sources=(
        Source(
            rows=_open,
            urgency=F("found_at"),
            since="found_at",
            paths=Paths(
                is_live="charge__payment__is_live", partner="charge__payment__partner", account="charge__account"
            ),
            show=_show,
        ),
    ),
)
