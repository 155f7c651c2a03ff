"""octo/cardPayments over HTTP on both sides: our API in front, the sandbox processor behind."""

import json
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from api.octo.presenters.card_payments import STATUS_WORDS
from bookings.encryption import encrypt_text
from bookings.models import Order
from gateways.models import GatewayAccount
from payments.models import CardConsent, Opening, Payment, ReusableCard, Transaction
from payments.services.consents import consent_text_for
from payments.states import State
from tests.api.octo.shop import CARDS, RETURN_URL, Octo
from tests.api.octo.test_rules import refusal
from tests.api.octo.test_schema import check, openapi_document

# A uuid that names nothing, always the same one: the tests of two processes must have the same names.
UNKNOWN_UUID = "00000000-0000-4000-8000-000000000000"

FIELDS = {
    "status", "id", "cardPaymentId", "gateway", "source", "paid", "totalPaid", "totalRefunded", "paidSurcharge",
    "balance", "surcharge",
    "outstandingBalance", "amount", "currency", "currencyPrecision", "reusableCards", "provider",
    "providerReference", "createdAt",
}  # fmt: skip


def test_every_state_has_a_word():
    assert set(STATUS_WORDS) == set(State)
    assert set(STATUS_WORDS.values()) == {"PENDING", "CONFIRMED", "CANCELLED", "EXPIRED", "REJECTED"}


def confirm(octo, booking, card_payment=None, **fields):
    body = {"cardPayment": card_payment, **fields} if card_payment is not None else fields
    return octo.post(f"/bookings/{booking['uuid']}/confirm", body)


def session_of(booking):
    return booking["cardPayment"]["adyen"]["session"]


def evidence_of(booking, paid):
    evidence = {"sessionId": session_of(booking)["id"], "sessionResult": paid["sessionResult"]}
    return {"gateway": "adyen", "adyen": evidence}


def asked(guest):
    """Return what the gateway was asked, in order."""
    return [request["operation"] for request in guest.sandbox.get("requests")["requests"]]


class TestWithoutSession:
    def test_the_whole_object_before_there_is_a_return_url(self, shop, cards):
        booking = shop.reserve(cards)

        payment = booking["cardPayment"]
        assert set(payment) == FIELDS | {"adyen"}
        assert payment["adyen"].keys() == {
            "environment", "clientKey", "session", "countryCode", "paymentMethodsConfiguration",
        }  # fmt: skip
        assert payment["adyen"]["session"] is None
        assert booking["returnUrl"] is None
        expected = {
            "status": "PENDING",
            "gateway": "adyen",
            "source": "ECOM",
            "paid": 0,
            "totalPaid": 0,
            "totalRefunded": 0,
            "paidSurcharge": 0,
            "balance": 9000,
            "surcharge": 0,
            "outstandingBalance": 9000,
            "amount": 9000,
            "currency": "EUR",
            "currencyPrecision": 2,
            "reusableCards": [],
            "provider": "adyen",
            "providerReference": None,
        }
        assert {name: payment[name] for name in expected} == expected
        assert payment["cardPaymentId"].startswith("cp_")
        assert cards.get(f"/bookings/{booking['uuid']}").json()["cardPayment"] == payment

    @pytest.mark.parametrize(("currency", "amount", "precision"), [("JPY", 15000, 0), ("USD", 10000, 2)])
    def test_other_currencies(self, shop, cards, currency, amount, precision):
        payment = shop.reserve(cards, currency=currency)["cardPayment"]

        assert (payment["currency"], payment["amount"], payment["currencyPrecision"]) == (currency, amount, precision)

    @pytest.mark.parametrize(
        ("method", "due"), [("DIRECT", 9000), ("WHOLESALE", 7650), ("DEPOSIT", 1800), ("VOUCHER", 0), ("DEFERRED", 0)]
    )
    def test_the_settlement_method_decides_what_a_card_must_pay(self, shop, cards, method, due):
        payment = shop.reserve(cards, settlementMethod=method)["cardPayment"]

        assert payment["balance"] == due
        assert bool(payment["adyen"]) == bool(due)

    @pytest.mark.parametrize("method", ["VOUCHER", "DEFERRED"])
    def test_where_nothing_is_due_it_confirms_without_a_card(self, shop, cards, method):
        booking = shop.reserve(cards, settlementMethod=method, returnUrl=RETURN_URL)
        assert booking["cardPayment"]["adyen"] == {}

        confirmed = confirm(cards, booking).json()

        assert (confirmed["status"], confirmed["cardPayment"]["balance"]) == ("CONFIRMED", 0)

    def test_an_unpaid_booking_is_not_confirmed(self, shop, cards):
        booking = shop.reserve(cards)

        for body in ({}, {"gateway": "adyen"}, {"source": "ECOM"}, {"gateway": "external"}):
            answer = confirm(cards, booking, body, notes="never saved")

            refusal(
                answer, "UNPROCESSABLE_ENTITY", uuid=booking["uuid"], amount=9000, currency="EUR", currencyPrecision=2
            )
        assert cards.get(f"/bookings/{booking['uuid']}").json()["notes"] is None

    def test_a_change_of_price_changes_what_is_due(self, shop, cards):
        booking = shop.reserve(cards)

        changed = cards.patch(f"/bookings/{booking['uuid']}", {"unitItems": [{"unitId": str(shop.adult.pk)}]}).json()

        assert (changed["cardPayment"]["balance"], changed["cardPayment"]["amount"]) == (4500, 4500)
        assert changed["cardPayment"]["cardPaymentId"] != booking["cardPayment"]["cardPaymentId"]

    def test_a_partner_without_an_account_gets_null_and_can_still_hold(self, shop, cards):
        GatewayAccount.objects.update(is_active=False)

        booking = shop.reserve(cards)

        assert booking["cardPayment"] is None
        refusal(confirm(cards, booking), "UNPROCESSABLE_ENTITY")

    def test_a_cancelled_hold_has_a_cancelled_payment(self, shop, cards):
        booking = shop.reserve(cards)

        cancelled = cards.post(f"/bookings/{booking['uuid']}/cancel", {}).json()

        assert (cancelled["cardPayment"]["status"], cancelled["cardPayment"]["balance"]) == ("CANCELLED", 0)


