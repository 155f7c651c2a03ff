"""What a subscribed partner gets to know, seen by a real HTTP receiver."""

import hashlib
import hmac
import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from api.callbacks import delivering, fan_out
from api.callbacks.retention import prune_callbacks
from api.callbacks.signing import mint_signing_secret, retire_signing_secret
from api.models import CallbackStatus, Delivery, Subscription
from api.octo.deliveries import render_delivery
from bookings.models import Change
from tests.api.callbacks.conftest import HOOKS
from tests.api.callbacks.receiver import receiver
from tests.api.octo.shop import CARDS, RETURN_URL, Octo
from tests.api.octo.test_schema import ROOT, document  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)


def statuses() -> list[tuple[str, int]]:
    return list(Delivery.objects.order_by("created_at", "pk").values_list("status", "attempts"))


def test_a_booking_is_told_as_the_get_route_shows_it(shop, octo, hook, partner, beat, document):  # noqa: F811
    booking = shop.reserve(octo, contact={"fullName": "Ada Byron", "locales": ["de-DE"]}, notes="Vegetarian lunch")

    assert beat.tell() == 1

    (got,) = partner.got
    body = got.json
    assert list(body) == ["event", "webhook", "supplier", "booking", "diff"]
    assert body["event"] == "booking_update"
    assert body["webhook"] == hook
    assert body["booking"] == octo.get(f"/bookings/{booking['uuid']}").json()
    assert body["supplier"] == octo.get("/supplier").json()
    assert body["diff"] == [{"op": "add", "path": "/status", "was": None, "value": "ON_HOLD"}]
    delivery = Delivery.objects.get()
    assert {name: got.headers[name] for name in got.headers if name.startswith(("octo-", "content-", "user"))} == {
        "octo-capabilities": "octo/pricing, octo/webhooks",
        "octo-env": "live",
        "octo-delivery": str(delivery.pk),
        "content-type": "application/json",
        "content-language": "de",
        "content-length": str(len(got.body)),
        "user-agent": "octo-webhooks/1",
    }
    assert (delivery.status, delivery.attempts, delivery.last_status_code) == (CallbackStatus.DELIVERED, 1, 200)
    assert beat.tell() == 0
    _check(body, "BookingUpdate", document)


def _check(body, name, document) -> None:  # noqa: F811
    contents = {"$schema": "https://json-schema.org/draft/2020-12/schema", **document}
    registry = Registry().with_resource(ROOT, Resource.from_contents(contents))
    schema = {"$ref": f"{ROOT}#/components/schemas/{name}"}
    assert [error.message for error in Draft202012Validator(schema, registry=registry).iter_errors(body)] == []


def test_the_contacts_language_is_left_alone_where_that_is_asked(shop, octo, partner, beat):
    octo.post("/webhooks", {"event": "booking_update", "url": partner.url, "useContactLanguage": False})
    shop.reserve(octo, contact={"locales": ["de-DE"]})

    beat.tell()

    assert partner.got[0].headers["content-language"] == "en"


def test_no_payment_session_is_made_or_told_for_who_listens(shop, partner, beat):
    cards = shop.octo(f"{CARDS}, octo/webhooks")
    cards.post("/webhooks", {"event": "booking_update", "url": partner.url})
    booking = shop.reserve(cards, settlementMethod="VOUCHER", returnUrl=RETURN_URL)
    card = shop.reserve(cards)

    beat.tell()

    told = {body["booking"]["uuid"]: body for body in partner.bodies}
    assert told[booking["uuid"]]["booking"]["cardPayment"] is None
    assert told[booking["uuid"]]["booking"]["returnUrl"] == RETURN_URL
    assert told[booking["uuid"]]["cardPaymentId"] is None
    assert told[card["uuid"]]["cardPaymentId"] == card["cardPayment"]["cardPaymentId"]


