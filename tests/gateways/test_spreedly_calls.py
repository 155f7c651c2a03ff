"""What Spreedly is asked, and what becomes of its answers, against a server that answers as told."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateways.adapters.spreedly import standin
from gateways.adapters.spreedly.gateway import SpreedlyGateway
from gateways.adapters.spreedly.refusals import CARD_IS_GONE, REFUSALS, decline_of
from gateways.errors import AnswerLost, ErrorCode, MisconfiguredAccount, NotSent, Rejected, Unsupported
from gateways.protocol import Action, Card, OutcomeKind, Reference, Source
from money import Money
from tests.gateways.scripted_server import ScriptedServer
from tests.gateways.spreedly_world import (
    ACCESS_SECRET,
    CALLBACK_URL,
    CARD,
    CERTIFICATE_TOKEN,
    ENVIRONMENT_KEY,
    GATEWAY_TOKEN,
    PAYMENT,
    changed,
    charge_request,
    complete_request,
    credentials,
    kept_card_request,
    open_request,
    private_key,
    sample,
    spreedly_at,
)

K = OutcomeKind
THREE_DS = {
    "attempt_3dsecure": True,
    "three_ds_version": "2",
    "redirect_url": "https://shop.example.com/return",
    "callback_url": CALLBACK_URL,
    "callback_format": "json",
}


# The page


def test_a_page_is_signed_with_the_certificates_key_over_nonce_timestamp_and_certificate(
    server: ScriptedServer,
) -> None:
    spreedly = spreedly_at(server.url)

    opened, again = spreedly.open(open_request()), spreedly.open(open_request())

    client = opened.client
    assert set(client) == {"env", "nonce", "timestamp", "certificateToken", "signature"}
    assert (client["env"], client["certificateToken"]) == (ENVIRONMENT_KEY, CERTIFICATE_TOKEN)
    assert abs(int(client["timestamp"]) - datetime.now(UTC).timestamp()) < 60
    assert client["nonce"] != again.client["nonce"]
    key = load_pem_private_key(private_key().encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    text = f"{client['nonce']}{client['timestamp']}{CERTIFICATE_TOKEN}".encode()
    key.public_key().verify(base64.b64decode(client["signature"]), text, padding.PKCS1v15(), SHA256())
    assert opened.gateway_reference == "op-7Q2KMX4H"
    assert opened.expires_at == open_request().expires_at
    assert server.asked == []


def test_a_key_on_a_curve_signs_too_and_line_ends_may_be_written_out() -> None:
    made = standin.credentials("spreedly-eu", lambda name: (name.encode().hex() * 8)[:64], "http://127.0.0.1:9")
    escaped = made["certificate_private_key"].replace("\n", "\\n")

    client = spreedly_at("", certificate_private_key=escaped).open(open_request()).client

    key = load_pem_private_key(made["certificate_private_key"].encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    text = f"{client['nonce']}{client['timestamp']}{CERTIFICATE_TOKEN}".encode()
    key.public_key().verify(base64.b64decode(client["signature"]), text, ec.ECDSA(SHA256()))


def test_without_a_certificate_and_before_anything_is_open_a_page_is_given_nulls() -> None:
    nulls = {"env": ENVIRONMENT_KEY, "nonce": None, "timestamp": None, "certificateToken": None, "signature": None}
    unsigned = spreedly_at("", certificate_token="", certificate_private_key="")

    assert unsigned.open(open_request()).client == nulls
    assert spreedly_at("").client_settings(money=Money(9000, "EUR"), country_code="DE") == nulls


@pytest.mark.parametrize("change", [{"is_hosted": True}, {"source": Source.POS}], ids=str)
def test_what_spreedly_has_no_page_for_is_not_opened(change: dict[str, Any]) -> None:
    with pytest.raises(Unsupported):
        spreedly_at("").open(open_request(**change))


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"environment_key": ""}, "environment_key"),
        ({"access_secret": ""}, "access_secret"),
        ({"gateway_token": ""}, "gateway_token"),
        ({"gateway_token": "../purchase"}, "gateway_token"),
        ({"signing_secrets": " , "}, "signing_secrets"),
        ({"environment": "production"}, "environment"),
        ({"attempt_3dsecure": "yes"}, "attempt_3dsecure"),
        ({"callback_url": ""}, "callback_url"),
        ({"certificate_token": ""}, "certificate_token"),
        ({"certificate_private_key": ""}, "certificate_private_key"),
        ({"certificate_private_key": "no key"}, "certificate_private_key"),
        ({"timeout_seconds": "13"}, "timeout_seconds"),
        ({"timeout_seconds": "soon"}, "timeout_seconds"),
    ],
    ids=str,
)
def test_an_account_says_what_it_lacks(change: dict[str, str], missing: str) -> None:
    assert SpreedlyGateway.missing_credentials(credentials("", **change)) == (missing,)
    with pytest.raises(MisconfiguredAccount, match=missing):
        spreedly_at("", **change)


def test_spreedly_itself_is_asked_unless_told_otherwise() -> None:
    # The one place where the vendor's own address is: production leaves the setting empty.
    assert "https://core.spreedly.com/v1" in str(vars(spreedly_at("", api_base_url="")))


# Charges


def test_a_card_that_a_guest_entered_is_bought_with(server: ScriptedServer) -> None:
    server.answers(sample("purchase_succeeded"))

    outcome = spreedly_at(server.url).charge(charge_request(browser_info="eyJ3aWR0aCI6M30="))

    (asked,) = server.asked
    assert (asked.method, asked.target) == ("POST", f"/spreedly/v1/gateways/{GATEWAY_TOKEN}/purchase.json")
    user = base64.b64encode(f"{ENVIRONMENT_KEY}:{ACCESS_SECRET}".encode()).decode()
    assert asked.headers["authorization"] == f"Basic {user}"
    assert asked.json == {
        "transaction": {
            "payment_method_token": CARD,
            "order_id": "tx-2M9DKR7C",
            "amount": 9000,
            "currency_code": "EUR",
            "description": "op-7Q2KMX4H",
            "retain_on_success": True,
            "stored_credential_initiator": "cardholder",
            "stored_credential_reason_type": "unscheduled",
            "browser_info": "eyJ3aWR0aCI6M30=",
            **THREE_DS,
        }
    }
    assert (outcome.kind, outcome.money) == (K.CAPTURED, Money(9000, "EUR"))
    assert outcome.reference == Reference(ours="tx-2M9DKR7C", gateway=PAYMENT, payment=PAYMENT)
    assert outcome.event_key == f"{PAYMENT}:succeeded"
    assert outcome.occurred_at == datetime(2026, 11, 21, 9, 0, 2, tzinfo=UTC)
    assert outcome.card == Card(brand="visa", last4="1111", bin="411111", expiry_month=3, expiry_year=2030, token=CARD)


def test_money_is_only_held_where_it_is_captured_later(server: ScriptedServer) -> None:
    server.answers(changed("purchase_succeeded", transaction_type="Authorization", retain_on_success=False))

    outcome = spreedly_at(server.url).charge(charge_request(captures_at_once=False, stores_card=False))

    (asked,) = server.asked
    assert asked.target.endswith("/authorize.json")
    assert "retain_on_success" not in asked.json["transaction"]
    assert outcome.kind is K.AUTHORIZED
    assert outcome.card is not None
    assert outcome.card.token is None


@pytest.mark.parametrize(
    ("change", "credential"),
    [({}, "false"), ({}, ""), ({"return_url": ""}, "true"), ({"source": Source.MOTO}, "true")],
    ids=str,
)
def test_3d_secure_is_asked_for_only_where_the_account_wants_it_and_a_guest_can_come_back(
    server: ScriptedServer, change: dict[str, Any], credential: str
) -> None:
    server.answers(sample("purchase_succeeded"))

    spreedly_at(server.url, attempt_3dsecure=credential).charge(charge_request(**change))

    assert not {*THREE_DS, "browser_info"} & set(server.asked[0].json["transaction"])


@pytest.mark.parametrize(("source", "initiator"), [(Source.ECOM, "merchant"), (Source.MOTO, "cardholder")])
def test_a_kept_card_is_charged_without_the_guest(server: ScriptedServer, source: Source, initiator: str) -> None:
    server.answers(changed("purchase_succeeded", retain_on_success=False))

    spreedly_at(server.url).charge(kept_card_request(source=source))

    assert server.asked[0].json["transaction"] == {
        "payment_method_token": CARD,
        "order_id": "tx-2M9DKR7C",
        "amount": 9000,
        "currency_code": "EUR",
        "stored_credential_initiator": initiator,
        "stored_credential_reason_type": "unscheduled",
    }


@pytest.mark.parametrize(("money", "told"), [(Money(1500, "JPY"), 150_000), (Money(12_345, "KWD"), 12_345)], ids=str)
def test_currencies_without_decimals_are_told_in_hundredths(server: ScriptedServer, money: Money, told: int) -> None:
    server.answers(changed("purchase_succeeded", amount=told, currency_code=money.currency))

    outcome = spreedly_at(server.url).charge(charge_request(money))

    assert server.asked[0].json["transaction"]["amount"] == told
    assert outcome.money == money


def test_a_currency_whose_decimals_are_not_known_is_not_sent(server: ScriptedServer) -> None:
    with pytest.raises(Rejected, match="CVE"):
        spreedly_at(server.url).charge(charge_request(Money(100, "CVE")))

    assert server.asked == []


def test_an_amount_other_than_asked_is_told_as_it_is(server: ScriptedServer) -> None:
    server.answers(changed("purchase_succeeded", amount=4500, currency_code="USD"))

    assert spreedly_at(server.url).charge(charge_request()).money == Money(4500, "USD")


def test_a_decline_is_http_422_and_told_in_the_processors_words(server: ScriptedServer) -> None:
    server.answers(sample("purchase_declined_with_reason"), status=422)

    outcome = spreedly_at(server.url).charge(charge_request())

    assert outcome.kind is K.DECLINED
    assert outcome.reference == Reference(ours="tx-2M9DKR7C", gateway=PAYMENT, payment=PAYMENT)
    assert outcome.decline is not None
    assert outcome.decline.code is ErrorCode.CREDIT_LIMIT_EXCEEDED
    assert (outcome.decline.raw_code, outcome.decline.raw_text) == ("insufficient_funds", "Insufficient Funds")
    assert outcome.raw["payment_outcome_data"] == {
        "failure_reason": "insufficient_funds",
        "network_advice_code": "retry_after_24_hours",
    }


def test_the_test_gateways_decline_has_no_code_and_is_a_decline(server: ScriptedServer) -> None:
    server.answers(sample("purchase_declined"), status=422)

    decline = spreedly_at(server.url).charge(charge_request()).decline

    assert decline is not None
    assert decline.code is ErrorCode.TRANSACTION_DECLINED
    assert decline.raw_text == "Unable to process the purchase transaction."


@pytest.mark.parametrize(("reason", "code"), [*REFUSALS.items(), ("something_new", ErrorCode.TRANSACTION_DECLINED)])
def test_every_reason_is_found_wherever_it_is_said(reason: str, code: ErrorCode) -> None:
    said: list[dict[str, Any]] = [
        {"gateway_response": {name: {"failure_reason": reason}}} for name in ("payment_outcome_data", "outcome_data")
    ]
    words = reason.replace("_", " ").title()
    said += [{"response": {"message": "No", name: words}} for name in ("error_code", "error_detail", "message")]

    found = [decline_of({**sample("purchase_declined")["transaction"], **each}) for each in said]

    assert {decline.code for decline in found} == {code}
    assert not any(decline.is_card_gone for decline in found)


def test_the_normalized_reason_comes_before_the_processors_words() -> None:
    reason = {"payment_outcome_data": {"failure_reason": "expired_card"}}
    response = {"error_code": "insufficient_funds", "message": "Do not honor"}

    normalized = decline_of({"gateway_response": reason, "response": response})
    raw = decline_of({"response": response})

    assert (normalized.code, normalized.raw_code) == (ErrorCode.INVALID_CARD_EXPIRY, "expired_card")
    assert (raw.code, raw.raw_code) == (ErrorCode.CREDIT_LIMIT_EXCEEDED, "insufficient_funds")


@pytest.mark.parametrize("advice", [*sorted(CARD_IS_GONE), "retry_after_24_hours", None])
def test_a_card_that_the_networks_forbid_to_charge_again_is_gone(server: ScriptedServer, advice: str | None) -> None:
    said = {"gateway_response": {"payment_outcome_data": {"failure_reason": "x", "network_advice_code": advice}}}
    server.answers(changed("purchase_declined", **said), status=422)

    decline = spreedly_at(server.url).charge(kept_card_request()).decline

    assert decline is not None
    assert decline.is_card_gone is (advice in CARD_IS_GONE)


@pytest.mark.parametrize(
    ("status", "error", "code", "is_gone"),
    [
        (422, {"key": "errors.expired", "attribute": "year"}, ErrorCode.INVALID_CARD_EXPIRY, False),
        (422, {"key": "errors.blank", "attribute": "month"}, ErrorCode.INVALID_CARD_EXPIRY, False),
        (422, {"key": "errors.invalid", "attribute": "number"}, ErrorCode.INVALID_CARD_NUMBER, False),
        (422, {"key": "errors.blank", "attribute": "verification_value"}, ErrorCode.INVALID_CARD_NUMBER, False),
        (422, {"key": "errors.blank", "attribute": "first_name"}, ErrorCode.UNDEFINED_CARD_ERROR, False),
        (404, {"key": "errors.payment_method_not_found"}, ErrorCode.UNDEFINED_CARD_ERROR, True),
        (422, {"key": "errors.payment_method_redacted"}, ErrorCode.UNDEFINED_CARD_ERROR, True),
    ],
    ids=str,
)
def test_a_card_that_spreedly_will_not_even_try_is_a_decline_and_nothing_was_charged(
    server: ScriptedServer, status: int, error: dict[str, str], code: ErrorCode, is_gone: bool
) -> None:
    server.answers({"errors": [{"message": "Sorry.", **error}]}, status=status)
    spreedly = spreedly_at(server.url)

    kept, entered = spreedly.charge(kept_card_request()), spreedly.charge(charge_request())

    for outcome in (kept, entered):
        assert (outcome.kind, outcome.reference) == (K.DECLINED, Reference(ours="tx-2M9DKR7C"))
        assert outcome.decline is not None
        assert (outcome.decline.code, outcome.decline.raw_code) == (code, error["key"])
    assert kept.decline is not None
    assert kept.decline.is_card_gone is is_gone
    assert entered.decline is not None
    assert not entered.decline.is_card_gone


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (402, {"errors": [{"key": "errors.account_inactive"}]}, Rejected),
        (404, {"errors": [{"key": "errors.gateway_not_found"}]}, Rejected),
        (422, {"errors": [{"key": "errors.invalid", "attribute": "currency_code"}]}, Rejected),
        (400, {}, Rejected),
        (422, {}, AnswerLost),
        (422, sample("purchase_succeeded"), AnswerLost),
        (408, {}, AnswerLost),
        (409, {}, AnswerLost),
        (503, {"errors": [{"key": "errors.circuit_breaker_open"}]}, NotSent),
        (503, {"errors": [{"key": "errors.service_unavailable"}]}, AnswerLost),
        (200, sample("purchase_unknown"), AnswerLost),
        (422, sample("purchase_unknown"), AnswerLost),
        (200, changed("purchase_succeeded", order_id="tx-OTHER"), AnswerLost),
        (200, changed("purchase_succeeded", gateway_token="GWother"), AnswerLost),
        (200, changed("purchase_succeeded", state="settling"), AnswerLost),
        (200, changed("purchase_succeeded", succeeded=False), AnswerLost),
        (200, changed("purchase_succeeded", amount="9000"), AnswerLost),
        (200, changed("purchase_succeeded", amount=90.0), AnswerLost),
        (200, changed("purchase_succeeded", token="../x"), AnswerLost),
        (200, changed("purchase_succeeded", transaction_type="Verification"), AnswerLost),
        (422, changed("purchase_declined", response={"result_unknown": True}), AnswerLost),
    ],
    ids=lambda one: str(one)[:60],
)
def test_what_is_no_word_about_the_card_is_never_a_decline(
    server: ScriptedServer, status: int, body: Any, problem: type[Exception]
) -> None:
    server.answers(body, status=status)

    with pytest.raises(problem) as raised:
        spreedly_at(server.url).charge(charge_request())

    assert type(raised.value) is problem or issubclass(type(raised.value), Rejected)


def test_a_guest_whose_bank_asks_is_told_what_to_do(server: ScriptedServer) -> None:
    server.answers(sample("purchase_pending"))

    outcome = spreedly_at(server.url).charge(charge_request())

    page = f"https://core.spreedly.com/test/challenge/{PAYMENT}"
    assert outcome.kind is K.ACTION_REQUIRED
    assert outcome.action == Action(type="challenge", url=page, fields={"transactionToken": PAYMENT})
    assert outcome.event_key == f"{PAYMENT}:pending:challenge"
    assert outcome.reference.opening == "op-7Q2KMX4H"
    assert page not in repr(outcome)


@pytest.mark.parametrize(
    ("change", "kind", "action"),
    [
        ({"required_action": "device_fingerprint", "challenge_url": None}, K.ACTION_REQUIRED, "device_fingerprint"),
        ({"required_action": None, "checkout_url": "https://x.example.com"}, K.ACTION_REQUIRED, "redirect"),
        ({"required_action": "none", "challenge_url": None}, K.PENDING, None),
        ({"required_action": None, "challenge_url": "javascript:alert(1)"}, K.PENDING, None),
        ({"state": "processing"}, K.PENDING, None),
    ],
    ids=str,
)
def test_what_is_pending_says_what_it_waits_for(
    server: ScriptedServer, change: dict[str, Any], kind: OutcomeKind, action: str | None
) -> None:
    server.answers(changed("purchase_pending", **change))

    outcome = spreedly_at(server.url).charge(charge_request())

    assert outcome.kind is kind
    assert (outcome.action.type if outcome.action else None) == action


def test_a_payment_taken_elsewhere_is_not_registered(server: ScriptedServer) -> None:
    with pytest.raises(Unsupported):
        spreedly_at(server.url).charge(charge_request(payment_token=None))

    assert server.asked == []


# What a guest comes back with


def test_a_finished_transaction_is_only_read(server: ScriptedServer) -> None:
    server.answers(changed("purchase_completed", retain_on_success=True))

    paid, card = spreedly_at(server.url).complete(complete_request())

    (asked,) = server.asked
    assert (asked.method, asked.target) == ("GET", f"/spreedly/v1/transactions/{PAYMENT}.json")
    assert (paid.kind, paid.event_key) == (K.CAPTURED, f"{PAYMENT}:succeeded")
    assert (card.kind, card.event_key) == (K.CARD_STORED, f"{PAYMENT}:card")
    assert card.card is not None
    assert card.card.token == CARD


def test_a_transaction_that_waits_is_completed(server: ScriptedServer) -> None:
    server.answers(sample("purchase_pending"))

    (outcome,) = spreedly_at(server.url).complete(complete_request())

    assert [(asked.method, asked.target.rsplit("/", 1)[1]) for asked in server.asked] == [
        ("GET", f"{PAYMENT}.json"),
        ("POST", "complete.json"),
    ]
    assert outcome.kind is K.ACTION_REQUIRED


def test_a_result_that_spreedly_does_not_know_is_not_finished(server: ScriptedServer) -> None:
    server.answers(changed("purchase_unknown", description="op-7Q2KMX4H"))

    assert spreedly_at(server.url).complete(complete_request()) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"description": None},
        {"description": "op-OTHER"},
        {"token": "TXanother8nRk6ZcV1mDsJhUeF"},
        {"gateway_token": "GWother"},
        {"transaction_type": "Credit", "reference_token": PAYMENT},
    ],
    ids=str,
)
def test_a_transaction_of_another_opening_is_refused_and_not_touched(
    server: ScriptedServer, change: dict[str, Any]
) -> None:
    server.answers(changed("purchase_completed", state="pending", succeeded=False, **change))

    with pytest.raises(Rejected, match="another opening"):
        spreedly_at(server.url).complete(complete_request())

    assert [asked.method for asked in server.asked] == ["GET"]


@pytest.mark.parametrize("evidence", ["", "../gateways", "TX8 qYwB", "short"])
def test_evidence_that_names_no_transaction_is_not_asked_about(server: ScriptedServer, evidence: str) -> None:
    with pytest.raises(Rejected):
        spreedly_at(server.url).complete(complete_request(evidence=evidence))

    assert server.asked == []
