"""Who did what and who looked at what, append-only.

Edges of this app write it. Edges below write the admin's own log, and a trigger copies that here: never both at once.
"""

import structlog
from django.db import connection, transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from backoffice.addresses import address_of
from backoffice.models import AuditEntry, AuditReason
from bookings.models import Order
from card_numbers import mask_card_numbers

MAY_READ_AUDIT = "backoffice.view_auditentry"
_LONGEST_WORDS = 200
_LONGEST_REASON = 300
# What these are called is a guest's name or words; the trigger that copies the admin's log leaves them out as well.
_NAMELESS = frozenset({"bookings.customer", "payments.externalnote"})
# One step through an index per value, however many entries share it.
_VALUES_IN_USE = """
WITH RECURSIVE found AS (
    (SELECT {column} AS value FROM backoffice_auditentry ORDER BY {column} LIMIT 1)
    UNION ALL
    SELECT (SELECT {column} FROM backoffice_auditentry WHERE {column} > found.value ORDER BY {column} LIMIT 1)
    FROM found WHERE found.value IS NOT NULL
)
SELECT value FROM found WHERE value IS NOT NULL
"""


@transaction.atomic
def record(
    *,
    actor: str,
    action: str,
    subject: Model | None,
    detail: str = "",
    reason: str = "",
    request: HttpRequest | None = None,
) -> AuditEntry:
    """Keep that somebody did or looked at something, in the transaction under way.

    `detail` names amounts and references, never a guest: entries are kept when a guest's data are erased. `reason` is
    what a person wrote, which is erased with the guest of the order that the subject belongs to.
    """
    entry = _keep(
        actor=actor,
        action=action,
        subject_kind=subject._meta.label_lower if subject is not None else "",
        subject_id=str(subject.pk) if subject is not None else "",
        subject_words=_words(subject),
        detail=detail,
        request=request,
    )
    if text := mask_card_numbers(reason.strip())[:_LONGEST_REASON]:
        AuditReason.objects.create(entry=entry, order=_order_of(subject), text=text)
    return entry


def record_login(*, actor: str, action: str, login_id: str, detail: str, request: HttpRequest | None) -> AuditEntry:
    """Keep what became of a login; its subject is the name that was typed, which nobody can read from its id."""
    return _keep(
        actor=actor,
        action=action,
        subject_kind="login",
        subject_id=login_id,
        subject_words="",
        detail=detail,
        request=request,
    )


def _order_of(subject: Model | None) -> Order | None:
    """Return the order that a thing is, or belongs to."""
    if isinstance(subject, Order):
        return subject
    owner = getattr(subject, "order", None) or getattr(getattr(subject, "payment", None), "order", None)
    return owner if isinstance(owner, Order) else None


def _words(subject: Model | None) -> str:
    if subject is None or subject._meta.label_lower in _NAMELESS:
        return ""
    return mask_card_numbers(str(subject))[:_LONGEST_WORDS]


def _keep(
    *,
    actor: str,
    action: str,
    subject_kind: str,
    subject_id: str,
    subject_words: str,
    detail: str,
    request: HttpRequest | None,
) -> AuditEntry:
    return AuditEntry.objects.create(
        at=timezone.now(),
        actor=mask_card_numbers(actor),
        action=action,
        subject_kind=subject_kind,
        subject_id=subject_id,
        subject_words=subject_words,
        detail=mask_card_numbers(detail),
        request_id=str(structlog.contextvars.get_contextvars().get("request_id", "")),
        address=address_of(request) if request is not None else None,
    )


def entries_of(subject: Model) -> QuerySet[AuditEntry]:
    """Return what was done with one thing and why, the newest first."""
    entries = AuditEntry.objects.filter(subject_kind=subject._meta.label_lower, subject_id=str(subject.pk))
    return entries.select_related("given_reason").order_by("-at")


def reason_for(entry: AuditEntry) -> str:
    """Return why somebody did something; "" where nobody said."""
    given = getattr(entry, "given_reason", None)
    return given.text if given is not None else ""


def actors_in_use() -> list[str]:
    """Return everybody of whom there are entries."""
    return _values_in_use("actor")


def actions_in_use() -> list[str]:
    """Return every action of which there are entries."""
    return _values_in_use("action")


def kinds_in_use() -> list[str]:
    """Return every kind of thing of which there are entries."""
    return _values_in_use("subject_kind")


def _values_in_use(column: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_VALUES_IN_USE.format(column=column))
        return [value for (value,) in cursor.fetchall()]
