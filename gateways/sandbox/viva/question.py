"""One authenticated request to either API."""

from dataclasses import dataclass, field
from typing import Any

from gateways.sandbox.processor import Call
from gateways.sandbox.viva.accounts import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A call whose merchant is known."""

    call: Call
    account: Account
    body: dict[str, Any] = field(repr=False)
