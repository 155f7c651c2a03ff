"""Spreedly's Core API over our HTTP client, and what its answers mean for money.

Source: Spreedly docs, "Response codes", and the errors that its reference shows for each call.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from gateways.errors import AnswerLost, Busy, KeyRefused, NotSent, Rejected
from gateways.http import HttpAnswer, HttpClient

# What no key of Spreedly's is made of.
_KEY = re.compile(r"[^a-z0-9_.]|[0-9]{4,}")
# Spreedly found the processor behind it down, and did not try. Source: Spreedly docs, "Response codes".
_NOT_TRIED = "errors.circuit_breaker_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Be one of the errors for which Spreedly stopped a call before any processor heard of it."""

    key: str
    attribute: str = ""
    message: str = field(default="", repr=False)


class Stopped(Rejected):
    """Say that Spreedly itself refused a call (404, or 422 with errors): no processor was asked."""

    def __init__(self, text: str, problems: tuple[Problem, ...]) -> None:
        super().__init__(text)
        self.problems = problems


class NotFound(Stopped):
    """Say that Spreedly knows no such thing (404)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """Be the API of one Spreedly environment, and the one of its gateways that an account stands for."""

    base_url: str
    environment_key: str
    access_secret: str = field(repr=False)
    gateway_token: str = field(repr=False)
    http_client: HttpClient = field(repr=False)

    @property
    def gateway_path(self) -> str:
        """Return where this gateway's own calls are."""
        return f"/gateways/{self.gateway_token}"

    def is_here(self, transaction: Mapping[str, Any]) -> bool:
        """Say whether a transaction is one of this gateway's, as far as it says."""
        return transaction.get("gateway_token") in (None, self.gateway_token)

    def call(
        self,
        operation: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Make one call and return the answer's JSON object; a processor's refusal is one too.

        :raises NotSent: nothing left, or Spreedly asked no processor; Busy where it was turned away unread.
        :raises AnswerLost: money may have moved.
        :raises Rejected: Spreedly refused; nothing happened. Stopped and NotFound say for what.
        """
        user = base64.b64encode(f"{self.environment_key}:{self.access_secret}".encode()).decode()
        headers = {"Authorization": f"Basic {user}", "Accept": "application/json"}
        sent = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            sent = json.dumps(body).encode()
        url = f"{self.base_url}{path}" + (f"?{urlencode(query)}" if query else "")
        return _meaning(operation, self.http_client.send(operation, method, url, headers=headers, body=sent))


def _meaning(operation: str, answer: HttpAnswer) -> dict[str, Any]:
    status, body = answer.status, answer.json_object()
    problems = _problems(body)
    said = f"spreedly {operation}: HTTP {status}" + "".join(f", {problem.key}" for problem in problems)
    if 200 <= status < 300 and body is not None:
        return body
    if status == 422 and body is not None and isinstance(body.get("transaction"), dict):
        if body["transaction"].get("succeeded") is True:
            raise AnswerLost(f"{said}, of a transaction that succeeded")
        return body
    if status == 429:
        raise Busy(said)
    if status == 503 and any(problem.key == _NOT_TRIED for problem in problems):
        raise NotSent(said)
    if status == 404:
        raise NotFound(said, problems)
    if status == 422 and problems:
        raise Stopped(said, problems)
    if status in (401, 402, 403):
        # 402 is an environment that is not paid for or not activated, and no bank's answer.
        raise KeyRefused(said)
    if 400 <= status < 500 and status not in (408, 409, 422):
        raise Rejected(said)
    raise AnswerLost(said)


def _problems(body: Mapping[str, Any] | None) -> tuple[Problem, ...]:
    listed = body.get("errors") if body is not None else None
    if not isinstance(listed, list):
        return ()
    return tuple(
        Problem(
            key=_KEY.sub("", str(each.get("key") or ""))[:80],
            attribute=str(each.get("attribute") or "")[:40],
            message=str(each.get("message") or ""),
        )
        for each in listed
        if isinstance(each, Mapping)
    )
