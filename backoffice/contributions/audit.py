"""What the audit log knows of a row, on its page: who looked at a stored card, and what staff did with a payment."""

from collections.abc import Iterator
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from backoffice.audit import MAY_READ_AUDIT, entries_of, reason_for
from payments.admin.columns import when_text
from payments.admin.contributions import Section
from payments.admin.history import MOST
from payments.admin.moments import Moment, MomentKind
from payments.models import Payment, ReusableCard

_MOST = 50


def card_audit(card: ReusableCard, request: HttpRequest) -> Iterator[Section]:
    """Show who looked at a stored card and what was done with it, to who may read the audit log."""
    if not request.user.has_perm(MAY_READ_AUDIT):
        return
    entries = entries_of(card)[:_MOST]
    yield Section(
        anchor="audit",
        title="Who looked at it, and what was done with it",
        headers=("when", "who", "what", "said", "why"),
        rows=tuple(
            (when_text(entry.at), entry.actor, entry.action, entry.detail, reason_for(entry)) for entry in entries
        ),
        empty="Nobody, since it is stored.",
        url=f"{reverse('admin:backoffice_auditentry_changelist')}?{urlencode({'q': str(card.pk)})}",
    )


def staff_moments(payment: Payment) -> Iterator[Moment]:
    """Tell what staff did with a payment, by whichever page, and what was refused them."""
    for entry in entries_of(payment)[:MOST]:
        yield Moment(
            at=entry.at,
            kind=MomentKind.STAFF,
            anchor=f"audit-{entry.pk}",
            who=entry.actor,
            what=": ".join(filter(None, [entry.action.capitalize(), entry.detail, reason_for(entry)])),
            rank=9,
        )
