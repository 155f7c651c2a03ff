from collections.abc import Iterator
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from backoffice.audit import entries_of
from payments.admin.columns import when_text
from payments.admin.contributions import Section
from payments.models import ReusableCard

_MOST = 50


def card_audit(card: ReusableCard, request: HttpRequest) -> Iterator[Section]:
    """Show who looked at a stored card and what was done with it, to who may read the audit log."""
    if not request.user.has_perm("backoffice.view_auditentry"):
        return
    entries = entries_of(card)[:_MOST]
    yield Section(
        anchor="audit",
        title="Who looked at it, and what was done with it",
        headers=("when", "who", "what", "said"),
        rows=tuple((when_text(entry.at), entry.actor, entry.action, entry.detail) for entry in entries),
        empty="Nobody, since it is stored.",
        url=f"{reverse('admin:backoffice_auditentry_changelist')}?{urlencode({'q': str(card.pk)})}",
    )
