"""Whole conversations, word for word: every field of every answer is as it was when somebody last looked at it.

Ids and codes are numbered by first appearance. To accept a change, run with `GOLDEN=write` and read the difference.
"""

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine

from tests.api.octo.shop import CARDS, CORE, GIFTS, PRICED, RETURN_URL, Octo, Shop, build_shop

FOLDER = Path(__file__).parent / "golden"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
_NAMES = re.compile(
    r"\b(?:GIFT|TEST)(?:-[0-9A-Z]{4}){4}\b|\*{4}-[0-9A-Z]{4}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b(?:BK|UN|TK|VO|OR|GF)-[0-9A-Z]{8,}\b|cp_\d{8}_[0-9a-z]+"
    r"|tx_[0-9a-z]+|test_[0-9A-F]{32}|http://127\.0\.0\.1:\d+"
)


class Conversation:
    """Speak, and write down what was said with stable names."""

    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = []
        self._names: dict[str, str] = {}

    def ask(self, octo: Octo, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send one request and return its answer's body."""
        answer = octo.get(path, None, **headers) if method == "GET" else octo.send(method, path, body, **headers)
        told = ("Octo-Capabilities", "Octo-Env", "Content-Language", "Retry-After", "Idempotent-Replayed")
        self.steps.append(
            {
                "request": {"method": method, "path": path, "body": body, "headers": headers},
                "status": answer.status_code,
                "headers": {name: answer.headers[name] for name in told if name in answer.headers},
                "answer": answer.json(),
            }
        )
        return answer.json()

    def text(self) -> str:
        """Return everything said, as JSON."""
        text = json.dumps(self.steps, indent=1, ensure_ascii=False, sort_keys=False)
        return _NAMES.sub(self._name, text) + "\n"

    def _name(self, match: re.Match[str]) -> str:
        kind = {"BK": "booking", "UN": "ticket", "GF": "gift", "GI": "code", "cp": "payment"}.get(match[0][:2], "id")
        return self._names.setdefault(match[0], f"<{kind} {len(self._names) + 1}>")


def core(said: Conversation, shop: Shop) -> None:
    octo = shop.octo(CORE)
    wish = {"productId": str(shop.tour.pk), "optionId": "DEFAULT"}
    said.ask(octo, "GET", "/supplier")
    said.ask(octo, "GET", f"/products/{shop.tour.pk}")
    said.ask(
        octo, "POST", "/availability/calendar", {**wish, "localDateStart": "2026-11-24", "localDateEnd": "2026-11-24"}
    )
    said.ask(octo, "POST", "/availability", {**wish, "availabilityIds": [shop.tour_slots[0], shop.sold_out]})
    booking = said.ask(octo, "POST", "/bookings", shop.wish(1, settlementMethod="VOUCHER", resellerReference="R-1001"))
    path = f"/bookings/{booking['uuid']}"
    said.ask(octo, "PATCH", path, {"notes": "Vegetarian lunch", "availabilityId": shop.tour_slots[1]})
    said.ask(octo, "POST", f"{path}/extend", {"expirationMinutes": 60})
    contact = {"fullName": "Ada Byron", "emailAddress": "ada@example.com", "country": "GB", "locales": ["en-GB"]}
    said.ask(octo, "POST", f"{path}/confirm", {"contact": contact})
    said.ask(octo, "POST", f"{path}/cancel", {"reason": "Storm warning"})
    said.ask(octo, "GET", "/bookings?resellerReference=R-1001")


def prices(said: Conversation, shop: Shop) -> None:
    octo = shop.octo(PRICED)
    wish = {"productId": str(shop.park.pk), "optionId": str(shop.park_option.pk), "currency": "JPY"}
    said.ask(octo, "GET", f"/products/{shop.park.pk}")
    said.ask(
        octo, "POST", "/availability/calendar", {**wish, "localDateStart": "2026-11-24", "localDateEnd": "2026-11-24"}
    )
    units = [{"id": str(shop.visitor.pk), "quantity": 3}]
    said.ask(octo, "POST", "/availability", {**wish, "localDate": "2026-11-25", "units": units})
    said.ask(octo, "POST", "/bookings", shop.wish(2, currency="USD"))


def card_payments(said: Conversation, shop: Shop) -> None:
    octo = shop.octo(CARDS)
    booking = said.ask(octo, "POST", "/bookings", shop.wish(1))
    path = f"/bookings/{booking['uuid']}/confirm"
    said.ask(octo, "POST", path, {})
    declined = {
        "gateway": "external",
        "notes": "slip",
        "external": {"approved": False, "refusalReason": "Do not honour"},
    }
    said.ask(octo, "POST", path, {"cardPayment": declined})
    said.ask(
        octo, "POST", path, {"cardPayment": {"gateway": "external", "amount": 1500, "notes": "voucher at the till"}}
    )
    paid = {"gateway": "external", "source": "POS", "currency": "EUR", "amount": 3000, "notes": "Till 3 slip 88121"}
    said.ask(octo, "POST", path, {"cardPayment": paid, "resellerReference": "R-1002"}, Idempotency_Key="R-1002")
    said.ask(octo, "POST", path, {"cardPayment": paid, "resellerReference": "R-1002"}, Idempotency_Key="R-1002")
    said.ask(octo, "GET", f"/card_payments/{booking['cardPayment']['cardPaymentId']}")


def gifts(said: Conversation, shop: Shop) -> None:
    octo = shop.octo(GIFTS)
    wish = {
        "amount": 6000,
        "currency": "EUR",
        "recipient": {"fullName": "Grace Hopper", "emailAddress": "grace@example.com"},
        "message": "Happy birthday!",
        "contact": {"fullName": "Ada Byron", "emailAddress": "ada@example.com", "locales": ["en-GB"]},
        "resellerReference": "R-2001",
    }
    gift = said.ask(octo, "POST", "/gifts", wish)
    path = f"/gifts/{gift['uuid']}"
    said.ask(octo, "PATCH", f"{path}/preview", {"amount": 7000})
    said.ask(octo, "PATCH", path, {"amount": 6500, "message": "Happy birthday, Grace!"})
    said.ask(octo, "POST", f"{path}/extend", {"expirationMinutes": 60})
    said.ask(octo, "POST", f"{path}/confirm", {})
    paid = {"cardPayment": {"gateway": "external", "notes": "Till 3 slip 88122"}}
    sold = said.ask(octo, "POST", f"{path}/confirm", paid)
    code = sold["voucher"]["deliveryOptions"][0]["deliveryValue"]
    booking = said.ask(octo, "POST", "/bookings", shop.wish(2, giftPayment={"code": code}))
    said.ask(octo, "GET", f"/bookings/{booking['uuid']}")
    said.ask(octo, "GET", path)
    said.ask(octo, "POST", f"{path}/cancel", {"reason": "changed my mind"})
    said.ask(octo, "PATCH", f"/bookings/{booking['uuid']}", {"giftPayment": {}})
    said.ask(octo, "POST", f"{path}/notify", {})
    said.ask(octo, "DELETE", path, {"reason": "changed my mind"})
    said.ask(octo, "GET", "/gifts?resellerReference=R-2001")


def gift_refusals(said: Conversation, shop: Shop) -> None:
    octo = shop.octo(GIFTS)
    said.ask(shop.octo(CARDS), "GET", "/gifts?resellerReference=R-1")
    said.ask(octo, "GET", "/gifts")
    said.ask(octo, "GET", "/gifts/not-a-uuid")
    said.ask(octo, "GET", "/gifts/5d0c5b8e-6b0b-4f5d-9a66-2f1c9f7d1a10", Accept_Language="de")
    said.ask(octo, "POST", "/gifts", {"amount": 499, "currency": "EUR"})
    said.ask(octo, "POST", "/gifts", {"amount": 6000, "currency": "GBP"})
    said.ask(octo, "POST", "/gifts", {"amount": 6000, "currency": "EUR", "settlementMethod": "DEPOSIT"})
    said.ask(octo, "POST", "/gifts", {"currency": "EUR"})
    gift = said.ask(octo, "POST", "/gifts", {"amount": 6000, "currency": "EUR", "settlementMethod": "VOUCHER"})
    path = f"/gifts/{gift['uuid']}"
    said.ask(octo, "POST", f"{path}/notify", {})
    said.ask(octo, "POST", "/bookings", shop.wish(1, giftPayment={"code": "GIFT-2222-3333-4444-5555"}))
    sold = said.ask(octo, "POST", f"{path}/confirm", {})
    code = sold["voucher"]["deliveryOptions"][0]["deliveryValue"]
    said.ask(octo, "PATCH", path, {"amount": 7000})
    said.ask(octo, "POST", "/bookings", shop.wish(1, currency="USD", giftPayment={"code": code}))
    said.ask(octo, "POST", "/bookings", shop.wish(2, giftPayment={"code": code}))
    said.ask(octo, "POST", "/bookings", shop.wish(2, giftPayment={"code": code}))
    said.ask(octo, "POST", f"{path}/notify", {})
    said.ask(octo, "DELETE", path, {})


def refusals(said: Conversation, shop: Shop) -> None:
    octo = shop.octo(CARDS)
    said.ask(Octo(None), "GET", "/supplier")
    said.ask(Octo("wrong"), "GET", "/supplier")
    said.ask(shop.octo(None), "GET", "/supplier")
    said.ask(octo, "GET", "/products/nothing", Accept_Language="de")
    said.ask(octo, "GET", "/bookings/not-a-uuid")
    said.ask(octo, "POST", "/bookings", shop.wish(1, availabilityId=shop.sold_out))
    said.ask(octo, "POST", "/bookings", shop.wish(1, unitItems=[]))
    said.ask(octo, "POST", "/bookings", shop.wish(1, currency="GBP"))
    said.ask(octo, "POST", "/bookings", shop.wish(1, contact={"emailAddress": "nobody"}))
    said.ask(octo, "POST", "/bookings", shop.wish(1, returnUrl="shop.example.com"))
    said.ask(octo, "POST", "/bookings", shop.wish(1, returnUrl=RETURN_URL, cardPayment={"source": "MAIL"}))
    said.ask(octo, "POST", "/bookings", shop.wish(1, cardPayment={"currency": "USD"}))
    said.ask(octo, "POST", "/bookings", shop.wish(1, cardPayment={"gateway": "stripe"}))
    said.ask(octo, "GET", "/card_payments/cp_20261121_nothing")


def webhooks(said: Conversation, shop: Shop) -> None:
    octo = shop.octo("octo/pricing, octo/webhooks")
    wish = {"event": "booking_update", "url": "http://127.0.0.1:9999/octo", "headers": {"X-Webhook-Secret": "sesame"}}
    hook = said.ask(octo, "POST", "/webhooks", wish)
    path = f"/webhooks/{hook['id']}"
    said.ask(octo, "PATCH", path, {"retryOnError": False})
    said.ask(octo, "GET", "/webhooks")
    said.ask(octo, "POST", f"{path}/resend", {})
    said.ask(octo, "POST", f"{path}/resend", {"uuid": "not-a-uuid"})
    said.ask(octo, "POST", "/webhooks", {**wish, "event": "booking.updated"})
    said.ask(octo, "POST", "/webhooks", {**wish, "url": "http://10.0.0.1/"}, Accept_Language="de")
    said.ask(octo, "POST", "/webhooks", {**wish, "headers": {"Host": "example.com"}})
    said.ask(octo, "DELETE", path, {})
    said.ask(octo, "DELETE", path, {})
    said.ask(octo, "DELETE", "/webhooks", {"url": wish["url"]})
    said.ask(shop.octo(PRICED), "GET", "/webhooks")


def orders(said: Conversation, shop: Shop) -> None:
    octo = shop.octo("octo/pricing, octo/cart, octo/cardPayments")
    contact = {"fullName": "Ada Byron", "emailAddress": "ada@example.com"}
    garden = {
        "productId": str(shop.park.pk),
        "optionId": "DEFAULT",
        "availabilityId": shop.park_days[0],
        "unitItems": [{"unitId": str(shop.visitor.pk)}],
    }
    wish = {"orderId": "5d0c5b8e-6b0b-4f5d-9a66-2f1c9f7d1a10", "bookings": [shop.wish(1)], "contact": contact}
    order = said.ask(octo, "POST", "/orders", wish)
    path = f"/orders/{order['id']}"
    joined = said.ask(octo, "POST", "/bookings", {**garden, "orderId": order["id"], "currency": "EUR"})
    said.ask(octo, "PATCH", f"{path}/preview", {"expirationMinutes": 60})
    said.ask(octo, "PATCH", path, {"emailReceipt": True})
    said.ask(octo, "POST", f"{path}/extend", {"expirationMinutes": 45})
    said.ask(octo, "POST", f"/bookings/{joined['uuid']}/confirm", {})
    said.ask(octo, "POST", f"{path}/confirm", {})
    paid = {"gateway": "external", "notes": "Till 3 slip 88121"}
    said.ask(octo, "POST", f"{path}/confirm", {"cardPayment": paid}, Idempotency_Key="order-1")
    said.ask(octo, "GET", f"/orders?supplierReference={order['supplierReference']}")
    said.ask(octo, "POST", f"{path}/notify", {})
    said.ask(octo, "POST", f"{path}/notify", {}, Accept_Language="de")
    said.ask(octo, "POST", f"{path}/cancel", {"reason": "Storm warning"})
    said.ask(octo, "DELETE", path)
    said.ask(octo, "GET", "/orders", Accept_Language="de")
    said.ask(octo, "GET", "/orders/not-a-uuid")
    said.ask(octo, "POST", "/orders", {"currency": "USD", "orderId": order["id"]})
    nobody = said.ask(octo, "POST", "/orders", {"bookings": [shop.wish(1)], "settlementMethod": "VOUCHER"})
    said.ask(octo, "POST", f"/orders/{nobody['id']}/notify", {}, Accept_Language="de")
    said.ask(octo, "POST", "/orders", {})
    said.ask(shop.octo(CARDS), "GET", path)


@pytest.mark.parametrize(
    "conversation",
    [core, prices, card_payments, gifts, gift_refusals, refusals, orders, webhooks],
    ids=lambda talk: talk.__name__,
)
def test_conversation(db, conversation):
    said = Conversation()
    with time_machine.travel(NOW, tick=False):
        conversation(said, build_shop())

    golden = FOLDER / f"{conversation.__name__}.json"
    if os.environ.get("GOLDEN") == "write":
        golden.write_text(said.text())
    assert said.text() == golden.read_text()
