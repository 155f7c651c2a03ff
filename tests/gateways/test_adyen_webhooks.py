import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateways.adapters.adyen.webhooks import DISPUTE_PROGRESS, EVENTS, Door
from gateways.errors import ErrorCode, InvalidSignature
from gateways.protocol import Card, Delivery, Outcome, OutcomeKind
from money import Money
from tests.gateways.adyen_world import (
    HMAC_KEY,
    OLDER_HMAC_KEY,
    PAYMENT,
    TOKEN,
    USER,
    adyen_at,
    delivery,
    item,
    sample,
    signed,
    signed_whole,
)
from tests.gateways.examples import NOW

ADYEN = adyen_at("http://127.0.0.1:9")
K = OutcomeKind
# Every event code of Adyen's documentation -> what we make of success true and false.
MEANINGS = {
    "AUTHORISATION": (K.AUTHORIZED, K.DECLINED),
    "AUTHORISATION_ADJUSTMENT": (K.NOTE, K.NOTE),
    "CAPTURE": (K.CAPTURED, K.CAPTURE_FAILED),
    "CAPTURE_FAILED": (K.CAPTURE_FAILED, K.NOTE),
    "CANCELLATION": (K.VOIDED, K.VOID_FAILED),
    "TECHNICAL_CANCEL": (K.VOIDED, K.VOID_FAILED),
    "EXPIRE": (K.VOIDED, K.NOTE),
    "OFFER_CLOSED": (K.EXPIRED, K.NOTE),
    "REFUND": (K.REFUNDED, K.REFUND_FAILED),
    "REFUND_FAILED": (K.REFUND_FAILED, K.NOTE),
    "REFUNDED_REVERSED": (K.REFUND_REVERSED, K.NOTE),
    "REFUND_WITH_DATA": (K.REFUNDED, K.REFUND_FAILED),
    "POSTPONED_REFUND": (K.PENDING, K.REFUND_FAILED),
    "VOID_PENDING_REFUND": (K.NOTE, K.NOTE),
    "REQUEST_FOR_INFORMATION": (K.NOTE, K.NOTE),
    "NOTIFICATION_OF_FRAUD": (K.NOTE, K.NOTE),
    "NOTIFICATION_OF_CHARGEBACK": (K.DISPUTE_OPENED, K.NOTE),
    "CHARGEBACK": (K.CHARGEBACK, K.NOTE),
    "CHARGEBACK_REVERSED": (K.CHARGEBACK_REVERSED, K.NOTE),
    "SECOND_CHARGEBACK": (K.CHARGEBACK, K.NOTE),
    "INFORMATION_SUPPLIED": (K.NOTE, K.NOTE),
    "ISSUER_COMMENTS": (K.NOTE, K.NOTE),
    "ISSUER_RESPONSE_TIMEFRAME_EXPIRED": (K.NOTE, K.NOTE),
    "DISPUTE_DEFENSE_PERIOD_ENDED": (K.NOTE, K.NOTE),
    "PREARBITRATION_OPEN": (K.NOTE, K.NOTE),
    "PREARBITRATION_ACCEPTED": (K.NOTE, K.NOTE),
    "PREARBITRATION_DECLINED": (K.NOTE, K.NOTE),
    "PREARBITRATION_ISSUER_WITHDRAWN": (K.NOTE, K.NOTE),
    "PREARBITRATION_WON": (K.NOTE, K.NOTE),
    "PREARBITRATION_LOST": (K.NOTE, K.NOTE),
    "SCHEME_ARBITRATION": (K.NOTE, K.NOTE),
    "SCHEME_ARBITRATION_WON": (K.NOTE, K.NOTE),
    "SCHEME_ARBITRATION_LOST": (K.NOTE, K.NOTE),
    "MANUAL_REVIEW_ACCEPT": (K.NOTE, K.NOTE),
    "MANUAL_REVIEW_REJECT": (K.NOTE, K.NOTE),
    "REPORT_AVAILABLE": (K.REPORT_AVAILABLE, K.NOTE),
    "ORDER_OPENED": (K.NOTE, K.NOTE),
    "ORDER_CLOSED": (K.NOTE, K.NOTE),
    "AUTORESCUE": (K.NOTE, K.NOTE),
    "CANCEL_AUTORESCUE": (K.NOTE, K.NOTE),
    "PAYOUT_THIRDPARTY": (K.NOTE, K.NOTE),
    "PAYOUT_DECLINE": (K.NOTE, K.NOTE),
    "PAYOUT_EXPIRE": (K.NOTE, K.NOTE),
    "PAIDOUT_REVERSED": (K.NOTE, K.NOTE),
    "A_CODE_OF_NEXT_YEAR": (K.NOTE, K.NOTE),
}


