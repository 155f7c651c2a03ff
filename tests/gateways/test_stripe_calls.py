"""What Stripe is asked, and what becomes of its answers, against a server that answers as told."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gateways.adapters.stripe.refusals import CARD_IS_GONE, REFUSALS
from gateways.errors import AnswerLost, Busy, ErrorCode, MisconfiguredAccount, NotSent, Rejected, Unsupported
from gateways.partner_talk import Brought
from gateways.protocol import Card, Outcome, OutcomeKind, Reference, Source
from gateways.scrubbing import BLANK
from money import Money
from tests.gateways.scripted_server import ScriptedServer
from tests.gateways.stripe_world import (
    CARD,
    CUSTOMER,
    INTENT,
    PUBLISHABLE_KEY,
    SECRET_KEY,
    TOKEN,
    capture_request,
    card_error,
    charge_request,
    complete_request,
    credentials,
    form,
    open_request,
    refund_request,
    refusal,
    sample,
    stripe_at,
    void_request,
)

K = OutcomeKind
CAPTURE = "tx-5H3JAF8V"


def test_a_sale_opens_an_intent_that_captures_at_once(server: ScriptedServer) -> None:
    server.answers(sample("intent_created"))

    opened = stripe_at(server.url).open(open_request())

    (asked,) = server.asked
    assert (asked.method, asked.target) == ("POST", "/stripe/v1/payment_intents")
    assert asked.headers["authorization"] == f"Bearer {SECRET_KEY}"
    assert asked.headers["idempotency-key"] == "0f8fad5b-d9cb-469f-a165-70867728950e"
    assert asked.headers["stripe-version"] == "2026-10-28.endive"
    assert "x-operation" not in asked.headers
    assert "telemetry" not in asked.headers["x-stripe-client-user-agent"]
    assert form(asked) == {
        "amount": "9000",
        "currency": "eur",
        "capture_method": "automatic",
        "payment_method_types[0]": "card",
        "metadata[reference]": "op-7Q2KMX4H",
        "metadata[purpose]": "opening",
        "metadata[expires_at]": "1795253400",
    }
    assert opened.gateway_reference == INTENT
    assert opened.client == {
        "version": "2026-10-28.endive",
        "paymentIntent": {
            "id": INTENT,
            "publishableKey": PUBLISHABLE_KEY,
            "clientSecret": f"{INTENT}_secret_opaque",
            "amount": 9000,
            "currency": "eur",
        },
        "setupIntent": None,
    }
    assert "client_secret" not in opened.raw


def test_what_a_page_is_given_has_the_form_that_partners_are_told(server: ScriptedServer) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    server.answers(sample("intent_created"))
    stripe = stripe_at(server.url)
    gives = stripe.partner_talk.gives
    schema = {"type": "object", "properties": gives, "required": list(gives), "additionalProperties": False}

    before = stripe.client_settings(money=Money(9000, "EUR"), country_code="de")
    jsonschema.validate(dict(before), schema)
    jsonschema.validate(dict(stripe.open(open_request()).client), schema)

    assert before == {"version": "2026-10-28.endive", "paymentIntent": None, "setupIntent": None}
    means = {field.name: (field.means, field.needs) for field in stripe.partner_talk.brings}
    assert means == {
        "paymentIntent": (Brought.OPENING, ""),
        "paymentMethod": (Brought.PAYMENT, "paymentIntent"),
    }


def test_an_authorization_waits_for_its_capture(server: ScriptedServer) -> None:
    server.answers(sample("intent_created"))

    stripe_at(server.url).open(open_request(captures_at_once=False))

    assert form(server.asked[0])["capture_method"] == "manual"


def test_a_card_is_kept_for_a_customer_who_is_made_for_it(server: ScriptedServer) -> None:
    server.answers({**sample("intent_created"), "id": CUSTOMER, "object": "customer"})
    stripe = stripe_at(server.url)

    # The scripted server answers the same to both calls; what it answers to the second is no intent.
    with pytest.raises(AnswerLost):
        stripe.open(open_request(stores_card=True, shopper_reference="c-1204"))

    customer, intent = server.asked
    assert customer.target == "/stripe/v1/customers"
    assert form(customer) == {"metadata[shopper]": "c-1204"}
    assert customer.headers["idempotency-key"] == f"{intent.headers['idempotency-key']}:customer"
    fields = form(intent)
    assert (fields["customer"], fields["setup_future_usage"]) == (CUSTOMER, "off_session")
    assert fields["metadata[shopper]"] == "c-1204"


def test_no_card_is_kept_without_a_shopper_to_keep_it_for(server: ScriptedServer) -> None:
    server.answers(sample("intent_created"))

    stripe_at(server.url).open(open_request(stores_card=True))

    assert len(server.asked) == 1
    assert "setup_future_usage" not in form(server.asked[0])


@pytest.mark.parametrize(
    ("change", "problem", "what"),
    [
        ({"is_hosted": True}, Unsupported, "partner's page"),
        ({"source": Source.MOTO}, Unsupported, "online"),
        ({"source": Source.POS}, Unsupported, "online"),
        ({"money": Money(12_345, "KWD")}, Rejected, "KWD"),
        ({"money": Money(1_050, "MGA")}, Rejected, "MGA"),
        ({"money": Money(1_000, "LYD")}, Rejected, "LYD"),
    ],
    ids=str,
)
def test_what_stripe_could_not_be_told_is_not_sent(
    server: ScriptedServer, change: dict[str, Any], problem: type[Exception], what: str
) -> None:
    with pytest.raises(problem, match=what):
        stripe_at(server.url).open(open_request(**change))

    assert server.asked == []


@pytest.mark.parametrize(
    ("money", "told"),
    [
        (Money(500, "JPY"), ("500", "jpy")),
        (Money(5, "ISK"), ("500", "isk")),
        (Money(5, "UGX"), ("500", "ugx")),
        (Money(10_000, "MGA"), ("100", "mga")),
        (Money(12_340, "KWD"), ("12340", "kwd")),
        (Money(1_000, "CLP"), ("1000", "clp")),
        (Money(1_050, "HUF"), ("1050", "huf")),
    ],
    ids=str,
)
def test_amounts_are_told_with_stripes_decimals(server: ScriptedServer, money: Money, told: tuple[str, str]) -> None:
    amount, currency = told
    server.answers({**sample("intent_created"), "amount": int(amount), "currency": currency})

    opened = stripe_at(server.url).open(open_request(money))

    fields = form(server.asked[0])
    assert (fields["amount"], fields["currency"]) == told
    assert opened.client["paymentIntent"]["amount"] == int(amount)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "../customers"},
        {"client_secret": None},
        {"amount": 9001},
        {"currency": "usd"},
        {"metadata": {"reference": "op-X"}},
    ],
    ids=str,
)
def test_an_intent_for_something_else_is_no_opening(server: ScriptedServer, change: dict[str, Any]) -> None:
    server.answers({**sample("intent_created"), **change})

    with pytest.raises(AnswerLost):
        stripe_at(server.url).open(open_request())


def test_a_stored_card_is_charged_without_the_guest(server: ScriptedServer) -> None:
    server.answers(sample("intent_charged"))

    outcome = stripe_at(server.url).charge(charge_request())

    (asked,) = server.asked
    assert (asked.target, asked.headers["idempotency-key"]) == (
        "/stripe/v1/payment_intents",
        "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    )
    assert form(asked) == {
        "amount": "9000",
        "currency": "eur",
        "capture_method": "automatic",
        "payment_method_types[0]": "card",
        "customer": CUSTOMER,
        "payment_method": CARD,
        "off_session": "true",
        "confirm": "true",
        "metadata[reference]": "tx-2M9DKR7C",
        "metadata[purpose]": "charge",
        "expand[0]": "latest_charge",
    }
    intent = "pi_3SXkT7C8dFh1Ju0p0mHd9KcA"
    assert (outcome.kind, outcome.money) == (K.CAPTURED, Money(9000, "EUR"))
    assert outcome.reference == Reference(ours="tx-2M9DKR7C", gateway=intent, payment=intent)
    assert outcome.event_key == f"captured:{intent}"
    assert outcome.occurred_at == datetime(2026, 11, 21, 9, 2, 10, tzinfo=UTC)


def test_a_bank_that_asks_for_the_guest_refuses_and_the_card_is_kept(server: ScriptedServer) -> None:
    server.answers(card_error("authentication_required", decline_code="authentication_required"), status=402)

    outcome = stripe_at(server.url).charge(charge_request())

    assert outcome.kind is K.DECLINED
    assert outcome.decline is not None
    assert (outcome.decline.code, outcome.decline.raw_code) == (
        ErrorCode.TRANSACTION_DECLINED,
        "authentication_required",
    )
    assert not outcome.decline.is_card_gone
    assert outcome.reference.gateway == "pi_3SXkV4C8dFh1Ju0p1Wq3RtJz"
    assert outcome.event_key == "declined:ch_3SXkV4C8dFh1Ju0p1Bn7MdFy"
    assert "client_secret" not in str(outcome.raw)


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_every_decline_code_is_a_decline_with_stripes_words_for_staff(server: ScriptedServer, code: str) -> None:
    server.answers(card_error(decline_code=code, message=f"Declined: {code}"), status=402)

    decline = stripe_at(server.url).charge(charge_request()).decline

    assert decline is not None
    assert (decline.code, decline.raw_code, decline.raw_text) == (REFUSALS[code], code[:40], f"Declined: {code}")
    assert decline.is_card_gone is (code in CARD_IS_GONE)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"code": "card_declined"}, ErrorCode.TRANSACTION_DECLINED),
        ({"code": "card_declined", "decline_code": "a_new_one"}, ErrorCode.UNDEFINED_CARD_ERROR),
        ({"code": "a_new_one"}, ErrorCode.UNDEFINED_CARD_ERROR),
        ({"code": "expired_card"}, ErrorCode.INVALID_CARD_EXPIRY),
        ({"code": "processing_error"}, ErrorCode.PROCESSOR_UNAVAILABLE),
        ({"code": "card_declined", "decline_code": "insufficient_funds"}, ErrorCode.CREDIT_LIMIT_EXCEEDED),
        # First match wins: the decline code speaks before the code.
        ({"code": "expired_card", "decline_code": "incorrect_number"}, ErrorCode.INVALID_CARD_NUMBER),
    ],
    ids=str,
)
def test_refusals_known_and_new(server: ScriptedServer, error: dict[str, str], expected: ErrorCode) -> None:
    server.answers(card_error(**error), status=402)

    decline = stripe_at(server.url).charge(charge_request()).decline

    assert decline is not None
    assert decline.code is expected


def test_a_network_that_forbids_to_try_again_ends_the_card(server: ScriptedServer) -> None:
    server.answers(card_error(decline_code="generic_decline", advice_code="do_not_try_again"), status=402)

    decline = stripe_at(server.url).charge(charge_request()).decline

    assert decline is not None
    assert decline.is_card_gone


@pytest.mark.parametrize("param", ["payment_method", "customer"])
def test_a_card_that_is_not_there_any_more_is_declined_and_gone(server: ScriptedServer, param: str) -> None:
    server.answers(refusal("resource_missing", param=param), status=400)

    outcome = stripe_at(server.url).charge(charge_request())

    assert outcome.kind is K.DECLINED
    assert outcome.decline is not None
    assert (outcome.decline.code, outcome.decline.is_card_gone) == (ErrorCode.UNDEFINED_CARD_ERROR, True)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"status": "processing"}, K.PENDING),
        ({"status": "requires_action", "latest_charge": None}, K.ACTION_REQUIRED),
        ({"status": "requires_capture", "capture_method": "manual"}, K.AUTHORIZED),
    ],
    ids=str,
)
def test_a_charge_that_is_not_taken_yet_says_what_it_waits_for(
    server: ScriptedServer, change: dict[str, Any], kind: OutcomeKind
) -> None:
    server.answers({**sample("intent_charged"), **change})

    outcome = stripe_at(server.url).charge(charge_request())

    assert outcome.kind is kind
    assert outcome.reference.gateway == "pi_3SXkT7C8dFh1Ju0p0mHd9KcA"


def test_the_card_of_a_payment_has_a_token_only_where_the_guest_let_it_be_kept(server: ScriptedServer) -> None:
    intent = sample("intent_succeeded")
    server.answers(intent)
    authorized, captured = stripe_at(server.url).complete(complete_request())
    charge = {**intent["latest_charge"], "customer": CUSTOMER, "payment_method": CARD}
    kept = {**intent, "latest_charge": charge, "metadata": {**intent["metadata"], "shopper": "c-1204"}}
    server.answers(kept)
    with_card, _ = stripe_at(server.url).complete(complete_request())

    assert (authorized.kind, captured.kind) == (K.AUTHORIZED, K.CAPTURED)
    assert authorized.card == Card(brand="visa", last4="4242", expiry_month=3, expiry_year=2030)
    assert with_card.card == replace(authorized.card, token=TOKEN, shopper_reference="c-1204")
    assert captured.card is None


def test_a_paid_intent_is_told_without_any_evidence(server: ScriptedServer) -> None:
    server.answers(sample("intent_succeeded"))

    authorized, captured = stripe_at(server.url).complete(complete_request(evidence=""))

    assert server.asked[0].target == f"/stripe/v1/payment_intents/{INTENT}?expand[0]=latest_charge"
    for outcome in (authorized, captured):
        assert outcome.money == Money(9000, "EUR")
        assert outcome.reference == Reference(ours="op-7Q2KMX4H", gateway=INTENT, payment=INTENT, opening=INTENT)
    assert (authorized.event_key, captured.event_key) == (f"authorized:{INTENT}", f"captured:{INTENT}")


def test_an_intent_of_another_opening_is_no_evidence(server: ScriptedServer) -> None:
    stripe = stripe_at(server.url)
    server.answers({**sample("intent_succeeded"), "metadata": {"reference": "op-OTHER"}})
    with pytest.raises(Rejected, match="another opening"):
        stripe.complete(complete_request())
    server.answers({**sample("intent_succeeded"), "id": "pi_other"})
    with pytest.raises(AnswerLost):
        stripe.complete(complete_request())
    with pytest.raises(Rejected):
        stripe.complete(complete_request(opening_reference="../charges"))

    assert len(server.asked) == 2


@pytest.mark.parametrize("status", ["requires_payment_method", "requires_confirmation", "requires_action"])
def test_an_intent_that_nobody_paid_says_nothing(server: ScriptedServer, status: str) -> None:
    server.answers({**sample("intent_created"), "status": status})

    assert stripe_at(server.url).complete(complete_request()) == ()


def test_a_refused_attempt_is_named_by_its_charge_and_leaves_the_intent(server: ScriptedServer) -> None:
    error = {"type": "card_error", "code": "card_declined", "decline_code": "do_not_honor", "charge": "ch_refused"}
    server.answers({**sample("intent_created"), "last_payment_error": error, "latest_charge": "ch_refused"})

    (outcome,) = stripe_at(server.url).complete(complete_request())

    assert outcome.kind is K.DECLINED
    assert outcome.reference == Reference(ours="op-7Q2KMX4H", gateway="ch_refused", payment=INTENT, opening=INTENT)
    assert outcome.event_key == "declined:ch_refused"


def test_an_attempt_without_a_charge_is_named_by_the_card_that_made_it(server: ScriptedServer) -> None:
    code = "payment_intent_authentication_failure"
    error = {"type": "invalid_request_error", "code": code, "payment_method": {"id": "pm_refused", "card": {}}}
    server.answers({**sample("intent_created"), "last_payment_error": error})

    (outcome,) = stripe_at(server.url).complete(complete_request())

    assert (outcome.reference.gateway, outcome.event_key) == ("pm_refused", "declined:pm_refused")
    assert outcome.decline is not None
    assert outcome.decline.code is ErrorCode.TRANSACTION_DECLINED


def said(call: Any) -> str:
    try:
        outcome = call()
    except (AnswerLost, NotSent, Rejected) as problem:
        return type(problem).__name__
    return str(outcome.kind) if isinstance(outcome, Outcome) else "done"


@pytest.mark.parametrize(
    ("status", "code", "meaning"),
    [
        (400, "parameter_invalid_integer", "Refused"),
        (400, "idempotency_error", "Refused"),
        (400, "rate_limit", "Busy"),
        (401, "", "KeyRefused"),
        (403, "", "KeyRefused"),
        (404, "resource_missing", "Refused"),
        (409, "idempotency_key_in_use", "AnswerLost"),
        (424, "", "AnswerLost"),
        (429, "lock_timeout", "Busy"),
        (500, "", "AnswerLost"),
        (503, "", "AnswerLost"),
    ],
)
def test_errors_mean_for_money_what_they_must(server: ScriptedServer, status: int, code: str, meaning: str) -> None:
    server.answers(
        refusal(code), status=status, **{"Stripe-Should-Retry": "true", "Stripe-Notice": "a notice", "Request-Id": "r"}
    )
    stripe = stripe_at(server.url)
    calls = (
        lambda: stripe.open(open_request()),
        lambda: stripe.charge(charge_request()),
        lambda: stripe.capture(capture_request()),
        lambda: stripe.void(void_request()),
        lambda: stripe.refund(refund_request()),
    )

    assert [said(call) for call in calls] == [meaning] * len(calls)

    assert len(server.asked) == len(calls)
    assert issubclass(Busy, NotSent)


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"secret_key": ""}, "secret_key"),
        ({"secret_key": "sk_live_51abc"}, "secret_key"),
        ({"publishable_key": "sk_test_51abc"}, "publishable_key"),
        ({"webhook_secrets": "hunter2"}, "webhook_secrets"),
        ({"webhook_secrets": ","}, "webhook_secrets"),
        ({"environment": "staging"}, "environment"),
        ({"environment": "live"}, "secret_key"),
        ({"timeout_seconds": "0"}, "timeout_seconds"),
        ({"timeout_seconds": "80"}, "timeout_seconds"),
        ({"timeout_seconds": "soon"}, "timeout_seconds"),
    ],
    ids=str,
)
def test_an_account_that_cannot_work_says_what_it_lacks(change: dict[str, str], missing: str) -> None:
    with pytest.raises(MisconfiguredAccount, match=missing):
        stripe_at("http://127.0.0.1:9", **change)


def test_a_restricted_key_and_a_live_account_are_fine() -> None:
    live = {
        "environment": "live",
        "secret_key": "rk_live_51abc",
        "publishable_key": "pk_live_51abc",
        "timeout_seconds": "",
    }

    stripe_at("http://127.0.0.1:9", **live)

    assert "sk_test" not in str(vars(stripe_at("http://127.0.0.1:9")))
    assert credentials("x")["environment"] == "test"
    assert BLANK == "***"
