"""The Viva adapter and the sandbox over real HTTP: whole stories, what a hint makes us ask, every scripted fault."""

import asyncio
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx
import pytest

from gateways.adapters.viva import standin
from gateways.adapters.viva.gateway import VivaGateway
from gateways.errors import AnswerLost, ErrorCode, InvalidSignature, NotSent, Rejected
from gateways.protocol import Opened, Outcome, OutcomeKind, Reference
from gateways.sandbox.app import Sandbox as Processors
from gateways.sandbox.config import Config
from gateways.sandbox.store import Store
from money import Money
from tests.gateways.examples import NINETY_EUROS, THIRTY_EUROS
from tests.gateways.merchant import SUMS, Merchant, listening
from tests.gateways.scripted_server import closed_port
from tests.gateways.viva_world import (
    API_KEY,
    CLIENT_ID,
    CLIENT_SECRET,
    MERCHANT,
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


@dataclass(kw_only=True)
class Shop(Merchant):
    gateway: VivaGateway

    def open(self, money: Money = NINETY_EUROS, **more: Any) -> Opened:
        return self.gateway.open(open_request(money, **more))

    def pay(self, opened: Opened, **wish: Any) -> Any:
        return self.sandbox.post(f"viva/orders/{opened.gateway_reference}/pay", **{**VISA, **wish})

    def paid(self, money: Money = NINETY_EUROS, **more: Any) -> str:
        """Have a guest pay a new order and return the transaction's id."""
        identity: str = self.pay(self.open(money, **more))["transactionId"]
        return identity

    def complete(self, opened: Opened, transaction_id: str) -> tuple[Outcome, ...]:
        code = opened.gateway_reference
        return self.gateway.complete(
            complete_request(opening_reference=code, evidence=transaction_id, requested_at=datetime.now(UTC))
        )

    def act(self, transaction_id: str, action: str, **wish: Any) -> Any:
        """Do something in the banking app, or at the guest's bank."""
        return self.sandbox.post(f"viva/transactions/{transaction_id}/{action}", **wish)

    def configured(self, **fields: Any) -> None:
        self.sandbox.put(f"viva/accounts/{MERCHANT}", **fields)

    def money(self) -> dict[str, int]:
        """Return the processor's own sums over our merchant's references."""
        rows = [row for row in self.rows() if row["merchantAccount"] == MERCHANT]
        return {name: sum(row[name] for row in rows) for name in SUMS}

    def hints(self, count: int) -> list[Outcome]:
        """Wait for that many deliveries and return what they speak of; none of it is believed."""
        self.arrive(count)
        found = self.told()
        assert len(found) == count
        return found


@pytest.fixture
def shop(sandbox: Sandbox) -> Iterator[Shop]:
    found = Shop(
        slug="viva",
        gateway=viva_at(sandbox.url, accounts_base_url=f"{sandbox.url}/viva/accounts"),
        sandbox=sandbox,
    )

    with listening(found):
        found.configured(
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            api_key=API_KEY,
            webhook_url=found.webhook_url,
            success_url="https://shop.example.com/paid?booking=17",
            failure_url="https://shop.example.com/not-paid",
            allow_refunds=True,
            allow_recurring=True,
            names_reversals=True,
        )
        yield found


def test_a_guest_pays_and_three_ways_of_hearing_it_agree(shop: Shop) -> None:
    opened = shop.open(locale="en-GB", email="ada@example.com")
    paid = shop.pay(opened)

    (answer,) = shop.complete(opened, paid["transactionId"].upper())
    (hint,) = shop.hints(1)
    (fetched,) = shop.gateway.fetch(hint.reference)
    (polled,) = shop.gateway.fetch(Reference(opening=opened.gateway_reference))

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
    assert shop.money()["captured"] == 9000


def test_the_way_back_to_the_shop_brings_the_transaction_and_the_order(shop: Shop) -> None:
    opened = shop.open()
    paid = shop.pay(opened)

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
def test_an_amount_decides_what_the_bank_says(shop: Shop, money: Money, event_id: str, code: ErrorCode) -> None:
    opened = shop.open(money)
    refused = shop.pay(opened)

    (answer,) = shop.complete(opened, refused["transactionId"])
    (hint,) = shop.hints(1)

    for told in (answer, hint):
        assert told.kind is K.DECLINED
        assert told.decline is not None
        assert (told.decline.raw_code, told.decline.code) == (event_id, code)


def test_a_refused_card_then_another_in_the_same_order(shop: Shop) -> None:
    opened = shop.open()
    refused = shop.pay(opened, number=REFUSED_VISA)
    paid = shop.pay(opened)

    no, yes = shop.gateway.fetch(Reference(opening=opened.gateway_reference))

    assert [no.kind, yes.kind] == [K.DECLINED, K.CAPTURED]
    assert no.decline is not None
    assert no.decline.raw_code == "10005"
    assert (no.reference.gateway, yes.reference.gateway) == (refused["transactionId"], paid["transactionId"])


def test_an_order_that_nobody_paid_ends_by_itself_or_is_cancelled(shop: Shop) -> None:
    open_one, expired, cancelled = shop.open(), shop.open(), shop.open()
    for opened, ending in ((expired, "expire"), (cancelled, "cancel")):
        shop.sandbox.post(f"viva/orders/{opened.gateway_reference}/{ending}")

    (hint,) = shop.hints(1)
    told = {
        opened.gateway_reference: shop.gateway.fetch(Reference(opening=opened.gateway_reference))
        for opened in (open_one, expired, cancelled)
    }

    assert told[open_one.gateway_reference] == ()
    for opened in (expired, cancelled):
        (over,) = told[opened.gateway_reference]
        assert (over.kind, over.reference.ours) == (K.EXPIRED, "op-7Q2KMX4H")
        assert over.reference.opening == opened.gateway_reference
    assert (hint.kind, hint.event_key) == (K.EXPIRED, told[cancelled.gateway_reference][0].event_key)


def test_three_d_secure_that_failed_is_told_by_nobody_and_found_by_asking(shop: Shop) -> None:
    opened = shop.open()
    shop.pay(opened, authenticates=False)

    (told,) = shop.complete(opened, "")

    assert told.decline is not None
    assert (told.kind, told.decline.raw_code) == (K.DECLINED, "2062")
    assert shop.sandbox.get("webhooks")["webhooks"] == []


def test_a_transaction_of_another_order_proves_nothing(shop: Shop) -> None:
    first, second = shop.open(), shop.open()
    paid = shop.pay(first)["transactionId"]
    refund = shop.gateway.refund(refund_request(payment_reference=paid, taken_reference=paid)).reference.gateway
    assert refund is not None
    other_reference = complete_request(
        opening_reference=first.gateway_reference, reference="op-somebody-else", evidence=paid
    )

    for opened, evidence in ((second, paid), (first, refund), (first, str(uuid4())), (first, "no-id-at-all")):
        with pytest.raises(Rejected):
            shop.complete(opened, evidence)
    with pytest.raises(Rejected):
        shop.gateway.complete(other_reference)


def test_a_hold_is_captured_in_part_and_the_capture_refunded(shop: Shop) -> None:
    opened = shop.open(captures_at_once=False)
    hold = shop.pay(opened)["transactionId"]
    (held,) = shop.complete(opened, hold)
    captured = shop.gateway.capture(capture_request(Money(6000, "EUR"), payment_reference=hold))
    refunded = shop.gateway.refund(
        refund_request(Money(1500, "EUR"), payment_reference=hold, taken_reference=captured.reference.gateway)
    )
    looked_up = shop.gateway.refund(refund_request(Money(500, "EUR"), payment_reference=hold, taken_reference=""))

    assert (held.kind, held.money) == (K.AUTHORIZED, Money(9000, "EUR"))
    assert (captured.kind, captured.money) == (K.CAPTURED, Money(6000, "EUR"))
    assert captured.reference.payment == refunded.reference.payment == hold
    assert [refunded.kind, looked_up.kind] == [K.REFUNDED, K.REFUNDED]
    told = shop.gateway.fetch(Reference(payment=hold))
    assert [(one.kind, one.event_key, one.money) for one in told] == [
        (K.AUTHORIZED, hold, Money(9000, "EUR")),
        (K.CAPTURED, captured.event_key, Money(6000, "EUR")),
        (K.REFUNDED, refunded.event_key, Money(1500, "EUR")),
        (K.REFUNDED, looked_up.event_key, Money(500, "EUR")),
    ]
    assert {one.reference.payment for one in told} == {hold}
    by_capture = shop.gateway.fetch(Reference(payment=captured.reference.gateway))
    assert [one.event_key for one in by_capture] == [one.event_key for one in told]
    assert [one.reference.ours for one in told] == ["op-7Q2KMX4H", "tx-5H3JAF8V", "tx-9W4TB6NE", "tx-9W4TB6NE"]
    assert shop.money() == {
        "authorized": 9000,
        "captured": 6000,
        "refunded": 2000,
        "cancelled": 0,
        "charged_back": 0,
    }
    fetched = [shop.gateway.fetch(hint.reference) for hint in shop.hints(4)]
    assert sorted(one.event_key for (one,) in fetched) == sorted(one.event_key for one in told)


def test_a_hold_is_released_once_and_never_refunded(shop: Shop) -> None:
    hold = shop.paid(captures_at_once=False)
    with pytest.raises(Rejected):
        shop.gateway.refund(refund_request(payment_reference=hold, taken_reference=""))
    released = shop.gateway.void(void_request(payment_reference=hold))
    again = shop.gateway.void(void_request(payment_reference=hold))

    held, voided, _ = shop.gateway.fetch(Reference(payment=hold))
    assert (released.kind, again.kind) == (K.VOIDED, K.VOID_FAILED)
    assert (held.kind, voided.kind, voided.event_key) == (K.AUTHORIZED, K.VOIDED, released.event_key)
    assert voided.money == Money(9000, "EUR")
    assert shop.money()["cancelled"] == 9000


@pytest.mark.parametrize(("captures_at_once", "kind"), [(True, K.REFUNDED), (False, K.VOIDED)])
def test_whatever_undoes_a_payment_does_what_fits(shop: Shop, captures_at_once: bool, kind: OutcomeKind) -> None:
    payment = shop.paid(captures_at_once=captures_at_once)
    undone = shop.gateway.void(void_request(payment_reference=payment, may_be_captured=True))

    told = shop.gateway.fetch(Reference(payment=payment))
    assert undone.kind is kind
    assert (told[-1].kind, told[-1].event_key, told[-1].money) == (kind, undone.event_key, Money(9000, "EUR"))


def test_a_sale_goes_back_in_parts_and_no_further(shop: Shop) -> None:
    payment = shop.paid()
    shop.act(payment, "yesterday")
    first = shop.gateway.refund(refund_request(THIRTY_EUROS, payment_reference=payment, taken_reference=payment))
    too_much = shop.gateway.refund(refund_request(NINETY_EUROS, payment_reference=payment, taken_reference=payment))
    rest = shop.gateway.refund(refund_request(Money(6000, "EUR"), payment_reference=payment, taken_reference=payment))

    assert [first.kind, too_much.kind, rest.kind] == [K.REFUNDED, K.REFUND_FAILED, K.REFUNDED]
    assert too_much.decline is not None
    assert too_much.decline.raw_code == "311"
    told = shop.gateway.fetch(Reference(payment=payment))
    assert [one.kind for one in told] == [K.CAPTURED, K.REFUNDED, K.REFUND_FAILED, K.REFUNDED]
    assert shop.money()["refunded"] == 9000


def test_a_refund_in_the_banking_app_is_told_as_one_of_the_payment(shop: Shop) -> None:
    payment = shop.paid()
    shop.act(payment, "refund", amount=2500)
    hint = next(one for one in shop.hints(2) if one.kind is K.REFUNDED)

    (told,) = shop.gateway.fetch(hint.reference)

    assert (told.kind, told.money, told.reference.payment) == (K.REFUNDED, Money(2500, "EUR"), payment)
    assert told.reference.ours == "op-7Q2KMX4H"


def test_a_dispute_is_seen_when_somebody_asks(shop: Shop) -> None:
    payment = shop.paid()
    seen = []
    for action in ("dispute", "lose_dispute", "win_dispute"):
        shop.act(payment, action)
        paid, dispute = shop.gateway.fetch(Reference(payment=payment))
        assert (paid.kind, paid.event_key) == (K.CAPTURED, payment)
        seen.append(dispute)

    assert [one.kind for one in seen] == [K.DISPUTE_OPENED, K.CHARGEBACK, K.CHARGEBACK_REVERSED]
    assert len({one.event_key for one in seen}) == 3
    assert {one.money for one in seen} == {Money(9000, "EUR")}


def test_a_kept_card_is_charged_and_refused_by_its_bank(shop: Shop) -> None:
    opened = shop.open(stores_card=True)
    paid = shop.pay(opened)
    (answer,) = shop.complete(opened, paid["transactionId"])
    assert answer.card is not None
    token = answer.card.token
    assert token == paid["transactionId"]

    charged = shop.gateway.charge(charge_request(Money(4500, "EUR"), card_token=token))
    shop.act(token, "bank", eventId=10041)
    refused = shop.gateway.charge(charge_request(Money(4600, "EUR"), card_token=token, reference="tx-refused"))

    assert (charged.kind, charged.money, charged.reference.ours) == (K.CAPTURED, Money(4500, "EUR"), "tx-2M9DKR7C")
    assert charged.reference.payment == charged.reference.gateway != token
    assert refused.kind is K.DECLINED
    assert refused.decline is not None
    assert (refused.decline.raw_code, refused.decline.is_card_gone) == ("10041", True)
    (found,) = shop.gateway.fetch(Reference(ours="tx-2M9DKR7C"))
    assert (found.kind, found.event_key, found.card and found.card.token) == (K.CAPTURED, charged.event_key, None)
    (found,) = shop.gateway.fetch(Reference(ours="tx-refused"))
    assert (found.kind, found.event_key) == (K.DECLINED, refused.event_key)
    hint = next(one for one in shop.hints(3) if one.event_key == charged.event_key)
    assert hint.reference.payment == charged.reference.gateway
    assert shop.gateway.fetch(Reference(ours="tx-never-heard-of")) == ()


def test_a_card_that_was_not_to_be_kept_cannot_be_charged(shop: Shop) -> None:
    payment = shop.paid()

    with pytest.raises(Rejected):
        shop.gateway.charge(charge_request(card_token=payment))
    assert shop.money()["captured"] == 9000


@pytest.mark.parametrize("switch", ["allow_refunds", "allow_recurring"])
def test_what_is_turned_off_at_viva_is_our_fault_and_no_refusal(shop: Shop, switch: str) -> None:
    payment = shop.paid(stores_card=True)
    shop.configured(**{switch: False})

    def act() -> Outcome:
        if switch == "allow_refunds":
            return shop.gateway.refund(refund_request(payment_reference=payment, taken_reference=payment))
        return shop.gateway.charge(charge_request(card_token=payment))

    with pytest.raises(Rejected):
        act()


def test_a_pending_payment_is_undecided_until_viva_decides(shop: Shop) -> None:
    opened = shop.open()
    payment = shop.pay(opened, pending=True)["transactionId"]
    (undecided,) = shop.complete(opened, payment)
    shop.act(payment, "authorise")
    (decided,) = shop.complete(opened, payment)

    assert (undecided.kind, decided.kind) == (K.PENDING, K.CAPTURED)
    assert undecided.reference.gateway == decided.reference.gateway == payment


@pytest.mark.parametrize("fault", ["hang", "unavailable", "garbage", "reset", "answer_lost"])
@pytest.mark.parametrize("operation", ["charge", "refund", "capture", "void"])
def test_after_every_fault_the_outcome_is_looked_up_and_never_repeated(shop: Shop, operation: str, fault: str) -> None:
    viva, reference = shop.gateway, f"tx-{operation}"
    token = shop.paid(stores_card=operation == "charge", captures_at_once=operation in ("charge", "refund"))
    shop.fails(operation, fault, seconds=0.2)

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
    assert shop.asked(operation) == 1


def test_a_reversal_that_viva_does_not_name_is_told_without_our_name(shop: Shop) -> None:
    shop.configured(names_reversals=False)
    payment = shop.paid()
    refunded = shop.gateway.refund(refund_request(payment_reference=payment, taken_reference=payment))

    told = shop.gateway.fetch(Reference(ours="tx-9W4TB6NE", payment=payment))

    assert [one.event_key for one in told] == [payment, refunded.event_key]
    assert {one.reference.ours for one in told} == {"op-7Q2KMX4H"}


def test_an_order_whose_answer_was_lost_is_made_again(shop: Shop) -> None:
    shop.fails("create_order", "answer_lost")
    with pytest.raises(AnswerLost):
        shop.open()

    paid = shop.pay(shop.open())

    assert paid["statusId"] == "F"
    assert shop.money()["authorized"] == 9000


def test_one_token_serves_many_calls_at_once_and_is_replaced_when_it_is_refused(shop: Shop) -> None:
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: shop.open(), range(8)))
    assert len({one.gateway_reference for one in opened}) == 8
    assert shop.asked("token") == 1

    shop.sandbox.delete("viva/access_tokens")
    shop.open()

    assert shop.asked("token") == 2


