"""What a stand-in processor must offer to live in the sandbox, and the nouns it shares with the machinery."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web

from gateways.sandbox.store import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to a processor's API.

    `json` is what a JSON or form-encoded body holds, None when it is neither; `raw` may hold card data.
    """

    operation: str
    method: str
    path: str
    parameters: dict[str, str]
    query: dict[str, str]
    headers: dict[str, str]
    origin: str
    raw: bytes = field(repr=False)
    json: Any = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back: `body` as JSON, or `content` as it is. `notes` goes to the request log only."""

    status: int
    body: Document | None = None
    content: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    notes: Document = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """A webhook ready to be sent; `accepted` is the only status that counts as a receipt, None takes any 2xx."""

    url: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    accepted: int | None = None


class Processor(Protocol):
    """One stand-in processor. One that settles has a `settlement` too, see settling.py."""

    slug: str
    operations: frozenset[str]
    account_kinds: frozenset[str]

    def routes(self) -> Sequence[web.RouteDef]:
        """Return the API, the pages and the processor's own control routes."""

    def compose(self, wish: Document) -> tuple[str, str, Document]:
        """Return account, event and signed item of a hand-made webhook."""

    def fault_answer(self, fault: str) -> Answer:
        """Return this processor's own way of saying error, unavailable or in_progress."""

    def dispatch(self, delivery: Document) -> Dispatch | None:
        """Address one webhook delivery; None when the account has nowhere to send it."""

    def sign(self, account: str, item: Document) -> Document:
        """Return the webhook item with the signature that the account's key gives it."""

    def spoil(self, account: str, item: Document, fault: str) -> Document:
        """Return the webhook item wrongly signed, or correctly signed over a wrong amount or currency."""

    def retry_wait(self, attempts: int) -> float | None:
        """Return the seconds from the failed attempt of this number (from 1) to the next, unscaled; None gives up."""

    def money(self) -> list[Document]:
        """Return this processor's own record of money, in minor units."""
