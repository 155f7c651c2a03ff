"""Viva's three hosts over HTTP, and what their answers mean for money.

Orders are made and payments verified at the newer API with a bearer token; captures, refunds and look-ups belong to the
older one with the merchant's own key. Neither key works at the other. No call of Viva's can be repeated safely.
"""

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from gateways.adapters.viva.keeping import Kept
from gateways.adapters.viva.transactions import kept
from gateways.errors import AnswerLost, Busy, KeyRefused, NotSent, Rejected
from gateways.http import HttpAnswer, HttpClient, json_object

HOSTS: Mapping[str, Mapping[str, str]] = {
    "test": {
        "accounts": "https://demo-accounts.vivapayments.com",
        "api": "https://demo-api.vivapayments.com",
        "www": "https://demo.vivapayments.com",
    },
    "live": {
        "accounts": "https://accounts.vivapayments.com",
        "api": "https://api.vivapayments.com",
        "www": "https://www.vivapayments.com",
    },
}
# A token lives an hour; it is replaced before it can run out on the way.
_EARLY_SECONDS = 300
_SHORTEST_CALL_SECONDS = 0.2


class NotFound(Rejected):
    """Say that Viva knows no such thing (404)."""


class Refused(Rejected):
    """Say that Viva refused a request (400 or 422); `body` is what may be kept of its answer, which may still tell of a
    transaction.
    """

    def __init__(self, text: str, body: Mapping[str, Any]) -> None:
        super().__init__(text)
        self.body = body


class Deadline:
    """Be the time that all calls of one verb have together, a token's included."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left; below nothing it is nothing."""
        return max(0.0, self._ends_at - time.monotonic())


class Viva:
    """Be one merchant at Viva. `www` is also where guests pay."""

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        merchant_id: str,
        api_key: str,
        accounts: str,
        api: str,
        www: str,
        http_client: HttpClient,
    ) -> None:
        self._client = _basic(client_id, client_secret)
        self._merchant = _basic(merchant_id, api_key)
        self._accounts, self._api, self.www = accounts.rstrip("/"), api.rstrip("/"), www.rstrip("/")
        self._http = http_client
        self._token = Kept("an access token")

    def __repr__(self) -> str:
        return f"Viva({self._api})"

    def newer(
        self, operation: str, method: str, path: str, *, deadline: Deadline, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Call the newer API. A token that is refused is replaced once: 401 is said before anything is done.

        :raises NotSent: nothing left us, a token could not be had, or (Busy) Viva turned the call away.
        :raises AnswerLost: Viva may have acted.
        :raises Rejected: Viva refused; nothing happened.
        """
        token = self._bearer(deadline)
        answer = self._send(operation, method, f"{self._api}{path}", f"Bearer {token}", deadline, body)
        if answer.status == 401:
            self._token.forget(token)
            fresh = self._bearer(deadline)
            answer = self._send(operation, method, f"{self._api}{path}", f"Bearer {fresh}", deadline, body)
        return _meaning(operation, answer)

    def older(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        deadline: Deadline,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        most_bytes: int | None = None,
    ) -> dict[str, Any]:
        """Call the older API; it raises as `newer` does."""
        url = f"{self.www}{path}" + (f"?{urlencode(query)}" if query else "")
        return _meaning(operation, self._send(operation, method, url, self._merchant, deadline, body, most_bytes))

    def _bearer(self, deadline: Deadline) -> str:
        return self._token.get(lambda: self._new_token(deadline), wait_seconds=deadline.left())

    def _new_token(self, deadline: Deadline) -> tuple[str, float]:
        headers = {"Authorization": self._client, "Content-Type": "application/x-www-form-urlencoded"}
        try:
            answer = self._within(deadline).send(
                "token",
                "POST",
                f"{self._accounts}/connect/token",
                headers={**headers, "Accept": "application/json"},
                body=b"grant_type=client_credentials",
            )
        except AnswerLost as problem:
            # Whatever became of the token, nothing was asked of the payment yet.
            raise NotSent(str(problem)) from None
        said = f"viva token: HTTP {answer.status}"
        if answer.status == 429:
            raise Busy(said)
        if 400 <= answer.status < 500:
            raise KeyRefused(f"{said}: the client id or its secret is not accepted")
        granted = answer.json_object() or {}
        token, seconds = granted.get("access_token"), granted.get("expires_in")
        if answer.status != 200 or not isinstance(token, str) or not _is_header_text(token) or type(seconds) is not int:
            raise NotSent(f"{said}: no token")
        return token, seconds - min(_EARLY_SECONDS, seconds / 4)

    def _send(
        self,
        operation: str,
        method: str,
        url: str,
        authorization: str,
        deadline: Deadline,
        body: Mapping[str, Any] | None,
        most_bytes: int | None = None,
    ) -> HttpAnswer:
        headers = {"Authorization": authorization, "Accept": "application/json"}
        encoded = None
        if body is not None:
            encoded = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        client = self._within(deadline)
        if most_bytes is not None:
            client = replace(client, max_answer_bytes=most_bytes)
        return client.send(operation, method, url, headers=headers, body=encoded)

    def _within(self, deadline: Deadline) -> HttpClient:
        left = deadline.left()
        if left < _SHORTEST_CALL_SECONDS:
            raise NotSent("viva: the time for this is over")
        return replace(self._http, read_seconds=left, total_seconds=left)


def path_part(text: str) -> str:
    """Return a text as one part of a path."""
    return quote(text, safe="")


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _is_header_text(token: str) -> bool:
    return 0 < len(token) <= 8000 and token.isascii() and token.isprintable() and " " not in token


def _meaning(operation: str, answer: HttpAnswer) -> dict[str, Any]:
    """Return the answer's object with every number exact, or raise what its status means."""
    said = f"viva {operation}: HTTP {answer.status}"
    body = json_object(answer.body)
    if answer.status == 200:
        if body is None:
            raise AnswerLost(f"{said}: no JSON object")
        return body
    if answer.status == 429:
        raise Busy(said)
    if answer.status == 404:
        raise NotFound(said)
    if answer.status in (400, 422):
        raise Refused(said, kept(body or {}))
    if answer.status in (401, 403):
        raise KeyRefused(said)
    if answer.status in (408, 409) or not 400 <= answer.status < 500:
        raise AnswerLost(said)
    raise Rejected(said)
