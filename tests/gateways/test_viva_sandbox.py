"""The Viva adapter and the sandbox over real HTTP: whole stories, what a hint makes us ask, every scripted fault."""

import asyncio
import http.server
import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx
import pytest

from gateways.adapters.viva import standin
from gateways.adapters.viva.gateway import VivaGateway
from gateways.errors import AnswerLost, ErrorCode, InvalidSignature, NotSent, Rejected
from gateways.protocol import Delivery, Opened, Outcome, OutcomeKind, Reference
from gateways.sandbox.app import Sandbox as Processors
from gateways.sandbox.config import Config
from gateways.sandbox.store import Store
from money import Money
from tests.gateways.scripted_server import closed_port
from tests.gateways.viva_world import (
    API_KEY,
    CLIENT_ID,
    CLIENT_SECRET,
    MERCHANT,
    NINETY_EUROS,
    THIRTY_EUROS,
    capture_request,
    charge_request,
    complete_request,
    open_request,
    refund_request,
    viva_at,
    void_request,
)
from tests.processes import Sandbox, wait_until

K = OutcomeKind
# Published test cards of Viva's.
VISA = {"number": "4147463011110133", "expiryMonth": "03", "expiryYear": "2030", "cvc": "111"}
REFUSED_VISA = "4147463011110141"


@dataclass
class Merchant:
    """The sandbox's account of ours, our gateway to it, and everything it sent to us."""

    viva: VivaGateway
    sandbox: Sandbox
    deliveries: list[Delivery] = field(default_factory=list)

    def open(self, money: Money = NINETY_EUROS, **more: Any) -> Opened:
        return self.viva.open(open_request(money, **more))

    def pay(self, opened: Opened, **wish: Any) -> Any:
        return self.sandbox.post(f"viva/orders/{opened.gateway_reference}/pay", **{**VISA, **wish})

    def paid(self, money: Money = NINETY_EUROS, **more: Any) -> str:
        """Have a guest pay a new order and return the transaction's id."""
        identity: str = self.pay(self.open(money, **more))["transactionId"]
        return identity

    def complete(self, opened: Opened, transaction_id: str) -> tuple[Outcome, ...]:
        code = opened.gateway_reference
        return self.viva.complete(
            complete_request(opening_reference=code, evidence=transaction_id, requested_at=datetime.now(UTC))
        )

    def act(self, transaction_id: str, action: str, **wish: Any) -> Any:
        """Do something in the banking app, or at the guest's bank."""
        return self.sandbox.post(f"viva/transactions/{transaction_id}/{action}", **wish)

    def configured(self, **fields: Any) -> None:
        self.sandbox.put(f"viva/accounts/{MERCHANT}", **fields)

    def fails(self, operation: str, fault: str, **more: Any) -> None:
        self.sandbox.post("faults", gateway="viva", operation=operation, fault=fault, **more)

    def asked(self, operation: str) -> int:
        return len(self.sandbox.get("requests", gateway="viva", operation=operation)["requests"])

    def money(self) -> dict[str, int]:
        """Return the processor's own sums over our merchant's references."""
        rows = [row for row in self.sandbox.get("money")["money"] if row["merchantAccount"] == MERCHANT]
        names = ("authorized", "captured", "refunded", "cancelled", "charged_back")
        return {name: sum(row[name] for row in rows) for name in names}

    def hints(self, count: int) -> list[Outcome]:
        """Wait for that many deliveries and return what they speak of; none of it is believed."""
        wait_until(lambda: len(self.deliveries) >= count, what=f"{count} deliveries")
        found: list[Outcome] = []
        for delivery in list(self.deliveries):
            self.viva.verify_webhook(delivery)
            found.extend(self.viva.read_webhook(delivery))
        assert len(found) == count
        return found