def news(event_code: str = "AUTHORISATION", **more: Any) -> Outcome:
    delivered = signed(item(event_code, **more))
    ADYEN.verify_webhook(delivered)
    (outcome,) = ADYEN.read_webhook(delivered)
    return outcome


@pytest.mark.parametrize("event_code", sorted(MEANINGS))
def test_every_event_code_has_its_meaning(event_code: str) -> None:
    meant = tuple(news(event_code, success=success).kind for success in ("true", "false"))

    assert meant == MEANINGS[event_code]


def test_no_event_code_of_the_adapter_is_left_out_of_the_table_above() -> None:
    assert set(EVENTS) - set(MEANINGS) == {"RECURRING_CONTRACT"}
    assert set(MEANINGS) >= DISPUTE_PROGRESS


def test_an_authorization_names_attempt_and_payment_and_what_was_authorized() -> None:
    outcome = news(additional={"cardSummary": "1111", "expiryDate": "03/2030", "checkoutSessionId": "CS7B2F0E91D4A66C"})

    assert (
        outcome.reference.ours,
        outcome.reference.gateway,
        outcome.reference.payment,
        outcome.reference.opening,
    ) == (
        "op-7Q2KMX4H",
        PAYMENT,
        PAYMENT,
        None,
    )
    assert outcome.money == Money(9000, "EUR")
    assert outcome.event_key == f"AUTHORISATION:{PAYMENT}:true"
    assert outcome.occurred_at == datetime(2026, 11, 21, 8, 42, 10, tzinfo=UTC)
    assert outcome.card == Card(brand="visa", last4="1111", expiry_month=3, expiry_year=2030)


def test_a_refusal_is_explained_by_its_text() -> None:
    outcome = news(success="false", reason="Expired Card", additional={"refusalReasonRaw": "54 : Expired"})

    assert outcome.event_key == f"AUTHORISATION:{PAYMENT}:false"
    assert outcome.decline is not None
    assert (outcome.decline.code, outcome.decline.raw_code, outcome.decline.raw_text) == (
        ErrorCode.INVALID_CARD_EXPIRY,
        "6",
        "Expired Card",
    )


def test_a_modification_names_itself_and_its_payment() -> None:
    outcome = news("REFUND", amount={"currency": "JPY", "value": 5000})

    assert (outcome.reference.gateway, outcome.reference.payment) == ("WS8MZ2RFJGXXGN82", PAYMENT)
    assert outcome.money == Money(5000, "JPY")
    assert outcome.event_key == "REFUND:WS8MZ2RFJGXXGN82:true"


@pytest.mark.parametrize(("told", "held"), [(("CLP", 500_000), 5000), (("ISK", 12_300), 123), (("IDR", 99), 9900)])
def test_adyens_own_decimals_are_undone(told: tuple[str, int], held: int) -> None:
    assert news(amount={"currency": told[0], "value": told[1]}).money == Money(held, told[0])


