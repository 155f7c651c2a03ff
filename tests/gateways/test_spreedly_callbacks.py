"""Callbacks: what proves that they are Spreedly's, and what they mean."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import gateways.adapters.spreedly
from gateways.adapters.spreedly.callbacks import transactions_in
from gateways.errors import InvalidSignature
from gateways.protocol import Card, Delivery, OutcomeKind, Reference
from money import Money
from tests.gateways.examples import NOW, samples_folder
from tests.gateways.spreedly_world import (
    GATEWAY_TOKEN,
    PAYMENT,
    SIGNED_FIELDS,
    delivery,
    sample,
    signed,
    signed_one,
    signed_xml,
    spreedly_at,
    transaction,
)

K = OutcomeKind
# Source: Spreedly docs, "Signed requests", the older and the newer edition of the page.
PUBLISHED_SECRET = "RKOCG5D8D3fZxDSg504D0IxU2XD4Io5VXmyzdCtTivHFTTSylzM2ZzTWFwVH4ucG"
NEWER_PUBLISHED_SECRET = "4ziASKWGGV1zdrUbSN6vq2CjjDPw2hzJSvsGLhxces1aORBKKsRyJwb8DfGQ6J3q"
NEWER_PUBLISHED = {
    "amount": 100,
    "on_test_gateway": False,
    "created_at": "2021-04-07T20:35:10Z",
    "updated_at": "2021-04-07T20:35:11Z",
    "currency_code": "USD",
    "succeeded": True,
    "state": "succeeded",
    "token": "5AG4P7FPjlfIA6aED6AgZvUEehx",
    "transaction_type": "OffsitePurchase",
    "order_id": None,
    "ip": None,
    "callback_url": "https://example.com/handle_callback",
    "signed": {
        "signature": "f02c1189622670b0c5ab970f0f5b65e6d91cf817",
        "fields": SIGNED_FIELDS,
        "algorithm": "sha1",
    },
}


def test_the_published_example_is_proved_as_it_stands_in_xml() -> None:
    published = Delivery(
        headers={}, body=(samples_folder(gateways.adapters.spreedly) / "callback.xml").read_bytes(), received_at=NOW
    )
    spreedly = spreedly_at("", signing_secrets=PUBLISHED_SECRET)

    verified = spreedly.verify_webhook(published)
    (paid,) = spreedly.read_webhook(published)

    assert verified.status == 200
    assert (paid.kind, paid.money) == (K.CAPTURED, Money(100, "USD"))
    assert paid.reference == Reference(gateway="5AG4P7FPjlfIA6aED6AgZvUEehx", payment="5AG4P7FPjlfIA6aED6AgZvUEehx")
    assert paid.occurred_at == datetime(2012, 9, 10, 20, 35, 11, tzinfo=UTC)


@pytest.mark.parametrize("body", [{"transactions": [NEWER_PUBLISHED]}, {"transaction": NEWER_PUBLISHED}], ids=str)
def test_the_newer_published_example_is_proved_in_json(body: Any) -> None:
    spreedly = spreedly_at("", signing_secrets=f"older, {NEWER_PUBLISHED_SECRET}")

    assert spreedly.verify_webhook(delivery(body)).delivery_key
    with pytest.raises(InvalidSignature):
        spreedly_at("", signing_secrets=PUBLISHED_SECRET).verify_webhook(delivery(body))


def test_xml_and_json_of_one_fact_share_delivery_key_and_event_key() -> None:
    spreedly = spreedly_at("")
    as_json, as_xml = signed(transaction()), signed_xml(transaction())

    assert spreedly.verify_webhook(as_json) == spreedly.verify_webhook(as_xml)
    assert [one.event_key for one in spreedly.read_webhook(as_json)] == [
        one.event_key for one in spreedly.read_webhook(as_xml)
    ]


def test_fields_may_be_a_list_and_an_order_of_ours_may_be_missing() -> None:
    one = signed_one(transaction(order_id=None))
    as_list = {**one, "signed": {**one["signed"], "fields": SIGNED_FIELDS.split()}}

    assert spreedly_at("").verify_webhook(delivery({"transactions": [as_list]})).delivery_key


@pytest.mark.parametrize(
    ("change", "kind", "key"),
    [
        ({}, K.CAPTURED, "succeeded"),
        ({"transaction_type": "OffsiteAuthorization"}, K.AUTHORIZED, "succeeded"),
        ({"succeeded": False, "state": "gateway_processing_failed"}, K.DECLINED, "gateway_processing_failed"),
        ({"succeeded": False, "state": "gateway_setup_failed"}, K.DECLINED, "gateway_setup_failed"),
        ({"succeeded": False, "state": "failed"}, K.DECLINED, "failed"),
        ({"succeeded": False, "state": "processing"}, K.PENDING, "processing"),
        (
            {"succeeded": False, "state": "pending", "required_action": "challenge"},
            K.ACTION_REQUIRED,
            "pending:challenge",
        ),
    ],
    ids=str,
)
def test_each_state_of_a_charge_has_its_word(change: dict[str, Any], kind: OutcomeKind, key: str) -> None:
    (said,) = spreedly_at("").read_webhook(signed(transaction(**change)))

    assert (said.kind, said.event_key) == (kind, f"{PAYMENT}:{key}")
    assert said.reference == Reference(ours="tx-2M9DKR7C", gateway=PAYMENT, payment=PAYMENT)
    assert said.money == Money(9000, "EUR")


@pytest.mark.parametrize(
    "change",
    [
        {"succeeded": False, "state": "gateway_processing_result_unknown"},
        {"succeeded": False, "state": "gateway_processing_failed", "response": {"result_unknown": True}},
        {"state": "gateway_processing_failed"},
        {"succeeded": False},
        {"state": "settled"},
        {"amount": "9000"},
        {"currency_code": "XXX"},
        {"currency_code": "JPY", "amount": 9050},
        {"transaction_type": "Credit", "reference_token": PAYMENT},
        {"transaction_type": "Verification"},
        {"token": "../../x"},
    ],
    ids=str,
)
def test_what_cannot_be_read_is_a_note_and_no_no(change: dict[str, Any]) -> None:
    spreedly, sent = spreedly_at(""), signed(transaction(**change))

    spreedly.verify_webhook(sent)
    (said,) = spreedly.read_webhook(sent)

    assert said.kind is K.NOTE
    assert said.event_key.startswith("note:")


def test_the_answer_the_look_up_and_the_callback_of_one_fact_share_one_key(server: Any) -> None:
    spreedly = spreedly_at(server.url)
    server.answers(sample("purchase_completed"))

    (looked_up,) = spreedly.fetch(Reference(gateway=PAYMENT, payment="TXanother8nRk6ZcV1mDsJhUeF"))
    (told,) = spreedly.read_webhook(signed(transaction()))

    assert told.event_key == looked_up.event_key
    assert told.kind is looked_up.kind


def test_what_is_not_signed_decides_nothing() -> None:
    (told,) = spreedly_at("").read_webhook(signed(transaction(retain_on_success=True)))

    assert told.card == Card(brand="visa", last4="1111", bin="411111", expiry_month=3, expiry_year=2030)
    assert told.reference.opening is None


def test_a_clock_that_runs_ahead_does_not_have_the_last_word() -> None:
    ahead = (NOW + timedelta(days=1)).isoformat()

    (told,) = spreedly_at("").read_webhook(signed(transaction(updated_at=ahead)))

    assert told.occurred_at == NOW


def test_several_transactions_in_one_delivery_are_each_proved_and_read() -> None:
    spreedly = spreedly_at("")
    second = transaction(token="TXsEcOnd8nRk6ZcV1mDsJhUeFx", order_id="tx-SECOND")
    both = signed(transaction(), second)

    spreedly.verify_webhook(both)

    assert [said.reference.ours for said in spreedly.read_webhook(both)] == ["tx-2M9DKR7C", "tx-SECOND"]


@pytest.mark.parametrize(
    "fields",
    [
        "amount state succeeded token",
        SIGNED_FIELDS.replace("order_id ", ""),
        SIGNED_FIELDS.replace("currency_code ", ""),
        SIGNED_FIELDS.replace("updated_at", "updated_at updated_at"),
        SIGNED_FIELDS.replace("on_test_gateway order_id state succeeded", "succeeded order_id state on_test_gateway"),
        "",
    ],
)
def test_a_signature_over_too_little_or_in_another_order_proves_nothing(fields: str) -> None:
    with pytest.raises(InvalidSignature):
        spreedly_at("").verify_webhook(signed(transaction(), fields=fields))


def test_names_cannot_be_swapped_over_values_that_stay() -> None:
    # The list of names is not signed. A declined charge at a test gateway would read as a paid one, were any order
    # of them believed.
    declined = signed_one(transaction(succeeded=False, on_test_gateway=True))
    names = (
        SIGNED_FIELDS.replace("on_test_gateway", "x").replace("succeeded", "on_test_gateway").replace("x", "succeeded")
    )
    swapped = {**declined, "succeeded": True, "on_test_gateway": False}
    swapped["signed"] = {**declined["signed"], "fields": names}

    with pytest.raises(InvalidSignature, match="does not say"):
        spreedly_at("").verify_webhook(delivery({"transactions": [swapped]}))


@pytest.mark.parametrize(
    "change",
    [
        {"algorithm": "md5"},
        {"algorithm": "none"},
        {"algorithm": None},
        {"signature": None},
        {"signature": "ü"},
        {"signature": ""},
        {"fields": None},
        {"fields": [1, 2]},
    ],
    ids=str,
)
def test_a_signature_in_an_unknown_way_proves_nothing(change: dict[str, Any]) -> None:
    one = signed_one(transaction())

    with pytest.raises(InvalidSignature):
        spreedly_at("").verify_webhook(delivery({"transactions": [{**one, "signed": {**one["signed"], **change}}]}))


@pytest.mark.parametrize(
    "change",
    [{"order_id": "a|b"}, {"order_id": ["a"]}, {"amount": 90.5}, {"order_id": {"a": 1}}],
    ids=str,
)
def test_a_signed_value_with_a_bar_or_without_a_single_reading_proves_nothing(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidSignature, match="one way"):
        spreedly_at("").verify_webhook(signed(transaction(**change)))


def test_news_for_another_gateway_of_the_environment_is_refused() -> None:
    with pytest.raises(InvalidSignature, match="another gateway"):
        spreedly_at("").verify_webhook(signed(transaction(gateway_token="GWother")))
    assert spreedly_at("").verify_webhook(signed(transaction(gateway_token=None))).delivery_key
    assert transaction()["gateway_token"] == GATEWAY_TOKEN


def test_a_live_account_wants_no_news_of_a_test_gateway() -> None:
    live = spreedly_at("", environment="live")

    with pytest.raises(InvalidSignature, match="test gateway"):
        live.verify_webhook(signed(transaction()))
    assert live.verify_webhook(signed(transaction(on_test_gateway=False))).delivery_key


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE t [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><transactions><transaction/></transactions>',
        b'<!DOCTYPE t SYSTEM "http://127.0.0.1:9/x"><transactions><transaction/></transactions>',
        b"<transactions>" + b"<a>" * 20 + b"</a>" * 20 + b"</transactions>",
        b"<transactions><transaction>" + b"<a/>" * 6000 + b"</transaction></transactions>",
        b"<transactions><transaction><state>failed</state><state>succeeded</state></transaction></transactions>",
        b'<transactions><transaction><amount type="integer">1e3</amount></transaction></transactions>',
        b'<transactions><transaction><succeeded type="boolean">yes</succeeded></transaction></transactions>',
        b"<transactions>",
        b"<transactions/>",
        b"<other/>",
        b"\xff\xfe<",
        b"{",
        b'{"transactions": [1]}',
        b"",
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_body_that_is_no_list_of_transactions_is_not_read(body: bytes) -> None:
    assert transactions_in(body) is None
    with pytest.raises(InvalidSignature):
        spreedly_at("").verify_webhook(delivery(body))
    assert spreedly_at("").read_webhook(delivery(body)) == ()


def test_a_delivery_is_named_by_what_is_signed() -> None:
    spreedly = spreedly_at("")
    keys = {
        spreedly.verify_webhook(signed(transaction(**change))).delivery_key
        for change in ({}, {"message": "other words"}, {"updated_at": "2026-11-21T08:59:13Z"})
    }

    assert len(keys) == 2
    assert dataclasses.is_dataclass(spreedly.verify_webhook(signed(transaction())))