def test_an_order_is_told_as_the_get_route_shows_it(shop, octo, partner, beat, document):  # noqa: F811
    hook = octo.post("/webhooks", {"event": "order_update", "url": partner.url}).json()
    cart = shop.octo(f"{HOOKS}, octo/cart")
    wish = {"bookings": [shop.wish(1), shop.wish(2)], "contact": {"fullName": "Ada Byron", "locales": ["de"]}}

    order = cart.post("/orders", {**wish, "settlementMethod": "VOUCHER"}).json()
    assert beat.tell() == 1

    (got,) = partner.got
    body = got.json
    assert list(body) == ["event", "webhook", "supplier", "order", "diff"]
    assert (body["event"], body["webhook"]) == ("order_update", hook)
    assert body["order"] == cart.get(f"/orders/{order['id']}").json()
    assert body["diff"] == [{"op": "add", "path": "/status", "was": None, "value": "ON_HOLD"}]
    assert hook["capabilities"] == ["octo/pricing", "octo/cart", "octo/webhooks"]
    assert got.headers["content-language"] == "de"
    _check(body, "OrderUpdate", document)
    cart.post(f"/orders/{order['id']}/confirm", {})
    beat.tell()
    assert partner.bodies[-1]["diff"] == [{"op": "replace", "path": "/status", "was": "ON_HOLD", "value": "CONFIRMED"}]
    octo.post(f"/webhooks/{hook['id']}/resend", {"orderId": order["id"]})
    beat.tell()
    assert (partner.bodies[-1]["order"]["id"], partner.bodies[-1]["diff"]) == (order["id"], [])


def test_the_order_a_gift_was_bought_on_is_told_when_it_is_spent_and_given_back(shop, partner, beat):
    gifts = shop.octo("octo/pricing, octo/cart, octo/gifts, octo/webhooks")
    assert gifts.post("/webhooks", {"event": "order_update", "url": partner.url}).status_code == 200
    wish = {"gifts": [{"amount": 6000, "currency": "EUR"}], "currency": "EUR", "settlementMethod": "VOUCHER"}
    order = gifts.post("/orders", wish).json()
    bought = gifts.post(f"/orders/{order['id']}/confirm", {}).json()
    code = bought["gifts"][0]["voucher"]["deliveryOptions"][0]["deliveryValue"]
    beat.tell()

    booking = shop.reserve(gifts, giftPayment={"code": code})
    beat.tell()
    gifts.patch(f"/bookings/{booking['uuid']}", {"giftPayment": {"code": ""}})
    beat.tell()

    told = [body["order"] for body in partner.bodies if body["order"]["id"] == order["id"]]
    assert [(each["gifts"][0]["status"], each["cancellable"]) for each in told] == [
        ("CONFIRMED", True),
        ("REDEEMED", False),
        ("CONFIRMED", True),
    ]
    assert told[-1] == gifts.get(f"/orders/{order['id']}").json()


def test_what_changed_on_one_booking_is_not_told_of_its_siblings(shop, octo, hook, partner, beat):
    cart = shop.octo(f"{HOOKS}, octo/cart")
    wish = {"bookings": [shop.wish(1), shop.wish(1)], "settlementMethod": "VOUCHER"}
    first, _ = cart.post("/orders", wish).json()["bookings"]
    beat.tell()

    octo.post(f"/bookings/{first['uuid']}/confirm", {"unitItems": [{"unitId": str(shop.adult.pk)}] * 2})
    beat.tell()

    told = {body["booking"]["uuid"]: [entry["path"] for entry in body["diff"]] for body in partner.bodies[2:]}
    assert told == {first["uuid"]: ["/status", "/pricing/original", "/pricing/retail", "/pricing/net"]}


