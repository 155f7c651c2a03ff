"""What happened to a payment, in one table: read in a constant number of queries."""

from django.db.models import Case as Choice
from django.db.models import Value, When

from payments.admin import happenings
from payments.admin.answer import payments_with_open_charges
from payments.admin.contributions import moments_of
from payments.admin.history import MOST, History, list_of
from payments.admin.moments import Moment, MomentKind
from payments.models import ExternalNote, GatewayEvent, Opening, Payment, Transaction
from payments.states import Status


def history_of(payment: Payment) -> History:
    """Read what happened to a payment, oldest first; of each kind the newest."""
    history = History(payment=payment)
    others = Payment.objects.filter(order_id=payment.order_id).exclude(pk=payment.pk)
    history.others = list(others.order_by("-number")[:MOST])
    history.undecided_elsewhere = payments_with_open_charges(payment.order_id)
    history.openings = history.newest(
        payment.openings.defer("client_encrypted"), "-created_at", name="payment pages", url=list_of(Opening, payment)
    )
    # What is undecided comes first: it must be asked about, however much has happened since.
    undecided_first = Choice(When(status=Status.PENDING, then=Value(0)), default=Value(1))
    history.operations = {
        row.pk: row
        for row in history.newest(
            payment.transactions.select_related("challenge", "card").defer("card__token_encrypted"),
            undecided_first,
            "-requested_at",
            name="operations",
            url=list_of(Transaction, payment),
        )
    }
    history.events = history.newest(
        payment.events.all(), "-id", name="words of the gateway", url=list_of(GatewayEvent, payment)
    )
    history.notes = history.newest(
        payment.external_notes.all(), "-id", name="notes", url=list_of(ExternalNote, payment)
    )
    moments = [
        *happenings.openings(history.openings),
        *happenings.operations(history.operations),
        *happenings.events(history),
        *happenings.entries(history),
        *happenings.deliveries(history),
        *happenings.changes(history),
        *happenings.cases(history),
        *happenings.notes(history.notes),
        *happenings.disputes(history),
        *moments_of(payment),
    ]
    history.moments = sorted(moments, key=lambda moment: (moment.at, moment.rank))
    return history


def chosen(moments: list[Moment], *, kind: str, newest_first: bool) -> list[Moment]:
    """Return the moments of one kind, or all where the kind is none of ours, in the order a reader wants."""
    kept = [moment for moment in moments if moment.kind == kind] if kind in set(MomentKind) else moments
    return kept[::-1] if newest_first else kept
