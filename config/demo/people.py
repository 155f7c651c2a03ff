"""Who takes part in the story, each over real HTTP: a partner at our OCTO API and a guest at the sandbox."""

import json
import time
from collections.abc import Callable
from typing import Any, TypeVar

import requests

T = TypeVar("T")
PATIENCE_SECONDS = 20.0
_POLL_SECONDS = 0.05


class StoryFailed(AssertionError):
    """Say which step of the story did not hold, and what came instead."""


def expect(is_so: object, what: str) -> None:
    """Go on only if a step held.

    :raises StoryFailed: it did not.
    """
    if not is_so:
        raise StoryFailed(what)


def wait_for(look: Callable[[], T | None], what: str, *, seconds: float = PATIENCE_SECONDS) -> T:
    """Return the first answer that is something, asking again and again for a while.

    :raises StoryFailed: the time is over.
    """
    deadline = time.monotonic() + seconds
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise StoryFailed(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(_POLL_SECONDS)
    return found


class Partner:
    """A reseller's program that speaks OCTO to us."""

    def __init__(self, web_url: str, key: str) -> None:
        self._url = f"{web_url}/octo"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {key}"
        self._session.headers["Octo-Capabilities"] = "octo/pricing, octo/cardPayments"

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        """Return the status and the JSON of an answer."""
        answer = self._session.request(method, f"{self._url}/{path}", json=body, timeout=30)
        try:
            return answer.status_code, answer.json()
        except ValueError:
            raise StoryFailed(f"{method} /octo/{path} was answered {answer.status_code} and no JSON") from None

    def get(self, path: str) -> Any:
        """Return what a read finds."""
        return self._ok("GET", path)

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return what a write made."""
        return self._ok("POST", path, body or {})

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        """Return what a change made."""
        return self._ok("PATCH", path, body)

    def confirm(self, uuid: str, body: dict[str, Any]) -> Any:
        """Confirm a booking, repeating as long as the answer is PAYMENT_PENDING: what the API asks partners to do."""

        def attempt() -> tuple[int, Any] | None:
            status, answer = self.ask("POST", f"bookings/{uuid}/confirm", body)
            return None if answer.get("error") == "PAYMENT_PENDING" else (status, answer)

        status, answer = wait_for(attempt, "the confirmation")
        expect(status == 200, f"confirm was answered {status} {answer.get('error')}: {answer.get('errorMessage')}")
        return answer

    def _ok(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        status, answer = self.ask(method, path, body)
        if status != 200:
            raise StoryFailed(f"{method} /octo/{path} was answered {status}: {answer}")
        return answer


class Processor:
    """The stand-in processors: where guests pay, and what they did and remember."""

    def __init__(self, sandbox_url: str) -> None:
        self._url = f"{sandbox_url}/control"
        self._session = requests.Session()
        self._session.trust_env = False

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Return what the sandbox answers below its control API."""
        return self._ask("POST", path, body)

    def webhook(self, event: str, attempt: str) -> Any:
        """Return the delivery of an event about an attempt once it was accepted."""

        def look() -> Any:
            for delivery in self._ask("GET", f"webhooks?event={event}")["webhooks"]:
                if delivery["status"] == "delivered" and attempt in json.dumps(delivery["item"]):
                    return delivery
            return None

        return wait_for(look, f"the webhook {event}")

    def money(self) -> dict[str, int]:
        """Return what the processor's own books say is ours, by currency, in minor units."""
        sums: dict[str, int] = {}
        for row in self._ask("GET", "money")["money"]:
            kept = row["captured"] - row["refunded"] - row["charged_back"]
            sums[row["currency"]] = sums.get(row["currency"], 0) + kept
        return sums

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self._session.request(method, f"{self._url}/{path}", json=body, timeout=30)
        if not answer.ok:
            raise StoryFailed(f"the sandbox answered {answer.status_code} to {path}: {answer.text[:300]}")
        return answer.json()
