"""Reopen a month that somebody else closed."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from backoffice.actions.action import Action, Done, Line, Preview, Standing, Told
from backoffice.actions.discrepancy_forms import WhyForm
from payments.admin.columns import when_text
from payments.models import ClosedPeriod
from payments.services.periods import last_closing, refuse_own, reopen_month


class ReopenMonth(Action[ClosedPeriod]):
    """Open the last closed month again."""

    name = "reopen-month"
    label = "Reopen …"
    done = "reopened month"
    permission = "payments.close_period"
    is_grave = True

    def rows(self) -> QuerySet[ClosedPeriod]:
        return ClosedPeriod.objects.all()

    def makes_sense(self, row: ClosedPeriod, standing: Standing) -> bool:
        last = last_closing()
        return row.reopened_at is None and last is not None and last.pk == row.pk

    def form(self, row: ClosedPeriod, entered: Any) -> forms.Form:
        return WhyForm(entered)

    def seen(self, row: ClosedPeriod) -> str:
        return str(row.reopened_at)

    def preview(self, row: ClosedPeriod, entered: Mapping[str, Any], person: User) -> Preview:
        refuse_own(row, by=person.get_username())
        return Preview(
            question=f"Reopen {row}?",
            button=f"Yes, reopen {row}",
            lines=[Line(name="Closed by", value=row.closed_by, detail=when_text(row.closed_at))],
            notes=["What is posted then can count in it again, and reports of it can change until it is closed anew."],
        )

    def carry_out(self, row: ClosedPeriod, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        reopen_month(month=row.month, by=person.get_username(), because=entered["reason"], now=timezone.now())
        return Done(told=[Told(sentence=f"{row} is open again.")])
