"""How many webhooks are accepted per second, beside a bare view that verifies and inserts once."""

from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.first import FIRST_STANDIN
from bench.stand import Stand
from config.demo.accounts import FIRST_ACCOUNT

ROUNDS = 5
REQUESTS_PER_ROUND = 1_000
CONNECTIONS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Hold one view's figures: the median round's rate, and times over all rounds in milliseconds."""

    per_second: float
    p50: float
    p99: float


def measure_webhooks(stand: Stand, credentials: dict[str, str]) -> tuple[Accepted, Accepted]:
    """Return the figures of our view and of the bare one; rounds alternate, so that both meet the same weather."""
    rounds: dict[str, list[dict[str, Any]]] = {"webhooks": [], "bare": []}
    for path in rounds:
        stand.load(_requests(stand, path, credentials, 300), connections=CONNECTIONS)
    for turn in range(ROUNDS):
        for path in ("webhooks", "bare") if turn % 2 else ("bare", "webhooks"):
            times = stand.load(_requests(stand, path, credentials, REQUESTS_PER_ROUND), connections=CONNECTIONS)
            wrong = [status for status in times["statuses"] if status != 202]
            if wrong:
                raise RuntimeError(f"{len(wrong)} of {REQUESTS_PER_ROUND} webhooks were answered {set(wrong)}")
            rounds[path].append(times)
    return _figures(rounds["webhooks"]), _figures(rounds["bare"])


def percentile(values: list[float], share: float) -> float:
    """Return the value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _figures(rounds: list[dict[str, Any]]) -> Accepted:
    milliseconds = [one for times in rounds for one in times["milliseconds"]]
    return Accepted(
        per_second=median(len(times["milliseconds"]) / times["seconds"] for times in rounds),
        p50=percentile(milliseconds, 0.5),
        p99=percentile(milliseconds, 0.99),
    )


def _requests(stand: Stand, path: str, credentials: dict[str, str], count: int) -> list[bytes]:
    """Return deliveries that were never sent before, rightly signed."""
    return [
        stand.request(f"/{path}/{FIRST_ACCOUNT}/", headers=headers, body=body)
        for headers, body in (FIRST_STANDIN.new_delivery(credentials) for _ in range(count))
    ]
