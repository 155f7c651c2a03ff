"""Agree to a limit that somebody else set, or end one."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from backoffice.actions.action import Action, Done, Line, Preview, Standing, Told
from backoffice.models import AgreedLimit, RefundLimit, WriteOffLimit
from backoffice.services.agreeing import agree_to_limit, counting_before, end_limit, refuse_agreement
from payments.admin.columns import when_text


class LimitAction(Action[AgreedLimit]):
    """Decide a limit; of refunds, unless it says otherwise."""

    is_grave = True
    kind: ClassVar[type[AgreedLimit]] = RefundLimit
    may: ClassVar[str] = "give back {} of an order within a day"
    otherwise: ClassVar[str] = "nothing may be given back"

    def rows(self) -> QuerySet[AgreedLimit]:
        return self.kind._default_manager.select_related("group")

    def seen(self, row: AgreedLimit) -> str:
        counts = counting_before(row)
        return f"{row.agreed_at} {row.ended_at} {counts.pk if counts is not None else None}"


class AgreeLimit(LimitAction):
    """Have a limit count that another person set."""

    name = "agree-limit"
    label = "Agree to it …"
    done = "agreed to limit"
    permission = "backoffice.agree_refundlimit"

    def makes_sense(self, row: AgreedLimit, standing: Standing) -> bool:
        return row.agreed_at is None and row.ended_at is None

    def preview(self, row: AgreedLimit, entered: Mapping[str, Any], person: User) -> Preview:
        refuse_agreement(row, person=person)
        old = counting_before(row)
        return Preview(
            question=f"Agree that {row.group} may {self.may.format(row.in_words())}?",
            button="Yes, let it count",
            lines=[
                Line(name="Set by", value=row.set_by, detail=when_text(row.set_at)),
                Line(name="Counts until now", value=old.in_words() if old is not None else self.otherwise),
                Line(name="Counts from now on", value=row.in_words()),
            ],
            notes=["It is for everybody who has the role, and for what they approve of others."],
        )

    def carry_out(self, row: AgreedLimit, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        agree_to_limit(row, person=person, now=timezone.now())
        return Done(told=[Told(sentence=f"It counts: {row}.")])


class EndLimit(LimitAction):
    """End a limit, or withdraw what was set and nobody agreed to."""

    name = "end-limit"
    label = "End it …"
    done = "ended limit"
    permission = "backoffice.delete_refundlimit"

    def makes_sense(self, row: AgreedLimit, standing: Standing) -> bool:
        return row.ended_at is None

    def preview(self, row: AgreedLimit, entered: Mapping[str, Any], person: User) -> Preview:
        counts = row.agreed_at is not None
        return Preview(
            question=f"End the limit ({row})?" if counts else f"Withdraw the limit ({row})?",
            button="Yes, end it" if counts else "Yes, withdraw it",
            notes=[
                f"In {row.currency} {self.otherwise} then by the role, until two people have set another limit."
                if counts
                else "What counts now stays."
            ],
        )

    def carry_out(self, row: AgreedLimit, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        end_limit(row, person=person, now=timezone.now())
        return Done(told=[Told(sentence=f"Ended: {row}.")])


class AgreeWriteOffLimit(AgreeLimit):
    """Have a limit of write-offs count that another person set."""

    name = "agree-write-off-limit"
    permission = "backoffice.agree_writeofflimit"
    kind = WriteOffLimit
    may = "approve that {} of a discrepancy is written off"
    otherwise = "no write-off may be approved"


class EndWriteOffLimit(EndLimit):
    """End a limit of write-offs, or withdraw what was set and nobody agreed to."""

    name = "end-write-off-limit"
    permission = "backoffice.delete_writeofflimit"
    kind = WriteOffLimit
    otherwise = "no write-off may be approved"