@pytest.fixture
def merchant(sandbox: Sandbox) -> Iterator[Merchant]:
    found = Merchant(
        viva=viva_at(sandbox.url, accounts_base_url=f"{sandbox.url}/viva/accounts", timeout_seconds="4"),
        sandbox=sandbox,
    )

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(found.viva.greet_webhook().body.encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            found.deliveries.append(Delivery(headers=headers, body=body, received_at=datetime.now(UTC)))
            self._say(b"{}")

        def _say(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as receiver:
        thread = threading.Thread(target=receiver.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        found.configured(
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            api_key=API_KEY,
            webhook_url=f"http://127.0.0.1:{receiver.server_address[1]}/",
            success_url="https://shop.example.com/paid?booking=17",
            failure_url="https://shop.example.com/not-paid",
            allow_refunds=True,
            allow_recurring=True,
            names_reversals=True,
        )
        yield found
        receiver.shutdown()
        thread.join()


def test_a_guest_pays_and_three_ways_of_hearing_it_agree(merchant: Merchant) -> None:
    opened = merchant.open(locale="en-GB", email="ada@example.com")
    paid = merchant.pay(opened)

    (answer,) = merchant.complete(opened, paid["transactionId"].upper())
    (hint,) = merchant.hints(1)
    (fetched,) = merchant.viva.fetch(hint.reference)
    (polled,) = merchant.viva.fetch(Reference(opening=opened.gateway_reference))

    assert paid["statusId"] == "F"
    assert opened.client["checkoutUrl"].endswith(f"/viva/www/web/checkout?ref={opened.client['orderCode']}")
    for told in (answer, hint, fetched, polled):
        assert (told.kind, told.money) == (K.CAPTURED, Money(9000, "EUR"))
        assert told.event_key == paid["transactionId"]
        assert told.reference == Reference(
            ours="op-7Q2KMX4H",
            gateway=paid["transactionId"],
            payment=paid["transactionId"],
            opening=opened.gateway_reference,
        )
    assert answer.card is not None
    assert (answer.card.brand, answer.card.last4, answer.card.expiry_year) == ("visa", "0133", 2030)
    assert answer.card.token is None
    assert merchant.money()["captured"] == 9000


def test_the_way_back_to_the_shop_brings_the_transaction_and_the_order(merchant: Merchant) -> None:
    opened = merchant.open()
    paid = merchant.pay(opened)

    assert paid["returnUrl"] == (
        f"https://shop.example.com/paid?booking=17&t={paid['transactionId']}&s={opened.gateway_reference}"
        "&lang=en-GB&eventId=0&eci=1"
    )


@pytest.mark.parametrize(
    ("money", "event_id", "code"),
    [
        (Money(9951, "EUR"), "10051", ErrorCode.CREDIT_LIMIT_EXCEEDED),
        (Money(9954, "EUR"), "10054", ErrorCode.INVALID_CARD_EXPIRY),
        (Money(9914, "EUR"), "10014", ErrorCode.INVALID_CARD_NUMBER),
        (Money(9941, "EUR"), "10041", ErrorCode.TRANSACTION_DECLINED),
        (Money(9996, "EUR"), "10096", ErrorCode.PROCESSOR_UNAVAILABLE),
        (Money(9913, "EUR"), "10013", ErrorCode.UNDEFINED_CARD_ERROR),
    ],
)
def test_an_amount_decides_what_the_bank_says(merchant: Merchant, money: Money, event_id: str, code: ErrorCode) -> None:
    opened = merchant.open(money)
    refused = merchant.pay(opened)

    (answer,) = merchant.complete(opened, refused["transactionId"])
    (hint,) = merchant.hints(1)

    for told in (answer, hint):
        assert told.kind is K.DECLINED
        assert told.decline is not None
        assert (told.decline.raw_code, told.decline.code) == (event_id, code)


def test_a_refused_card_then_another_in_the_same_order(merchant: Merchant) -> None:
    opened = merchant.open()
    refused = merchant.pay(opened, number=REFUSED_VISA)
    paid = merchant.pay(opened)

    no, yes = merchant.viva.fetch(Reference(opening=opened.gateway_reference))

    assert [no.kind, yes.kind] == [K.DECLINED, K.CAPTURED]
    assert no.decline is not None
    assert no.decline.raw_code == "10005"
    assert (no.reference.gateway, yes.reference.gateway) == (refused["transactionId"], paid["transactionId"])


def test_an_order_that_nobody_paid_ends_by_itself_or_is_cancelled(merchant: Merchant) -> None:
    open_one, expired, cancelled = merchant.open(), merchant.open(), merchant.open()
    for opened, ending in ((expired, "expire"), (cancelled, "cancel")):
        merchant.sandbox.post(f"viva/orders/{opened.gateway_reference}/{ending}")

    (hint,) = merchant.hints(1)
    told = {
        opened.gateway_reference: merchant.viva.fetch(Reference(opening=opened.gateway_reference))
        for opened in (open_one, expired, cancelled)
    }

    assert told[open_one.gateway_reference] == ()
    for opened in (expired, cancelled):
        (over,) = told[opened.gateway_reference]
        assert (over.kind, over.reference.ours) == (K.EXPIRED, "op-7Q2KMX4H")
        assert over.reference.opening == opened.gateway_reference
    assert (hint.kind, hint.event_key) == (K.EXPIRED, told[cancelled.gateway_reference][0].event_key)


def test_three_d_secure_that_failed_is_told_by_nobody_and_found_by_asking(merchant: Merchant) -> None:
    opened = merchant.open()
    merchant.pay(opened, authenticates=False)

    (told,) = merchant.complete(opened, "")

    assert told.decline is not None
    assert (told.kind, told.decline.raw_code) == (K.DECLINED, "2062")
    assert merchant.sandbox.get("webhooks")["webhooks"] == []


def test_a_transaction_of_another_order_proves_nothing(merchant: Merchant) -> None:
    first, second = merchant.open(), merchant.open()
    paid = merchant.pay(first)["transactionId"]
    refund = merchant.viva.refund(refund_request(payment_reference=paid, taken_reference=paid)).reference.gateway
    assert refund is not None
    other_reference = complete_request(
        opening_reference=first.gateway_reference, reference="op-somebody-else", evidence=paid
    )

    for opened, evidence in ((second, paid), (first, refund), (first, str(uuid4())), (first, "no-id-at-all")):
        with pytest.raises(Rejected):
            merchant.complete(opened, evidence)
    with pytest.raises(Rejected):
        merchant.viva.complete(other_reference)


def test_a_hold_is_captured_in_part_and_the_capture_refunded(merchant: Merchant) -> None:
    opened = merchant.open(captures_at_once=False)
    hold = merchant.pay(opened)["transactionId"]
    (held,) = merchant.complete(opened, hold)
    captured = merchant.viva.capture(capture_request(Money(6000, "EUR"), payment_reference=hold))
    refunded = merchant.viva.refund(
        refund_request(Money(1500, "EUR"), payment_reference=hold, taken_reference=captured.reference.gateway)
    )
    looked_up = merchant.viva.refund(refund_request(Money(500, "EUR"), payment_reference=hold, taken_reference=""))

    assert (held.kind, held.money) == (K.AUTHORIZED, Money(9000, "EUR"))
    assert (captured.kind, captured.money) == (K.CAPTURED, Money(6000, "EUR"))
    assert captured.reference.payment == refunded.reference.payment == hold
    assert [refunded.kind, looked_up.kind] == [K.REFUNDED, K.REFUNDED]
    told = merchant.viva.fetch(Reference(payment=hold))
    assert [(one.kind, one.event_key, one.money) for one in told] == [
        (K.AUTHORIZED, hold, Money(9000, "EUR")),
        (K.CAPTURED, captured.event_key, Money(6000, "EUR")),
        (K.REFUNDED, refunded.event_key, Money(1500, "EUR")),
        (K.REFUNDED, looked_up.event_key, Money(500, "EUR")),
    ]
    assert {one.reference.payment for one in told} == {hold}
    by_capture = merchant.viva.fetch(Reference(payment=captured.reference.gateway))
    assert [one.event_key for one in by_capture] == [one.event_key for one in told]
    assert [one.reference.ours for one in told] == ["op-7Q2KMX4H", "tx-5H3JAF8V", "tx-9W4TB6NE", "tx-9W4TB6NE"]
    assert merchant.money() == {
        "authorized": 9000,
        "captured": 6000,
        "refunded": 2000,
        "cancelled": 0,
        "charged_back": 0,
    }
    fetched = [merchant.viva.fetch(hint.reference) for hint in merchant.hints(4)]
    assert sorted(one.event_key for (one,) in fetched) == sorted(one.event_key for one in told)


def test_a_hold_is_released_once_and_never_refunded(merchant: Merchant) -> None:
    hold = merchant.paid(captures_at_once=False)
    with pytest.raises(Rejected):
        merchant.viva.refund(refund_request(payment_reference=hold, taken_reference=""))
    released = merchant.viva.void(void_request(payment_reference=hold))
    again = merchant.viva.void(void_request(payment_reference=hold))

    held, voided, _ = merchant.viva.fetch(Reference(payment=hold))
    assert (released.kind, again.kind) == (K.VOIDED, K.VOID_FAILED)
    assert (held.kind, voided.kind, voided.event_key) == (K.AUTHORIZED, K.VOIDED, released.event_key)
    assert voided.money == Money(9000, "EUR")
    assert merchant.money()["cancelled"] == 9000


@pytest.mark.parametrize(("captures_at_once", "kind"), [(True, K.REFUNDED), (False, K.VOIDED)])
def test_whatever_undoes_a_payment_does_what_fits(
    merchant: Merchant, captures_at_once: bool, kind: OutcomeKind
) -> None:
    payment = merchant.paid(captures_at_once=captures_at_once)
    undone = merchant.viva.void(void_request(payment_reference=payment, may_be_captured=True))

    told = merchant.viva.fetch(Reference(payment=payment))
    assert undone.kind is kind
    assert (told[-1].kind, told[-1].event_key, told[-1].money) == (kind, undone.event_key, Money(9000, "EUR"))


def test_a_sale_goes_back_in_parts_and_no_further(merchant: Merchant) -> None:
    payment = merchant.paid()
    merchant.act(payment, "yesterday")
    first = merchant.viva.refund(refund_request(THIRTY_EUROS, payment_reference=payment, taken_reference=payment))
    too_much = merchant.viva.refund(refund_request(NINETY_EUROS, payment_reference=payment, taken_reference=payment))
    rest = merchant.viva.refund(refund_request(Money(6000, "EUR"), payment_reference=payment, taken_reference=payment))

    assert [first.kind, too_much.kind, rest.kind] == [K.REFUNDED, K.REFUND_FAILED, K.REFUNDED]
    assert too_much.decline is not None
    assert too_much.decline.raw_code == "311"
    told = merchant.viva.fetch(Reference(payment=payment))
    assert [one.kind for one in told] == [K.CAPTURED, K.REFUNDED, K.REFUND_FAILED, K.REFUNDED]
    assert merchant.money()["refunded"] == 9000


def test_a_refund_in_the_banking_app_is_told_as_one_of_the_payment(merchant: Merchant) -> None:
    payment = merchant.paid()
    merchant.act(payment, "refund", amount=2500)
    hint = next(one for one in merchant.hints(2) if one.kind is K.REFUNDED)

    (told,) = merchant.viva.fetch(hint.reference)

    assert (told.kind, told.money, told.reference.payment) == (K.REFUNDED, Money(2500, "EUR"), payment)
    assert told.reference.ours == "op-7Q2KMX4H"


def test_a_dispute_is_seen_when_somebody_asks(merchant: Merchant) -> None:
    payment = merchant.paid()
    seen = []
    for action in ("dispute", "lose_dispute", "win_dispute"):
        merchant.act(payment, action)
        paid, dispute = merchant.viva.fetch(Reference(payment=payment))
        assert (paid.kind, paid.event_key) == (K.CAPTURED, payment)
        seen.append(dispute)

    assert [one.kind for one in seen] == [K.DISPUTE_OPENED, K.CHARGEBACK, K.CHARGEBACK_REVERSED]
    assert len({one.event_key for one in seen}) == 3
    assert {one.money for one in seen} == {Money(9000, "EUR")}


def test_a_kept_card_is_charged_and_refused_by_its_bank(merchant: Merchant) -> None:
    opened = merchant.open(stores_card=True)
    paid = merchant.pay(opened)
    (answer,) = merchant.complete(opened, paid["transactionId"])
    assert answer.card is not None
    token = answer.card.token
    assert token == paid["transactionId"]

    charged = merchant.viva.charge(charge_request(Money(4500, "EUR"), card_token=token))
    merchant.act(token, "bank", eventId=10041)
    refused = merchant.viva.charge(charge_request(Money(4600, "EUR"), card_token=token, reference="tx-refused"))

    assert (charged.kind, charged.money, charged.reference.ours) == (K.CAPTURED, Money(4500, "EUR"), "tx-2M9DKR7C")
    assert charged.reference.payment == charged.reference.gateway != token
    assert refused.kind is K.DECLINED
    assert refused.decline is not None
    assert (refused.decline.raw_code, refused.decline.is_card_gone) == ("10041", True)
    (found,) = merchant.viva.fetch(Reference(ours="tx-2M9DKR7C"))
    assert (found.kind, found.event_key, found.card and found.card.token) == (K.CAPTURED, charged.event_key, None)
    (found,) = merchant.viva.fetch(Reference(ours="tx-refused"))
    assert (found.kind, found.event_key) == (K.DECLINED, refused.event_key)
    hint = next(one for one in merchant.hints(3) if one.event_key == charged.event_key)
    assert hint.reference.payment == charged.reference.gateway
    assert merchant.viva.fetch(Reference(ours="tx-never-heard-of")) == ()


def test_a_card_that_was_not_to_be_kept_cannot_be_charged(merchant: Merchant) -> None:
    payment = merchant.paid()

    with pytest.raises(Rejected):
        merchant.viva.charge(charge_request(card_token=payment))
    assert merchant.money()["captured"] == 9000


@pytest.mark.parametrize("switch", ["allow_refunds", "allow_recurring"])
def test_what_is_turned_off_at_viva_is_our_fault_and_no_refusal(merchant: Merchant, switch: str) -> None:
    payment = merchant.paid(stores_card=True)
    merchant.configured(**{switch: False})

    def act() -> Outcome:
        if switch == "allow_refunds":
            return merchant.viva.refund(refund_request(payment_reference=payment, taken_reference=payment))
        return merchant.viva.charge(charge_request(card_token=payment))

    with pytest.raises(Rejected):
        act()


def test_a_pending_payment_is_undecided_until_viva_decides(merchant: Merchant) -> None:
    opened = merchant.open()
    payment = merchant.pay(opened, pending=True)["transactionId"]
    (undecided,) = merchant.complete(opened, payment)
    merchant.act(payment, "authorise")
    (decided,) = merchant.complete(opened, payment)

    assert (undecided.kind, decided.kind) == (K.PENDING, K.CAPTURED)
    assert undecided.reference.gateway == decided.reference.gateway == payment


@pytest.mark.parametrize("fault", ["hang", "unavailable", "garbage", "reset", "answer_lost"])
@pytest.mark.parametrize("operation", ["charge", "refund", "capture", "void"])
def test_after_every_fault_the_outcome_is_looked_up_and_never_repeated(
    merchant: Merchant, operation: str, fault: str
) -> None:
    viva, reference = merchant.viva, f"tx-{operation}"
    token = merchant.paid(stores_card=operation == "charge", captures_at_once=operation in ("charge", "refund"))
    merchant.fails(operation, fault, seconds=0.2)

    def act() -> Outcome:
        match operation:
            case "charge":
                return viva.charge(charge_request(Money(4500, "EUR"), card_token=token, reference=reference))
            case "refund":
                return viva.refund(refund_request(payment_reference=token, taken_reference=token, reference=reference))
            case "capture":
                return viva.capture(capture_request(payment_reference=token, reference=reference))
            case _:
                return viva.void(void_request(payment_reference=token, reference=reference))

    with pytest.raises(AnswerLost):
        act()

    asked_by = Reference(ours=reference) if operation == "charge" else Reference(ours=reference, payment=token)
    named = [one.kind for one in viva.fetch(asked_by) if one.reference.ours == reference]
    kinds = {"charge": K.CAPTURED, "refund": K.REFUNDED, "capture": K.CAPTURED, "void": K.VOIDED}
    assert named == ([kinds[operation]] if fault == "answer_lost" else [])
    assert merchant.asked(operation) == 1


def test_a_reversal_that_viva_does_not_name_is_told_without_our_name(merchant: Merchant) -> None:
    merchant.configured(names_reversals=False)
    payment = merchant.paid()
    refunded = merchant.viva.refund(refund_request(payment_reference=payment, taken_reference=payment))

    told = merchant.viva.fetch(Reference(ours="tx-9W4TB6NE", payment=payment))

    assert [one.event_key for one in told] == [payment, refunded.event_key]
    assert {one.reference.ours for one in told} == {"op-7Q2KMX4H"}


def test_an_order_whose_answer_was_lost_is_made_again(merchant: Merchant) -> None:
    merchant.fails("create_order", "answer_lost")
    with pytest.raises(AnswerLost):
        merchant.open()

    paid = merchant.pay(merchant.open())

    assert paid["statusId"] == "F"
    assert merchant.money()["authorized"] == 9000


def test_one_token_serves_many_calls_at_once_and_is_replaced_when_it_is_refused(merchant: Merchant) -> None:
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: merchant.open(), range(8)))
    assert len({one.gateway_reference for one in opened}) == 8
    assert merchant.asked("token") == 1

    merchant.sandbox.delete("viva/access_tokens")
    merchant.open()

    assert merchant.asked("token") == 2


def test_without_a_token_nothing_was_sent(merchant: Merchant) -> None:
    for fault in ("error", "garbage", "reset"):
        merchant.fails("token", fault)
        with pytest.raises(NotSent):
            merchant.open()

    assert merchant.asked("create_order") == 0


@pytest.mark.parametrize("fault", ["wrong_amount", "wrong_currency"])
def test_a_hint_that_lies_changes_nothing_of_what_is_fetched(merchant: Merchant, fault: str) -> None:
    merchant.fails("webhook", fault)
    merchant.paid()
    (hint,) = merchant.hints(1)
    (told,) = merchant.viva.fetch(hint.reference)

    assert hint.money not in (None, Money(9000, "EUR"))
    assert told.money == Money(9000, "EUR")


def test_a_hint_for_somebody_else_is_refused_and_a_doubled_one_has_one_key(merchant: Merchant) -> None:
    merchant.fails("webhook", "wrongly_signed")
    merchant.paid()
    wait_until(lambda: merchant.deliveries, what="a delivery")
    with pytest.raises(InvalidSignature):
        merchant.viva.verify_webhook(merchant.deliveries.pop())

    merchant.fails("webhook", "doubled")
    merchant.paid()
    merchant.hints(2)
    assert len({merchant.viva.verify_webhook(delivery).delivery_key for delivery in merchant.deliveries}) == 1


def test_an_account_that_is_set_up_by_its_stand_in_works(sandbox: Sandbox) -> None:
    fields = standin.credentials("viva-eu", lambda name: sha256(name.encode()).hexdigest(), sandbox.url)
    described = standin.sandbox_account(fields, "")
    sandbox.put(f"viva/accounts/{standin.account_name(described)}", **described)
    gateway = VivaGateway(fields)

    opened = gateway.open(open_request())
    paid = sandbox.post(f"viva/orders/{opened.gateway_reference}/pay", **VISA)

    assert VivaGateway.missing_credentials(fields) == ()
    (told,) = gateway.fetch(Reference(gateway=paid["transactionId"]))
    assert told.kind is K.CAPTURED


def test_a_webhook_that_nobody_takes_is_given_up_after_24_attempts() -> None:
    async def deliver(url: str) -> Any:
        described = {
            "merchant_id": MERCHANT,
            "api_key": "a",
            "client_id": "b",
            "client_secret": "c",
            "webhook_url": url,
        }
        sections = {"viva": {"accounts": [described]}}
        box = Processors(Config(webhook_retry_scale=1e-6, webhook_delay_seconds=0.0, sections=sections), Store())
        await box.courier.start()
        account, event, item = box.processors["viva"].compose(
            {"RecipientId": MERCHANT, "EventTypeId": 1796, "EventData": {}}
        )
        box.courier.publish(gateway="viva", account=account, event=event, item=item)
        async with asyncio.timeout(10):
            while box.courier.pending_count():
                await asyncio.sleep(0.01)
        await box.courier.close()
        return box.courier.shown()

    with closed_port() as address:
        (row,) = asyncio.run(deliver(address))

    assert (row["status"], len(row["attempts"])) == ("abandoned", 24)


def test_viva_verifies_our_address_by_its_key(merchant: Merchant) -> None:
    for _ in range(2):
        assert merchant.sandbox.post(f"viva/accounts/{MERCHANT}/verify") == {"verified": True}
    assert merchant.asked("webhook_key") == 1

    merchant.configured(webhook_key="ANOTHER")
    assert merchant.sandbox.post(f"viva/accounts/{MERCHANT}/verify") == {"verified": False}


def test_a_person_pays_at_the_page_after_a_refusal_and_the_banks_question(merchant: Merchant) -> None:
    opened = merchant.open()
    form = {"expiry": "03/30", "cvc": "111", "action": "pay"}
    with httpx.Client(trust_env=False, timeout=10) as browser:
        page = browser.get(opened.client["checkoutUrl"])
        refused = browser.post(opened.client["checkoutUrl"], data={**form, "number": REFUSED_VISA})
        asked = browser.post(opened.client["checkoutUrl"], data={**form, "number": "5188 3400 0000 0060"})
        question = browser.get(f"{merchant.sandbox.url}{asked.headers['location']}")
        done = browser.post(str(question.url), data={"password": "password"})
        over = browser.get(opened.client["checkoutUrl"])

    assert page.status_code == 200
    assert "90.00 EUR" in page.text
    assert re.search(r'<meta name="viewport"', page.text)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "refused (10005)" in refused.text
    assert REFUSED_VISA not in refused.text
    back = httpx.URL(done.headers["location"])
    assert (back.params["s"], back.params["eventId"]) == (opened.gateway_reference, "0")
    (paid,) = merchant.complete(opened, back.params["t"])
    assert paid.kind is K.CAPTURED
    assert "This order is paid." in over.text


def test_a_person_gives_up_at_the_page_and_the_order_is_cancelled(merchant: Merchant) -> None:
    opened = merchant.open()
    with httpx.Client(trust_env=False, timeout=10) as browser:
        left = browser.post(opened.client["checkoutUrl"], data={"action": "cancel"})

    back = httpx.URL(left.headers["location"])
    assert (back.host, back.params["s"], back.params["eventId"]) == (
        "shop.example.com",
        opened.gateway_reference,
        "2061",
    )
    assert "t" not in back.params
    (over,) = merchant.viva.fetch(Reference(opening=opened.gateway_reference))
    assert over.kind is K.EXPIRED


def test_no_card_number_rests_in_the_sandbox(merchant: Merchant) -> None:
    opened = merchant.open()
    merchant.pay(opened, number=REFUSED_VISA)
    payment = merchant.pay(opened)["transactionId"]
    merchant.hints(2)

    shown = [
        merchant.sandbox.get(path)
        for path in ("requests", "webhooks", "viva/transactions", f"viva/orders/{opened.gateway_reference}")
    ]
    shown.append(merchant.sandbox.get(f"viva/transactions/{payment}"))

    everything = json.dumps(shown)
    assert VISA["number"] not in everything
    assert REFUSED_VISA not in everything
    assert CLIENT_SECRET not in everything