def test_without_a_token_nothing_was_sent(shop: Shop) -> None:
    for fault in ("error", "garbage", "reset"):
        shop.fails("token", fault)
        with pytest.raises(NotSent):
            shop.open()

    assert shop.asked("create_order") == 0


@pytest.mark.parametrize("fault", ["wrong_amount", "wrong_currency"])
def test_a_hint_that_lies_changes_nothing_of_what_is_fetched(shop: Shop, fault: str) -> None:
    shop.fails("webhook", fault)
    shop.paid()
    (hint,) = shop.hints(1)
    (told,) = shop.gateway.fetch(hint.reference)

    assert hint.money not in (None, Money(9000, "EUR"))
    assert told.money == Money(9000, "EUR")


def test_a_hint_for_somebody_else_is_refused_and_a_doubled_one_has_one_key(shop: Shop) -> None:
    shop.fails("webhook", "wrongly_signed")
    shop.paid()
    wait_until(lambda: shop.deliveries, what="a delivery")
    with pytest.raises(InvalidSignature):
        shop.gateway.verify_webhook(shop.deliveries.pop())

    shop.fails("webhook", "doubled")
    shop.paid()
    shop.hints(2)
    assert len({shop.gateway.verify_webhook(delivery).delivery_key for delivery in shop.deliveries}) == 1


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


