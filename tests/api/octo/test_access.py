"""Keys, modes, capabilities and languages; and that two partners never see each other."""

import json
import uuid

import pytest
from django.utils import timezone
from structlog.testing import capture_logs

from api.throttling import Counters, PartnerKeyThrottle
from bookings.models import PartnerKey
from bookings.services import mint_partner_key, revoke_partner_key
from tests.api.octo.shop import CARDS, CORE, PRICED, Octo
from tests.api.octo.test_rules import refusal


class TestKeys:
    @pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "xyz"])
    def test_no_key_is_401(self, shop, header):
        octo = Octo(None, **({"Authorization": header} if header is not None else {}))

        answer = octo.get("/products")

        assert (answer.status_code, answer.json()["error"]) == (401, "UNAUTHORIZED")
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    @pytest.mark.parametrize("key", ["wrong", "x" * 500, "ключ", "a b", "\x7f"])
    def test_a_bad_key_is_403(self, shop, key):
        answer = Octo(key).get("/products")

        assert (answer.status_code, answer.json()["error"]) == (403, "FORBIDDEN")

    def test_a_revoked_key_is_403(self, shop, octo):
        revoke_partner_key(key=PartnerKey.objects.get(partner=shop.partner, is_live=True), now=timezone.now())

        assert octo.get("/products").status_code == 403

    def test_a_key_for_another_dialect_is_403(self, shop):
        key = mint_partner_key(
            partner=shop.partner, dialects=["resource"], is_live=True, label="resource", now=timezone.now()
        )[1]

        assert Octo(key).get("/products").status_code == 403

    def test_a_closed_partner_is_403(self, shop, octo):
        type(shop.partner).objects.filter(pk=shop.partner.pk).update(is_active=False)

        assert octo.get("/products").status_code == 403

    def test_the_scheme_may_be_in_any_case(self, shop):
        assert Octo(None, Authorization=f"bearer  {shop.key}").get("/products").status_code == 200

    def test_the_key_is_nowhere_in_logs_or_answers(self, shop):
        with capture_logs() as logs:
            answers = [
                shop.octo().get("/bookings"),
                shop.octo(None).get("/whoami"),
                Octo(shop.key + "x").get("/whoami"),
            ]

        assert shop.key not in json.dumps([str(entry) for entry in logs])
        assert not any(shop.key.encode() in answer.content for answer in answers)


class TestModes:
    def test_a_test_key_makes_test_bookings_that_take_no_seats(self, shop):
        octo = Octo(shop.test_key)

        booking = shop.reserve(octo)

        assert booking["testMode"] is True
        assert octo.get("/supplier").headers["Octo-Env"] == "test"
        assert shop.stored(booking).availability.reserved == 0

    def test_a_live_key_may_ask_for_test_mode(self, shop):
        answer = shop.octo(**{"Octo-Env": "test"}).post("/bookings", shop.wish())

        assert (answer.json()["testMode"], answer.headers["Octo-Env"]) == (True, "test")

    def test_a_test_key_never_gets_out_of_test_mode(self, shop):
        answer = Octo(shop.test_key, **{"Octo-Env": "live"}).post("/bookings", shop.wish())

        assert (answer.json()["testMode"], answer.headers["Octo-Env"]) == (True, "test")

    def test_modes_do_not_see_each_other(self, shop, octo):
        live = shop.reserve(octo, resellerReference="R-1")
        test = Octo(shop.test_key)

        refusal(test.get(f"/bookings/{live['uuid']}"), "INVALID_BOOKING_UUID")
        assert test.get("/bookings", {"resellerReference": "R-1"}).json() == []

    def test_an_unknown_mode_is_refused(self, shop):
        refusal(shop.octo(**{"Octo-Env": "staging"}).get("/supplier"), "BAD_REQUEST")


