"""The Spreedly adapter and the sandbox over real HTTP: whole stories, and every scripted fault."""

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from gateways.adapters.spreedly import standin
from gateways.adapters.spreedly.gateway import SpreedlyGateway
from gateways.errors import AnswerLost, ErrorCode, InvalidSignature, NotSent, Rejected
from gateways.protocol import Card, Outcome, OutcomeKind, Reference, RevokeCardRequest
from money import Money
from tests.gateways.examples import NINETY_EUROS
from tests.gateways.merchant import Merchant, listening
from tests.gateways.spreedly_world import (
    ACCESS_SECRET,
    CERTIFICATE_TOKEN,
    ENVIRONMENT_KEY,
    GATEWAY_TOKEN,
    SIGNING_SECRET,
    capture_request,
    charge_request,
    complete_request,
    credentials,
    kept_card_request,
    open_request,
    private_key,
    refund_request,
    spreedly_at,
    void_request,
)
from tests.processes import Sandbox

K = OutcomeKind
# Published test cards of Spreedly's.
GOOD = {"number": "4111111111111111", "month": 3, "year": 2030, "verification_value": "123", "full_name": "Ada Byron"}
DECLINED, ENROLLED, NOT_AUTHENTICATED = "4012888888881881", "4556761029983886", "4024007101934890"
FAULTS = ["hang", "error", "unavailable", "garbage", "reset", "answer_lost"]


@dataclass(kw_only=True)
class Processor(Merchant):
    gateway: SpreedlyGateway

    def token(self, **card: Any) -> str:
        """Have a guest enter a card on a signed page, and return the token that the page gets."""
        client = self.gateway.open(open_request()).client
        proof = {name: client[name] for name in ("nonce", "timestamp", "certificateToken", "signature")}
        found: str = self.sandbox.post(f"spreedly/environments/{client['env']}/pay", **{**GOOD, **proof, **card})[
            "token"
        ]
        return found

    def charge(self, money: Money = NINETY_EUROS, *, card: dict[str, Any] | None = None, **more: Any) -> Outcome:
        """Charge a card that a guest has just entered."""
        fields = {"reference": f"tx-{uuid4().hex[:8]}", "stores_card": False, **more}
        return self.gateway.charge(charge_request(money, payment_token=self.token(**(card or {})), **fields))

    def paid(self, money: Money = NINETY_EUROS, **more: Any) -> str:
        """Charge a good card and return the payment's reference."""
        outcome = self.charge(money, **more)
        assert outcome.kind in (K.CAPTURED, K.AUTHORIZED)
        assert outcome.reference.gateway is not None
        return outcome.reference.gateway

    def act(self, transaction: str, action: str, **wish: Any) -> Any:
        """Do something as the guest, or in Spreedly's own pages."""
        return self.sandbox.post(f"spreedly/transactions/{transaction}/{action}", **wish)

    def callbacks(self, count: int = 1) -> list[Outcome]:
        """Wait for that many callbacks and return what they say, proved."""
        self.arrive(count)
        assert len(self.told()) == count
        return self.told()

    def money(self, reference: str) -> dict[str, Any]:
        return next(row for row in self.rows() if row["merchantReference"] == reference)


@pytest.fixture
def processor(sandbox: Sandbox) -> Iterator[Processor]:
    found = Processor(slug="spreedly", gateway=spreedly_at(sandbox.url), sandbox=sandbox)

    with listening(found):
        key = load_pem_private_key(private_key().encode(), None)
        public_key = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        account = {
            "access_secret": ACCESS_SECRET,
            "gateway_token": GATEWAY_TOKEN,
            "signing_secret": SIGNING_SECRET,
            "certificates": {CERTIFICATE_TOKEN: public_key},
            "signed_pages_only": True,
            "live": False,
            "webhook_url": found.webhook_url,
        }
        sandbox.put(f"spreedly/accounts/{ENVIRONMENT_KEY}", **account)
        yield found


# Paying


