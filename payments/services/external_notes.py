"""What is written about payments taken elsewhere: added to, never changed."""

from datetime import datetime

from django.db import transaction as database

from card_numbers import mask_card_numbers
from payments.errors import NoteAmended
from payments.models import ExternalNote


@database.atomic
def amend_note(*, note: ExternalNote, text: str, evidence: str, written_by: str, now: datetime) -> ExternalNote:
    """Add a note that corrects one, and return it; card numbers in it are masked.

    :raises NoteAmended: somebody did so before; what they wrote is what can be amended now.
    """
    locked = ExternalNote.objects.select_for_update(of=("self",)).get(pk=note.pk)
    if ExternalNote.objects.filter(amends=locked).exists():
        raise NoteAmended("The note was amended already; look at what is said now, and amend that.")
    return ExternalNote.objects.create(
        payment_id=locked.payment_id,
        transaction_id=locked.transaction_id,
        amends=locked,
        text=mask_card_numbers(text)[:500],
        evidence=mask_card_numbers(evidence)[:300],
        written_by=written_by[:150],
        written_at=now,
    )


def redact_note(*, note: ExternalNote, text: str, evidence: str, now: datetime) -> None:
    """Black out what must not be kept, a card's number or a person; the note says since when something is missing."""
    ExternalNote.objects.filter(pk=note.pk).update(text=text[:500], evidence=evidence[:300], redacted_at=now)