class TestIsolation:
    def test_another_partners_booking_looks_like_none(self, shop, octo):
        booking = shop.reserve(octo, resellerReference="R-1")
        other = Octo(shop.other_key, capabilities=CARDS)
        path = f"/bookings/{booking['uuid']}"
        unknown = f"/bookings/{uuid.uuid4()}"

        for method, action, body in (
            ("GET", "", None),
            ("PATCH", "", {"notes": "mine now"}),
            ("DELETE", "", {}),
            ("POST", "/extend", {"expirationMinutes": 60}),
            ("POST", "/confirm", {}),
            ("POST", "/cancel", {}),
        ):
            theirs, nobodys = (other.send(method, each + action, body) for each in (path, unknown))

            refusal(theirs, "INVALID_BOOKING_UUID")
            assert set(theirs.json()) == set(nobodys.json())
            assert theirs.json()["errorMessage"] == nobodys.json()["errorMessage"]
        assert octo.get(path).json() == booking

    def test_lists_show_the_partners_own_only(self, shop, octo):
        booking = shop.reserve(octo, resellerReference="R-1", contact={"emailAddress": "ada@example.com"})
        other = Octo(shop.other_key)

        for query in (
            {"resellerReference": "R-1"},
            {"supplierReference": booking["supplierReference"]},
            {"contactEmailAddress": "ada@example.com"},
            {"localDate": shop.first_day.isoformat()},
            {"availabilityId": shop.tour_slots[0]},
        ):
            assert len(octo.get("/bookings", query).json()) == 1
            assert other.get("/bookings", query).json() == []

    def test_both_may_use_the_same_uuid_and_never_learn_of_it(self, shop, octo):
        shared = str(uuid.uuid4())
        other = Octo(shop.other_key)

        mine, theirs = shop.reserve(octo, uuid=shared, notes="mine"), shop.reserve(other, uuid=shared, notes="theirs")

        assert mine["id"] != theirs["id"]
        assert octo.get(f"/bookings/{shared}").json()["notes"] == "mine"
        assert other.get(f"/bookings/{shared}").json()["notes"] == "theirs"

    def test_another_partners_card_payment_looks_like_none(self, shop, cards):
        booking = shop.reserve(cards)
        card_payment_id = booking["cardPayment"]["cardPaymentId"]
        other = Octo(shop.other_key, capabilities=CARDS)

        theirs = refusal(other.get(f"/card_payments/{card_payment_id}"), "BAD_REQUEST", cardPaymentId=card_payment_id)
        nobodys = refusal(other.get("/card_payments/cp_nothing"), "BAD_REQUEST", cardPaymentId="cp_nothing")

        assert theirs["errorMessage"] == nobodys["errorMessage"]


class TestCapabilities:
    def test_applied_ones_are_echoed_and_unknown_ones_dropped_and_logged(self, shop):
        asked = "octo/cardpayments, octo/pricing,, octo/questions ,octo/pricing"

        with capture_logs() as logs:
            answer = shop.octo(asked).get("/supplier")

        assert answer.headers["Octo-Capabilities"] == "octo/pricing"
        dropped = [entry["dropped"] for entry in logs if entry["event"] == "octo_capabilities_dropped"]
        assert dropped == [["octo/cardpayments", "octo/questions"]]

    def test_x_capabilities_is_an_alias(self, shop):
        answer = shop.octo(None, **{"X-Capabilities": "octo/pricing"}).get("/supplier")

        assert answer.headers["Octo-Capabilities"] == "octo/pricing"

    def test_octo_capabilities_comes_before_its_alias(self, shop):
        answer = shop.octo("", **{"X-Capabilities": "octo/pricing"}).get("/supplier")

        assert answer.headers["Octo-Capabilities"] == ""

    def test_the_headers_are_on_refusals_too(self, shop):
        answer = shop.octo(PRICED).get("/bookings/nothing")

        assert answer.status_code == 400
        assert (answer.headers["Octo-Capabilities"], answer.headers["Octo-Env"]) == ("octo/pricing", "live")

    @pytest.mark.parametrize("capabilities", [CORE, PRICED])
    def test_card_payments_are_not_shown_or_read_without_their_capability(self, shop, capabilities):
        octo = shop.octo(capabilities)
        wish = shop.wish(returnUrl="not a url", cardPayment=5)

        booking = octo.post("/bookings", wish).json()

        assert not booking.keys() & {"cardPayment", "returnUrl"}
        assert not octo.get(f"/bookings/{booking['uuid']}").json().keys() & {"cardPayment", "returnUrl"}
        assert shop.stored(booking).order.payments.count() == 0
        body = refusal(octo.get("/card_payments/cp_1"), "BAD_REQUEST")
        assert "octo/cardPayments" in body["errorMessage"]
        assert "not supported. Maybe you're missing a capability?" in body["errorMessage"]

    def test_lists_never_show_card_payments(self, shop, cards):
        booking = shop.reserve(cards)
        assert {"cardPayment", "returnUrl"} <= booking.keys()

        listed = cards.get("/bookings", {"supplierReference": booking["supplierReference"]}).json()

        assert [set(booking) - set(each) for each in listed] == [{"cardPayment", "returnUrl"}]

    def test_an_enormous_header_costs_nothing(self, shop):
        answer = shop.octo("octo/pricing," + "x," * 3_000).get("/supplier")

        assert (answer.status_code, answer.headers["Octo-Capabilities"]) == (200, "octo/pricing")