def test_a_guest_pays_and_answer_and_look_ups_agree(processor: Processor) -> None:
    answer = processor.charge(reference="tx-2M9DKR7C")
    token = answer.reference.gateway

    (by_token,) = processor.gateway.fetch(Reference(gateway=token, payment=token))
    (by_ours,) = processor.gateway.fetch(Reference(ours="tx-2M9DKR7C"))
    (by_opening,) = processor.gateway.fetch(Reference(ours="op-7Q2KMX4H", opening="op-7Q2KMX4H"))

    assert (answer.kind, answer.money) == (K.CAPTURED, Money(9000, "EUR"))
    for looked_up in (by_token, by_ours, by_opening):
        assert looked_up.event_key == answer.event_key
        assert looked_up.reference == answer.reference
    assert answer.reference.ours == "tx-2M9DKR7C"
    assert answer.card == Card(brand="visa", last4="1111", bin="411111", expiry_month=3, expiry_year=2030)
    assert processor.money("tx-2M9DKR7C") == {
        "gateway": "spreedly",
        "merchantAccount": ENVIRONMENT_KEY,
        "merchantReference": "tx-2M9DKR7C",
        "currency": "EUR",
        "authorized": 9000,
        "captured": 9000,
        "refunded": 0,
        "cancelled": 0,
        "charged_back": 0,
    }


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ({"number": DECLINED}, ErrorCode.TRANSACTION_DECLINED),
        ({"full_name": "Insufficient Funds"}, ErrorCode.CREDIT_LIMIT_EXCEEDED),
        ({"full_name": "expired card"}, ErrorCode.INVALID_CARD_EXPIRY),
        ({"full_name": "incorrect cvv"}, ErrorCode.INVALID_CARD_NUMBER),
        ({"full_name": "issuer unavailable"}, ErrorCode.PROCESSOR_UNAVAILABLE),
        ({"full_name": "invalid merchant"}, ErrorCode.UNDEFINED_CARD_ERROR),
        ({"year": 2020}, ErrorCode.INVALID_CARD_EXPIRY),
    ],
    ids=str,
)
def test_a_refused_card_says_why_and_moves_nothing(processor: Processor, card: dict[str, Any], code: ErrorCode) -> None:
    refused = processor.charge(card=card)

    assert refused.kind is K.DECLINED
    assert refused.decline is not None
    assert refused.decline.code is code
    assert [row["captured"] for row in processor.sandbox.get("money")["money"] if row["gateway"] == "spreedly"] in (
        [],
        [0],
    )


def test_a_real_card_at_a_test_gateway_is_our_fault_and_no_decline(processor: Processor) -> None:
    with pytest.raises(Rejected, match="402"):
        processor.charge(card={"number": "4242424242424242"})


def test_a_token_that_was_never_made_or_is_purged_is_a_decline(processor: Processor) -> None:
    token = processor.token()
    processor.sandbox.post(f"spreedly/cards/{token}/purge")

    for gone in (token, "made-up"):
        refused = processor.gateway.charge(charge_request(payment_token=gone))
        assert refused.decline is not None
        assert refused.decline.raw_code == "errors.payment_method_not_found"


def test_a_page_that_is_not_signed_by_us_gets_no_token_and_a_signature_serves_once(processor: Processor) -> None:
    path = f"{processor.sandbox.url}/control/spreedly/environments/{ENVIRONMENT_KEY}/pay"
    client = processor.gateway.open(open_request()).client
    proof = {name: client[name] for name in ("nonce", "timestamp", "certificateToken", "signature")}

    def statuses(*proofs: dict[str, Any]) -> list[int]:
        return [httpx.post(path, json={**GOOD, **each}).status_code for each in proofs]

    assert statuses({}, {**proof, "nonce": "another"}, {**proof, "timestamp": "1"}) == [422] * 3
    assert statuses(proof, proof) == [201, 422]


