"""CardGate's two hosts over HTTP, and what their statuses mean for money.

Source: the vendor's "Payment invoices" and "Card payments with tokenisation". No sample of an error body is published:
JSON:API's `errors` and the `error_codes` of an older page are both read, and nothing else is relied on.
"""

import base64
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from gateways.errors import AnswerLost, Busy, KeyRefused, NotSent, Rejected
from gateways.http import HttpClient
from gateways.scrubbing import mask_numbers

# Less than this is not worth a call.
_LEAST_SECONDS = 0.1
# How far back a lost invoice is looked for. The vendor documents no filter, only that invoices are listed.
_PAGES = 3
# Tokens are longer than every reference of ours and id of theirs.
_LIKE_A_TOKEN = re.compile(r"[\w.~+/=-]{30,}")


class Refused(Rejected):
    """Say that CardGate understood who we are and refused the request itself (400, 409, 422, ...).

    `fields` are the attributes it complained of; `words` its own text, for staff.
    """

    def __init__(self, text: str, *, status: int, fields: frozenset[str], words: str) -> None:
        super().__init__(f"{text}, {words}" if words else text)
        self.status = status
        self.fields = fields
        self.words = words

    @property
    def is_about_reference(self) -> bool:
        """Say whether it may be a `reference_id` that was used before."""
        said = self.words.casefold()
        return self.status == 409 or "reference_id" in self.fields or "duplicat" in said or "reference_id" in said

    @property
    def is_about_token(self) -> bool:
        """Say whether it is the card's token that cannot be used."""
        return "token" in self.fields and "reference_id" not in self.fields


class NotFound(Rejected):
    """Say that CardGate knows no such thing (404)."""


class Deadline:
    """Keep all calls of one verb within the time that one call may take."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left."""
        return self._ends_at - time.monotonic()


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """Be the private API of one commerce account, and the Cardgate host that charges tokens."""

    base_url: str
    cardgate_base_url: str
    authorization: str
    http_client: HttpClient
    seconds: float

    def __repr__(self) -> str:
        return f"Api({self.base_url!r})"

    def deadline(self) -> Deadline:
        """Return the time for one verb, beginning now."""
        return Deadline(self.seconds)

    def create(self, operation: str, attributes: Mapping[str, Any], until: Deadline) -> dict[str, Any]:
        """Make an invoice; a `reference_id` that was used before is refused."""
        body = {"data": {"type": "payment-invoices", "attributes": attributes}}
        return self._call(operation, "POST", self._invoices(), until, body=body)

    def show(self, operation: str, invoice_id: str, until: Deadline) -> dict[str, Any]:
        """Read one invoice."""
        return self._call(operation, "GET", f"{self._invoices()}/{quote(invoice_id, safe='')}", until)

    def find(self, operation: str, reference: str, until: Deadline) -> dict[str, Any] | None:
        """Look for an invoice by our reference among the newest; None means that it is not among these."""
        url = self._invoices()
        for _ in range(_PAGES):
            page = self._call(operation, "GET", url, until)
            rows = page.get("data")
            if not isinstance(rows, list):
                raise AnswerLost(f"cardgate {operation}: the answer is no list of invoices")
            for row in rows:
                attributes = row.get("attributes") if isinstance(row, Mapping) else None
                if isinstance(attributes, Mapping) and attributes.get("reference_id") == reference:
                    return {"data": row}
            links = page.get("links")
            following = links.get("next") if isinstance(links, Mapping) else None
            if not isinstance(following, str) or not following:
                return None
            url = urljoin(url, following)
            if urlsplit(url)[:2] != urlsplit(self.base_url)[:2]:
                # The credentials go nowhere else.
                return None
        return None

    def refund(self, operation: str, invoice_id: str, attributes: Mapping[str, Any], until: Deadline) -> dict[str, Any]:
        """Ask for a refund of an invoice."""
        body = {"data": {"type": "refund", "id": invoice_id, "attributes": attributes}}
        return self._call(
            operation, "POST", f"{self._invoices()}/{quote(invoice_id, safe='')}/refund", until, body=body
        )

    def sell(self, operation: str, token: str, until: Deadline) -> dict[str, Any]:
        """Begin the charge of an invoice that was made with a card's token; `token` is the invoice's own."""
        body = {"data": {"type": "sale-operation", "attributes": {}}}
        url = f"{self.cardgate_base_url.rstrip('/')}/payment/sale"
        return self._call(operation, "POST", url, until, body=body, authorization=f"Bearer {token}")

    def _invoices(self) -> str:
        return f"{self.base_url.rstrip('/')}/payment-invoices"

    def _call(
        self,
        operation: str,
        method: str,
        url: str,
        until: Deadline,
        *,
        body: Mapping[str, Any] | None = None,
        authorization: str = "",
    ) -> dict[str, Any]:
        left = until.left()
        if left < _LEAST_SECONDS:
            raise NotSent(f"cardgate {operation}: no time is left for another call")
        client = replace(
            self.http_client,
            connect_seconds=min(self.http_client.connect_seconds, left),
            read_seconds=min(self.http_client.read_seconds, left),
            total_seconds=min(self.http_client.total_seconds, left),
        )
        headers = {"Authorization": authorization or self.authorization, "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        answer = client.send(
            operation, method, url, headers=headers, body=None if body is None else json_text(body).encode()
        )
        document = answer.json_object()
        if 200 <= answer.status < 300 and document is not None:
            return document
        raise _meaning(operation, answer.status, document)


def basic_authorization(account_id: str, api_key: str) -> str:
    """Return the Authorization header of the private API."""
    return "Basic " + base64.b64encode(f"{account_id}:{api_key}".encode()).decode()


def json_text(value: Any) -> str:
    """Write JSON with exact decimals as its numbers, which the library cannot: it would go by way of a float."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(name))}:{json_text(item)}" for name, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(json_text, value)) + "]"
    return json.dumps(value)


def _meaning(operation: str, status: int, document: Mapping[str, Any] | None) -> Exception:
    said = f"cardgate {operation}: HTTP {status}"
    if status == 429:
        return Busy(said)
    if status in (401, 403):
        return KeyRefused(said)
    if status == 404:
        return NotFound(said)
    if 400 <= status < 500 and status != 408:
        fields, words = _complaints(document or {})
        return Refused(said, status=status, fields=fields, words=words)
    return AnswerLost(f"{said}, which does not say what happened")


def _complaints(document: Mapping[str, Any]) -> tuple[frozenset[str], str]:
    fields: set[str] = set()
    words: list[str] = []
    listed = document.get("errors")
    for error in listed if isinstance(listed, list) else ():
        if not isinstance(error, Mapping):
            continue
        source = error.get("source")
        pointer = source.get("pointer") if isinstance(source, Mapping) else None
        if isinstance(pointer, str):
            fields.add(mask_numbers(pointer.rpartition("/")[2]))
        words += [error[name] for name in ("title", "detail") if isinstance(error.get(name), str)]
    codes = document.get("error_codes")
    words += [code for code in (codes if isinstance(codes, list) else ()) if isinstance(code, str)]
    text = _LIKE_A_TOKEN.sub("***", mask_numbers(": ".join(dict.fromkeys(words))))
    return frozenset(fields), text[:200]