def test_viva_verifies_our_address_by_its_key(shop: Shop) -> None:
    for _ in range(2):
        assert shop.sandbox.post(f"viva/accounts/{MERCHANT}/verify") == {"verified": True}
    assert shop.asked("webhook_key") == 1

    shop.configured(webhook_key="ANOTHER")
    assert shop.sandbox.post(f"viva/accounts/{MERCHANT}/verify") == {"verified": False}


def test_a_person_pays_at_the_page_after_a_refusal_and_the_banks_question(shop: Shop) -> None:
    opened = shop.open()
    form = {"expiry": "03/30", "cvc": "111", "action": "pay"}
    with httpx.Client(trust_env=False, timeout=60) as browser:
        page = browser.get(opened.client["checkoutUrl"])
        refused = browser.post(opened.client["checkoutUrl"], data={**form, "number": REFUSED_VISA})
        asked = browser.post(opened.client["checkoutUrl"], data={**form, "number": "5188 3400 0000 0060"})
        question = browser.get(f"{shop.sandbox.url}{asked.headers['location']}")
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
    (paid,) = shop.complete(opened, back.params["t"])
    assert paid.kind is K.CAPTURED
    assert "This order is paid." in over.text


def test_a_person_gives_up_at_the_page_and_the_order_is_cancelled(shop: Shop) -> None:
    opened = shop.open()
    with httpx.Client(trust_env=False, timeout=60) as browser:
        left = browser.post(opened.client["checkoutUrl"], data={"action": "cancel"})

    back = httpx.URL(left.headers["location"])
    assert (back.host, back.params["s"], back.params["eventId"]) == (
        "shop.example.com",
        opened.gateway_reference,
        "2061",
    )
    assert "t" not in back.params
    (over,) = shop.gateway.fetch(Reference(opening=opened.gateway_reference))
    assert over.kind is K.EXPIRED


def test_no_card_number_rests_in_the_sandbox(shop: Shop) -> None:
    opened = shop.open()
    shop.pay(opened, number=REFUSED_VISA)
    payment = shop.pay(opened)["transactionId"]
    shop.hints(2)

    shown = [
        shop.sandbox.get(path)
        for path in ("requests", "webhooks", "viva/transactions", f"viva/orders/{opened.gateway_reference}")
    ]
    shown.append(shop.sandbox.get(f"viva/transactions/{payment}"))

    everything = json.dumps(shown)
    assert VISA["number"] not in everything
    assert REFUSED_VISA not in everything
    assert CLIENT_SECRET not in everything
