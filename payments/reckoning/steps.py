"""What an explanation is made of: figures, each the sum of its steps."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Be one thing that adds to a figure or takes from it, in minor units; `about` is the row that proves it."""

    sentence: str
    minor: int
    at: datetime | None = None
    about: Model | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Be a figure with how it comes about; it is the sum of its steps and nothing else.

    `told_as` says under which names partners are told it. `notes` say what the steps cannot: what was rounded, and what
    is left out.
    """

    key: str
    title: str
    told_as: str
    currency: str
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()

    @property
    def minor(self) -> int:
        """Return the figure, in minor units."""
        return sum(step.minor for step in self.steps)