class TestRefusals:
    @pytest.mark.parametrize("source", ["MAIL", "ecom", ""])
    def test_source(self, shop, cards, source):
        booking = shop.reserve(cards)

        for answer in (
            cards.post("/bookings", shop.wish(cardPayment={"source": source})),
            cards.patch(f"/bookings/{booking['uuid']}", {"cardPayment": {"source": source}}),
            confirm(cards, booking, {"source": source}),
        ):
            refusal(answer, "GATEWAY_INVALID_SOURCE")
        assert Order.objects.count() == 1

    @pytest.mark.parametrize("currency", ["USD", "XXX", "eu"])
    def test_currency(self, shop, cards, currency):
        booking = shop.reserve(cards)
        wish = {"currency": currency}

        for answer in (
            cards.post("/bookings", shop.wish(cardPayment=wish)),
            cards.patch(f"/bookings/{booking['uuid']}", {"cardPayment": wish}),
            confirm(cards, booking, wish),
        ):
            refusal(answer, "GATEWAY_CURRENCY_MISMATCH", currency="EUR", currencyPrecision=2, amount=9000)

    @pytest.mark.parametrize("gateway", ["stripe", "viva", "ADYEN"])
    def test_gateway(self, shop, cards, gateway):
        booking = shop.reserve(cards)
        wish = {"gateway": gateway}

        for answer in (
            cards.post("/bookings", shop.wish(cardPayment=wish)),
            cards.patch(f"/bookings/{booking['uuid']}", {"cardPayment": wish}),
        ):
            refusal(answer, "GATEWAY_MISMATCH")

    def test_gateway_of_a_partner_without_an_external_account(self, shop):
        other = Octo(shop.other_key, capabilities=CARDS)
        booking = shop.reserve(other)

        refusal(confirm(other, booking, {"gateway": "external", "notes": "slip"}), "GATEWAY_MISMATCH")

    def test_amount_that_is_not_due(self, shop, cards):
        refusal(
            cards.post("/bookings", shop.wish(cardPayment={"amount": 1})), "BAD_REQUEST", amount=9000, currency="EUR"
        )

    @pytest.mark.parametrize("card_id", [UNKNOWN_UUID, "not-a-uuid"])
    def test_card_id(self, shop, cards, card_id):
        booking = shop.reserve(cards)

        refusal(confirm(cards, booking, {"cardId": card_id}), "INVALID_CARD_ID")

    def test_a_session_of_another_booking(self, shop, cards):
        booking = shop.reserve(cards)

        answer = confirm(cards, booking, {"adyen": {"sessionId": "CS12345"}})

        assert "session" in refusal(answer, "BAD_REQUEST")["errorMessage"]

    @pytest.mark.parametrize(
        "details",
        [
            {"type": "scheme", "number": "4111111111111111", "expiryMonth": "03", "expiryYear": "2030", "cvc": "737"},
            {"type": "scheme", "encryptedCardNumber": "test_4111111111111111"},
            {},
        ],
    )
    def test_card_details_are_refused_and_rest_nowhere(self, shop, cards, details, caplog):
        booking = shop.reserve(cards)

        answer = confirm(cards, booking, {"adyen": {"paymentMethod": details}})
        with_key = cards.post(
            f"/bookings/{booking['uuid']}/confirm",
            {"cardPayment": {"adyen": {"paymentMethod": details}}},
            Idempotency_Key="card-details",
        )

        for each in (answer, with_key):
            assert "card details are not accepted here" in refusal(each, "BAD_REQUEST")["errorMessage"]
            assert b"411111" not in each.content
        assert "4111111111111111" not in caplog.text
        assert Transaction.objects.count() == 0

    @pytest.mark.parametrize("header", ["web", "Desktop", "x" * 100])
    def test_channel_header(self, shop, cards, header):
        refusal(cards.post("/bookings", shop.wish(), adyen_channel=header), "BAD_REQUEST")


