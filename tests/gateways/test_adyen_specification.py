"""The adapter against Adyen's own documents, where they lie beside the checkout."""

import csv
import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from gateways.adapters.adyen import wire
from gateways.adapters.adyen.settlement import SETTLEMENT_DETAILS
from gateways.adapters.adyen.wire import EXPONENTS
from gateways.errors import GatewayError, InvalidSignature
from gateways.protocol import EncryptedCard, OutcomeKind, RawCard, Source
from money import Money
from tests.gateways.adyen_world import (
    ENCRYPTED_CARD,
    PROOF,
    RAW_CARD,
    SPECIFICATIONS,
    adyen_at,
    capture_request,
    card_request,
    charge_request,
    complete_request,
    delivery,
    open_request,
    proof_request,
    refund_request,
    sample,
    signed,
    signed_whole,
    void_request,
)
from tests.gateways.scripted_server import ScriptedServer

pytestmark = pytest.mark.skipif(
    not SPECIFICATIONS.is_dir(), reason="Adyen's specifications do not lie beside the checkout"
)


@cache
def document(name: str) -> Any:
    return json.loads((SPECIFICATIONS / name).read_text())


@cache
def validator(schema: str) -> Draft202012Validator:
    resource = DRAFT202012.create_resource(document("CheckoutService-v72.json"))
    registry: Registry[Any] = Registry().with_resource("urn:checkout", resource)
    return Draft202012Validator({"$ref": f"urn:checkout#/components/schemas/{schema}"}, registry=registry)


def faults(schema: str, body: Any) -> list[str]:
    return [error.message for error in validator(schema).iter_errors(body)]


def examples(section: dict[str, Any], name: str) -> list[Any]:
    """Return the examples of every webhook of a document, references resolved."""
    found = []
    for webhook in section.values():
        content = webhook["post"].get("requestBody", {}).get("content", {}).get("application/json", {})
        for example in content.get("examples", {}).values():
            if "$ref" in example:
                example = document(name)["components"]["examples"][example["$ref"].rsplit("/", 1)[1]]
            found.append(example["value"])
    return found


def answer_examples(prefix: str) -> list[Any]:
    """Return the documented answers (200 or 201) of one endpoint."""
    operations = document("CheckoutService-v72.json")
    found = []
    method, path = prefix.split(" ")
    for status, response in operations["paths"][path][method.lower()]["responses"].items():
        if status not in ("200", "201"):
            continue
        for example in response["content"]["application/json"].get("examples", {}).values():
            if "$ref" in example:
                example = operations["components"]["examples"][example["$ref"].rsplit("/", 1)[1]]
            found.append(example["value"])
    return found


OPENINGS: list[dict[str, Any]] = [
    {},
    {"captures_at_once": False},
    {"channel": "iOS", "source": Source.MOTO},
    {"source": Source.POS, "country_code": "", "locale": ""},
    {"stores_card": True, "shopper_reference": "c-1204", "email": "ada@example.com", "locale": "de_CH"},
    {"is_hosted": True, "locale": "de"},
    {"money": Money(5000, "CLP")},
    {"money": Money(12_345, "KWD")},
]


@pytest.mark.parametrize("change", OPENINGS, ids=str)
def test_every_session_we_ask_for_is_one_adyen_describes(server: ScriptedServer, change: dict[str, Any]) -> None:
    server.answers({}, status=503)
    with pytest.raises(GatewayError):
        adyen_at(server.url).open(open_request(**change))

    assert faults("CreateCheckoutSessionRequest", server.asked[0].json) == []
    described = document("CheckoutService-v72.json")["components"]["schemas"]["CreateCheckoutSessionRequest"][
        "properties"
    ]
    assert set(server.asked[0].json) <= set(described)


@pytest.mark.parametrize("change", [{}, {"captures_at_once": False}, {"source": Source.MOTO}], ids=str)
def test_every_charge_we_ask_for_is_one_adyen_describes(server: ScriptedServer, change: dict[str, Any]) -> None:
    server.answers({}, status=503)
    with pytest.raises(GatewayError):
        adyen_at(server.url).charge(charge_request(**change))

    assert faults("PaymentRequest", server.asked[0].json) == []