def test_quick_changes_are_one_delivery_of_the_newest_state_with_the_oldest_before(shop, octo, hook, partner, beat):
    booking = shop.reserve(octo, settlementMethod="VOUCHER")
    beat.tell()
    path = f"/bookings/{booking['uuid']}"

    octo.patch(path, {"availabilityId": shop.tour_slots[1]})
    octo.patch(path, {"unitItems": [{"unitId": str(shop.adult.pk)}]})
    octo.post(f"{path}/confirm", {"contact": {"fullName": "Ada Byron"}})
    assert beat.tell() == 1

    body = partner.bodies[-1]
    assert body["booking"]["status"] == "CONFIRMED"
    assert body["diff"] == [
        {"op": "replace", "path": "/status", "was": "ON_HOLD", "value": "CONFIRMED"},
        {"op": "replace", "path": "/availabilityId", "was": shop.tour_slots[0], "value": shop.tour_slots[1]},
        {"op": "replace", "path": "/pricing/original", "was": 10_000, "value": 5_000},
        {"op": "replace", "path": "/pricing/retail", "was": 9_000, "value": 4_500},
        {"op": "replace", "path": "/pricing/net", "was": 7_650, "value": 3_825},
    ]
    octo.post(f"{path}/cancel", {"reason": "Storm"})
    beat.tell()
    assert partner.bodies[-1]["diff"] == [
        {"op": "replace", "path": "/status", "was": "CONFIRMED", "value": "CANCELLED"}
    ]
    assert statuses() == [("DELIVERED", 1)] * 3


def test_modes_and_partners_are_told_of_their_own(shop, octo, hook, partner, beat):
    with receiver() as test_partner, receiver() as other_partner:
        other = Octo(shop.other_key, capabilities=HOOKS)
        test = shop.octo(HOOKS, **{"Octo-Env": "test"})
        other.post("/webhooks", {"event": "booking_update", "url": other_partner.url})
        test.post("/webhooks", {"event": "booking_update", "url": test_partner.url})
        told = {each: shop.reserve(speaker) for each, speaker in (("live", octo), ("test", test), ("other", other))}

        assert beat.tell() == 3

        for name, got in (("live", partner), ("test", test_partner), ("other", other_partner)):
            assert [body["booking"]["uuid"] for body in got.bodies] == [told[name]["uuid"]]
        assert test_partner.got[0].headers["octo-env"] == "test"


def test_secrets_of_the_partner_arrive_as_headers_and_not_in_the_body(shop, octo, partner, beat):
    octo.post(
        "/webhooks",
        {
            "event": "booking_update",
            "url": f"http://ada:sesame@127.0.0.1:{partner.port}/octo?key=almond",
            "headers": {"X-Webhook-Secret": "walnut", "User-Agent": "theirs"},
        },
    )
    shop.reserve(octo)

    beat.tell()

    (got,) = partner.got
    assert got.target == "/octo?key=almond"
    assert got.headers["authorization"] == "Basic YWRhOnNlc2FtZQ=="
    assert (got.headers["x-webhook-secret"], got.headers["user-agent"]) == ("walnut", "theirs")
    assert got.json["webhook"]["url"] == f"http://127.0.0.1:{partner.port}/octo?…"
    assert got.json["webhook"]["headers"] == {"X-Webhook-Secret": "***", "User-Agent": "***"}
    assert not any(secret in got.body.decode() for secret in ("sesame", "walnut", "almond"))


def test_a_delivery_is_signed_with_every_active_secret(shop, octo, hook, partner, beat):
    old, old_text = mint_signing_secret(partner=shop.partner)
    _, new_text = mint_signing_secret(partner=shop.partner)
    shop.reserve(octo)
    beat.tell()
    retire_signing_secret(secret=old, now=timezone.now())
    shop.reserve(octo)
    beat.tell()

    def digests(got) -> list[str]:
        stamp, *parts = got.headers["octo-signature"].split(",")
        seconds = stamp.removeprefix("t=")
        assert abs(int(seconds) - timezone.now().timestamp()) < 60
        signed = seconds.encode() + b"." + got.body
        wanted = {hmac.new(text.encode(), signed, hashlib.sha256).hexdigest(): text for text in (old_text, new_text)}
        return [wanted[part.removeprefix("v1=")] for part in parts]

    assert [digests(got) for got in partner.got] == [[new_text, old_text], [new_text]]


