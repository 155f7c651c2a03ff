"""Have a settlement report fetched again."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from backoffice.actions.action import Action, Done, Line, Preview, Standing, Told
from gateways.models import AnnouncedReport
from payments.admin.columns import when_text
from reconciliation.services.fetching import fetch_again


class FetchReport(Action[AnnouncedReport]):
    """Fetch what a gateway has ready, whether it was fetched before or not."""

    name = "fetch-report"
    label = "Fetch it again …"
    done = "had report fetched again"
    permission = "reconciliation.import_settlement"

    def rows(self) -> QuerySet[AnnouncedReport]:
        return AnnouncedReport.objects.select_related("account")

    def makes_sense(self, row: AnnouncedReport, standing: Standing) -> bool:
        return True

    def seen(self, row: AnnouncedReport) -> str:
        return f"{row.tries} {row.fetched_at}"

    def preview(self, row: AnnouncedReport, entered: Mapping[str, Any], person: User) -> Preview:
        return Preview(
            question="Fetch this report again?",
            button="Yes, fetch it",
            lines=[
                Line(name="From", value=str(row.account)),
                Line(name="Announced", value=when_text(row.announced_at)),
                Line(name="Fetched", value=when_text(row.fetched_at), detail=row.problem),
            ],
            notes=["Lines that were imported before are known and change nothing."],
        )

    def carry_out(self, row: AnnouncedReport, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        if fetch_again(report_id=row.pk, now=timezone.now()):
            return Done(told=[Told(sentence="It is fetched within seconds.")])
        return Done(told=[Told(sentence="It is being fetched at this moment.", is_well=False)])
