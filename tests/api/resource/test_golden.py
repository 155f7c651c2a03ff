"""Whole conversations, word for word: every field of every answer is as it was when somebody last looked at it.

Ids are numbered by first appearance. To accept a change, run with `GOLDEN=write` and read the difference.
"""

import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings

from tests.api.octo.shop import build_shop
from tests.api.resource.desk import CARD, XML, Desk, build_desk

pytestmark = pytest.mark.django_db(transaction=True)

FOLDER = Path(__file__).parent / "golden"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
# Our own numbers have six digits, and request ids are 32 hexadecimal ones.
_NAMES = re.compile(r"\b[1-9][0-9]{5,6}\b|\b[0-9a-f]{32}\b")
_TOLD = ("Content-Type", "Content-Language", "Allow", "Retry-After", "WWW-Authenticate", "Idempotent-Replayed")


class Conversation:
    """Speak, and write down what was said with stable names."""

    def __init__(self) -> None:
        self._steps: list[dict[str, Any]] = []
        self._names: dict[str, str] = {}

    def ask(self, desk: Desk, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send one request and return its answer: what JSON says, or the lines of XML."""
        kind = XML if isinstance(body, str) else "application/json"
        raw = body if isinstance(body, str) else b"" if body is None else json.dumps(body).encode()
        answer = desk.send(method, path, raw, kind=kind, **headers)
        is_json = answer.headers["Content-Type"] == "application/json"
        said = answer.json() if is_json else answer.content.decode().splitlines()
        self._steps.append(
            {
                "request": {"method": method, "path": path, "body": body, "headers": headers},
                "status": answer.status_code,
                "headers": {name: answer.headers[name] for name in _TOLD if name in answer.headers},
                "answer": said,
            }
        )
        return said

    def text(self) -> str:
        """Return everything said, as JSON."""
        text = json.dumps(self._steps, indent=1, ensure_ascii=False)
        text = text.replace(settings.PUBLIC_BASE_URL, "https://pay.example.com")
        return _NAMES.sub(self._name, text) + "\n"

    def _name(self, match: re.Match[str]) -> str:
        return self._names.setdefault(match[0], f"<id {len(self._names) + 1}>")


def payments(said: Conversation, desk: Desk) -> None:
    booking = desk.booking(resellerReference="R-1001")
    made = said.ask(desk, "POST", "/payments/", desk.wish(booking, "30.00", note="By phone"), Idempotency_Key="R-1001")
    said.ask(desk, "POST", "/payments/", desk.wish(booking, "30.00", note="By phone"), Idempotency_Key="R-1001")
    said.ask(desk, "GET", f"/payments/{made['id']}/")
    refused = desk.wish(booking, "60.00", details={**CARD, "name_on_card": "DECLINED"})
    said.ask(desk, "POST", "/payments", refused)
    unknown = desk.wish(booking, "60.00", details={**CARD, "name_on_card": "UNKNOWN"})
    said.ask(desk, "POST", "/payments", unknown, Accept_Language="de")
    held = said.ask(desk, "POST", "/payments", desk.wish(booking, "60.00", capture=False))
    said.ask(desk, "GET", f"/payments/{held['id']}")
    said.ask(desk, "GET", f"/bookings/{booking.number}/payments/?max_per_page=2")
    said.ask(desk, "GET", f"/bookings/{booking.number}/refunds")
    said.ask(desk, "GET", f"/bookings/{booking.number}/")
    said.ask(desk, "GET", f"/customers/{made['customer']['id']}")
    said.ask(desk, "GET", f"/customers/{made['customer']['id']}/bookings")


def payments_in_xml(said: Conversation, desk: Desk) -> None:
    booking = desk.booking()
    details = "".join(f"<{name}>{value}</{name}>" for name, value in CARD.items())
    customer = booking.order.customer
    assert customer is not None
    body = (
        f"<payment><booking><id>{booking.number}</id></booking><customer><id>{customer.number}</id></customer>"
        f"<amount>90.00</amount><capture>true</capture><note>Vegetarian &amp; early</note>"
        f"<details>{details}</details></payment>"
    )
    said.ask(desk, "POST", "/payments/", body, Accept=XML)
    said.ask(desk, "POST", "/payments/", body, Accept=XML, Accept_Language="de")
    said.ask(desk, "POST", "/payments/", body.replace(CARD["number"], "4111"))
    said.ask(desk, "GET", f"/bookings/{booking.number}", Accept=XML)
    said.ask(desk, "GET", f"/bookings/{booking.number}/payments", Accept=XML)
    said.ask(desk, "GET", f"/customers/{customer.number}", Accept=XML)


def refusals(said: Conversation, desk: Desk) -> None:
    booking = desk.booking()
    stranger = Desk(key="wrong", shop=desk.shop)
    said.ask(stranger, "GET", f"/bookings/{booking.number}")
    said.ask(desk, "GET", "/payments/nothing")
    said.ask(desk, "GET", "/payments/nothing", Accept=XML, Accept_Language="de")
    said.ask(desk, "GET", "/payments/")
    said.ask(desk, "GET", "/payments/1", Accept="text/html")
    said.ask(desk, "POST", "/payments/", desk.wish(booking, "x"))
    said.ask(desk, "POST", "/payments/", {"details": {"number": CARD["number"], "cvv": 737}})
    said.ask(desk, "POST", "/payments/", desk.wish(booking, "90.01"), Idempotency_Key="R-1002")
    said.ask(desk, "POST", "/payments/", "<payment><amount>1")


@pytest.mark.parametrize("conversation", [payments, payments_in_xml, refusals], ids=lambda talk: talk.__name__)
def test_conversation(guest, conversation: Callable[[Conversation, Desk], None]):
    said = Conversation()
    with time_machine.travel(NOW, tick=False):
        conversation(said, build_desk(build_shop()))

    golden = FOLDER / f"{conversation.__name__}.json"
    if os.environ.get("GOLDEN") == "write":
        golden.write_text(said.text())
    assert said.text() == golden.read_text()