class TestExternal:
    def test_approved_confirms(self, shop, cards):
        booking = shop.reserve(cards)

        answer = confirm(
            cards,
            booking,
            {"gateway": "external", "source": "POS", "currency": "EUR", "amount": 9000, "notes": "Till 3 slip 88121"},
            contact={"fullName": "Ada Byron"},
        )

        confirmed = answer.json()
        payment = confirmed["cardPayment"]
        assert (answer.status_code, confirmed["status"]) == (200, "CONFIRMED")
        assert (payment["gateway"], payment["external"], payment["status"]) == ("external", {}, "CONFIRMED")
        assert (payment["paid"], payment["totalPaid"], payment["balance"], payment["source"]) == (9000, 9000, 0, "POS")
        check(answer, "POST", f"/bookings/{booking['uuid']}/confirm", json.loads(json.dumps(openapi_document())))

    def test_the_amount_defaults_to_what_is_due_and_notes_may_be_inside(self, shop, cards):
        booking = shop.reserve(cards)

        confirmed = confirm(cards, booking, {"external": {"notes": "slip 1"}}).json()

        assert (confirmed["status"], confirmed["cardPayment"]["totalPaid"]) == ("CONFIRMED", 9000)

    def test_refused_gives_the_partners_reason_back_and_records_nothing_as_paid(self, shop, cards):
        booking = shop.reserve(cards)

        answer = confirm(
            cards,
            booking,
            {
                "gateway": "external",
                "notes": "no luck",
                "external": {"approved": False, "refusalReason": "Do not honour"},
            },
        )

        assert refusal(answer, "BAD_REQUEST")["errorMessage"] == "Do not honour"
        read = cards.get(f"/bookings/{booking['uuid']}").json()
        assert (read["status"], read["cardPayment"]["totalPaid"], read["cardPayment"]["balance"]) == (
            "ON_HOLD",
            0,
            9000,
        )

    def test_part_payments_confirm_once_the_balance_is_zero(self, shop, cards):
        booking = shop.reserve(cards)

        first = confirm(cards, booking, {"gateway": "external", "amount": 4000, "notes": "cash"}).json()
        again = confirm(cards, booking, {"gateway": "external", "amount": 4000, "notes": "cash"}).json()
        last = confirm(cards, booking, {"gateway": "external", "amount": 5000, "notes": "card"}).json()

        for part in (first, again):
            assert (part["status"], part["cardPayment"]["totalPaid"], part["cardPayment"]["balance"]) == (
                "ON_HOLD",
                4000,
                5000,
            )
        assert (last["status"], last["cardPayment"]["totalPaid"], last["cardPayment"]["balance"]) == (
            "CONFIRMED",
            9000,
            0,
        )

    def test_more_than_is_due_is_refused(self, shop, cards):
        booking = shop.reserve(cards)

        answer = confirm(cards, booking, {"gateway": "external", "amount": 9001, "notes": "cash"})

        refusal(answer, "BAD_REQUEST", amount=9000)

    def test_cancel_takes_back_what_was_recorded(self, shop, cards):
        booking = shop.reserve(cards)
        confirm(cards, booking, {"gateway": "external", "amount": 4000, "notes": "cash"})

        cancelled = confirm(cards, booking, {"gateway": "external", "cancel": True}).json()

        payment = cancelled["cardPayment"]
        assert (cancelled["status"], payment["totalRefunded"], payment["balance"]) == ("ON_HOLD", 4000, 9000)

    def test_confirm_again_charges_nothing_more(self, shop, cards):
        booking = shop.reserve(cards)
        wish = {"gateway": "external", "notes": "slip 2"}

        first, second = confirm(cards, booking, wish), confirm(cards, booking, wish)

        assert first.json() == second.json()
        assert Transaction.objects.count() == 1


