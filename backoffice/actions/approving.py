"""Decide a refund that somebody else asked for."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.utils import timezone

from backoffice.actions.action import Action, Done, Line, Preview, Standing, Told
from backoffice.actions.forms import ReasonForm
from backoffice.actions.refunding import due_again_notes, refund_lines, told_of_return
from backoffice.errors import AboveLimit, NotDecidable
from backoffice.models import ApprovalRequest
from backoffice.services.approvals import approve, decline, wish_of
from backoffice.services.limits import allowance_for, refuse_release
from backoffice.services.refunds import preview_refund, version_seen, what_to_know
from payments.admin.columns import when_text


class DecisionAction(Action[ApprovalRequest]):
    """Decide a request; never one's own."""

    permission = "backoffice.approve_refund"

    def rows(self) -> QuerySet[ApprovalRequest]:
        return ApprovalRequest.objects.select_related("order", "payment", "requested_by")

    def makes_sense(self, row: ApprovalRequest, standing: Standing) -> bool:
        return not row.decision and row.expires_at > timezone.now()

    def subject(self, row: ApprovalRequest) -> Model:
        return row.payment or row.order

    def form(self, row: ApprovalRequest, entered: Any) -> forms.Form:
        return ReasonForm(entered)


class Approve(DecisionAction):
    """Approve a refund, which carries it out."""

    name = "approve"
    label = "Approve …"
    done = "approved refund"
    is_grave = True

    def seen(self, row: ApprovalRequest) -> str:
        return str(version_seen(wish_of(row)))

    def preview(self, row: ApprovalRequest, entered: Mapping[str, Any], person: User) -> Preview:
        if row.requested_by_id == person.pk:
            raise NotDecidable("You asked for it yourself: a second person decides.")
        now = timezone.now()
        preview = preview_refund(wish_of(row), now=now)
        refuse_release(person=person, released=preview.released)
        allowance = allowance_for(person=person, order=row.order, now=now)
        if not allowance.covers(preview.total):
            raise AboveLimit(f"You may approve {allowance.in_words()}: this needs somebody with a larger limit.")
        return Preview(
            question=f"Approve that {preview.total} goes back to the guest?",
            button=f"Yes, approve and refund {preview.total}",
            lines=[*_asked(row), *refund_lines(preview)],
            notes=[
                *what_to_know(wish_of(row)),
                *due_again_notes(preview),
                "It is sent at once and cannot be taken back.",
            ],
        )

    def carry_out(self, row: ApprovalRequest, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        returned = approve(
            request_id=row.pk, person=person, reason=entered["reason"], seen=int(seen), clock=timezone.now
        )
        return Done(told=told_of_return(returned), leads_to=self.subject(row))


class Decline(DecisionAction):
    """Say no to a refund."""

    name = "decline"
    label = "Decline …"
    done = "declined refund"

    def preview(self, row: ApprovalRequest, entered: Mapping[str, Any], person: User) -> Preview:
        return Preview(question=f"Decline the {row}?", button="Yes, decline", lines=_asked(row))

    def carry_out(self, row: ApprovalRequest, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        decline(request_id=row.pk, person=person, reason=entered["reason"], now=timezone.now())
        return Done(told=[Told(sentence=f"Declined: {row}. Nothing is sent.")])


def _asked(row: ApprovalRequest) -> list[Line]:
    return [
        Line(name="Asked by", value=row.requested_by.get_username(), detail=when_text(row.requested_at)),
        Line(name="Because of", value=row.reason),
    ]
