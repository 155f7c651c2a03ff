"""Work on a discrepancy: who has it, what was found out, and that it is explained or open again."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from backoffice.actions.action import Action, Done, Line, Preview, Standing, Told
from backoffice.actions.discrepancy_forms import MAY_WORK, AssignForm, CommentForm, WhyForm, line_words
from money import Money
from payments.admin.columns import when_text
from reconciliation.models import Discrepancy, DiscrepancyState, Resolution
from reconciliation.services import resolving, undoing

MAY_APPROVE = "reconciliation.approve_discrepancies"


class DiscrepancyAction(Action[Discrepancy]):
    """Do something about a discrepancy."""

    permission = MAY_WORK

    def rows(self) -> QuerySet[Discrepancy]:
        return Discrepancy.objects.select_related(
            "source__account",
            "line__batch",
            "line__report",
            "entry__posting",
            "entry__transaction",
            "batch",
            "assignee",
        )

    def makes_sense(self, row: Discrepancy, standing: Standing) -> bool:
        return row.state in (DiscrepancyState.OPEN, DiscrepancyState.ASSIGNED)

    def form(self, row: Discrepancy, entered: Any) -> forms.Form:
        return WhyForm(entered)

    def seen(self, row: Discrepancy) -> str:
        last = row.events.order_by("-id").values_list("pk", flat=True).first()
        return f"{row.state} {last}"


class Assign(DiscrepancyAction):
    """Give it to somebody."""

    name = "assign-discrepancy"
    label = "Assign …"
    done = "assigned discrepancy"

    def makes_sense(self, row: Discrepancy, standing: Standing) -> bool:
        return row.state != DiscrepancyState.CLOSED

    def form(self, row: Discrepancy, entered: Any) -> forms.Form:
        return AssignForm(entered, assignee_id=row.assignee_id)

    def preview(self, row: Discrepancy, entered: Mapping[str, Any], person: User) -> Preview:
        assignee = _person(entered)
        name = assignee.get_username() if assignee is not None else "nobody"
        return Preview(question=f"Give it to {name}?", button="Yes, assign it", lines=about(row))

    def carry_out(self, row: Discrepancy, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        now, assignee = timezone.now(), _person(entered)
        resolving.assign(discrepancy_id=row.pk, assignee=assignee, by=person.get_username(), now=now)
        name = assignee.get_username() if assignee is not None else "nobody"
        return Done(told=[Told(sentence=f"Assigned to {name}.")])


class Comment(DiscrepancyAction):
    """Say something about it."""

    name = "comment-discrepancy"
    label = "Comment …"
    done = "commented on discrepancy"

    def makes_sense(self, row: Discrepancy, standing: Standing) -> bool:
        return True

    def form(self, row: Discrepancy, entered: Any) -> forms.Form:
        return CommentForm(entered)

    def preview(self, row: Discrepancy, entered: Mapping[str, Any], person: User) -> Preview:
        return Preview(
            question="Keep this comment?", button="Yes, keep it", lines=[Line(name="Comment", value=entered["reason"])]
        )

    def carry_out(self, row: Discrepancy, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        resolving.comment(discrepancy_id=row.pk, text=entered["reason"], by=person.get_username(), now=timezone.now())
        return Done(told=[Told(sentence="Kept.")])


class Explain(DiscrepancyAction):
    """Close it with a reason."""

    name = "explain-discrepancy"
    label = "Explain …"
    done = "explained discrepancy"

    def preview(self, row: Discrepancy, entered: Mapping[str, Any], person: User) -> Preview:
        return Preview(
            question="Close it as explained?",
            button="Yes, close it",
            lines=about(row),
            notes=["Nothing moves: what it left in the books stays there."],
        )

    def carry_out(self, row: Discrepancy, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        resolving.explain(discrepancy_id=row.pk, reason=entered["reason"], by=person.get_username(), now=timezone.now())
        return Done(told=[Told(sentence="Closed as explained.")])


class Undo(DiscrepancyAction):
    """Open again what people closed."""

    name = "undo-discrepancy"
    label = "Undo …"
    done = "undid discrepancy"
    permission = MAY_APPROVE
    is_grave = True

    def makes_sense(self, row: Discrepancy, standing: Standing) -> bool:
        return (
            row.state == DiscrepancyState.CLOSED
            and row.resolution != Resolution.ARRIVED
            and resolving.open_proposal(row) is None
        )

    def preview(self, row: Discrepancy, entered: Mapping[str, Any], person: User) -> Preview:
        lines = [*about(row), Line(name="Closed", value=when_text(row.closed_at), detail=row.reason)]
        if not undoing.takes_two_to_undo(row):
            return Preview(
                question=f"Open it again, which was {row.get_resolution_display()}?",
                button="Yes, open it again",
                lines=lines,
            )
        return Preview(
            question=f"Propose to undo that it was {row.get_resolution_display()}?",
            button="Yes, propose it",
            lines=lines,
            notes=[what_undoing_does(row), "Nothing is undone before a second person approves."],
        )

    def carry_out(self, row: Discrepancy, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        wish = {"discrepancy_id": row.pk, "reason": entered["reason"], "by": person.get_username()}
        if undoing.takes_two_to_undo(row):
            undoing.propose_undo(**wish, now=timezone.now())
            told = [Told(sentence="Proposed: a second person decides.")]
            return Done(told=told, logged_as="proposed to undo discrepancy")
        undoing.undo(**wish, now=timezone.now())
        return Done(told=[Told(sentence="It is open again.")])


def what_undoing_does(row: Discrepancy) -> str:
    """Say what becomes of what two people decided once it is undone."""
    if row.resolution == Resolution.WRITTEN_OFF:
        return "What was written off is posted back; the first posting stays."
    return "All that was matched together is free and open again."


def about(row: Discrepancy) -> list[Line]:
    """Return what a discrepancy is, and how much is at stake."""
    subject = line_words(row.line) if row.line is not None else str(row.entry or row.batch)
    return [
        Line(name=row.get_kind_display(), value=amount_of(row), detail=f"{row.source}, since {row.opened_on}"),
        Line(name="About", value="", detail=subject),
    ]


def amount_of(row: Discrepancy) -> str:
    """Return how much is at stake."""
    return str(Money(row.amount_minor, row.currency))


def _person(entered: Mapping[str, Any]) -> User | None:
    return User.objects.get(pk=entered["assignee"]) if entered["assignee"] else None
