"""How many webhooks are accepted per second, beside a bare view that verifies and inserts once."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.stand import Stand

ACCOUNT = "adyen-eu"
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
    user = f"{credentials['webhook_user']}:{credentials['webhook_password']}"
    headers = {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()}
    key = bytes.fromhex(credentials["hmac_keys"].split(",")[0])
    return [
        stand.request(f"/{path}/{ACCOUNT}/", headers=headers, body=_delivery(credentials["merchant_account"], key))
        for _ in range(count)
    ]


def _delivery(merchant_account: str, key: bytes) -> dict[str, Any]:
    """Return a notification as Adyen sends it for an authorized card payment."""
    item: dict[str, Any] = {
        "pspReference": secrets.token_hex(8).upper(),
        "originalReference": "",
        "merchantAccountCode": merchant_account,
        "merchantReference": f"cpo_{secrets.token_hex(8)}",
        "amount": {"value": 9000, "currency": "EUR"},
        "eventCode": "AUTHORISATION",
        "success": "true",
        "eventDate": "2026-11-21T12:00:00+01:00",
        "paymentMethod": "visa",
        "reason": "033899:1111:03/2030",
        "operations": ["CANCEL", "CAPTURE", "REFUND"],
    }
    signed = ":".join(
        str(part)
        for part in (
            item["pspReference"], item["originalReference"], item["merchantAccountCode"], item["merchantReference"],
            item["amount"]["value"], item["amount"]["currency"], item["eventCode"], item["success"],
        )
    )  # fmt: skip
    signature = base64.b64encode(hmac.new(key, signed.encode(), hashlib.sha256).digest()).decode()
    item["additionalData"] = {
        "hmacSignature": signature,
        "expiryDate": "03/2030",
        "cardSummary": "1111",
        "cardHolderName": "Ada Vos",
        "authCode": "033899",
        "checkoutSessionId": f"CS{secrets.token_hex(12).upper()}",
    }
    return {"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}
