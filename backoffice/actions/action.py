"""What every action of staff has in common: a form, a preview, one service call, and a permission of its own."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

from django import forms
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet

from bookings.models import Order
from payments.admin.words import outcome_sentence
from payments.models import Transaction
from payments.selectors import OrderMoney, order_money

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Be one line of what would happen: to whom or what, how much, and what is to be known of it."""

    name: str
    value: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Be what a person is asked to confirm.

    `also` is signed with what was entered: what the confirmation is to rely on and nobody may change in between.
    """

    question: str
    button: str
    lines: Sequence[Line] = ()
    notes: Sequence[str] = ()
    also: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Be one sentence of what came of it, and whether all went as wished."""

    sentence: str
    is_well: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Be what came of an action.

    `leads_to` is whose page shows it, when it is not the subject's; `logged_as` how the audit log calls it, when it is
    not what the action is there to do.
    """

    told: Sequence[Told]
    leads_to: Model | None = None
    logged_as: str = ""


class Standing:
    """Be what several actions ask of one row, read once at most."""

    def __init__(self, row: Model) -> None:
        self._row = row

    @cached_property
    def money(self) -> OrderMoney:
        """Return what the books say of an order."""
        assert isinstance(self._row, Order)
        return order_money(self._row)


class Action(ABC, Generic[Row]):
    """Be one thing that staff can do to one row, on a page of its own.

    `done` is how the audit log calls it; a refusal is logged under the same words with "not" before them,
    and a fault of ours, after which it may be done or not, with "may have".
    """

    name: ClassVar[str]
    label: ClassVar[str]
    done: ClassVar[str]
    permission: ClassVar[str]
    is_grave: ClassVar[bool] = False

    @abstractmethod
    def rows(self) -> QuerySet[Row]:
        """Return the rows it can be done to, with what its page shows of them."""

    @abstractmethod
    def makes_sense(self, row: Row, standing: Standing) -> bool:
        """Say whether there is anything to do now, as the row stands; the service decides all the same."""

    def form(self, row: Row, entered: Any) -> forms.Form:
        """Return what is to be entered; nothing unless an action asks for something."""
        return forms.Form(entered)

    def seen(self, row: Row) -> str:
        """Return the state that a person decides on; a confirmation that finds another one does nothing."""
        return ""

    def subject(self, row: Row) -> Model:
        """Return what the audit log files it under."""
        return row

    @abstractmethod
    def preview(self, row: Row, entered: Mapping[str, Any], person: User) -> Preview:
        """Say what would happen; nothing is written.

        :raises Exception: whatever the service would refuse with; the person is told its words.
        """

    @abstractmethod
    def carry_out(self, row: Row, entered: Mapping[str, Any], person: User, seen: str) -> Done:
        """Call the one service, with what was confirmed."""


def told_of(operations: Sequence[Transaction]) -> list[Told]:
    """Say what became of operations at a gateway."""
    told = []
    for operation in operations:
        sentence, is_well = outcome_sentence(operation)
        told.append(Told(sentence=f"{sentence} ({operation.reference})", is_well=is_well))
    return told
