"""Agree to a limit that somebody else set, or end one."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from backoffice.actions.action import Action, Done, Line, Preview, Standing, Told
from backoffice.models import RefundLimit
from backoffice.services.agreeing import agree_to_limit, counting_before, end_limit, refuse_agreement
from payments.admin.columns import when_text


class LimitAction(Action[RefundLimit]):
    """Decide a limit of refunds."""

    is_grave = True

    def rows(self) -> QuerySet[RefundLimit]:
        return RefundLimit.objects.select_related("group")

    def seen(self, row: RefundLimit) -> str:
        counts = counting_before(row)
        return f"{row.agreed_at} {row.ended_at} {counts.pk if counts is not None else None}"


class AgreeLimit(LimitAction):
    """Have a limit count that another person set."""

    name = "agree-limit"
    label = "Agree to it …"
    done = "agreed to limit"
    permission = "backoffice.agree_refundlimit"

    def makes_sense(self, row: RefundLimit, standing: Standing) -> bool:
        return row.agreed_at is None and row.ended_at is None

    def preview(self, row: RefundLimit, entered: Mapping[str, Any], person: User) -> Preview:
        refuse_agreement(row, person=person)
        old = counting_before(row)
        return Preview(
            question=f"Agree that {row.group} may give back {row.in_words()} of an order within a day?",
            button="Yes, let it count",
            lines=[
                Line(name="Set by", value=row.set_by, detail=when_text(row.set_at)),
                Line(name="Counts until now", value=old.in_words() if old is not None else "nothing may be given back"),
                Line(name="Counts from now on", value=row.in_words()),
            ],
            notes=["It is for everybody who has the role, and for what they approve of others."],
        )

    def carry_out(self, row: RefundLimit, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        agree_to_limit(row, person=person, now=timezone.now())
        return Done(told=[Told(sentence=f"It counts: {row}.")])


class EndLimit(LimitAction):
    """End a limit, or withdraw what was set and nobody agreed to."""

    name = "end-limit"
    label = "End it …"
    done = "ended limit"
    permission = "backoffice.delete_refundlimit"

    def makes_sense(self, row: RefundLimit, standing: Standing) -> bool:
        return row.ended_at is None

    def preview(self, row: RefundLimit, entered: Mapping[str, Any], person: User) -> Preview:
        counts = row.agreed_at is not None
        return Preview(
            question=f"End the limit ({row})?" if counts else f"Withdraw the limit ({row})?",
            button="Yes, end it" if counts else "Yes, withdraw it",
            notes=[
                f"The role can then give nothing back in {row.currency} until two people have set another limit."
                if counts
                else "What counts now stays."
            ],
        )

    def carry_out(self, row: RefundLimit, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        end_limit(row, person=person, now=timezone.now())
        return Done(told=[Told(sentence=f"Ended: {row}.")])