class TestSession:
    pytestmark = pytest.mark.django_db(transaction=True)

    def test_paid_at_the_first_try(self, shop, cards, guest):
        booking = shop.reserve(cards, returnUrl=RETURN_URL)
        session = session_of(booking)
        assert set(session) == {"id", "sessionData"}
        assert booking["returnUrl"] == RETURN_URL
        assert session_of(cards.get(f"/bookings/{booking['uuid']}").json()) == session
        paid = guest.pay(booking)
        guest.deliver()

        confirmed = confirm(cards, booking, evidence_of(booking, paid), contact={"fullName": "Ada Byron"}).json()

        payment = confirmed["cardPayment"]
        assert (confirmed["status"], confirmed["contact"]["fullName"]) == ("CONFIRMED", "Ada Byron")
        assert (payment["status"], payment["paid"], payment["balance"], payment["adyen"]) == ("CONFIRMED", 9000, 0, {})
        assert payment["providerReference"] == paid["pspReference"]
        assert payment["cardPaymentId"] == booking["cardPayment"]["cardPaymentId"]

    def test_nobody_is_asked_of_a_session_whose_hold_is_known(self, shop, cards, guest):
        booking = shop.reserve(cards, returnUrl=RETURN_URL, currency="USD")
        paid = guest.pay(booking)
        guest.deliver()

        confirmed = confirm(cards, booking, evidence_of(booking, paid)).json()

        assert (confirmed["status"], confirmed["cardPayment"]["balance"]) == ("CONFIRMED", 0)
        assert asked(guest) == ["sessions", "capture"]

    def test_evidence_of_another_session_is_asked_about_though_a_known_hold_covers_the_price(self, shop, cards, guest):
        booking = shop.reserve(cards, adults=1, returnUrl=RETURN_URL, currency="USD")
        dearer = cards.patch(f"/bookings/{booking['uuid']}", {"unitItems": shop.wish(2)["unitItems"]}).json()
        guest.fail("webhook", "dropped")
        paid_dearer = guest.pay(dearer)
        guest.pay(booking)
        guest.deliver()
        cards.patch(f"/bookings/{booking['uuid']}", {"unitItems": shop.wish(1)["unitItems"]})

        answer = confirm(cards, booking, evidence_of(dearer, paid_dearer))

        refusal(answer, "PAYMENT_PENDING")
        assert asked(guest) == ["sessions", "sessions", "session_result"]
        operations = Transaction.objects.values_list("kind", "status", "amount_minor")
        assert set(operations) == {
            ("AUTHORIZATION", "PROCESSED", 5000),
            ("AUTHORIZATION", "PROCESSED", 10000),
            ("VOID", "PENDING", 10000),
        }

    def test_the_session_comes_with_the_return_url(self, shop, cards, guest):
        booking = shop.reserve(cards)
        assert session_of(booking) is None

        patched = cards.patch(f"/bookings/{booking['uuid']}", {"returnUrl": RETURN_URL}).json()

        assert session_of(patched)["id"]
        assert patched["cardPayment"]["cardPaymentId"] == booking["cardPayment"]["cardPaymentId"]

    @pytest.mark.parametrize(
        ("header", "in_body", "channel"),
        [(None, None, "Web"), (None, "Android", "Android"), ("iOS", "Android", "iOS"), ("iOS", None, "iOS")],
    )
    def test_the_channel_is_the_headers_then_the_bodys_then_web(self, shop, cards, guest, header, in_body, channel):
        wish = shop.wish(returnUrl=RETURN_URL, cardPayment={"adyen": {"channel": in_body}})

        cards.post("/bookings", wish, **({"adyen_channel": header} if header else {}))

        assert Opening.objects.get().channel == channel

    def test_pending_until_the_webhook_is_in(self, shop, cards, guest):
        booking = shop.reserve(cards, returnUrl=RETURN_URL)
        guest.fail("webhook", "delayed")
        guest.pay(booking)
        evidence = {"gateway": "adyen", "adyen": {"sessionId": session_of(booking)["id"]}}

        pending = confirm(cards, booking, evidence)
        guest.deliver()
        confirmed = confirm(cards, booking, evidence)

        body = refusal(
            pending, "PAYMENT_PENDING", uuid=booking["uuid"], cardPaymentId=booking["cardPayment"]["cardPaymentId"]
        )
        assert body["retryAfter"] >= 1
        assert pending.headers["Retry-After"] == str(body["retryAfter"])
        assert confirmed.json()["status"] == "CONFIRMED"

    def test_refused_gives_our_sentence_and_a_new_session(self, shop, cards, guest):
        booking = shop.reserve(cards, returnUrl=RETURN_URL)
        guest.pay(booking, holder="NOT_ENOUGH_BALANCE")
        guest.deliver()
        evidence = {"adyen": {"sessionId": session_of(booking)["id"]}}

        answer = cards.post(f"/bookings/{booking['uuid']}/confirm", {"cardPayment": evidence}, Accept_Language="de")
        read = cards.get(f"/bookings/{booking['uuid']}").json()
        guest.pay(read)
        guest.deliver()
        confirmed = confirm(cards, booking, {"adyen": {"sessionId": session_of(read)["id"]}}).json()

        body = refusal(answer, "BAD_REQUEST", errorCode="CREDIT_LIMIT_EXCEEDED")
        assert body["errorMessage"].startswith("Der Kreditrahmen oder das Guthaben")
        assert session_of(read)["id"] != session_of(booking)["id"]
        assert confirmed["status"] == "CONFIRMED"

    def test_confirm_again_charges_nothing_more(self, shop, cards, guest):
        booking = shop.reserve(cards, returnUrl=RETURN_URL)
        guest.pay(booking)
        guest.deliver()
        evidence = {"adyen": {"sessionId": session_of(booking)["id"]}}

        first, second = confirm(cards, booking, evidence), confirm(cards, booking, evidence)

        assert (first.status_code, first.json()) == (200, second.json())
        assert Transaction.objects.count() == 1

    def test_a_gateway_that_is_down_costs_the_session_and_not_the_hold(self, shop, cards, guest):
        guest.fail("sessions", "error")

        booking = shop.reserve(cards, returnUrl=RETURN_URL)
        read = cards.get(f"/bookings/{booking['uuid']}").json()

        assert (booking["status"], session_of(booking)) == ("ON_HOLD", None)
        assert session_of(read)["id"]
        assert Opening.objects.count() == 1

    def test_cancel_of_a_paid_booking_gives_the_money_back(self, shop, cards, guest):
        booking = shop.reserve(cards, returnUrl=RETURN_URL)
        guest.pay(booking)
        guest.deliver()
        confirm(cards, booking, {"adyen": {"sessionId": session_of(booking)["id"]}})

        cards.post(f"/bookings/{booking['uuid']}/cancel", {"reason": "Storm warning"})
        guest.deliver()

        read = cards.get(f"/bookings/{booking['uuid']}").json()
        assert (read["status"], read["cardPayment"]["totalRefunded"], read["cardPayment"]["status"]) == (
            "CANCELLED",
            9000,
            "CANCELLED",
        )

    def test_a_reusable_card_is_shown_without_its_token(self, shop, cards):
        GatewayAccount.objects.filter(slug="adyen-eu").update(stores_cards=True)
        booking = shop.reserve(cards)
        order = shop.stored(booking).order
        card = ReusableCard.objects.create(
            partner=shop.partner,
            account=GatewayAccount.objects.get(slug="adyen-eu"),
            order=order,
            customer=order.customer,
            is_live=True,
            token_encrypted=encrypt_text("8416038790273850"),
            token_fingerprint="f" * 64,
            brand="visa",
            bin="411111",
            last4="1111",
            expiry_month=3,
            expiry_year=2030,
            created_at=timezone.now(),
        )
        assert cards.get(f"/bookings/{booking['uuid']}").json()["cardPayment"]["reusableCards"] == []
        text = consent_text_for(account=card.account, locale="en", now=timezone.now())
        CardConsent.objects.create(
            card=card, payment=order.payments.get(), order=order, text=text, given_at=timezone.now()
        )

        shown = cards.get(f"/bookings/{booking['uuid']}")

        assert shown.json()["cardPayment"]["reusableCards"] == [
            {"id": str(card.pk), "brand": "visa", "bin": "411111", "last4": "1111", "expMonth": 3, "expYear": 2030}
        ]
        assert b"8416038790273850" not in shown.content