@pytest.mark.parametrize("amount", [{"currency": "CLP", "value": 500_050}, {"currency": "MRO", "value": 100}])
def test_money_we_cannot_hold_is_a_note_and_never_a_figure(amount: dict[str, Any]) -> None:
    outcome = news(amount=amount)

    assert outcome.kind is K.NOTE
    assert outcome.money is None
    assert outcome.problem == "the amount cannot be read"
    assert outcome.raw["amount"] == amount


@pytest.mark.parametrize(
    ("event_code", "success", "kind"),
    [
        ("AUTHORISATION", "false", K.DECLINED),
        ("CANCELLATION", "true", K.VOIDED),
        ("CAPTURE", "false", K.CAPTURE_FAILED),
    ],
)
def test_where_no_money_moves_an_unreadable_amount_is_no_obstacle(
    event_code: str, success: str, kind: OutcomeKind
) -> None:
    outcome = news(event_code, success=success, amount={"currency": "MRO", "value": 100})

    assert (outcome.kind, outcome.money) == (kind, None)


def test_a_capture_that_fails_is_recaptured_and_fails_again_is_four_facts() -> None:
    moments = [f"2026-11-2{day}T09:00:00+01:00" for day in range(1, 5)]
    codes = ("CAPTURE", "CAPTURE_FAILED", "CAPTURE", "CAPTURE_FAILED")

    told = [
        news(code, eventDate=moment, reason="Transaction Recaptured" if number == 2 else "")
        for number, (code, moment) in enumerate(zip(codes, moments, strict=True))
    ]

    assert len({(outcome.kind, outcome.event_key) for outcome in told}) == 4
    assert [outcome.reference.gateway for outcome in told] == ["WS8MZ2RFJGXXGN82"] * 4


def test_the_same_capture_written_with_another_offset_is_the_same_fact() -> None:
    in_paris = news("CAPTURE", eventDate="2026-11-21T09:42:10+01:00")
    in_london = news("CAPTURE", eventDate="2026-11-21T08:42:10+00:00")

    assert in_paris.event_key == in_london.event_key


def test_success_is_part_of_the_key_so_that_a_corrected_refusal_is_heard() -> None:
    assert news(success="false").event_key != news(success="true").event_key


def test_a_second_chargeback_is_not_the_first_one_again() -> None:
    first, second = news("CHARGEBACK"), news("SECOND_CHARGEBACK")

    assert first.kind is second.kind is K.CHARGEBACK
    assert first.event_key != second.event_key


def test_a_dispute_tells_its_stage_reason_and_deadline() -> None:
    extra = {"chargebackReasonCode": " 4853", "defensePeriodEndsAt": "2026-12-24T03:03:08+01:00"}

    dispute = news("NOTIFICATION_OF_CHARGEBACK", reason="Cardholder Dispute", additional=extra).dispute

    assert dispute is not None
    assert (dispute.stage, dispute.reason) == ("NOTIFICATION_OF_CHARGEBACK", "4853 Cardholder Dispute")
    assert dispute.evidence_due_at == datetime(2026, 12, 24, 2, 3, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("success", "action", "kind"),
    [
        ("true", "cancel", K.VOIDED),
        ("true", "refund", K.REFUNDED),
        ("true", None, K.NOTE),
        ("false", "refund", K.VOID_FAILED),
    ],
)
def test_a_reversal_is_what_it_says_it_became(success: str, action: str | None, kind: OutcomeKind) -> None:
    extra = {} if action is None else {"modification.action": action}

    assert news("CANCEL_OR_REFUND", success=success, additional=extra).kind is kind


def test_a_clock_that_runs_ahead_does_not_have_the_last_word() -> None:
    assert news(eventDate="2099-01-01T00:00:00+00:00").occurred_at == NOW


@pytest.mark.parametrize("when", ["", "yesterday", "2026-11-21T09:42:10", None])
def test_an_event_without_a_usable_time_happened_when_it_came(when: str | None) -> None:
    assert news(eventDate=when).occurred_at == NOW