class TestLanguages:
    @pytest.mark.parametrize(
        ("header", "language"),
        [
            (None, "en"),
            ("de", "de"),
            ("de-AT, en;q=0.5", "de"),
            ("fr, de;q=0.3, en;q=0.2", "de"),
            ("en;q=0.2, de;q=0.9", "de"),
            ("tlh", "en"),
            (";;;", "en"),
            ("de;q=x", "en"),
            ("x" * 5_000, "en"),
            ("*", "en"),
        ],
    )
    def test_the_language_is_chosen_and_told(self, shop, header, language):
        answer = shop.octo(**({"Accept-Language": header} if header else {})).get("/products/nothing")

        sentence = {"en": "There is no such product.", "de": "Dieses Produkt gibt es nicht."}[language]
        assert answer.headers["Content-Language"] == language
        assert refusal(answer, "INVALID_PRODUCT_ID")["errorMessage"] == sentence

    def test_one_request_does_not_change_the_language_of_the_next(self, shop):
        shop.octo(**{"Accept-Language": "de"}).get("/products/nothing")

        assert "There is" in shop.octo().get("/products/nothing").json()["errorMessage"]


class TestThrottling:
    def test_the_answers_of_a_key_say_what_is_left_and_one_too_many_is_429(self, shop, octo, settings):
        settings.API = {**settings.API, "REQUESTS_PER_MINUTE": 2}

        answers = [octo.get("/supplier") for _ in range(3)]

        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
        assert {answer.headers["RateLimit-Limit"] for answer in answers} == {"2"}
        assert {answer.headers["RateLimit-Policy"] for answer in answers} == {"2;w=60"}
        body = answers[2].json()
        assert body["error"] == "TOO_MANY_REQUESTS"
        assert answers[2].headers["Retry-After"] == answers[2].headers["RateLimit-Reset"] == str(body["retryAfter"])
        # The minute's window ends within 120 s of its bucket's start, and half a minute later there is room for one.
        assert 30 <= body["retryAfter"] <= 150
        assert Octo(shop.other_key).get("/supplier").status_code == 200

    def test_zero_turns_the_limit_off(self, shop, octo, settings):
        settings.API = {**settings.API, "REQUESTS_PER_MINUTE": 0}

        answer = octo.get("/supplier")

        assert answer.status_code == 200
        assert "RateLimit-Limit" not in answer.headers
        assert PartnerKeyThrottle().wait() is None

    def test_two_processes_count_together(self, settings, shop):
        one, other = Counters(settings.REDIS_URL), Counters(settings.REDIS_URL)
        key = f"key of {shop.partner.pk}"

        taken = [counters.take(key, per_minute=3).is_allowed for counters in (one, other, one, other)]

        assert taken == [True, True, True, False]

    def test_a_broker_that_is_away_refuses_nobody_and_costs_one_look(self):
        alone = Counters("redis://127.0.0.1:1/0")

        taken = [alone.take("a", per_minute=2).is_allowed for _ in range(3)]

        assert taken == [True, True, False]


def test_a_fault_of_ours_is_500_in_the_envelope_and_says_nothing(shop, octo, monkeypatch):
    def broken(*_args, **_kwargs):
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr("bookings.selectors.product_for_partner", broken)

    with capture_logs() as logs:
        answer = octo.get("/products/x")

    assert (answer.status_code, answer.json()["error"]) == (500, "INTERNAL_SERVER_ERROR")
    assert b"secret" not in answer.content
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["octo_request_failed"]
