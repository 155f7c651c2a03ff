"""What people do about cases: take one on, let go of it, write a note, close it with a reason.

Each is a row that stays. A case that is closed while its cause is still there comes back by itself, as a new one.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import transaction as database

from card_numbers import mask_card_numbers
from payments.errors import CaseIsClosed, CaseIsTaken, NothingWritten
from payments.models import Case, CaseKind, CaseStep, CaseStepKind
from payments.services.cases import close_case


def steps_of(case_ids: Collection[int]) -> dict[int, list[CaseStep]]:
    """Return what people did about each of these cases, oldest first; one that nobody touched is left out."""
    steps: dict[int, list[CaseStep]] = {}
    for step in CaseStep.objects.filter(case__in=case_ids).order_by("id"):
        steps.setdefault(step.case_id, []).append(step)
    return steps


def holder_among(steps: Sequence[CaseStep]) -> str:
    """Return who has a case of which these steps were taken, oldest first; "" where nobody has it."""
    for step in reversed(steps):
        if step.kind in (CaseStepKind.TAKEN, CaseStepKind.RELEASED):
            return step.by if step.kind == CaseStepKind.TAKEN else ""
    return ""


@database.atomic
def take_case(*, case_id: int, by: str, holder_seen: str, now: datetime) -> Case:
    """Make an open case somebody's, taking it over from whoever the caller saw to have it ("": nobody).

    :raises CaseIsClosed: nothing is left to do.
    :raises CaseIsTaken: somebody else took it meanwhile; nothing was written.
    """
    case = _open_under_lock(case_id)
    holder = _holder(case_id)
    if holder not in (holder_seen, by):
        raise CaseIsTaken(f"{holder or 'Nobody'} has it by now; look again.")
    if holder != by:
        _write(case, CaseStepKind.TAKEN, by, "", now)
    return case


@database.atomic
def release_case(*, case_id: int, by: str, now: datetime) -> Case:
    """Let go of a case, for somebody else to take.

    :raises CaseIsClosed: nothing is left to do.
    :raises CaseIsTaken: the caller does not have it.
    """
    case = _open_under_lock(case_id)
    if _holder(case_id) != by:
        raise CaseIsTaken("You do not have it.")
    _write(case, CaseStepKind.RELEASED, by, "", now)
    return case


@database.atomic
def note_on_case(*, case_id: int, by: str, text: str, now: datetime) -> Case:
    """Add a note to an open case; card numbers in it are masked.

    :raises CaseIsClosed: a case that is dealt with is not written on.
    :raises NothingWritten: the note is empty.
    """
    case = _open_under_lock(case_id)
    _write(case, CaseStepKind.NOTED, by, _words(text), now)
    return case


@database.atomic
def close_case_for_reason(*, case_id: int, by: str, reason: str, now: datetime) -> Case:
    """Take a case off everybody's list and keep why; card numbers in the reason are masked.

    :raises CaseIsClosed: somebody else did, or its cause is gone.
    :raises NothingWritten: there is no reason.
    """
    case = _open_under_lock(case_id)
    _write(case, CaseStepKind.CLOSED, by, _words(reason), now)
    close_case(payment=case.payment, kind=CaseKind(case.kind), closed_by=by, now=now)
    return case


def _open_under_lock(case_id: int) -> Case:
    case = Case.objects.select_for_update(of=("self",)).select_related("payment").get(pk=case_id)
    if case.closed_at is not None:
        raise CaseIsClosed(f"{case.closed_by or 'Somebody'} has closed it.")
    return case


def _holder(case_id: int) -> str:
    return holder_among(steps_of([case_id]).get(case_id, []))


def _words(text: str) -> str:
    words = mask_card_numbers(" ".join(text.split()))[:500]
    if not words:
        raise NothingWritten("Write a few words.")
    return words


def _write(case: Case, kind: CaseStepKind, by: str, text: str, now: datetime) -> None:
    CaseStep.objects.create(case=case, kind=kind, by=by[:150], text=text, at=now)