def test_the_sample_of_the_partners_guide_tells_genuine_from_forged(shop, octo, hook, partner, beat):
    _, text = mint_signing_secret(partner=shop.partner)
    shop.reserve(octo)
    beat.tell()
    (got,) = partner.got
    guide = (Path(settings.BASE_DIR) / "docs" / "octo.md").read_text()
    sample: dict = {}
    exec(guide.split("```python\n")[1].split("```")[0], sample)

    is_genuine, header = sample["is_genuine"], got.headers["octo-signature"]

    assert is_genuine(header, got.body, text)
    assert not is_genuine(header, got.body + b" ", text)
    assert not is_genuine(header, got.body, "whsec_another")
    assert not is_genuine(header.replace("t=1", "t=2"), got.body, text)


def test_without_a_secret_there_is_no_signature(shop, octo, hook, partner, beat):
    shop.reserve(octo)

    beat.tell()

    assert "octo-signature" not in partner.got[0].headers


def test_what_was_before_the_subscription_is_not_told(shop, octo, partner, beat):
    shop.reserve(octo)
    octo.post("/webhooks", {"event": "booking_update", "url": partner.url})

    assert beat.tell() == 0
    assert not Change.objects.filter(told_at__isnull=True).exists()
    assert Delivery.objects.count() == 0


def test_nothing_is_sent_once_the_webhook_ended(shop, octo, hook, partner, beat):
    partner.status = 500
    shop.reserve(octo)
    beat.tell()
    octo.delete(f"/webhooks/{hook['id']}")
    shop.reserve(octo)

    beat.later(seconds=11)

    assert beat.tell() == 0
    assert statuses() == [("DROPPED", 1)]


def test_nothing_is_sent_to_a_partner_that_was_closed_down(shop, octo, hook, partner, beat):
    shop.reserve(octo)
    shop.partner.is_active = False
    shop.partner.save()

    assert beat.tell() == 0
    assert partner.got == []


def test_a_network_that_is_no_longer_allowed_is_not_called(shop, octo, hook, partner, beat, settings):
    shop.reserve(octo)
    settings.CALLBACKS = {**settings.CALLBACKS, "ALLOWED_NETWORKS": []}

    assert beat.tell() == 1

    assert partner.got == []
    assert Delivery.objects.get().last_error == "host_not_public"


def test_told_changes_and_old_deliveries_are_pruned_and_what_waits_is_not(shop, octo, hook, partner, beat):
    shop.reserve(octo)
    beat.tell()
    partner.status = 500
    shop.reserve(octo)
    beat.tell()

    def left() -> tuple[int, int, int]:
        return Change.objects.count(), Delivery.objects.count(), Subscription.objects.count()

    prune_callbacks(now=timezone.now() + timedelta(days=29))
    assert left() == (4, 2, 1)
    prune_callbacks(now=timezone.now() + timedelta(days=31))
    assert left() == (2, 2, 1)
    prune_callbacks(now=timezone.now() + timedelta(days=91))
    assert left() == (2, 1, 1)
    octo.delete(f"/webhooks/{hook['id']}")
    prune_callbacks(now=timezone.now() + timedelta(days=91))
    assert left() == (0, 0, 0)


@pytest.mark.parametrize("adults", [1, 20])
def test_an_attempt_costs_the_same_for_one_or_twenty_units(shop, octo, hook, partner, adults):
    shop.reserve(octo, adults=adults)
    fan_out.fan_out(now=timezone.now())
    delivery = delivering.claim(now=timezone.now())

    with CaptureQueriesContext(connection) as queries:
        rendered = render_delivery(delivery, timezone.now())

    assert len(queries) == 5
    assert len(json.loads(rendered.message.body)["booking"]["unitItems"]) == adults