@pytest.mark.parametrize("letter", ["\x00", "\ud800"], ids=["NUL", "lone surrogate"])
def test_letters_the_database_cannot_hold_stop_nothing(letter: str) -> None:
    outcome = news(
        "NOTIFICATION_OF_CHARGEBACK",
        reason=f"Not{letter} received",
        eventDate=f"2026{letter}",
        additional={"arn": f"1{letter}", "cardSummary": letter},
    )

    everything = json.dumps([dict(outcome.raw), outcome.event_key, outcome.dispute and outcome.dispute.reason])
    assert json.dumps(letter).strip('"') not in everything
    assert outcome.dispute is not None
    assert outcome.dispute.reason == "Not received"


def test_personal_details_are_not_kept_and_the_useful_ones_are() -> None:
    extra = {
        "shopperEmail": "ada@example.com",
        "billingAddress.street": "12 Main Street",
        "metadata.note": "allergic to nuts",
        "refusalReasonRaw": "05 : Do not honor",
        "tokenization.storedPaymentMethodId": TOKEN,
    }

    outcome = news(additional=extra, reason="card 4111 1111 1111 1111")

    assert outcome.raw["additionalData"] == {"refusalReasonRaw": "05 : Do not honor"}
    assert outcome.raw["reason"] == "card **** **** **** 1111"


def test_several_items_are_several_pieces_of_news() -> None:
    delivered = signed(item("CAPTURE"), item("REFUND", pspReference="GK8MZ2RFJGXXGN82"))

    assert ADYEN.verify_webhook(delivered).acknowledgement == "[accepted]"
    assert [outcome.kind for outcome in ADYEN.read_webhook(delivered)] == [K.CAPTURED, K.REFUNDED]


def test_a_forged_second_item_spoils_the_delivery() -> None:
    message = json.loads(signed(item("CAPTURE"), item("REFUND")).body)
    message["notificationItems"][1]["NotificationRequestItem"]["amount"]["value"] = 1

    with pytest.raises(InvalidSignature):
        ADYEN.verify_webhook(delivery(message))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pspReference", "AAAAAAAAAAAAAAAA"),
        ("originalReference", "AAAAAAAAAAAAAAAA"),
        ("merchantReference", "op-OTHER"),
        ("amount", {"currency": "EUR", "value": 1}),
        ("amount", {"currency": "USD", "value": 9000}),
        ("eventCode", "CHARGEBACK_REVERSED"),
        ("success", "false"),
    ],
)
def test_no_signed_field_can_be_changed(name: str, value: Any) -> None:
    message = json.loads(signed(item("CHARGEBACK")).body)
    message["notificationItems"][0]["NotificationRequestItem"][name] = value

    with pytest.raises(InvalidSignature):
        ADYEN.verify_webhook(delivery(message))


def test_unsigned_fields_decide_nothing_about_money() -> None:
    message = json.loads(signed(item()).body)
    changed = message["notificationItems"][0]["NotificationRequestItem"]
    changed.update({"reason": "Refused", "paymentMethod": "cash", "operations": []})
    changed["additionalData"].update({"authorisedAmountValue": "1", "checkoutSessionId": "CSOTHER", "grossValue": "1"})
    tampered = delivery(message)

    ADYEN.verify_webhook(tampered)
    (outcome,) = ADYEN.read_webhook(tampered)

    untouched = news()
    for name in ("kind", "reference", "event_key", "money", "decline", "occurred_at"):
        assert getattr(outcome, name) == getattr(untouched, name)


