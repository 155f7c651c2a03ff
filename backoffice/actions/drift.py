"""Read the drift of an account when somebody asks."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from backoffice.actions.action import Action, Done, Preview, Standing, Told
from backoffice.actions.discrepancy_forms import MAY_WORK
from money import Money
from reconciliation.models import SettlementSource
from reconciliation.services.drift import read_drift


class ReadDrift(Action[SettlementSource]):
    """Read the drift of an account now, and not in the night."""

    name = "read-drift"
    label = "Read the drift now …"
    done = "read drift"
    permission = MAY_WORK

    def rows(self) -> QuerySet[SettlementSource]:
        return SettlementSource.objects.filter(account__isnull=False).select_related("account")

    def makes_sense(self, row: SettlementSource, standing: Standing) -> bool:
        return row.account_id is not None

    def preview(self, row: SettlementSource, entered: Mapping[str, Any], person: User) -> Preview:
        return Preview(
            question=f"Read what {row} holds, and what explains it?",
            button="Yes, read it",
            notes=["It reads all that the account ever moved: some seconds for a million entries."],
        )

    def carry_out(self, row: SettlementSource, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        readings = read_drift(source=row, now=timezone.now())
        return Done(
            told=[
                Told(
                    sentence=f"{each.currency}: {Money(each.unexplained_minor, each.currency)} is unexplained of "
                    f"{Money(each.balance_minor, each.currency)}.",
                    is_well=not each.unexplained_minor,
                )
                for each in readings
            ]
            or [Told(sentence="It holds nothing.")]
        )