@pytest.mark.parametrize("card", [ENCRYPTED_CARD, RAW_CARD], ids=["encrypted", "raw"])
@pytest.mark.parametrize(
    "change",
    [{}, {"captures_at_once": False}, {"source": Source.MOTO}, {"shopper": None}, {"return_url": ""}],
    ids=str,
)
def test_every_charge_of_a_card_by_its_details_is_one_adyen_describes(
    server: ScriptedServer, card: EncryptedCard | RawCard, change: dict[str, Any]
) -> None:
    server.answers({}, status=503)
    with pytest.raises(GatewayError):
        adyen_at(server.url).charge(card_request(card, **change))

    assert faults("PaymentRequest", server.asked[0].json) == []
    described = document("CheckoutService-v72.json")["components"]["schemas"]["PaymentRequest"]["properties"]
    assert set(server.asked[0].json) <= set(described)


@pytest.mark.parametrize(
    "proof", [PROOF, {"MD": "Ab02", "PaRes": "eNrN"}, {"threeDSResult": "eyJ0", "paymentData": "Ab02b4c0"}], ids=str
)
def test_every_proof_we_bring_is_one_adyen_describes(server: ScriptedServer, proof: dict[str, str]) -> None:
    server.answers({}, status=503)
    with pytest.raises(GatewayError):
        adyen_at(server.url).complete(proof_request(proof=proof))

    assert faults("PaymentDetailsRequest", server.asked[0].json) == []


def test_every_modification_we_ask_for_is_one_adyen_describes(server: ScriptedServer) -> None:
    server.answers({}, status=503)
    adyen = adyen_at(server.url)
    asked: list[tuple[Callable[[], Any], str]] = [
        (lambda: adyen.capture(capture_request()), "PaymentCaptureRequest"),
        (lambda: adyen.void(void_request()), "PaymentCancelRequest"),
        (lambda: adyen.void(void_request(may_be_captured=True)), "PaymentReversalRequest"),
        (lambda: adyen.refund(refund_request()), "PaymentRefundRequest"),
    ]

    for call, schema in asked:
        with pytest.raises(GatewayError):
            call()
        assert faults(schema, server.asked[-1].json) == []


def test_the_validator_would_notice() -> None:
    assert faults("PaymentRefundRequest", {"merchantAccount": "ToursEU"}) != []
    assert faults("PaymentRefundRequest", {"merchantAccount": "T", "amount": {"currency": "EUR", "value": "1"}}) != []
    assert faults("PaymentCancelRequest", {"merchantAccount": "ToursEU", "invented": 1}) != []


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("session_created", "CreateCheckoutSessionResponse"),
        ("session_completed", "SessionResultResponse"),
        ("payment_authorised", "PaymentResponse"),
        ("payment_refused", "PaymentResponse"),
        ("payment_unprocessable", "ServiceError"),
        ("refund_received", "PaymentRefundResponse"),
    ],
)
def test_our_samples_are_adyens_talk(name: str, schema: str) -> None:
    assert faults(schema, sample(name)) == []


def test_every_documented_answer_to_a_payment_is_read() -> None:
    documented = answer_examples("POST /payments")
    results = {answer.get("resultCode") for answer in documented}

    outcomes = [
        wire.charged_of({"pspReference": "QFQTPCQ8HXSKGK82", **answer}, charge_request())
        for answer in documented
        if "resultCode" in answer
    ]

    assert len(outcomes) >= 10
    assert {"Authorised", "RedirectShopper"} <= results
    for answer, outcome in zip([one for one in documented if "resultCode" in one], outcomes, strict=True):
        assert (outcome.kind is OutcomeKind.AUTHORIZED) == (answer["resultCode"] == "Authorised")


def test_every_documented_session_result_is_read() -> None:
    documented = answer_examples("GET /sessions/{sessionId}")

    assert documented
    for answer in documented:
        opening = {"opening_reference": answer["id"], "reference": answer.get("reference", "op-7Q2KMX4H")}
        assert wire.session_result_of(answer, complete_request(**opening))