def test_a_field_cannot_be_slid_into_its_neighbor() -> None:
    """The signature joins fields with ":" and escapes nothing, so these two items are signed alike."""
    honest = item("REFUND", merchantReference="ToursEU:op-7Q2KMX4H")
    slid = {
        **honest,
        "pspReference": f"{honest['pspReference']}:{PAYMENT}",
        "originalReference": "ToursEU",
        "merchantReference": "op-7Q2KMX4H",
    }
    signatures = [
        json.loads(signed(one).body)["notificationItems"][0]["NotificationRequestItem"]["additionalData"][
            "hmacSignature"
        ]
        for one in (honest, slid)
    ]

    assert signatures[0] == signatures[1]
    assert ADYEN.verify_webhook(signed(honest)).delivery_key
    with pytest.raises(InvalidSignature):
        ADYEN.verify_webhook(signed(slid))


def test_a_reference_with_colons_and_backslashes_is_verified() -> None:
    assert news(merchantReference="\\:/a:b").reference.ours == "\\:/a:b"


@pytest.mark.parametrize("original", [None, ""], ids=["absent", "empty"])
def test_an_absent_field_is_signed_as_an_empty_one(original: str | None) -> None:
    assert news("REPORT_AVAILABLE", originalReference=original, merchantReference="").reference.payment is None


def test_a_null_field_is_signed_as_an_empty_one() -> None:
    message = json.loads(signed(item("CHARGEBACK_REVERSED", originalReference="")).body)
    message["notificationItems"][0]["NotificationRequestItem"]["originalReference"] = None

    assert ADYEN.verify_webhook(delivery(message)).delivery_key


@pytest.mark.parametrize(
    "change",
    [
        {"success": True},
        {"success": "True"},
        {"amount": {"currency": "EUR", "value": "9000"}},
        {"amount": {"currency": "EUR", "value": 9000.0}},
        {"amount": {"currency": "EUR", "value": True}},
        {"amount": None},
        {"amount": {}},
        {"pspReference": ""},
        {"pspReference": ["a"]},
        {"additionalData": None},
        {"additionalData": {}},
        {"additionalData": {"hmacSignature": None}},
        {"additionalData": {"hmacSignature": ""}},
        {"additionalData": {"hmacSignature": "déjà vu"}},
        {"additionalData": []},
    ],
    ids=str,
)
def test_a_malformed_item_is_refused_and_never_raises_anything_else(change: dict[str, Any]) -> None:
    message = json.loads(signed(item()).body)
    message["notificationItems"][0]["NotificationRequestItem"].update(change)

    with pytest.raises(InvalidSignature):
        ADYEN.verify_webhook(delivery(message))


@pytest.mark.parametrize(
    "message",
    [b"", b"[]", b"null", b"[" * 100_000, b'{"notificationItems": []}', b'{"notificationItems": [1]}', b"\xff\xfe\x00"],
    ids=["empty", "list", "null", "deep", "no items", "no item", "no text"],
)
def test_a_body_that_is_no_delivery_is_refused(message: bytes) -> None:
    with pytest.raises(InvalidSignature):
        ADYEN.verify_webhook(delivery(message))


@pytest.mark.parametrize(
    "authorization",
    ["", "Basic", "Basic !!!", "Bearer abc", "Basic " + base64.b64encode(f"{USER}:wrong".encode()).decode()],
)
def test_basic_authentication_is_demanded_even_with_a_good_signature(authorization: str) -> None:
    with pytest.raises(InvalidSignature):
        ADYEN.verify_webhook(signed(item(), authorization=authorization))


@pytest.mark.parametrize(("user", "password"), [("", ""), (USER, ""), ("", "x")])
def test_an_empty_user_or_password_opens_no_door(user: str, password: str) -> None:
    door = Door(merchant_account="ToursEU", is_live=False, hmac_keys=(HMAC_KEY,), user=user, password=password)
    authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    with pytest.raises(InvalidSignature):
        door.verify(signed(item(), authorization=authorization))


def test_an_event_signed_with_the_key_before_the_last_is_accepted() -> None:
    assert ADYEN.verify_webhook(signed(item(), key=OLDER_HMAC_KEY)).delivery_key


def test_another_merchant_account_is_refused_under_our_own_key() -> None:
    with pytest.raises(InvalidSignature):
        ADYEN.verify_webhook(signed(item(merchantAccountCode="ToursUS")))