class TestLookUp:
    pytestmark = pytest.mark.django_db(transaction=True)

    def test_only_with_a_return_url(self, shop, cards, guest):
        booking = shop.reserve(cards)
        path = f"/card_payments/{booking['cardPayment']['cardPaymentId']}"
        refusal(cards.get(path), "BAD_REQUEST", cardPaymentId=booking["cardPayment"]["cardPaymentId"])

        patched = cards.patch(f"/bookings/{booking['uuid']}", {"returnUrl": RETURN_URL}).json()

        assert cards.get(path).json() == patched["cardPayment"]
        assert cards.get(f"{path}/").json() == patched["cardPayment"]

    @pytest.mark.parametrize("sent", ["nothing", "%00", "cp_%F0%9F%9A%80", "x" * 300])
    def test_a_miss_is_400_with_the_id(self, cards, sent):
        assert "cardPaymentId" in refusal(cards.get(f"/card_payments/{sent}"), "BAD_REQUEST")

    def test_it_is_kept_encrypted_and_follows_every_change(self, shop, cards, guest, django_assert_max_num_queries):
        booking = shop.reserve(cards, returnUrl=RETURN_URL)
        path = f"/card_payments/{booking['cardPayment']['cardPaymentId']}"
        first = cards.get(path).json()
        kept = [cache._cache.get_client().get(key) for key in cache._cache.get_client().keys("*octo-card-payment*")]
        with django_assert_max_num_queries(4):
            assert cards.get(path).json() == first

        guest.pay(booking)
        guest.deliver()

        assert cards.get(path).json()["status"] == "CONFIRMED"
        assert len(kept) == 1
        assert session_of(booking)["sessionData"].encode() not in kept[0]

    def test_it_answers_without_a_cache(self, shop, cards, guest, settings):
        settings.CACHES = {
            "default": {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": "redis://127.0.0.1:9",
                "OPTIONS": {"socket_timeout": 0.2, "socket_connect_timeout": 0.2},
            }
        }
        booking = shop.reserve(cards, returnUrl=RETURN_URL)

        answer = cards.get(f"/card_payments/{booking['cardPayment']['cardPaymentId']}")

        assert answer.json() == booking["cardPayment"]

    def test_an_ended_session_is_not_served_from_the_cache(self, shop, cards, guest):
        booking = shop.reserve(cards, returnUrl=RETURN_URL, expirationMinutes=1_000)
        path = f"/card_payments/{booking['cardPayment']['cardPaymentId']}"
        cards.get(path)
        Opening.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

        renewed = cards.get(path).json()

        assert renewed["adyen"]["session"]["id"] != session_of(booking)["id"]
        assert Payment.objects.count() == 1