def test_every_documented_webhook_is_read() -> None:
    documented = examples(document("Webhooks-v1.json")["webhooks"], "Webhooks-v1.json")
    assert len(documented) == 42
    kinds: dict[str, OutcomeKind] = {}

    for message in documented:
        items = [wrapped["NotificationRequestItem"] for wrapped in message.get("notificationItems", [])]
        for item in items:
            account = item["merchantAccountCode"]
            delivered = signed(item, live=message["live"])
            environment = "live" if message["live"] == "true" else "test"
            adyen = adyen_at("http://127.0.0.1:9", merchant_account=account, environment=environment)
            adyen.verify_webhook(delivered)
            (outcome,) = adyen.read_webhook(delivered)
            kinds[item["eventCode"]] = outcome.kind
            json.dumps(dict(outcome.raw))
        if not items:
            (outcome,) = adyen_at("http://127.0.0.1:9").read_webhook(delivery(message))
            assert outcome.kind is OutcomeKind.NOTE
            assert re.search(r"98765432|0123456|1234567", json.dumps(dict(outcome.raw))) is None

    assert kinds["AUTHORISATION"] is OutcomeKind.AUTHORIZED
    assert kinds["REFUND"] is OutcomeKind.REFUND_FAILED
    assert kinds["CHARGEBACK_REVERSED"] is OutcomeKind.CHARGEBACK_REVERSED
    assert kinds["RECURRING_CONTRACT"] is OutcomeKind.CARD_STORED


def test_every_documented_token_webhook_is_read() -> None:
    name = "TokenizationNotification-v1.json"
    documented = examples(document(name)["webhooks"], name)

    kinds = {}
    for message in documented:
        delivered = signed_whole(message)
        adyen = adyen_at("http://127.0.0.1:9", merchant_account=message["data"]["merchantAccount"])
        adyen.verify_webhook(delivered)
        (outcome,) = adyen.read_webhook(delivered)
        kinds[message["type"]] = outcome.kind

    assert kinds == {
        "recurring.token.created": OutcomeKind.CARD_STORED,
        "recurring.token.updated": OutcomeKind.CARD_STORED,
        "recurring.token.alreadyExisting": OutcomeKind.CARD_STORED,
        "recurring.token.disabled": OutcomeKind.CARD_REVOKED,
    }


def test_adyens_published_signatures_verify_and_a_changed_amount_does_not() -> None:
    vectors = document("hmac-vectors.json")
    notifications = [vector for vector in vectors if vector["scheme"] == "notification"]
    assert len(notifications) == 6

    for vector in notifications:
        item = {**vector["item"], "additionalData": {"hmacSignature": vector["expected"]}}
        adyen = adyen_at(
            "http://127.0.0.1:9", merchant_account=item["merchantAccountCode"], hmac_keys=vector["hmacKeyHex"]
        )

        def deliver(item: dict[str, Any]) -> Any:
            return delivery({"live": "false", "notificationItems": [{"NotificationRequestItem": item}]})

        assert adyen.verify_webhook(deliver(item)).delivery_key
        with pytest.raises(InvalidSignature):
            adyen.verify_webhook(deliver({**item, "amount": {**item["amount"], "value": item["amount"]["value"] + 1}}))


def test_the_column_map_fits_a_settlement_report() -> None:
    path = SPECIFICATIONS / "sample-settlement_detail_report_batch_42.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert {column.header for column in SETTLEMENT_DETAILS.columns if column.is_required} <= set(rows[0])
    assert {row["Type"] for row in rows} <= set(SETTLEMENT_DETAILS.types)
    assert len({column.field for column in SETTLEMENT_DETAILS.columns}) == len(SETTLEMENT_DETAILS.columns)


def test_adyens_own_decimals_are_those_of_its_documentation() -> None:
    assert EXPONENTS.money_of(500_000, "CLP") == Money(5000, "CLP")
    assert EXPONENTS.money_of(5, "CVE") == Money(500, "CVE")
