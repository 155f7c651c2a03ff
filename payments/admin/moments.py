"""What a payment's timeline is made of: moments of a few kinds, each with its evidence."""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from payments.admin.columns import when_text


class MomentKind(StrEnum):
    """Name who speaks in a moment; the page filters by it."""

    ASKED = "asked"
    SAID = "said"
    POLLED = "polled"
    WEBHOOK = "webhook"
    BOOKED = "booked"
    TOLD = "told"
    STAFF = "staff"


KINDS: dict[MomentKind, str] = {
    MomentKind.ASKED: "What we asked",
    MomentKind.SAID: "What the gateway said",
    MomentKind.POLLED: "Asked again",
    MomentKind.WEBHOOK: "Webhooks",
    MomentKind.BOOKED: "Ledger",
    MomentKind.TOLD: "Told the partner",
    MomentKind.STAFF: "Staff, cases, notes",
}


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Be one line: when, who said or did it, what it means, how much, and where to read on.

    `evidence` are names and values that prove it, `raw` what was kept of the gateway's own words; both are folded.
    `anchor` names the line within its kind, so that somebody can be sent to it.
    """

    at: datetime
    kind: MomentKind
    who: str
    what: str
    anchor: str
    detail: str = ""
    amount: str = ""
    tone: str = ""
    url: str = ""
    evidence: tuple[tuple[str, str], ...] = ()
    raw: Any = None
    rank: int = 5

    @property
    def when(self) -> str:
        """Return the moment to the second, with its zone."""
        return when_text(self.at)

    @property
    def raw_text(self) -> str:
        """Return what was kept of the gateway's own words."""
        return json.dumps(self.raw, indent=2, sort_keys=True, ensure_ascii=False)


def evidence(**facts: object) -> tuple[tuple[str, str], ...]:
    """Return the facts there are, by name; underscores are spaces."""
    return tuple((name.replace("_", " "), str(value)) for name, value in facts.items() if value not in (None, ""))