@pytest.mark.parametrize(("environment", "live", "is_ours"), [("live", "true", True), ("test", "true", False)])
def test_the_other_environment_is_refused(environment: str, live: str, is_ours: bool) -> None:
    gateway = adyen_at("http://127.0.0.1:9", environment=environment)
    delivered = signed(item(), live=live)

    if is_ours:
        assert gateway.verify_webhook(delivered).delivery_key
    else:
        with pytest.raises(InvalidSignature):
            gateway.verify_webhook(delivered)


def test_the_older_news_of_a_stored_card_shows_its_token_nowhere_but_in_the_card() -> None:
    outcome = news("RECURRING_CONTRACT", pspReference=TOKEN, amount={"currency": "EUR", "value": 0})

    assert outcome.kind is K.CARD_STORED
    assert outcome.card == Card(token=TOKEN)
    assert outcome.reference.payment == PAYMENT
    assert outcome.reference.gateway is None
    assert TOKEN not in json.dumps([dict(outcome.raw), outcome.event_key]) + repr(outcome)


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("recurring.token.created", K.CARD_STORED),
        ("recurring.token.updated", K.CARD_STORED),
        ("recurring.token.alreadyExisting", K.CARD_STORED),
        ("recurring.token.disabled", K.CARD_REVOKED),
        ("recurring.token.invented", K.NOTE),
    ],
)
def test_the_life_of_a_token_is_told_in_a_delivery_signed_as_a_whole(type_: str, kind: OutcomeKind) -> None:
    delivered = signed_whole({**sample("webhook_token_created"), "type": type_})

    ADYEN.verify_webhook(delivered)
    (outcome,) = ADYEN.read_webhook(delivered)

    assert outcome.kind is kind
    assert outcome.reference.payment == PAYMENT
    assert TOKEN not in json.dumps([dict(outcome.raw), outcome.event_key]) + repr(outcome)
    if kind is not K.NOTE:
        assert outcome.card is not None
        assert (outcome.card.token, outcome.card.shopper_reference) == (TOKEN, "c-1204")


@pytest.mark.parametrize(
    "change",
    [{"environment": "live"}, {"data": {"merchantAccount": "ToursUS"}}, {"data": None}, {"environment": None}],
    ids=str,
)
def test_a_whole_delivery_for_somebody_else_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidSignature):
        ADYEN.verify_webhook(signed_whole({**sample("webhook_token_created"), **change}))


def test_a_delivery_of_items_cannot_be_proved_by_a_signature_in_the_header() -> None:
    unsigned = {"live": "false", "notificationItems": [{"NotificationRequestItem": item()}]}

    with pytest.raises(InvalidSignature):
        ADYEN.verify_webhook(signed_whole(unsigned))


def test_a_delivery_repeated_later_has_the_same_key_and_a_changed_one_has_not() -> None:
    first = signed(item("CAPTURE"))
    later = replace(first, received_at=NOW + timedelta(days=3))

    assert ADYEN.verify_webhook(first) == ADYEN.verify_webhook(later)
    assert ADYEN.verify_webhook(first) != ADYEN.verify_webhook(signed(item("CAPTURE", success="false")))


def test_a_key_of_the_wrong_length_or_alphabet_never_verifies() -> None:
    assert adyen_at("http://127.0.0.1:9").missing_credentials({"hmac_keys": "not hexadecimal"})[-1] == "hmac_keys"
    with pytest.raises(InvalidSignature):
        adyen_at("http://127.0.0.1:9", hmac_keys=HMAC_KEY[:32]).verify_webhook(signed(item()))


def test_reading_what_was_never_a_delivery_gives_a_note() -> None:
    (outcome,) = ADYEN.read_webhook(Delivery(headers={}, body=b"{}", received_at=NOW))

    assert outcome.kind is K.NOTE
