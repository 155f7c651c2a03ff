"""OCTO confirm's own time: what the partner waits for, less what we waited for the gateway."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from bench.first import FIRST_GATEWAY, FIRST_STANDIN
from bench.stand import Stand
from config.demo.people import Partner, Processor

# One after the other: what a confirmation takes, not how long it queues behind others on two busy cores.
CONNECTIONS = 1
GUESTS_AT_ONCE = 2
WARM_UPS = 20
BOOKINGS = 150
RETURN_URL = "https://shop.example.com/return"
# Captured before the confirmation; captured by the confirmation.
KINDS = {"already captured (EUR)": ("canal-cruise", "EUR"), "captured by it (USD)": ("sunset-sail", "USD")}


def measure_confirms(stand: Stand) -> dict[str, list[float]]:
    """Return the milliseconds of each confirmation, the gateway's share taken out, by kind."""
    key = stand.access["octo_key"]
    found: dict[str, list[float]] = {}
    for name, (product, currency) in KINDS.items():
        prepared = _paid_bookings(stand, key, product, currency)
        identities = [uuid4().hex for _ in prepared]
        requests = [
            stand.request(f"/octo/bookings/{uuid}/confirm", headers=_headers(key, identity), body=_evidence(brought))
            for (uuid, brought), identity in zip(prepared, identities, strict=True)
        ]
        times = stand.load(requests, connections=CONNECTIONS)
        wrong = [status for status in times["statuses"] if status != 200]
        if wrong:
            raise RuntimeError(f"{len(wrong)} of {len(requests)} confirmations were answered {set(wrong)}")
        waited = stand.gateway_milliseconds()
        own = [
            milliseconds - waited.get(identity, 0.0)
            for milliseconds, identity in zip(times["milliseconds"], identities, strict=True)
        ]
        found[name] = own[WARM_UPS:]
    return found


def _paid_bookings(stand: Stand, key: str, reference: str, currency: str) -> list[tuple[str, dict[str, Any]]]:
    """Return bookings on hold whose money is in our books: uuid, and what the guest's page brings the partner."""
    wishes = _wishes(Partner(stand.web_url, key), reference, currency)

    def book(count: int) -> list[tuple[str, dict[str, Any]]]:
        partner, processor = Partner(stand.web_url, key), Processor(stand.sandbox_url)
        made = []
        for index in range(count):
            booking = partner.post("bookings", {**wishes[index % len(wishes)], "uuid": str(uuid4())})
            client = booking["cardPayment"][FIRST_GATEWAY]
            path, card = FIRST_STANDIN.guest_pays(client, is_good=True)
            answer = processor.post(path, card)
            made.append((booking["uuid"], FIRST_STANDIN.brought(client, answer)))
        return made

    share = (WARM_UPS + BOOKINGS) // GUESTS_AT_ONCE
    with ThreadPoolExecutor(GUESTS_AT_ONCE) as threads:
        bookings = [pair for made in threads.map(book, [share] * GUESTS_AT_ONCE) for pair in made]
    partner = Partner(stand.web_url, key)
    deadline = time.monotonic() + 60
    for uuid, _ in bookings:
        while partner.get(f"bookings/{uuid}")["cardPayment"]["status"] != "CONFIRMED":
            if time.monotonic() > deadline:
                raise RuntimeError("the worker did not book all payments within a minute")
            time.sleep(0.05)
    return bookings


def _wishes(partner: Partner, reference: str, currency: str) -> list[dict[str, Any]]:
    """Return reserve calls for one adult each, over the departures of some weeks."""
    product = next(product for product in partner.get("products") if product["reference"] == reference)
    option = next(option for option in product["options"] if option["default"])
    today = datetime.now(UTC).date()
    slots = partner.post(
        "availability",
        {
            "productId": product["id"],
            "optionId": option["id"],
            "localDateStart": (today + timedelta(days=30)).isoformat(),
            "localDateEnd": (today + timedelta(days=55)).isoformat(),
        },
    )
    return [
        {
            "productId": product["id"],
            "optionId": option["id"],
            "availabilityId": slot["id"],
            "currency": currency,
            "returnUrl": RETURN_URL,
            "unitItems": [{"unitId": option["units"][0]["id"]}],
        }
        for slot in slots
        if (slot["vacancies"] or 0) >= BOOKINGS // 10
    ]


def _headers(key: str, request_id: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {key}",
        "Octo-Capabilities": "octo/pricing, octo/cardPayments",
        "X-Request-Id": request_id,
    }


def _evidence(brought: dict[str, Any]) -> bytes:
    return json.dumps({"cardPayment": {"gateway": FIRST_GATEWAY, FIRST_GATEWAY: brought}}).encode()