def test_an_uploaded_certificate_proves_pages_signed_with_its_key(processor: Processor) -> None:
    key = load_pem_private_key(private_key().encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pay.example.com")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, datetime(2026, 1, 1), datetime(2036, 1, 1))  # noqa: DTZ001
    pem = builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()
    token = httpx.post(
        f"{processor.sandbox.url}/spreedly/v1/certificates.json",
        json={"certificate": {"pem": pem}},
        auth=(ENVIRONMENT_KEY, ACCESS_SECRET),
    ).json()["certificate"]["token"]
    processor.gateway = spreedly_at(processor.sandbox.url, certificate_token=token)

    assert processor.token()


@pytest.mark.parametrize("money", [Money(1500, "JPY"), Money(12_340, "KWD"), Money(4500, "ISK")], ids=str)
def test_other_decimals_come_back_as_they_went(processor: Processor, money: Money) -> None:
    payment = processor.paid(money, reference="tx-2M9DKR7C")
    refund = processor.gateway.refund(refund_request(money, payment_reference=payment))

    assert refund.money == money
    row = processor.money("tx-2M9DKR7C")
    assert (row["captured"], row["refunded"], row["currency"]) == (money.minor, money.minor, money.currency)


# After the payment


def test_an_authorization_is_captured_in_part_and_its_refund_finds_the_capture(processor: Processor) -> None:
    payment = processor.paid(captures_at_once=False, reference="tx-2M9DKR7C")
    captured = processor.gateway.capture(capture_request(Money(6000, "EUR"), payment_reference=payment))
    refunded = processor.gateway.refund(refund_request(Money(1500, "EUR"), payment_reference=payment))
    row = processor.money("tx-2M9DKR7C")

    assert (captured.kind, captured.money) == (K.CAPTURED, Money(6000, "EUR"))
    assert (refunded.kind, refunded.money) == (K.REFUNDED, Money(1500, "EUR"))
    assert (captured.reference.payment, refunded.reference.payment) == (payment, payment)
    assert (row["authorized"], row["captured"], row["refunded"]) == (9000, 6000, 1500)
    everything = processor.gateway.fetch(Reference(gateway=payment, payment=payment))
    assert [one.kind for one in everything] == [K.AUTHORIZED, K.CAPTURED, K.REFUNDED]
    assert {one.event_key for one in everything} >= {captured.event_key, refunded.event_key}
    assert {one.reference.payment for one in everything} == {payment}


def test_refunds_are_bounded_by_what_was_captured(processor: Processor) -> None:
    payment = processor.paid()
    first = processor.gateway.refund(refund_request(Money(5000, "EUR"), payment_reference=payment))
    second = processor.gateway.refund(refund_request(Money(5000, "EUR"), payment_reference=payment))

    assert (first.kind, second.kind) == (K.REFUNDED, K.REFUND_FAILED)


def test_an_uncaptured_authorization_has_nothing_to_refund(processor: Processor) -> None:
    payment = processor.paid(captures_at_once=False)

    with pytest.raises(Rejected):
        processor.gateway.refund(refund_request(payment_reference=payment))


@pytest.mark.parametrize("amount", [44, 9001])
def test_a_capture_that_the_processor_refuses_has_failed(processor: Processor, amount: int) -> None:
    payment = processor.paid(captures_at_once=False)

    outcome = processor.gateway.capture(capture_request(Money(amount, "EUR"), payment_reference=payment))

    assert outcome.kind is K.CAPTURE_FAILED


def test_an_authorization_is_released_once(processor: Processor) -> None:
    payment = processor.paid(captures_at_once=False, reference="tx-2M9DKR7C")
    first, second = (processor.gateway.void(void_request(payment_reference=payment)) for _ in range(2))

    assert (first.kind, second.kind) == (K.VOIDED, K.VOID_FAILED)
    assert processor.money("tx-2M9DKR7C")["cancelled"] == 9000


def test_undoing_what_turns_out_to_be_captured_gives_it_back(processor: Processor) -> None:
    payment = processor.paid(captures_at_once=False)
    processor.gateway.capture(capture_request(payment_reference=payment))

    undone = processor.gateway.void(void_request(payment_reference=payment, may_be_captured=True))
    refused = processor.gateway.void(void_request(payment_reference=payment))

    assert (undone.kind, undone.money) == (K.REFUNDED, Money(9000, "EUR"))
    assert (undone.reference.ours, undone.reference.payment) == ("tx-8B6QYN2D", payment)
    assert refused.kind is K.VOID_FAILED


def test_a_refund_in_spreedlys_own_pages_is_found_when_the_payment_is_looked_up(processor: Processor) -> None:
    payment = processor.paid()
    processor.act(payment, "refund", amount=2500)

    paid, refund = processor.gateway.fetch(Reference(payment=payment))

    assert (paid.kind, refund.kind) == (K.CAPTURED, K.REFUNDED)
    assert (refund.reference.ours, refund.money) == (None, Money(2500, "EUR"))
    assert processor.deliveries == []


# Kept cards


def test_a_card_is_kept_charged_without_the_guest_and_deleted(processor: Processor) -> None:
    first = processor.charge(stores_card=True)
    assert first.card is not None
    assert first.card.token
    token = first.card.token

    charged = processor.gateway.charge(kept_card_request(card_token=token))
    processor.sandbox.post(f"spreedly/cards/{token}/holder", full_name="stop recurring payment")
    stopped = processor.gateway.charge(kept_card_request(card_token=token, reference="tx-STOPPED"))
    for _ in range(2):
        processor.gateway.revoke_card(RevokeCardRequest(card_token=token, shopper_reference="c-1204"))
    after = processor.gateway.charge(kept_card_request(card_token=token, reference="tx-AFTER"))

    assert charged.kind is K.CAPTURED
    assert charged.card is not None
    assert charged.card.token is None
    for refused in (stopped, after):
        assert refused.kind is K.DECLINED
        assert refused.decline is not None
        assert refused.decline.is_card_gone


def test_a_card_that_was_not_to_be_kept_is_told_without_a_token(processor: Processor) -> None:
    card = processor.charge().card

    assert card is not None
    assert card.token is None


# 3-D Secure


def test_a_challenge_is_passed_and_answer_callback_and_evidence_agree(processor: Processor) -> None:
    asked = processor.charge(card={"number": ENROLLED, "month": 10, "year": 2029}, stores_card=True)
    token = asked.reference.gateway
    assert token
    assert asked.kind is K.ACTION_REQUIRED
    assert asked.action is not None
    assert asked.action.type == "challenge"
    (still,) = processor.gateway.complete(complete_request(evidence=token))

    page = httpx.get(asked.action.url)
    back = httpx.post(asked.action.url, data={"password": "password"})
    (told,) = processor.callbacks()
    paid, card = processor.gateway.complete(complete_request(evidence=token))

    assert "EUR 90.00" in page.text
    assert back.headers["location"] == f"https://shop.example.com/return?transaction_token={token}"
    assert (still.kind, still.event_key) == (K.ACTION_REQUIRED, asked.event_key)
    assert told.kind is paid.kind is K.CAPTURED
    assert told.event_key == paid.event_key
    assert told.reference.ours == paid.reference.ours == asked.reference.ours
    assert told.money == Money(9000, "EUR")
    assert card.kind is K.CARD_STORED
    assert card.card is not None
    assert card.card.token


@pytest.mark.parametrize(("number", "password"), [(ENROLLED, "wrong"), (NOT_AUTHENTICATED, "password")])
def test_a_challenge_that_is_not_passed_is_a_decline(processor: Processor, number: str, password: str) -> None:
    asked = processor.charge(card={"number": number, "month": 10, "year": 2029})
    assert asked.action is not None
    httpx.post(asked.action.url, data={"password": password})
    (told,) = processor.callbacks()
    (looked_up,) = processor.gateway.complete(complete_request(evidence=asked.reference.gateway))

    assert told.kind is looked_up.kind is K.DECLINED
    assert told.event_key == looked_up.event_key
    assert looked_up.decline is not None
    assert looked_up.decline.raw_code == "cardholder_authentication_required"
    assert httpx.get(asked.action.url).status_code == 404


@pytest.mark.parametrize(
    ("amount", "actions", "ends"),
    [
        (3001, [], K.CAPTURED),
        (3002, ["redirect"], K.CAPTURED),
        (3003, ["device_fingerprint"], K.CAPTURED),
        (3004, ["device_fingerprint", "challenge"], K.CAPTURED),
        (3005, ["challenge"], K.CAPTURED),
        (3103, ["device_fingerprint"], K.DECLINED),
        (3104, ["challenge"], K.DECLINED),
    ],
)
def test_the_published_amounts_lead_through_the_published_steps(
    processor: Processor, amount: int, actions: list[str], ends: OutcomeKind
) -> None:
    outcome = processor.charge(Money(amount, "EUR"), card={"number": ENROLLED, "month": 10, "year": 2029})
    token, seen = outcome.reference.gateway, []
    assert token

    while outcome.action is not None:
        seen.append(outcome.action.type)
        if outcome.action.type != "device_fingerprint":
            assert outcome.action.url
            processor.act(token, "authenticate", passed=True)
        (outcome,) = processor.gateway.complete(complete_request(evidence=token))

    assert (seen, outcome.kind) == (actions, ends)


def test_a_guest_who_walks_away_is_given_up_when_spreedly_is_asked(processor: Processor) -> None:
    asked = processor.charge(Money(3005, "EUR"), card={"number": ENROLLED, "month": 10, "year": 2029})
    token = asked.reference.gateway
    assert token
    processor.act(token, "abandon")

    (given_up,) = processor.gateway.complete(complete_request(evidence=token))

    assert given_up.kind is K.DECLINED


def test_a_transaction_of_another_guest_is_no_evidence(processor: Processor) -> None:
    others = processor.paid(opening_reference="op-OTHER")

    with pytest.raises(Rejected, match="another opening"):
        processor.gateway.complete(complete_request(evidence=others))


def test_a_callback_in_xml_says_the_same(processor: Processor) -> None:
    token = processor.token(number=ENROLLED, month=10, year=2029)
    wish = {
        "payment_method_token": token,
        "amount": 9000,
        "currency_code": "EUR",
        "order_id": "tx-2M9DKR7C",
        "description": "Tom & Ada <3",
        "attempt_3dsecure": True,
        "three_ds_version": "2",
        "redirect_url": "https://shop.example.com/return",
        "callback_url": "https://callbacks.example.com/",
    }
    answer = httpx.post(
        f"{processor.sandbox.url}/spreedly/v1/gateways/{GATEWAY_TOKEN}/purchase.json",
        json={"transaction": wish},
        auth=(ENVIRONMENT_KEY, ACCESS_SECRET),
    ).json()["transaction"]
    processor.act(answer["token"], "authenticate")
    (told,) = processor.callbacks()

    assert processor.deliveries[0].headers["content-type"].startswith("application/xml")
    assert (told.kind, told.money, told.reference.ours) == (K.CAPTURED, Money(9000, "EUR"), "tx-2M9DKR7C")


@pytest.mark.parametrize("fault", ["wrong_amount", "wrong_currency"])
def test_a_wrong_figure_is_told_as_it_was_said(processor: Processor, fault: str) -> None:
    processor.fails("webhook", fault)
    asked = processor.charge(card={"number": ENROLLED, "month": 10, "year": 2029})
    processor.act(str(asked.reference.gateway), "authenticate")

    assert (
        processor.callbacks()[0].money
        == {"wrong_amount": Money(9100, "EUR"), "wrong_currency": Money(9000, "USD")}[fault]
    )


def test_a_wrongly_signed_callback_is_refused_and_a_doubled_one_has_one_key(processor: Processor) -> None:
    for fault, count in (("wrongly_signed", 1), ("doubled", 3)):
        processor.fails("webhook", fault)
        asked = processor.charge(card={"number": ENROLLED, "month": 10, "year": 2029})
        processor.act(str(asked.reference.gateway), "authenticate")
        processor.arrive(count)

    forged, *twins = processor.deliveries
    with pytest.raises(InvalidSignature):
        processor.gateway.verify_webhook(forged)
    assert len({processor.gateway.verify_webhook(twin).delivery_key for twin in twins}) == 1


# Faults


def calls(processor: Processor, operation: str, spreedly: SpreedlyGateway) -> Callable[[], Any]:
    match operation:
        case "purchase":
            token = processor.token()
            return lambda: spreedly.charge(charge_request(payment_token=token))
        case "authorize":
            token = processor.token()
            return lambda: spreedly.charge(charge_request(payment_token=token, captures_at_once=False))
        case "capture":
            payment = processor.paid(captures_at_once=False)
            return lambda: spreedly.capture(capture_request(payment_reference=payment))
        case "void":
            payment = processor.paid(captures_at_once=False)
            return lambda: spreedly.void(void_request(payment_reference=payment))
        case "credit":
            payment = processor.paid()
            return lambda: spreedly.refund(refund_request(payment_reference=payment))
        case _:
            payment = processor.paid()
            return lambda: spreedly.complete(complete_request(evidence=payment))


@pytest.mark.parametrize("operation", ["purchase", "authorize", "capture", "void", "credit", "show"])
def test_every_fault_leaves_the_outcome_unknown(processor: Processor, operation: str) -> None:
    impatient = spreedly_at(processor.sandbox.url, timeout_seconds="0.4")
    for fault in FAULTS:
        ask = calls(processor, operation, impatient)
        before = processor.asked(operation)
        processor.fails(operation, fault, seconds=1)

        with pytest.raises(AnswerLost):
            ask()

        assert processor.asked(operation) == before + 1, fault
    ask = calls(processor, operation, processor.gateway)
    processor.fails(operation, "in_progress")
    with pytest.raises(NotSent):
        ask()
    ask()


def test_an_answer_lost_is_found_again_by_our_name_and_the_money_moved_once(processor: Processor) -> None:
    processor.fails("purchase", "answer_lost")
    with pytest.raises(AnswerLost):
        processor.charge(reference="tx-LOST", stores_card=True)

    paid, card = processor.gateway.fetch(Reference(ours="tx-LOST"))
    payment = paid.reference.gateway
    processor.fails("credit", "answer_lost")
    with pytest.raises(AnswerLost):
        processor.gateway.refund(refund_request(payment_reference=payment))
    found = processor.gateway.fetch(Reference(ours="tx-9W4TB6NE", payment=payment))

    assert (paid.kind, paid.money, card.kind) == (K.CAPTURED, Money(9000, "EUR"), K.CARD_STORED)
    assert [(one.kind, one.reference.ours) for one in found if one.kind is K.REFUNDED] == [(K.REFUNDED, "tx-9W4TB6NE")]
    assert (processor.money("tx-LOST")["captured"], processor.money("tx-LOST")["refunded"]) == (9000, 3000)
    assert processor.gateway.fetch(Reference(ours="tx-NEVER-SENT")) == ()


def test_a_result_that_spreedly_does_not_know_is_asked_of_the_processor(processor: Processor) -> None:
    with pytest.raises(AnswerLost):
        processor.charge(reference="tx-UNKNOWN", card={"full_name": "result unknown"})
    processor.fails("sync", "unavailable")
    with pytest.raises(AnswerLost):
        processor.gateway.fetch(Reference(ours="tx-UNKNOWN"))

    (paid,) = processor.gateway.fetch(Reference(ours="tx-UNKNOWN"))

    assert (paid.kind, paid.reference.ours) == (K.CAPTURED, "tx-UNKNOWN")


# Pages and the sandbox itself


def test_a_person_enters_a_card_on_the_page_and_is_sent_back_with_its_token(processor: Processor) -> None:
    client = processor.gateway.open(open_request()).client
    query = {**client, "amount": "€90.00", "redirect_url": "https://shop.example.com/thanks?b=1"}
    card = {"number": "4111 1111 1111 1111", "expiry": "03 / 30", "verification_value": "123", "full_name": "Ada <b>"}
    address = f"{processor.sandbox.url}/spreedly/express"

    form = httpx.get(address, params=query)
    wrong = httpx.post(address, params=query, data={**card, "number": "4111 1111 1111 1112"})
    done = httpx.post(address, params=query, data=card)

    assert "€90.00" in form.text
    assert "default-src 'none'" in form.headers["content-security-policy"]
    assert (wrong.status_code, "Number is invalid" in wrong.text) == (422, True)
    assert "4111" not in re.sub(r"<dl>.*</dl>", "", wrong.text)
    assert "Ada &lt;b&gt;" in wrong.text
    found = re.fullmatch(
        r"https://shop\.example\.com/thanks\?b=1&payment_method_token=(\w{27})", done.headers["location"]
    )
    assert found is not None
    assert processor.gateway.charge(charge_request(payment_token=found[1])).kind is K.CAPTURED
    assert httpx.get(address, params={"env": "none"}).status_code == 404


def test_nothing_that_the_sandbox_keeps_or_shows_holds_a_card_number(processor: Processor) -> None:
    httpx.post(
        f"{processor.sandbox.url}/spreedly/v1/payment_methods.json",
        json={"payment_method": {"credit_card": GOOD}},
        auth=(ENVIRONMENT_KEY, ACCESS_SECRET),
    ).raise_for_status()
    processor.charge(stores_card=True)
    shown = [
        processor.sandbox.get(path)
        for path in ("requests", "spreedly/cards", "spreedly/transactions", "spreedly/accounts", "money")
    ]

    everything = str(shown)
    assert "4111111111111111" not in everything
    assert "'123'" not in everything
    assert ACCESS_SECRET not in everything
    assert SIGNING_SECRET not in everything


@pytest.mark.parametrize(
    ("auth", "status"),
    [((ENVIRONMENT_KEY, "wrong"), 401), (("nobody", ACCESS_SECRET), 401), ((ENVIRONMENT_KEY, ACCESS_SECRET), 200)],
)
def test_only_the_environments_own_secret_opens_it(processor: Processor, auth: tuple[str, str], status: int) -> None:
    address = f"{processor.sandbox.url}/spreedly/v1/gateways/{GATEWAY_TOKEN}/transactions.json"

    assert httpx.get(address, auth=auth).status_code == status
    assert httpx.get(address, headers={"Authorization": f"Bearer {base64.b64encode(b'x').decode()}"}).status_code == 401


def test_the_demos_own_accounts_fit_the_sandbox(processor: Processor) -> None:
    fields = standin.credentials("spreedly-eu", lambda name: (name.encode().hex() * 8)[:64], processor.sandbox.url)
    described = standin.sandbox_account(fields, "http://127.0.0.1:9/")
    processor.sandbox.put(f"spreedly/accounts/{standin.account_name(described)}", **described)
    spreedly = SpreedlyGateway(fields)
    client = spreedly.open(open_request()).client
    assert (standin.opened(client), standin.opened(spreedly.client_settings(money=NINETY_EUROS, country_code=""))) == (
        client["nonce"],
        "",
    )

    path, body = standin.guest_pays(client, is_good=True)
    answer = processor.sandbox.post(path, **body)

    assert standin.said(answer) == "cached: visa XXXX-XXXX-XXXX-1111"
    token = standin.brought(client, answer)["token"]
    assert token == standin.attempt(answer)
    assert spreedly.charge(charge_request(payment_token=token)).kind is K.CAPTURED
    path, body = standin.guest_pays(spreedly.open(open_request()).client, is_good=False)
    declined = processor.sandbox.post(path, **body)["token"]
    assert spreedly.charge(charge_request(payment_token=declined)).kind is K.DECLINED
    assert set(fields) == set(credentials(""))
